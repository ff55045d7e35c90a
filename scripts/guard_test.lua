-- guard_test.lua - llm-gateway policy test scripts/guard_test.lua
local policy = test.policy("guard.lua", { most_tokens = 1000, words = { "project nightfall" }, per_minute = 2 })

test.case("an ordinary question passes", function()
    test.equal(policy:on_request({ text = "what is new?" }).decision, "none")
end)

test.case("one that is too large", function()
    local did = policy:on_request { text = ("word "):rep(2000) }
    test.equal(did.status, 413)
    test.equal(did.code, "too_long")
end)

test.case("a word that may not go out, in any role", function()
    local did = policy:on_request { system = "You know Project Nightfall.", text = "hello" }
    test.equal(did.code, "not_allowed_text")
    test.equal(did.reason, "project nightfall, system")
end)

test.case("a card number, by each client API", function()
    local open = test.policy("guard.lua", {})
    test.equal(test.every_face(open, { text = "pay with 4111 1111 1111 1111" }).code, "card_number")
    test.equal(open:on_request({ text = "order 41111" }).decision, "none")
end)

test.case("two in a minute for each user", function()
    for _ = 1, 2 do test.equal(policy:on_request({ user = "a" }).decision, "none") end
    local did = policy:on_request { user = "a" }
    test.equal(did.code, "user_rate")
    test.equal(did.retry_after_s ~= nil, true)
    test.equal(policy:on_request({ user = "b" }).decision, "none")
    test.clock("2026-08-17 21:30")
    test.equal(policy:on_request({ user = "a" }).decision, "none")
end)
