/* test_scan_paths.c - the path with AVX2 and the plain one give the same answers, to the byte: over vectors,
 * recorded requests and their random damage. Where the machine has no AVX2, this compares plain with plain. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/scan.h"
#include "check.h"
#include "files.h"

static struct text pool[800]; /* whole texts to take pieces of */
static size_t pool_count;

static int scan_with(struct arena *arena, struct text t, bool plain, struct scan *out)
{
    scan_force_plain(plain);
    int result = scan_object(arena, t, SCAN_MAX_DEPTH, out);
    scan_force_plain(false);
    return result;
}

static void check_same_members(const struct scan *a, const struct scan *b)
{
    cr_assert_eq(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct scan_member *m = &a->members[i], *n = &b->members[i];
        cr_assert(text_eq(m->key, n->key));
        cr_assert(m->value.ptr == n->value.ptr && m->value.len == n->value.len);
        cr_assert(m->start == n->start && m->end == n->end && m->type == n->type);
    }
}

/* Both paths over memory that ends where the text does; 1 when it was accepted. */
static int compare(struct text t)
{
    char first[4096];
    struct arena arena;
    struct scan fast, plain;
    struct text copy = files_copy(t);

    arena_init(&arena, first, sizeof first, 16 << 20);
    int result = scan_with(&arena, copy, false, &fast);
    cr_assert_eq(result, scan_with(&arena, copy, true, &plain), "%s / %s", fast.problem, plain.problem);
    if (result == 0)
        check_same_members(&fast, &plain);
    else
        cr_assert_str_eq(fast.problem, plain.problem);
    cr_assert(text_eq(fast.at, plain.at));
    arena_fini(&arena);
    files_free(copy);
    return result == 0;
}

/* A text of the nested part's kind, so that what goes wrong there is not hidden by the top level. */
static void compare_inside(struct text t)
{
    struct buf around;

    buf_init(&around, t.len + 20);
    buf_str(&around, "{\"a\":[");
    buf_text(&around, t);
    buf_str(&around, "]}");
    compare(buf_view(&around));
    buf_free(&around);
}

static void compare_file(const char *name, struct text bytes, void *arg)
{
    (void)name;
    (void)arg;
    compare(bytes);
    compare_inside(bytes);
}

Test(scan_paths, agree_on_the_vectors)
{
    files_each("vectors/jsontestsuite/test_parsing", 0, compare_file, NULL);
    files_each("vectors/jsontestsuite/test_transform", 0, compare_file, NULL);
    files_each("vectors/naughty-strings", 0, compare_file, NULL);
}

/* What the recordings call the body of a request, as its bytes. */
static void compare_recording(const char *name, struct text bytes, void *arg)
{
    struct arena arena;
    struct fail fail;
    size_t *accepted = arg;

    compare(bytes);
    arena_init(&arena, NULL, 0, 64 << 20);
    const struct json *v = json_parse(&arena, bytes, &fail);
    cr_assert_not_null(v, "%s: %s", name, fail.text);
    const struct json *body = json_member(json_member(v, "request"), "body");
    if (json_type(body) == JSON_T_OBJECT) {
        cr_assert(compare(json_text(body)), "%s", name);
        ++*accepted;
    }
    arena_fini(&arena);
}

Test(scan_paths, agree_on_recorded_requests_and_accept_them)
{
    size_t accepted = 0;

    cr_assert_geq(files_each("recordings", 1, compare_recording, &accepted), check_least(500));
    cr_assert_geq(accepted, check_least(400));
}

static void add_to_pool(const char *name, struct text bytes, void *arg)
{
    (void)name;
    (void)arg;
    if (bytes.len < 4000 && pool_count < sizeof pool / sizeof pool[0])
        pool[pool_count++] = files_copy(bytes);
}

static void free_pool(void)
{
    while (pool_count > 0)
        files_free(pool[--pool_count]);
}

static struct text random_piece(uint64_t *seed)
{
    struct text from = pool[files_random(seed) % pool_count];
    size_t at = from.len == 0 ? 0 : files_random(seed) % from.len;
    size_t len = files_random(seed) % 80;

    return (struct text){ from.ptr + at, len < from.len - at ? len : from.len - at };
}

