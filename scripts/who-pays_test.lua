-- who-pays_test.lua - llm-gateway policy test scripts/who-pays_test.lua
local policy = test.policy("who-pays.lua", { projects = { "shop", "search" } })

test.case("no project, or another one: refused, by each client API", function()
    test.contains(test.every_face(policy, { text = "hello" }).text, "shop, search")
    test.equal(policy:on_request({ text = "hello", project = "shopping" }).code, "project_needed")
end)

test.case("what the client says of itself is in the tags", function()
    local headers = { ["X-Feature"] = "cart, new" }
    local did = test.every_face(policy, { text = "hello", project = "shop", client = "codex", headers = headers })
    test.equal(did.decision, "none")
    test.equal(did.tags.client, "codex")
    test.equal(did.tags.feature, "cart--new")
    test.equal(policy:on_request({ text = "hello", project = "shop" }).tags.feature, nil)
    did = policy:on_request { text = "hello", project = "shop", headers = { ["x-feature"] = ("\u{fc}"):rep(99) } }
    test.equal(did.tags.feature, ("-"):rep(64))
end)
