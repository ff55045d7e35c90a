-- route-by-length_test.lua - llm-gateway policy test scripts/route-by-length_test.lua
local policy = test.policy("route-by-length.lua", { long = "large", over_tokens = 1000, eyes = "vision" })

test.case("a short text: as asked", function()
    test.equal(test.every_face(policy, { text = "hello" }).decision, "none")
end)

test.case("a long one: the large model", function()
    local did = policy:on_request { text = ("word "):rep(2000) }
    test.equal(did.model, "large")
    test.contains(did.reason, "tokens")
end)

test.case("a picture: the model that sees, also where the text is long", function()
    test.equal(test.every_face(policy, { text = ("word "):rep(2000), images = 2 }).model, "vision")
end)

test.case("without a model that sees a picture counts as text", function()
    local plain = test.policy("route-by-length.lua", { long = "large", over_tokens = 1000 })
    test.equal(plain:on_request({ text = "what is it?", images = 2 }).model, "large")
end)
