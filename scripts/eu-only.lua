-- eu-only.lua - what is marked is answered in one region or not at all: retries, fallbacks and what policies ask too.
--
--     policy "scripts/eu-only.lua" { args = { region = "eu", tag = "confidential" } }
--     model "fast" { { "openai/gpt-4o-mini" }, { "azure/gpt-4o-mini", region = "eu" } }
local args = gw.args { region = "eu", tag = "confidential", words = gw.arg.list {} }
local policy = {}

local words = gw.text.words(args.words)

function policy.on_route(req, targets)
    if not req.tags[args.tag] and not req:find(words) then return end
    local here = {}
    for _, target in ipairs(targets) do
        if target.region == args.region then here[#here + 1] = target end
    end
    if #here == 0 then
        return gw.deny(403, "region", "no model in the region " .. args.region .. " can answer this now")
    end
    return here
end

return policy
