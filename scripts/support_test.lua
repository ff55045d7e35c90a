-- support_test.lua - llm-gateway policy test scripts/support_test.lua
local policy = test.policy("support.lua", {
    cheap = "fast", large = "smart", faq = { ["opening hours"] = "Monday to Friday." }, long_tokens = 1000,
})

test.case("a known question is answered here, then from the cache", function()
    local did = test.every_face(policy, { text = "Your opening hours?" }, function(done)
        test.equal(done.text, "Monday to Friday.")
    end)
    test.equal(did.tags.support, "faq")
    policy:on_request { text = "Your opening hours?" }
    test.equal(policy:on_request({ text = "your OPENING hours?" }).reason, "faq, again")
end)

test.case("a simple one: the cheap model", function()
    local did = policy:on_request { text = "where is my parcel?" }
    test.equal(did.model, "fast")
    test.equal(did.tags.support, "cheap")
end)

test.case("an angry or a long one: the large model", function()
    test.equal(policy:on_request({ text = "I will call my lawyer" }).reason, "lawyer")
    test.equal(policy:on_request({ text = ("word "):rep(2000) }).reason, "long")
end)

test.case("no chat: nothing", function()
    test.equal(policy:on_request({ face = "embeddings", text = "opening hours" }).decision, "none")
end)

test.case("the end is counted", function()
    local request = { text = "hello" }
    policy:on_request(request)
    policy:on_finish(request, { outcome = "ok" })
end)
