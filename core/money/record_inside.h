/* record_inside.h - the tables of fields, for record.c and record_json.c alone. */
#ifndef MONEY_RECORD_INSIDE_H
#define MONEY_RECORD_INSIDE_H

#include "money/record.h"

enum field_kind {
    FIELD_END,
    FIELD_UINT, /* uint64_t */
    FIELD_INT,  /* int64_t */
    FIELD_NANO, /* int64_t, nano-dollars */
    FIELD_TIME, /* int64_t, unix milliseconds */
    FIELD_WORD, /* uint32_t, a number that `words` names */
    FIELD_FLAG, /* uint32_t, 0 or 1 */
    FIELD_TEXT, /* struct text */
    FIELD_RAW,  /* struct text, JSON of others */
    FIELD_LIST, /* struct record_list of `shape`; of struct text where that is NULL */
    FIELD_ONE,  /* `shape` in place */
};

struct field {
    enum field_kind kind;
    uint8_t tag; /* 1 to 127 */
    const char *name;
    size_t offset;
    const struct field *shape; /* ended by FIELD_END, whose offset is the size of the struct */
    const char *const *words;  /* ended by NULL */
    uint32_t needed;           /* bit (1 << type): a record of that type must have it */
};

extern const struct field record_fields[];

/* Has the record nothing in the field at `at`? It is not written then, nor shown. Of what stands in place (FIELD_ONE) the caller knows. */
static inline bool field_is_absent(const struct field *f, const void *at)
{
    switch (f->kind) {
    case FIELD_UINT:
    case FIELD_INT:
    case FIELD_NANO:
    case FIELD_TIME:
        return *(const uint64_t *)at == 0;
    case FIELD_WORD:
    case FIELD_FLAG:
        return *(const uint32_t *)at == 0;
    case FIELD_TEXT:
    case FIELD_RAW:
        return ((const struct text *)at)->ptr == NULL;
    case FIELD_LIST:
        return ((const struct record_list *)at)->count == 0;
    case FIELD_ONE:
    case FIELD_END:
        break;
    }
    return false;
}

#endif
