-- guard.lua - requests that are too large, too many, or hold words that may not leave the company.
--
--     policy "scripts/guard.lua" { args = { most_tokens = 100000, words = { "project nightfall" }, per_minute = 60 } }
local args = gw.args { most_tokens = 100000, per_minute = 0, words = gw.arg.list {} }
local policy = {}

local words = gw.text.words(args.words)
local CARD = "%f[%d]%d%d%d%d[ -]?%d%d%d%d[ -]?%d%d%d%d[ -]?%d%d%d%d%f[%D]"

function policy.on_request(req)
    if req.estimated_input_tokens > args.most_tokens then
        return gw.deny(413, "too_long", "at most " .. args.most_tokens .. " tokens may be sent")
    end
    if args.per_minute > 0 then
        local ok, _, again_s = gw.counter.take(req.user or "all", { limit = args.per_minute, per = "minute" })
        if not ok then
            return gw.deny(429, "user_rate", "too many requests", { retry_after_s = again_s })
        end
    end
    local hit, role = req:find(words)
    if hit then
        local text = "the prompt has text that may not leave the company"
        return gw.deny(403, "not_allowed_text", text, { reason = hit .. ", " .. role })
    end
    for _, text in ipairs(req:texts { roles = { "user" } }) do
        if text:find(CARD) then
            return gw.deny(403, "card_number", "the prompt has a card number in it", { reason = "card number" })
        end
    end
end

return policy
