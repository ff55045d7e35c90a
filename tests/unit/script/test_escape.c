/* Each attempt at the bounds of a policy ends with an error that names file and line; the process and the policy live. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "check.h"
#include "fixture.h"

#define MOST_NS (300 * CLOCK_MS) /* of a hook that may take 10 ms, also with sanitizers */
#define HOOK(body) "local policy = {}\nfunction policy.on_request(req)\n" body "\nend\nreturn policy\n"

static const char chat[] = "{\"model\":\"fast\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}";

/* What is tried in line 3, and what the error must contain. */
static const struct attempt {
    const char *source, *error;
} attempts[] = {
    /* it never ends */
    { HOOK("while true do end"), "p.lua:3: it ran for too long" },
    { HOOK("while true do pcall(function() while true do end end) end"), "too long" },
    { HOOK("pcall(function() while true do end end) return nil"), "too long" },
    { HOOK("local function f() return f() end return f()"), "too long" },
    { HOOK("table.sort({ 3, 2, 1 }, function() while true do end end)"), "too long" },
    { HOOK("tostring(setmetatable({}, { __tostring = function() while true do end end }))"), "too long" },
    { HOOK("local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end }) return t[1]"), "p.lua:3:" },
    { HOOK(
          "local t = setmetatable({}, { __eq = function() while true do end end }) return t == setmetatable({}, { __eq = nil })"),
      "too long" },
    { HOOK("for _ in pairs(setmetatable({}, { __pairs = function() return function() return 1 end end })) do end"),
      "too long" },
    { HOOK("for i = 1, math.huge do local x = i end"), "too long" },
    { HOOK("(\"x\"):rep(100):gsub(\".\", function() while true do end end)"), "too long" },
    { HOOK("local s = 'x' repeat s = s:gsub('x', 'xx') until false"), "p.lua:3:" },
    /* in C, where no hook counts */
    { HOOK("string.rep('', 1e12)  string.rep('x', 1e12)"), "string.rep: more than" },
    { HOOK("return ('x'):rep(2^40)"), "string.rep: more than" },
    { HOOK("return ('x'):rep(1e5, ('y'):rep(1e5))"), "string.rep: more than" },
    { HOOK("return string.find(('a'):rep(200000), '.-b')"), "too long" },
    { HOOK("return string.find(('a'):rep(300), '.-.-.-.-.-b')"), "too long" },
    { HOOK("return string.match(('a'):rep(400), ('a?'):rep(200) .. ('a'):rep(200))"), "p.lua:3:" },
    { HOOK("return (('a'):rep(30000)):gsub('a*b', '')"), "too long" },
    { HOOK("for x in (('a'):rep(50000)):gmatch('.-.-b') do end"), "too long" },
    { HOOK("return (('('):rep(100000)):find('%b()')  , (('('):rep(100000)):gsub('%b()', '')"), "too long" },
    { HOOK("return (('a'):rep(100000)):find('[abcdefghijklmnopq]*[^a]')"), "too long" },
    { HOOK("return ('x'):find(('('):rep(40) .. 'x')"), "too many captures" },
    { HOOK("return ('x'):rep(1000):find(('(x'):rep(31))"), "p.lua:3:" },
    { HOOK("return ('x'):find('[a')"), "malformed pattern" },
    { HOOK("return ('x'):find('%')"), "malformed pattern" },
    { HOOK("return ('x'):gsub('x', '%2')"), "invalid capture index" },
    { HOOK("return ('x'):find('%f')"), "missing '['" },
    { HOOK("return ('x'):find('%1')"), "invalid capture index" },
    { HOOK("local t = {} for i = 1, 1e6 do t[i] = i end table.sort(t)"), "p.lua:3:" },
    { HOOK("local t = {} for i = 1, 2e4 do table.insert(t, 1, i) end"), "too long" },
    { HOOK("return table.concat({}, 'x', 1, 1e12)"), "too long" },
    { HOOK("return table.unpack({}, 1, 1e8)"), "p.lua:3:" },
    { HOOK("return table.concat(setmetatable({}, { __index = function() return 'x' end }), '', 1, 1e9)"), "too long" },
    { HOOK("return select('#', table.unpack({}, 1, 1e7))"), "p.lua:3:" },
    { HOOK("local s = ('x'):rep(1e6) for i = 1, 1e9 do s:upper() end"), "too long" },
    { HOOK("local s = ('1'):rep(1e6) for i = 1, 1e9 do local n = tonumber(s) end"), "too long" },
    { HOOK("local s = ('x'):rep(1e6) for i = 1, 1e9 do utf8.len(s) end"), "too long" },
    { HOOK("local s = ('x'):rep(1e6) for i = 1, 1e9 do local x = s:find('yyyy', 1, true) end"), "too long" },
    { HOOK("local s = ('x'):rep(1e6) for i = 1, 1e9 do local x = s .. i end"), "too long" },
    { HOOK("::again:: goto again"), "too long" },
    { HOOK("local a = setmetatable({}, { __concat = function(x, y) return x .. y end }) return a .. 1"), "p.lua:3:" },
    { HOOK("local t = {} for i = 1, 3000 do t = setmetatable({}, { __index = t }) end return t.x"),
      "p.lua:3: '__index' chain too long" },
    { HOOK(
          "local n = 0 local m = { __lt = function() n = n + 1 while true do end end } local a, b = setmetatable({}, m), setmetatable({}, m) return a < b"),
      "too long" },
    { HOOK("local a, b = ('x'):rep(1e6) .. 'a', ('x'):rep(1e6) .. 'b' for i = 1, 1e9 do local c = a < b end"),
      "too long" },
    { HOOK("local a, b = ('x'):rep(1e6) .. 'a', ('x'):rep(1e6) .. 'a' for i = 1, 1e9 do local c = a == b end"),
      "too long" },
    { HOOK("local s = ('x'):rep(1e6) while true do s:byte(1, 1e5) end"), "p.lua:3:" },
    { HOOK("local function f() pcall(f) end while true do f() end"), "p.lua:3:" },
    { HOOK("local function f(s) return (s:gsub('.', f)) end while true do f('x') end"), "p.lua:3:" },
    { HOOK("local s = ('a*'):rep(2000) for i = 1, 1e9 do gw.text.like(('a'):rep(200000), s .. 'b') end"), "too long" },
    { HOOK(
          "local w = {} for i = 1, 20000 do w[i] = 'word' .. i end w = gw.text.words(w) for i = 1, 1e9 do w:find(('x'):rep(1e5)) end"),
      "too long" },
    { HOOK("local s = ('{{x}}'):rep(200000) return gw.text.fill(s, { x = ('y'):rep(1e5) })"), "p.lua:3:" },
    { HOOK("local s = ('x'):rep(1e6) for i = 1, 1e9 do gw.text.digest(s) end"), "too long" },
    { HOOK("local s = ('['):rep(1e6) for i = 1, 1e9 do gw.json.decode(s) end"), "too long" },
    { HOOK("local s = '[' .. ('1,'):rep(5e5) .. '1]' return #gw.json.decode(s)"), "p.lua:3:" },
    { HOOK("local t = {} for i = 1, 1e5 do t[i] = ('x'):rep(100) .. i end for i = 1, 1e9 do gw.json.encode(t) end"),
      "p.lua:3:" },
    { HOOK("while true do gw.note(('x'):rep(1e5)) end"), "too long" },
    { HOOK("while true do gw.count('a') end"), "too long" },
    { HOOK("while true do gw.time.day() end"), "too long" },
    { HOOK("local i = 0 while true do i = i + 1 gw.counter.add('n' .. i, 1, { per = 'day' }) end"), "too long" },
    { HOOK("local i, s = 0, ('x'):rep(60000) while true do i = i + 1 gw.cache.set('n' .. i, s, { ttl_s = 60 }) end"),
      "too long" },
    { HOOK("while true do req:texts() end"), "too long" },
    { HOOK("while true do local m = req.messages end"), "too long" },
    { HOOK("while true do req:find('zzz') end"), "too long" },
    { HOOK("while true do req:add_system(('x'):rep(1e5)) end"), "p.lua:3:" },
    { HOOK("while true do req:map_text(function(t) return t .. t end) end"), "p.lua:3:" },
    { HOOK("while true do req:set('temperature', 1) req:set('temperature', 0) end"), "p.lua:3:" },
    { HOOK("for i = 1, 1e9 do req:send_header('x-' .. i, 'v') end"), "at most" },
    { HOOK("while true do req:tag('a', 'b') end"), "too long" },
    { HOOK("req:map_text(function() while true do end end)"), "too long" },
    { HOOK("req:map_text(function() error('mine') end)"), "p.lua:3: mine" },
    { HOOK("req:find({ find = function() while true do end end })"), "too long" },
    { HOOK(
          "for a, b in pairs(setmetatable({}, { __pairs = function() return next, _ENV, nil end })) do gw.nothing = b end"),
      "p.lua:" },
    /* memory */
    { HOOK("req.vars.big = {} local t = req.vars.big while true do t[#t + 1] = ('x'):rep(1e5) .. #t end"), "p.lua:3:" },
    { HOOK("local f = function() end while true do local g = f f = function() return g() end end"), "p.lua:3:" },
    { HOOK("return gw.answer(('x'):rep(1e6):rep(40))"), "string.rep: more than" },
    { HOOK("local t = {} for i = 1, 40 do t[i] = ('x'):rep(1e6) end return gw.answer(table.concat(t))"), "p.lua:3:" },
    { HOOK("assert(false, ('x'):rep(1000))"), "xxx" },
    { HOOK("assert(false, {})"), "error() was called with table" },
    { HOOK("local ok, e = pcall(error, setmetatable({}, { __tostring = function() while true do end end })) error(e)"),
      "error() was called with table" },
    { HOOK("local ok, e = pcall(error) error('after ' .. tostring(e))"), "after nil" },
    { HOOK("local t = {} while true do t[#t + 1] = ('x'):rep(1e6) .. #t end"), "p.lua:3:" },
    { HOOK("local s = 'x' while true do s = s .. s end"), "p.lua:3: it" },
    { HOOK("local t = {} for i = 1, 1e9 do t[i] = {} end"), "p.lua:3:" },
    { HOOK("local function f(n) return 1 + f(n + 1) end return f(1)"), "p.lua:3:" },
    { HOOK("while true do pcall(function() local s = 'x' while true do s = s .. s end end) end"), "memory_mb" },
    { HOOK("return string.format('%s', ('x'):rep(1e6)):rep(1e6)"), "p.lua:3:" },
    { HOOK("local t = {} for i = 1, 60 do t[i] = ('x'):rep(1e6) .. i end return table.concat(t)"), "p.lua:3:" },
    { HOOK("error(('x'):rep(1e6))"), "xxx" },
    { HOOK("error({})"), "error() was called with table" },
    { HOOK("error()"), "error() was called with nil" },
    { HOOK("error(setmetatable({}, { __tostring = function() while true do end end }))"),
      "error() was called with table" },
    /* what is not there */
    { HOOK("xpcall(print, print)"), "unknown name \"xpcall\"" },
    { HOOK("coroutine.wrap(print)"), "unknown name \"coroutine\"" },
    { HOOK("load('return 1')"), "unknown name \"load\"" },
    { HOOK("loadstring('return 1')"), "unknown name" },
    { HOOK("dofile('/etc/passwd')"), "unknown name \"dofile\"" },
    { HOOK("io.open('/etc/passwd')"), "unknown name \"io\"" },
    { HOOK("os.execute('true')"), "unknown name \"os\"" },
    { HOOK("debug.getregistry()"), "unknown name \"debug\"" },
    { HOOK("collectgarbage('stop')"), "unknown name" },
    { HOOK("rawset(string, 'x', 1)"), "unknown name \"rawset\"" },
    { HOOK("rawget(_G, 'x')"), "unknown name" },
    { HOOK("getmetatable('').__index = nil"), "unknown name \"getmetatable\"" },
    { HOOK("package.loadlib('x', 'y')"), "unknown name \"package\"" },
    { HOOK("require 'os'"), "p.lua:3: require reads while the policy is loaded" },
    { HOOK("string.dump(print)"), "unknown function \"dump\"" },
    { HOOK("table.move({}, 1, 1e12, 2)"), "unknown function \"move\"" },
    { HOOK("math.random()"), "unknown function \"random\"" },
    { HOOK("string.pack('i4', 1)"), "unknown function \"pack\"" },
    /* what cannot be changed */
    { HOOK("spent = 1"), "write local before it" },
    { HOOK("string.find = nil"), "string is read-only" },
    { HOOK("gw.deny = nil"), "gw is read-only" },
    { HOOK("gw.json.null = 1"), "gw.json is read-only" },
    { HOOK("table.insert(string, 1)"), "read-only" },
    { HOOK("setmetatable(string, {})"), "has its metatable" },
    { HOOK("setmetatable('', {})"), "table expected" },
    { HOOK("setmetatable({}, { __gc = function() while true do end end })"), "__gc is not available" },
    { HOOK("local x <close> = setmetatable({}, { __close = function() while true do end end })"),
      "__close is not available" },
    { HOOK(
          "local m = {} local t = setmetatable({}, m) m.__close = function() while true do end end local x <close> = t"),
      "non-closable" },
    { HOOK("setmetatable({}, { __len = function() return 1e12 end })"), "__len is not available" },
    { HOOK("setmetatable({}, { __mode = 'k' })"), "__mode is not available" },
    { HOOK("setmetatable(setmetatable({}, {}), {})"), "has its metatable" },
    { HOOK("req.model = 'smart'"), "return gw.route(model)" },
    { HOOK("req.messages[1].text = 'x'"), "read-only" },
    { HOOK("local r = req r.mesages = 1"), "read-only" },
    { HOOK("local t = req.tags t.x = 1"), "read-only" },
    { HOOK("return req.messages[0]"), "the first one is 1" },
    { HOOK("setmetatable(req, {})"), "table expected" },
    { HOOK("for k in next, req do end"), "table expected" },
    /* names that are wrong */
    { HOOK("return req.mesages"), "did you mean \"messages\"?" },
    { HOOK("return req.messages[1].txt"), "did you mean \"text\"?" },
    { HOOK("return gw.dney(403, 'x', 'y')"), "did you mean \"deny\"?" },
    { HOOK("return gw.route('smrt')"), "did you mean \"smart\"?" },
    { HOOK("return gw.deny(200, 'x', 'y')"), "a status from 400 to 599" },
    { HOOK("return gw.deny(429, 'Too Long', 'y')"), "snake_case" },
    { HOOK("return gw.deny(429, 'x', 'y', { retry_after = 3 })"), "did you mean \"retry_after_s\"?" },
    { HOOK("return gw.answer(12)"), "a text is needed" },
    { HOOK("return req.texts({})"), "with a colon" },
    { HOOK("return req:texts { role = {} }"), "did you mean \"roles\"?" },
    { HOOK("return req:texts { roles = { 'usr' } }"), "did you mean \"user\"?" },
    { HOOK("return req:get('max_token')"), "did you mean \"max_tokens\"?" },
    { HOOK("return 12"), "no decision" },
    { HOOK("return gw.args { a = 1 }"), "only at the top of the file" },
    { HOOK("return gw.json.encode(print)"), "no functions" },
    { HOOK("local t = {} t.t = t return gw.json.encode(t)"), "nested too deeply" },
    { HOOK("return nil .. 'x'"), "p.lua:3: attempt to concatenate a nil value" },
};

