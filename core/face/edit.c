/* edit.c - changes of a body as places and what stands there instead. */
#include "face/edit.h"

#include <stdlib.h>
#include <string.h>

void edit_begin(struct edit *e, struct arena *arena, struct text body)
{
    *e = (struct edit){ .arena = arena, .body = body };
}

void edit_put(struct edit *e, struct text old, struct text with)
{
    if (e->count == e->room) {
        size_t room = e->room == 0 ? 8 : 2 * e->room;
        struct edit_change *more = arena_array(e->arena, struct edit_change, room);
        if (e->count > 0)
            memcpy(more, e->all, e->count * sizeof *more);
        e->all = more;
        e->room = room;
    }
    e->all[e->count++] = (struct edit_change){ old, with };
}

static int by_place(const void *a, const void *b)
{
    const char *x = ((const struct edit_change *)a)->old.ptr, *y = ((const struct edit_change *)b)->old.ptr;
    return (x > y) - (x < y);
}

struct text edit_end(struct edit *e)
{
    size_t len = e->body.len, at = 0;
    if (e->count == 0)
        return e->body;
    qsort(e->all, e->count, sizeof *e->all, by_place);
    for (size_t i = 0; i < e->count; i++)
        len += e->all[i].with.len - e->all[i].old.len;
    char *out = arena_alloc(e->arena, len + 1), *to = out;
    for (size_t i = 0; i < e->count; i++) {
        const struct edit_change *c = &e->all[i];
        size_t from = (size_t)(c->old.ptr - e->body.ptr);
        BUG_IF(from < at);
        memcpy(to, e->body.ptr + at, from - at);
        to += from - at;
        if (c->with.len > 0)
            memcpy(to, c->with.ptr, c->with.len);
        to += c->with.len;
        at = from + c->old.len;
    }
    memcpy(to, e->body.ptr + at, e->body.len - at);
    return (struct text){ out, len };
}

void edit_again(struct edit *e, const struct json **json)
{
    edit_begin(e, e->arena, edit_end(e));
    *json = json_parse_quick(e->arena, e->body);
}

struct text edit_string(struct arena *arena, struct text t)
{
    struct buf b;
    buf_init(&b, 6 * t.len + 64);
    buf_str(&b, "\"");
    json_escape(&b, t);
    buf_str(&b, "\"");
    struct text out = arena_text(arena, buf_view(&b));
    if (b.failed)
        arena->full = true;
    buf_free(&b);
    return out;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct text edit_key_of(struct text body, const struct json *value)
{
    const char *p = json_text(value).ptr - 1;
    while (p > body.ptr && *p != ':')
        p--;
    while (p > body.ptr && *p != '"')
        p--;
    const char *end = p + 1;
    bool inside = true;
    while (inside && p > body.ptr) {
        size_t slashes = 0;
        p--;
        while (*p == '"' && p - slashes > body.ptr && p[-1 - (ptrdiff_t)slashes] == '\\')
            slashes++;
        inside = *p != '"' || slashes % 2 == 1;
    }
    return (struct text){ p, (size_t)(end - p) };
}

void edit_add_member(struct edit *e, const struct json *object, struct text name, struct text value)
{
    struct text key = edit_string(e->arena, name);
    const char *comma = json_count(object) > 0 ? "," : "";
    char *member = arena_printf(e->arena, "%.*s:%.*s%s", TEXT_ARG(key), TEXT_ARG(value), comma);
    edit_put(e, (struct text){ json_text(object).ptr + 1, 0 }, text_of(member));
}

void edit_remove_member(struct edit *e, const struct json *object, struct text name)
{
    const struct json *value = json_get(object, name);
    if (value == NULL)
        return;
    struct text key = edit_key_of(e->body, value), v = json_text(value);
    const char *from = key.ptr, *to = v.ptr + v.len;
    while (is_blank(*to))
        to++;
    if (*to == ',') {
        to++;
    } else {
        const char *before = from - 1;
        while (is_blank(*before))
            before--;
        if (*before == ',')
            from = before;
    }
    edit_put(e, (struct text){ from, (size_t)(to - from) }, TEXT(""));
}
