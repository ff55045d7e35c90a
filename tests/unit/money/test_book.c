/* test_book.c - the price book: reading it, refusing a broken one, finding models in it. */
#include <unistd.h>

#include "base/buf.h"
#include "check.h"
#include "money/book.h"

#define BOOK(models)                                                                                                   \
    "{\"format\":1,\"date\":\"2026-11-27\",\"providers\":[{\"id\":\"maker\",\"names\":[\"maker\",\"alias\"],"          \
    "\"models\":[" models "]},{\"id\":\"seller\",\"names\":[\"seller\"],\"else\":[\"maker\"],\"models\":[]}]}"
#define MODEL(id, match) "{\"id\":\"" id "\",\"match\":" match ",\"prices\":[{\"usd\":{\"input\":2.5}}]}"

static struct book *parse(const char *text)
{
    struct fail fail = { .kind = FAIL_NONE };
    struct book *book = book_parse(text_of(text), "test", &fail);

    cr_assert_not_null(book, "%s", fail.text);
    return book;
}

/* The id found for a model, "" for none. */
static const char *id_of(const struct book *book, const char *provider, const char *model)
{
    static char id[64];
    struct book_found found;

    if (!book_find(book, text_of(provider), text_of(model), &found))
        return "";
    snprintf(id, sizeof id, "%.*s", TEXT_ARG(found.model->id));
    return id;
}

