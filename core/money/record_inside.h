/* record_inside.h - the tables of fields, for record.c and record_json.c alone. */
#ifndef MONEY_RECORD_INSIDE_H
#define MONEY_RECORD_INSIDE_H

#include <string.h>

#include "money/record.h"

enum field_kind {
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
    FIELD_END,
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
    /* Which bits of which word are 0 then: of the number, the text's pointer, the list's count. All records are longer. */
    static const uint8_t words[] = { [FIELD_LIST] = offsetof(struct record_list, count), [FIELD_END] = 0 };
    static const uint64_t bits[] = { [FIELD_UINT... FIELD_TIME] = UINT64_MAX,
                                     [FIELD_WORD] = UINT32_MAX,
                                     [FIELD_FLAG] = UINT32_MAX,
                                     [FIELD_TEXT... FIELD_LIST] = UINT64_MAX,
                                     [FIELD_ONE... FIELD_END] = 0 };
    uint64_t word;
    _Static_assert(offsetof(struct text, ptr) == 0 && sizeof(char *) == sizeof word, "a text begins with its pointer");
    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the low half of a word stands first");
    memcpy(&word, (const char *)at + words[f->kind], sizeof word);
    return (word & bits[f->kind]) == 0 && f->kind < FIELD_ONE;
}

#endif
