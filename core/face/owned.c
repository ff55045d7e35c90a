/* owned.c - finds by their names the members that hold ids of an account's own things. A quotation mark inside of a string is escaped, so
 * that "name" with its quotes in the bytes is a member's name, or all of a string. */
#include "face/owned.h"

#include <string.h>

#include "base/scan.h"

enum { ID_MOST = 1 << 16 };

/* How a value must begin to be an id. One that has no such sign is encrypted reasoning: the last is enough, and it is none where nothing in
 * the body is called "reasoning" (results of a search are encrypted, too). */
struct kind {
    const char *member, *begins;
};

static const struct kind asked[] = {
    { "previous_response_id", "r" }, { "conversation", "conv_" }, { "container", "cntr_" },
    { "container", "container_" },   { "file_id", "file-" },      { "file_id", "file_" },
    { "vector_store_ids", "vs_" },   { "cached_content", "c" },   { "cachedContent", "c" },
    { "encrypted_content", NULL },
};
static const struct kind kept[] = {
    { "container", "container_" },
    { "container_id", "cntr_" },
    { "encrypted_content", NULL },
};

static struct text from(struct text t, size_t at)
{
    return (struct text){ t.ptr + at, t.len - at };
}

/* Behind a name: a string, the first of a list, or an object's "id". Absent: something else. */
static struct text value_of(struct text rest)
{
    struct text t = text_trim(rest);
    if (!text_starts(t, TEXT(":")))
        return TEXT_NONE;
    t = text_trim(from(t, 1));
    if (text_starts(t, TEXT("[")))
        t = text_trim(from(t, 1));
    if (text_starts(t, TEXT("{"))) {
        struct text inner = text_trim(from(t, 1));
        if (!text_starts(inner, TEXT("\"id\"")))
            return TEXT_NONE;
        inner = text_trim(from(inner, 4));
        t = text_starts(inner, TEXT(":")) ? text_trim(from(inner, 1)) : TEXT_NONE;
    }
    if (!text_starts(t, TEXT("\"")))
        return TEXT_NONE;
    t = from(t, 1);
    const char *end = memchr(t.ptr, '"', t.len < ID_MOST ? t.len : ID_MOST);
    return end != NULL && end > t.ptr ? (struct text){ t.ptr, (size_t)(end - t.ptr) } : TEXT_NONE;
}

static void add(struct owned *out, const char *member, struct text id)
{
    if (out->count == 0)
        out->member = member;
    if (out->count < OWNED_MOST)
        out->ids[out->count++] = id;
}

static void find(struct text body, const struct kind *kind, struct owned *out)
{
    char quoted[40];
    size_t len = strlen(kind->member);
    quoted[0] = quoted[len + 1] = '"';
    memcpy(quoted + 1, kind->member, len);
    struct text name = { quoted, len + 2 }, last = TEXT_NONE;
    ptrdiff_t at;
    if (kind->begins == NULL && text_find(body, TEXT("\"reasoning\"")) < 0)
        return;
    for (struct text rest = body; (at = text_find(rest, name)) >= 0;) {
        rest = from(rest, (size_t)at + name.len);
        struct text id = value_of(rest);
        if (kind->begins != NULL && id.len > 0 && text_starts(id, text_of(kind->begins)))
            add(out, kind->member, id);
        if (id.len > 0)
            last = id;
    }
    if (kind->begins == NULL && last.len > 0)
        add(out, kind->member, last);
}

void owned_find(struct text body, struct owned *out)
{
    *out = (struct owned){ 0 };
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        find(body, &asked[i], out);
}

/* The id of a response: of a whole answer, or of the event that has one. */
static void find_response(struct arena *arena, bool is_event, struct text data, struct owned *out)
{
    struct scan scan;
    struct text id, object;
    if (scan_object(arena, data, SCAN_MAX_DEPTH, &scan) < 0)
        return;
    const struct scan_member *response = is_event ? scan_get(&scan, "response") : NULL;
    if (is_event && (response == NULL || scan_object(arena, response->value, SCAN_MAX_DEPTH, &scan) < 0))
        return;
    if (scan_string(arena, scan_get(&scan, "object"), &object) && text_is(object, "response") &&
        scan_string(arena, scan_get(&scan, "id"), &id))
        add(out, "id", id);
    const struct scan_member *conversation = scan_get(&scan, "conversation");
    if (conversation != NULL && conversation->type == '{' &&
        scan_object(arena, conversation->value, SCAN_MAX_DEPTH, &scan) == 0 &&
        scan_string(arena, scan_get(&scan, "id"), &id))
        add(out, "conversation", id);
}

/* Most events of a stream are pieces of text: what is no more than that is not looked at. */
static bool is_piece(struct text name)
{
    return text_ends(name, TEXT(".delta")) || text_is(name, "content_block_delta");
}

void owned_keep(struct arena *arena, bool is_event, struct text name, struct text data, struct owned *out)
{
    *out = (struct owned){ 0 };
    if (is_event && is_piece(name))
        return;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        find(data, &kept[i], out);
    bool begins =
        text_is(name, "response.created") || (name.len == 0 && text_find(data, TEXT("\"response.created\"")) >= 0);
    if (!is_event || begins)
        find_response(arena, is_event, data, out);
}
