-- plans.lua - what a customer has paid for decides the model, the length of answers and the requests of a minute; names
-- that clients use are translated. The plan belongs to the key or the team, as a tag may come from the client.
--
--     policy "scripts/plans.lua" { args = {
--         plans = { free = { model = "fast", max_tokens = 500, per_minute = 5 }, paid = { max_tokens = 4000 } },
--         keys = { ["shop-1"] = "paid" }, teams = { search = "paid" }, names = { ["claude-opus-*"] = "smart" },
--     } }
local args = gw.args {
    plans = gw.arg.map {}, keys = gw.arg.map {}, teams = gw.arg.map {}, names = gw.arg.map {}, otherwise = "free",
}
local policy = {}

function policy.on_request(req)
    local name = req.key and args.keys[req.key] or args.teams[req.team] or args.otherwise
    local plan = args.plans[name]
    if not plan then return gw.deny(403, "no_plan", "this key has no plan: " .. name) end
    if plan.per_minute then
        local ok, _, again_s = gw.counter.take(req.key or "all", { limit = plan.per_minute, per = "minute" })
        if not ok then
            return gw.deny(429, "plan_rate", "the plan " .. name .. " has no more requests in this minute",
                           { retry_after_s = again_s })
        end
    end
    if plan.max_tokens and (req.kind == "chat" or req.kind == "completion") then
        req:cap("max_tokens", plan.max_tokens)
    end
    if plan.model then return gw.route(plan.model, "plan " .. name) end
    for pattern, model in pairs(args.names) do
        if gw.text.like(req.model, pattern) then return gw.route(model, "name " .. pattern) end
    end
end

return policy
