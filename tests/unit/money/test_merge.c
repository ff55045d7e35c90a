/* test_merge.c - a newer price book: what is taken, what stays, what is held back. */
#include "check.h"
#include "money/book_merge.h"

#define BOOK(models)                                                                                                   \
    "{\"format\":1,\"date\":\"1970-02-01\",\"providers\":[{\"id\":\"p\",\"names\":[\"p\"],\"models\":[" models "]}]}"
#define MODEL(id, usd) "{\"id\":\"" id "\",\"match\":[\"=" id "\"],\"prices\":[{\"usd\":{" usd "}}]}"
#define FROM(id, usd, day, then)                                                                                       \
    "{\"id\":\"" id "\",\"match\":[\"=" id "\"],\"prices\":[{\"usd\":{" usd "}},{\"from\":\"" day "\",\"usd\":{" then  \
    "}}]}"
#define VARIANT(id, usd, tier, then)                                                                                   \
    "{\"id\":\"" id "\",\"match\":[\"=" id "\"],\"prices\":[{\"usd\":{" usd                                            \
    "}}],\"variants\":[{\"when\":{\"service_tier\":\"" tier "\"},\"usd\":{" then "}}]}"

/* A price of a later day. */
#define LATER(digit) "{\"from\":\"1971-01-0" digit "\",\"usd\":{\"input\":1." digit "}},"

enum { NOW = 100 * 86400 };

/* "new p/m", one line a difference. */
static void note(void *arg, const struct merge_difference *d)
{
    static const char *const kinds[] = { "new", "changed", "kept", "held" };

    buf_printf(arg, "%s %.*s/%.*s", kinds[d->kind], TEXT_ARG(d->provider), TEXT_ARG(d->model));
    if (d->unit != UNITS)
        buf_printf(arg, " %.*s %lld %lld", TEXT_ARG(unit_info(d->unit)->name), (long long)d->from, (long long)d->to);
    buf_str(arg, "\n");
}

/* Merges, holds the differences against `expected`, and returns the new book. */
static struct book *merge(const char *older, const char *newer, bool force, const char *expected)
{
    struct fail fail = { .kind = FAIL_NONE };
    struct buf out, notes;

    buf_init(&out, 1 << 20);
    buf_init(&notes, 1 << 16);
    cr_assert_eq(book_merge(text_of(older), text_of(newer), NOW, force, &out, note, &notes, &fail), 0, "%s", fail.text);
    cr_assert(text_is(buf_view(&notes), expected), "%s%.*s", expected, TEXT_ARG(buf_view(&notes)));
    struct book *book = book_parse(buf_view(&out), "merged", &fail);
    cr_assert_not_null(book, "%s\n%.*s", fail.text, TEXT_ARG(buf_view(&out)));
    buf_free(&out);
    buf_free(&notes);
    return book;
}

/* The input price of p/`model` in nano-dollars; -1: there is no such model. */
static int64_t input_of(const struct book *book, const char *model)
{
    struct book_found found;

    return book_find(book, TEXT("p"), text_of(model), &found) ? found.model->entries[0].prices[0].nano : -1;
}

Test(merge, takes_new_models_and_changes_and_removes_nothing)
{
    struct book *book = merge(BOOK(MODEL("a", "\"input\":2") "," MODEL("gone", "\"input\":7")),
                              BOOK(MODEL("b", "\"input\":5") "," MODEL("a", "\"input\":3")), false,
                              "new p/b\nchanged p/a input 2000000000 3000000000\nkept p/gone\n");

    cr_assert_eq(input_of(book, "a"), 3000000000);
    cr_assert_eq(input_of(book, "b"), 5000000000);
    cr_assert_eq(input_of(book, "gone"), 7000000000);
    cr_assert_eq(book->providers[0].model_count, 3);
    book_free(book);
}

/* Behind one newer model, and behind none: what is written is a book. */
Test(merge, models_that_are_gone_stand_behind_the_newer_ones)
{
    struct book *book = merge(BOOK(MODEL("gone", "\"input\":7") "," MODEL("away", "\"input\":8")),
                              BOOK(MODEL("b", "\"input\":5")), false, "new p/b\nkept p/gone\nkept p/away\n");

    cr_assert_eq(book->providers[0].model_count, 3);
    cr_assert(text_is(book->providers[0].models[0].id, "b") && text_is(book->providers[0].models[2].id, "away"));
    book_free(book);
    book = merge(BOOK(MODEL("gone", "\"input\":7") "," MODEL("away", "\"input\":8")), BOOK(""), false,
                 "kept p/gone\nkept p/away\n");
    cr_assert_eq(book->providers[0].model_count, 2);
    book_free(book);
}

