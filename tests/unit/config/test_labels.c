/* What somebody else wrote becomes the value of a tag. */
#include <string.h>

#include "check.h"
#include "config/labels.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

Test(labels, a_text_becomes_a_value)
{
    static const struct {
        const char *text, *value;
    } rows[] = {
        { "search", "search" },
        { "a,b", "a b" },
        { " a\n", "a" },
        { "\x01\x02 a\x7f,", "a" },
        { ",", "" },
        { "", "" },
        { "gr\xc3\xbc\xc3\x9f"
          "e",
          "gr\xc3\xbc\xc3\x9f"
          "e" },
        { "\xff"
          "a\xc3",
          "?a?" },
        { A64 "b", A64 },
        { "a" A64, A64 },
        { "ab" A64 "\xc3\xbc", "ab"
                               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
    };
    char room[LABELS_VALUE_MOST];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text got = labels_value(text_of(rows[i].text), room);
        cr_assert(text_is(got, rows[i].value), "\"%s\" became \"%.*s\"", rows[i].text, TEXT_ARG(got));
        cr_assert(got.len == 0 || labels_is_tag(TEXT("x"), got), "%s", rows[i].text);
    }
    char cut[LABELS_VALUE_MOST]; /* a character that has no room in whole */
    struct text got =
        labels_value(text_of("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xbc"), cut);
    cr_assert_eq(got.len, 63u);
}
