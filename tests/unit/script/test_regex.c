/* gw.regex: what it finds and replaces, what is wrong with a pattern, and that no pattern runs or grows without end. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "check.h"
#include "fixture.h"

#define MOST_NS (300 * CLOCK_MS) /* of a hook that may take 10 ms, also with sanitizers */
#define POLICY(pattern, body)                                                                                          \
    "local re = gw.regex [==[" pattern "]==]\nlocal policy = {}\nfunction policy.on_request(req) " body                \
    " end\nreturn policy\n"

/* The same, of a pattern that is made. */
#define MADE(pattern, body)                                                                                            \
    "local re = gw.regex(" pattern ")\nlocal policy = {}\nfunction policy.on_request(req) " body " end\nreturn policy\n"

#define SET                                                                                                            \
    "'[' .. (function() local s = '' for i = 1, 2000 do s = s .. utf8.char(300 + 3 * i) end return s end)() .. ']+[!?]'"

static const char chat[] =
    "{\"model\":\"fast\",\"messages\":[{\"role\":\"user\",\"content\":\"card 4111-1111-1111-1111 of "
    "Müller\"}]}";

/* An expression of `re`, and what it gives; with a "!" first: what its error has. */
static const struct line {
    const char *pattern, *expression, *wanted;
} lines[] = {
    { "b+", "re:find('abbbc')", "bbb" },
    { "x", "re:find('abc')", "nil" },
    { "(b)(x)?", "re:find('abc')", "b" },
    { "", "re:find('abc') == ''", "true" },
    { "(?i)straSSe", "re:find('Hauptstrasse')", "strasse" },
    { "(?i)MÜLLER", "re:find('Herr müller')", "müller" },
    { "^.$", "re:find('ü')", "ü" },
    { "\\d{4}(-\\d{4}){3}", "req:find(re)", "4111-1111-1111-1111" },
    { "\\d{4}(-\\d{4}){3}", "select(2, req:find(re))", "user" },
    { "\\d{4}(-\\d{4}){3}", "req:find(re, { roles = { 'system' } })", "nil" },
    { "a\\Kb", "re:find('ab')", "b" },
    { "b", "re:gsub('abcb', 'x')", "axcx" },
    { "x", "re:gsub('abcb', 'y')", "abcb" },
    { "(\\w)(\\w)", "re:gsub('abcd', '%2%1%0%%')", "baab%dccd%" },
    { "(a)|(b)", "re:gsub('ab', '[%1%2]')", "[a][b]" },
    { "x*", "re:gsub('axxb', '-')", "-a-b-" },
    { "x*", "re:gsub('äö', '-')", "-ä-ö-" },
    { "x*", "re:gsub('', '-')", "-" },
    { "(?<=a)b", "re:gsub('abab', 'x')", "axax" },
    { "\\b", "re:gsub('ab cd', '|')", "|ab| |cd|" },
    { "$", "re:gsub('ab', '!')", "ab!" },
    { "a\\K", "re:gsub('aab', '-')", "a-a-b" },
    { "\\d+", "re:gsub('a1b22', function(n) return tonumber(n) + 1 end)", "a2b23" },
    { "(\\w+)@(\\w+)", "re:gsub('me@home', function(a, b) return b .. a end)", "homeme" },
    { "(a)|(b)", "re:gsub('ab', function(a, b) return a and 'A' or b and 'B' end)", "AB" },
    { "\\w", "re:gsub('ab', function(c) if c == 'a' then return 'x' end end)", "xb" },
    { "\\w", "re:gsub('ab', function(c) return re:gsub(c .. c, c) .. '.' end)", "aa.bb." },
    { "x", "re:gsub('x', '%1')", "!%0 to %0 are the match" },
    { "(x)", "re:gsub('x', '%2')", "!%0 to %1 are the match" },
    { "x", "re:gsub('x', '5 %')", "!%% is a percent sign" },
    { "x", "re:gsub('x', {})", "!a text or a function is needed, not table" },
    { "x", "re:gsub('x', function() return {} end)", "!a text or nothing, not table" },
    { "x", "re:gsub('x', function() error('mine') end)", "!mine" },
    { "x", "re:find(nil)", "!regex:find: a text is needed, not nil" },
    { "x", "re:find('\\xff')", "!the text is not UTF-8" },
    { "x", "re.find('x')", "!write it with a colon" },
    { "x", "re:match('x')", "!did you mean :find(text)?" },
    { "x", "re:replace('x', 'y')", "!did you mean :gsub(text, with)?" },
    { "x", "re:fnd('x')", "!did you mean \"find\"?" },
    { "x", "re", "!" },
    { "x", "(function() re.find = nil end)()", "!" },
    { "x", "gw.regex('x')", "!only in the file while it is loaded" },
};

