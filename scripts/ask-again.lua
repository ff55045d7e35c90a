-- ask-again.lua - JSON that is none is asked for again: once with what is wrong with it, then of another model. A
-- refusal is asked of the other model at once; what a provider's filter stopped stays stopped. Each answer is paid for.
--
--     policy "scripts/ask-again.lua" { retries = 2, args = { other = "smart" } }
local args = gw.args { other = gw.arg.model("smart"), json = true, refusals = true, most_bytes = 400 }
local policy = {}

local says_no = gw.text.words {
    "i can't help with", "i cannot help with", "i can't assist", "i cannot assist", "i'm unable to help",
}

function policy.on_request(req)
    local looks = args.json and req.wants_json or args.refusals and #req.tools == 0
    if not looks then req:skip("on_response") end       -- other streams are not held back
end

local function is_refusal(resp)
    if #resp.tool_calls > 0 or resp.finish == "content_filter" then return false end
    return resp.finish == "refusal" or #resp.text <= args.most_bytes and says_no:find(resp.text) ~= nil
end

function policy.on_response(req, resp)
    if args.refusals and resp.retries == 0 and is_refusal(resp) then
        gw.count("refused")
        return gw.retry { model = args.other, reason = "refused by " .. resp.model }
    end
    if not args.json or not req.wants_json or resp.finish ~= "stop" then return end
    local value, why = resp:json()
    if value ~= nil then return end
    gw.count("no_json")
    if resp.retries == 0 then
        local say = "That is not valid JSON (" .. why .. "). Answer with the JSON text alone."
        return gw.retry { say = say, reason = "no JSON" }
    elseif resp.retries == 1 then
        return gw.retry { model = args.other, reason = "no JSON twice" }
    end
    return gw.deny(502, "no_json", "no model answered in JSON")
end

return policy
