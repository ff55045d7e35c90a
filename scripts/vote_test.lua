-- vote_test.lua - llm-gateway policy test scripts/vote_test.lua
local policy = test.policy("vote.lua", { panel = { "a", "b", "c" } })
local request = { text = "spam or not?", tags = { vote = "1" } }

test.case("two of three", function()
    test.llm("a", "Spam.") test.llm("b", "no") test.llm("c", "spam")
    local did = test.every_face(policy, request)
    test.equal(did.text, "Spam.")
    test.equal(did.reason, "2 of 3 agree")
end)

test.case("who does not answer has no vote", function()
    test.llm("a", { error = "timeout" }) test.llm("b", { error = "timeout" }) test.llm("c", "spam")
    test.equal(policy:on_request({ text = "x", tags = { vote = "1" } }).text, "spam")
    test.llm("c", { error = "timeout" })
    test.equal(policy:on_request({ text = "x", tags = { vote = "1" } }).decision, "none")
end)

test.case("only what is marked", function() test.equal(policy:on_request({ text = "x" }).decision, "none") end)
