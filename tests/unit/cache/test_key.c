/* test_key.c - the key of an exact cache: whatever decides what is answered changes it, and nothing else does. */
#include "cache/key.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "cache/rules.h"
#include "check.h"

static const uint8_t seal[CRYPTO_SHA256_LEN] = { 1 };

static struct cache_parts usual(void)
{
    return (struct cache_parts){ .team = TEXT("red"),
                                 .space = TEXT(""),
                                 .face = TEXT("chat"),
                                 .model = TEXT("fast"),
                                 .target = TEXT("openai gpt"),
                                 .path = TEXT("/chat/completions"),
                                 .query = TEXT(""),
                                 .generation = TEXT("1") };
}

/* The key of this body; "" where it is no object. */
static const char *key_with(struct cache_parts parts, struct text body, char out[CACHE_KEY_LEN + 1])
{
    struct arena arena;
    struct scan scan;
    arena_init(&arena, NULL, 0, 64 << 20);
    *out = '\0';
    parts.scan = &scan;
    if (scan_object(&arena, body, SCAN_MAX_DEPTH, &scan) == 0)
        cr_assert(key_make(&arena, seal, &parts, out));
    arena_fini(&arena);
    return out;
}

static bool same(const char *one, const char *other)
{
    char a[CACHE_KEY_LEN + 1], b[CACHE_KEY_LEN + 1];
    key_with(usual(), text_of(one), a);
    key_with(usual(), text_of(other), b);
    cr_assert_eq(strlen(a), (size_t)CACHE_KEY_LEN);
    cr_assert_eq(strlen(b), (size_t)CACHE_KEY_LEN);
    return strcmp(a, b) == 0;
}

Test(cache_key, is_made_of_members_in_any_order_and_of_values_as_they_were_written)
{
    cr_assert(same("{\"a\":1,\"messages\":[{\"b\":2,\"c\":3}]}", " {\"messages\" : [{\"b\":2,\"c\":3}], \"a\" :1}"));
    cr_assert(!same("{\"messages\":[{\"b\":2,\"c\":3}]}", "{\"messages\":[{\"c\":3,\"b\":2}]}"));
    cr_assert(!same("{\"temperature\":1}", "{\"temperature\":1.0}"));
    cr_assert(!same("{\"a\":1}", "{\"b\":1}"));
    cr_assert(!same("{\"a\":\"x\",\"b\":\"y\"}", "{\"a\":\"xb\",\"b\":\"y\"}"));
    cr_assert(same("{\"messages\":[],\"stream\":true,\"model\":\"a\",\"user\":\"u\"}",
                   "{\"messages\":[],\"model\":\"b\",\"metadata\":{\"user_id\":\"x\"}}"));
}

Test(cache_key, leaves_out_a_block_that_differs_in_every_request)
{
    const char *one =
                   "{\"system\":[{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: cch=1\"},{\"text\":\"a\"}]}",
               *two =
                   "{\"system\":[{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: cch=2\"},{\"text\":\"a\"}]}",
               *other =
                   "{\"system\":[{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: cch=1\"},{\"text\":\"b\"}]}";
    cr_assert(same(one, two));
    cr_assert(!same(one, other));
    const char *yes = "{\"system\":[{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: a\\nSay yes\"}]}",
               *no = "{\"system\":[{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: a\\nSay no\"}]}";
    cr_assert(!same(yes, no), "more than one line may be meant for the model");
}

Test(cache_key, of_another_team_target_or_configuration_is_another)
{
    char one[CACHE_KEY_LEN + 1], two[CACHE_KEY_LEN + 1];
    struct text body = TEXT("{\"messages\":[]}");
    key_with(usual(), body, one);
    for (int i = 0; i < 9; i++) {
        struct cache_parts p = usual();
        struct text *of[] = { &p.team, &p.space, &p.face, &p.model, &p.target, &p.path, &p.query };
        if (i < 7)
            *of[i] = TEXT("another");
        else if (i == 7)
            p.generation = TEXT("2");
        else {
            p.team = TEXT("re");
            p.space = TEXT("d");
        }
        key_with(p, body, two);
        cr_assert(strcmp(one, two) != 0, "%d", i);
    }
}

Test(cache_key, has_the_headers_that_the_upstream_gets)
{
    static const struct {
        const char *name[2], *value[2];
        bool same;
    } rows[] = {
        { { "Anthropic-Beta", "x" }, { "a, b", "1" }, true },  { { "anthropic-beta", "x" }, { "b,a", "1" }, true },
        { { "x", "anthropic-beta" }, { "1", "b,a" }, true },   { { "anthropic-beta", "x" }, { "a", "1" }, false },
        { { "anthropic-beta", "x" }, { "a, b", "2" }, false }, { { "anthropic-version", "x" }, { "a, b", "1" }, false },
    };
    char one[CACHE_KEY_LEN + 1], two[CACHE_KEY_LEN + 1];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cache_header headers[2] = { { text_of(rows[i].name[0]), text_of(rows[i].value[0]) },
                                           { text_of(rows[i].name[1]), text_of(rows[i].value[1]) } };
        struct cache_parts p = usual();
        p.headers = headers;
        p.header_count = 2;
        key_with(p, TEXT("{\"a\":1}"), i == 0 ? one : two);
        cr_assert(i == 0 || (strcmp(one, two) == 0) == rows[i].same, "%zu", i);
    }
}

