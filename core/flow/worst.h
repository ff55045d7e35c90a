/* worst.h - what an attempt can cost at most and what it is expected to cost, before it is sent. The most comes from the bound of its
 * tokens (money/bound.h), each at the dearest price that it can have. */
#ifndef FLOW_WORST_H
#define FLOW_WORST_H

#include <stdbool.h>
#include <stdint.h>

#include "money/bound.h"

struct attempt;

/* Of an attempt; arena. Prices are nano-dollars for a million tokens. */
struct worst {
    struct bound bound;
    size_t bytes;         /* of the body, as sent */
    uint64_t prefix;      /* all of it, as a beginning of later ones; 0: it is no conversation */
    int64_t output_price; /* the dearest of an output token */
    int64_t fixed;        /* all but the output, in nano-dollars */
    int64_t min_output;   /* tokens below which an answer is of no use: no limit is lowered further */
    bool strict;          /* one of its budgets is */
    bool only_fees;       /* what it uses costs nothing, only that it is called */
    bool fixed_output;    /* a lower limit makes nothing cheaper */
    const char *no_most;  /* why it has no most that could be proven, for people; NULL: it has */
};

/* Reads what is sent. After build(), where the request has a budget; may be a job, `scratch` is the thread's. */
void worst_read(struct attempt *a, struct arena *scratch);
/* Fills a->hard and a->soft, in nano-dollars. False, and 0: no price is known. */
bool worst_price(struct attempt *a);
/* The most, with so many output tokens in one answer. */
int64_t worst_with(const struct worst *worst, int64_t limit);
/* The largest limit of output tokens with which the most is not above `room`; 0: there is none. */
int64_t worst_limit(const struct worst *worst, int64_t room);

#endif
