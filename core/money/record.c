/* record.c - records to bytes and back, by the table of record_fields.c. */
#include <string.h>

#include "money/record_inside.h"

enum { TAG_MOST = 127, LENGTH_BYTES = 4 };

static size_t put_number(uint64_t value, unsigned char *out)
{
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        out[n++] = (unsigned char)(value | 0x80);
    out[n++] = (unsigned char)value;
    return n;
}

static uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static int64_t unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static int write_number(const struct field *f, uint64_t value, struct buf *out)
{
    unsigned char bytes[11] = { (unsigned char)(f->tag << 1) };
    return buf_append(out, bytes, 1 + put_number(value, bytes + 1));
}

static int write_bytes(const struct field *f, struct text value, struct buf *out)
{
    unsigned char bytes[11] = { (unsigned char)(f->tag << 1 | 1) };
    size_t head = 1 + put_number(value.len, bytes + 1);
    char *at = buf_extend(out, head + value.len);
    if (at == NULL)
        return -1;
    memcpy(at, bytes, head);
    if (value.len > 0)
        memcpy(at + head, value.ptr, value.len);
    return 0;
}

static struct text bounded(struct text value, size_t most)
{
    if (value.len > most)
        value.len = text_utf8_valid_len((struct text){ value.ptr, most });
    return value;
}

static int write_fields(const struct field *f, const void *from, struct buf *out);

/* Its length is known behind it: room for that is left before, in a fixed number of bytes. */
static int write_shape(const struct field *f, const void *from, struct buf *out)
{
    unsigned char head[1 + LENGTH_BYTES] = { (unsigned char)(f->tag << 1 | 1) };
    size_t at = out->len;
    if (buf_append(out, head, sizeof head) < 0 || write_fields(f->shape, from, out) < 0)
        return -1;
    uint64_t len = out->len - at - sizeof head;
    unsigned char *to = (unsigned char *)out->ptr + out->start + at + 1;
    for (int i = 0; i < LENGTH_BYTES; i++, len >>= 7)
        to[i] = (unsigned char)((len & 0x7f) | (i + 1 < LENGTH_BYTES ? 0x80 : 0));
    return 0;
}

static int write_list(const struct field *f, const struct record_list *list, struct buf *out)
{
    size_t size = sizeof(struct text);
    for (const struct field *last = f->shape; last != NULL; last++)
        if (last->kind == FIELD_END) {
            size = last->offset;
            break;
        }
    for (size_t i = 0; i < list->count; i++) {
        const char *item = (const char *)list->items + i * size;
        if ((f->shape != NULL ? write_shape(f, item, out) : write_bytes(f, *(const struct text *)item, out)) < 0)
            return -1;
    }
    return 0;
}

static int write_field(const struct field *f, const void *at, struct buf *out)
{
    switch (f->kind) {
    case FIELD_UINT:
        return write_number(f, *(const uint64_t *)at, out);
    case FIELD_INT:
    case FIELD_NANO:
    case FIELD_TIME:
        return write_number(f, zigzag(*(const int64_t *)at), out);
    case FIELD_WORD:
    case FIELD_FLAG:
        return write_number(f, *(const uint32_t *)at, out);
    case FIELD_TEXT:
        return write_bytes(f, bounded(*(const struct text *)at, RECORD_TEXT_MOST), out);
    case FIELD_RAW:
        return ((const struct text *)at)->len > RECORD_RAW_MOST ? 0 : write_bytes(f, *(const struct text *)at, out);
    case FIELD_LIST:
        return write_list(f, at, out);
    case FIELD_ONE:
        return write_shape(f, at, out);
    case FIELD_END:
        break;
    }
    return 0;
}

static int write_fields(const struct field *f, const void *from, struct buf *out)
{
    for (; f->kind != FIELD_END; f++) {
        const char *at = (const char *)from + f->offset;
        if (!field_is_absent(f, at) && write_field(f, at, out) < 0)
            return -1;
    }
    return 0;
}

int record_write(const struct record *record, struct buf *out)
{
    BUG_IF(record->type == RECORD_NONE || record->type >= RECORD_TYPES);
    for (const struct field *f = record_fields; f->kind != FIELD_END; f++) {
        const char *at = (const char *)record + f->offset;
        if (field_is_absent(f, at) || (f->kind == FIELD_ONE && (f->needed & 1u << record->type) == 0))
            continue;
        if (write_field(f, at, out) < 0)
            return -1;
    }
    return 0;
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

static size_t size_of(const struct field *shape)
{
    while (shape->kind != FIELD_END)
        shape++;
    return shape->offset;
}

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
