-- mask_test.lua - llm-gateway policy test scripts/mask_test.lua
local policy = test.policy("mask.lua", { kinds = { "email", "iban" } })

test.case("what is personal goes as a placeholder, the same one for the same value", function()
    local did = test.every_face(policy, { messages = {
        { role = "user", text = "mail a@b.de and c@d.de" },
        { role = "assistant", text = "a@b.de it is" },
        { role = "user", text = "pay DE44 5001 0517 5407 3249 31" } } })
    test.equal(did.texts[1], "user: mail [EMAIL_1] and [EMAIL_2]")
    test.equal(did.texts[2], "assistant: [EMAIL_1] it is")
    test.equal(did.texts[3], "user: pay [IBAN_3]")
    test.equal(did.notes[1], "3 values masked")
    test.equal(did.restores["[EMAIL_2]"], "c@d.de")
    test.equal(did.restores["[IBAN_3]"], "DE44 5001 0517 5407 3249 31")
end)

test.case("a text without any stays as it is", function()
    local did = policy:on_request { text = "hello" }
    test.equal(did.texts[1], "user: hello")
    test.equal(#did.notes, 0)
    test.equal(next(did.restores), nil)
end)

test.case("placeholders stay in the answer where that is wanted", function()
    local stays = test.policy("mask.lua", { kinds = { "email" }, restore = false })
    test.equal(next(stays:on_request({ text = "a@b.de" }).restores), nil)
end)

test.case("a kind that is not there", function()
    test.fails(function() test.policy("mask.lua", { kinds = { "phone" } }) end, "lib.personal has no phone")
end)
