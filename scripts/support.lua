-- support.lua - a support page: known questions are answered here, simple ones by the cheap model, long talks and
-- angry ones by the large one.
--
--     policy "scripts/support.lua" {
--         teams = { "support" },
--         args = { cheap = "fast", large = "smart", faq = { ["opening hours"] = "Monday to Friday, 9:00 to 18:00." } },
--     }
local args = gw.args {
    cheap = gw.arg.model(), large = gw.arg.model(),
    faq = gw.arg.map {},        -- words of a question -> the answer
    hard = gw.arg.list { "complaint", "lawyer", "refund", "cancel" },
    long_tokens = 2000, short_bytes = 80,
}
local policy = {}

local hard = gw.text.words(args.hard)

-- What answers a question of one line, where nothing was said before.
local function known(req)
    if #req.messages > 2 or #req.tools > 0 or #req.last_user > args.short_bytes then return nil end
    local question = gw.text.lower(req.last_user)
    local key = gw.text.digest(question)
    local answer = gw.cache.get(key)
    if answer then return answer, "faq, again" end
    for words, text in pairs(args.faq) do
        if gw.text.contains(question, words) then
            gw.cache.set(key, text, { ttl_s = 3600 })
            return text, "faq: " .. words
        end
    end
end

function policy.on_request(req)
    if req.kind ~= "chat" then return end
    local answer, why = known(req)
    if answer then
        req:tag("support", "faq")
        return gw.answer(answer, why)
    end
    local word = req:find(hard, { roles = { "user" } })
    if word or req.estimated_input_tokens > args.long_tokens then
        req:tag("support", "large")
        return gw.route(args.large, word or "long")
    end
    req:tag("support", "cheap")
    return gw.route(args.cheap, "simple")
end

-- How many requests ended how today: a line on stderr for each thousand.
function policy.on_finish(req, done)
    local n = gw.counter.add(done.outcome, 1, { per = "day" })
    if n % 1000 == 0 then gw.log.info(n .. " requests today: " .. done.outcome) end
end

return policy
