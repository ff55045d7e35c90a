/* look.c - what is found in what passes. */
#include "dialect/look.h"

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
