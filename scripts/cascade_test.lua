-- cascade_test.lua - llm-gateway policy test scripts/cascade_test.lua
local policy = test.policy("cascade.lua", { judge = "judge", strong = "smart", least = 6 })

test.case("a low mark: the strong model, whose answer is not judged", function()
    test.llm("judge", function(body) return body:find("2+2 is 5", 1, true) and "I give 3." or "9" end)
    local did = policy:on_response({ text = "2+2?" }, { text = "2+2 is 5" }, { text = "2+2 is 5" })
    test.equal(did.tries[1].reason, "judged 3")
    test.equal(did.serves, "smart")
    test.equal(#did.calls, 0)
    test.equal(policy:on_response({ text = "2+2?" }, { text = "4" }).decision, "none")
end)

test.case("without a judge the answer goes out, and a note says so", function()
    test.llm("judge", { error = "timeout" })
    local did = policy:on_response({ text = "2+2?" }, { text = "5" })
    test.equal(did.decision, "none")
    test.equal(did.notes[1], "not judged: timeout")
end)
