-- who-pays.lua - no request without a project, and what the client says of itself is kept for the report.
--
--     policy "scripts/who-pays.lua" { args = { projects = { "shop", "search" }, header = "x-feature" } }
local args = gw.args { projects = gw.arg.list(), header = "x-feature" }
local policy = {}

function policy.on_request(req)
    local known = false
    for _, name in ipairs(args.projects) do known = known or name == req.project end
    if not known then
        local names = table.concat(args.projects, ", ")
        return gw.deny(400, "project_needed", "send the header x-gw-project: one of " .. names)
    end
    req:tag("client", req.client)
    local feature = (req.headers[args.header] or ""):gsub("[^%w._-]", "-"):sub(1, 64) -- what a tag takes
    if feature ~= "" then req:tag("feature", feature) end
end

return policy
