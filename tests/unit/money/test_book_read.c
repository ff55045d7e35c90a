/* test_book_read.c - what a price book holds, member by member, to the second and the nano-dollar; names in it. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "money/book.h"

/* A book of one model with these prices. `form` has a %s for `word`. */
static struct book *book_of(const char *form, const char *word, struct fail *fail)
{
    char prices[512], text[1024];
    snprintf(prices, sizeof prices, form, word);
    snprintf(text, sizeof text,
             "{\"format\":1,\"date\":\"2026-11-27\",\"providers\":[{\"id\":\"p\",\"names\":[\"p\"],\"models\":["
             "{\"id\":\"m\",\"match\":[\"=m\"],%s}]}]}",
             prices);
    return book_parse(text_of(text), "test", fail);
}

static void is_refused(const char *form, const char *word, const char *complaint)
{
    struct fail fail = { .kind = FAIL_NONE };
    cr_assert_null(book_of(form, word, &fail), "%s", word);
    cr_assert_str_eq(fail.text, complaint, "%s", word);
}

#define FROM "\"prices\":[{\"from\":\"%s\",\"usd\":{}}]"
#define BETWEEN "\"prices\":[{\"between\":%s,\"usd\":{}}]"
#define TIERS "\"prices\":[{\"usd\":{\"input\":%s}}]"

/* By `date -u -d DAY +%s`. */
Test(book_read, a_day_begins_with_its_first_second)
{
    static const struct {
        const char *day;
        int64_t second;
    } days[] = {
        { "1970-01-01", 0 },
        { "1970-01-02", 86400 },
        { "1969-12-31", -86400 },
        { "2000-02-29", 951782400 },
        { "2000-03-01", 951868800 },
        { "2026-10-14", 1791936000 },
        { "2026-01-31", 1769817600 },
        { "2026-12-31", 1798675200 },
        { "2024-02-29", 1709164800 },
        { "2100-03-01", 4107542400 },
        { "1900-03-01", -2203891200 },
        { "2399-12-31", 13569379200 },
        { "9999-12-31", 253402214400 },
    };
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
        struct fail fail = { .kind = FAIL_NONE };
        struct book *book = book_of(FROM, days[i].day, &fail);
        cr_assert_not_null(book, "%s: %s", days[i].day, fail.text);
        cr_assert_eq(book->providers[0].models[0].entries[0].from_s, days[i].second, "%s", days[i].day);
        book_free(book);
    }
    static const char *const none[] = { "2026x10-14", "2026-10x14", "2026-10-1",  "2026-10-144",
                                        "2026-00-10", "2026-13-10", "2026-10-00", "2026-10-32",
                                        "2026-1a-01", "2026-a1-01", "2026-10-0:", "2026-10-/1",
                                        "x026-10-14", "202 -10-14", "",           "2026-:0-01" };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        is_refused(FROM, none[i], "price book test: p/m: `from` is a day: \"2026-10-14\"");
}

Test(book_read, times_of_the_day_are_seconds)
{
    static const struct {
        const char *between;
        int32_t begin, end;
    } times[] = { { "[\"16:30\",\"00:30\"]", 59400, 1800 },
                  { "[\"00:00\",\"23:59\"]", 0, 86340 },
                  { "[\"09:01\",\"19:10\"]", 32460, 69000 } };
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct fail fail = { .kind = FAIL_NONE };
        struct book *book = book_of(BETWEEN, times[i].between, &fail);
        cr_assert_not_null(book, "%s", fail.text);
        const struct book_entry *entry = &book->providers[0].models[0].entries[0];
        cr_assert(entry->begin_s == times[i].begin && entry->end_s == times[i].end && entry->from_s == INT64_MIN);
        book_free(book);
    }
    struct fail fail = { .kind = FAIL_NONE };
    struct book *book = book_of("\"prices\":[{\"usd\":{}}]%s", "", &fail);
    cr_assert_eq(book->providers[0].models[0].entries[0].begin_s, -1);
    book_free(book);
    static const char *const none[] = { "[\"24:00\",\"01:00\"]",
                                        "[\"01:00\",\"24:00\"]",
                                        "[\"01:60\",\"02:00\"]",
                                        "[\"1:00\",\"02:00\"]",
                                        "[\"01-00\",\"02:00\"]",
                                        "[\"0a:00\",\"02:00\"]",
                                        "[\"01:0/\",\"02:00\"]",
                                        "[\"01:00\"]",
                                        "[]",
                                        "\"01:00\"",
                                        "[\"01:00\",\"2:000\"]",
                                        "[\"01:000\",\"02:00\"]" };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        is_refused(BETWEEN, none[i],
                   "price book test: p/m: `between` is two times of the UTC day: [\"16:30\", \"00:30\"]");
}

