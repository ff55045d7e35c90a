/* test_throttle.c - limits per minute and in flight: what is taken, refused, given back, and what the answer's head has of it. The
 * counters are a table here, the wall clock is set. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "check.h"
#include "flow/answer_head.h"
#include "flow/metrics.h"
#include "flow/way.h"
#include "plugin/call.h"
#include "plugin/counters.h"

/* ---- a cache of counters ---- */

static struct {
    char key[64];
    int64_t total;
} held[64];
static size_t held_count;
static uint32_t last_ttl;
static bool fails;
static int session;

static gw_status fake_open(const gw_host *h, gw_call *call, const gw_json *config, void **out)
{
    (void)h, (void)call, (void)config;
    *out = &session;
    return GW_OK;
}
static void fake_close(void *i)
{
    (void)i;
}
static gw_status fake_attach(void *i, gw_call *call, void **out)
{
    (void)call;
    *out = i;
    return GW_OK;
}
static gw_status fake_get(void *s, gw_call *call, const gw_scope *scope, gw_str key, gw_buf *value)
{
    (void)s, (void)call, (void)scope, (void)key, (void)value;
    return GW_MISS;
}
static gw_status fake_set(void *s, gw_call *call, const gw_scope *scope, gw_str key, gw_str value, uint32_t ttl_s,
                          uint32_t mode)
{
    (void)s, (void)call, (void)scope, (void)key, (void)value, (void)ttl_s, (void)mode;
    return GW_OK;
}
static gw_status fake_del(void *s, gw_call *call, const gw_scope *scope, gw_str key)
{
    (void)s, (void)call, (void)scope, (void)key;
    return GW_OK;
}
static gw_status fake_add(void *s, gw_call *call, const gw_scope *scope, gw_str key, int64_t delta, uint32_t ttl_s,
                          uint32_t mode, int64_t *total)
{
    (void)s, (void)call, (void)scope;
    size_t i = 0;
    last_ttl = ttl_s;
    if (fails)
        return GW_E_RETRY;
    while (i < held_count && !text_is(call_text(key), held[i].key))
        i++;
    if (i == held_count && mode == GW_ADD_EXISTING)
        return GW_MISS;
    if (i == held_count)
        snprintf(held[held_count++].key, sizeof held[0].key, "%.*s", (int)key.len, key.ptr);
    held[i].total += delta;
    *total = held[i].total;
    return GW_OK;
}

static const gw_cache_ops ops = { .size = sizeof ops,
                                  .flags = GW_CACHE_INLINE,
                                  .open = fake_open,
                                  .close = fake_close,
                                  .attach = fake_attach,
                                  .detach = fake_close,
                                  .get = fake_get,
                                  .set = fake_set,
                                  .del = fake_del,
                                  .add = fake_add };
static const gw_plugin descriptor = { .abi_major = GW_ABI_MAJOR,
                                      .needs_minor = GW_ABI_MINOR,
                                      .size = sizeof descriptor,
                                      .kind = GW_KIND_CACHE,
                                      .name = "table",
                                      .version = "1",
                                      .ops = &ops };

/* ---- a gateway with limits ---- */

static struct config config;
static struct config_team team;
static struct config_key key;
static struct gateway gateway;
static struct worker worker;
static struct request req[4];

#define MINUTE_0 INT64_C(29000000) /* since 1970 */

static void set_clock(int64_t minute, int64_t second)
{
    clock_shift_unix(0);
    clock_shift_unix((minute * 60 + second) * 1000 + 300 - clock_unix_ms());
}

static void begin(struct config_rates all, struct config_rates of_team, struct config_rates of_key)
{
    struct fail fail;
    crypto_start();
    held_count = 0;
    memset(held, 0, sizeof held);
    fails = false;
    memset(&config, 0, sizeof config);
    team = (struct config_team){ .name = TEXT("t\"1"), .rates = of_team };
    key = (struct config_key){ .name = TEXT("k1"), .rates = of_key };
    config.rates = all;
    team.rates.index = 1;
    key.rates.index = 2;
    config.teams = &team;
    config.team_count = 1;
    config.keys = &key;
    config.key_count = 1;
    const struct plugin *plugin = plugin_adopt(&descriptor, "(test)", &fail);
    cr_assert_not_null(plugin, "%s", fail.text);
    struct counters *counters = counters_open(plugin, "limits", &fail);
    cr_assert_not_null(counters, "%s", fail.text);
    memset(&gateway, 0, sizeof gateway);
    gateway.metrics = metrics_new(1);
    struct throttle *throttle = throttle_new(counters);
    throttle_bind(throttle, &config);
    atomic_store(&gateway.throttle, throttle);
    worker.gateway = &gateway;
    for (size_t i = 0; i < 4; i++) {
        memset(&req[i], 0, sizeof req[i]);
        arena_init(&req[i].arena, NULL, 0, 1 << 20);
        buf_init(&req[i].body, 1 << 20);
        req[i].worker = &worker;
        req[i].config = &config;
        req[i].team = &team;
        req[i].key = &key;
        req[i].operation = GW_OP_CHAT;
    }
    set_clock(MINUTE_0, 0);
}

