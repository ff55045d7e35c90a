/* record.c - records to bytes and back, by the table of record_fields.c. */
#include <string.h>

#include "base/fault.h"
#include "money/record_inside.h"

enum { LENGTH_BYTES = 4, NUMBER_MOST = 11, STEP = 768 };

/* Bytes go to the end of `out`, which takes those from `start` to `at` over when it must grow, and at last. */
struct writer {
    struct buf *out;
    unsigned char *start, *at, *end;
};

static int grow(struct writer *w, size_t len)
{
    size_t room = 0;
    if (w->at > w->start)
        buf_added(w->out, (size_t)(w->at - w->start));
    w->start = w->at = fault_now() ? NULL : (unsigned char *)buf_room(w->out, len < STEP ? STEP : len, &room);
    w->end = w->at != NULL ? w->at + room : NULL;
    if (w->at != NULL && room >= len)
        return 0;
    w->out->failed = true;
    return -1;
}

static inline int ensure(struct writer *w, size_t len)
{
    return __builtin_expect((size_t)(w->end - w->at) >= len, 1) ? 0 : grow(w, len);
}

static inline unsigned char *put_digits(unsigned char *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (unsigned char)(value | 0x80);
    *at++ = (unsigned char)value;
    return at;
}

static uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static int64_t unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static inline int write_number(struct writer *w, const struct field *f, uint64_t value)
{
    if (ensure(w, NUMBER_MOST) < 0)
        return -1;
    *w->at++ = (unsigned char)(f->tag << 1);
    w->at = put_digits(w->at, value);
    return 0;
}

static inline int write_bytes(struct writer *w, const struct field *f, struct text value)
{
    if (ensure(w, NUMBER_MOST + value.len) < 0)
        return -1;
    *w->at++ = (unsigned char)(f->tag << 1 | 1);
    w->at = put_digits(w->at, value.len);
    if (value.len > 0)
        memcpy(w->at, value.ptr, value.len);
    w->at += value.len;
    return 0;
}

static struct text bounded(struct text value, size_t most)
{
    if (value.len > most)
        value.len = text_utf8_valid_len((struct text){ value.ptr, most });
    return value;
}

static int write_fields(struct writer *w, const struct field *f, const void *from);

/* How many bytes stand in `out`, with those that it does not know of yet. */
static size_t written(const struct writer *w)
{
    return w->out->len + (size_t)(w->at - w->start);
}

/* Its length is known behind it: room for that is left before, in a fixed number of bytes. */
static int write_shape(struct writer *w, const struct field *f, const void *from)
{
    size_t before = written(w);
    if (ensure(w, 1 + LENGTH_BYTES) < 0)
        return -1;
    *w->at = (unsigned char)(f->tag << 1 | 1);
    w->at += 1 + LENGTH_BYTES;
    if (write_fields(w, f->shape, from) < 0)
        return -1;
    uint64_t len = written(w) - before - 1 - LENGTH_BYTES;
    unsigned char *to = w->at - (written(w) - before) + 1;
    for (int i = 0; i < LENGTH_BYTES; i++, len >>= 7)
        to[i] = (unsigned char)((len & 0x7f) | (i + 1 < LENGTH_BYTES ? 0x80 : 0));
    return 0;
}

static size_t size_of(const struct field *shape)
{
    while (shape->kind != FIELD_END)
        shape++;
    return shape->offset;
}

static int write_list(struct writer *w, const struct field *f, const struct record_list *list)
{
    size_t size = f->shape != NULL ? size_of(f->shape) : sizeof(struct text);
    for (size_t i = 0; i < list->count; i++) {
        const char *item = (const char *)list->items + i * size;
        if ((f->shape != NULL ? write_shape(w, f, item) : write_bytes(w, f, *(const struct text *)item)) < 0)
            return -1;
    }
    return 0;
}

