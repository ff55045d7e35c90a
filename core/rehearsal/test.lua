-- test.lua - the words of a test: `test`. What runs policies is written in C: `native`.
local native, report = ...
local test = {}
local world -- what the case has declared

local function reset()
    native.begin()
    world = { llm = {}, http = {}, played = setmetatable({}, { __mode = "k" }) }
end

local function quote(value) return native.json(value) end

-- Keys in order, so that a policy sees its arguments in the same order each time. An empty table is an object.
local function json(value)
    if type(value) ~= "table" then return quote(value) end
    local out = {}
    if #value > 0 then
        for i, v in ipairs(value) do out[i] = json(v) end
        return "[" .. table.concat(out, ",") .. "]"
    end
    local keys = {}
    for k in pairs(value) do keys[#keys + 1] = tostring(k) end
    table.sort(keys)
    for i, k in ipairs(keys) do out[i] = quote(k) .. ":" .. json(value[k]) end
    return "{" .. table.concat(out, ",") .. "}"
end

-- Requests: the same one in the words of each client API.

local fields = {}
for name in ([[model text system messages tools images stream max_tokens temperature top_p effort seed wants_json face body
    team key user project session tags client address headers attempt last_error]]):gmatch("%S+") do fields[name] = true end

local picture = "data:image/png;base64,AA=="

local function messages_of(r)
    local list = r.messages or { { role = "user", text = r.text or "" } }
    local out = {}
    if r.system then out[1] = { role = "system", text = r.system, images = 0, calls = {} } end
    for _, m in ipairs(list) do out[#out + 1] = { role = m.role or "user", text = m.text or "", images = m.images or 0, calls = m.tool_calls or {} } end
    local last = #out
    while last > 1 and out[last].role ~= "user" do last = last - 1 end
    if r.images then out[last].images = r.images end -- of the user's last turn: not every API has pictures in others
    return out
end

local function list(items) return "[" .. table.concat(items, ",") .. "]" end

local function parts(m, text_type, image)
    local out = { ('{"type":%s,"text":%s}'):format(quote(text_type), quote(m.text)) }
    for _ = 1, m.images do out[#out + 1] = image end
    return list(out)
end

local function settings(r, names)
    local out = {}
    for _, pair in ipairs(names) do
        local ours, theirs = pair[1], pair[2]
        if r[ours] ~= nil then out[#out + 1] = ("%s:%s"):format(quote(theirs), quote(r[ours])) end
    end
    return out
end

local function call_id(m, call, i) return call.id or ("call_%d"):format(i) end

local faces = {}

function faces.chat(r)
    local items, last = {}, "call_1"
    for _, m in ipairs(messages_of(r)) do
        local content = m.images > 0 and parts(m, "text", ('{"type":"image_url","image_url":{"url":%s}}'):format(quote(picture))) or quote(m.text)
        local item = ('{"role":%s,"content":%s'):format(quote(m.role), content)
        if m.role == "tool" then item = item .. ',"tool_call_id":' .. quote(last) end
        local calls = {}
        for i, call in ipairs(m.calls) do
            last = call_id(m, call, i)
            calls[i] = ('{"id":%s,"type":"function","function":{"name":%s,"arguments":%s}}'):format(quote(last), quote(call.name), quote(call.arguments or "{}"))
        end
        if #calls > 0 then item = item .. ',"tool_calls":' .. list(calls) end
        items[#items + 1] = item .. "}"
    end
    local out = settings(r, { { "model", "model" }, { "stream", "stream" }, { "max_tokens", "max_completion_tokens" }, { "temperature", "temperature" },
        { "top_p", "top_p" }, { "effort", "reasoning_effort" }, { "seed", "seed" } })
    out[#out + 1] = '"messages":' .. list(items)
    local tools = {}
    for i, name in ipairs(r.tools or {}) do tools[i] = ('{"type":"function","function":{"name":%s}}'):format(quote(name)) end
    if #tools > 0 then out[#out + 1] = '"tools":' .. list(tools) end
    if r.wants_json then out[#out + 1] = '"response_format":{"type":"json_object"}' end
    return out
end

function faces.messages(r)
    local items, system, last = {}, nil, "call_1"
    for _, m in ipairs(messages_of(r)) do
        if m.role == "system" then
            system = system and system .. "\n" .. m.text or m.text
        elseif m.role == "tool" then
            items[#items + 1] = ('{"role":"user","content":[{"type":"tool_result","tool_use_id":%s,"content":%s}]}'):format(quote(last), quote(m.text))
        else
            local blocks = {}
            if m.text ~= "" or #m.calls == 0 then blocks[1] = ('{"type":"text","text":%s}'):format(quote(m.text)) end
            for _ = 1, m.images do blocks[#blocks + 1] = '{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}' end
            for i, call in ipairs(m.calls) do
                last = call_id(m, call, i)
                blocks[#blocks + 1] = ('{"type":"tool_use","id":%s,"name":%s,"input":%s}'):format(quote(last), quote(call.name), call.arguments or "{}")
            end
            items[#items + 1] = ('{"role":%s,"content":%s}'):format(quote(m.role), list(blocks))
        end
    end
    local out = settings(r, { { "model", "model" }, { "stream", "stream" }, { "max_tokens", "max_tokens" }, { "temperature", "temperature" }, { "top_p", "top_p" } })
    if not r.max_tokens then out[#out + 1] = '"max_tokens":4096' end
    if r.effort then out[#out + 1] = ('"output_config":{"effort":%s}'):format(quote(r.effort)) end
    if system then out[#out + 1] = '"system":' .. quote(system) end
    out[#out + 1] = '"messages":' .. list(items)
    local tools = {}
    for i, name in ipairs(r.tools or {}) do tools[i] = ('{"name":%s,"input_schema":{"type":"object"}}'):format(quote(name)) end
    if #tools > 0 then out[#out + 1] = '"tools":' .. list(tools) end
    return out
end

function faces.responses(r)
    local items, system, last = {}, nil, "call_1"
    for _, m in ipairs(messages_of(r)) do
        if m.role == "system" then
            system = system and system .. "\n" .. m.text or m.text
        elseif m.role == "tool" then
            items[#items + 1] = ('{"type":"function_call_output","call_id":%s,"output":%s}'):format(quote(last), quote(m.text))
        else
            local kind = m.role == "assistant" and "output_text" or "input_text"
            if m.text ~= "" or #m.calls == 0 then
                items[#items + 1] = ('{"role":%s,"content":%s}'):format(quote(m.role), parts(m, kind, ('{"type":"input_image","image_url":%s}'):format(quote(picture))))
            end
            for i, call in ipairs(m.calls) do
                last = call_id(m, call, i)
                items[#items + 1] = ('{"type":"function_call","call_id":%s,"name":%s,"arguments":%s}'):format(quote(last), quote(call.name), quote(call.arguments or "{}"))
            end
        end
    end
    local out = settings(r, { { "model", "model" }, { "stream", "stream" }, { "max_tokens", "max_output_tokens" }, { "temperature", "temperature" }, { "top_p", "top_p" } })
    if r.effort then out[#out + 1] = ('"reasoning":{"effort":%s}'):format(quote(r.effort)) end
    if system then out[#out + 1] = '"instructions":' .. quote(system) end
    out[#out + 1] = '"input":' .. list(items)
    local tools = {}
    for i, name in ipairs(r.tools or {}) do tools[i] = ('{"type":"function","name":%s}'):format(quote(name)) end
    if #tools > 0 then out[#out + 1] = '"tools":' .. list(tools) end
    if r.wants_json then out[#out + 1] = '"text":{"format":{"type":"json_object"}}' end
    return out
end

function faces.completions(r)
    local out = settings(r, { { "model", "model" }, { "stream", "stream" }, { "max_tokens", "max_tokens" }, { "temperature", "temperature" }, { "seed", "seed" } })
    out[#out + 1] = '"prompt":' .. quote(r.text or "")
    return out
end

function faces.embeddings(r)
    local out = settings(r, { { "model", "model" } })
    out[#out + 1] = '"input":' .. quote(r.text or "")
    return out
end

-- As `native.play` takes it.
local function plain(r)
    local out = {}
    for k, v in pairs(r) do
        if not fields[k] then error(("a request of a test has no \"%s\""):format(tostring(k)), 4) end
        out[k] = v
    end
    local full = { model = "fast" }
    for k, v in pairs(r) do full[k] = v end
    local face = faces[r.face or "chat"]
    if type(r.body) == "table" then
        out.body = json(r.body)
    elseif not r.body then
        if not face then error(("the client API \"%s\" needs a body"):format(tostring(r.face)), 4) end
        out.body = "{" .. table.concat(face(full), ",") .. "}"
    end
    local tags = {}
    for k, v in pairs(r.tags or {}) do tags[#tags + 1] = k .. "=" .. v end
    table.sort(tags)
    out.tags = #tags > 0 and table.concat(tags, ",") or nil
    if r.team then native.declare("team", r.team) end
    return out
end

-- What places and models answer.

native.answers(function(kind, name, asked)
    local reply = world[kind][name]
    if kind == "http" then
        if type(reply) == "function" then reply = reply(asked) end
        if reply == nil or reply == false then return nil, "it cannot be reached" end
        if type(reply) == "string" then return nil, reply end
        if reply.json ~= nil then return reply.status or 200, json(reply.json), "application/json" end
        return reply.status or 200, reply.text or "", "text/plain"
    end
    if type(reply) == "function" then reply = reply(asked) end
    if reply == nil then return nil, ("the test has no answer of the model \"%s\""):format(name) end
    if type(reply) == "string" then return reply end
    if reply.error then return nil, reply.error end
    return reply.text or "", reply.finish, reply.input or 0, reply.output or 0
end)

local function days(y, m, d) -- since 1970
    y = m <= 2 and y - 1 or y
    local era = y // 400
    local of_era = y - era * 400
    local of_year = (153 * (m + (m > 2 and -3 or 9)) + 2) // 5 + d - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
end

function test.clock(text, zone)
    local y, mo, d, h, mi = tostring(text):match("^(%d%d%d%d)-(%d%d)-(%d%d) (%d%d):(%d%d)$")
    if not y then error('test.clock takes "2026-08-17 23:30" and a zone', 2) end
    native.clock(days(tonumber(y), tonumber(mo), tonumber(d)) * 86400 + tonumber(h) * 3600 + tonumber(mi) * 60, zone)
end

function test.llm(model, answer)
    if not world.llm[model] then native.declare("llm", model) end
    world.llm[model] = answer
end

function test.http(place, reply)
    if world.http[place] == nil then native.declare("place", place) end
    world.http[place] = reply or false
end

function test.spend(s)
    local whose
    for _, name in ipairs { "team", "key", "user", "session", "project" } do whose = s[name] and name or whose end
    if not whose then error("test.spend: whose? { team = \"support\", per = \"day\", spent_usd = 3 }", 2) end
    for k in pairs(s) do
        if k ~= whose and k ~= "per" and k ~= "spent_usd" and k ~= "held_usd" and k ~= "limit_usd" then
            error(("test.spend has no \"%s\""):format(tostring(k)), 2)
        end
    end
    if whose == "team" then native.declare("team", s.team) end
    native.spend(whose, s[whose], s.per or "day", s)
end

-- Policies.

local hooks = { on_request = true, on_route = true, on_response = true, on_finish = true }

local function run(stage, hook, request, more)
    if type(request) ~= "table" then error(hook .. " takes a request: policy:" .. hook .. " { text = \"hello\" }", 3) end
    local of = world.played[request] or {}
    world.played[request] = of
    local done, played = native.play(stage, plain(request), hook, more, of[stage])
    of[stage] = played
    if done.decision == "error" then error(done.reason, 0) end
    return done, done
end

-- Answers of successive attempts: what was done at the last one that was asked, with `tries`, what was done at each.
local function respond(stage, request, answers)
    local tries = {}
    for i = 1, math.max(1, #answers) do
        tries[i] = run(stage, "on_response", request, answers[i])
        if tries[i].verdict ~= "retry" then break end
    end
    if #tries < #answers then error(("only %d of %d answers were asked for"):format(#tries, #answers), 3) end
    local last = tries[#tries]
    last.tries = tries
    return last, last
end

function test.policy(file, args)
    if type(file) ~= "string" then error("test.policy takes the name of a file", 2) end
    local stage = native.load(file, args and json(args))
    return setmetatable({}, { __index = function(_, hook)
        if not hooks[hook] then error(("a policy has no hook \"%s\""):format(tostring(hook)), 2) end
        if hook == "on_response" then return function(_, request, ...) return respond(stage, request, { ... }) end end
        return function(_, request, more) return run(stage, hook, request, more) end
    end })
end

local all
function test.chain(request, targets)
    all = all or native.load()
    local done = run(all, "on_request", request)
    if done.verdict ~= "pass" or not targets then return done, done.trace end
    local routed = run(all, "on_route", request, targets)
    for _, t in ipairs(routed.trace) do done.trace[#done.trace + 1] = t end
    done.verdict, done.targets = routed.verdict, routed.targets
    if routed.verdict ~= "pass" then done.decision, done.code, done.status = routed.decision, routed.code, routed.status end
    return done, done.trace
end

local compared = { "verdict", "decision", "model", "status", "code", "text", "reason", "finish", "edits" }

-- Counters and cache are empty for each face: what one has left is not seen by the next.
function test.every_face(policy, request, fn)
    local first
    for _, face in ipairs { "chat", "messages", "responses" } do
        local r = {}
        for k, v in pairs(request) do r[k] = v end
        r.face = face
        native.forget()
        local done = policy:on_request(r)
        if fn then
            local ok, why = pcall(fn, done, face)
            if not ok then error(("%s (as %s)"):format(tostring(why), face), 0) end
        end
        for _, name in ipairs(first and compared or {}) do
            if done[name] ~= first[name] then
                error(("as %s: %s is %s, as chat it is %s"):format(face, name, tostring(done[name]), tostring(first[name])), 2)
            end
        end
        if first and (table.concat(done.texts, "\n") ~= table.concat(first.texts, "\n") or table.concat(done.tools, ",") ~= table.concat(first.tools, ",")) then
            error(("as %s the texts or tools after the hook are not those of chat"):format(face), 2)
        end
        first = first or done
    end
    return first
end

-- Cases.

function test.equal(got, want)
    if got ~= want then error(("got %s, want %s"):format(tostring(got), tostring(want)), 2) end
end

function test.contains(text, part)
    if not tostring(text):find(part, 1, true) then error(("\"%s\" is not in: %s"):format(part, tostring(text)), 2) end
end

-- The error that fn raises, which has `part` in it.
function test.fails(fn, part)
    local ok, why = pcall(fn)
    if ok then error("no error, want: " .. tostring(part), 2) end
    if part and not tostring(why):find(part, 1, true) then error(("\"%s\" is not in the error: %s"):format(part, tostring(why)), 2) end
    return tostring(why)
end

function test.case(name, fn)
    reset()
    local ok, why = pcall(fn)
    report(tostring(name), ok, ok and "" or tostring(why))
end

reset()
return setmetatable(test, { __index = function(_, name) error(("test has no \"%s\""):format(tostring(name)), 2) end })
