/* record_json.c - a record for people and their tools: `ledger cat`. */
#include "base/clock.h"
#include "money/nano.h"
#include "money/record_inside.h"

static void put_fields(const struct field *f, const void *from, struct json_writer *w);

static void put_nano(int64_t nano, struct json_writer *w)
{
    char text[NANO_TEXT];
    json_put_str(w, text_of(nano_write(nano, 0, text)));
}

static void put_time(int64_t unix_ms, struct json_writer *w)
{
    char text[32];
    clock_rfc3339(unix_ms, text);
    json_put_str(w, text_of(text));
}

static size_t size_of(const struct field *shape)
{
    while (shape->kind != FIELD_END)
        shape++;
    return shape->offset;
}

/* Carried holds are counted: each stands as a record of its own in an earlier segment. */
static void put_list(const struct field *f, const struct record_list *list, struct json_writer *w)
{
    if (f->shape == NULL) {
        json_put_int(w, (int64_t)list->count);
        return;
    }
    json_array(w);
    for (size_t i = 0; i < list->count; i++)
        put_fields(f->shape, (const char *)list->items + i * size_of(f->shape), w);
    json_close(w);
}

static void put_raw(struct text raw, struct json_writer *w)
{
    if (json_check_quick(raw) == 0)
        json_put_raw(w, raw);
    else
        json_put_str(w, raw);
}

static bool is_empty(const struct field *f, const void *at)
{
    return f->kind == FIELD_ONE ? ((const struct record_account *)at)->kind.ptr == NULL : field_is_absent(f, at);
}

static void put_value(const struct field *f, const void *at, struct json_writer *w)
{
    switch (f->kind) {
    case FIELD_UINT:
        json_put_int(w, (int64_t) * (const uint64_t *)at);
        break;
    case FIELD_INT:
        json_put_int(w, *(const int64_t *)at);
        break;
    case FIELD_NANO:
        put_nano(*(const int64_t *)at, w);
        break;
    case FIELD_TIME:
        put_time(*(const int64_t *)at, w);
        break;
    case FIELD_WORD:
        json_put_str(w, text_of(f->words[*(const uint32_t *)at]));
        break;
    case FIELD_FLAG:
        json_put_bool(w, *(const uint32_t *)at != 0);
        break;
    case FIELD_TEXT:
        json_put_str(w, *(const struct text *)at);
        break;
    case FIELD_RAW:
        put_raw(*(const struct text *)at, w);
        break;
    case FIELD_LIST:
        put_list(f, at, w);
        break;
    case FIELD_ONE:
        put_fields(f->shape, at, w);
        break;
    case FIELD_END:
        break;
    }
}

static void put_fields(const struct field *f, const void *from, struct json_writer *w)
{
    json_object(w);
    for (; f->kind != FIELD_END; f++) {
        const void *at = (const char *)from + f->offset;
        if (is_empty(f, at))
            continue;
        json_key_plain(w, text_of(f->name));
        put_value(f, at, w);
    }
    json_close(w);
}

void record_write_json(const struct record *record, struct json_writer *w)
{
    put_fields(record_fields, record, w);
}

void record_write_accounts(const struct record *record, struct json_writer *w)
{
    const struct field *f = record_fields;
    while (f->kind != FIELD_END && f->offset != offsetof(struct record, accounts))
        f++;
    put_list(f, &record->accounts, w);
}
