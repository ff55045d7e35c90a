/* test_text.c - the few questions everybody asks of borrowed bytes. */
#include <string.h>

#include "base/text.h"
#include <stdlib.h>
#include <string.h>

#include "check.h"

Test(text, knows_absent_from_empty)
{
    cr_assert_null(text_of(NULL).ptr);
    cr_assert_not_null(text_of("").ptr);
    cr_assert_eq(text_of("abc").len, 3);
    cr_assert(text_eq(TEXT_NONE, TEXT("")), "but their bytes are the same");
}

Test(text, compares)
{
    cr_assert(text_eq(TEXT("abc"), TEXT("abc")));
    cr_assert_not(text_eq(TEXT("abc"), TEXT("abd")));
    cr_assert_not(text_eq(TEXT("abc"), TEXT("ab")));
    cr_assert(text_is(TEXT("abc"), "abc"));
    cr_assert_not(text_is(TEXT("abc"), "abcd"));
    cr_assert(text_eq_nocase(TEXT("Content-Type"), TEXT("cONTENT-tYPE")));
    cr_assert_not(text_eq_nocase(TEXT("a["), TEXT("a{")), "only letters are folded");
    cr_assert_not(text_eq_nocase(TEXT("\xc3\x84"), TEXT("\xc3\xa4")), "only ASCII is folded");
    cr_assert_not(text_eq_nocase(TEXT("ab"), TEXT("abc")));
}

Test(text, knows_how_it_begins_and_ends)
{
    cr_assert(text_starts(TEXT("Bearer x"), TEXT("Bearer ")));
    cr_assert_not(text_starts(TEXT("Bea"), TEXT("Bearer")));
    cr_assert(text_starts_nocase(TEXT("bEARER x"), TEXT("Bearer ")));
    cr_assert_not(text_starts_nocase(TEXT("Basic x"), TEXT("Bearer ")));
    cr_assert(text_starts(TEXT_NONE, TEXT("")));
    cr_assert(text_ends(TEXT("a.json"), TEXT(".json")));
    cr_assert(text_ends(TEXT("a"), TEXT_NONE));
    cr_assert_not(text_ends(TEXT("json"), TEXT(".json")));
}

/* Against the plain way, for texts of every length, needles of every length and at every place, with parts of it before. */
Test(text, finds_at_every_place)
{
    char hay[80], needle[40];
    for (size_t n = 1; n <= sizeof needle; n++)
        for (size_t len = 0; len <= sizeof hay; len++)
            for (size_t at = 0; at <= len; at++) {
                memset(hay, 'a', sizeof hay);
                memset(needle, 'a', sizeof needle);
                needle[n / 2] = 'b';
                if (at < len)
                    hay[at] = 'b';
                ptrdiff_t want = at < len && at >= n / 2 && at - n / 2 + n <= len ? (ptrdiff_t)(at - n / 2) : -1;
                char *exact = malloc(len); /* so that a read past its end is noticed */
                memcpy(exact, hay, len);
                cr_assert_eq(text_find((struct text){ exact, len }, (struct text){ needle, n }), want,
                             "%zu in %zu at %zu", n, len, at);
                free(exact);
            }
}

Test(text, finds)
{
    cr_assert_eq(text_find(TEXT("abcabd"), TEXT("abd")), 3);
    cr_assert_eq(text_find(TEXT("abc"), TEXT("abcd")), -1);
    cr_assert_eq(text_find(TEXT("abc"), TEXT("x")), -1);
    cr_assert_eq(text_find(TEXT_NONE, TEXT("x")), -1);
    cr_assert_eq(text_find(TEXT("abc"), TEXT("")), 0);
}

Test(text, trims_blanks_and_tabs)
{
    cr_assert(text_is(text_trim(TEXT(" \t a b\t ")), "a b"));
    cr_assert_eq(text_trim(TEXT(" \t ")).len, 0);
    cr_assert_eq(text_trim(TEXT_NONE).len, 0);
    cr_assert(text_is(text_trim(TEXT("\na")), "\na"));
}

