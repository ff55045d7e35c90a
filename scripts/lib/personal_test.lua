-- personal_test.lua - llm-gateway policy test scripts/lib/personal_test.lua
local function texts(kind, text)
    local policy = test.policy("../mask.lua", { kinds = { kind } })
    return policy:on_request({ text = text }).texts[1]
end

test.case("addresses", function()
    test.equal(texts("email", "to a.b+c@d-e.co.uk, or a@b."), "user: to [EMAIL_1], or a@b.")
    test.equal(texts("email", "jürgen@müller.de"), "user: [EMAIL_1]")
    test.equal(texts("email", "a @ b.de, @name, me@localhost"), "user: a @ b.de, @name, me@localhost")
end)

test.case("accounts", function()
    test.equal(texts("iban", "DE44 5001 0517 5407 3249 31 please"), "user: [IBAN_1] please")
    test.equal(texts("iban", "GB29NWBK60161331926819."), "user: [IBAN_1].")
    test.equal(texts("iban", "RFC 2616, DE44"), "user: RFC 2616, DE44")
end)

test.case("cards, and numbers that are none", function()
    test.equal(texts("card", "4111 1111 1111 1111"), "user: [CARD_1]")
    test.equal(texts("card", "4111-1111-1111-1112"), "user: 4111-1111-1111-1112")
    test.equal(texts("card", "378282246310005 or 5555555555554444"), "user: [CARD_1] or [CARD_2]")
    test.equal(texts("card", "at 1787000000"), "user: at 1787000000")
end)