/* False after a line on stderr: all that fail are shown. */
static bool holds(bool good, const struct attempt *a, const char *error)
{
    if (!good)
        fprintf(stderr, "%s\n  wanted: %s\n  error:  %s\n", a->source, a->error, error);
    return good;
}

static unsigned try_one(const struct attempt *a)
{
    struct fixture f;
    unsigned wrong = 0;
    fixture_open(&f, a->source, NULL);
    bool loaded = f.wrong[0] == '\0'; /* what it misspells is found while it is loaded */
    if (!loaded)
        wrong += !holds(strstr(f.wrong, a->error) != NULL && strncmp(f.wrong, "p.lua:", 6) == 0, a, f.wrong);
    for (int again = 0; again < 2 && loaded; again++) {
        fixture_ask(&f, &face_chat, chat);
        int64_t from = clock_cpu_ns();
        enum script_verdict verdict = script_on_request(f.worker, &f.req);
        int64_t took = clock_cpu_ns() - from;
        const char *error = fixture_error(&f);
        wrong += !holds(verdict == SCRIPT_FAILED && strstr(error, a->error) != NULL && strncmp(error, "p.lua", 5) == 0,
                        a, error);
        wrong += !holds(took < MOST_NS, a, "it took too long");
        script_on_finish(f.worker, &f.req, &(struct script_done){ .outcome = "failed" });
    }
    fixture_close(&f);
    return wrong;
}

