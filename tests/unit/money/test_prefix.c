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
