/* test_usage.c - buckets that sum, buckets that do not, and what is made of them. */
#include "canon/usage.h"

#include "check.h"

static gw_tokens tokens(int64_t in, int64_t cached, int64_t out, int64_t reasoning, int64_t total)
{
    return (gw_tokens){ .size = sizeof(gw_tokens),
                        .input = in,
                        .cache_read = cached,
                        .cache_write_5m = -1,
                        .cache_write_1h = -1,
                        .output = out,
                        .reasoning = reasoning,
                        .audio_in = -1,
                        .audio_out = -1,
                        .image_in = -1,
                        .image_out = -1,
                        .server_tool_calls = -1,
                        .total = total };
}

Test(usage, is_taken_when_the_buckets_sum_to_the_total)
{
    struct arena arena;
    struct usage usage = { 0 };
    arena_init(&arena, NULL, 0, 1 << 16);
    gw_tokens t = tokens(10, 5, 7, 3, 25);
    cr_assert(usage_take(&usage, &t, &arena));
    cr_assert_eq(usage.source, USAGE_REPORTED);
    cr_assert_eq(usage_total_in(&usage), 15);
    cr_assert_eq(usage_total_out(&usage), 10);
    cr_assert_not(usage.refused);
    arena_fini(&arena);
}

Test(usage, is_marked_when_the_buckets_overlap)
{
    struct arena arena;
    struct usage usage = { 0 };
    arena_init(&arena, NULL, 0, 1 << 16);
    gw_tokens t = tokens(10, 5, 7, 3, 25);
    cr_assert(usage_take(&usage, &t, &arena));
    t = tokens(15, 5, 10, 3, 25); /* cached and reasoning counted twice */
    cr_assert_not(usage_take(&usage, &t, &arena));
    cr_assert(usage.refused);
    cr_assert_eq(usage.input, 10, "what was told before stays");
    cr_assert_eq(usage.source, USAGE_REPORTED);
    arena_fini(&arena);
}

Test(usage, is_marked_when_a_bucket_is_negative_or_the_sum_overflows)
{
    struct arena arena;
    struct usage usage = { 0 };
    arena_init(&arena, NULL, 0, 1 << 16);
    gw_tokens t = tokens(-7, 0, 1, 0, -1);
    cr_assert_not(usage_take(&usage, &t, &arena));
    cr_assert_eq(usage.input, 0);
    t = tokens(INT64_MAX, INT64_MAX, 1, 0, -1);
    cr_assert_not(usage_take(&usage, &t, &arena));
    t = tokens(1000000001, 0, 0, 0, -1);
    cr_assert_not(usage_take(&usage, &t, &arena));
    t = tokens(999999999, 0, 2, 0, -1); /* together */
    cr_assert_not(usage_take(&usage, &t, &arena));
    t = tokens(5, 0, 2, 0, -1);
    t.server_tool_calls = INT64_MAX;
    cr_assert_not(usage_take(&usage, &t, &arena));
    t = tokens(999999999, 0, 1, 0, -1);
    cr_assert(usage_take(&usage, &t, &arena));
    arena_fini(&arena);
}

Test(usage, takes_the_last_told_never_the_sum)
{
    struct arena arena;
    struct usage usage = { 0 };
    arena_init(&arena, NULL, 0, 1 << 16);
    gw_tokens first = tokens(10, -1, 1, -1, 11), last = tokens(10, -1, 9, -1, 19);
    usage_take(&usage, &first, &arena);
    usage_take(&usage, &last, &arena);
    cr_assert_eq(usage.output, 9);
    cr_assert_eq(usage.input, 10);
    arena_fini(&arena);
}

Test(usage, a_report_of_no_tokens_is_none)
{
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 12);
    struct usage usage = { 0 };
    gw_tokens none = { .size = sizeof none, .total = 0, .cache_read = -1 }, some = none, call = none;
    some.input = 10, some.output = 9, some.total = 19;
    call.server_tool_calls = 1;
    cr_assert(usage_take(&usage, &none, &arena));
    cr_assert_eq(usage.source, USAGE_NONE);
    usage_take(&usage, &some, &arena);
    cr_assert(usage_take(&usage, &none, &arena));
    cr_assert(usage.source == USAGE_REPORTED && usage.input == 10 && usage.output == 9 && !usage.refused);
    usage_take(&usage, &call, &arena);
    cr_assert_eq(usage.server_tool_calls, 1);
    arena_fini(&arena);
}

