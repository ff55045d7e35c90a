/* test_json_quick.c - the quick check agrees with jansson's, but for repeated members and NUL. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/skip.h"
#include "check.h"
#include "files.h"

static bool has_nul(struct text t)
{
    return text_find(t, TEXT("\\u0000")) >= 0;
}

static void check_file(const char *name, struct text bytes, void *arg)
{
    bool ok = skip_strict(bytes);
    (void)arg;
    if (name[0] == 'y')
        cr_assert(ok, "%s", name);
    if (name[0] == 'n')
        cr_assert_not(ok, "%s", name);
}

Test(json_quick, agrees_with_the_public_suite)
{
    cr_assert_geq(files_each("vectors/jsontestsuite/test_parsing", 0, check_file, NULL), (size_t)check_least(300));
}

/* Jansson refuses doubled names, NUL and some lone surrogates; what it accepts, we must accept too. */
Test(json_quick, takes_what_jansson_takes_and_no_more)
{
    static const char seed[] = "{\"a\":[1,-2.5e3,true,false,null,\"x\\n\\u00e9\"],\"b\":{\"c\":{}},\"d\":[[],{}]}";
    static const char bytes[] = "{}[]\",:0123456789.eE+-truefalsn\\u \n\t";
    unsigned state = 7;
    size_t taken = 0;
    for (unsigned round = 0; round < 60000; round++) {
        char text[sizeof seed];
        struct fail fail;
        memcpy(text, seed, sizeof seed);
        for (unsigned edits = round % 3 + 1; edits > 0; edits--) {
            state = state * 1103515245u + 12345u;
            text[(state >> 8) % (sizeof seed - 1)] = bytes[(state >> 20) % (sizeof bytes - 1)];
        }
        struct text t = { text, sizeof seed - 1 };
        bool jansson = json_check(t, &fail) == 0, quick = skip_strict(t);
        taken += quick;
        if (jansson)
            cr_assert(quick, "%s", text);
        if (quick && !jansson)
            cr_assert(has_nul(t) || strstr(fail.text, "twice") != NULL || strstr(text, "\\ud") != NULL ||
                          strstr(text, "\\uD") != NULL || strstr(fail.text, "member") != NULL ||
                          strstr(fail.text, "number") != NULL,
                      "%s: %s", text, fail.text);
    }
    cr_assert_gt(taken, (size_t)1000);
}

Test(json_quick, reads_like_the_strict_one)
{
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 16);
    const struct json *v = json_parse_quick(&arena, TEXT(" {\"usage\":{\"n\":7},\"s\":\"\\u0041\"} "));
    cr_assert_eq(json_int(json_member(json_member(v, "usage"), "n"), 0), 7);
    cr_assert(text_is(json_str(json_member(v, "s")), "A"));
    cr_assert_null(json_parse_quick(&arena, TEXT("{\"a\":}")));
    cr_assert_null(json_parse_quick(&arena, TEXT("")));
    cr_assert_null(json_parse_quick(&arena, TEXT("[1,,2]")));
    cr_assert_null(json_parse_quick(&arena, TEXT("\"\xff\"")));
    arena_fini(&arena);
}