/* The thread sanitizer keeps the frames of our functions that an error of Lua jumps over, and ends the process after 64 K of them: the first
 * makes more. With its cost the second is over its time before it meets Lua's own bound. */
static bool is_too_much_here(const struct attempt *a)
{
#ifdef __SANITIZE_THREAD__
    return strstr(a->source, "pcall(f) end while true") != NULL ||
           strstr(a->source, "3000 do t = setmetatable") != NULL;
#else
    (void)a;
    return false;
#endif
}

Test(escape, every_attempt_ends_with_an_error)
{
    unsigned wrong = 0;
    log_set_level(0);
    cr_assert_geq(sizeof attempts / sizeof *attempts, 50u);
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
        wrong += is_too_much_here(&attempts[i]) ? 0 : try_one(&attempts[i]);
    log_set_level(LOG_INFO);
    cr_assert_eq(wrong, 0u);
}

/* A request whose on_request does not end has an on_finish, too: both together hold up the worker hardly longer than one. */
Test(escape, the_hooks_of_a_request_share_its_time)
{
    static const struct usage nothing;
    struct fixture f;
    log_set_level(0);
    fixture_open(
        &f,
        "return { on_request = function(req) while req.user == 'x' do end end,\n on_finish = function() while true do end end }",
        NULL);
    for (int first = 0; first < 2; first++) {
        fixture_ask(&f, &face_chat, chat);
        f.req.user = first == 0 ? TEXT("x") : TEXT("y");
        int64_t from = clock_cpu_ns();
        cr_assert_eq(script_on_request(f.worker, &f.req), first == 0 ? SCRIPT_FAILED : SCRIPT_PASS);
        script_on_finish(f.worker, &f.req, &(struct script_done){ .outcome = "failed", .usage = &nothing });
        cr_assert_lt(clock_cpu_ns() - from, MOST_NS);
        const char *error = fixture_error(&f); /* of on_finish */
        cr_assert_not_null(strstr(error, "p.lua:2: it ran for too long (cpu_ms = 10"), "%s", error);
        cr_assert_eq(strstr(error, ", an eighth of it") != NULL, first == 0, "%s", error);
    }
    fixture_close(&f);
    log_set_level(LOG_INFO);
}