Test(merge, a_provider_that_is_gone_stays)
{
    struct book *book =
        merge(BOOK(MODEL("a", "\"input\":2")),
              "{\"format\":1,\"date\":\"1970-03-01\",\"providers\":[{\"id\":\"q\",\"names\":[\"q\"],\"models\":[]}]}",
              false, "kept p/a\n");

    cr_assert_eq(input_of(book, "a"), 2000000000);
    cr_assert_eq(book->provider_count, 2);
    cr_assert(text_is(book->date, "1970-03-01"));
    book_free(book);
    book = merge(BOOK(MODEL("a", "\"input\":2")), "{\"format\":1,\"date\":\"1970-03-01\",\"providers\":[]}", false,
                 "kept p/a\n");
    cr_assert_eq(input_of(book, "a"), 2000000000);
    book_free(book);
}

#define OF(date)                                                                                                       \
    "{\"format\":1" date ",\"providers\":[{\"id\":\"p\",\"names\":[\"p\"],\"models\":[" MODEL("a", "\"input\":2") "]}]}"
#define DATE(day) ",\"date\":\"" day "\""

Test(merge, an_older_book_is_taken_by_force_alone)
{
    static const struct {
        const char *older, *newer, *complaint; /* NULL: taken */
        bool forced;                           /* force takes it */
    } cases[] = {
        { OF(DATE("1970-02-01")), OF(DATE("1970-02-01")), NULL, true },
        { OF(DATE("1970-02-01")), OF(DATE("1970-01-31")), "it is of 1970-01-31, and the one in use of 1970-02-01",
          true },
        { OF(DATE("1970-02-01")), OF(DATE("1970-04-12")), NULL, true }, /* it is that day already, east of here */
        { OF(DATE("1970-02-01")), OF(DATE("1970-04-13")), "a day to come", true },
        { OF(""), OF(DATE("1970-02-01")), NULL, true },
        { OF(DATE("1970-02-01")), OF(""), "no `date`", false },
        { OF(""), OF(DATE("1970-02-29")), "no day", false },
        { OF(""), OF(DATE("1970-2-01")), "no day", false },
        { OF(""), OF(",\"date\":7"), "no day", false },
        { OF(DATE("1970-02-01\\\"x")), OF(DATE("1970-02-01")), "no day", false },
    };
    for (size_t i = 0; i < 2 * (sizeof cases / sizeof cases[0]); i++) {
        bool force = i % 2 == 1, taken = cases[i / 2].complaint == NULL || (force && cases[i / 2].forced);
        struct fail fail = { .kind = FAIL_NONE };
        struct buf out, notes;
        buf_init(&out, 1 << 20);
        buf_init(&notes, 1 << 16);
        int result =
            book_merge(text_of(cases[i / 2].older), text_of(cases[i / 2].newer), NOW, force, &out, note, &notes, &fail);
        cr_assert_eq(result, taken ? 0 : -1, "%zu: %s", i, fail.text);
        if (!taken)
            cr_assert_not_null(strstr(fail.text, cases[i / 2].complaint), "%zu: %s", i, fail.text);
        buf_free(&out);
        buf_free(&notes);
    }
}