Test(book_read, tiers_rise)
{
    struct fail fail = { .kind = FAIL_NONE };
    struct book *book = book_of(TIERS, "[1.5,[0,2],[1,3.000000001],[200000,4]]", &fail);
    cr_assert_not_null(book, "%s", fail.text);
    const struct book_price *price = &book->providers[0].models[0].entries[0].prices[0];
    cr_assert(price->unit == UNIT_INPUT && price->nano == 1500000000 && price->tier_count == 3);
    cr_assert(price->tiers[0].above == 0 && price->tiers[0].nano == 2000000000);
    cr_assert(price->tiers[1].above == 1 && price->tiers[1].nano == 3000000001);
    cr_assert(price->tiers[2].above == 200000 && price->tiers[2].nano == 4000000000);
    book_free(book);
    static const char *const none[] = { "[1,[-1,2]]",    "[1,[5,2],[5,3]]", "[1,[5,2],[4,3]]",
                                        "[1,[5]]",       "[1,[5,2,3]]",     "[1,5]",
                                        "[1,[5,\"2\"]]", "[1,[5,-2]]",      "[1,[\"5\",2]]" };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        is_refused(TIERS, none[i], "price book test: p/m: a tier is [tokens, price], tokens rising");
    static const char *const no_price[] = { "-1", "\"1\"", "[]", "[\"1\"]", "{}", "true", "null", "1.0000000001" };
    for (size_t i = 0; i < sizeof no_price / sizeof no_price[0]; i++)
        is_refused(
            TIERS, no_price[i],
            "price book test: p/m: a price is a number of dollars, not negative, with at most 9 digits after the point");
}

