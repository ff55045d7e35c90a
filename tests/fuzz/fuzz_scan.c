/* fuzz_scan.c - the scan of a JSON object: with AVX2 and plain alike, and never against the strict parser. */
#include <string.h>

#include "base/json.h"
#include "base/scan.h"
#include "fuzz.h"

static int scan_with(struct arena *arena, struct text t, unsigned depth, bool plain, struct scan *out)
{
    scan_force_plain(plain);
    int result = scan_object(arena, t, depth, out);
    scan_force_plain(false);
    return result;
}

static void same(const struct scan *a, const struct scan *b)
{
    MUST(a->count == b->count, "%zu and %zu members", a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct scan_member *m = &a->members[i], *n = &b->members[i];
        MUST(text_eq(m->key, n->key));
        MUST(m->value.ptr == n->value.ptr && m->value.len == n->value.len);
        MUST(m->start == n->start && m->end == n->end && m->type == n->type);
    }
}

static void read_members(struct arena *arena, struct text t, const struct scan *s, const struct json *strict)
{
    size_t end = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct scan_member *m = &s->members[i];
        const struct json *value = json_at(strict, i);
        struct text string;
        int64_t whole;
        bool yes;
        MUST(m->start >= end && m->start < m->end && m->end <= t.len, "member %zu", i);
        MUST(m->value.len > 0 && m->value.ptr + m->value.len == t.ptr + m->end, "member %zu", i);
        end = m->end;
        if (scan_string(arena, m, &string)) {
            MUST(m->type == '"' && text_is_utf8(string) &&
                 (string.len == 0 || memchr(string.ptr, 0, string.len) == NULL));
            MUST(value == NULL || text_eq(json_str(value), string), "string %zu", i);
        }
        if (scan_int(m, &whole))
            MUST(value == NULL || json_int(value, whole ^ 1) == whole, "number %zu", i);
        if (scan_bool(m, &yes))
            MUST(value == NULL || json_bool(value, !yes) == yes);
        if (scan_is_null(m))
            MUST(m->type == 'n');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = { "usage", "id", "error", "a" };
    struct fuzz f = fuzz_begin(data, size);
    unsigned depth = 1 + fuzz_byte(&f) % SCAN_MAX_DEPTH;
    struct text t = fuzz_rest(&f);
    struct arena arena;
    struct scan fast, plain;

    arena_init(&arena, NULL, 0, 16 << 20);
    int result = scan_with(&arena, t, depth, false, &fast);
    MUST(result == scan_with(&arena, t, depth, true, &plain), "%s / %s", fast.problem, plain.problem);
    const struct json *strict = json_parse(&arena, t, NULL);
    if (json_type(strict) == JSON_T_OBJECT && depth == SCAN_MAX_DEPTH && json_count(strict) <= SCAN_MAX_MEMBERS)
        MUST(result == 0, "strict JSON, but the scan says %s", fast.problem);
    if (result == 0) {
        same(&fast, &plain);
        MUST(json_type(strict) == JSON_T_ABSENT || json_count(strict) == fast.count);
        read_members(&arena, t, &fast, json_type(strict) == JSON_T_OBJECT ? strict : NULL);
    } else {
        MUST(fast.problem != NULL && fast.code != NULL && strcmp(fast.problem, plain.problem) == 0);
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct text found = scan_peek(t, keys[i]);
        MUST(found.ptr == NULL || (found.ptr >= t.ptr && found.ptr + found.len <= t.ptr + t.len));
    }
    arena_fini(&arena);
    return 0;
}
