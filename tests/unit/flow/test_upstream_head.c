/* test_upstream_head.c - what is kept of the head of an upstream's answer, above all when to come again. */
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "flow/way.h"

static struct request req;
static struct attempt attempt;
static struct route_target target;
static struct config_provider provider;

static void begin(void)
{
    memset(&req, 0, sizeof req);
    memset(&attempt, 0, sizeof attempt);
    arena_init(&req.arena, NULL, 0, 1 << 20);
    target.provider = &provider;
    attempt.req = &req;
    attempt.target = &target;
    attempt.should_retry = -1;
}

static bool keep(const char *const (*pairs)[2], size_t count)
{
    struct transfer_header headers[8];
    for (size_t i = 0; i < count; i++)
        headers[i] = (struct transfer_header){ text_of(pairs[i][0]), text_of(pairs[i][1]) };
    return upstream_head_keep(&attempt, headers, count);
}

#define DAY "Sun, 06 Nov 1994 08:49:37 GMT"

Test(upstream_head, reports_when_to_come_again)
{
    static const struct {
        const char *after, *after_ms, *date;
        int seconds;
    } rows[] = {
        { "7", NULL, NULL, 7 },
        { " 7 ", NULL, NULL, 7 },
        { "0", NULL, NULL, 0 },
        { "7.9", NULL, NULL, 7 },
        { "x", NULL, NULL, -1 },
        { "-1", NULL, NULL, -1 },
        { "", NULL, NULL, -1 },
        { "99999999999", NULL, NULL, 366 * 24 * 3600 },
        { NULL, "1", NULL, 1 },
        { NULL, "1000", NULL, 1 },
        { NULL, "1001", NULL, 2 },
        { NULL, "0", NULL, 0 },
        { "9", "1500", NULL, 2 },
        { "9", "x", NULL, 9 },
        { "9", DAY, NULL, 9 },
        { DAY, NULL, "Sun, 06 Nov 1994 08:49:30 GMT", 7 },
        { DAY, NULL, "Sun, 06 Nov 1994 08:49:37 GMT", 0 },
        { DAY, NULL, "Sun, 06 Nov 1994 09:49:37 GMT", 0 },
        { DAY, NULL, NULL, 0 },
        { "Mon, 07 Nov 1994 08:49:37 GMT", NULL, DAY, 24 * 3600 },
        { "Tue, 06 Dec 1994 08:49:37 GMT", NULL, DAY, 30 * 24 * 3600 },
        { "Sun, 06 Nov 1995 08:49:37 GMT", NULL, DAY, 365 * 24 * 3600 },
        { "Sun, 06 Nov 1997 08:49:37 GMT", NULL, DAY, 366 * 24 * 3600 },
        { "Sun, 06 Jan 1994 00:00:01 GMT", NULL, "Sun, 06 Jan 1994 00:00:00 GMT", 1 },
        { "Sun, 06 Abc 1994 08:49:37 GMT", NULL, DAY, -1 },
        { "Sun, 06 anF 1994 08:49:37 GMT", NULL, DAY, -1 },
        { "Sun, 06 Nov 1994", NULL, DAY, -1 },
        { "Sun, 06 Nov 1994 08:49:37 GMT and some more words", NULL, DAY, -1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *pairs[3][2];
        size_t n = 0;
        const struct {
            const char *name, *value;
        } all[] = { { "Retry-After", rows[i].after },
                    { "retry-after-ms", rows[i].after_ms },
                    { "Date", rows[i].date } };
        begin();
        for (size_t k = 0; k < 3; k++)
            if (all[k].value != NULL) {
                pairs[n][0] = all[k].name;
                pairs[n++][1] = all[k].value;
            }
        cr_assert(keep((const char *const(*)[2])pairs, n));
        cr_assert_eq(attempt.retry_after_s, rows[i].seconds, "%zu: %d", i, attempt.retry_after_s);
        arena_fini(&req.arena);
    }
    begin();
    cr_assert(keep(NULL, 0));
    cr_assert_eq(attempt.retry_after_s, -1);
    cr_assert_eq(attempt.head_count, 0u);
    arena_fini(&req.arena);
}

Test(upstream_head, keeps_what_is_asked_for_later)
{
    static const char *const pairs[][2] = { { "Content-Type", " text/plain " },
                                            { "X-Request-Id", "r1" },
                                            { "Content-Length", "1234" },
                                            { "x-empty", "" },
                                            { "X-Should-Retry", "False" },
                                            { "content-encoding", "Identity" },
                                            { "x-one", "5" } };
    begin();
    cr_assert(keep(pairs, 7));
    cr_assert(text_is(attempt.content_type, "text/plain"));
    cr_assert(text_is(attempt.request_id, "r1"));
    cr_assert_eq(attempt.announced, 1234u);
    cr_assert_eq(attempt.should_retry, 0);
    cr_assert_eq(attempt.head_count, 7u);
    for (size_t i = 0; i < 7; i++)
        cr_assert(text_is(attempt.head[i].name, pairs[i][0]), "%zu", i);
    cr_assert(text_is(attempt.head[0].value, "text/plain"));
    cr_assert(text_is(attempt.head[3].value, ""));
    cr_assert(text_is(attempt.head[5].value, "Identity"));
    cr_assert(text_is(attempt.head[6].value, "5"));
    arena_fini(&req.arena);
}

Test(upstream_head, reads_each_header_by_its_own_rules)
{
    static const struct {
        const char *name, *value;
        bool plain;
        size_t announced;
        int should_retry;
        const char *id;
    } rows[] = {
        { "request-id", "r2", true, 0, -1, "r2" },
        { "request-ids", "r2", true, 0, -1, "" },
        { "content-length", "0", true, 0, -1, "" },
        { "content-length", "12a", true, 0, -1, "" },
        { "content-length", "9999999999", true, 9999999999, -1, "" },
        { "content-length", "/1", true, 0, -1, "" },
        { "content-length", ":", true, 0, -1, "" },
        { "content-length", "99999999999999999999999999", true, 0, -1, "" },
        { "x-should-retry", "true", true, 0, -1, "" },
        { "content-encoding", "gzip", false, 0, -1, "" },
        { "content-encoding", "", false, 0, -1, "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const pair[1][2] = { { rows[i].name, rows[i].value } };
        begin();
        cr_assert_eq(keep(pair, 1), rows[i].plain, "%zu", i);
        cr_assert_eq(attempt.announced, rows[i].announced, "%zu", i);
        cr_assert_eq(attempt.should_retry, rows[i].should_retry, "%zu", i);
        cr_assert(text_is(attempt.request_id, rows[i].id), "%zu", i);
        arena_fini(&req.arena);
    }
}

/* An upstream that repeats the secret in a header. */
Test(upstream_head, keeps_no_secret)
{
    static const char *const pairs[][2] = { { "content-type", "text/secret-of-ours" },
                                            { "x-request-id", "secret-of-ours" } };
    begin();
    attempt.ask.secret = (gw_str){ "secret-of-ours", 14 };
    cr_assert(keep(pairs, 2));
    cr_assert(text_is(attempt.content_type, "text/***"));
    cr_assert(text_is(attempt.request_id, "***"));
    arena_fini(&req.arena);
}
