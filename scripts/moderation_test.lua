-- moderation_test.lua - llm-gateway policy test scripts/moderation_test.lua
local policy = test.policy("moderation.lua", {})

local function answers(asked)
    return { json = { results = { { flagged = asked.text:find("bad", 1, true) ~= nil } } } }
end

test.case("what is flagged is refused, by each client API", function()
    test.http("moderation", answers)
    test.equal(test.every_face(policy, { text = "bad words" }).code, "flagged")
    test.equal(test.every_face(policy, { text = "good words" }).decision, "none")
end)

test.case("without an answer nothing passes", function()
    for _, reply in ipairs { { status = 500, text = "" }, { status = 200, text = "no JSON" }, "timeout" } do
        test.http("moderation", reply)
        local did = policy:on_request { text = "hello" }
        test.equal(did.code, "not_moderated")
        test.contains(did.notes[1], "moderation: ")
    end
end)

test.case("or all, where that is wanted", function()
    local open = test.policy("moderation.lua", { open = true })
    test.http("moderation", nil)
    test.equal(open:on_request({ text = "hello" }).decision, "none")
end)
