/* What gw has for a policy: each line is an expression and the text that it gives. */
#include <string.h>

#include "base/log.h"
#include "check.h"
#include "fixture.h"

static bool spend(void *owner, enum script_whose whose, struct text name, enum config_period per,
                  struct script_spend *out)
{
    (void)owner;
    if (whose != SCRIPT_OF_TEAM || per != PERIOD_DAY || !text_is(name, "default"))
        return false;
    *out = (struct script_spend){ 4000000000, 1000000000, 10000000000 };
    return true;
}

static bool east(void *owner, struct text zone, int64_t unix_s, int64_t *out)
{
    (void)owner;
    (void)unix_s;
    *out = 7200;
    return text_is(zone, "Europe/Berlin");
}

static const struct script_host host = { .spend = spend, .east = east };

/* 1787000000: Monday, 2026-08-17 20:53:20 UTC. */
static const struct line {
    const char *expression, *wanted; /* wanted begins with "!": the error has this */
} lines[] = {
    { "gw.text.contains('hello', 'ell')", "true" },
    { "gw.text.starts('hello', 'he')", "true" },
    { "gw.text.ends('hello', 'lo')", "true" },
    { "gw.text.lower('HeLLo')", "hello" },
    { "gw.text.like('claude-opus-4', 'claude-*')", "true" },
    { "gw.text.like('gpt', '*p')", "false" },
    { "gw.text.like('a-b-c', '*-*-c')", "true" },
    { "gw.text.digest('x')", "2d711642b726b04401627ca9fbac32f5" },
    { "gw.text.fill('hi {{name}}, {{ n }}', { name = 'Ann', n = 2 })", "hi Ann, 2" },
    { "gw.text.fill('{{x}}', {})", "!nothing is given for {{x}}" },
    { "gw.text.words({ 'Night', 'fall' }):find('the NIGHTfall')", "night" },
    { "gw.text.words({ 'x' }):find('abc')", "nil" },
    { "gw.text.script('hello')", "latin" },
    { "gw.text.script('Grüße! 123')", "latin" },
    { "gw.text.script('Привет, world and')", "latin" },
    { "gw.text.script('Привет, мир: ok')", "cyrillic" },
    { "gw.text.script('你好')", "han" },
    { "gw.text.script('これは')", "kana" },
    { "gw.text.script('안녕')", "hangul" },
    { "gw.text.script('שלום')", "hebrew" },
    { "gw.text.script('γειά')", "greek" },
    { "gw.text.script('1 + 1 × 2 \\xff') == ''", "true" },
    { "gw.text.script('தமிழ்')", "other" },
    { "gw.text['lowr']('x')", "!did you mean \"lower\"?" },
    { "gw.json.encode({ a = { 1, 2, 'x' } })", "{\"a\":[1,2,\"x\"]}" },
    { "gw.json.encode(req.tools)", "[]" },
    { "gw.json.encode(req.tags)", "{\"plan\":\"free\"}" },
    { "gw.json.decode('[1, {\"a\": null}]')[2].a == gw.json.null", "true" },
    { "select(2, gw.json.decode('{'))", "!" },
    { "gw.time.now()", "1787000000" },
    { "gw.time.day()", "2026-08-17" },
    { "gw.time.at('Europe/Berlin').hour", "22" },
    { "gw.time.at('Europe/Berlin').weekday", "mon" },
    { "gw.time.at('Europe/Berln')", "!is not known here" },
    { "gw.time.within('mon-fri 20:00-21:00')", "true" },
    { "gw.time.within('mon-fri 20:00-21:00', 'Europe/Berlin')", "false" },
    { "gw.time.within('22:00-06:00', 'Europe/Berlin')", "true" },
    { "gw.time.within('tue 20:00-21:00')", "false" },
    { "gw.time.within('sat-mon 20:00-02:00')", "true" },
    { "gw.time.within('9-18')", "!a span looks like" },
    { "gw.spend { team = req.team, per = 'day' }.left_usd", "5.0" },
    { "gw.spend { team = 'default', per = 'day' }.spent_usd", "4.0" },
    { "gw.spend { team = 'default', per = 'week' }.limit_usd", "nil" },
    { "gw.spend { team = 'default', per = 'week' }.spent_usd", "!no budget counts this" },
    { "gw.spend { team = 'defalt', per = 'day' }", "!did you mean \"default\"?" },
    { "gw.spend { team = 'default', per = 'dya' }", "!did you mean \"day\"?" },
    { "gw.spend { tem = 'default', per = 'day' }", "!did you mean \"team\"?" },
    { "gw.bucket('u1') == gw.bucket('u1') and gw.bucket('u1') < 100", "true" },
    { "gw.bucket('u1') ~= gw.bucket('u1', 'other')", "true" },
    { "gw.bucket(req.user)", "!req.conversation never is" },
    { "gw.counter.get('a', { per = 'day' })", "0" },
    { "gw.counter.add('a', 3, { per = 'day' })", "3" },
    { "gw.counter.add('a', 4, { per = 'day' })", "7" },
    { "gw.counter.get('a', { per = 'day' })", "7" },
    { "gw.counter.get('a', { per = 'hour' })", "0" },
    { "gw.counter.get('a', { per = 'day', scope = 'gateway' })", "0" },
    { "gw.counter.add('z', 1, { per = 'day', zone = 'Europe/Berlin' })", "1" },
    { "gw.counter.get('z', { per = 'day' })", "0" },
    { "gw.counter.add('z', 1, { per = 'day', zone = 'Europe/Berlinn' })", "!no time zone" },
    { "gw.counter.add('z', 1, { ttl_s = 5, zone = 'Europe/Berlin' })", "!zone is for per" },
    { "gw.count('Bad name')", "!snake_case" },
    { "(function() for i = 1, 33 do gw.count('e' .. i) end end)()", "!at most 32 events" },
    { "gw.counter.get('a')", "!how long is it kept?" },
    { "gw.counter.add('a', 1, { per = 'dya' })", "!did you mean \"day\"?" },
    { "gw.counter.add('a', 1.5, { per = 'day' })", "!a whole number" },
    { "table.concat({ tostring(gw.counter.take('t', { limit = 2, per = 'minute' })), select(2, gw.counter.take('t', { limit = 2, per = 'minute' })) }, ' ')",
      "true 0 40" },
    { "tostring(gw.counter.take('t', { limit = 2, per = 'minute' }))", "false" },
    { "gw.cache.get('k')", "nil" },
    { "gw.cache.set('k', 'value', { ttl_s = 60 })", "nil" },
    { "gw.cache.get('k')", "value" },
    { "gw.cache.set('k', { a = { 1 } }, { ttl_s = 60 })", "nil" },
    { "gw.cache.get('k').a[1]", "1" },
    { "gw.cache.del('k')", "nil" },
    { "gw.cache.get('k')", "nil" },
    { "gw.cache.set('k', 'v')", "!how many seconds it is kept" },
    { "gw.cache.set('k', 12, { ttl_s = 1 })", "!a text or a table" },
    { "req.headers['X-Feature']", "search" },
    { "req.headers.authorization", "nil" },
    { "req.day", "2026-08-17" },
    { "req.conversation == req.conversation and #req.conversation", "32" },
    { "req.estimated_input_tokens", "5" },
    { "req.purpose", "nil" },
};

