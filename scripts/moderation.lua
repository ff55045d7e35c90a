-- moderation.lua - a moderation service has the first word; where it does not answer, the request is refused.
--
--     policy "scripts/moderation.lua" {
--         http = { moderation = { url = "https://api.openai.com/v1/moderations",
--                                 headers = { Authorization = env "MODERATION_KEY" } } },     -- "Bearer sk-..."
--     }
local args = gw.args { most_bytes = 20000, timeout_ms = 500, open = false }   -- open: what cannot be looked at passes
local policy = {}

-- True, false, or nil and why it is not known.
local function is_flagged(text)
    local reply, why = gw.http.post("moderation", { json = { input = text }, timeout_ms = args.timeout_ms })
    local result = reply and reply.status == 200 and type(reply.json) == "table" and reply.json.results
    if not result then return nil, why or "status " .. reply.status end
    return result[1].flagged == true
end

function policy.on_request(req)
    if req.kind ~= "chat" or req.last_user == "" then return end
    local flagged, why = is_flagged(req.last_user:sub(1, args.most_bytes))
    if flagged then
        gw.count("flagged")
        return gw.deny(400, "flagged", "the text was refused by the moderation service")
    end
    if flagged == nil then
        gw.note("moderation: " .. why)
        if not args.open then
            return gw.deny(503, "not_moderated", "the moderation service does not answer", { retry_after_s = 10 })
        end
    end
end

return policy