Test(usage, is_written_for_chat_clients_with_what_they_expect_included)
{
    struct usage usage = { .source = USAGE_REPORTED, .input = 10, .cache_read = 5, .output = 7, .reasoning = 3 };
    struct buf out;
    struct json_writer w;
    buf_init(&out, 4096);
    json_writer_init(&w, &out);
    usage_write_chat(&usage, &w);
    cr_assert_eq(json_end(&w), 0);
    cr_assert(text_is(buf_view(&out), "{\"prompt_tokens\":15,\"completion_tokens\":10,\"total_tokens\":25,"
                                      "\"prompt_tokens_details\":{\"cached_tokens\":5,\"audio_tokens\":0},"
                                      "\"completion_tokens_details\":{\"reasoning_tokens\":3,\"audio_tokens\":0}}"));
    buf_free(&out);
}

Test(usage, is_logged_without_empty_buckets)
{
    struct usage usage = { .source = USAGE_REPORTED, .input = 10, .output = 7 };
    struct buf out;
    struct json_writer w;
    buf_init(&out, 4096);
    json_writer_init(&w, &out);
    usage_write_log(&usage, &w);
    cr_assert_eq(json_end(&w), 0);
    cr_assert(text_is(buf_view(&out), "{\"source\":\"reported\",\"input\":10,\"output\":7}"));
    buf_free(&out);
}

Test(usage, source_has_a_word)
{
    static const char *const words[] = { "none", "reported", "counted", "estimated" };
    for (enum usage_source source = USAGE_NONE; source < USAGE_SOURCES; source++)
        cr_assert_str_eq(usage_source_name(source), words[source]);
}

Test(usage, counts_output_by_events_and_by_bytes)
{
    static const struct {
        int64_t events;
        uint64_t bytes;
        int64_t tokens;
    } rows[] = { { 0, 0, 0 },  { 0, 1, 1 },  { 0, 3, 1 }, { 0, 4, 2 },
                 { 5, 15, 5 }, { 5, 16, 6 }, { 5, 3, 5 }, { 1, 3000000000000, 1000000000000 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(usage_count_output(rows[i].events, rows[i].bytes), rows[i].tokens, "%zu", i);
}

Test(usage, has_the_tier_that_is_reported)
{
    static const struct {
        const char *raw, *answer, *tier, *speed;
    } rows[] = {
        { "{\"service_tier\":\"standard\",\"speed\":\"fast\"}", "{\"service_tier\":\"flex\"}", "standard", "fast" },
        { "{}", "{\"choices\":[],\"service_tier\":\"Flex\"}", "flex", "" },
        { "", "{\"response\":{\"service_tier\":\"priority\"}}", "priority", "" },
        { "{}", "{\"service_tier\":\"auto\"}", "", "" },
        { "{}", "{\"service_tier\":null}", "", "" },
        { "{}", "{\"content\":\"{\\\"service_tier\\\":\\\"flex\\\"}\"}", "", "" },
        { "{\"trafficType\":\"ON_DEMAND\"}", "", "standard", "" },
        { "{\"trafficType\":\"ON_DEMAND_PRIORITY\"}", "", "priority", "" },
        { "{\"trafficType\":\"ON_DEMAND_FLEX\"}", "", "flex", "" },
        { "{\"serviceTier\":\"priority\"}", "", "priority", "" },
        { "{\"speed\":\"fa\\u0073t\"}", "{\"speed\":\"fast\"}", "", "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena;
        struct usage usage = { .raw = text_of(rows[i].raw) };
        arena_init(&arena, NULL, 0, 1 << 16);
        usage_take_tier(&usage, text_of(rows[i].answer), &arena);
        cr_assert(text_is(usage.tier, rows[i].tier), "%zu", i);
        cr_assert(text_is(usage.speed, rows[i].speed), "%zu", i);
        gw_tokens t = tokens(1, 0, 1, 0, 2);
        cr_assert(usage_take(&usage, &t, &arena));
        cr_assert(text_is(usage.tier, rows[i].tier), "%zu: it stays", i);
        arena_fini(&arena);
    }
}

Test(usage, is_added_bucket_by_bucket)
{
    struct usage a = { USAGE_REPORTED, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, .raw = TEXT("a") };
    const struct usage b = { USAGE_ESTIMATED, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, .raw = TEXT("b") };
    const int64_t sums[] = { 11, 22, 33, 44, 55, 66, 77, 88, 99, 110, 121 };
    usage_add(&a, &b);
    const int64_t got[] = { a.input,    a.cache_read, a.cache_write_5m,   a.cache_write_1h,
                            a.output,   a.reasoning,  a.audio_in,         a.audio_out,
                            a.image_in, a.image_out,  a.server_tool_calls };
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        cr_assert_eq(got[i], sums[i], "%zu", i);
    cr_assert_eq(a.source, USAGE_ESTIMATED);
    cr_assert(text_is(a.raw, "a"));
    usage_add(&a, &(struct usage){ .source = USAGE_REPORTED });
    cr_assert_eq(a.source, USAGE_ESTIMATED);
}
