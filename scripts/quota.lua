-- quota.lua - so many tokens a day for each end user of an application; the day ends at midnight where the users are.
--
--     policy "scripts/quota.lua" { teams = { "app" }, args = { tokens = 50000, zone = "Europe/Berlin" } }
local args = gw.args { tokens = 50000, zone = gw.arg.zone("UTC"), of = "user" }
local policy = {}

-- Whose tokens are counted: the end user that the client names, or the key, which no client can change.
local function name_of(req)
    if args.of == "key" then return req.key end
    return req.user
end

function policy.on_request(req)
    local name = name_of(req)
    if not name then
        return gw.deny(400, "user_needed", "name the end user: \"user\", metadata.user_id or the header x-gw-user")
    end
    if gw.counter.get(name, { per = "day", zone = args.zone }) >= args.tokens then
        return gw.deny(429, "user_quota", "the tokens of this " .. args.of .. " for today are used up")
    end
end

function policy.on_finish(req, done)
    local name = name_of(req)
    local used = done.usage.input + done.usage.output
    if name and used > 0 then gw.counter.add(name, used, { per = "day", zone = args.zone }) end
end

return policy
