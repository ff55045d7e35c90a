-- canary.lua - a new model for some of the users, always the same ones; how their requests end is counted.
--
--     policy "scripts/canary.lua" { models = { "fast" }, args = { to = "fast-next", percent = 5 } }
local args = gw.args { to = gw.arg.model(), percent = 5.0, salt = "" }
local policy = {}

function policy.on_request(req)
    local new = gw.bucket(req.user or req.conversation, args.salt) < args.percent
    req:tag("experiment", new and "new" or "old")
    if new then return gw.route(args.to, "canary") end
end

function policy.on_finish(req, done)
    if req.tags.experiment then gw.count(req.tags.experiment .. "_" .. done.outcome) end
end

return policy