/* For each field of each record: without a call. */
static inline __attribute__((always_inline)) int write_field(struct writer *w, const struct field *f, const void *at)
{
    switch (f->kind) {
    case FIELD_UINT:
        return write_number(w, f, *(const uint64_t *)at);
    case FIELD_INT:
    case FIELD_NANO:
    case FIELD_TIME:
        return write_number(w, f, zigzag(*(const int64_t *)at));
    case FIELD_WORD:
    case FIELD_FLAG:
        return write_number(w, f, *(const uint32_t *)at);
    case FIELD_TEXT:
        return write_bytes(w, f, bounded(*(const struct text *)at, RECORD_TEXT_MOST));
    case FIELD_RAW:
        return ((const struct text *)at)->len > RECORD_RAW_MOST ? 0 : write_bytes(w, f, *(const struct text *)at);
    case FIELD_LIST:
        return write_list(w, f, at);
    case FIELD_ONE:
        return write_shape(w, f, at);
    case FIELD_END:
        break;
    }
    return 0;
}

static int write_fields(struct writer *w, const struct field *f, const void *from)
{
    for (; f->kind != FIELD_END; f++) {
        const char *at = (const char *)from + f->offset;
        if (!field_is_absent(f, at) && write_field(w, f, at) < 0)
            return -1;
    }
    return 0;
}

int record_write(const struct record *record, struct buf *out)
{
    struct writer w = { out, NULL, NULL, NULL };
    int result = 0;
    BUG_IF(record->type == RECORD_NONE || record->type >= RECORD_TYPES);
    for (const struct field *f = record_fields; result == 0 && f->kind != FIELD_END; f++) {
        const char *at = (const char *)record + f->offset;
        if (!field_is_absent(f, at) && (f->kind != FIELD_ONE || (f->needed & 1u << record->type) != 0))
            result = write_field(&w, f, at);
    }
    buf_added(out, (size_t)(w.at - w.start));
    return result;
}

/* The bytes that are still to be read. */
struct reader {
    const unsigned char *at, *end;
    struct arena *arena;
    const char *why;
};

static int broken(struct reader *r, const char *why)
{
    r->why = why;
    return -1;
}

static int read_number(struct reader *r, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; r->at < r->end && shift < 64; shift += 7) {
        unsigned char byte = *r->at++;
        if (shift == 63 && byte > 1)
            break;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return 0;
    }
    return broken(r, "a number in it is not one");
}

static int read_bytes(struct reader *r, struct text *bytes)
{
    uint64_t len;
    if (read_number(r, &len) < 0)
        return -1;
    if (len > (uint64_t)(r->end - r->at))
        return broken(r, "a field in it is longer than the record");
    *bytes = (struct text){ (const char *)r->at, (size_t)len };
    r->at += len;
    return 0;
}

static int read_fields(struct reader *r, const struct field *fields, void *into, uint64_t seen[2]);

static int read_shape(struct reader *r, const struct field *f, struct text bytes, void *into)
{
    uint64_t seen[2] = { 0, 0 };
    const unsigned char *at = (const unsigned char *)bytes.ptr;
    struct reader inner = { at, at + bytes.len, r->arena, NULL };
    if (read_fields(&inner, f->shape, into, seen) == 0)
        return 0;
    return broken(r, inner.why);
}

/* Lists grow by doubling: the arena keeps what they had before. */
static int read_item(struct reader *r, const struct field *f, struct text bytes, struct record_list *list)
{
    size_t size = f->shape != NULL ? size_of(f->shape) : sizeof(struct text);
    size_t n = list->count;
    if ((n & (n - 1)) == 0) {
        void *more = arena_try(r->arena, (n == 0 ? 1 : n * 2) * size);
        if (more == NULL)
            return broken(r, "there is no memory to read it");
        if (n > 0)
            memcpy(more, list->items, n * size);
        list->items = more;
    }
    char *item = (char *)list->items + n * size;
    memset(item, 0, size);
    list->count++;
    if (f->shape != NULL)
        return read_shape(r, f, bytes, item);
    *(struct text *)(void *)item = bytes;
    return 0;
}

