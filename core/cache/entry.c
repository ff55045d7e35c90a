/* entry.c - an entry as bytes: a head of fixed length, the content type, the answer. */
#include "cache/entry.h"

#include <string.h>

#include "base/json.h"

#define MAGIC UINT32_C(0x31434757) /* "WGC1" */
enum { TYPE_MOST = 256, ID_MOST = 256, MARK_MOST = 16, EVENTS_MOST = 8 };

struct head {
    uint32_t magic, events;
    int64_t stored_ms, ends_ms;
    uint64_t type_len, len;
    char key[CACHE_KEY_LEN];
};

int entry_write(const struct cache_entry *entry, const char key[CACHE_KEY_LEN + 1], struct buf *out)
{
    struct head head = { .magic = MAGIC,
                         .events = entry->events,
                         .stored_ms = entry->stored_ms,
                         .ends_ms = entry->ends_ms,
                         .type_len = entry->content_type.len < TYPE_MOST ? entry->content_type.len : 0,
                         .len = entry->bytes.len };
    memcpy(head.key, key, sizeof head.key);
    buf_append(out, &head, sizeof head);
    buf_append(out, entry->content_type.ptr, head.type_len);
    return buf_text(out, entry->bytes) < 0 || out->failed ? -1 : 0;
}

bool entry_read(struct text value, const char key[CACHE_KEY_LEN + 1], struct cache_entry *entry)
{
    struct head head;
    if (value.len < sizeof head)
        return false;
    memcpy(&head, value.ptr, sizeof head);
    size_t rest = value.len - sizeof head;
    if (head.magic != MAGIC || memcmp(head.key, key, sizeof head.key) != 0 || head.type_len > TYPE_MOST ||
        head.type_len > rest || head.len != rest - head.type_len)
        return false;
    *entry = (struct cache_entry){ .events = head.events != 0,
                                   .stored_ms = head.stored_ms,
                                   .ends_ms = head.ends_ms,
                                   .content_type = { value.ptr + sizeof head, head.type_len },
                                   .bytes = { value.ptr + sizeof head + head.type_len, head.len } };
    return true;
}

/* The next JSON text in it: all of it, or the data of its next event. Absent: there is none. */
static struct text next_of(const struct cache_entry *entry, struct text *rest)
{
    if (!entry->events) {
        struct text all = *rest;
        *rest = TEXT_NONE;
        return all;
    }
    while (rest->len > 0) {
        struct text line = text_cut(rest, '\n');
        if (text_starts(line, TEXT("data:")))
            return text_trim((struct text){ line.ptr + 5, line.len - 5 });
    }
    return TEXT_NONE;
}

static bool has_id(const struct json *self)
{
    return json_str(json_member(self, "id")).len > 0;
}

/* Where an answer names itself: at its top, or in what one of its first events holds. Azure's first event has an empty id. */
static const struct json *self_of(struct arena *scratch, const struct cache_entry *entry)
{
    static const char *const inner[] = { "message", "response" };
    struct text rest = entry->bytes;
    for (int n = 0; n < EVENTS_MOST && rest.len > 0; n++) {
        const struct json *event = json_parse_quick(scratch, next_of(entry, &rest));
        if (has_id(event))
            return event;
        for (size_t i = 0; i < sizeof inner / sizeof *inner; i++)
            if (has_id(json_get(event, text_of(inner[i]))))
                return json_get(event, text_of(inner[i]));
    }
    return NULL;
}

/* As services mark theirs: "chatcmpl-", "msg_". What has a digit in it is a part of the id. */
static struct text mark_of(struct text id)
{
    for (size_t i = 0; i < id.len && i < MARK_MOST && (id.ptr[i] < '0' || id.ptr[i] > '9'); i++)
        if (id.ptr[i] == '-' || id.ptr[i] == '_')
            return (struct text){ id.ptr, i + 1 };
    return TEXT("");
}

static const char *const id_names[] = { "\"id\"", NULL };
static const char *const created_names[] = { "\"created\"", "\"created_at\"", NULL };

