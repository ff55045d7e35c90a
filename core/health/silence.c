/* silence.c - what waits at a target for longer than usual. */
#include "health/silence.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "health/latency.h"

enum { WALK_MOST = 64, TOKENS_MOST = 100000 };

void silence_init(struct silence *s)
{
    *s = (struct silence){ .heard_ns = 0 };
    pthread_mutex_init(&s->lock, NULL);
}

void silence_fini(struct silence *s)
{
    pthread_mutex_destroy(&s->lock);
}

void silence_begin(struct silence *s, bool whole, double tokens, int64_t now_ns, struct silence_ticket *ticket)
{
    BUG_IF(ticket->row != NULL);
    *ticket = (struct silence_ticket){ .row = s,
                                       .begun_ns = now_ns,
                                       .whole = whole,
                                       .scale = whole ? 1 : latency_ref(tokens < TOKENS_MOST ? tokens : TOKENS_MOST) };
    pthread_mutex_lock(&s->lock);
    struct silence_kind *kind = &s->kinds[whole];
    ticket->previous = kind->last;
    *(kind->last != NULL ? &kind->last->next : &kind->first) = ticket;
    kind->last = ticket;
    pthread_mutex_unlock(&s->lock);
}

/* Under the lock. */
static void take_out(struct silence_ticket *ticket)
{
    struct silence_kind *kind = &ticket->row->kinds[ticket->whole];
    *(ticket->previous != NULL ? &ticket->previous->next : &kind->first) = ticket->next;
    *(ticket->next != NULL ? &ticket->next->previous : &kind->last) = ticket->previous;
    ticket->previous = ticket->next = NULL;
    struct silence *s = ticket->row;
    s->suspect = s->suspect && (s->kinds[0].first != NULL || s->kinds[1].first != NULL);
    ticket->row = NULL;
}

void silence_heard(struct silence_ticket *ticket, bool good, int64_t now_ns)
{
    struct silence *s = ticket->row;
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    struct silence_kind *kind = &s->kinds[ticket->whole];
    if (good)
        kind->samples[kind->count++ % SILENCE_SAMPLES] = (double)(now_ns - ticket->begun_ns) / 1e9 / ticket->scale;
    s->heard_ns = now_ns;
    s->suspect = false;
    take_out(ticket);
    pthread_mutex_unlock(&s->lock);
}

void silence_end(struct silence_ticket *ticket)
{
    struct silence *s = ticket->row;
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    take_out(ticket);
    pthread_mutex_unlock(&s->lock);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Seconds for a scale of 1 that are more than usual; negative: not known. Under the lock. */
static double too_long(const struct silence_kind *kind)
{
    double sorted[SILENCE_SAMPLES];
    unsigned count = kind->count < SILENCE_SAMPLES ? kind->count : SILENCE_SAMPLES;
    if (count < SILENCE_SAMPLES_LEAST)
        return -1;
    memcpy(sorted, kind->samples, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, ascending);
    return SILENCE_TIMES * sorted[(count - 1) * 95 / 100];
}

static int64_t limit_of(const struct silence_ticket *ticket, double seconds)
{
    int64_t least = ticket->whole ? SILENCE_LEAST_WHOLE_NS : SILENCE_LEAST_NS;
    if (seconds < 0)
        return SILENCE_UNKNOWN_NS;
    double ns = seconds * ticket->scale * 1e9;
    return ns > (double)least ? (int64_t)ns : least;
}

/* How many of a kind are late; stops at `enough`. Under the lock. */
static unsigned late_of(const struct silence_kind *kind, unsigned enough, int64_t now_ns)
{
    unsigned late = 0, walked = 0;
    if (kind->first == NULL || now_ns - kind->first->begun_ns <= SILENCE_LEAST_NS)
        return 0;
    double seconds = too_long(kind);
    for (const struct silence_ticket *t = kind->first; t != NULL && late < enough && walked < WALK_MOST; t = t->next) {
        late += now_ns - t->begun_ns > limit_of(t, seconds);
        walked++;
    }
    return late;
}

bool silence_is_suspect(struct silence *s, int64_t now_ns)
{
    pthread_mutex_lock(&s->lock);
    unsigned late = 0;
    if (!s->suspect && now_ns - s->heard_ns >= SILENCE_LEAST_NS)
        for (unsigned i = 0; i < 2 && late < SILENCE_ATTEMPTS; i++)
            late += late_of(&s->kinds[i], SILENCE_ATTEMPTS - late, now_ns);
    s->suspect = s->suspect || late >= SILENCE_ATTEMPTS;
    bool suspect = s->suspect;
    pthread_mutex_unlock(&s->lock);
    return suspect;
}

bool silence_is_late(const struct silence_ticket *ticket, int64_t now_ns)
{
    struct silence *s = ticket->row;
    if (s == NULL)
        return false;
    pthread_mutex_lock(&s->lock);
    int64_t limit = limit_of(ticket, too_long(&s->kinds[ticket->whole]));
    pthread_mutex_unlock(&s->lock);
    return now_ns - ticket->begun_ns > limit;
}
