/* test_cost.c - money and prices: exact numbers, tiers, dates, times of day, variants, rounding. */
#include "check.h"
#include "money/cost.h"
#include "money/nano.h"

#define BOOK(model)                                                                                                    \
    "{\"format\":1,\"date\":\"2026-11-27\",\"providers\":[{\"id\":\"p\",\"names\":[\"p\"],\"models\":["                \
    "{\"id\":\"m\",\"match\":[\"=m\"]," model "}]}]}"

enum { DAY = 86400 };

static struct book *parse(const char *text)
{
    struct fail fail = { .kind = FAIL_NONE };
    struct book *book = book_parse(text_of(text), "test", &fail);

    cr_assert_not_null(book, "%s", fail.text);
    return book;
}

static void price_at(const char *text, int64_t at, const char *tier, const int64_t quantity[UNITS], struct cost *cost)
{
    struct price_context context = { TEXT("service_tier"), text_of(tier) };
    struct book *book = parse(text);
    struct price_list list;

    price_list_at(&book->providers[0].models[0], at, &context, tier != NULL, &list);
    cost_of(&list, quantity, cost);
    book_free(book);
}

static int64_t nano_of(const char *text, int64_t at, const char *tier, int64_t input)
{
    int64_t quantity[UNITS] = { [UNIT_INPUT] = input };
    struct cost cost;

    price_at(text, at, tier, quantity, &cost);
    cr_assert(cost.known);
    return cost.nano;
}

Test(nano, reads_dollars_exactly)
{
    static const struct {
        const char *text;
        int64_t nano;
    } good[] = {
        { "0", 0 },
        { "2.5", 2500000000 },
        { "0.000000001", 1 },
        { "0.0000000010", 1 },
        { "10", 10000000000 },
        { "9223372036.854775807", INT64_MAX },
        { "007.25", 7250000000 },
    };
    static const char *const bad[] = { "",      ".5",  "5.", "-1", "+1", "1e3", "0.0000000001", "9223372036.854775808",
                                       "1.2.3", "1,5", "x" };

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t nano = -1;
        cr_assert_eq(nano_parse(text_of(good[i].text), &nano), 0, "%s", good[i].text);
        cr_assert_eq(nano, good[i].nano, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t nano;
        cr_assert_eq(nano_parse(text_of(bad[i]), &nano), -1, "%s", bad[i]);
    }
}

Test(nano, writes_dollars_exactly)
{
    static const struct {
        int64_t nano;
        unsigned least;
        const char *text;
    } cases[] = {
        { 0, 0, "0" },
        { 0, 9, "0.000000000" },
        { 1, 2, "0.000000001" },
        { 2500000000, 0, "2.5" },
        { 2500000000, 2, "2.50" },
        { -1500000000, 0, "-1.5" },
        { INT64_MIN, 9, "-9223372036.854775808" },
        { INT64_MAX, 0, "9223372036.854775807" },
        { 10000000000, 0, "10" },
    };
    char out[NANO_TEXT];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_str_eq(nano_write(cases[i].nano, cases[i].least, out), cases[i].text);
}

Test(cost, a_tier_begins_behind_its_number_and_holds_for_all_tokens)
{
    const char *text = BOOK("\"prices\":[{\"usd\":{\"input\":[1,[200,2],[500,3]]}}]");

    cr_assert_eq(nano_of(text, 0, NULL, 1), 1000);
    cr_assert_eq(nano_of(text, 0, NULL, 200), 200000);
    cr_assert_eq(nano_of(text, 0, NULL, 201), 402000);
    cr_assert_eq(nano_of(text, 0, NULL, 500), 1000000);
    cr_assert_eq(nano_of(text, 0, NULL, 501), 1503000);
}

Test(cost, every_input_token_counts_for_the_tier)
{
    const char *text = BOOK("\"prices\":[{\"usd\":{\"input\":[1,[200,2]],\"output\":[4,[200,8]]}}]");
    const enum unit inputs[] = { UNIT_CACHE_READ,  UNIT_CACHE_WRITE, UNIT_CACHE_WRITE_1H, UNIT_AUDIO_IN,
                                 UNIT_CACHE_AUDIO, UNIT_IMAGE_IN,    UNIT_CACHE_IMAGE,    UNIT_VIDEO_IN };
    struct cost cost;

    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        int64_t quantity[UNITS] = { [UNIT_INPUT] = 100, [UNIT_OUTPUT] = 10 };
        quantity[inputs[i]] = 101;
        price_at(text, 0, NULL, quantity, &cost);
        cr_assert_eq(cost.nano, 2 * 201 * 1000 + 8 * 10 * 1000, "unit %d", (int)inputs[i]);
    }
    int64_t outputs[UNITS] = { [UNIT_INPUT] = 100, [UNIT_OUTPUT] = 500 };
    price_at(text, 0, NULL, outputs, &cost);
    cr_assert_eq(cost.nano, 100 * 1000 + 4 * 500 * 1000);
}