Test(library, gives_what_is_wanted)
{
    static const struct script_header headers[] = { { TEXT("x-feature"), TEXT("search") } };
    static char source[32768];
    size_t len = 0, count = sizeof lines / sizeof *lines;
    struct fixture f;
    len += (size_t)snprintf(source, sizeof source, "local lines = {\n");
    for (size_t i = 0; i < count; i++)
        len +=
            (size_t)snprintf(source + len, sizeof source - len, "function(req) return %s end,\n", lines[i].expression);
    snprintf(source + len, sizeof source - len,
             "}\nlocal n = 0\nreturn { on_request = function(req) n = n + 1\n local v = lines[n](req)\n return "
             "gw.answer('= ' .. tostring(v)) end }");
    log_set_level(0);
    fixture_open(&f, source, NULL);
    cr_assert_str_eq(f.wrong, "");
    for (size_t i = 0; i < count; i++) {
        fixture_ask(&f, &face_chat, "{\"model\":\"fast\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}");
        f.req.host = &host;
        f.req.headers = headers;
        f.req.header_count = 1;
        enum script_verdict verdict = script_on_request(f.worker, &f.req);
        if (lines[i].wanted[0] == '!' && lines[i].wanted[1] != '\0') {
            cr_assert_eq(verdict, SCRIPT_FAILED, "%s", lines[i].expression);
            cr_assert(strstr(fixture_error(&f), lines[i].wanted + 1) != NULL, "%s: %s", lines[i].expression,
                      fixture_error(&f));
            continue;
        }
        cr_assert_eq(verdict, SCRIPT_ANSWER, "%s: %s", lines[i].expression, fixture_error(&f));
        if (lines[i].wanted[0] != '!')
            cr_assert_str_eq(f.req.answer.text.ptr + 2, lines[i].wanted, "%s", lines[i].expression);
    }
    log_set_level(LOG_INFO);
    fixture_close(&f);
}
