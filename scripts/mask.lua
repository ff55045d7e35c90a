-- mask.lua - personal data does not go to the model: placeholders go in its place, and the values come back in the
-- answer, in streams too.
--
--     policy "scripts/mask.lua" { args = { kinds = { "email", "iban", "card" } } }
local personal = require "lib.personal"
local args = gw.args {
    kinds = gw.arg.list { "email", "iban", "card" },
    restore = true,         -- false: the answer keeps the placeholders
    arguments = false,      -- true: the values come back in the arguments of tools, too. A danger: see README.md
}
local policy = {}

for _, kind in ipairs(args.kinds) do
    assert(personal[kind], "kinds: lib.personal has no " .. kind)
end

function policy.on_request(req)
    if req.files > 0 then return gw.deny(400, "files_not_masked", "files cannot be masked here: send their text") end
    local placeholders, values, n = {}, {}, 0
    local function hide(kind, value)
        if not placeholders[value] then
            n = n + 1
            placeholders[value] = ("[%s_%d]"):format(kind:upper(), n)
            values[placeholders[value]] = value
        end
        return placeholders[value]
    end
    req:map_text(function(text)
        for _, kind in ipairs(args.kinds) do
            text = personal[kind](text, function(value) return hide(kind, value) end)
        end
        return text
    end)
    if n == 0 then return end
    gw.note(n .. " values masked")
    if args.restore then req:replace_in_answer(values, { arguments = args.arguments }) end
end

return policy
