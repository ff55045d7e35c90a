-- alias_test.lua - llm-gateway policy test scripts/alias_test.lua
local names = { ["claude-code"] = { { "claude-opus-*", "smart" }, { "claude-*", "fast" } } }
local policy = test.policy("alias.lua", { names = names })

local function model_for(client, model)
    return policy:on_request({ text = "hello", client = client, model = model }).model
end

test.case("the first name that fits counts", function()
    test.equal(model_for("claude-code", "claude-opus-4-8"), "smart")
    test.equal(model_for("claude-code", "claude-haiku-4-5"), "fast")
end)

test.case("other names and other programs: as asked", function()
    test.equal(model_for("claude-code", "gpt-4o"), nil)
    test.equal(model_for("codex", "claude-opus-4-8"), nil)
end)
