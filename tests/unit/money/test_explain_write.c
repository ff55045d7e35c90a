/* test_explain_write.c - the story of a request, as text and as JSON, byte for byte. */
#include <string.h>

#include "money/explain_inside.h"
#include "written.h"

static const gw_store_line line_in = {
    .unit = GW_LIT("input"), .quantity = 1200, .price = 2500000000, .cost = 3000000
};
static const gw_store_line line_out = { .unit = GW_LIT("out\x1bput"), .quantity = 1, .price = 10, .cost = 1 };
static const gw_store_line *const lines[] = { &line_in, &line_out };
static const gw_store_sums sums_first = { .cost = 3000001, .doubt = 500000000 };
static const gw_store_sums sums_last = { .requests = 1, .unpriced = 1 };
static const gw_store_sums sums_late = { .cost = -1000000, .doubt = -500000000 };
static const gw_store_sums none;

static const gw_store_row first = {
    .type = GW_STORE_END,
    .attempt = 1,
    .admitted_ms = 1787566271000,
    .duration_ms = 1234,
    .team = GW_LIT("blue"),
    .key = GW_LIT("k1"),
    .project = GW_LIT("proj"),
    .tags = GW_LIT("a,b"),
    .user = GW_LIT("u\x7f"),
    .session = GW_LIT("s1"),
    .client = GW_LIT("cli/1"),
    .face = GW_LIT("chat"),
    .model = GW_LIT("smart"),
    .provider = GW_LIT("prov"),
    .upstream_model = GW_LIT("up-1"),
    .ending = GW_LIT("doubt"),
    .outcome = GW_LIT("status_503"),
    .source = GW_LIT("counted"),
    .price = GW_LIT("openai/up-1"),
    .sums = &sums_first,
    .lines = lines,
    .line_count = 2,
    .hard = 2000000000,
    .soft = 1500000000,
    .output_limit = 1,
    .accounts = GW_LIT("[{\"kind\":\"team\",\"id\":\"bl\\u001bue\",\"per\":\"month\",\"limit_usd\":\"50\"},"
                       "{\"kind\":\"key\",\"id\":\"k1\",\"per\":\"total\",\"limit_usd\":\"7.5\"}]"),
};
static const gw_store_row last = { .type = GW_STORE_END,
                                   .attempt = 2,
                                   .provider = GW_LIT("other"),
                                   .ending = GW_LIT("settled"),
                                   .outcome = GW_LIT("ok"),
                                   .sums = &sums_last };
static const gw_store_row late = { .type = GW_STORE_LATE,
                                   .attempt = 1, /* repeats whose it is */
                                   .corrects = 7,
                                   .who = GW_LIT("ops"),
                                   .why = GW_LIT("the\nbill"),
                                   .ending = GW_LIT("settled"),
                                   .hard = 5,
                                   .sums = &sums_late };
static const gw_store_row open = {
    .attempt = 3, .provider = GW_LIT("p"), .upstream_model = GW_LIT("m"), .sums = &none
};
static const gw_store_row alone = { .type = GW_STORE_ROW,
                                    .model = GW_LIT("m"),
                                    .hard = 1,
                                    .duration_ms = 5,
                                    .ending = GW_LIT("void"),
                                    .outcome = GW_LIT("refused"),
                                    .accounts = GW_LIT("[{\"kind\":\"team\"}]"),
                                    .sums = &none };

static void check(const struct explain *e, bool as_json, const char *expected)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    cr_assert_eq(explain_write(e, as_json, (const char *const[]){ NULL }, &out), 0);
    written(&out, expected);
    buf_free(&out);
}

#define HEAD                                                                                                           \
    "request r-1 for smart at 2026-08-24T10:11:11.000Z\n"                                                              \
    "  team blue key k1 project proj tags a,b user u? session s1 client cli/1 API chat\n"
#define FIRST                                                                                                          \
    "attempt 1: prov/up-1\n"                                                                                           \
    "  held 2.00 USD at most, 1.50 expected, output limit 1 tokens\n"                                                  \
    "  charged to team \"bl?ue\" of 50 USD a month, key \"k1\" of 7.5 USD in total\n"                                  \
    "  ended doubt, outcome status_503, after 1234 ms\n"                                                               \
    "  cost 0.003000001 USD, priced as openai/up-1, usage counted, 0.50 in doubt\n"                                    \
    "    input 1200 at 2.50 = 0.003 USD\n"                                                                             \
    "    out?put 1 at 0.00000001 = 0.000000001 USD\n"
#define LAST                                                                                                           \
    "attempt 2: other/-\n"                                                                                             \
    "  held 0.00 USD at most, 0.00 expected\n"                                                                         \
    "  ended settled, outcome ok, after 0 ms\n"                                                                        \
    "  cost unknown USD\n"
#define LATE                                                                                                           \
    "correction of record 7 by ops: the?bill\n"                                                                        \
    "  ended settled, outcome -, after 0 ms\n"                                                                         \
    "  cost -0.001 USD, -0.50 in doubt\n"
