-- lib/personal.lua - where personal data is in a text: each function replaces what it finds by what by(value)
-- returns; nil: it stays.
--
--     local personal = require "lib.personal"
--     text = personal.email(text, function(address) return "[hidden]" end)
local email = gw.regex [[(*UCP)[\w.+-]+@\w[\w-]*(?:\.\w[\w-]*)+]]
local iban = gw.regex [[\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,4})?\b]]
local card = gw.regex [[(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)]]

-- The check digits of a card number (Luhn): an order number of as many digits is none.
local function is_card(text)
    local sum, double = 0, false
    for i = #text, 1, -1 do
        local digit = tonumber(text:sub(i, i))
        if digit then
            sum = sum + (double and digit * 2 - (digit > 4 and 9 or 0) or digit)
            double = not double
        end
    end
    return sum % 10 == 0
end

return {
    email = function(text, by) return (email:gsub(text, by)) end,
    iban = function(text, by) return (iban:gsub(text, by)) end,
    card = function(text, by)
        return (card:gsub(text, function(value) return is_card(value) and by(value) or nil end))
    end,
}
