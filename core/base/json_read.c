/* json_read.c - reading JSON: a value is a span of a text that was checked as a whole, and is looked into
 * when asked. */
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/skip.h"
#include "base/unescape.h"

enum { FEW = 16 }; /* up to here, an object is searched member by member; over it, by hash */

/* The large values of a text; arena, with its values. */
struct index {
    const char *base; /* offsets count from here */
    size_t count;
    struct skip_span spans[];
};

struct json {
    struct text text;
    struct arena *arena;
    const struct index *index; /* NULL: there are none */
    union {
        struct text str; /* JSON_T_STR, once `ready` */
        struct {         /* JSON_T_ARRAY and JSON_T_OBJECT, once `ready` */
            struct json *items;
            struct text *keys; /* objects only */
            uint32_t *slots;   /* index + 1 by hash, for large objects */
        };
    };
    uint32_t count;
    uint8_t type;
    bool ready;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t c_locale; /* for strtod_l(): a library may call setlocale() behind our back */

static void value_init(struct json *v, struct arena *arena, struct text text, const struct index *index);
static void read_container(const struct json *container);
static const struct json *value_of(struct arena *arena, struct text text, const struct index *index);

static void make_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    BUG_IF(c_locale == (locale_t)0);
}

/* What the check found, kept in the arena; NULL where that is nothing, or where there is no room. */
static const struct index *make_index(struct arena *arena, struct text text, struct skip_spans *found)
{
    size_t bytes = found->count * sizeof *found->items;
    struct index *index = found->count > 0 ? arena_try(arena, sizeof *index + bytes) : NULL;

    if (index != NULL) {
        index->base = text.ptr;
        index->count = found->count;
        memcpy(index->spans, found->items, bytes);
    }
    free(found->items);
    return index;
}

static const struct json *parse(struct arena *arena, struct text text, bool is_utf8, struct fail *fail)
{
    struct skip_spans found = { 0 };
    int checked = json_check_spans(text, is_utf8, &found, fail);
    const struct index *index = make_index(arena, text, &found);

    return checked < 0 ? NULL : value_of(arena, text, index);
}

const struct json *json_parse(struct arena *arena, struct text text, struct fail *fail)
{
    return parse(arena, text, false, fail);
}

const struct json *json_parse_utf8(struct arena *arena, struct text text, struct fail *fail)
{
    return parse(arena, text, true, fail);
}

int json_check_quick(struct text text)
{
    return skip_strict(text) ? 0 : -1;
}

static const struct json *parse_quick(struct arena *arena, struct text text, bool is_utf8)
{
    struct skip_spans found = { 0 };
    bool right = skip_strict_spans(text, is_utf8, &found);
    const struct index *index = make_index(arena, text, &found);

    return right ? value_of(arena, text, index) : NULL;
}

const struct json *json_parse_quick(struct arena *arena, struct text text)
{
    return parse_quick(arena, text, false);
}

const struct json *json_parse_written(struct arena *arena, struct text text)
{
    return parse_quick(arena, text, true);
}

/* The value of a text that is known to be right. */
static const struct json *value_of(struct arena *arena, struct text text, const struct index *index)
{
    pthread_once(&once, make_locale);
    size_t from = skip_space(text, 0), to = text.len;
    while (memchr(" \t\r\n", text.ptr[to - 1], 4) != NULL)
        to--;
    struct json *v = arena_new(arena, struct json);
    value_init(v, arena, (struct text){ text.ptr + from, to - from }, index);
    return v;
}

static enum json_type number_type(struct text text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '.' || (text.ptr[i] | 0x20) == 'e')
            return JSON_T_REAL;
    return JSON_T_INT;
}

static enum json_type type_of(struct text text)
{
    switch (text.ptr[0]) {
    case '"':
        return JSON_T_STR;
    case '{':
        return JSON_T_OBJECT;
    case '[':
        return JSON_T_ARRAY;
    case 't':
    case 'f':
        return JSON_T_BOOL;
    case 'n':
        return JSON_T_NULL;
    default:
        return number_type(text);
    }
}

