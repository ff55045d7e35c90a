/* test_replace.c - literal texts are replaced in strings that come in pieces, held against the plain way, cut at every place. */
#include "base/replace.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "check.h"

#define PAIRS(...)                                                                                                     \
    ((const struct replace_pair[]){ __VA_ARGS__ }),                                                                    \
        sizeof((const struct replace_pair[]){ __VA_ARGS__ }) / sizeof(struct replace_pair)

/* In these pieces, of `cut` bytes each or all in one; without escapes any cut is right. */
static const char *replaced(const struct replace *r, struct arena *arena, struct text text, size_t first, size_t cut,
                            size_t *most)
{
    struct replace_run run;
    struct buf out;
    buf_init(&out, 1 << 20);
    replace_begin(&run, r, arena);
    *most = 0;
    for (size_t at = 0; at < text.len;) {
        size_t len = at == 0 && first > 0 ? first : cut;
        len = len < text.len - at ? len : text.len - at;
        replace_feed(&run, (struct text){ text.ptr + at, len }, &out);
        at += len;
        *most = run.held > *most ? run.held : *most;
    }
    replace_end(&run, &out);
    const char *copy = arena_str(arena, out.len > 0 ? buf_view(&out) : TEXT(""));
    buf_free(&out);
    return copy;
}

static void holds(const struct replace_pair *pairs, size_t count, const char *text, const char *want)
{
    struct arena arena;
    size_t most, longest = 0;
    arena_init(&arena, NULL, 0, 64 << 20);
    struct replace *r = replace_new(&arena, pairs, count);
    for (size_t i = 0; i < count; i++)
        longest = pairs[i].key.len > longest ? pairs[i].key.len : longest;
    for (size_t first = 0; first <= strlen(text); first++)
        for (size_t cut = 1; cut <= 3; cut++) {
            const char *got = replaced(r, &arena, text_of(text), first, cut == 3 ? 1000 : cut, &most);
            cr_assert_str_eq(got, want, "%s, cut at %zu", text, first);
            cr_assert_lt(most, longest, "%zu bytes wait", most);
        }
    arena_fini(&arena);
}

Test(replace, each_key_wherever_it_is_cut)
{
    holds(PAIRS({ TEXT("[EMAIL_1]"), TEXT("a@b.de") }, { TEXT("[EMAIL_2]"), TEXT("c@d.de") }),
          "to [EMAIL_1], [EMAIL_2][EMAIL_1] and [EMAIL_3] [EMAIL_", "to a@b.de, c@d.dea@b.de and [EMAIL_3] [EMAIL_");
    holds(PAIRS({ TEXT("x"), TEXT("") }), "axbxx", "ab");
    holds(PAIRS({ TEXT("aa"), TEXT("b") }), "aaaaa", "bba");
}

Test(replace, the_first_counts_and_of_those_the_longest)
{
    holds(PAIRS({ TEXT("USER1"), TEXT("u") }, { TEXT("USER10"), TEXT("v") }), "USER1 USER10 USER100 USER11",
          "u v v0 u1");
    holds(PAIRS({ TEXT("abcde"), TEXT("1") }, { TEXT("bc"), TEXT("2") }), "abcdabcdeabcxbc", "a2d1a2x2");
    holds(PAIRS({ TEXT("abcde"), TEXT("1") }, { TEXT("bc"), TEXT("2") }, { TEXT("cdx"), TEXT("3") }), "abcdx cdx abc",
          "a2dx 3 a2");
    holds(PAIRS({ TEXT("ab"), TEXT("1") }, { TEXT("abab"), TEXT("2") }, { TEXT("abababx"), TEXT("3") }),
          "ababab abababx abab ab abababab", "21 3 2 1 22");
    holds(PAIRS({ TEXT("a"), TEXT("1") }, { TEXT("aaaaaab"), TEXT("2") }), "aaaaaaaab aaaaa", "112 11111");
}

