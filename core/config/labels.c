/* labels.c - lists of tags, sorted by name, so that the same tags are the same text. */
#include "config/labels.h"

#include <string.h>

struct tag {
    struct text name, value;
};

struct tags {
    struct tag items[LABELS_TAGS_MOST];
    size_t count;
};

static bool has_only(struct text t, const char *others)
{
    for (size_t i = 0; i < t.len; i++) {
        char c = t.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return t.len > 0;
}

bool labels_is_project(struct text name)
{
    return name.len <= LABELS_VALUE_MOST && has_only(name, "_.:/@+-");
}

bool labels_is_tag(struct text name, struct text value)
{
    bool good = name.len <= LABELS_TAG_NAME_MOST && has_only(name, "_.-") && value.len > 0 &&
                value.len <= LABELS_VALUE_MOST && text_trim(value).len == value.len && text_is_utf8(value);
    for (size_t i = 0; good && i < value.len; i++)
        good = (unsigned char)value.ptr[i] >= ' ' && value.ptr[i] != 127 && value.ptr[i] != ',';
    return good;
}

/* One character of `text` at `at`, as a value may have it: its bytes, or one other in *instead. */
static struct text value_part(struct text text, size_t at, char *instead)
{
    bool valid;
    size_t len = text_utf8_step(text, at, &valid);
    unsigned char c = (unsigned char)text.ptr[at];
    *instead = valid ? ' ' : '?';
    if (valid && c >= ' ' && c != 127 && c != ',')
        return (struct text){ text.ptr + at, len };
    return (struct text){ instead, 1 };
}

struct text labels_value(struct text text, char out[LABELS_VALUE_MOST])
{
    enum { READ_MOST = 1024 };
    char instead;
    size_t len = 0, step;
    bool valid;
    text = text_trim(text);
    text.len = text.len < READ_MOST ? text.len : READ_MOST;
    for (size_t at = 0; at < text.len; at += step) {
        struct text part = value_part(text, at, &instead);
        step = text_utf8_step(text, at, &valid);
        if (len + part.len > LABELS_VALUE_MOST)
            break;
        if (len == 0 && *part.ptr == ' ')
            continue;
        memcpy(out + len, part.ptr, part.len);
        len += part.len;
    }
    return text_trim((struct text){ out, len });
}

static int order(struct text a, struct text b)
{
    int by_bytes = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return by_bytes != 0 ? by_bytes : (a.len > b.len) - (a.len < b.len);
}

/* In its place by name. -1: that name is there, or there is no room. */
static int put(struct tags *tags, struct tag tag)
{
    size_t at = 0;
    while (at < tags->count && order(tags->items[at].name, tag.name) < 0)
        at++;
    if ((at < tags->count && text_eq(tags->items[at].name, tag.name)) || tags->count == LABELS_TAGS_MOST)
        return -1;
    memmove(&tags->items[at + 1], &tags->items[at], (tags->count - at) * sizeof tags->items[0]);
    tags->items[at] = tag;
    tags->count++;
    return 0;
}

static struct tag cut(struct text *list)
{
    struct text value = text_trim(text_cut(list, ','));
    struct text name = text_trim(text_cut(&value, '='));
    return (struct tag){ name, text_trim(value) };
}

static bool has(const struct tags *tags, struct text name)
{
    for (size_t i = 0; i < tags->count; i++)
        if (text_eq(tags->items[i].name, name))
            return true;
    return false;
}

static int read_sent(struct text sent, struct tags *tags, const char **why)
{
    while (sent.len > 0) {
        struct tag tag = cut(&sent);
        *why =
            "takes name=value, commas between: names of letters, digits, _ . and -, at most 32 bytes; values of at most 64 without commas";
        if (!labels_is_tag(tag.name, tag.value))
            return -1;
        *why = has(tags, tag.name) ? "names a tag twice" : "has more than 8 tags";
        if (put(tags, tag) < 0)
            return -1;
    }
    return 0;
}

int labels_merge(struct arena *arena, struct text sent, struct text of_key, struct text *out, const char **why)
{
    struct tags tags = { .count = 0 };
    char joined[LABELS_TAGS_MOST * (LABELS_TAG_NAME_MOST + LABELS_VALUE_MOST + 2)];
    size_t len = 0;

    if (read_sent(sent, &tags, why) < 0)
        return -1;
    *why = "has more than 8 tags, with those that the key has";
    while (of_key.len > 0) {
        struct tag tag = cut(&of_key);
        if (!has(&tags, tag.name) && put(&tags, tag) < 0)
            return -1;
    }
    for (size_t i = 0; i < tags.count; i++) {
        const struct tag *t = &tags.items[i];
        if (len > 0)
            joined[len++] = ',';
        memcpy(joined + len, t->name.ptr, t->name.len);
        joined[len + t->name.len] = '=';
        memcpy(joined + len + t->name.len + 1, t->value.ptr, t->value.len);
        len += t->name.len + 1 + t->value.len;
    }
    *why = "has more than 512 bytes of tags, with those that the key has";
    *out = len > 0 ? arena_text(arena, (struct text){ joined, len }) : TEXT_NONE;
    return len <= LABELS_BYTES_MOST ? 0 : -1;
}
