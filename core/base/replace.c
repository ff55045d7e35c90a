/* replace.c - the automaton of Aho and Corasick, with what waits kept as it came. */
#include "base/replace.h"

#include <stdbool.h>
#include <string.h>

#include "base/json.h"

struct node {
    uint32_t child, sibling; /* 0: none */
    uint32_t fail;           /* of the longest end of it that begins a key */
    uint32_t ends;           /* of the longest key that it ends with; 0: none */
    uint32_t depth;
    unsigned char byte;
    bool is_key;
    struct text with; /* as the inside of a JSON string */
};

struct replace {
    struct node *nodes; /* the root is 0 */
    uint32_t count;
    size_t longest;
    uint32_t first[256]; /* the root's children, by their byte */
};

/* One byte of the string that waits; the first of a character has its bytes as they came. */
struct replace_held {
    unsigned char byte;
    uint8_t len; /* of `raw`; 0: it goes with the one before */
    char raw[12];
};

static uint32_t child_of(const struct replace *r, uint32_t node, unsigned char byte)
{
    if (node == 0)
        return r->first[byte];
    for (uint32_t c = r->nodes[node].child; c != 0; c = r->nodes[c].sibling)
        if (r->nodes[c].byte == byte)
            return c;
    return 0;
}

static void add(struct replace *r, struct text key, struct text with)
{
    uint32_t at = 0;
    for (size_t i = 0; i < key.len; i++) {
        unsigned char byte = (unsigned char)key.ptr[i];
        uint32_t next = child_of(r, at, byte);
        if (next == 0) {
            next = r->count++;
            r->nodes[next] =
                (struct node){ .byte = byte, .depth = r->nodes[at].depth + 1, .sibling = r->nodes[at].child };
            r->nodes[at].child = next;
            if (at == 0)
                r->first[byte] = next;
        }
        at = next;
    }
    r->nodes[at].is_key = true;
    r->nodes[at].with = with;
    r->longest = key.len > r->longest ? key.len : r->longest;
}

/* Breadth first: those that are less deep are ready. */
static void link_nodes(struct replace *r, uint32_t *queue)
{
    uint32_t from = 0, to = 0;
    queue[to++] = 0;
    while (from < to) {
        uint32_t at = queue[from++];
        for (uint32_t c = r->nodes[at].child; c != 0; c = r->nodes[c].sibling) {
            struct node *n = &r->nodes[c];
            uint32_t fail = r->nodes[at].fail;
            queue[to++] = c;
            if (at != 0) {
                while (fail != 0 && child_of(r, fail, n->byte) == 0)
                    fail = r->nodes[fail].fail;
                n->fail = child_of(r, fail, n->byte);
            }
            n->ends = n->is_key ? c : r->nodes[n->fail].ends;
        }
    }
}

/* The inside of a JSON string; arena. Absent where there is no room. */
static struct text escaped(struct arena *arena, struct text t)
{
    struct buf out;
    buf_init(&out, 6 * t.len + 1);
    bool good = json_escape(&out, t) == 0;
    struct text copy = good ? arena_text(arena, out.len > 0 ? buf_view(&out) : TEXT("")) : TEXT_NONE;
    buf_free(&out);
    return copy;
}

static struct replace *make(struct arena *arena, const struct replace_pair *pairs, size_t count)
{
    size_t bytes = 1;
    for (size_t i = 0; i < count; i++)
        bytes += pairs[i].key.len;
    struct replace *r = arena_new(arena, struct replace);
    r->nodes = arena_array(arena, struct node, bytes);
    uint32_t *queue = arena_array(arena, uint32_t, bytes);
    r->count = 1;
    for (size_t i = 0; i < count; i++)
        if (pairs[i].key.len > 0 && pairs[i].key.len <= REPLACE_KEY_MOST)
            add(r, pairs[i].key, escaped(arena, pairs[i].with));
    link_nodes(r, queue);
    return r->count > 1 && !arena->full ? r : NULL;
}

struct replace *replace_new(struct arena *arena, const struct replace_pair *pairs, size_t count)
{
    return make(arena, pairs, count);
}

struct replace *replace_new_escaped(struct arena *arena, const struct replace_pair *pairs, size_t count)
{
    struct replace_pair *inner = arena_array(arena, struct replace_pair, count + 1);
    for (size_t i = 0; i < count; i++)
        inner[i] = (struct replace_pair){ escaped(arena, pairs[i].key), escaped(arena, pairs[i].with) };
    return make(arena, inner, count);
}

void replace_begin(struct replace_run *run, const struct replace *of, struct arena *arena)
{
    *run = (struct replace_run){ .of = of, .slots = arena_array(arena, struct replace_held, of->longest + 1) };
}

/* Writes the first `n` held bytes unchanged. */
static void let_go(struct replace_run *run, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++)
        buf_append(out, run->slots[i].raw, run->slots[i].len);
    memmove(run->slots, run->slots + n, (run->held - n) * sizeof *run->slots);
    run->held -= n;
    run->best_at -= run->best_len > 0 ? n : 0;
}

