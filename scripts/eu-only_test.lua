-- eu-only_test.lua - llm-gateway policy test scripts/eu-only_test.lua
local policy = test.policy("eu-only.lua", { words = { "patient" } })
local us, eu, unknown = { name = "openai/x", region = "us" }, { name = "azure/x", region = "eu" }, { name = "own/x" }

local function targets_of(request, targets) return table.concat(policy:on_route(request, targets).targets, " ") end

test.case("what is not marked goes anywhere", function()
    test.equal(targets_of({ text = "hello" }, { us, eu }), "openai/x azure/x")
end)

test.case("what is marked stays: by a tag, by a word", function()
    test.equal(targets_of({ text = "hello", tags = { confidential = "1" } }, { us, unknown, eu }), "azure/x")
    test.equal(targets_of({ text = "the patient is well" }, { us, eu }), "azure/x")
end)

test.case("or is refused: what is not stated is not there", function()
    local did = policy:on_route({ text = "the patient is well" }, { us, unknown })
    test.equal(did.status, 403)
    test.equal(did.code, "region")
end)
