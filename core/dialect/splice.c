/* splice.c - a body in pieces. */
#include "dialect/splice.h"

#include "base/json.h"
#include "dialect/look.h"

static struct text model_literal(struct arena *arena, struct text model)
{
    struct buf b;
    buf_init(&b, 8 * model.len + 64);
    buf_str(&b, "\"");
    json_escape(&b, model);
    buf_str(&b, "\"");
    return look_take(arena, &b);
}

bool splice_model(struct arena *arena, const struct ask *ask, struct text model, struct splice_edit *edit)
{
    const struct scan_member *m = scan_get(&ask->scan, "model");
    struct text literal = model_literal(arena, model);
    if (m == NULL || text_eq(literal, m->value)) /* ask->model may be another: a policy's route */
        return false;
    size_t at = (size_t)(m->value.ptr - ask->body.ptr);
    *edit = (struct splice_edit){ at, at + m->value.len, literal };
    return true;
}

void splice_pieces(struct arena *arena, const struct ask *ask, const struct splice_edit *edits, size_t n,
                   struct text **pieces, size_t *count)
{
    struct text *out = arena_array(arena, struct text, 2 * n + 1);
    size_t at = 0, k = 0;
    for (size_t i = 0; i < n; i++) {
        if (edits[i].start > at)
            out[k++] = (struct text){ ask->body.ptr + at, edits[i].start - at };
        out[k++] = edits[i].with;
        at = edits[i].end;
    }
    if (at < ask->body.len)
        out[k++] = (struct text){ ask->body.ptr + at, ask->body.len - at };
    *pieces = out;
    *count = k;
}

struct splice_edit *splice_merge(struct arena *arena, const struct splice_edit *a, size_t count_a,
                                 const struct splice_edit *b, size_t count_b)
{
    struct splice_edit *all = arena_array(arena, struct splice_edit, count_a + count_b + 1);
    size_t n = 0, k = 0;
    for (size_t i = 0; i < count_a; i++) {
        while (k < count_b && b[k].start < a[i].start)
            all[n++] = b[k++];
        all[n++] = a[i];
    }
    while (k < count_b)
        all[n++] = b[k++];
    return all;
}

void splice_rename(struct arena *arena, const struct ask *ask, struct text model, struct text **pieces, size_t *count)
{
    struct splice_edit edit;
    size_t n = splice_model(arena, ask, model, &edit) ? 1 : 0;
    splice_pieces(arena, ask, &edit, n, pieces, count);
}
