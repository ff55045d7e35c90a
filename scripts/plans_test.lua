-- plans_test.lua - llm-gateway policy test scripts/plans_test.lua
local policy = test.policy("plans.lua", {
    plans = { free = { model = "fast", max_tokens = 500, per_minute = 2 }, paid = { max_tokens = 4000 } },
    keys = { ["shop-1"] = "paid", ["shop-2"] = "gold" }, teams = { search = "paid" },
    names = { ["claude-opus-*"] = "smart" },
})

test.case("the free one: its model, short answers, few of them", function()
    local did = test.every_face(policy, { text = "hello", max_tokens = 9000 })
    test.equal(did.model, "fast")
    test.contains(did.body, "500")
    policy:on_request { text = "hello" }
    policy:on_request { text = "hello" }
    test.equal(policy:on_request({ text = "hello" }).code, "plan_rate")
end)

test.case("the paid one: what was asked, by names that clients use", function()
    test.equal(policy:on_request({ text = "hello", model = "fast", key = "shop-1" }).decision, "none")
    test.equal(policy:on_request({ text = "hello", model = "claude-opus-4-8", team = "search" }).model, "smart")
end)

test.case("no client gives itself a plan", function()
    test.equal(policy:on_request({ text = "hello", tags = { plan = "paid" } }).model, "fast")
end)

test.case("no such plan", function()
    test.equal(policy:on_request({ text = "hello", key = "shop-2" }).code, "no_plan")
end)
