/* test_tariff.c - prices of gateway.lua: exact, by the unit they are for, in place of the price book's. */
#include "check.h"
#include "money/tariff.h"

static struct text written(const struct tariff *tariff, struct buf *out)
{
    buf_init(out, 1 << 12);
    tariff_write(tariff, out);
    return buf_view(out);
}

Test(tariff, reads_and_writes_what_it_names)
{
    struct tariff t = { .free = false };
    struct buf out;

    cr_assert_null(tariff_set(&t, TEXT("input_usd_per_mtok"), TEXT("2.500000000")));
    cr_assert_null(tariff_set(&t, TEXT("cache_write_1h_usd_per_mtok"), TEXT("0.000000001")));
    cr_assert_null(tariff_set(&t, TEXT("request_usd"), TEXT("0.07")));
    cr_assert_null(tariff_set(&t, TEXT("audio_second_usd"), TEXT("0.0001")));
    cr_assert_null(tariff_set(&t, TEXT("character_usd"), TEXT("0.000015")));
    cr_assert_eq(t.prices[UNIT_INPUT].nano, 2500000000);
    cr_assert_eq(t.prices[UNIT_REQUEST].nano, 70000000000);    /* for a thousand */
    cr_assert_eq(t.prices[UNIT_AUDIO_SECOND].nano, 360000000); /* for an hour */
    cr_assert_eq(t.prices[UNIT_CHARACTER].nano, 15000000000);  /* for a million */
    cr_assert_not(t.given[UNIT_OUTPUT]);
    struct text text = written(&t, &out);
    cr_assert(text_is(text,
                      "{ input_usd_per_mtok = 2.5, cache_write_1h_usd_per_mtok = 0.000000001, request_usd = 0.07, "
                      "character_usd = 0.000015, audio_second_usd = 0.0001 }"),
              "%.*s", TEXT_ARG(text));
    buf_free(&out);
    cr_assert(text_is(written(&(struct tariff){ .free = false }, &out), "{}"));
    buf_free(&out);
    cr_assert(text_is(written(&(struct tariff){ .free = true }, &out), "\"free\""));
    buf_free(&out);
}

Test(tariff, refuses_what_is_no_price)
{
    struct tariff t = { .free = false };
    cr_assert_not_null(tariff_set(&t, TEXT("input"), TEXT("1")));
    cr_assert_not_null(tariff_set(&t, TEXT("request_usd_per_mtok"), TEXT("1")));
    cr_assert_not_null(tariff_set(&t, TEXT("input_usd_per_mtok"), TEXT_NONE));
    cr_assert_not_null(tariff_set(&t, TEXT("input_usd_per_mtok"), TEXT("-1")));
    cr_assert_not_null(tariff_set(&t, TEXT("input_usd_per_mtok"), TEXT("0.0000000001")));
    cr_assert_not_null(tariff_set(&t, TEXT("input_usd_per_mtok"), TEXT("1000000.000000001")));
    cr_assert_null(tariff_set(&t, TEXT("input_usd_per_mtok"), TEXT("1000000")));
    cr_assert_not_null(tariff_set(&t, TEXT("character_usd"), TEXT("1000000"))); /* a million of them do not fit */
    cr_assert_not(t.given[UNIT_CHARACTER]);
}

Test(tariff, names_each_unit_once)
{
    struct tariff t = { .free = false };
    const char *const *names = tariff_names();
    size_t n = 0;
    for (; names[n] != NULL; n++)
        cr_assert_null(tariff_set(&t, text_of(names[n]), TEXT("1")), "%s", names[n]);
    cr_assert_eq(n, UNITS);
    for (enum unit unit = 0; unit < UNITS; unit++)
        cr_assert(t.given[unit] && t.prices[unit].unit == unit);
}

Test(tariff, stands_in_place_of_the_books_prices_and_leaves_the_others)
{
    struct tariff t = { .free = false };
    struct book_tier tier = { .above = 5, .nano = 9 };
    struct book_price input = { .unit = UNIT_INPUT, .nano = 1, .tiers = &tier, .tier_count = 1 },
                      output = { .unit = UNIT_OUTPUT, .nano = 2 };
    struct price_list list = { .of = { [UNIT_INPUT] = &input, [UNIT_OUTPUT] = &output } };
    cr_assert_null(tariff_set(&t, TEXT("input_usd_per_mtok"), TEXT("0")));
    tariff_apply(&t, &list);
    cr_assert_eq(list.of[UNIT_INPUT]->nano, 0);
    cr_assert_eq(list.of[UNIT_INPUT]->tier_count, 0);
    cr_assert_eq(list.of[UNIT_OUTPUT]->nano, 2);
    cr_assert_null(list.of[UNIT_REQUEST]);
}
