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
end)

test.case("a text without any stays as it is", function()
    local did = policy:on_request { text = "hello" }
    test.equal(did.texts[1], "user: hello")
    test.equal(#did.notes, 0)
end)

test.case("a kind that is not there", function()
    test.fails(function() test.policy("mask.lua", { kinds = { "phone" } }) end, "lib.personal has no phone")
end)