Test(cost, the_last_price_whose_day_has_come_counts)
{
    const char *text = BOOK("\"prices\":[{\"usd\":{\"input\":1}},{\"from\":\"1970-01-03\",\"usd\":{\"input\":2}},"
                            "{\"from\":\"1972-03-01\",\"usd\":{\"input\":3}}]");
    int64_t march = 790 * (int64_t)DAY; /* 1972-03-01, behind a leap day */

    cr_assert_eq(nano_of(text, 0, NULL, 1), 1000);
    cr_assert_eq(nano_of(text, 2 * DAY - 1, NULL, 1), 1000);
    cr_assert_eq(nano_of(text, 2 * DAY, NULL, 1), 2000);
    cr_assert_eq(nano_of(text, march - 1, NULL, 1), 2000);
    cr_assert_eq(nano_of(text, march, NULL, 1), 3000);
}

Test(cost, a_price_may_hold_for_hours_of_the_day)
{
    const char *text =
        BOOK("\"prices\":[{\"usd\":{\"input\":1}},{\"between\":[\"16:30\",\"00:30\"],\"usd\":{\"input\":2}},"
             "{\"between\":[\"06:00\",\"07:00\"],\"usd\":{\"input\":3}}]");
    static const struct {
        int hour, minute, price;
    } cases[] = { { 0, 0, 2 },  { 0, 29, 2 }, { 0, 30, 1 },  { 5, 59, 1 },  { 6, 0, 3 },
                  { 6, 59, 3 }, { 7, 0, 1 },  { 16, 29, 1 }, { 16, 30, 2 }, { 23, 59, 2 } };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_eq(nano_of(text, 5 * DAY + cases[i].hour * 3600 + cases[i].minute * 60, NULL, 1),
                     cases[i].price * 1000, "%02d:%02d", cases[i].hour, cases[i].minute);
}

Test(cost, a_variant_replaces_only_what_it_names)
{
    const char *text = BOOK("\"prices\":[{\"usd\":{\"input\":4,\"output\":8}}],\"variants\":["
                            "{\"when\":{\"service_tier\":\"flex\"},\"from\":\"1970-01-02\",\"usd\":{\"input\":1}},"
                            "{\"when\":{\"service_tier\":\"flex\"},\"usd\":{\"input\":2,\"output\":3}}]");
    int64_t quantity[UNITS] = { [UNIT_INPUT] = 1, [UNIT_OUTPUT] = 1 };
    static const struct {
        int64_t at;
        const char *tier;
        int64_t nano;
    } cases[] = { { 0, NULL, 12000 }, { 0, "flex", 5000 }, { DAY, "flex", 4000 }, { DAY, "fast", 12000 } };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cost cost;
        price_at(text, cases[i].at, cases[i].tier, quantity, &cost);
        cr_assert_eq(cost.nano, cases[i].nano, "case %zu", i);
    }
}

Test(cost, what_has_no_price_of_its_own_costs_what_its_kind_costs)
{
    const char *text = BOOK("\"prices\":[{\"usd\":{\"input\":1,\"cache_write\":2,\"output\":4,\"page\":8}}]");
    static const struct {
        enum unit unit, as;
    } cases[] = {
        { UNIT_CACHE_READ, UNIT_INPUT }, { UNIT_CACHE_WRITE_1H, UNIT_CACHE_WRITE }, { UNIT_REASONING, UNIT_OUTPUT },
        { UNIT_AUDIO_OUT, UNIT_OUTPUT }, { UNIT_CACHE_AUDIO, UNIT_INPUT },          { UNIT_ANNOTATED_PAGE, UNIT_PAGE },
        { UNIT_CITATION, UNIT_OUTPUT },  { UNIT_IMAGE_OUT, UNIT_OUTPUT },           { UNIT_VIDEO_OUT, UNIT_OUTPUT },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t quantity[UNITS] = { 0 };
        struct cost cost;
        quantity[cases[i].unit] = 1000;
        price_at(text, 0, NULL, quantity, &cost);
        cr_assert(cost.known);
        cr_assert_eq(cost.line_count, 1);
        cr_assert_eq(cost.lines[0].unit, cases[i].unit);
        cr_assert_eq(cost.lines[0].priced_as, cases[i].as, "case %zu", i);
    }
}

