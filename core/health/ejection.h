/* ejection.h - is a target used? One that fails is taken out for a while, tried with one request, and then comes back step by step.
 *
 *   open -> (5 failures in a row, or 20 results of the last 10 to 20 s with 20 % failures) -> ejected -> (its time is over, and one
 *   request, the probe, was good) -> open, with a share that grows from a tenth to all in 30 s.
 *
 * An ejection lasts 5 s, 10 s, 20 s ... 60 s, +-10 %; each minute of service takes one step back. Attempts that began before an
 * ejection say nothing about what comes after it. Locks by itself; any thread. */
#ifndef HEALTH_EJECTION_H
#define HEALTH_EJECTION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "health/degraded.h"
#include "health/latency.h"
#include "health/silence.h"
#include "health/slots.h"

enum ejection_may {
    EJECTION_YES,   /* it may be used */
    EJECTION_PROBE, /* one request may try it, now */
    EJECTION_NO,    /* not now, but for want of anything else */
};

/* What an attempt says about its target. */
enum ejection_result {
    EJECTION_GOOD,
    EJECTION_BAD,
    EJECTION_NEITHER, /* the caller's fault, a limit, a client that left */
};

#define EJECTION_IN_A_ROW 5u
#define EJECTION_RESULTS 20u
#define EJECTION_SHARE 5u /* one of so many fails: 20 % */
#define EJECTION_WINDOW_NS INT64_C(10000000000)
#define EJECTION_FIRST_NS INT64_C(5000000000)
#define EJECTION_MOST_NS INT64_C(60000000000)
#define EJECTION_RAMP_NS INT64_C(30000000000)
#define EJECTION_BUCKET 50.0 /* attempts that are not a request's first, which may go here in a row */

struct ejection {
    pthread_mutex_t lock;
    uint64_t random;
    bool ejected, probing;
    int64_t ejected_ns, until_ns; /* the last time; until when */
    int64_t opened_ns;            /* back in use since; 0: it was never out */
    int64_t served_ns;            /* from when on service counts against `times` */
    unsigned times;               /* k of the next ejection's length, less 1 */
    unsigned in_a_row;
    struct {
        int64_t slot;
        unsigned results, failures;
    } window[2];
    double bucket;
    unsigned in_flight;
    struct silence silence;   /* of its attempts that wait; a lock of its own, as the next one has */
    struct latency latency;   /* how fast it answers */
    struct degraded degraded; /* is that far less than it was */
    struct slots slots;       /* where its requests in flight have a limit; with a lock of its own, too */
};

/* One attempt, from ejection_begin() to ejection_end(). */
struct ejection_ticket {
    struct ejection *row; /* NULL: it has no health, or it is over */
    int64_t begun_ns;
    bool probe, paid, judged;
};

void ejection_init(struct ejection *e, uint64_t seed);
void ejection_fini(struct ejection *e);
enum ejection_may ejection_asks(struct ejection *e, int64_t now_ns);
/* Which share of what it would get it gets: 1, or less while it comes back. */
double ejection_share(struct ejection *e, int64_t now_ns);
/* May a request that has failed elsewhere, or here, come here? Each such attempt costs the target one of its bucket, and one more
 * where it fails; each good answer brings 1.25. */
bool ejection_affords(struct ejection *e);
/* An attempt begins. `again`: it is not its request's first. Where a probe is due, this is the probe. */
void ejection_begin(struct ejection *e, bool again, int64_t now_ns, struct ejection_ticket *ticket);
/* What came of it; only the first word counts. True: the target is ejected with this. */
bool ejection_result(struct ejection_ticket *ticket, enum ejection_result result, int64_t now_ns);
/* It is over: nothing of it is in flight. Without a result before, nothing was learned. The second time does nothing. */
void ejection_end(struct ejection_ticket *ticket, int64_t now_ns);
/* How long it is still out; 0: it is not, or a probe is due. */
int64_t ejection_left_ns(struct ejection *e, int64_t now_ns);
unsigned ejection_in_flight(struct ejection *e);

#endif