static void end(void)
{
    for (size_t i = 0; i < 4; i++) {
        buf_free(&req[i].body);
        arena_fini(&req[i].arena);
    }
    throttle_free(gateway.throttle);
    metrics_free(gateway.metrics);
    clock_shift_unix(0);
}

/* A body of `bytes` with this member. */
static void body(struct request *r, size_t bytes, const char *member)
{
    char text[200];
    int n = snprintf(text, sizeof text, "{%s}", member);
    buf_free(&r->body);
    buf_init(&r->body, 1 << 20);
    buf_str(&r->body, text);
    for (size_t i = (size_t)n; i < bytes; i++)
        buf_str(&r->body, " ");
    cr_assert_eq(scan_object(&r->arena, buf_view(&r->body), SCAN_MAX_DEPTH, &r->ask.scan), 0);
}

static int64_t total(char owner, char what, int64_t minute)
{
    char tail[40];
    snprintf(tail, sizeof tail, ":%c:%lld", what, (long long)minute);
    for (size_t i = 0; i < held_count; i++)
        if (held[i].key[0] == owner && text_ends(text_of(held[i].key), text_of(tail)))
            return held[i].total;
    return 0;
}

static const char *head_of(struct request *r)
{
    static char text[500];
    struct answer_head head = { .count = 0 };
    size_t n = 0;
    text[0] = '\0';
    throttle_head(r, &head);
    for (size_t i = 0; i < head.count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s=%s;", head.all[i].name + strlen("x-ratelimit-"),
                              head.all[i].value);
    return text;
}

static void refused(struct request *r, const char *text, int retry_after_s)
{
    cr_assert_eq(throttle_run(r), FAIL);
    cr_assert_str_eq(r->fail.text, text);
    cr_assert_eq(r->fail.status, 429);
    cr_assert_eq(r->fail.retry_after_s, retry_after_s, "%d", r->fail.retry_after_s);
    cr_assert_eq(r->taken.minute, 0, "nothing is taken");
}

static const struct config_rates none = { 0 };

Test(throttle, is_needed_where_somebody_has_a_limit)
{
    struct config_team teams[2] = { { .rates = { 0 } }, { .rates = { .tpm = 1 } } };
    struct config_key keys[2] = { { .rates = { 0 } }, { .rates = { .in_flight = 1 } } };
    struct config c = { .teams = teams, .team_count = 1, .keys = keys, .key_count = 1 };
    cr_assert_not(throttle_is_needed(&c));
    c.team_count = 2;
    cr_assert(throttle_is_needed(&c));
    c.team_count = 1;
    c.key_count = 2;
    cr_assert(throttle_is_needed(&c));
    c.key_count = 1;
    c.rates.rpm = 1;
    cr_assert(throttle_is_needed(&c));
}

Test(throttle, counts_requests_of_the_last_minute)
{
    begin(none, none, (struct config_rates){ .rpm = 2 });
    set_clock(MINUTE_0, 15);
    cr_assert_eq(throttle_run(&req[0]), NEXT);
    cr_assert_eq(last_ttl, 180u);
    cr_assert_str_eq(head_of(&req[0]), "limit-requests=2;remaining-requests=1;reset-requests=45s;");
    cr_assert_eq(throttle_run(&req[1]), NEXT);
    cr_assert_str_eq(head_of(&req[1]), "limit-requests=2;remaining-requests=0;reset-requests=45s;");
    cr_assert_eq(total('k', 'r', MINUTE_0), 2);
    refused(&req[2], "The key \"k1\" has used up its limit of 2 requests per minute. Try again in 60 s", 60);
    cr_assert_str_eq(head_of(&req[2]), "limit-requests=2;remaining-requests=0;reset-requests=45s;");
    cr_assert_eq(total('k', 'r', MINUTE_0), 2);
    /* In the next minute 2 * (60 - s) / 60, rounded up, still counts. */
    set_clock(MINUTE_0 + 1, 0);
    refused(&req[2], "The key \"k1\" has used up its limit of 2 requests per minute. Try again in 30 s", 30);
    set_clock(MINUTE_0 + 1, 29);
    refused(&req[2], "The key \"k1\" has used up its limit of 2 requests per minute. Try again in 1 s", 1);
    set_clock(MINUTE_0 + 1, 30);
    cr_assert_eq(throttle_run(&req[2]), NEXT);
    cr_assert_str_eq(head_of(&req[2]), "limit-requests=2;remaining-requests=0;reset-requests=30s;");
    cr_assert_eq(total('k', 'r', MINUTE_0 + 1), 1);
    end();
}