Test(merge, what_cannot_be_believed_is_held_back)
{
    static const struct {
        const char *older, *newer, *held; /* NULL: it is taken */
    } cases[] = {
        { MODEL("a", "\"input\":1"), MODEL("a", "\"input\":10"), NULL },
        { MODEL("a", "\"input\":1"), MODEL("a", "\"input\":10.000000001"), "held p/a input 1000000000 10000000001\n" },
        { MODEL("a", "\"input\":10"), MODEL("a", "\"input\":1"), NULL },
        { MODEL("a", "\"input\":10"), MODEL("a", "\"input\":0.999999999"), "held p/a input 10000000000 999999999\n" },
        { MODEL("a", "\"input\":1"), MODEL("a", "\"input\":0"), "held p/a input 1000000000 0\n" },
        { MODEL("a", "\"input\":0"), MODEL("a", "\"input\":1"), "held p/a input 0 1000000000\n" },
        { MODEL("a", "\"input\":1,\"output\":2"), MODEL("a", "\"input\":1"), "held p/a output 2000000000 -1\n" },
        { MODEL("a", "\"input\":1"), MODEL("a", "\"input\":1,\"output\":2"), NULL },
        { MODEL("a", "\"input\":1,\"output\":2"), MODEL("a", "\"input\":20,\"output\":3"), /* one of them is enough */
          "held p/a input 1000000000 20000000000\n" },
        { MODEL("a", "\"input\":[1,[100,2]]"), MODEL("a", "\"input\":[1,[100,30]]"),
          "held p/a input 2000000000 30000000000\n" },
        { MODEL("a", "\"input\":[1,[100,2],[200,3]]"), MODEL("a", "\"input\":[1,[100,2],[200,31]]"),
          "held p/a input 3000000000 31000000000\n" },
        { MODEL("a", "\"input\":[1,[100,2]]"), MODEL("a", "\"input\":[1,[100,2],[200,21]]"),
          "held p/a input 2000000000 21000000000\n" },
        { MODEL("a", "\"input\":1"),
          "{\"id\":\"a\",\"match\":[\"=a\"],\"prices\":[{\"usd\":{\"input\":1}}," LATER("2") LATER("3") LATER("4")
              LATER("5") LATER("6") LATER("7") LATER("8")
                  LATER("9") "{\"from\":\"1971-01-20\",\"usd\":{\"input\":50}}]}",
          "held p/a input 1000000000 50000000000\n" },
        { MODEL("a", "\"input\":1"), FROM("a", "\"input\":1", "1970-04-12", "\"input\":50"),
          "held p/a input 1000000000 50000000000\n" },
        { MODEL("a", "\"input\":1"), FROM("a", "\"input\":1", "1970-04-12", "\"input\":5"), NULL },
        { MODEL("a", "\"input\":1"), VARIANT("a", "\"input\":1", "flex", "\"input\":0"),
          "held p/a input 1000000000 0\n" },
        { VARIANT("a", "\"input\":1", "flex", "\"input\":0.2"), VARIANT("a", "\"input\":1", "flex", "\"input\":0.01"),
          "held p/a input 200000000 10000000\n" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char older[2048], newer[2048];
        struct fail fail = { .kind = FAIL_NONE };
        struct buf out, notes;

        snprintf(older, sizeof older, BOOK("%s"), cases[i].older);
        snprintf(newer, sizeof newer, BOOK("%s"), cases[i].newer);
        buf_init(&out, 1 << 20);
        buf_init(&notes, 1 << 16);
        cr_assert_eq(book_merge(text_of(older), text_of(newer), NOW, false, &out, note, &notes, &fail), 0);
        bool held = text_starts(buf_view(&notes), TEXT("held"));
        cr_assert_eq(held, cases[i].held != NULL, "case %zu: %.*s", i, TEXT_ARG(buf_view(&notes)));
        cr_assert(!held || text_starts(buf_view(&notes), text_of(cases[i].held)), "case %zu: %.*s", i,
                  TEXT_ARG(buf_view(&notes)));
        const char *stays = held ? cases[i].older : cases[i].newer;
        cr_assert(text_find(buf_view(&out), text_of(stays)) >= 0, "case %zu", i);
        buf_free(&out);
        buf_free(&notes);
    }
}

Test(merge, force_takes_it)
{
    struct book *book = merge(BOOK(MODEL("a", "\"input\":1")), BOOK(MODEL("a", "\"input\":100")), true,
                              "changed p/a input 1000000000 100000000000\n");

    cr_assert_eq(input_of(book, "a"), 100000000000);
    book_free(book);
}

Test(merge, a_broken_book_changes_nothing)
{
    struct fail fail = { .kind = FAIL_NONE };
    struct buf out, notes;

    buf_init(&out, 1 << 20);
    buf_init(&notes, 1 << 16);
    cr_assert_eq(book_merge(text_of(BOOK("")), text_of("{"), NOW, false, &out, note, &notes, &fail), -1);
    cr_assert_not_null(strstr(fail.text, "to be taken"));
    cr_assert_eq(book_merge(text_of("[]"), text_of(BOOK("")), NOW, false, &out, note, &notes, &fail), -1);
    cr_assert_not_null(strstr(fail.text, "in use"));
    cr_assert_eq(buf_view(&out).len, 0);
    buf_free(&out);
    buf_free(&notes);
}
