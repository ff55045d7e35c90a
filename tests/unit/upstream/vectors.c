/* vectors.c - reads test vectors. */
#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

const struct json *vectors_load(struct arena *arena, const char *name)
{
    FILE *file = fopen(check_shared(name), "r");
    struct fail fail = { .kind = FAIL_NONE };
    const struct json *all;
    size_t len, cap = (size_t)8 << 20;
    char *bytes = arena_alloc(arena, cap);

    cr_assert_not_null(file);
    len = fread(bytes, 1, cap, file);
    cr_assert_lt(len, cap);
    fclose(file);
    for (char *nul = bytes; (nul = memmem(nul, len - (size_t)(nul - bytes), "\\u0000", 6)) != NULL;)
        memcpy(nul, "\\ue000", 6);
    json_start();
    all = json_parse(arena, (struct text){ bytes, len }, &fail);
    cr_assert_not_null(all, "%s", fail.text);
    return all;
}

struct text vectors_nul(struct arena *arena, struct text t)
{
    char *out = arena_alloc(arena, t.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < t.len; i++) {
        if (text_starts((struct text){ t.ptr + i, t.len - i }, TEXT("\xEE\x80\x80"))) {
            out[len++] = '\0';
            i += 2;
        } else {
            out[len++] = t.ptr[i];
        }
    }
    return (struct text){ out, len };
}

static int digit(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

struct text vectors_bytes(struct arena *arena, const struct json *object, const char *key)
{
    struct text coded = json_str(json_get(object, text_of(key)));
    char *out = arena_alloc(arena, coded.len + 1);
    unsigned bits = 0, held = 0;
    size_t len = 0;

    for (size_t i = 0; i < coded.len && coded.ptr[i] != '='; i++) {
        cr_assert_geq(digit(coded.ptr[i]), 0);
        held = held << 6 | (unsigned)digit(coded.ptr[i]);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[len++] = (char)(held >> bits & 0xff);
        }
    }
    return (struct text){ out, len };
}