Test(throttle, counts_tokens_as_expected_and_then_as_reported)
{
    struct attempt attempt = { .wire = WIRE_OVER };
    begin(none, none, (struct config_rates){ .tpm = 1000 });
    set_clock(MINUTE_0, 30);
    body(&req[0], 700, "\"max_tokens\":100"); /* 700 * 2 / 7 + 100 */
    cr_assert_eq(throttle_run(&req[0]), NEXT);
    cr_assert_eq(req[0].taken.tokens, 300);
    cr_assert_eq(total('k', 't', MINUTE_0), 300);
    cr_assert_str_eq(head_of(&req[0]), "limit-tokens=1000;remaining-tokens=700;reset-tokens=30s;");
    body(&req[1], 700, "\"max_tokens\":601");
    refused(&req[1], "The key \"k1\" has used up its limit of 1000 tokens per minute. Try again in 51 s", 51);
    cr_assert_str_eq(head_of(&req[1]), "limit-tokens=1000;remaining-tokens=0;reset-tokens=30s;");

    /* Less than was expected is given back to the minute in which it was taken; what is more counts now. */
    req[0].attempt = &attempt;
    attempt.usage = (struct usage){ .source = USAGE_REPORTED, .input = 10, .cache_read = 5, .output = 20 };
    set_clock(MINUTE_0 + 1, 0);
    throttle_end(&req[0]);
    cr_assert_eq(total('k', 't', MINUTE_0), 35);
    cr_assert_eq(total('k', 't', MINUTE_0 + 1), 0);
    throttle_end(&req[0]);
    cr_assert_eq(total('k', 't', MINUTE_0), 35, "once");
    cr_assert_eq(throttle_run(&req[0]), NEXT);
    cr_assert_eq(total('k', 't', MINUTE_0 + 1), 300);
    attempt.usage.output = 500;
    set_clock(MINUTE_0 + 2, 0);
    throttle_end(&req[0]);
    cr_assert_eq(total('k', 't', MINUTE_0 + 1), 300);
    cr_assert_eq(total('k', 't', MINUTE_0 + 2), 215);
    end();
}

