-- cheapest_test.lua - llm-gateway policy test scripts/cheapest_test.lua
local policy = test.policy("cheapest.lua", { first_token_ms = 1000 })

local function order(...)
    return table.concat(policy:on_route({ text = "hello" }, { ... }).targets, " ")
end

test.case("the cheapest first, what has no price behind", function()
    local dear, cheap = { name = "a/dear", cost_usd = 2 }, { name = "c/cheap", cost_usd = 1 }
    test.equal(order(dear, { name = "b/none" }, cheap), "c/cheap a/dear b/none")
end)

test.case("what is slow, away or out of its limits comes last", function()
    local well = { name = "b/well", cost_usd = 2, first_token_ms = 900 }
    test.equal(order({ name = "a/slow", cost_usd = 1, first_token_ms = 1500 }, well), "b/well a/slow")
    test.equal(order({ name = "a/away", cost_usd = 1, healthy = false }, well), "b/well a/away")
    test.equal(order({ name = "a/limit", cost_usd = 1, cooling_s = 5 }, well), "b/well a/limit")
end)