static void value_init(struct json *v, struct arena *arena, struct text text, const struct index *index)
{
    *v = (struct json){ .text = text, .arena = arena, .index = index, .type = (uint8_t)type_of(text) };
}

enum json_type json_type(const struct json *v)
{
    return v == NULL ? JSON_T_ABSENT : (enum json_type)v->type;
}

static void make_ready(const struct json *container)
{
    if (!container->ready)
        read_container(container);
}

static bool is_container(const struct json *v)
{
    return v != NULL && (v->type == JSON_T_OBJECT || v->type == JSON_T_ARRAY);
}

size_t json_count(const struct json *array_or_object)
{
    if (!is_container(array_or_object))
        return 0;
    make_ready(array_or_object);
    return array_or_object->count;
}

const struct json *json_at(const struct json *array_or_object, size_t index)
{
    return index < json_count(array_or_object) ? &array_or_object->items[index] : NULL;
}

struct text json_key_at(const struct json *object, size_t index)
{
    if (json_type(object) != JSON_T_OBJECT || index >= json_count(object))
        return TEXT_NONE;
    return object->keys[index];
}

/* A power of two, at least twice as many as members: at least one is always free. */
static size_t slot_count(const struct json *object)
{
    size_t count = 4 * FEW;

    while (count < 2 * (size_t)object->count)
        count *= 2;
    return count;
}

const struct json *json_get(const struct json *object, struct text key)
{
    if (json_type(object) != JSON_T_OBJECT)
        return NULL;
    make_ready(object);
    if (object->slots == NULL) {
        for (size_t i = 0; i < object->count; i++)
            if (text_eq(object->keys[i], key))
                return &object->items[i];
        return NULL;
    }
    size_t count = slot_count(object);
    for (size_t i = map_hash(key.ptr, key.len) % count; object->slots[i] != 0; i = (i + 1) % count)
        if (text_eq(object->keys[object->slots[i] - 1], key))
            return &object->items[object->slots[i] - 1];
    return NULL;
}

struct text json_str(const struct json *v)
{
    if (json_type(v) != JSON_T_STR)
        return TEXT_NONE;
    if (!v->ready) {
        struct json *self = (struct json *)v; /* lazily read: see make_ready() */
        self->str = unescape_text(v->arena, (struct text){ v->text.ptr + 1, v->text.len - 2 });
        self->ready = true;
    }
    return v->str;
}

int64_t json_int(const struct json *v, int64_t otherwise)
{
    int64_t value;
    return json_type(v) == JSON_T_INT && text_parse_i64(v->text, &value) == 0 ? value : otherwise;
}

double json_real(const struct json *v, double otherwise)
{
    char guess[64];

    if (json_type(v) != JSON_T_INT && json_type(v) != JSON_T_REAL)
        return otherwise;
    if (v->text.len >= sizeof guess)
        return strtod_l(arena_str(v->arena, v->text), NULL, c_locale);
    memcpy(guess, v->text.ptr, v->text.len);
    guess[v->text.len] = '\0';
    return strtod_l(guess, NULL, c_locale);
}

bool json_bool(const struct json *v, bool otherwise)
{
    return json_type(v) == JSON_T_BOOL ? v->text.ptr[0] == 't' : otherwise;
}

struct text json_text(const struct json *v)
{
    return v == NULL ? TEXT_NONE : v->text;
}

/* Goes through the members of a container whose text is known to be right. */
struct cursor {
    struct text text;
    const struct index *index;
    size_t before; /* from the index's base to the text */
    size_t large;  /* the first value of the index that is not passed */
    size_t at;
    bool is_object;
};

/* The first value of the index, from `low` on, that does not begin before `from`. */
static size_t large_from(const struct index *index, size_t low, size_t from)
{
    size_t high = index->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->spans[middle].from < from)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct cursor cursor_over(const struct json *v)
{
    struct cursor c = { .text = v->text, .is_object = v->type == JSON_T_OBJECT };

    if (v->index == NULL || v->text.len < SKIP_LARGE_STRING)
        return c;
    c.index = v->index;
    c.before = (size_t)(v->text.ptr - v->index->base);
    c.large = large_from(v->index, 0, c.before + 1);
    return c;
}