Test(throttle, expects_tokens_from_the_body)
{
    static const struct {
        uint32_t operation;
        const char *member;
        int64_t choices, tokens;
    } rows[] = {
        { GW_OP_CHAT, "", 1, 200 + 4096 },
        { GW_OP_COMPLETIONS, "\"max_tokens\":7", 0, 200 + 7 },
        { GW_OP_CHAT, "\"max_completion_tokens\":7", 1, 200 + 7 },
        { GW_OP_CHAT, "\"max_output_tokens\":7", 1, 200 + 7 },
        { GW_OP_CHAT, "\"max_tokens\":9,\"max_completion_tokens\":7", 1, 200 + 7 },
        { GW_OP_CHAT, "\"max_tokens\":0", 1, 200 + 4096 },
        { GW_OP_CHAT, "\"max_tokens\":-5", 1, 200 + 4096 },
        { GW_OP_CHAT, "\"max_tokens\":5000", 1, 200 + 4096 },
        { GW_OP_CHAT, "\"max_tokens\":\"7\"", 1, 200 + 4096 },
        { GW_OP_CHAT, "\"max_tokens\":7", 3, 200 + 21 },
        { GW_OP_EMBEDDINGS, "\"max_tokens\":7", 1, 200 },
        { GW_OP_CHAT, "\"max_tokens\":7", INT64_MAX, 200 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(none, none, (struct config_rates){ .tpm = 100000 });
        body(&req[0], 700, rows[i].member);
        req[0].operation = rows[i].operation;
        req[0].ask.choices = rows[i].choices;
        cr_assert_eq(throttle_run(&req[0]), NEXT);
        cr_assert_eq(req[0].taken.tokens, rows[i].tokens, "%zu: %lld", i, (long long)req[0].taken.tokens);
        end();
    }
}

/* One that alone is over the limit passes where nothing else is there. */
Test(throttle, lets_one_pass_that_is_over_the_limit)
{
    begin(none, none, (struct config_rates){ .tpm = 50 });
    body(&req[0], 700, "\"max_tokens\":100");
    cr_assert_eq(throttle_run(&req[0]), NEXT);
    cr_assert_eq(total('k', 't', MINUTE_0), 50);
    cr_assert_eq(req[0].taken.tokens, 300);
    refused(&req[1], "The key \"k1\" has used up its limit of 50 tokens per minute. Try again in 60 s", 60);
    throttle_end(&req[0]);
    cr_assert_eq(total('k', 't', MINUTE_0), 0, "nothing was sent");
    end();
}

Test(throttle, counts_what_is_in_flight)
{
    begin(none, (struct config_rates){ .in_flight = 2 }, none);
    cr_assert_eq(throttle_run(&req[0]), NEXT);
    cr_assert_str_eq(head_of(&req[0]), "", "it has no header");
    cr_assert_eq(throttle_run(&req[1]), NEXT);
    refused(&req[2], "The team \"t\"1\" has 2 requests in flight, its limit. Try again when one of them is over", 1);
    throttle_end(&req[0]);
    cr_assert_eq(throttle_run(&req[2]), NEXT);
    refused(&req[3], "The team \"t\"1\" has 2 requests in flight, its limit. Try again when one of them is over", 1);
    throttle_end(&req[1]);
    throttle_end(&req[2]);
    cr_assert_eq(held_count, 0u, "counters are not asked");
    end();
}

Test(throttle, takes_of_all_limits_or_of_none)
{
    begin((struct config_rates){ .rpm = 10 }, (struct config_rates){ .rpm = 5, .tpm = 100000 },
          (struct config_rates){ .rpm = 1, .in_flight = 9 });
    cr_assert_eq(throttle_run(&req[0]), NEXT);
    cr_assert_eq(total('g', 'r', MINUTE_0), 1);
    cr_assert_eq(total('t', 'r', MINUTE_0), 1);
    cr_assert_eq(total('k', 'r', MINUTE_0), 1);
    cr_assert_not_null(strstr(head_of(&req[0]), "limit-requests=1;remaining-requests=0;"), "the least: %s",
                       head_of(&req[0]));
    refused(&req[1], "The key \"k1\" has used up its limit of 1 requests per minute. Try again in 60 s", 60);
    cr_assert_eq(total('g', 'r', MINUTE_0), 1);
    cr_assert_eq(total('t', 'r', MINUTE_0), 1);
    req[2].key = NULL; /* a request without a key counts for its team */
    cr_assert_eq(throttle_run(&req[2]), NEXT);
    cr_assert_eq(total('t', 'r', MINUTE_0), 2);
    cr_assert_eq(total('k', 'r', MINUTE_0), 1);
    throttle_end(&req[0]); /* nothing of it was sent */
    cr_assert_eq(total('g', 'r', MINUTE_0), 1);
    cr_assert_eq(total('t', 'r', MINUTE_0), 1);
    cr_assert_eq(total('k', 'r', MINUTE_0), 0);
    end();
    begin((struct config_rates){ .rpm = 1 }, none, none);
    cr_assert_eq(throttle_run(&req[0]), NEXT);
    refused(&req[1], "This gateway has used up its limit of 1 requests per minute. Try again in 60 s", 60);
    req[2].operation = GW_OP_COUNT_TOKENS;
    cr_assert_eq(throttle_run(&req[2]), NEXT, "a count of tokens is free");
    cr_assert_eq(req[2].taken.minute, 0);
    end();
}

Test(throttle, counts_a_request_that_was_sent)
{
    struct attempt first = { .wire = WIRE_UNSENT }, second = { .wire = WIRE_RUNS, .previous = &first };
    begin(none, none, (struct config_rates){ .rpm = 5 });
    cr_assert_eq(throttle_run(&req[0]), NEXT);
    req[0].attempt = &second;
    throttle_end(&req[0]);
    cr_assert_eq(total('k', 'r', MINUTE_0), 1);
    cr_assert_eq(throttle_run(&req[1]), NEXT);
    req[1].attempt = &first;
    throttle_end(&req[1]);
    cr_assert_eq(total('k', 'r', MINUTE_0), 1, "not one whose byte never reached a connection");
    end();
}

Test(throttle, limits_nobody_where_the_cache_fails)
{
    begin(none, none, (struct config_rates){ .rpm = 1, .tpm = 1 });
    fails = true;
    cr_assert_eq(throttle_run(&req[0]), NEXT);
    cr_assert_eq(throttle_run(&req[1]), NEXT);
    throttle_end(&req[0]);
    throttle_end(&req[1]);
    end();
}