Test(regex, finds_and_replaces)
{
    log_set_level(0);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const struct line *l = &lines[i];
        struct fixture f;
        char source[1024];
        snprintf(
            source, sizeof source,
            "local re = gw.regex [==[%s]==]\nreturn { on_request = function(req) return gw.answer('= ' .. tostring((%s))) "
            "end }",
            l->pattern, l->expression);
        fixture_open(&f, source, NULL);
        cr_assert_str_eq(f.wrong, "", "%s", l->pattern);
        for (int again = 0; again < 2; again++) {
            fixture_ask(&f, &face_chat, chat);
            enum script_verdict verdict = script_on_request(f.worker, &f.req);
            if (l->wanted[0] == '!' && l->wanted[1] != '\0') {
                cr_assert(strstr(fixture_error(&f), l->wanted + 1) != NULL, "%s: %s", l->expression, fixture_error(&f));
                cr_assert(strncmp(fixture_error(&f), "p.lua:2: ", 9) == 0, "%s: %s", l->expression, fixture_error(&f));
                continue;
            }
            if (l->wanted[0] == '!')
                continue;
            cr_assert_eq(verdict, SCRIPT_ANSWER, "%s: %s", l->expression, fixture_error(&f));
            cr_assert_str_eq(f.req.answer.text.ptr + 2, l->wanted, "%s of %s", l->expression, l->pattern);
        }
        fixture_close(&f);
    }
    log_set_level(LOG_INFO);
}

/* The load of a file with a bad pattern ends with its line, PCRE2's message and the offset. */
Test(regex, a_bad_pattern_is_not_loaded)
{
    static const struct {
        const char *pattern, *error;
    } bad[] = {
        { "'a(b'", "p.lua:2: gw.regex: missing closing parenthesis (at offset 3 of the pattern)" },
        { "'[z-a]'", "range out of order in character class (at offset " },
        { "'a**+?x{2}{3}('", "at offset" },
        { "'\\\\'", "\\ at end of pattern (at offset 1 of the pattern)" },
        { "'\\\\C'", "using \\C is disabled" },
        { "'\\xff'", "UTF-8 error" },
        { "'(?<=a*)b'", "lookbehind assertion is not" },
        { "('('):rep(200) .. (')'):rep(200)", "parentheses are too deeply nested" },
        { "('x'):rep(20000)", "pattern string is longer than the limit" },
        { "'(?:(?:(?:x{100}){100}){100}){100}'", "regular expression is too large" },
        { "('(x)'):rep(33)", "it has 33 captures, at most 32 are possible" },
        { "12", "p.lua:2: gw.regex: a pattern is needed, not number" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fixture f;
        char source[512];
        snprintf(source, sizeof source, "local policy = {}\nlocal re = gw.regex(%s)\nreturn policy", bad[i].pattern);
        fixture_open(&f, source, NULL);
        cr_assert(strstr(f.wrong, bad[i].error) != NULL, "%s: %s", bad[i].pattern, f.wrong);
        cr_assert(strncmp(f.wrong, "p.lua:2: ", 9) == 0, "%s", f.wrong);
        fixture_close(&f);
    }
}

/* Patterns that take ages, each with the text for it: the hook ends within its bounds, and the next one runs. */
Test(regex, no_pattern_exceeds_the_bounds)
{
    static const struct {
        const char *source, *error;
    } attempts[] = {
        { POLICY("(a+)+$", "return re:find(('a'):rep(40) .. 'b')"), "too long" },
        { POLICY("(a|aa)+$", "return re:find(('a'):rep(60) .. 'b')"), "too long" },
        { POLICY("(.*)*[xz]", "return re:find(('a'):rep(300000))"), "p.lua:3:" },
        { POLICY("(?:a?){30}a{30}$", "return re:find(('a'):rep(29) .. 'b')"), "" },
        { POLICY("([a-z]+)*[0-9]$", "return re:find(('z'):rep(5000))"), "p.lua:3:" },
        { POLICY("[^x]*+y", "return re:find(('a'):rep(1000000))"), "" },
        { POLICY("[^x]*+[yz]", "return re:find(('a'):rep(200000))"), "too long" },
        { POLICY("a*b", "return re:find(('a'):rep(200000) .. 'c' .. 'b')"), "" },
        { POLICY("a.*b.*c.*d.*[ez]", "return re:find(('abcd'):rep(2000))"), "too long" },
        { POLICY("(a+)\\1[bx]", "return re:find(('a'):rep(100000))"), "p.lua:3:" },
        { POLICY("(?=(a+))a*\\1[bx]", "return re:find(('a'):rep(100000))"), "p.lua:3:" },
        { POLICY("(?R)?a(?R)?[bc]", "return re:find(('a'):rep(5000))"), "p.lua:3:" },
        { POLICY("^(?:(?:a|b)*?c)*$", "return re:find(('ab'):rep(200000))"), "p.lua:3:" },
        { POLICY("((a)|b)*[cd]", "return re:find(('ab'):rep(400000))"), "p.lua:3:" },
        { POLICY("(?<=a{1000})b|[^b]{5000}[yz]", "return re:find(('a'):rep(300000))"), "too long" },
        { POLICY("(?s)(.*?,){20}[PQ]", "return re:find(('1,2,3,4,5,6,7,8,9,10,'):rep(30))"), "too long" },
        { POLICY("\\X*\\X*\\X*[yz]", "return re:find(('e\\u{301}'):rep(3000))"), "too long" },
        { POLICY("x?", "local s = ('x'):rep(1000000) for i = 1, 1e9 do s = re:gsub(s, 'x') end"), "too long" },
        { POLICY("[a-z]", "return re:gsub(('a'):rep(1000000), function() while true do end end)"), "too long" },
        { POLICY(".", "local s = ('x'):rep(1000000) return re:gsub(s, ('y'):rep(1000))"), "p.lua:3:" },
        { POLICY("q", "local s = ('x'):rep(1000000) for i = 1, 1e9 do re:find(s) end"), "too long" },
        { POLICY("(*LIMIT_MATCH=4000000000)(a+)+$", "return re:find(('a'):rep(40) .. 'b')"), "too long" },
        { POLICY("(*NO_START_OPT)(*NO_AUTO_POSSESS)(a+)+[bc]", "return re:find(('a'):rep(100000))"), "p.lua:3:" },
        { MADE(SET, "return re:find(utf8.char(6300):rep(200000))"), "p.lua:3:" },
        { MADE(SET, "for i = 1, 1e9 do re:find(utf8.char(6300):rep(1500)) end"), "too long" },
        { POLICY("\\p{L}+[!?]", "return re:find(('a'):rep(600000))"), "p.lua:3:" },
        { POLICY("\\p{L}+[!?]", "return re:find(('a'):rep(400000))"), "" },
        { POLICY("(*UCP)\\w+[!?]", "return re:find(('a'):rep(400000))"), "" },
        { POLICY("[^]ä\\]ö]+[!?]", "return re:find(('a'):rep(400000))"), "it ran for too long" },
        { MADE("(function() local s = '' for i = 1, 900 do s = s .. 'a?b' .. i .. '|' end return s .. 'c' end)()",
               "return re:find(('ab'):rep(200000))"),
          "too long" },
    };
    log_set_level(0);
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        struct fixture f;
        fixture_open(&f, attempts[i].source, NULL);
        cr_assert_str_eq(f.wrong, "", "%s", attempts[i].source);
        for (int again = 0; again < 2; again++) {
            fixture_ask(&f, &face_chat, chat);
            int64_t from = clock_cpu_ns();
            script_on_request(f.worker, &f.req);
            int64_t took = clock_cpu_ns() - from;
            cr_assert(took < MOST_NS, "%s: %.1f ms", attempts[i].source, (double)took / 1e6);
            cr_assert(strstr(fixture_error(&f), attempts[i].error) != NULL, "%s: %s", attempts[i].source,
                      fixture_error(&f));
            script_on_finish(f.worker, &f.req, &(struct script_done){ .outcome = "failed" });
        }
        fixture_close(&f);
    }
    log_set_level(LOG_INFO);
}

