-- agents.lua - coding agents: their chores go to the cheap model, a session may cost so much, and the same call of a
-- tool again and again is stopped.
--
--     policy "scripts/agents.lua" { args = { cheap = "fast", stop_usd = 5.0 } }
--     team "dev" { session_budget = { usd = 10, per = "total" } }    -- sessions are counted where a budget counts them
local args = gw.args { cheap = gw.arg.model(), warn_usd = 0.0, stop_usd = 0.0, warn_calls = 4, stop_calls = 8 }
local policy = {}
local chores = { title = true, topic = true, quota_check = true } -- a summary (compact) is no chore: much hangs on it

local function of_session(req)
    if not req.session or args.stop_usd == 0 then return end
    local spent = gw.spend { session = req.session, per = "total" }.spent_usd
    if spent >= args.stop_usd then
        local text = "This session has cost %.2f USD, its limit is %.2f USD. Start a new one."
        return gw.answer(text:format(spent, args.stop_usd), "session cap")
    end
    if args.warn_usd > 0 and spent >= args.warn_usd then
        return gw.route(args.cheap, ("session over %.2f USD"):format(args.warn_usd))
    end
end

local function of_loop(req)
    local times, tool = req:repeated_call()
    if times >= args.stop_calls then
        gw.count("loop_stopped")
        return gw.answer("Stopped: " .. tool .. " was called " .. times .. " times with the same arguments.", "loop")
    end
    if times >= args.warn_calls then
        gw.count("loop_warned")
        local text = "You have called %s %d times with the same arguments. Do something else."
        req:add_system(text:format(tool, times))
    end
end

function policy.on_request(req)
    if req.kind ~= "chat" then return end
    if chores[req.purpose] then return gw.route(args.cheap, "chore: " .. req.purpose) end
    return of_loop(req) or of_session(req)
end

return policy
