/* Every word of policies is in their reference, scripts/README.md. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "check.h"
#include "script/script.h"

static bool is_part(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Is it there as a word of its own? */
static bool has_word(const char *text, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word))
        if ((at == text || !is_part(at[-1])) && !is_part(at[len]))
            return true;
    return false;
}

Test(words, all_are_in_the_reference)
{
    static char reference[64 << 10];
    struct buf out;
    unsigned count = 0;
    FILE *in = fopen(GW_SOURCE_DIR "/scripts/README.md", "re");
    cr_assert_not_null(in);
    reference[fread(reference, 1, sizeof reference - 1, in)] = '\0';
    fclose(in);
    buf_init(&out, 64 << 10);
    script_write_words(&out);
    struct text rest = buf_view(&out);
    while (rest.len > 0) {
        char word[64];
        struct text line = text_cut(&rest, '\n');
        size_t end = 0, begin;
        while (end < line.len && line.ptr[end] != '(' && line.ptr[end] != ' ')
            end++;
        for (begin = end; begin > 0 && is_part(line.ptr[begin - 1]);)
            begin--;
        snprintf(word, sizeof word, "%.*s", (int)(end - begin), line.ptr + begin);
        if (strncmp(word, "test_", 5) == 0) /* of builds for tests */
            continue;
        cr_assert(has_word(reference, word), "%.*s: \"%s\" is not in scripts/README.md", TEXT_ARG(line), word);
        count++;
    }
    cr_assert(count > 60, "%u words", count);
    cr_assert(!has_word(reference, "no_such_word_of_policies"));
    buf_free(&out);
}
