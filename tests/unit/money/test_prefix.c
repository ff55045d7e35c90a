/* test_prefix.c - a conversation that goes on is bounded by what was reported for its beginning. */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "money/prefixes.h"

static struct prefix of(const char *body)
{
    struct arena arena;
    struct prefix prefix;
    arena_init(&arena, NULL, 0, 1 << 20);
    prefix_read(json_parse_quick(&arena, text_of(body)), TEXT("s"), TEXT("m"), false, &prefix);
    arena_fini(&arena);
    return prefix;
}

#define ONE "{\"role\":\"user\",\"content\":\"first\"}"
#define TWO "{\"role\":\"assistant\",\"content\":\"second\"}"
#define THREE "{\"role\":\"user\",\"content\":\"third\"}"

Test(prefix, bounds_what_goes_on)
{
    struct prefixes *all = calloc(1, sizeof *all);
    cr_assert_not_null(all);
    struct prefix early = of("{\"tools\":[1],\"max_tokens\":5,\"messages\":[" ONE "]}"),
                  late =
                      of("{\"tools\":[1],\"max_tokens\":9,\"stream\":true,\"messages\":[" ONE "," TWO "," THREE "]}");
    cr_assert_eq(prefixes_bound(all, &late), INT64_MAX);
    prefixes_put(all, early.whole, 700);
    cr_assert_eq(prefixes_bound(all, &early), 764);
    cr_assert_eq(prefixes_bound(all, &late), 700 + (int64_t)sizeof TWO - 1 + (int64_t)sizeof THREE - 1 + 3 * 64);
    /* Other tools, a system, another beginning, another order: nothing is known. */
    static const char *const others[] = { "{\"tools\":[2],\"messages\":[" ONE "," TWO "]}",
                                          "{\"messages\":[" ONE "," TWO "]}",
                                          "{\"tools\":[1],\"system\":\"x\",\"messages\":[" ONE "," TWO "]}",
                                          "{\"tools\":[1],\"messages\":[" TWO "," ONE "]}",
                                          "{\"tools\":[1],\"messages\":[]}",
                                          "{\"tools\":[1],\"tool_choice\":\"any\",\"messages\":[" ONE "," TWO "]}" };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct prefix other = of(others[i]);
        cr_assert_eq(prefixes_bound(all, &other), INT64_MAX, "row %zu", i);
    }
    /* The larger report of the same request stays. */
    prefixes_put(all, early.whole, 600);
    cr_assert_eq(prefixes_bound(all, &early), 764);
    /* The nearest one counts. */
    struct prefix middle = of("{\"tools\":[1],\"messages\":[" ONE "," TWO "]}");
    prefixes_put(all, middle.whole, 710);
    cr_assert_eq(prefixes_bound(all, &late), 710 + (int64_t)sizeof THREE - 1 + 2 * 64);
    free(all);
}

static uint64_t whole_of(const char *form, const char *word)
{
    char text[512];
    snprintf(text, sizeof text, form, word);
    return of(text).whole;
}

Test(prefix, knows_the_messages_of_each_api)
{
    static const char *const lists[] = { "messages", "input", "contents" };
    for (size_t i = 0; i < 3; i++) {
        struct prefixes *all = calloc(1, sizeof *all);
        char text[256];
        cr_assert_not_null(all);
        snprintf(text, sizeof text, "{\"%s\":[" ONE "]}", lists[i]);
        struct prefix early = of(text);
        snprintf(text, sizeof text, "{\"%s\":[" ONE "," TWO "]}", lists[i]);
        struct prefix late = of(text);
        cr_assert(early.whole != 0 && early.count == 0 && late.count == 1, "%s", lists[i]);
        prefixes_put(all, early.whole, 10);
        cr_assert_eq(prefixes_bound(all, &late), 10 + (int64_t)sizeof TWO - 1 + 2 * 64, "%s", lists[i]);
        free(all);
    }
    cr_assert_eq(of("{\"messages\":\"a text\"}").whole, 0);
    cr_assert_neq(of("{\"messages\":\"a text\",\"input\":[" ONE "]}").whole, 0);
    cr_assert_eq(of("{\"turns\":[" ONE "]}").whole, 0);
}

/* What changes no token of the input is not looked at; anything else makes another conversation. */
Test(prefix, settings_that_change_no_input_do_not_count)
{
    static const char *const same[] = { "stream",
                                        "stream_options",
                                        "max_tokens",
                                        "max_completion_tokens",
                                        "max_output_tokens",
                                        "temperature",
                                        "top_p",
                                        "seed",
                                        "user",
                                        "metadata",
                                        "n" },
                             *const other[] = {
                                 "system", "tools", "tool_choice", "stop", "max_token", "response_format"
                             };
    static const char form[] = "{\"%s\":1,\"messages\":[" ONE "]}", two[] = "{\"%s\":2,\"messages\":[" ONE "]}";
    uint64_t plain = whole_of("{%s\"messages\":[" ONE "]}", "");
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        cr_assert(whole_of(form, same[i]) == plain && whole_of(two, same[i]) == plain, "%s", same[i]);
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        cr_assert(whole_of(form, other[i]) != plain && whole_of(two, other[i]) != whole_of(form, other[i]), "%s",
                  other[i]);
        cr_assert_eq(whole_of(form, other[i]), whole_of(form, other[i]), "%s", other[i]);
    }
}

/* U+FDFA grows by 30 bytes where a normal form is made. */
Test(prefix, what_follows_counts_by_its_bytes)
{
    static const char body[] = "{\"messages\":[1,\"\xef\xb7\xba\"]}";
    struct arena arena;
    struct prefix prefix;
    arena_init(&arena, NULL, 0, 1 << 20);
    const struct json *json = json_parse_quick(&arena, text_of(body));
    prefix_read(json, TEXT("s"), TEXT("m"), true, &prefix);
    cr_assert(prefix.count == 1 && prefix.cuts[0].rest == 5 + 64);
    uint64_t whole = prefix.whole;
    prefix_read(json, TEXT("s"), TEXT("m"), false, &prefix);
    cr_assert(prefix.count == 1 && prefix.cuts[0].rest == 5 + 30 + 64 && prefix.whole == whole);
    prefix_read(json, TEXT("t"), TEXT("m"), false, &prefix);
    cr_assert_neq(prefix.whole, whole);
    prefix_read(json, TEXT("s"), TEXT("n"), false, &prefix);
    cr_assert_neq(prefix.whole, whole);
    arena_fini(&arena);
}

Test(prefix, goes_back_so_many_turns)
{
    struct prefixes *all = calloc(1, sizeof *all);
    char body[8000] = "{\"messages\":[" ONE;
    size_t len = strlen(body);
    char start[8002];
    snprintf(start, sizeof start, "%s]}", body);
    struct prefix early = of(start);
    prefixes_put(all, early.whole, 5);
    for (int turn = 1; turn < 60; turn++) {
        len += (size_t)snprintf(body + len, sizeof body - len, "," TWO);
        snprintf(start, sizeof start, "%s]}", body);
        struct prefix late = of(start);
        int64_t bound = prefixes_bound(all, &late);
        cr_assert_eq(bound, turn < PREFIX_TURNS ? 5 + 64 + turn * ((int64_t)sizeof TWO - 1 + 64) : INT64_MAX,
                     "turn %d: %lld", turn, (long long)bound);
    }
    free(all);
}
