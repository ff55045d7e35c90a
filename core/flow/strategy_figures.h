/* strategy_figures.h - targets by what they cost and how long they take. Only flow/strategy.c and choose.c include this. */
#ifndef FLOW_STRATEGY_FIGURES_H
#define FLOW_STRATEGY_FIGURES_H

#include <stddef.h>
#include <stdint.h>

struct attempt;
struct request;

/* Input tokens of the request, guessed by the bytes of its body: 3.5 each. */
double strategy_input(const struct request *req);
/* Fills costs[]: nano-dollars that each of the targets is expected to cost, with what a cache of this conversation has; -1: no price is
 * known. */
void strategy_costs(struct request *req, const size_t *usable, size_t count, int64_t now_ns, int64_t *costs);
/* Fills seconds[]: how long each is expected to take. */
void strategy_seconds(struct request *req, const size_t *usable, size_t count, int64_t now_ns, double *seconds);
struct ejection;
/* The mean time to the first token of a request of this length, and the mean speed after it; 0: not measured. */
void strategy_look(struct request *req, struct ejection *target, int64_t now_ns, double *first_token_ms,
                   double *tokens_per_s);
/* An attempt was answered well: its conversation is in the cache of its target. */
void strategy_note_warm(struct attempt *a, int64_t now_ns);
/* A streamed attempt is over: what its target's means learn from it. */
void strategy_note_times(struct attempt *a, int64_t now_ns);

#endif