/* The offset behind the value that begins at `at` (of c->text), when the index has it; else 0. */
static size_t large_end(struct cursor *c, size_t at)
{
    if (c->index == NULL || c->large == c->index->count || c->index->spans[c->large].from != c->before + at)
        return 0;
    size_t end = c->index->spans[c->large].to;
    c->large = large_from(c->index, c->large + 1, end);
    return end - c->before;
}

static size_t value_end(struct cursor *c, size_t at)
{
    struct text t = c->text;
    struct skip skip = { 0 };
    size_t end = large_end(c, at);

    if (end > 0)
        return end;
    switch (t.ptr[at]) {
    case '"':
        end = skip_string(t, at + 1, &skip);
        BUG_IF(end == SKIP_BAD);
        return end + 1;
    case '{':
    case '[':
        end = skip_nested(t, at, SKIP_MAX_DEPTH, &skip);
        BUG_IF(end == SKIP_BAD);
        return end;
    default:
        end = at;
        while (!skip_ends_word(t.ptr[end]))
            end++;
        return end;
    }
}

/* The next one, false after the last. `key` is between the quotes, with its escapes. */
static bool cursor_next(struct cursor *c, struct text *key, struct text *value)
{
    struct text t = c->text;

    c->at = skip_space(t, c->at + 1); /* over the bracket or the comma */
    if (c->at >= t.len || t.ptr[c->at] == '}' || t.ptr[c->at] == ']')
        return false;
    if (c->is_object) {
        size_t end = value_end(c, c->at);
        *key = (struct text){ t.ptr + c->at + 1, end - c->at - 2 };
        c->at = skip_space(t, skip_space(t, end) + 1);
    }
    size_t end = value_end(c, c->at);
    *value = (struct text){ t.ptr + c->at, end - c->at };
    c->at = skip_space(t, end);
    return true;
}

static void hash_keys(struct json *object)
{
    size_t count = slot_count(object);

    object->slots = arena_try(object->arena, count * sizeof *object->slots);
    if (object->slots == NULL) {
        object->arena->full = true; /* slower, but right */
        return;
    }
    memset(object->slots, 0, count * sizeof *object->slots);
    for (size_t n = 0; n < object->count; n++) {
        size_t i = map_hash(object->keys[n].ptr, object->keys[n].len) % count;
        while (object->slots[i] != 0)
            i = (i + 1) % count;
        object->slots[i] = (uint32_t)(n + 1);
    }
}

/* Memory for the list, or false. */
static bool make_lists(struct json *self, size_t count)
{
    bool is_object = self->type == JSON_T_OBJECT;

    if (count <= UINT32_MAX / 4) {
        self->items = arena_try(self->arena, count * sizeof *self->items);
        if (is_object)
            self->keys = arena_try(self->arena, count * sizeof *self->keys);
    }
    return self->items != NULL && (!is_object || self->keys != NULL);
}

static void add(struct json *self, struct text key, struct text value)
{
    if (self->keys != NULL)
        self->keys[self->count] = unescape_text(self->arena, key);
    value_init(&self->items[self->count++], self->arena, value, self->index);
}

/* Makes the list of what is in a container, once: counts first, but what few there are need not be looked
 * for again. The const of the public functions is about the value, which stays the same. */
static void read_container(const struct json *container)
{
    struct json *self = (struct json *)container;
    struct text keys[FEW], values[FEW], key = TEXT_NONE, value;
    struct cursor cursor = cursor_over(self);
    size_t count = 0;

    self->ready = true;
    for (; cursor_next(&cursor, &key, &value); count++) {
        if (count < FEW) {
            keys[count] = key;
            values[count] = value;
        }
    }
    if (count > 0 && !make_lists(self, count)) {
        self->arena->full = true;
        return;
    }
    if (count <= FEW) {
        for (size_t i = 0; i < count; i++)
            add(self, keys[i], values[i]);
        return;
    }
    cursor = cursor_over(self);
    while (cursor_next(&cursor, &key, &value))
        add(self, key, value);
    if (cursor.is_object)
        hash_keys(self);
}
