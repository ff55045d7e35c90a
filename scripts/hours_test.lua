-- hours_test.lua - llm-gateway policy test scripts/hours_test.lua
local policy = test.policy("hours.lua", { zone = "Europe/Berlin", night = "fast" })

local function at(time, request)
    test.clock(time, "Europe/Berlin")
    return policy:on_request(request or { text = "hello" })
end

test.case("as asked on a Monday, the cheap model at night and on Sunday", function()
    test.equal(at("2026-08-17 10:00").decision, "none")
    test.equal(at("2026-08-17 19:30").model, "fast")
    test.equal(at("2026-08-16 10:00").model, "fast")
end)

test.case("batch work waits for the night", function()
    local batch = { text = "hello", tags = { batch = "1" } }
    test.equal(at("2026-08-17 10:00", batch).code, "come_at_night")
    test.equal(at("2026-08-17 22:00", batch).decision, "route")
end)