Test(text, cuts_at_a_separator)
{
    struct text rest = TEXT("a,,b,");

    cr_assert(text_is(text_cut(&rest, ','), "a"));
    cr_assert(text_is(text_cut(&rest, ','), ""));
    cr_assert(text_is(text_cut(&rest, ','), "b"));
    cr_assert_not_null(rest.ptr, "something follows the last comma: nothing");
    cr_assert(text_is(text_cut(&rest, ','), ""));
    cr_assert_null(rest.ptr);
    cr_assert_null(text_cut(&rest, ',').ptr);
}

Test(text, reads_whole_numbers)
{
    int64_t n = -7;

    cr_assert_eq(text_parse_u63(TEXT("0"), &n), 0);
    cr_assert_eq(n, 0);
    cr_assert_eq(text_parse_u63(TEXT("9223372036854775807"), &n), 0);
    cr_assert_eq(n, INT64_MAX);
    cr_assert_eq(text_parse_u63(TEXT("9223372036854775808"), &n), -1);
    cr_assert_eq(text_parse_u63(TEXT("99999999999999999999999"), &n), -1);
    cr_assert_eq(text_parse_u63(TEXT(""), &n), -1);
    cr_assert_eq(text_parse_u63(TEXT("-1"), &n), -1);
    cr_assert_eq(text_parse_u63(TEXT("+1"), &n), -1);
    cr_assert_eq(text_parse_u63(TEXT("1 "), &n), -1);
    cr_assert_eq(text_parse_u63(TEXT("0x1"), &n), -1);
    cr_assert_eq(n, INT64_MAX, "a failure leaves it alone");

    cr_assert_eq(text_parse_i64(TEXT("-9223372036854775808"), &n), 0);
    cr_assert_eq(n, INT64_MIN);
    cr_assert_eq(text_parse_i64(TEXT("-9223372036854775809"), &n), -1);
    cr_assert_eq(text_parse_i64(TEXT("-17"), &n), 0);
    cr_assert_eq(n, -17);
    cr_assert_eq(text_parse_i64(TEXT("17"), &n), 0);
    cr_assert_eq(n, 17);
    cr_assert_eq(text_parse_i64(TEXT("-"), &n), -1);
    cr_assert_eq(text_parse_i64(TEXT("--1"), &n), -1);
}

Test(text, matches_patterns_with_a_star_at_the_end)
{
    cr_assert(text_matches(TEXT("gpt-4o"), TEXT("gpt-4o")));
    cr_assert_not(text_matches(TEXT("gpt-4o-mini"), TEXT("gpt-4o")));
    cr_assert(text_matches(TEXT("gpt-4o-mini"), TEXT("gpt-4o*")));
    cr_assert(text_matches(TEXT("gpt-4o"), TEXT("gpt-4o*")));
    cr_assert(text_matches(TEXT(""), TEXT("*")));
    cr_assert_not(text_matches(TEXT("a"), TEXT("")));
    cr_assert_not(text_matches(TEXT("ab"), TEXT("a*b")), "elsewhere a star is a star");
}

Test(text, counts_edits)
{
    cr_assert_eq(text_distance(TEXT("kitten"), TEXT("sitting")), 3);
    cr_assert_eq(text_distance(TEXT("same"), TEXT("same")), 0);
    cr_assert_eq(text_distance(TEXT(""), TEXT("abc")), 3);
    cr_assert_eq(text_distance(TEXT("abc"), TEXT("")), 3);
    cr_assert_eq(text_distance(TEXT("form"), TEXT("from")), 1, "neighbours swapped");
    char a[300], b[300];
    memset(a, 'a', sizeof a);
    memset(b, 'b', sizeof b);
    cr_assert_eq(text_distance((struct text){ a, sizeof a }, (struct text){ b, sizeof b }), 64);
}

Test(text, names_the_nearest)
{
    static const char *const words[] = { "provider", "model", "team", "listen", NULL };

    cr_assert_str_eq(text_nearest(TEXT("provder"), words), "provider");
    cr_assert_str_eq(text_nearest(TEXT("modle"), words), "model");
    cr_assert_str_eq(text_nearest(TEXT("teams"), words), "team");
    cr_assert_str_eq(text_nearest(TEXT("listen"), words), "listen");
    cr_assert_null(text_nearest(TEXT("frobnicate"), words));
    cr_assert_null(text_nearest(TEXT(""), words));
}