#define OPEN                                                                                                           \
    "attempt 3: p/m\n"                                                                                                 \
    "  held 0.00 USD at most, 0.00 expected\n"                                                                         \
    "  in flight\n"

Test(explain_write, has_each_attempt_and_the_total)
{
    struct explain e = { .request = TEXT("r-1"), .rows = { &first, &last, &late, &open }, .count = 1 };
    check(&e, false, HEAD FIRST "total 0.003000001 USD, 0.50 in doubt\n");
    e.count = 2;
    check(&e, false, HEAD FIRST LAST "total 0.003000001 USD, 0.50 in doubt, and what has no price\n");
    e.count = 3;
    check(&e, false, HEAD FIRST LAST LATE "total 0.002000001 USD, 0.00 in doubt, and what has no price\n");
    e.count = 4;
    check(&e, false,
          HEAD FIRST LAST LATE OPEN "total 0.002000001 USD, 0.00 in doubt, and what has no price; it is not over\n");
}

/* What is in flight may stand before what is over. */
Test(explain_write, one_that_is_open_is_enough_for_a_request_that_goes_on)
{
    struct explain e = { .request = TEXT("r-1"), .rows = { &open, &last }, .count = 2 };
    check(&e, false,
          "request r-1 for - at 1970-01-01T00:00:00.000Z\n \n" OPEN LAST
          "total 0.00 USD, 0.00 in doubt, and what has no price; it is not over\n");
}

Test(explain_write, what_asked_no_upstream_held_nothing)
{
    struct explain e = { .request = TEXT("r-2"), .rows = { &alone }, .count = 1 };
    check(&e, false,
          "request r-2 for m at 1970-01-01T00:00:00.000Z\n \n"
          "no upstream was asked\n"
          "  ended void, outcome refused, after 5 ms\n"
          "  cost 0.00 USD\n"
          "total 0.00 USD, 0.00 in doubt\n");
    gw_store_row local = alone;
    local.provider = GW_LIT("p");
    e.rows[0] = &local;
    check(&e, false,
          "request r-2 for m at 1970-01-01T00:00:00.000Z\n \n"
          "answered without an upstream\n"
          "  ended void, outcome refused, after 5 ms\n"
          "  cost 0.00 USD\n"
          "total 0.00 USD, 0.00 in doubt\n");
}

#define TOKENS "\"tokens\":{\"input\":0,\"output\":0,\"cache_read\":0,\"cache_write\":0,\"reasoning\":0}"

Test(explain_write, json_has_the_whole_rows)
{
    struct explain e = { .request = TEXT("r-1"), .rows = { &late, &open }, .count = 1 };
    static const char row[] =
        "{\"request\":\"r-1\",\"records\":[{\"type\":\"late\",\"number\":0,\"time\":\"1970-01-01T00:00:00.000Z\","
        "\"admitted\":\"1970-01-01T00:00:00.000Z\",\"ending\":\"settled\",\"who\":\"ops\",\"why\":\"the\\nbill\","
        "\"attempt\":1,\"final\":false," TOKENS ",\"cost_usd\":\"-0.001\",\"doubt_usd\":\"-0.5\",\"duration_ms\":0,"
        "\"hard_usd\":\"0.000000005\",\"soft_usd\":\"0\",\"lines\":[]}";
    static const char more[] =
        ",{\"type\":\"open\",\"number\":0,\"time\":\"1970-01-01T00:00:00.000Z\","
        "\"admitted\":\"1970-01-01T00:00:00.000Z\",\"provider\":\"p\",\"upstream_model\":\"m\",\"attempt\":3,"
        "\"final\":false," TOKENS ",\"cost_usd\":\"0\",\"doubt_usd\":\"0\",\"duration_ms\":0,"
        "\"hard_usd\":\"0\",\"soft_usd\":\"0\",\"lines\":[]}";
    char expected[2048];
    snprintf(expected, sizeof expected,
             "%s],\"captured\":[],\"cost_usd\":\"-0.001\",\"doubt_usd\":\"-0.5\",\"in_flight\":false}\n", row);
    check(&e, true, expected);
    e.count = 2;
    snprintf(expected, sizeof expected,
             "%s%s],\"captured\":[],\"cost_usd\":\"-0.001\",\"doubt_usd\":\"-0.5\",\"in_flight\":true}\n", row, more);
    check(&e, true, expected);
}

Test(explain_write, what_has_no_room_is_no_story)
{
    struct explain e = { .request = TEXT("r-1"), .rows = { &first }, .count = 1 };
    for (int as_json = 0; as_json < 2; as_json++) {
        struct buf out;
        buf_init(&out, 100);
        cr_assert_eq(explain_write(&e, as_json != 0, (const char *const[]){ NULL }, &out), -1);
        buf_free(&out);
    }
}
