/* test_pair.c - surrogate pairs that are split over two events. */
#include "canon/pair.h"

#include <stdio.h>

#include "check.h"

/* The events go in one after another; what comes out is compared. */
struct row {
    const char *in[4], *out[4];
};

static const struct row rows[] = {
    { { "{\"content\":\"a\\ud83d\"}", "{\"content\":\"\\ude00b\"}" },
      { "{\"content\":\"a\"}", "{\"content\":\"\\ud83d\\ude00b\"}" } },
    { { "{\"c\":\"\\uD83D\"}", "{\"c\":\"\"}", "{\"d\":\"x\"}", "{ \"c\" : \"\\uDE00\" }" },
      { "{\"c\":\"\"}", "{\"c\":\"\"}", "{\"d\":\"x\"}", "{ \"c\" : \"\\uD83D\\uDE00\" }" } },
    /* two in a row, and one that is whole */
    { { "{\"c\":\"\\ud83d\"}", "{\"c\":\"\\ude00\\ud83d\\ude01\\ud83d\"}", "{\"c\":\"\\ude02\"}" },
      { "{\"c\":\"\"}", "{\"c\":\"\\ud83d\\ude00\\ud83d\\ude01\"}", "{\"c\":\"\\ud83d\\ude02\"}" } },
    /* each choice and each call has its own */
    { { "{\"index\":0,\"c\":\"\\ud83d\"}", "{\"index\":1,\"c\":\"\\ud83c\"}", "{\"index\":0,\"c\":\"\\ude00\"}",
        "{\"index\":1,\"c\":\"\\udf00\"}" },
      { "{\"index\":0,\"c\":\"\"}", "{\"index\":1,\"c\":\"\"}", "{\"index\":0,\"c\":\"\\ud83d\\ude00\"}",
        "{\"index\":1,\"c\":\"\\ud83c\\udf00\"}" } },
    { { "{\"c\":\"\\ud83d\",\"r\":\"\\ud83c\"}", "{\"r\":\"\\udf00\",\"c\":\"\\ude00\"}" },
      { "{\"c\":\"\",\"r\":\"\"}", "{\"r\":\"\\ud83c\\udf00\",\"c\":\"\\ud83d\\ude00\"}" } },
    /* alone: seen by the parser as it is, or where the next piece shows it */
    { { "{\"c\":\"\\ud83d\"}", "{\"c\":\"b\"}", "{\"c\":\"\\ude00\"}" },
      { "{\"c\":\"\"}", "{\"c\":\"\\ufffdb\"}", "{\"c\":\"\\ude00\"}" } },
    { { "{\"c\":\"\\ud83db\"}", "{\"c\":\"\\ude00\"}" }, { "{\"c\":\"\\ud83db\"}", "{\"c\":\"\\ude00\"}" } },
    /* escapes inside escapes are text */
    { { "{\"c\":\"\\\\ud83d\"}", "{\"c\":\"\\\\ude00\"}" }, { "{\"c\":\"\\\\ud83d\"}", "{\"c\":\"\\\\ude00\"}" } },
    /* no JSON */
    { { "{\"c\":\"\\ud83d", "{\"c\":\"\\", "\"\\ud8", "\"\\" },
      { "{\"c\":\"\\ud83d", "{\"c\":\"\\", "\"\\ud8", "\"\\" } },
};

Test(pair, split_over_events_is_joined)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair pair = { .count = 0 };
        for (size_t k = 0; k < 4 && rows[i].in[k] != NULL; k++) {
            struct buf out;
            buf_init(&out, 1 << 16);
            struct text got = pair_join(&pair, text_of(rows[i].in[k]), &out);
            cr_assert(text_is(got, rows[i].out[k]), "row %zu, event %zu: %.*s", i, k, TEXT_ARG(got));
            cr_assert_not(out.failed);
            buf_free(&out);
        }
    }
}

Test(pair, what_has_no_half_is_not_copied)
{
    struct pair pair = { .count = 0 };
    struct buf out;
    struct text json = TEXT("{\"content\":\"caf\\u00e9 \\\\ud83d\"}");
    buf_init(&out, 1 << 16);
    cr_assert_eq(pair_join(&pair, json, &out).ptr, json.ptr);
    buf_free(&out);
}

Test(pair, more_than_can_wait_stay_as_they_are)
{
    struct pair pair = { .count = 0 };
    struct buf out;
    char json[400] = "{";
    for (int i = 0; i < PAIR_HELD + 2; i++)
        snprintf(json + strlen(json), sizeof json - strlen(json), "%s\"m%d\":\"\\ud83d\"", i > 0 ? "," : "", i);
    buf_init(&out, 1 << 16);
    struct text got = pair_join(&pair, text_of(json), &out);
    cr_assert_eq(pair.count, (size_t)PAIR_HELD);
    cr_assert(text_ends(got, TEXT("\"m8\":\"\\ud83d\",\"m9\":\"\\ud83d\"")));
    buf_free(&out);
}
