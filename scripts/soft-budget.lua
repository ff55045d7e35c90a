-- soft-budget.lua - past a share of the day's money a team goes on with the cheap model.
--
--     policy "scripts/soft-budget.lua" { args = { share = 0.8, cheap = "fast" } }
--     team "support" { budget = { usd = 50, per = "day" } }
local args = gw.args { share = 0.8, cheap = gw.arg.model() }
local policy = {}

function policy.on_request(req)
    local day = gw.spend { team = req.team, per = "day" }
    if day.limit_usd and day.spent_usd + day.held_usd > args.share * day.limit_usd then
        return gw.route(args.cheap, ("%.2f of %.2f USD of the day"):format(day.spent_usd, day.limit_usd))
    end
end

return policy
