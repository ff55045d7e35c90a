/* test_price_ask.c - what of a request's body its price depends on, and the header that has the cost. */
#include <string.h>

#include "check.h"
#include "flow/way.h"

static struct request req;

static void begin(uint32_t operation, const char *body)
{
    memset(&req, 0, sizeof req);
    arena_init(&req.arena, NULL, 0, 1 << 20);
    req.operation = operation;
    req.ask.choices = 1;
    cr_assert_eq(scan_object(&req.arena, text_of(body), SCAN_MAX_DEPTH, &req.ask.scan), 0, "%s", body);
}

Test(price_ask, has_the_largest_limit)
{
    static const struct {
        const char *body;
        int64_t limit;
    } rows[] = {
        { "{}", 0 },
        { "{\"max_tokens\":5}", 5 },
        { "{\"max_completion_tokens\":5}", 5 },
        { "{\"max_output_tokens\":5}", 5 },
        { "{\"max_tokens\":5,\"max_completion_tokens\":7}", 7 },
        { "{\"max_tokens\":7,\"max_completion_tokens\":5}", 7 },
        { "{\"max_tokens\":-5}", 0 },
        { "{\"max_tokens\":\"5\"}", 0 },
        { "{\"max_tokens\":null}", 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(GW_OP_CHAT, rows[i].body);
        cr_assert_eq(price_output_limit(&req), rows[i].limit, "%s", rows[i].body);
        arena_fini(&req.arena);
    }
}

Test(price_ask, has_all_answers)
{
    static const struct {
        uint32_t operation;
        int64_t choices;
        const char *body;
        int64_t count;
    } rows[] = {
        { GW_OP_CHAT, 0, "{}", 1 },
        { GW_OP_CHAT, 3, "{\"n\":9,\"best_of\":9}", 3 },
        { GW_OP_COMPLETIONS, 1, "{\"n\":3}", 3 },
        { GW_OP_COMPLETIONS, 1, "{\"n\":3,\"best_of\":5}", 5 },
        { GW_OP_COMPLETIONS, 1, "{\"n\":5,\"best_of\":3}", 5 },
        { GW_OP_COMPLETIONS, 1, "{\"n\":-5}", 1 },
        { GW_OP_COMPLETIONS, 1, "{\"prompt\":\"a\"}", 1 },
        { GW_OP_COMPLETIONS, 1, "{\"prompt\":[\"a\",\"b\"]}", 2 },
        { GW_OP_COMPLETIONS, 1, "{\"prompt\":[\"a\",\"b\"],\"n\":3}", 6 },
        { GW_OP_COMPLETIONS, 1, "{\"prompt\":[1,2,3]}", 1 },
        { GW_OP_COMPLETIONS, 1, "{\"prompt\":[[1],[2],[3]]}", 3 },
        { GW_OP_COMPLETIONS, 1, "{\"prompt\":[]}", 1 },
        { GW_OP_COMPLETIONS, 1, "{\"prompt\":[\"a\",\"b\"],\"n\":9223372036854775807}", INT64_MAX },
        { GW_OP_CHAT, 1, "{\"prompt\":[\"a\",\"b\"]}", 1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].operation, rows[i].body);
        req.ask.choices = rows[i].choices;
        cr_assert_eq(price_choices(&req), rows[i].count, "%zu: %lld", i, (long long)price_choices(&req));
        arena_fini(&req.arena);
    }
}

Test(price_ask, reads_the_tier_and_the_speed)
{
    begin(GW_OP_CHAT, "{\"service_tier\":\"flex\",\"speed\":\"fast\"}");
    price_ask(&req);
    cr_assert(text_is(req.tier, "flex"));
    cr_assert(text_is(req.speed, "fast"));
    arena_fini(&req.arena);
    begin(GW_OP_CHAT, "{\"service_tier\":7,\"speed\":null}");
    price_ask(&req);
    cr_assert_null(req.tier.ptr);
    cr_assert_null(req.speed.ptr);
    arena_fini(&req.arena);
}

Test(price_ask, has_a_header_where_the_cost_is_known)
{
    struct attempt attempt = { .req = &req };
    begin(GW_OP_CHAT, "{}");
    req.cost.known = true;
    req.cost.nano = 1234567890;
    cr_assert_null(price_header(&req), "no upstream was asked");
    req.attempt = &attempt;
    cr_assert_str_eq(price_header(&req), "1.23456789");
    req.cost.known = false;
    cr_assert_null(price_header(&req));
    arena_fini(&req.arena);
}
