-- house_test.lua - llm-gateway policy test scripts/house_test.lua
local policy = test.policy("house.lua", { rules = "Be brief.", max_tokens = 100, no_tools = { "shell*" } })

test.case("rules behind the system text, by each client API", function()
    local did = test.every_face(policy, { system = "You are a shop.", text = "hello", max_tokens = 50 })
    test.contains(table.concat(did.texts, "|"), "You are a shop.")
    test.contains(table.concat(did.texts, "|"), "Be brief.")
    test.equal(#did.notes, 0)
end)

test.case("a cap on the answer", function()
    local did = policy:on_request { text = "hello", max_tokens = 500 }
    test.equal(did.notes[1], "max_tokens capped at 100")
    test.contains(did.body, "100")
end)

test.case("tools that are not offered", function()
    local did = policy:on_request { text = "hello", tools = { "search", "shell_run" } }
    test.equal(table.concat(did.tools, ","), "search")
    test.equal(did.notes[#did.notes], "tools left out: shell_run")
end)

test.case("a call of such a tool does not come back", function()
    local request = { text = "hello", tools = { "search", "shell_run" } }
    policy:on_request(request)
    test.equal(policy:on_response(request, { tool_calls = { { name = "search" } } }).decision, "none")
    test.equal(policy:on_response(request, { tool_calls = { { name = "shell_run" } } }).code, "tool_not_allowed")
end)
