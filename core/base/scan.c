/* scan.c - finds the top-level members of a JSON object. The bytes inside strings and nested values, which
 * are nearly all of them, are passed over by skip.c. */
#include "base/scan.h"

#include <inttypes.h>
#include <string.h>

#include "base/simd.h"
#include "base/skip.h"
#include "base/unescape.h"

/* One scan in progress. */
struct walk {
    struct arena *arena;
    struct text text;
    size_t at;
    unsigned max_depth;
    struct skip skip;
    struct scan *out;
    size_t count;
    uint64_t seen[4]; /* a bit per key, by a rough hash: a key whose bit is clear is new */
    struct scan_member members[SCAN_MAX_MEMBERS];
};

static int walk_object(struct walk *w);
static int walk_member(struct walk *w);

/* Puts the reason down; `at` is an offset. Always -1. */
static int refuse(struct walk *w, const char *problem, size_t at)
{
    w->out->problem = arena_printf(w->arena, "%s (at byte %zu)", problem, at);
    return -1;
}

int scan_object(struct arena *arena, struct text json, unsigned max_depth, struct scan *out)
{
    struct walk w; /* not cleared: the members are large */

    *out = (struct scan){ .text = json, .code = "invalid_json" };
    w.arena = arena;
    w.text = json;
    w.at = 0;
    w.max_depth = max_depth < SCAN_MAX_DEPTH ? max_depth : SCAN_MAX_DEPTH;
    w.skip = (struct skip){ 0 };
    w.out = out;
    w.count = 0;
    memset(w.seen, 0, sizeof w.seen);

    if (walk_object(&w) < 0)
        return -1;
    if (w.skip.high && !text_is_utf8(json))
        return refuse(&w, "the text is not UTF-8", text_utf8_valid_len(json));
    out->members = arena_array(arena, struct scan_member, w.count);
    if (w.count > 0)
        memcpy(out->members, w.members, w.count * sizeof w.members[0]);
    out->count = w.count;
    out->code = NULL;
    return 0;
}

static int walk_object(struct walk *w)
{
    struct text t = w->text;

    w->at = skip_space(t, 0);
    if (w->at == t.len)
        return refuse(w, "the text is empty; a JSON object is wanted", w->at);
    if (text_starts(t, TEXT("\xef\xbb\xbf")))
        return refuse(w, "the text begins with a byte order mark, which JSON does not allow", 0);
    if (t.ptr[w->at] != '{')
        return refuse(w, "a JSON object is wanted, beginning with {", w->at);
    if (w->max_depth == 0)
        return refuse(w, skip_deep, w->at);

    w->at = skip_space(t, w->at + 1);
    if (w->at < t.len && t.ptr[w->at] == '}') {
        w->at++;
    } else {
        bool more = true;
        while (more) {
            if (walk_member(w) < 0)
                return -1;
            w->at = skip_space(t, w->at);
            if (w->at == t.len)
                return refuse(w, skip_open_bracket, w->at);
            if (t.ptr[w->at] != ',' && t.ptr[w->at] != '}')
                return refuse(w, "a comma or } is wanted after a value", w->at);
            more = t.ptr[w->at++] == ',';
        }
    }
    w->at = skip_space(t, w->at);
    if (w->at < t.len)
        return refuse(w, "something stands after the end of the object", w->at);
    return 0;
}

/* The byte at w->at once white space is passed, or -1 with a refusal when the text ends. */
static int next_byte(struct walk *w)
{
    w->at = skip_space(w->text, w->at);
    if (w->at == w->text.len)
        return refuse(w, skip_open_bracket, w->at);
    return (unsigned char)w->text.ptr[w->at];
}

/* Is there a member of that name already? */
static bool is_known(struct walk *w, struct text key)
{
    unsigned first = key.len == 0 ? 0 : (unsigned char)key.ptr[0];
    unsigned last = key.len == 0 ? 0 : (unsigned char)key.ptr[key.len - 1];
    unsigned hash = (first * 31 + last * 7 + (unsigned)key.len * 67) & 255;
    uint64_t bit = UINT64_C(1) << (hash & 63);

    if ((w->seen[hash >> 6] & bit) == 0) {
        w->seen[hash >> 6] |= bit;
        return false;
    }
    for (size_t i = 0; i < w->count; i++)
        if (text_eq(w->members[i].key, key))
            return true;
    return false;
}

static int walk_key(struct walk *w, struct scan_member *member)
{
    int c = next_byte(w);

    if (c < 0)
        return -1;
    if (c != '"')
        return refuse(w, "the name of a member, in quotes, is wanted", w->at);
    member->start = w->at;
    w->skip.escaped = false;
    size_t end = skip_string(w->text, w->at + 1, &w->skip);
    if (end == SKIP_BAD)
        return refuse(w, w->skip.problem, w->skip.at);
    member->key = (struct text){ w->text.ptr + w->at + 1, end - w->at - 1 };
    if (w->skip.escaped)
        member->key = unescape_text(w->arena, member->key);
    if (member->key.ptr == NULL)
        return refuse(w, "the name of a member is too long", w->at);
    if (is_known(w, member->key)) {
        w->out->at = member->key;
        return refuse(w, "the object has a member twice", w->at);
    }

    w->at = end + 1;
    c = next_byte(w);
    if (c < 0)
        return -1;
    if (c != ':')
        return refuse(w, "a colon is wanted after the name of a member", w->at);
    w->at++;
    return 0;
}