Test(cost, what_has_no_price_at_all_is_unknown_not_free)
{
    int64_t quantity[UNITS] = { [UNIT_INPUT] = 10, [UNIT_WEB_SEARCH] = 1, [UNIT_AUDIO_SECOND] = 1 };
    struct cost cost;

    price_at(BOOK("\"prices\":[{\"usd\":{\"input\":1}}]"), 0, NULL, quantity, &cost);
    cr_assert_not(cost.known);
    cr_assert_eq(cost.unpriced, UNIT_WEB_SEARCH);
    cr_assert_eq(cost.nano, 10000);
    price_at(BOOK("\"prices\":[{\"usd\":{\"input\":0,\"web_search\":0,\"audio_second\":0}}]"), 0, NULL, quantity,
             &cost);
    cr_assert(cost.known, "a price of 0 is a price");
    cr_assert_eq(cost.nano, 0);
}

Test(cost, a_fee_is_due_once)
{
    int64_t quantity[UNITS] = { [UNIT_INPUT] = 10 };
    struct cost cost;

    price_at(BOOK("\"prices\":[{\"usd\":{\"request\":5}}]"), 0, NULL, (int64_t[UNITS]){ 0 }, &cost);
    cr_assert_eq(cost.nano, 5000000);
    cr_assert_eq(cost.lines[0].quantity, 1);
    price_at(BOOK("\"prices\":[{\"usd\":{\"request\":5,\"input\":1}}]"), 0, NULL, quantity, &cost);
    cr_assert_eq(cost.nano, 5010000);
}

Test(cost, lines_add_up_to_the_whole_rounded_once)
{
    /* 0.0000004 + 0.0000003 + 0.0000003 nano-dollars a token, and their sum is whole. */
    const char *text = BOOK("\"prices\":[{\"usd\":{\"input\":0.0004,\"cache_read\":0.0003,\"output\":0.0003}}]");
    int64_t quantity[UNITS] = { [UNIT_INPUT] = 1, [UNIT_CACHE_READ] = 1, [UNIT_OUTPUT] = 1 };
    struct cost cost;

    price_at(text, 0, NULL, quantity, &cost); /* 0.4 + 0.3 + 0.3 = 1 */
    cr_assert_eq(cost.nano, 1);
    cr_assert_eq(cost.lines[0].nano, 1, "the largest rest gets it");
    cr_assert_eq(cost.lines[1].nano + cost.lines[2].nano, 0);
    quantity[UNIT_INPUT] = 2; /* 0.8 + 0.3 + 0.3 = 1.4 */
    price_at(text, 0, NULL, quantity, &cost);
    cr_assert_eq(cost.nano, 1);
    quantity[UNIT_OUTPUT] = quantity[UNIT_CACHE_READ] = 0;
    quantity[UNIT_INPUT] = 1; /* 0.4 */
    price_at(text, 0, NULL, quantity, &cost);
    cr_assert_eq(cost.nano, 0);
    price_at(BOOK("\"prices\":[{\"usd\":{\"input\":0.0005}}]"), 0, NULL, quantity, &cost); /* 0.5: up */
    cr_assert_eq(cost.nano, 1);
    int64_t seconds[UNITS] = { [UNIT_AUDIO_SECOND] = 1, [UNIT_PAGE] = 1 };
    price_at(BOOK("\"prices\":[{\"usd\":{\"audio_second\":0.111,\"page\":0.0000003}}]"), 0, NULL, seconds, &cost);
    cr_assert_eq(cost.nano, 30834, "30833.33 and 0.3: thirds of an hour's price and thousandths add up");
}

Test(cost, the_largest_numbers_do_not_overflow)
{
    int64_t quantity[UNITS] = { [UNIT_INPUT] = INT64_MAX, [UNIT_CACHE_READ] = INT64_MAX, [UNIT_OUTPUT] = INT64_MAX };
    struct cost cost;

    price_at(BOOK("\"prices\":[{\"usd\":{\"input\":[9000000000,[1,9000000000]],\"output\":9000000000}}]"), 0, NULL,
             quantity, &cost);
    cr_assert_eq(cost.nano, INT64_MAX);
    cr_assert(cost.known);
}

Test(cost, usage_is_counted_in_disjoint_units)
{
    struct usage usage = { .input = 1,
                           .cache_read = 2,
                           .cache_write_5m = 3,
                           .cache_write_1h = 4,
                           .output = 5,
                           .reasoning = 6,
                           .audio_in = 7,
                           .audio_out = 8,
                           .image_in = 9,
                           .image_out = 10,
                           .server_tool_calls = 11 };
    int64_t quantity[UNITS], sum = 0;

    cost_quantities(&usage, quantity);
    for (enum unit unit = 0; unit < UNITS; unit++)
        sum += quantity[unit];
    cr_assert_eq(sum, 66);
    cr_assert_eq(quantity[UNIT_CACHE_WRITE], 3);
    cr_assert_eq(quantity[UNIT_CACHE_WRITE_1H], 4);
    cr_assert_eq(quantity[UNIT_REASONING], 6);
    cr_assert_eq(quantity[UNIT_WEB_SEARCH], 11);
    cr_assert_eq(quantity[UNIT_IMAGE_OUT], 10);
}

