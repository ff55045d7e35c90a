/* slots.c - the requests in flight of targets that have a limit. */
#include "health/slots.h"

#include "base/fail.h"

void gate_init(struct gate *gate)
{
    *gate = (struct gate){ .second = -1 };
    pthread_mutex_init(&gate->lock, NULL);
}

void gate_fini(struct gate *gate)
{
    BUG_IF(gate->queues != NULL);
    pthread_mutex_destroy(&gate->lock);
}

void slots_init(struct slots *s, struct gate *gate)
{
    *s = (struct slots){ .gate = gate, .limit = SLOTS_START, .windows = { { .slot = -2 }, { .slot = -2 } } };
    pthread_mutex_lock(&gate->lock);
    gate->rows++;
    pthread_mutex_unlock(&gate->lock);
}

static void mark(struct slots *s)
{
    bool full = s->most > 0 && s->in_flight >= s->most;
    s->gate->full += (full && !s->full);
    s->gate->full -= (!full && s->full);
    s->full = full;
}

/* How many critical requests there were at a time, in the last 30 to 60 s. */
static unsigned critical_most(const struct slots *s, int64_t now_ns)
{
    int64_t slot = now_ns / SLOTS_WINDOW_NS;
    unsigned most = s->critical;
    for (unsigned i = 0; i < 2; i++)
        if (s->windows[i].slot >= slot - 1 && s->windows[i].most > most)
            most = s->windows[i].most;
    return most;
}

/* Slots that only critical requests get. One is left for the others. */
static unsigned kept(const struct slots *s, unsigned most, int64_t now_ns)
{
    unsigned seen = critical_most(s, now_ns), wanted = (3 * seen + 1) / 2, bound = most / SLOTS_KEPT_MOST;
    if (seen == 0 || most < 2)
        return 0;
    bound = bound > 0 ? bound : 1;
    return wanted < bound ? wanted : bound;
}

static unsigned limit_of(const struct slots *s, unsigned most)
{
    most = s->ruled > 0 ? s->ruled : most;
    return most == SLOTS_ADAPTIVE ? (unsigned)s->limit : most;
}

bool slots_is_free(struct slots *s, unsigned most, enum slots_class of, int64_t now_ns)
{
    most = limit_of(s, most);
    s->most = most;
    mark(s);
    if (s->in_flight >= most)
        return false;
    return of == SLOTS_CRITICAL || s->in_flight - s->critical + kept(s, most, now_ns) < most;
}

void slots_add(struct slots *s, enum slots_class of, int64_t now_ns)
{
    s->in_flight++;
    mark(s);
    if (of != SLOTS_CRITICAL)
        return;
    struct slots_window *w = &s->windows[now_ns / SLOTS_WINDOW_NS & 1];
    if (w->slot != now_ns / SLOTS_WINDOW_NS)
        *w = (struct slots_window){ .slot = now_ns / SLOTS_WINDOW_NS };
    s->critical++;
    w->most = s->critical > w->most ? s->critical : w->most;
}

bool slots_has_room(struct slots *s, unsigned most, enum slots_class of, int64_t now_ns)
{
    pthread_mutex_lock(&s->gate->lock);
    bool free = slots_is_free(s, most, of, now_ns);
    pthread_mutex_unlock(&s->gate->lock);
    return free;
}

bool slots_take(struct slots *s, unsigned most, enum slots_class of, int64_t now_ns)
{
    pthread_mutex_lock(&s->gate->lock);
    bool free = slots_is_free(s, most, of, now_ns);
    if (free)
        slots_add(s, of, now_ns);
    pthread_mutex_unlock(&s->gate->lock);
    return free;
}

void slots_rule(struct slots *s, unsigned most, int64_t now_ns)
{
    pthread_mutex_lock(&s->gate->lock);
    s->ruled = most;
    queue_serve(s->gate, s, now_ns);
    pthread_mutex_unlock(&s->gate->lock);
}

void slots_give(struct slots *s, enum slots_class of, int64_t now_ns)
{
    pthread_mutex_lock(&s->gate->lock);
    BUG_IF(s->in_flight == 0 || (of == SLOTS_CRITICAL && s->critical == 0));
    s->in_flight--;
    mark(s);
    s->critical -= of == SLOTS_CRITICAL;
    queue_serve(s->gate, s, now_ns);
    pthread_mutex_unlock(&s->gate->lock);
}

unsigned slots_in_flight(struct slots *s)
{
    pthread_mutex_lock(&s->gate->lock);
    unsigned n = s->in_flight;
    pthread_mutex_unlock(&s->gate->lock);
    return n;
}

unsigned slots_limit(struct slots *s, unsigned most)
{
    pthread_mutex_lock(&s->gate->lock);
    unsigned limit = limit_of(s, most);
    pthread_mutex_unlock(&s->gate->lock);
    return limit;
}

/* What takes long is a queue there: fewer. All slots are used and it is fast: four more for every answer of each of them. The best time is
 * forgotten bit by bit, but not while all slots are used: then nobody sees how fast the server is without a queue. */
static void adapt(struct slots *s, double seconds)
{
    bool full = s->in_flight + 1 >= (unsigned)s->limit;
    s->mean = s->mean > 0 ? s->mean + .1 * (seconds - s->mean) : seconds;
    if (s->least <= 0 || seconds < s->least)
        s->least = seconds;
    else if (!full || s->limit <= SLOTS_LIMIT_LEAST)
        s->least += .0005 * (seconds - s->least);
    if (s->mean > 2.5 * s->least + .5)
        s->limit *= .98;
    else if (full)
        s->limit += 4 / s->limit;
    s->limit = s->limit < SLOTS_LIMIT_LEAST  ? SLOTS_LIMIT_LEAST
               : s->limit > SLOTS_LIMIT_MOST ? SLOTS_LIMIT_MOST
                                             : s->limit;
}

void slots_answered(struct slots *s, double seconds, int64_t now_ns)
{
    pthread_mutex_lock(&s->gate->lock);
    adapt(s, seconds);
    queue_serve(s->gate, s, now_ns);
    pthread_mutex_unlock(&s->gate->lock);
}