/* One piece of damage: a byte changed, a piece cut out, or a piece of another text put in. */
static void damage(struct buf *b, uint64_t *seed)
{
    static const char bytes[] = "\"\"\"\\\\\\{}[]{}[]:,,0 \n\t\r\x01\x1f\x7f\x80\xc3\xa4\xe2\xf0\xff"
                                "aunte";
    size_t at = b->len == 0 ? 0 : files_random(seed) % b->len;
    struct text old = buf_view(b), piece = random_piece(seed);
    size_t cut = 0;

    switch (files_random(seed) % 4) {
    case 0:
        if (b->len > 0)
            b->ptr[b->start + at] = bytes[files_random(seed) % sizeof bytes];
        return;
    case 1:
        piece = TEXT_NONE;
        cut = files_random(seed) % 70;
        break;
    case 2:
        cut = piece.len;
        break;
    default:
        break;
    }
    if (cut > old.len - at)
        cut = old.len - at;
    struct buf changed;
    buf_init(&changed, b->max);
    buf_append(&changed, old.ptr, at);
    buf_text(&changed, piece);
    buf_append(&changed, old.ptr + at + cut, old.len - at - cut);
    buf_free(b);
    *b = changed;
}

Test(scan_paths, agree_on_random_damage)
{
    uint64_t seed = 20240824;
    size_t accepted = 0;

    files_each("vectors/jsontestsuite/test_parsing", 0, add_to_pool, NULL);
    files_each("recordings/openai", 0, add_to_pool, NULL);
    cr_assert_geq(pool_count, check_least(300));
    for (int round = 0; round < 60000; round++) {
        struct buf b;
        buf_init(&b, 1 << 20);
        buf_text(&b, pool[files_random(&seed) % pool_count]);
        for (uint64_t n = files_random(&seed) % 4; n > 0; n--)
            damage(&b, &seed);
        if (round % 2 == 0)
            accepted += (size_t)compare(buf_view(&b));
        else
            compare_inside(buf_view(&b));
        buf_free(&b);
    }
    cr_assert_geq(accepted, check_least(1000));
    free_pool();
}

/* Only bytes that matter, so that quotes, backslashes and brackets meet in all ways and at all offsets. */
Test(scan_paths, agree_on_random_noise)
{
    static const char bytes[] = "\"\\[]{}\"\\aaaa  \n";
    uint64_t seed = 99;

    for (int round = 0; round < 60000; round++) {
        char text[300];
        size_t len = files_random(&seed) % sizeof text;
        size_t kinds = 3 + files_random(&seed) % (sizeof bytes - 4);
        for (size_t i = 0; i < len; i++)
            text[i] = bytes[files_random(&seed) % kinds];
        compare_inside((struct text){ text, len });
    }
}

/* Backslashes in rows of all lengths before a quote, across the ends of blocks. */
Test(scan_paths, agree_on_rows_of_backslashes)
{
    for (size_t before = 0; before < 70; before++) {
        for (size_t row = 0; row < 140; row++) {
            struct buf b;
            buf_init(&b, 1000);
            buf_str(&b, "{\"a\":[\"");
            buf_printf(&b, "%*s", (int)before, "");
            for (size_t i = 0; i < row; i++)
                buf_str(&b, "\\");
            buf_str(&b, "\",\"\"],\"b\":1}");
            cr_assert_eq(compare(buf_view(&b)), row % 2 == 0, "%zu backslashes after %zu", row, before);
            buf_free(&b);
        }
    }
}

/* What the scan passes over as a nested value is one value to jansson too, unless it is wrong inside. */
Test(scan_paths, agree_with_jansson_on_where_values_end)
{
    uint64_t seed = 5;

    files_each("recordings/openai", 0, add_to_pool, NULL);
    for (int round = 0; round < 3000; round++) {
        struct buf b;
        struct arena arena;
        struct scan scan;
        buf_init(&b, 1 << 20);
        buf_text(&b, pool[files_random(&seed) % pool_count]);
        damage(&b, &seed);
        arena_init(&arena, NULL, 0, 16 << 20);
        const struct json *v = json_parse(&arena, buf_view(&b), NULL);
        if (json_type(v) == JSON_T_OBJECT) {
            cr_assert_eq(scan_object(&arena, buf_view(&b), SCAN_MAX_DEPTH, &scan), 0, "%s", scan.problem);
            cr_assert_eq(scan.count, json_count(v));
            for (size_t i = 0; i < scan.count; i++) {
                cr_assert(text_eq(scan.members[i].key, json_key_at(v, i)));
                cr_assert(text_eq(scan.members[i].value, json_text(json_at(v, i))));
            }
        }
        arena_fini(&arena);
        buf_free(&b);
    }
    free_pool();
}
