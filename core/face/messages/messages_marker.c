/* messages_marker.c - what an Anthropic client carries for other upstreams: reasoning that Anthropic did not sign goes
 * out in a signature of ours, and ids of tool calls that Anthropic would refuse go out spelt otherwise. Both come back
 * with the next request and are read here.
 *
 *   signature: "gw1." base64url({"f":format,"s":signature,"d":reasoning_details})
 *   id:        "gw1-" base64url(id) */
#include <string.h>

#include "base/base64.h"
#include "face/messages/messages_inside.h"

#define ID_MARK "gw1-"
#define MARKER_MAX (16u << 20) /* of the JSON inside */

/* `mark` and the bytes, base64url without padding; arena. */
static struct text encode(struct arena *arena, struct text mark, struct text bytes)
{
    char *out = arena_alloc(arena, mark.len + BASE64_ROOM(bytes.len) + 1);
    memcpy(out, mark.ptr, mark.len);
    return (struct text){ out, mark.len + base64_write(out + mark.len, bytes, true) };
}

/* The bytes, arena; absent when it is not base64url. */
static struct text decode(struct arena *arena, struct text digits)
{
    size_t len;
    if (digits.len % 4 == 1 || text_find(digits, TEXT("=")) >= 0)
        return TEXT_NONE;
    char *out = arena_try(arena, BASE64_BYTES(digits.len));
    if (out == NULL) {
        arena->full = true; /* else what it carries would be lost unnoticed */
        return TEXT_NONE;
    }
    return base64_read(digits, true, out, &len) ? (struct text){ out, len } : TEXT_NONE;
}

static void put_or_null(struct json_writer *w, struct text value)
{
    if (value.ptr != NULL)
        json_put_str(w, value);
    else
        json_put_null(w);
}

/* One entry as it is, several as an array. */
static void put_entries(struct json_writer *w, struct arena *arena, struct text entries)
{
    struct text several = text_of(arena_printf(arena, "[%.*s]", TEXT_ARG(entries)));
    if (entries.len == 0)
        json_put_null(w);
    else if (json_check_quick(entries) == 0)
        json_put_trusted(w, entries);
    else if (json_check_quick(several) == 0)
        json_put_trusted(w, several);
    else
        json_put_null(w);
}

struct text messages_marker_write(struct arena *arena, struct text format, struct text signature, struct text entries)
{
    struct json_writer w;
    struct buf json;
    buf_init(&json, MARKER_MAX);
    json_writer_init(&w, &json);
    json_object(&w);
    json_name(&w, "f");
    put_or_null(&w, format);
    json_name(&w, "s");
    put_or_null(&w, signature);
    json_name(&w, "d");
    put_entries(&w, arena, entries);
    json_close(&w);
    struct text marker = TEXT(MESSAGES_MARK);
    if (json_end(&w) == 0)
        marker = encode(arena, TEXT(MESSAGES_MARK), buf_view(&json));
    else
        arena->full = true;
    buf_free(&json);
    return marker;
}

bool messages_marker_read(struct arena *arena, struct text signature, struct messages_marker *out)
{
    *out = (struct messages_marker){ .entries = NULL };
    if (!messages_is_marked(signature))
        return false;
    size_t mark = sizeof MESSAGES_MARK - 1;
    struct text json = decode(arena, (struct text){ signature.ptr + mark, signature.len - mark });
    const struct json *v = json.len > 0 ? json_parse(arena, json, NULL) : NULL;
    const struct json *entries = json_member(v, "d");
    out->format = json_str(json_member(v, "f"));
    out->signature = json_str(json_member(v, "s"));
    if (json_type(entries) == JSON_T_OBJECT || json_type(entries) == JSON_T_ARRAY)
        out->entries = entries;
    return true;
}

static bool is_legal(struct text id)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < id.len; i++)
        if (strchr(allowed, id.ptr[i]) == NULL || id.ptr[i] == '\0')
            return false;
    return id.len > 0;
}

struct text messages_id_out(struct arena *arena, struct text id)
{
    if (is_legal(id) && !text_starts(id, TEXT(ID_MARK)))
        return id;
    return encode(arena, TEXT(ID_MARK), id);
}

struct text messages_id_back(struct arena *arena, struct text id)
{
    size_t mark = sizeof ID_MARK - 1;
    if (!text_starts(id, TEXT(ID_MARK)))
        return id;
    struct text plain = decode(arena, (struct text){ id.ptr + mark, id.len - mark });
    return plain.ptr != NULL && text_is_utf8(plain) ? plain : id;
}
