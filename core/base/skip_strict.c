/* skip_strict.c - is a text one right JSON value? A check without a tree, for the small texts that pass by in
 * streams: jansson's own would cost more than everything else that is done for them. */
#include "base/skip.h"

/* The offset after a string, number or word at `at`, or SKIP_BAD. */
static size_t skip_scalar(struct text t, size_t at, struct skip *s)
{
    size_t end;
    switch (t.ptr[at]) {
    case '"':
        end = skip_string(t, at + 1, s);
        return end == SKIP_BAD ? SKIP_BAD : end + 1;
    case 't':
    case 'f':
    case 'n':
        return skip_word(t, at, s);
    default:
        return skip_number(t, at, s);
    }
}

/* The offset of the value after the key at `at`, or SKIP_BAD. */
static size_t skip_key(struct text t, size_t at, struct skip *s)
{
    if (at >= t.len || t.ptr[at] != '"' || (at = skip_string(t, at + 1, s)) == SKIP_BAD)
        return SKIP_BAD;
    at = skip_space(t, at + 1);
    return at < t.len && t.ptr[at] == ':' ? skip_space(t, at + 1) : SKIP_BAD;
}

bool skip_strict(struct text t)
{
    struct skip s = {0};
    uint64_t objects = 0; /* bit per open bracket: 1 for an object */
    unsigned depth = 0;
    size_t at = skip_space(t, 0);

    for (;;) {
        if (at >= t.len)
            return false;
        char c = t.ptr[at];
        bool opened = c == '{' || c == '[';
        if (opened) {
            if (depth == SKIP_MAX_DEPTH)
                return false;
            objects = objects << 1 | (c == '{');
            depth++;
            at = skip_space(t, at + 1);
        } else if ((at = skip_scalar(t, at, &s)) == SKIP_BAD) {
            return false;
        }
        bool first = opened;
        for (;;) { /* after a value, or inside a bracket that was just opened */
            at = first ? at : skip_space(t, at);
            if (depth == 0)
                return at == t.len && (!s.high || text_is_utf8(t));
            if (at >= t.len)
                return false;
            c = t.ptr[at];
            if (c == (objects & 1 ? '}' : ']')) {
                objects >>= 1;
                depth--;
                at++;
                first = false;
                continue;
            }
            if (!first) {
                if (c != ',')
                    return false;
                at = skip_space(t, at + 1);
            }
            break;
        }
        if ((objects & 1) && (at = skip_key(t, at, &s)) == SKIP_BAD)
            return false;
    }
}
