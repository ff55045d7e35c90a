/* models.c - which part of a list of models a client asks for. */
#include "dialect/models.h"

/* What a query has, arena. */
static struct text unquoted(struct arena *arena, struct text value)
{
    char *out = arena_str(arena, value), *to = out;
    for (size_t i = 0; i < value.len; i++) {
        bool escape = value.ptr[i] == '%' && i + 2 < value.len;
        int high = escape ? text_hex(value.ptr[i + 1]) : -1, low = escape ? text_hex(value.ptr[i + 2]) : -1;
        bool good = high >= 0 && low >= 0;
        *to++ = good ? (char)(unsigned char)(high * 16 + low) : value.ptr[i];
        i += good ? 2 : 0;
    }
    return (struct text){ out, (size_t)(to - out) };
}

struct models_page models_page_of(struct arena *arena, struct text target)
{
    struct models_page page = { .limit = 0 };
    int64_t limit;
    text_cut(&target, '?');
    while (target.len > 0) {
        struct text value = text_cut(&target, '&'), name = text_cut(&value, '=');
        if (text_is(name, "limit"))
            page.limit = text_parse_u63(value, &limit) == 0 ? (size_t)limit : 0;
        else if (text_is(name, "after_id"))
            page.after = unquoted(arena, value);
        else if (text_is(name, "before_id"))
            page.before = unquoted(arena, value);
    }
    return page;
}