/* An exact reference in 1/9,000,000 of a nano-dollar, independent of cost.c: the sum is rounded half up once, no line is off
 * by a nano-dollar or more, those that were rounded up have the largest rests, and lines add up to the whole. */
static void check_lines(const struct cost *cost, const int64_t *per)
{
    __extension__ typedef unsigned __int128 wide;
    wide sum = 0;
    int64_t lines = 0, least_up = 9000000, most_down = 0;

    for (size_t i = 0; i < cost->line_count; i++) {
        const struct cost_line *line = &cost->lines[i];
        wide exact = (wide)line->quantity * (wide)line->price_nano * (wide)(9000000 / per[line->priced_as]);
        int64_t down = (int64_t)(exact / 9000000), part = (int64_t)(exact % 9000000);
        cr_assert(line->nano == down || line->nano == down + 1, "line %zu", i);
        if (line->nano == down)
            most_down = part > most_down ? part : most_down;
        else
            least_up = part < least_up ? part : least_up;
        sum += exact;
        lines += line->nano;
    }
    cr_assert_eq(lines, cost->nano);
    cr_assert_eq(cost->nano, (int64_t)((sum + 4500000) / 9000000));
    cr_assert_geq(least_up, most_down);
}

Test(cost, of_any_request_is_the_sum_of_its_lines)
{
    uint64_t seed = 20261127;
    int64_t per[UNITS];

    for (enum unit unit = 0; unit < UNITS; unit++)
        per[unit] = unit_info(unit)->per;
    for (int n = 0; n < 20000; n++) {
        struct book_price prices[UNITS];
        struct price_list list = { .of = { NULL } };
        int64_t quantity[UNITS] = { 0 };
        struct cost cost;
        for (enum unit unit = 0; unit < UNITS; unit++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            uint64_t r = seed >> 20;
            prices[unit] =
                (struct book_price){ .unit = unit, .nano = (int64_t)(r % 3 == 0 ? r % 100000000000 : r % 997) };
            list.of[unit] = &prices[unit];
            quantity[unit] = (int64_t)(r % 5 == 0 ? 0 : r % 7 == 0 ? (r >> 8) % 3000000 : (r >> 8) % 50);
        }
        cost_of(&list, quantity, &cost);
        cr_assert(cost.known);
        check_lines(&cost, per);
    }
}

/* The short way to the cost of two quantities is the same to the nano-dollar: with tiers, fees, nothing, and prices that are missing. */
Test(cost, of_tokens_is_that_of_their_quantities)
{
    static const char *const models[] = {
        BOOK("\"prices\":[{\"usd\":{\"input\":2.5,\"output\":10}}]"),
        BOOK(
            "\"prices\":[{\"usd\":{\"input\":[0.000000001,[1000,0.3],[50000,1.7]],\"output\":[7,[1000,9.123456789]]}}]"),
        BOOK("\"prices\":[{\"usd\":{\"input\":0.15,\"output\":0.6,\"request\":0.0007}}]"),
        BOOK("\"prices\":[{\"usd\":{\"input\":1}}]"),
        BOOK("\"prices\":[{\"usd\":{\"output\":3,\"reasoning\":4}}]"),
        BOOK("\"prices\":[{\"usd\":{\"request\":12}}]"),
        BOOK("\"prices\":[{\"usd\":{\"input\":9000000000,\"output\":9000000000}}]"),
    };
    static const int64_t tokens[] = { 0, 1, 3, 999, 1000, 1001, 50001, 123456789, INT64_MAX };
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        struct book *book = parse(models[m]);
        struct price_list list;
        price_list_at(&book->providers[0].models[0], 0, NULL, 0, &list);
        for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
            for (size_t o = 0; o < sizeof tokens / sizeof *tokens; o++) {
                int64_t quantity[UNITS] = { [UNIT_INPUT] = tokens[i], [UNIT_OUTPUT] = tokens[o] };
                struct cost cost;
                cost_of(&list, quantity, &cost);
                cr_assert_eq(cost_of_tokens(&list, tokens[i], tokens[o]), cost.known ? cost.nano : -1, "%zu %zu %zu", m,
                             i, o);
            }
        book_free(book);
    }
}
