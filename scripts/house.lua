-- house.lua - house rules for a team: a text behind the application's own system text, a cap on answers and
-- thinking, tools that are not offered, and calls of them that do not come back.
local args = gw.args {
    rules = "",                     -- added to the system text
    max_tokens = 0,                 -- 0: no cap
    thinking_tokens = 0,            -- 0: no cap; only where the client asks for thinking
    no_tools = gw.arg.list {},      -- names, or begins of names with * at the end
}
local policy = {}

local function is_closed(name)
    for _, pattern in ipairs(args.no_tools) do
        if gw.text.like(name, pattern) then return true end
    end
    return false
end

function policy.on_request(req)
    if #req.tools == 0 then req:skip("on_response") end     -- its stream flows
    if req.kind ~= "chat" then return end
    if args.rules ~= "" then req:add_system(args.rules) end
    if args.max_tokens > 0 and req:cap("max_tokens", args.max_tokens) then
        gw.note("max_tokens capped at " .. args.max_tokens)
    end
    if args.thinking_tokens > 0 and req:get("thinking_tokens") then req:cap("thinking_tokens", args.thinking_tokens) end
    if #req.tools > 0 then
        local gone = req:keep_tools(function(name) return not is_closed(name) end)
        if #gone > 0 then gw.note("tools left out: " .. table.concat(gone, ", ")) end
    end
end

function policy.on_response(_, resp)
    for _, call in ipairs(resp.tool_calls) do
        if is_closed(call.name) then
            local text = "the model calls the tool " .. call.name .. ", which is not allowed here"
            return gw.deny(403, "tool_not_allowed", text, { reason = call.name })
        end
    end
end

return policy
