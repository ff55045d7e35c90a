/* key.c - makes the digest. Each part has its length before it, so that different lists of parts have different bytes. */
#include "cache/key.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "cache/rules.h"

#define FORMAT TEXT("gateway cache 1")
#define BILLING TEXT("x-anthropic-billing-header")
enum { LIST_MOST = 64, BILLING_MOST = 512 };

static void put(struct buf *out, struct text part)
{
    uint64_t len = part.len;
    buf_append(out, &len, sizeof len);
    buf_text(out, part);
}

static void put_count(struct buf *out, uint64_t count)
{
    buf_append(out, &count, sizeof count);
}

static int by_text(const void *a, const void *b)
{
    const struct text *x = a, *y = b;
    size_t len = x->len < y->len ? x->len : y->len;
    int order = len > 0 ? memcmp(x->ptr, y->ptr, len) : 0;
    return order != 0 ? order : x->len < y->len ? -1 : x->len > y->len;
}

static int by_key(const void *a, const void *b)
{
    const struct scan_member *const *x = a, *const *y = b;
    return by_text(&(*x)->key, &(*y)->key);
}

static int by_name(const void *a, const void *b)
{
    const struct cache_header *x = a, *y = b;
    int order = by_text(&x->name, &y->name);
    return order != 0 ? order : by_text(&x->value, &y->value);
}

/* A list of features: "a, b" and "b, a" are the same. */
static void put_list(struct buf *out, struct text value)
{
    struct text words[LIST_MOST];
    size_t count = 0;
    while (value.len > 0 && count < LIST_MOST - 1)
        words[count++] = text_trim(text_cut(&value, ','));
    qsort(words, count, sizeof *words, by_text);
    put_count(out, count);
    for (size_t i = 0; i < count; i++)
        put(out, words[i]);
    put(out, value); /* the rest of a list that is longer than `words` */
}

/* Names are in lower case: the same header in another spelling is the same. */
static void put_headers(struct arena *scratch, const struct cache_parts *parts, struct buf *out)
{
    struct cache_header *list = arena_array(scratch, struct cache_header, parts->header_count);
    for (size_t i = 0; i < parts->header_count; i++) {
        struct text name = parts->headers[i].name;
        char *small = arena_alloc(scratch, name.len + 1);
        for (size_t k = 0; k < name.len; k++)
            small[k] = (char)(name.ptr[k] >= 'A' && name.ptr[k] <= 'Z' ? name.ptr[k] + ('a' - 'A') : name.ptr[k]);
        list[i] = (struct cache_header){ { small, name.len }, parts->headers[i].value };
    }
    if (parts->header_count > 0)
        qsort(list, parts->header_count, sizeof *list, by_name);
    put_count(out, parts->header_count);
    for (size_t i = 0; i < parts->header_count; i++) {
        put(out, list[i].name);
        if (text_ends(list[i].name, TEXT("-beta")))
            put_list(out, list[i].value);
        else
            put(out, list[i].value);
    }
}

/* One short line: more may be meant for the model. */
static bool is_billing(const struct json *block)
{
    struct text text = json_str(json_member(block, "text"));
    return text_starts(text, BILLING) && text.len <= BILLING_MOST && text_find(text, TEXT("\n")) < 0;
}

/* The system member without Claude Code's billing block, which differs in every request and is not for the model. */
static void put_system(struct arena *scratch, struct text value, struct buf *out)
{
    const struct json *blocks = text_find(value, BILLING) >= 0 ? json_parse_quick(scratch, value) : NULL;
    if (json_type(blocks) != JSON_T_ARRAY) {
        put(out, value);
        return;
    }
    size_t billed = 0;
    for (size_t i = 0; i < json_count(blocks); i++)
        billed += is_billing(json_at(blocks, i));
    put_count(out, json_count(blocks) - billed);
    for (size_t i = 0; i < json_count(blocks); i++)
        if (!is_billing(json_at(blocks, i)))
            put(out, json_text(json_at(blocks, i)));
}

static void put_members(struct arena *scratch, const struct scan *scan, struct buf *out)
{
    const struct scan_member **list = arena_array(scratch, const struct scan_member *, scan->count);
    size_t count = 0;
    for (size_t i = 0; i < scan->count; i++)
        if (rules_counts(scan->members[i].key))
            list[count++] = &scan->members[i];
    if (count > 0)
        qsort(list, count, sizeof *list, by_key);
    for (size_t i = 0; i < count; i++) {
        put(out, list[i]->key);
        if (text_is(list[i]->key, "system"))
            put_system(scratch, list[i]->value, out);
        else
            put(out, list[i]->value);
    }
}

bool key_make(struct arena *scratch, const uint8_t seal[CRYPTO_SHA256_LEN], const struct cache_parts *parts,
              char out[CACHE_KEY_LEN + 1])
{
    const struct text first[] = { FORMAT,       parts->team,   parts->space, parts->face,
                                  parts->model, parts->target, parts->path,  parts->query };
    uint8_t digest[CRYPTO_SHA256_LEN];
    struct buf all;
    buf_init(&all, parts->scan->text.len * 2 + (1u << 20));
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        put(&all, first[i]);
    put(&all, parts->generation);
    put_headers(scratch, parts, &all);
    put(&all, TEXT("members"));
    put_members(scratch, parts->scan, &all);
    bool good = !all.failed && !scratch->full;
    if (good) {
        crypto_hmac_sha256((struct text){ (const char *)seal, CRYPTO_SHA256_LEN }, buf_view(&all), digest);
        crypto_hex(digest, sizeof digest, out);
    }
    buf_free(&all);
    return good;
}

void key_again(const uint8_t seal[CRYPTO_SHA256_LEN], unsigned generation, char key[CACHE_KEY_LEN + 1])
{
    uint8_t digest[CRYPTO_SHA256_LEN];
    char hex[CACHE_KEY_LEN + 1];
    struct buf all;
    buf_init(&all, 4096);
    put(&all, FORMAT);
    put(&all, (struct text){ key, CACHE_KEY_LEN });
    put_count(&all, generation);
    crypto_hmac_sha256((struct text){ (const char *)seal, CRYPTO_SHA256_LEN }, buf_view(&all), digest);
    crypto_hex(digest, sizeof digest, hex);
    for (size_t i = CACHE_KEY_NAME; i < CACHE_KEY_LEN; i++)
        key[i] = hex[i];
    buf_free(&all);
}