/* What is wrong when it is loaded. */
Test(escape, a_file_that_is_wrong_is_not_loaded)
{
    static const struct attempt files[] = {
        { "return {", "p.lua:1:" },
        { "\x1bLua", "attempt to load a binary chunk" },
        { "while true do end", "p.lua:1: it ran for too long" },
        { "local s = 'x' while true do s = s .. s end", "memory_mb" },
        { "return 1", "must end with `return policy`" },
        { "return {}", "it has no hook" },
        { "return { on_reqest = function() end }", "did you mean \"on_request\"?" },
        { "return { on_request = 1 }", "must be a function" },
        { "gw.deny(403, 'x', 'y') return {}", "not available in the file while it is loaded" },
        { "local a = gw.args { model = gw.arg.model() } return {}", "p.lua:1: gw.args: model is missing" },
        { "local a = gw.args { model = gw.arg.model('fst') } return {}", "did you mean \"fast\"?" },
        { "local a = gw.args { n = 1 } return { on_request = function() return a.m end, x = 1 }",
          "unknown hook \"x\"" },
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct fixture f;
        fixture_open(&f, files[i].source, NULL);
        cr_assert(strstr(f.wrong, files[i].error) != NULL, "%s: %s", files[i].source, f.wrong);
        fixture_close(&f);
    }
}
