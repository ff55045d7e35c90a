-- vote.lua - several models answer the same question, and the answer that most of them give goes out. For short answers
-- that can be compared: a class, a number. Each model is paid for.
--
--     policy "scripts/vote.lua" { llm = { "a", "b", "c" }, args = { panel = { "a", "b", "c" }, tag = "vote" } }
local args = gw.args { panel = gw.arg.list {}, tag = "vote", timeout_ms = 15000 }
local policy = {}

function policy.on_request(req)
    if not req.tags[args.tag] or req.kind ~= "chat" or #req.tools > 0 then return end
    local questions = {}
    for _, model in ipairs(args.panel) do questions[#questions + 1] = { model = model, request = req } end
    local votes, best = {}, nil
    for _, answer in ipairs(gw.llm.chat_all(questions, { timeout_ms = args.timeout_ms })) do
        local key = gw.text.lower(answer.text):gsub("%W+", "")
        local vote = votes[key] or { n = 0, text = answer.text }
        vote.n, votes[key] = vote.n + 1, vote
        if not best or vote.n > best.n then best = vote end
    end
    if best then return gw.answer(best.text, best.n .. " of " .. #questions .. " agree") end
end                                                     -- nobody has answered: the asked model does

return policy
