-- alias.lua - the names of models that a program sends mean models of this gateway; the first that fits counts.
--
--     policy "scripts/alias.lua" {
--         args = { names = { ["claude-code"] = { { "claude-opus-*", "smart" }, { "claude-*", "fast" } } } },
--     }
local args = gw.args { names = gw.arg.map() }
local policy = {}

function policy.on_request(req)
    for _, alias in ipairs(args.names[req.client] or {}) do
        if gw.text.like(req.model, alias[1]) then return gw.route(alias[2], "alias " .. alias[1]) end
    end
end

return policy