/* Nothing stops an item of a pattern while it reads: a long text and a large set are refused together. */
Test(regex, a_text_is_too_long_for_large_sets)
{
    static const char *const sources[] = {
        MADE(SET, "return re:find(utf8.char(6300):rep(200000))"),
        POLICY("\\p{L}+[!?]", "return re:find(('a'):rep(600000))"),
        POLICY("(*UCP)\\w", "return re:find(('a'):rep(600000))"),
    };
    log_set_level(0);
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        struct fixture f;
        fixture_open(&f, sources[i], NULL);
        f.config->policies[0].cpu_ns = 5 * CLOCK_S;
        fixture_ask(&f, &face_chat, chat);
        script_on_request(f.worker, &f.req);
        cr_assert_not_null(
            strstr(fixture_error(&f), "p.lua:3: regex:find: a text of 600000 bytes is too long for the sets"), "%s",
            fixture_error(&f));
        fixture_close(&f);
    }
    log_set_level(LOG_INFO);
}

/* The memory of patterns is the policy's. */
Test(regex, patterns_count_for_the_memory)
{
    struct fixture f;
    fixture_open(&f, "local t = {}\nfor i = 1, 1000 do t[i] = gw.regex('(?:[a-z]x){700}' .. i) end\nreturn {}", NULL);
    cr_assert(strncmp(f.wrong, "p.lua:2: ", 9) == 0 && strstr(f.wrong, "memory") != NULL, "%s", f.wrong);
    fixture_close(&f);
}