Test(book_read, what_is_not_complete_is_refused_with_its_place)
{
    static const struct {
        const char *text, *complaint;
    } cases[] = {
        { "{\"format\":2,\"providers\":[]}", "price book test: its format is 2, this version reads 1" },
        { "{\"providers\":[]}", "price book test: its format is 0, this version reads 1" },
        { "{\"format\":1,\"date\":\"27.11.2026\",\"providers\":[]}",
          "price book test: its `date` is no day: \"2026-10-14\"" },
        { "{\"format\":1,\"providers\":[{\"names\":[\"p\"],\"models\":[]}]}",
          "price book test: : a provider has an `id`, a list `names` and a list `models`" },
        { "{\"format\":1,\"providers\":[{\"id\":\"p\",\"names\":[],\"models\":[]}]}",
          "price book test: p: a provider has an `id`, a list `names` and a list `models`" },
        { "{\"format\":1,\"providers\":[{\"id\":\"p\",\"names\":[\"p\"],\"models\":{}}]}",
          "price book test: p: a provider has an `id`, a list `names` and a list `models`" },
        { "{\"format\":1,\"providers\":[{\"id\":\"p\",\"names\":[\"p\"],\"models\":[{\"id\":\"m\",\"match\":{\"a\":1}}]}]}",
          "price book test: p/m: a model has an `id` and a list `match`" },
        { "{\"format\":1,\"providers\":[{\"id\":\"p\",\"names\":[\"p\"],\"models\":[{\"match\":[\"=a\"]}]}]}",
          "price book test: p: a model has an `id` and a list `match`" },
        { "{\"format\":1,\"providers\":[{\"id\":\"p\",\"names\":[\"p\"],\"models\":[{\"id\":\"m\",\"match\":[\"=a\"],\"prices\":["
          "{\"usd\":{}}],\"variants\":[{\"when\":{\"a\":\"b\",\"c\":\"d\"},\"usd\":{}}]}]}]}",
          "price book test: p/m: a variant has `when` with one member, a text" },
        { "{\"format\":1,\"providers\":[{\"id\":\"p\",\"names\":[\"p\"],\"models\":[{\"id\":\"m\",\"match\":[\"=a\"],\"prices\":["
          "{\"usd\":{}}],\"variants\":[{\"when\":{\"a\":1},\"usd\":{}}]}]}]}",
          "price book test: p/m: a variant has `when` with one member, a text" },
        { "{\"format\":1,\"providers\":[{\"id\":\"p\",\"names\":[\"p\"],\"models\":[{\"id\":\"m\",\"match\":[\"=a\"],\"prices\":["
          "{\"usd\":[]}]}]}]}",
          "price book test: p/m: a price has no `usd`" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fail fail = { .kind = FAIL_NONE };
        cr_assert_null(book_parse(text_of(cases[i].text), "test", &fail), "%zu", i);
        cr_assert_str_eq(fail.text, cases[i].complaint, "%zu: %s", i, fail.text);
    }
}

static const char names[] = "{\"format\":1,\"date\":\"2026-11-27\",\"providers\":["
                            "{\"id\":\"first\",\"names\":[\"first\"],\"else\":[\"nowhere\",\"second\"],\"models\":[]},"
                            "{\"id\":\"second\",\"names\":[\"second\",\"also\"],\"models\":["
                            "{\"id\":\"dated\",\"match\":[\"=a-model-with-a-long-name-2025-12-11\",\"=s-2025-12-11-x\","
                            "\"=t-2025-12-11:0\"],\"window\":7,\"max_output\":8,\"prices\":[{\"usd\":{}}],"
                            "\"variants\":[{\"when\":{\"tier\":\"flex\"},\"usd\":{\"output\":2}}]}]}]}";

Test(book_read, a_seller_may_name_makers_that_the_book_lacks)
{
    struct fail fail = { .kind = FAIL_NONE };
    struct book *book = book_parse(text_of(names), "test", &fail);
    struct book_found found;
    cr_assert_not_null(book, "%s", fail.text);
    static const char *const known[] = { "a-model-with-a-long-name-2025-12-11", "a-model-with-a-long-name-20251211",
                                         "A-Model-With-A-Long-Name-20251211", "s-20251211-x", "t-20251211:0" },
                             *const other[] = { "a-model-with-a-long-name-20251212",
                                                "s-20251211",
                                                "s-20251211x",
                                                "t-20251211-0",
                                                "s-19251211-x",
                                                "s-2025121a-x",
                                                "s.20251211-x" };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        cr_assert(book_find(book, TEXT("first"), text_of(known[i]), &found) && text_is(found.provider->id, "second"),
                  "%s", known[i]);
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        cr_assert_not(book_find(book, TEXT("first"), text_of(other[i]), &found), "%s", other[i]);
    const struct book_provider *second = &book->providers[1];
    cr_assert(second->name_count == 2 && text_is(second->names[1], "also") && second->other_count == 0);
    cr_assert(book->providers[0].other_count == 2 && text_is(book->providers[0].others[1], "second"));
    cr_assert(second->models[0].window == 7 && second->models[0].max_output == 8 && second->models[0].rule_count == 3);
    const struct book_entry *variant = &second->models[0].variants[0];
    cr_assert(second->models[0].variant_count == 1 && text_is(variant->when, "tier") &&
              text_is(variant->value, "flex"));
    cr_assert(variant->price_count == 1 && variant->prices[0].unit == UNIT_OUTPUT &&
              variant->prices[0].nano == 2000000000);
    cr_assert(text_is(book->date, "2026-11-27"));
    book_free(book);
}

/* A book with so many blanks behind it. */
static struct book *load(size_t bytes, struct fail *fail)
{
    char path[] = "/tmp/gw-book-XXXXXX";
    int fd = mkstemp(path);
    char *text = malloc(bytes);
    cr_assert(fd >= 0 && text != NULL);
    memset(text, ' ', bytes);
    memcpy(text, names, sizeof names - 1);
    cr_assert_eq(write(fd, text, bytes), (ssize_t)bytes);
    close(fd);
    struct book *book = book_load(path, fail);
    unlink(path);
    free(text);
    return book;
}

Test(book_read, a_file_has_at_most_16_mb)
{
    struct fail fail = { .kind = FAIL_NONE };
    struct book *book = load((16 << 20) - (100 << 10), &fail);
    cr_assert_not_null(book, "%s", fail.text);
    book_free(book);
    cr_assert_null(load((16 << 20) + 1, &fail));
    cr_assert(strstr(fail.text, ": it cannot be read, or is larger than 16 MB") != NULL, "%s", fail.text);
}
