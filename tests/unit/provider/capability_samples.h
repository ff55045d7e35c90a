/* capability_samples.h - for test_capability.c: a value of each field, so that a table's row for it can be tried. */
#ifndef CAPABILITY_SAMPLES_H
#define CAPABILITY_SAMPLES_H

#include <stdint.h>

enum sample_kind { MEMBER, MESSAGE, HEAD, PART, API };

/* A value that is not the default. A row with a condition of its own has a sample that meets it, or
 * else the field alone does. */
struct sample {
    const char *field, *when;
    enum sample_kind kind;
    const char *json; /* a member, messages, the first one, a part of one; of API the path, NULL: the dialect has one */
    uint32_t operation, dialect; /* of API */
};

/* Ended by a NULL field. */
extern const struct sample samples[];

#endif
