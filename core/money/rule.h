/* rule.h - which names of models an entry of the price book is about. */
#ifndef MONEY_RULE_H
#define MONEY_RULE_H

#include <regex.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/fail.h"
#include "base/json.h"

/* One test of a name. */
struct rule_part {
    char kind;        /* '=' is, '^' begins with, '$' ends with, '*' contains, '~' matches */
    bool negated;     /* holds where the test does not */
    struct text text; /* lower case */
    regex_t *pattern; /* of '~': POSIX extended */
};

/* All parts must hold. */
struct book_rule {
    struct rule_part *parts;
    size_t part_count;
};

/* Reads a rule: a text such as "=gpt-4o", or a list of them. 0, or -1 with `fail`. Patterns are freed with the arena.
 */
int rule_parse(struct book_rule *rule, const struct json *written, struct arena *arena, struct fail *fail);
/* Does it hold for `model` (lower case, NUL-terminated at its end)?
 *
 * "begins with" and "contains" do not hold where the rest goes on with another version: claude-sonnet-5 is not about
 * claude-sonnet-5-5, whose price is another. A date (-20251001, -2025-10-01, -0613) is no version. */
bool rule_matches(const struct book_rule *rule, struct text model);

#endif
