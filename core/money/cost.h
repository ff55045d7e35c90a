/* cost.h - what usage costs: quantities and a price list in, lines in whole nano-dollars out. Any thread. */
#ifndef MONEY_COST_H
#define MONEY_COST_H

#include <stdbool.h>
#include <stdint.h>

#include "canon/usage.h"
#include "money/book.h"

/* The prices that hold for one request; [unit] NULL: the unit has none. Points into the book, or into what the
 * operator wrote in gateway.lua. */
struct price_list {
    const struct book_price *of[UNITS];
};

/* A property of a request that a variant's `when` asks for: "service_tier", "flex". */
struct price_context {
    struct text name, value;
};

/* The list of `model` for a request admitted at `unix_s`. */
void price_list_at(const struct book_model *model, int64_t unix_s, const struct price_context *context, size_t count,
                   struct price_list *list);

struct cost_line {
    enum unit unit;
    enum unit priced_as; /* whose price it was */
    int64_t quantity;
    int64_t price_nano; /* for unit_info(priced_as)->per */
    int64_t nano;
};

struct cost {
    bool known;         /* false: some quantity has no price, and the cost is unknown, not zero */
    enum unit unpriced; /* the first such unit, when not known */
    int64_t nano;       /* the sum of the lines */
    struct cost_line lines[UNITS];
    size_t line_count;
};

/* Prices quantities, which are disjoint and not negative. A tier is chosen by the input tokens of the whole request and
 * holds for all of them. UNIT_REQUEST is priced where the list has it, whatever its quantity: a request is one.
 *
 * The sum of the exact lines is rounded half up once, to the nano-dollar; each line is rounded down, and what is
 * missing goes, a nano-dollar each, to the lines with the largest rest: lines always add up to the whole. A cost that
 * does not fit (over 9.2 billion dollars) is INT64_MAX. */
void cost_of(const struct price_list *list, const int64_t quantity[UNITS], struct cost *cost);
/* The same of one request whose only quantities are so many input and output tokens: its cost, in less time, or -1 where some of it has no
 * price. */
int64_t cost_of_tokens(const struct price_list *list, int64_t input, int64_t output);
/* The quantities of a request's usage. */
void cost_quantities(const struct usage *usage, int64_t quantity[UNITS]);

#endif
