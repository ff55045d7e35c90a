-- cheapest.lua - of a model's targets the cheapest one whose first token comes soon enough; the others stand behind it.
--
--     policy "scripts/cheapest.lua" { args = { first_token_ms = 2000 } }
local args = gw.args { first_token_ms = 2000 }
local policy = {}

local function is_well(target)
    return target.healthy and target.cooling_s == 0 and (target.first_token_ms or 0) <= args.first_token_ms
end

function policy.on_route(_, targets)
    table.sort(targets, function(a, b)
        if is_well(a) ~= is_well(b) then return is_well(a) end
        return (a.cost_usd or math.huge) < (b.cost_usd or math.huge)
    end)
end

return policy
