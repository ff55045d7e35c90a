/* look.c - what is found in what passes. */
#include "dialect/look.h"

#include "dialect/dialect.h"

/* Inside a string the quotes would be escaped, so the quoted name followed by a colon is a member. */
char look_value_of(struct text data, struct text quoted)
{
    while (data.len > quoted.len) {
        ptrdiff_t hit = text_find(data, quoted);
        if (hit < 0)
            return 0;
        const char *p = data.ptr + hit + quoted.len, *end = data.ptr + data.len;
        data = (struct text){ p, (size_t)(end - p) };
        while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
            p++;
        if (p == end || *p != ':')
            continue;
        p++;
        while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
            p++;
        if (p < end && *p != 'n') /* null is nothing */
            return *p;
    }
    return 0;
}

void look_keep(const struct scan *scan, const char *name, struct buf *out)
{
    const struct scan_member *m = scan_get(scan, name);
    if (m == NULL)
        return;
    buf_str(out, ",\"");
    buf_str(out, name);
    buf_str(out, "\":");
    buf_text(out, m->value);
}

struct text look_take(struct arena *arena, struct buf *out)
{
    struct text t = arena_text(arena, buf_view(out));
    arena->full = arena->full || out->failed;
    buf_free(out);
    return t;
}

unsigned look_extract(struct arena *arena, struct text body, const char *const *kept, struct scan *scan,
                      struct text *out)
{
    struct buf b;
    *out = TEXT_NONE;
    if (scan_object(arena, body, SCAN_MAX_DEPTH, scan) < 0)
        return DIALECT_TAP_BAD;
    const struct scan_member *usage = scan_get(scan, "usage"), *error = scan_get(scan, "error");
    buf_init(&b, body.len + 256);
    buf_str(&b, "{\"digest\":true");
    for (; *kept != NULL; kept++)
        look_keep(scan, *kept, &b);
    buf_str(&b, "}");
    *out = look_take(arena, &b);
    return (usage != NULL && usage->type == '{' ? DIALECT_TAP_USAGE : 0u) |
           (error != NULL && !scan_is_null(error) ? DIALECT_TAP_ERROR : 0u);
}
