-- soft-budget_test.lua - llm-gateway policy test scripts/soft-budget_test.lua
local policy = test.policy("soft-budget.lua", { share = 0.5, cheap = "cheap" })

test.case("over the share: the cheap model", function()
    test.spend { team = "support", per = "day", spent_usd = 30, limit_usd = 50 }
    local did = policy:on_request { team = "support", model = "smart", text = "hello" }
    test.equal(did.decision, "route")
    test.equal(did.model, "cheap")
    test.equal(did.reason, "30.00 of 50.00 USD of the day")
end)

test.case("what is held counts", function()
    test.spend { team = "support", per = "day", spent_usd = 20, held_usd = 6, limit_usd = 50 }
    test.equal(policy:on_request({ team = "support" }).decision, "route")
end)

test.case("under the share, or without a budget: as asked", function()
    test.spend { team = "support", per = "day", spent_usd = 10, limit_usd = 50 }
    test.equal(policy:on_request({ team = "support" }).decision, "none")
    test.equal(policy:on_request({ team = "research" }).decision, "none")
end)