static int read_word(struct reader *r, const struct field *f, uint64_t value, uint32_t *into)
{
    uint64_t most = 1;
    if (f->kind == FIELD_WORD)
        for (most = 0; f->words[most + 1] != NULL;)
            most++;
    if (value > most)
        return broken(r, "it has a word of a newer version of the program");
    *into = (uint32_t)value;
    return 0;
}

static int read_plain(struct reader *r, const struct field *f, void *at)
{
    uint64_t value;
    if (read_number(r, &value) < 0)
        return -1;
    switch (f->kind) {
    case FIELD_UINT:
        *(uint64_t *)at = value;
        return 0;
    case FIELD_INT:
    case FIELD_NANO:
    case FIELD_TIME:
        *(int64_t *)at = unzigzag(value);
        return 0;
    case FIELD_WORD:
    case FIELD_FLAG:
        return read_word(r, f, value, at);
    default:
        return broken(r, "a field in it has the form of another");
    }
}

static int read_long(struct reader *r, const struct field *f, void *at)
{
    struct text bytes;
    if (read_bytes(r, &bytes) < 0)
        return -1;
    switch (f->kind) {
    case FIELD_TEXT:
    case FIELD_RAW:
        *(struct text *)at = bytes;
        return 0;
    case FIELD_LIST:
        return read_item(r, f, bytes, at);
    case FIELD_ONE:
        return read_shape(r, f, bytes, at);
    default:
        return broken(r, "a field in it has the form of another");
    }
}

static int pass_over(struct reader *r, bool is_long)
{
    uint64_t value;
    struct text bytes;
    return is_long ? read_bytes(r, &bytes) : read_number(r, &value);
}

/* `seen`: a bit for each tag that was there. */
static int read_fields(struct reader *r, const struct field *fields, void *into, uint64_t seen[2])
{
    const struct field *from = fields; /* they come in the order of the table, as they were written */
    while (r->at < r->end) {
        unsigned tag = *r->at >> 1;
        bool is_long = (*r->at++ & 1) != 0;
        const struct field *f = from->tag > tag ? fields : from;
        while (f->kind != FIELD_END && f->tag != tag)
            f++;
        from = f->kind == FIELD_END ? fields : f;
        if (f->kind == FIELD_END) {
            if (pass_over(r, is_long) < 0)
                return -1;
            continue;
        }
        if ((seen[tag / 64] & UINT64_C(1) << tag % 64) != 0 && f->kind != FIELD_LIST)
            return broken(r, "a field stands twice in it");
        seen[tag / 64] |= UINT64_C(1) << tag % 64;
        void *at = (char *)into + f->offset;
        if ((is_long ? read_long(r, f, at) : read_plain(r, f, at)) < 0)
            return -1;
    }
    return 0;
}

int record_read(struct text bytes, struct arena *arena, struct record *record, const char **why)
{
    uint64_t seen[2] = { 0, 0 };
    const unsigned char *at = (const unsigned char *)bytes.ptr;
    struct reader r = { at, at + bytes.len, arena, NULL };

    memset(record, 0, sizeof *record);
    int result = read_fields(&r, record_fields, record, seen);
    if (result == 0 && record->type == RECORD_NONE)
        result = broken(&r, "it has no type");
    if (result == 0 && record->type == RECORD_OPEN && record->format > RECORD_FORMAT)
        result = broken(&r, "its format is newer than this program's");
    for (const struct field *f = record_fields; result == 0 && f->kind != FIELD_END; f++)
        if ((f->needed & 1u << record->type) != 0 && (seen[f->tag / 64] & UINT64_C(1) << f->tag % 64) == 0)
            result = broken(&r, "a field is missing that its type needs");
    *why = r.why;
    return result;
}