static int walk_value(struct walk *w, struct scan_member *member)
{
    int c = next_byte(w);
    size_t end;

    if (c < 0)
        return -1;
    member->type = (char)c;
    switch (c) {
    case '"':
        end = skip_string(w->text, w->at + 1, &w->skip);
        end += end != SKIP_BAD;
        break;
    case '{':
    case '[':
        end = skip_nested(w->text, w->at, w->max_depth - 1, &w->skip);
        break;
    case '-':
    case '0' ... '9':
        member->type = '0';
        end = skip_number(w->text, w->at, &w->skip);
        break;
    default:
        end = skip_word(w->text, w->at, &w->skip);
        break;
    }
    if (end == SKIP_BAD) {
        w->out->at = member->key;
        return refuse(w, w->skip.problem, w->skip.at);
    }
    member->value = (struct text){ w->text.ptr + w->at, end - w->at };
    member->end = end;
    w->at = end;
    return 0;
}

static int walk_member(struct walk *w)
{
    struct scan_member *member = &w->members[w->count];

    if (w->count == SCAN_MAX_MEMBERS)
        return refuse(w, "the object has too many members", w->at);
    if (walk_key(w, member) < 0 || walk_value(w, member) < 0)
        return -1;
    w->count++;
    return 0;
}

void scan_force_plain(bool plain)
{
    simd_force_plain(plain);
}

const struct scan_member *scan_get(const struct scan *s, const char *key)
{
    struct text wanted = text_of(key);

    for (size_t i = 0; i < s->count; i++)
        if (text_eq(s->members[i].key, wanted))
            return &s->members[i];
    return NULL;
}

bool scan_string(struct arena *arena, const struct scan_member *m, struct text *out)
{
    if (m == NULL || m->type != '"')
        return false;
    *out = unescape_text(arena, (struct text){ m->value.ptr + 1, m->value.len - 2 });
    return out->ptr != NULL;
}

bool scan_int(const struct scan_member *m, int64_t *out)
{
    return m != NULL && m->type == '0' && text_parse_i64(m->value, out) == 0;
}

bool scan_bool(const struct scan_member *m, bool *out)
{
    if (m == NULL || (m->type != 't' && m->type != 'f'))
        return false;
    *out = m->type == 't';
    return true;
}

bool scan_is_null(const struct scan_member *m)
{
    return m != NULL && m->type == 'n';
}

/* Is the quote at `at` escaped, that is, inside a string? */
static bool is_escaped(struct text t, size_t at)
{
    size_t from = at;

    while (from > 0 && t.ptr[from - 1] == '\\')
        from--;
    return ((at - from) & 1) != 0;
}

/* The offset of the value of the key whose opening quote is at `at`, or SKIP_BAD when it is no key. */
static size_t value_after(struct text t, size_t at, size_t key_len)
{
    if (is_escaped(t, at))
        return SKIP_BAD;
    at = skip_space(t, at + key_len + 2);
    if (at == t.len || t.ptr[at] != ':')
        return SKIP_BAD;
    at = skip_space(t, at + 1);
    return at == t.len ? SKIP_BAD : at;
}

static size_t value_end(struct text t, size_t at)
{
    struct skip skip = { 0 };
    size_t end = at;

    switch (t.ptr[at]) {
    case '"':
        end = skip_string(t, at + 1, &skip);
        return end == SKIP_BAD ? end : end + 1;
    case '{':
    case '[':
        return skip_nested(t, at, SKIP_MAX_DEPTH, &skip);
    default:
        while (end < t.len && !skip_ends_word(t.ptr[end]))
            end++;
        return end;
    }
}

/* Looking for the key with its quotes will do: inside a string its last quote would be escaped, and the
 * needle has no backslash before it. Only the first quote may be an escaped one, at the end of a string. */
struct text scan_peek(struct text json, const char *key)
{
    size_t len = strlen(key);
    char needle[64];
    struct text rest = json;

    if (len + 2 > sizeof needle)
        return TEXT_NONE;
    needle[0] = '"';
    memcpy(needle + 1, key, len);
    needle[len + 1] = '"';
    for (;;) {
        ptrdiff_t found = text_find(rest, (struct text){ needle, len + 2 });
        if (found < 0)
            return TEXT_NONE;
        size_t at = json.len - rest.len + (size_t)found;
        size_t value = value_after(json, at, len);
        if (value != SKIP_BAD) {
            size_t end = value_end(json, value);
            return end == SKIP_BAD ? TEXT_NONE : (struct text){ json.ptr + value, end - value };
        }
        rest = (struct text){ json.ptr + at + 1, json.len - at - 1 };
    }
}