Test(book, finds_a_model_by_each_kind_of_rule)
{
    struct book *book = parse(
        BOOK(MODEL("equal", "[\"=one\"]") "," MODEL("begin", "[\"^two\"]") "," MODEL("end", "[\"$three\"]") "," MODEL(
            "inside", "[\"*four\"]") "," MODEL("pattern", "[\"~^fi[vw]e$\"]") "," MODEL("both",
                                                                                        "[[\"^six\",\"!*mini\"]]")));
    static const char *const cases[][2] = {
        { "one", "equal" },    { "one-b", "" },      { "two", "begin" }, { "two-turbo", "begin" }, { "a-two", "" },
        { "three", "end" },    { "a-three", "end" }, { "three-a", "" },  { "a-four-b", "inside" }, { "fou", "" },
        { "five", "pattern" }, { "fixe", "" },       { "six", "both" },  { "six-mini", "" },       { "ONE", "equal" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_str_eq(id_of(book, "maker", cases[i][0]), cases[i][1], "for %s", cases[i][0]);
    cr_assert_str_eq(id_of(book, "alias", "one"), "equal");
    cr_assert_str_eq(id_of(book, "ALIAS", "one"), "equal");
    cr_assert_str_eq(id_of(book, "nobody", "one"), "");
    cr_assert_str_eq(id_of(book, "seller", "one"), "equal", "it sells the maker's models too");
    cr_assert_str_eq(id_of(book, "maker", ""), "");
    book_free(book);
}

Test(book, another_version_has_another_price)
{
    struct book *book = parse(BOOK(MODEL("old", "[\"^sonnet-5\",\"*sonnet-5\"]") "," MODEL("gpt", "[\"^gpt-4\"]")));
    static const struct {
        const char *model, *id;
    } cases[] = {
        { "sonnet-5", "old" },
        { "sonnet-5-5", "" },
        { "sonnet-5.5", "" },
        { "sonnet-55", "" },
        { "sonnet-5-20251001", "old" },
        { "sonnet-5-2025-10-01", "old" },
        { "sonnet-5@20251001", "old" },
        { "sonnet-5-latest", "old" },
        { "sonnet-5-5-latest", "" },
        { "sonnet-5-20259901", "" },
        { "us.sonnet-5-v1:0", "old" },
        { "us.sonnet-5-5-v1:0", "" },
        { "sonnet-5:0", "old" },
        { "gpt-4-0613", "old" },
        { "gpt-4-2512", "old" },
        { "gpt-4-32k", "" },
        { "gpt-4.1", "" },
        { "gpt-41", "" },
        { "gpt-4o", "old" },
        { "gpt-4-1399", "" },
        { "gpt-4-20", "" },
        { "gpt-4-2024-1", "" },
        { "gpt-4-251001", "old" },
        { "gpt-4-251301", "" },
        { "gpt-4-2510011", "" },
        { "gpt-4-06135", "" },
        { "gpt-4-012-x", "" },
        { "gpt-4-2024-101", "" },
        { "gpt-4-2024_10", "" },
        { "gpt-4-2024-10", "old" },
        { "gpt-4-2024-13", "" },
        { "gpt-4-0613512", "" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool found = id_of(book, "maker", cases[i].model)[0] != '\0';
        cr_assert_eq(found, cases[i].id[0] != '\0', "for %s", cases[i].model);
    }
    book_free(book);
}

Test(book, a_rule_may_end_inside_a_date_or_a_revision)
{
    struct book *book = parse(BOOK(MODEL("cut", "[\"^sonnet-4-2025\",\"*flash-0\",\"^large-2\",\"^opus-20\"]")));
    static const struct {
        const char *model, *id;
    } cases[] = {
        { "sonnet-4-20250514", "cut" }, { "sonnet-4-20259914", "" },
        { "sonnet-4-2025051", "" },     { "flash-001", "cut" },
        { "flash-002-tuning", "cut" },  { "flash-0613:team::id", "cut" },
        { "flash-0699", "" },           { "flash-05", "" },
        { "large-2512", "" },           { "large-200", "" },
        { "opus-20250514", "" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_str_eq(id_of(book, "maker", cases[i].model), cases[i].id, "for %s", cases[i].model);
    book_free(book);
}

Test(book, a_compact_date_is_a_date)
{
    struct book *book = parse(BOOK(MODEL("dated", "[\"=m-2025-12-11\"]")));

    cr_assert_str_eq(id_of(book, "maker", "m-20251211"), "dated");
    cr_assert_str_eq(id_of(book, "maker", "m-2025-12-11"), "dated");
    cr_assert_str_eq(id_of(book, "maker", "m-20251212"), "");
    cr_assert_str_eq(id_of(book, "maker", "m-202512110"), "");
    book_free(book);
}

Test(book, a_name_that_is_too_long_has_no_price)
{
    struct book *book = parse(BOOK(MODEL("long", "[\"^a\"]")));
    char name[600];

    memset(name, 'a', sizeof name);
    name[512] = '\0';
    cr_assert_str_eq(id_of(book, "maker", name), "long");
    name[512] = 'a';
    name[513] = '\0';
    cr_assert_str_eq(id_of(book, "maker", name), "");
    book_free(book);
}

Test(book, a_broken_one_is_refused_with_its_place)
{
    static const struct {
        const char *text, *complaint;
    } cases[] = {
        { "{", "test" },
        { "{\"format\":2,\"providers\":[]}", "its format is 2, this version reads 1" },
        { BOOK("{\"match\":[\"=a\"],\"prices\":[]}"), "a model has an `id`" },
        { BOOK(MODEL("m", "[]")), "maker/m: a model has an `id` and a list `match`" },
        { BOOK(MODEL("m", "[\"a\"]")), "\"a\" is no rule: it begins with = ^ $ * or ~, then has a name" },
        { BOOK(MODEL("m", "[\"=\"]")), "\"=\" is no rule" },
        { BOOK(MODEL("m", "[7]")), "a rule is a text" },
        { BOOK(MODEL("m", "[[]]")), "a rule is a text or a list of texts" },
        { BOOK(MODEL("m", "[{}]")), "a rule is a text or a list of texts" },
        { BOOK(MODEL("m", "[\"~(\"]")), "\"(\" is no POSIX extended regular expression" },
        { BOOK("{\"id\":\"m\",\"match\":[\"=a\"],\"prices\":[]}"), "a list `prices`" },
        { BOOK("{\"id\":\"m\",\"match\":[\"=a\"],\"prices\":[{}]}"), "no `usd`" },
        { BOOK("{\"id\":\"m\",\"match\":[\"=a\"],\"prices\":[{\"usd\":{\"inputs\":1}}]}"), "no unit" },
        { BOOK("{\"id\":\"m\",\"match\":[\"=a\"],\"prices\":[{\"usd\":{\"input\":-1}}]}"), "a price is" },
        { BOOK("{\"id\":\"m\",\"match\":[\"=a\"],\"prices\":[{\"usd\":{\"input\":\"1\"}}]}"), "a price is" },
        { BOOK("{\"id\":\"m\",\"match\":[\"=a\"],\"prices\":[{\"usd\":{\"input\":[1,[5,2],[5,3]]}}]}"), "a tier is" },
        { BOOK("{\"id\":\"m\",\"match\":[\"=a\"],\"prices\":[{\"usd\":{\"input\":[1,[5]]}}]}"), "a tier is" },
        { BOOK("{\"id\":\"m\",\"match\":[\"=a\"],\"prices\":[{\"from\":\"2026-13-01\",\"usd\":{}}]}"),
          "`from` is a day" },
        { BOOK("{\"id\":\"m\",\"match\":[\"=a\"],\"prices\":[{\"from\":\"2026-02-29\",\"usd\":{}}]}"),
          "`from` is a day" },
        { BOOK("{\"id\":\"m\",\"match\":[\"=a\"],\"prices\":[{\"from\":\"26-01-01\",\"usd\":{}}]}"),
          "`from` is a day" },
        { BOOK("{\"id\":\"m\",\"match\":[\"=a\"],\"prices\":[{\"between\":[\"24:00\",\"01:00\"],\"usd\":{}}]}"),
          "`between`" },
        { BOOK("{\"id\":\"m\",\"match\":[\"=a\"],\"prices\":[{\"usd\":{}}],\"variants\":[{\"usd\":{}}]}"), "`when`" },
        { "{\"format\":1,\"providers\":[{\"id\":\"p\",\"models\":[]}]}", "a provider has" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fail fail = { .kind = FAIL_NONE };
        struct book *book = book_parse(text_of(cases[i].text), "test", &fail);
        cr_assert_null(book, "%s", cases[i].text);
        cr_assert_eq(fail.kind, FAIL_OPERATOR);
        cr_assert_not_null(strstr(fail.text, cases[i].complaint), "%s\n%s", cases[i].text, fail.text);
    }
}

Test(book, ours_is_read_from_its_file)
{
    struct fail fail = { .kind = FAIL_NONE };
    struct book *book = book_load(GW_SOURCE_DIR "/core/money/prices/prices.json", &fail);
    struct book_found found;

    cr_assert_not_null(book, "%s", fail.text);
    cr_assert_eq(strlen(book->digest), 64);
    cr_assert_gt(book->provider_count, 40);
    cr_assert(book_find(book, TEXT("anthropic"), TEXT("claude-sonnet-4-5-20250929"), &found));
    cr_assert_eq(found.model->window, 200000);
    cr_assert_eq(found.model->max_output, 64000);
    cr_assert_not(book_find(book, TEXT("anthropic"), TEXT("claude-sonnet-4-9"), &found));
    cr_assert(book_find(book, TEXT("azure"), TEXT("gpt-4o"), &found), "azure sells OpenAI's models");
    cr_assert_not(book_find(book, TEXT("demo"), TEXT("demo"), &found));
    for (size_t i = 0; i < book->provider_count; i++) /* a pattern may begin a name, not be all of none */
        cr_assert_not(book_find(book, book->providers[i].id, TEXT(""), &found), "%.*s",
                      TEXT_ARG(book->providers[i].id));
    cr_assert_null(found.model);
    book_free(book);
}

Test(book, a_file_that_is_not_there_is_named)
{
    struct fail fail = { .kind = FAIL_NONE };

    cr_assert_null(book_load("/nowhere/prices.json", &fail));
    cr_assert_not_null(strstr(fail.text, "/nowhere/prices.json: No such file"));
    cr_assert_null(book_load("/", &fail));
    cr_assert_not_null(strstr(fail.text, "cannot be read"));
}

Test(book, a_rule_reads_as_words)
{
    struct book *book = parse(BOOK(MODEL("m", "[[\"^a\",\"!~b$\"],\"=c\",\"$d\",\"*e\"]")));
    static const char *const words[] = { "begins with a and not: matches b$", "is c", "ends with d", "contains e" };
    static const char *const names[] = { "a", "c", "xd", "xex" };

    for (size_t i = 0; i < 4; i++) {
        struct book_found found;
        struct buf out;
        buf_init(&out, 256);
        cr_assert(book_find(book, TEXT("maker"), text_of(names[i]), &found));
        book_write_rule(found.rule, &out);
        cr_assert(text_is(buf_view(&out), words[i]), "%.*s", TEXT_ARG(buf_view(&out)));
        buf_free(&out);
    }
    book_free(book);
}
