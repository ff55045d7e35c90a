/* ejection.c - a target that fails is taken out, tried, and comes back. */
#include "health/ejection.h"

#include "base/fail.h"
#include "health/chance.h"

void ejection_init(struct ejection *e, uint64_t seed)
{
    *e = (struct ejection){ .random = seed | 1,
                            .ejected_ns = INT64_MIN,
                            .bucket = EJECTION_BUCKET,
                            .window = { { .slot = -1 }, { .slot = -1 } } };
    pthread_mutex_init(&e->lock, NULL);
    silence_init(&e->silence);
    latency_init(&e->latency);
    degraded_init(&e->degraded);
}

void ejection_fini(struct ejection *e)
{
    degraded_fini(&e->degraded);
    latency_fini(&e->latency);
    silence_fini(&e->silence);
    pthread_mutex_destroy(&e->lock);
}

enum ejection_may ejection_asks(struct ejection *e, int64_t now_ns)
{
    pthread_mutex_lock(&e->lock);
    enum ejection_may may = !e->ejected                            ? EJECTION_YES
                            : now_ns >= e->until_ns && !e->probing ? EJECTION_PROBE
                                                                   : EJECTION_NO;
    pthread_mutex_unlock(&e->lock);
    return may;
}

double ejection_share(struct ejection *e, int64_t now_ns)
{
    pthread_mutex_lock(&e->lock);
    double share = 1;
    if (e->opened_ns != 0 && now_ns < e->opened_ns + EJECTION_RAMP_NS)
        share = (double)(now_ns - e->opened_ns) / (double)EJECTION_RAMP_NS;
    pthread_mutex_unlock(&e->lock);
    return share < .1 ? .1 : share;
}

bool ejection_affords(struct ejection *e)
{
    pthread_mutex_lock(&e->lock);
    bool affords = e->bucket >= 1;
    pthread_mutex_unlock(&e->lock);
    return affords;
}

void ejection_begin(struct ejection *e, bool again, int64_t now_ns, struct ejection_ticket *ticket)
{
    pthread_mutex_lock(&e->lock);
    *ticket = (struct ejection_ticket){ .row = e, .begun_ns = now_ns, .paid = again };
    if (e->ejected && now_ns >= e->until_ns && !e->probing)
        ticket->probe = e->probing = true;
    if (again)
        e->bucket -= 1;
    e->in_flight++;
    pthread_mutex_unlock(&e->lock);
}

/* For 5 s, 10 s, 20 s ... */
static void eject(struct ejection *e, int64_t now_ns)
{
    int64_t length = EJECTION_FIRST_NS;
    for (unsigned i = 0; i < e->times && length < EJECTION_MOST_NS; i++)
        length *= 2;
    if (length > EJECTION_MOST_NS)
        length = EJECTION_MOST_NS;
    e->times++;
    e->ejected = true;
    e->ejected_ns = now_ns;
    e->until_ns = now_ns + chance_around(&e->random, length, .1);
}

static void open_again(struct ejection *e, int64_t now_ns)
{
    e->ejected = false;
    e->opened_ns = e->served_ns = now_ns;
    e->in_a_row = 0;
    e->window[0].slot = e->window[1].slot = -1;
}

/* Each minute of service makes the next ejection shorter. */
static void forgive(struct ejection *e, int64_t now_ns)
{
    const int64_t minute = 6 * EJECTION_WINDOW_NS;
    while (e->times > 0 && now_ns - e->served_ns >= minute) {
        e->times--;
        e->served_ns += minute;
    }
}

/* Does it fail too often with this result? */
static bool is_too_much(struct ejection *e, bool bad, int64_t now_ns)
{
    int64_t slot = now_ns / EJECTION_WINDOW_NS;
    unsigned i = (unsigned)(slot & 1), results = 0, failures = 0;
    if (e->window[i].slot != slot) {
        e->window[i].slot = slot;
        e->window[i].results = e->window[i].failures = 0;
    }
    e->window[i].results++;
    e->window[i].failures += bad;
    for (unsigned k = 0; k < 2; k++) {
        if (e->window[k].slot < slot - 1)
            continue;
        results += e->window[k].results;
        failures += e->window[k].failures;
    }
    e->in_a_row = bad ? e->in_a_row + 1 : 0;
    return bad &&
           (e->in_a_row >= EJECTION_IN_A_ROW || (results >= EJECTION_RESULTS && failures * EJECTION_SHARE >= results));
}

static bool take(struct ejection *e, const struct ejection_ticket *ticket, enum ejection_result result, int64_t now_ns)
{
    bool bad = result == EJECTION_BAD;
    if (result == EJECTION_NEITHER) {
        if (ticket->probe)
            e->until_ns = now_ns; /* nothing was learned: the next request is the probe */
        return false;
    }
    e->bucket += bad ? -(double)ticket->paid : 1.25;
    e->bucket = e->bucket > EJECTION_BUCKET ? EJECTION_BUCKET : e->bucket < 0 ? 0 : e->bucket;
    if (ticket->begun_ns <= e->ejected_ns)
        return false;
    if (e->ejected) {
        if (!bad)
            open_again(e, now_ns);
        else if (ticket->probe)
            eject(e, now_ns);
        return bad && ticket->probe;
    }
    if (!bad)
        forgive(e, now_ns);
    if (!is_too_much(e, bad, now_ns))
        return false;
    eject(e, now_ns);
    return true;
}

bool ejection_result(struct ejection_ticket *ticket, enum ejection_result result, int64_t now_ns)
{
    struct ejection *e = ticket->row;
    if (e == NULL || ticket->judged)
        return false;
    pthread_mutex_lock(&e->lock);
    ticket->judged = true;
    if (ticket->probe)
        e->probing = false;
    bool ejected = take(e, ticket, result, now_ns);
    pthread_mutex_unlock(&e->lock);
    return ejected;
}

void ejection_end(struct ejection_ticket *ticket, int64_t now_ns)
{
    struct ejection *e = ticket->row;
    if (e == NULL)
        return;
    ejection_result(ticket, EJECTION_NEITHER, now_ns);
    pthread_mutex_lock(&e->lock);
    BUG_IF(e->in_flight == 0);
    e->in_flight--;
    pthread_mutex_unlock(&e->lock);
    ticket->row = NULL;
}

int64_t ejection_left_ns(struct ejection *e, int64_t now_ns)
{
    pthread_mutex_lock(&e->lock);
    int64_t left = e->ejected && e->until_ns > now_ns ? e->until_ns - now_ns : 0;
    pthread_mutex_unlock(&e->lock);
    return left;
}

unsigned ejection_in_flight(struct ejection *e)
{
    pthread_mutex_lock(&e->lock);
    unsigned n = e->in_flight;
    pthread_mutex_unlock(&e->lock);
    return n;
}