/* --- every leaf of every recorded body --- */

struct leaves {
    struct text body;
    const char *top; /* the member at the top level that is walked */
    char key[CACHE_KEY_LEN + 1];
    bool in_billing; /* in a block that is left out */
    size_t all, out;
    const char *file;
};

/* Another value of the same kind in the place of one leaf. */
static void change(struct leaves *l, struct text leaf)
{
    char changed[CACHE_KEY_LEN + 1];
    struct buf body;
    size_t before = (size_t)(leaf.ptr - l->body.ptr), after = before + leaf.len;
    bool is_string = *leaf.ptr == '"';
    buf_init(&body, l->body.len + 64);
    buf_text(&body, (struct text){ l->body.ptr, before });
    if (is_string) {
        buf_text(&body, (struct text){ leaf.ptr, leaf.len - 1 });
        buf_str(&body, "x\"");
    } else if (*leaf.ptr == 't' || *leaf.ptr == 'f') {
        buf_str(&body, *leaf.ptr == 't' ? "false" : "true");
    } else if (*leaf.ptr == 'n') {
        buf_str(&body, "\"x\"");
    } else {
        buf_text(&body, leaf);
        buf_str(&body, text_is(leaf, "0") ? ".5" : "1");
    }
    buf_text(&body, (struct text){ l->body.ptr + after, l->body.len - after });
    key_with(usual(), buf_view(&body), changed);
    cr_assert_eq(strlen(changed), (size_t)CACHE_KEY_LEN, "%s: %.*s", l->file, (int)body.len, buf_view(&body).ptr);
    buf_free(&body);
    l->all++;
    bool counts = rules_counts(text_of(l->top)) && !l->in_billing;
    l->out += !counts;
    cr_assert_eq(strcmp(changed, l->key) != 0, counts, "%s: %s: %.*s", l->file, l->top,
                 (int)(leaf.len < 80 ? leaf.len : 80), leaf.ptr);
}

static void walk(struct leaves *l, const struct json *v)
{
    if (json_type(v) != JSON_T_ARRAY && json_type(v) != JSON_T_OBJECT) {
        change(l, json_text(v));
        return;
    }
    bool before = l->in_billing;
    l->in_billing = before || (strcmp(l->top, "system") == 0 &&
                               text_starts(json_str(json_member(v, "text")), TEXT("x-anthropic-billing-header")));
    for (size_t i = 0; i < json_count(v); i++)
        walk(l, json_at(v, i));
    l->in_billing = before;
}

static void check_body(struct leaves *l, struct arena *arena, const struct json *body)
{
    l->body = json_text(body);
    if (l->body.len > 40000 || key_with(usual(), l->body, l->key)[0] == '\0')
        return;
    for (size_t i = 0; i < json_count(body); i++) {
        l->top = arena_str(arena, json_key_at(body, i));
        walk(l, json_at(body, i));
    }
}

static void check_file(struct leaves *l, const char *path)
{
    static char bytes[4 << 20];
    struct arena arena;
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file);
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    arena_init(&arena, NULL, 0, 64 << 20);
    const struct json *all = json_parse_quick(&arena, (struct text){ bytes, len });
    l->file = path;
    const struct json *formats = json_member(all, "formats");
    if (json_type(json_member(json_member(all, "request"), "body")) == JSON_T_OBJECT)
        check_body(l, &arena, json_member(json_member(all, "request"), "body"));
    for (size_t i = 0; i < json_count(formats); i++)
        if (json_type(json_member(json_at(formats, i), "request")) == JSON_T_OBJECT)
            check_body(l, &arena, json_member(json_at(formats, i), "request"));
    arena_fini(&arena);
}

Test(cache_key, changes_with_every_leaf_of_every_recorded_body_unless_the_table_has_it_out)
{
    const char *root = check_shared("recordings");
    struct leaves l = { .all = 0 };
    size_t files = 0;
    DIR *folders = opendir(root);
    cr_assert_not_null(folders);
    for (struct dirent *f; (f = readdir(folders)) != NULL;) {
        char folder[1024], path[2048];
        snprintf(folder, sizeof folder, "%s/%s", root, f->d_name);
        DIR *names = f->d_name[0] == '.' ? NULL : opendir(folder);
        for (struct dirent *n; names != NULL && (n = readdir(names)) != NULL;) {
            snprintf(path, sizeof path, "%s/%s", folder, n->d_name);
            if (strstr(n->d_name, ".json") == NULL || strstr(n->d_name, ".jsonl") != NULL)
                continue;
            check_file(&l, path);
            files++;
        }
        if (names != NULL)
            closedir(names);
    }
    closedir(folders);
    cr_assert_gt(files, (size_t)0);
    fprintf(stderr, "%zu files, %zu leaves, %zu of members that are out\n", files, l.all, l.out);
    cr_assert_gt(l.out, (size_t)0);
}
