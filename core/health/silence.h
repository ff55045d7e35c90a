/* silence.h - does a target answer at all? A server that hangs fails nobody for minutes: it shows by what does not come.
 *
 * A target becomes suspect when five of its attempts, or more, wait longer than three times what is usual there, 2 s at least, and no other
 * attempt was answered for 2 s. It stays so, also while they go elsewhere one by one, until an attempt is answered or none waits there. What is usual: the 95th percentile of the last answers, streamed and whole apart; the first event of a
 * stream is measured relative to the length of its request. Nothing usual is known before 20 answers: 20 s then.
 *
 * Locks by itself; any thread. Times are monotonic nanoseconds, given by the caller. Source of the numbers: simulated, README.md. */
#ifndef HEALTH_SILENCE_H
#define HEALTH_SILENCE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SILENCE_ATTEMPTS 5u
#define SILENCE_LEAST_NS INT64_C(2000000000)
#define SILENCE_LEAST_WHOLE_NS INT64_C(5000000000) /* whole answers differ more */
#define SILENCE_UNKNOWN_NS INT64_C(20000000000)    /* before it is known what is usual */
#define SILENCE_TIMES 3
#define SILENCE_SAMPLES 64u
#define SILENCE_SAMPLES_LEAST 20u

/* One attempt that waits, from silence_begin() to the first of silence_heard() and silence_end(). */
struct silence_ticket {
    struct silence *row; /* NULL: it does not wait */
    struct silence_ticket *previous, *next;
    int64_t begun_ns;
    double scale; /* latency_ref() of its request; 1 of a whole answer */
    bool whole;
};

struct silence {
    pthread_mutex_t lock;
    struct silence_kind {
        struct silence_ticket *first, *last; /* those that wait, the oldest first */
        double samples[SILENCE_SAMPLES];     /* seconds, over their scale */
        unsigned count;                      /* of samples so far; the newest is at (count - 1) % SILENCE_SAMPLES */
    } kinds[2];                              /* streams, whole answers */
    int64_t heard_ns;                        /* an attempt was answered */
    bool suspect;
};

void silence_init(struct silence *s);
void silence_fini(struct silence *s);
/* An attempt was sent. `tokens`: an estimate of those in its request; the time to the first event of a stream grows with them.
 * The ticket is the caller's and stays where it is until it has ended. */
void silence_begin(struct silence *s, bool whole, double tokens, int64_t now_ns, struct silence_ticket *ticket);
/* It was answered; `good`: by a model, whose time counts. Nothing where it has ended. */
void silence_heard(struct silence_ticket *ticket, bool good, int64_t now_ns);
/* It waits no more, and nothing was heard. Twice is once. */
void silence_end(struct silence_ticket *ticket);
bool silence_is_suspect(struct silence *s, int64_t now_ns);
/* Does this attempt wait for longer than what is usual? */
bool silence_is_late(const struct silence_ticket *ticket, int64_t now_ns);

#endif