Test(replace, escapes_stay_and_match)
{
    struct arena arena;
    size_t most;
    arena_init(&arena, NULL, 0, 64 << 20);
    struct replace *r = replace_new(&arena, PAIRS({ TEXT("[\"k\"]"), TEXT("say \"x\"\n") },
                                                  { TEXT("\xc3\xa9\xf0\x9f\x99\x82"), TEXT("\xc3\xbc") }));
    static const struct {
        const char *text, *want;
    } all[] = {
        { "a\\u0041\\/ [\\\"k\\\"] \\n", "a\\u0041\\/ say \\\"x\\\"\\n \\n" },
        { "\\u005b\\u0022k\\u0022\\u005D", "say \\\"x\\\"\\n" },
        { "\\u00e9\\ud83d\\ude42.\xc3\xa9\xf0\x9f\x99\x82.\xc3\xa9\\uD83D\\uDE42", "\xc3\xbc.\xc3\xbc.\xc3\xbc" },
        { "\\u00e9\\ud83d.\\u00e9\\ude42\\ud83d", "\\u00e9\\ud83d.\\u00e9\\ude42\\ud83d" },
        { "\\u00e9\\u0000 [\\\"k\\\\\"", "\\u00e9\\u0000 [\\\"k\\\\\"" },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        cr_assert_str_eq(replaced(r, &arena, text_of(all[i].text), 0, 1000, &most), all[i].want, "%s", all[i].text);
    r = replace_new_escaped(&arena, PAIRS({ TEXT("[\"k\"]"), TEXT("a \"b\"") }));
    cr_assert_str_eq(replaced(r, &arena, text_of("{\\\"x\\\":\\\"[\\\\\\\"k\\\\\\\"] [k]\\\"}"), 0, 1000, &most),
                     "{\\\"x\\\":\\\"a \\\\\\\"b\\\\\\\" [k]\\\"}");
    arena_fini(&arena);
}

Test(replace, keys_that_cannot_be_are_left_out)
{
    struct arena arena;
    char *long_key = malloc(300);
    memset(long_key, 'x', 300);
    arena_init(&arena, NULL, 0, 64 << 20);
    cr_assert_null(replace_new(&arena, NULL, 0));
    cr_assert_null(replace_new(&arena, PAIRS({ TEXT(""), TEXT("x") }, { { long_key, 300 }, TEXT("y") })));
    arena_fini(&arena);
    free(long_key);
}

/* The first place where a key fits, and the longest there; again from behind it. */
static const char *plain_way(struct arena *arena, const struct replace_pair *pairs, size_t count, struct text text)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    for (size_t at = 0; at < text.len;) {
        const struct replace_pair *best = NULL;
        for (size_t i = 0; i < count; i++)
            if (text_starts((struct text){ text.ptr + at, text.len - at }, pairs[i].key) &&
                (best == NULL || pairs[i].key.len >= best->key.len))
                best = &pairs[i];
        if (best != NULL)
            buf_text(&out, best->with);
        else
            buf_append(&out, text.ptr + at, 1);
        at += best != NULL ? best->key.len : 1;
    }
    const char *copy = arena_str(arena, out.len > 0 ? buf_view(&out) : TEXT(""));
    buf_free(&out);
    return copy;
}

Test(replace, agrees_with_the_plain_way)
{
    uint32_t seed = 7;
    for (int round = 0; round < 3000; round++) {
        struct arena arena;
        struct replace_pair pairs[6];
        char keys[6][8], text[40];
        size_t count = 1 + (seed >> 8) % 6, most, longest = 0;
        arena_init(&arena, NULL, 0, 16 << 20);
        for (size_t i = 0; i < count; i++) {
            size_t len = 1 + (seed = seed * 1103515245 + 12345) / 65536 % 6;
            for (size_t k = 0; k < len; k++)
                keys[i][k] = (char)('a' + (seed = seed * 1103515245 + 12345) / 65536 % 2);
            pairs[i] = (struct replace_pair){ { keys[i], len }, text_of(arena_printf(&arena, "%zu", i)) };
            longest = len > longest ? len : longest;
        }
        for (size_t k = 0; k < sizeof text; k++)
            text[k] = (char)('a' + (seed = seed * 1103515245 + 12345) / 65536 % 2);
        struct text t = { text, sizeof text };
        const char *want = plain_way(&arena, pairs, count, t);
        struct replace *r = replace_new(&arena, pairs, count);
        for (size_t cut = 1; cut < 8; cut++) {
            cr_assert_str_eq(replaced(r, &arena, t, 0, cut, &most), want, "round %d", round);
            cr_assert_lt(most, longest);
        }
        arena_fini(&arena);
    }
}
