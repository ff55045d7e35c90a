/* estimates.h - what requests are expected to cost: learned from those that are over, by model and key. Bounded memory; any thread, one
 * mutex. */
#ifndef MONEY_ESTIMATE_H
#define MONEY_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct estimates;

/* Given: estimates_free(). */
struct estimates *estimates_new(void);
void estimates_free(struct estimates *estimates);

/* From so many requests on of a model and key they are believed. */
#define ESTIMATE_SAMPLES 50

/* Of one request. */
struct estimate {
    int64_t input_per_kb; /* nano-dollars that 1,000 bytes of body cost as input, and fees */
    int64_t output;       /* tokens */
};
/* A request whose usage was reported. Pairs beyond 2,048 are not learned. */
void estimates_add(struct estimates *estimates, struct text model, struct text key, const struct estimate *seen);
/* What 95 of 100 requests did not pass, to the width of a bucket (a quarter more at most). False: not enough have been seen. */
bool estimates_ask(struct estimates *estimates, struct text model, struct text key, struct estimate *out);

/* A request had `excess` input tokens more than its bound: from now on the model's bounds have 1.25 times as many more, 2,097,152 at
 * most. An excess beyond any window is a defect of the report, and teaches nothing: else one of them would refuse all that follow. */
void estimates_exceeded(struct estimates *estimates, struct text model, int64_t excess);
/* How many more. */
int64_t estimates_learned(struct estimates *estimates, struct text model);

struct prefix; /* money/prefixes.h */
/* A request of which so many input tokens were reported, and the most of one that begins like an earlier one; INT64_MAX: none did. */
void estimates_put_prefix(struct estimates *estimates, uint64_t whole, int64_t tokens);
int64_t estimates_prefix_bound(struct estimates *estimates, const struct prefix *prefix);

#endif
