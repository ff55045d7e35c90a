-- hours.lua - the asked model in working hours, the cheap one at night and on weekends; batch work waits for the night.
--
--     policy "scripts/hours.lua" { args = { open = "mon-fri 08:00-19:00", zone = "Europe/Berlin", night = "fast" } }
local args = gw.args { open = "mon-fri 08:00-19:00", zone = gw.arg.zone("UTC"), night = gw.arg.model(), tag = "batch" }
local policy = {}

function policy.on_request(req)
    local open = gw.time.within(args.open, args.zone)
    if req.tags[args.tag] and open then
        return gw.deny(429, "come_at_night", "batch work runs outside " .. args.open .. " " .. args.zone)
    end
    if not open then return gw.route(args.night, "outside " .. args.open) end
end

return policy
