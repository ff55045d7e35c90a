-- quota_test.lua - llm-gateway policy test scripts/quota_test.lua
local policy = test.policy("quota.lua", { tokens = 100, zone = "Europe/Berlin" })

local function use(user, input, output)
    local request = { user = user, text = "hello" }
    local did = policy:on_request(request)
    policy:on_finish(request, { outcome = "ok", usage = { input = input, output = output } })
    return did
end

test.case("each user has the same", function()
    test.equal(use("a", 60, 50).decision, "none")
    local did = policy:on_request { user = "a", text = "hello" }
    test.equal(did.status, 429)
    test.equal(did.code, "user_quota")
    test.equal(use("b", 1, 1).decision, "none")
end)

test.case("the day ends at midnight in Berlin", function()
    test.clock("2026-08-17 23:50", "Europe/Berlin")
    use("a", 60, 50)
    test.equal(policy:on_request({ user = "a", text = "x" }).decision, "deny")
    test.clock("2026-08-18 00:10", "Europe/Berlin")
    test.equal(policy:on_request({ user = "a", text = "x" }).decision, "none")
end)

test.case("nobody is asked for", function() test.equal(policy:on_request({ text = "x" }).code, "user_needed") end)

test.case("keys", function()
    local keys = test.policy("quota.lua", { tokens = 100, of = "key" })
    test.equal(keys:on_request({ key = "k", text = "x" }).decision, "none")
end)
