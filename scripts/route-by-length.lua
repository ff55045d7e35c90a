-- route-by-length.lua - long prompts go to the model with room for them, those with pictures to one that sees.
--
--     policy "scripts/route-by-length.lua" { args = { long = "large", over_tokens = 30000, eyes = "vision" } }
local args = gw.args { long = gw.arg.model(), over_tokens = 30000, eyes = "" }
local policy = {}

function policy.on_request(req)
    if req.images > 0 and args.eyes ~= "" then
        return gw.route(args.eyes, req.images .. " images")
    end
    if req.estimated_input_tokens > args.over_tokens then
        return gw.route(args.long, "about " .. req.estimated_input_tokens .. " tokens")
    end
end

return policy
