-- mask.lua - personal data does not go to the model: placeholders go in its place, the same one for the same value.
--
--     policy "scripts/mask.lua" { args = { kinds = { "email", "iban", "card" } } }
local personal = require "lib.personal"
local args = gw.args { kinds = gw.arg.list { "email", "iban", "card" } }
local policy = {}

for _, kind in ipairs(args.kinds) do
    assert(personal[kind], "kinds: lib.personal has no " .. kind)
end

function policy.on_request(req)
    if req.files > 0 then return gw.deny(400, "files_not_masked", "files cannot be masked here: send their text") end
    local placeholders, n = {}, 0
    local function hide(kind, value)
        if not placeholders[value] then
            n = n + 1
            placeholders[value] = ("[%s_%d]"):format(kind:upper(), n)
        end
        return placeholders[value]
    end
    req:map_text(function(text)
        for _, kind in ipairs(args.kinds) do
            text = personal[kind](text, function(value) return hide(kind, value) end)
        end
        return text
    end)
    if n > 0 then gw.note(n .. " values masked") end
end

return policy