/* Is what stands at `at` all of the value of a member of such a name? A number may be the beginning of a longer one. */
static bool is_value_of(struct text all, size_t at, size_t len, const char *const *names)
{
    size_t end = at;
    if (at + len < all.len && ((all.ptr[at + len] >= '0' && all.ptr[at + len] <= '9') || all.ptr[at + len] == '.'))
        return false;
    while (end > 0 && (all.ptr[end - 1] == ' ' || all.ptr[end - 1] == '\n'))
        end--;
    if (end == 0 || all.ptr[end - 1] != ':')
        return false;
    for (end--; end > 0 && (all.ptr[end - 1] == ' ' || all.ptr[end - 1] == '\n');)
        end--;
    for (size_t i = 0; names[i] != NULL; i++)
        if (text_ends((struct text){ all.ptr, end }, text_of(names[i])))
            return true;
    return false;
}

/* Replaces each value of those members that is `old`: each event of a stream has the id. The same text elsewhere stays. */
static void replace(struct text all, struct text old, struct text new, const char *const *names, struct buf *out)
{
    size_t from = 0, at = 0;
    ptrdiff_t found;
    while ((found = text_find((struct text){ all.ptr + at, all.len - at }, old)) >= 0) {
        at += (size_t)found;
        if (is_value_of(all, at, old.len, names)) {
            buf_text(out, (struct text){ all.ptr + from, at - from });
            buf_text(out, new);
            from = at + old.len;
        }
        at += old.len;
    }
    buf_text(out, (struct text){ all.ptr + from, all.len - from });
}

/* The id with its quotes, so that it is not found inside of a longer text. */
static void renew_id(struct arena *scratch, const struct entry_names *names, struct text bytes, struct text request_id,
                     struct buf *out)
{
    struct text id = names->id, mark = mark_of((struct text){ id.ptr + 1, id.len - 2 });
    char *new = arena_alloc(scratch, mark.len + request_id.len + 2);
    size_t n = 0;
    new[n++] = '"';
    for (size_t i = 0; i < mark.len; i++)
        new[n++] = mark.ptr[i];
    for (size_t i = 0; i < request_id.len; i++)
        if (request_id.ptr[i] != '-')
            new[n++] = request_id.ptr[i];
    new[n++] = '"';
    replace(bytes, id, (struct text){ new, n }, id_names, out);
}

struct entry_names entry_names_of(struct arena *scratch, const struct cache_entry *entry)
{
    const struct json *self = self_of(scratch, entry);
    const struct json *id = json_member(self, "id"), *created = json_member(self, "created");
    struct entry_names names = { TEXT_NONE, TEXT_NONE };
    if (created == NULL)
        created = json_member(self, "created_at");
    if (json_type(id) == JSON_T_STR && json_text(id).len > 2 && json_text(id).len < ID_MOST)
        names.id = json_text(id);
    if (json_type(created) == JSON_T_INT)
        names.created = json_text(created);
    return names;
}

bool entry_rename(struct arena *scratch, const struct entry_names *names, struct text bytes, struct text request_id,
                  int64_t unix_s, struct buf *out)
{
    struct buf middle;
    buf_init(&middle, 2 * bytes.len + CACHE_ANSWER_MOST);
    if (names->id.len > 0) {
        renew_id(scratch, names, bytes, request_id, &middle);
        bytes = buf_view(&middle);
    }
    if (names->created.len > 0)
        replace(bytes, names->created, text_of(arena_printf(scratch, "%lld", (long long)unix_s)), created_names, out);
    else
        buf_text(out, bytes);
    bool good = !middle.failed && !out->failed && !scratch->full;
    buf_free(&middle);
    return good;
}

bool entry_renew(struct arena *scratch, const struct cache_entry *entry, struct text request_id, int64_t unix_s,
                 struct buf *out)
{
    struct entry_names names = entry_names_of(scratch, entry);
    return entry_rename(scratch, &names, entry->bytes, request_id, unix_s, out);
}