/* Writes the bytes before the key and then its text. The bytes behind the key are read once more: they are put before *again. */
static void settle(struct replace_run *run, struct replace_held *again, size_t *count, struct buf *out)
{
    size_t behind = run->best_at + run->best_len;
    for (size_t i = run->held; i > behind; i--)
        again[(*count)++] = run->slots[i - 1];
    let_go(run, run->best_at, out);
    buf_text(out, run->of->nodes[run->best].with);
    run->held = run->best_len = 0;
    run->node = 0;
}

/* One byte more; `again` is a stack of those that come next. */
static void step(struct replace_run *run, struct replace_held slot, struct replace_held *again, size_t *count,
                 struct buf *out)
{
    const struct node *nodes = run->of->nodes;
    uint32_t at = run->node, next;
    while ((next = child_of(run->of, at, slot.byte)) == 0 && at != 0)
        at = nodes[at].fail;
    run->slots[run->held++] = slot;
    run->node = next;
    size_t from = run->held - nodes[next].depth; /* where what may still become a key begins */
    uint32_t ends = nodes[next].ends;
    size_t ends_at = run->held - nodes[ends].depth;
    if (ends != 0 && (run->best_len == 0 || ends_at <= run->best_at)) {
        run->best = ends;
        run->best_at = ends_at;
        run->best_len = nodes[ends].depth;
    }
    if (run->best_len > 0 && (from > run->best_at || (from == run->best_at && nodes[next].child == 0)))
        settle(run, again, count, out);
    else
        let_go(run, from, out);
}

static void take(struct replace_run *run, struct replace_held slot, struct buf *out)
{
    struct replace_held again[REPLACE_KEY_MOST + 1];
    size_t count = 0;
    again[count++] = slot;
    while (count > 0) {
        struct replace_held next = again[--count];
        step(run, next, again, &count, out);
    }
}

static unsigned hex4(const char *p)
{
    unsigned code = 0;
    for (int i = 0; i < 4; i++)
        code = code << 4 | (unsigned)(p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
    return code & 0xffff;
}

static size_t utf8(uint32_t code, unsigned char *out)
{
    if (code < 0x80) {
        out[0] = (unsigned char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = len; i-- > 1; code >>= 6)
        out[i] = (unsigned char)(0x80 | (code & 0x3f));
    out[0] = (unsigned char)(lead[len] | code);
    return len;
}

/* The escape at `p`: how many bytes it has; the character that it stands for. Half a surrogate pair is a byte that no key has. */
static size_t escape_at(const char *p, size_t left, unsigned char *out, size_t *len)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    *len = 1;
    if (left < 2 || p[1] != 'u' || left < 6) {
        const char *known = left < 2 ? NULL : strchr(from, p[1]);
        out[0] = left < 2 ? '\\' : (unsigned char)(known != NULL && *known != '\0' ? to[known - from] : p[1]);
        return left < 2 ? left : 2;
    }
    uint32_t code = hex4(p + 2);
    bool pair =
        (code & 0xfc00) == 0xd800 && left >= 12 && p[6] == '\\' && p[7] == 'u' && (hex4(p + 8) & 0xfc00) == 0xdc00;
    if (pair)
        code = 0x10000 + ((code & 0x3ff) << 10) + (hex4(p + 8) & 0x3ff);
    if (!pair && (code & 0xf800) == 0xd800)
        out[0] = 0xff;
    else
        *len = utf8(code, out);
    return pair ? 12 : 6;
}

/* How many bytes at the start begin no key and no escape. */
static size_t plain(const struct replace *r, struct text t)
{
    size_t n = 0;
    while (n < t.len && t.ptr[n] != '\\' && r->first[(unsigned char)t.ptr[n]] == 0)
        n++;
    return n;
}

void replace_feed(struct replace_run *run, struct text inside, struct buf *out)
{
    while (inside.len > 0) {
        unsigned char bytes[4];
        size_t len = 1, raw = run->held == 0 ? plain(run->of, inside) : 0;
        if (raw > 0) {
            buf_append(out, inside.ptr, raw);
            inside = (struct text){ inside.ptr + raw, inside.len - raw };
            continue;
        }
        raw = 1;
        bytes[0] = (unsigned char)inside.ptr[0];
        if (bytes[0] == '\\')
            raw = escape_at(inside.ptr, inside.len, bytes, &len);
        for (size_t i = 0; i < len; i++) {
            struct replace_held slot = { .byte = bytes[i], .len = (uint8_t)(i == 0 ? raw : 0) };
            memcpy(slot.raw, inside.ptr, slot.len);
            take(run, slot, out);
        }
        inside = (struct text){ inside.ptr + raw, inside.len - raw };
    }
}

void replace_end(struct replace_run *run, struct buf *out)
{
    struct replace_held again[REPLACE_KEY_MOST + 1];
    size_t count = 0;
    while (run->best_len > 0) {
        settle(run, again, &count, out);
        while (count > 0) {
            struct replace_held next = again[--count];
            step(run, next, again, &count, out);
        }
    }
    let_go(run, run->held, out);
    run->node = 0;
}
