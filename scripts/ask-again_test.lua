-- ask-again_test.lua - llm-gateway policy test scripts/ask-again_test.lua
local policy = test.policy("ask-again.lua", { other = "large" })

test.case("JSON: said once, then the other model, then refused", function()
    local request = { text = "list them", wants_json = true }
    local did = policy:on_response(request, { text = "Here you are: {}" }, { text = "sorry" }, { text = "no" })
    test.contains(did.tries[1].say, "not valid JSON")
    test.equal(did.tries[1].texts[2], "assistant: Here you are: {}")
    test.equal(did.tries[2].serves, "large")
    test.equal(did.status, 502)
end)

test.case("the second answer is good", function()
    local did = policy:on_response({ text = "x", wants_json = true }, { text = "no" }, { text = '{"a":[1,2]}' })
    test.equal(did.decision, "none")
    test.equal(did.retries, 1)
end)

test.case("a refusal goes to the other model, once", function()
    local no = { text = "I can't help with that." }
    local did = policy:on_response({ text = "x" }, no, no)
    test.equal(did.tries[1].model, "large")
    test.equal(did.decision, "none")
    test.equal(policy:on_response({ text = "x" }, { text = "", finish = "content_filter" }).decision, "none")
    test.equal(policy:on_response({ text = "x" }, { text = ("I cannot assist "):rep(99) }).decision, "none")
end)
