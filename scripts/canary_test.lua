-- canary_test.lua - llm-gateway policy test scripts/canary_test.lua
local policy = test.policy("canary.lua", { to = "next", percent = 20.0 })

test.case("a fifth of the users, the same ones each time", function()
    local n = 0
    for i = 1, 500 do
        local user = "u" .. i
        local did = policy:on_request { user = user, text = "hello" }
        if did.model == "next" then n = n + 1 end
        test.equal(policy:on_request({ user = user, text = "again" }).decision, did.decision)
    end
    test.equal(n > 60 and n < 140, true)
end)

test.case("each end is counted", function()
    local all = test.policy("canary.lua", { to = "next", percent = 100.0 })
    local request = { user = "u", text = "hello" }
    test.equal(all:on_request(request).tags.experiment, "new")
    test.equal(all:on_finish(request, { outcome = "failed" }).events[1], "new_failed")
end)
