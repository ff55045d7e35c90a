/* latency.h - how fast a target answers: means of the last half minute or so, of streamed answers.
 *
 * The time to the first token is normalised by what must be read for it: ref(u) = 0.15 + 0.85 * u / 4000, with u the input tokens that
 * no cache had. A sample counts as at most four times the mean: one that hangs is no measure. Locks by itself; any thread. */
#ifndef HEALTH_LATENCY_H
#define HEALTH_LATENCY_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define LATENCY_TAU_NS INT64_C(30000000000) /* in so long a sample loses 63 % of its part in the mean */
#define LATENCY_CUT 4.0

/* A mean that forgets. */
struct latency_mean {
    double sum, weight;
    int64_t at_ns; /* of the last sample */
};

struct latency {
    pthread_mutex_t lock;
    struct latency_mean first;  /* seconds, normalised */
    struct latency_mean token;  /* seconds for an output token, after the first */
    struct latency_mean output; /* tokens of an answer */
};

/* What is known of one at a time. */
struct latency_view {
    double first, token, output; /* the means; below 0: nothing is known */
    double trust; /* of `first`, 1 when a sample has just come, down to 0: the others' mean counts in its place */
};

void latency_init(struct latency *l);
void latency_fini(struct latency *l);
double latency_ref(double uncached_tokens);
/* A streamed answer is over: the first token came after `first_ns`, the rest took `rest_ns`; -1: it did not come to its end, or had no
 * rest. */
void latency_add(struct latency *l, int64_t first_ns, double uncached_tokens, int64_t rest_ns, double output_tokens,
                 int64_t now_ns);
void latency_view(struct latency *l, int64_t now_ns, struct latency_view *out);
/* The seconds that each of them is expected to take for an answer to so many input tokens, with at most `limit` output tokens; 0: no
 * limit. One of which nothing is known is taken to be as the others are; where nothing is known of any, all are the same. */
void latency_expect(const struct latency_view *views, size_t count, double uncached_tokens, double limit,
                    double *seconds);
/* The index of one of them, each with a probability that is its share divided by the square of its seconds: always the fastest would be a
 * herd. `random` is 0 <= random < 1; `count` is not 0. */
size_t latency_pick(const double *seconds, const double *shares, size_t count, double random);
/* The mean output of those of which it is known; `otherwise` where there is none. */
double latency_output(const struct latency_view *views, size_t count, double otherwise);

#endif
