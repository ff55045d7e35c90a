/* queue.c - who waits for a slot, who gets it, and who has to go. */
#include "health/queue.h"

#include "base/fail.h"

#define SECOND_NS INT64_C(1000000000)

void queue_init(struct queue *q, struct gate *gate)
{
    *q = (struct queue){ .gate = gate };
}

static unsigned waiting(const struct queue *q)
{
    return q->lines[SLOTS_CRITICAL].count + q->lines[SLOTS_NORMAL].count + q->lines[SLOTS_LOW].count;
}

static void list(struct queue *q)
{
    q->next = q->gate->queues;
    q->gate->queues = q;
}

static void unlist(struct queue *q)
{
    struct queue **at = &q->gate->queues;
    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
}

static void append(struct queue *q, struct queue_wait *w)
{
    struct queue_line *line = &q->lines[w->of];
    if (waiting(q) == 0)
        list(q);
    w->queue = q;
    w->older = line->newest;
    w->newer = NULL;
    *(line->newest != NULL ? &line->newest->newer : &line->oldest) = w;
    line->newest = w;
    line->count++;
}

static void take_out(struct queue_wait *w)
{
    struct queue *q = w->queue;
    struct queue_line *line = &q->lines[w->of];
    *(w->older != NULL ? &w->older->newer : &line->oldest) = w->newer;
    *(w->newer != NULL ? &w->newer->older : &line->newest) = w->older;
    line->count--;
    w->queue = NULL;
    if (waiting(q) == 0)
        unlist(q);
}

static void count(struct gate *gate, bool granted, int64_t now_ns)
{
    int64_t second = now_ns / SECOND_NS;
    if (gate->second != second)
        gate->granted = gate->refused = 0;
    gate->second = second;
    gate->granted += granted;
    gate->refused += !granted;
}

/* May it have a slot of `s`? */
static bool fits(const struct queue_wait *w, struct slots *s, int64_t now_ns)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->places[i].slots == s && slots_is_free(s, w->places[i].most, w->of, now_ns))
            return true;
    return false;
}

static void grant(struct queue_wait *w, struct slots *s, int64_t now_ns)
{
    slots_add(s, w->of, now_ns);
    w->granted = s;
    count(s->gate, true, now_ns);
}

/* The one of a class that is next, of those that want this slot. */
static struct queue_wait *next_of(struct queue *q, enum slots_class of, struct slots *s, int64_t now_ns)
{
    struct queue_line *line = &q->lines[of];
    bool newest_first = line->count > q->length / 4;
    struct queue_wait *w = newest_first ? line->newest : line->oldest;
    while (w != NULL && !fits(w, s, now_ns))
        w = newest_first ? w->older : w->newer;
    return w;
}

/* Of all queues: the one in whose queue somebody waits for the longest. */
static struct queue_wait *next_for(struct gate *gate, struct slots *s, int64_t now_ns)
{
    for (unsigned of = 0; of < SLOTS_CLASSES; of++) {
        struct queue_wait *best = NULL;
        int64_t since = INT64_MAX;
        for (struct queue *q = gate->queues; q != NULL; q = q->next) {
            struct queue_wait *w = next_of(q, (enum slots_class)of, s, now_ns);
            if (w == NULL || q->lines[of].oldest->from_ns >= since)
                continue;
            best = w;
            since = q->lines[of].oldest->from_ns;
        }
        if (best != NULL)
            return best;
    }
    return NULL;
}

void queue_serve(struct gate *gate, struct slots *s, int64_t now_ns)
{
    struct queue_wait *w;
    while (gate->queues != NULL && (w = next_for(gate, s, now_ns)) != NULL) {
        take_out(w);
        grant(w, s, now_ns);
        w->on_over(w);
    }
}

/* Who goes so that one of this class may come in; NULL: nobody, itself is the one. */
static struct queue_wait *victim(const struct queue *q, enum slots_class of)
{
    if (of == SLOTS_CRITICAL)
        return q->lines[SLOTS_CRITICAL].oldest;
    struct queue_wait *low = q->lines[SLOTS_LOW].oldest;
    return low != NULL || of == SLOTS_LOW ? low : q->lines[SLOTS_NORMAL].oldest;
}

static bool is_full(const struct queue *q, enum slots_class of)
{
    unsigned others = q->lines[SLOTS_NORMAL].count + q->lines[SLOTS_LOW].count;
    return (of == SLOTS_CRITICAL ? q->lines[SLOTS_CRITICAL].count : others) >= q->length;
}

/* With the lock held. */
static enum queue_answer enter(struct queue *q, struct queue_wait *w, int64_t now_ns)
{
    for (size_t i = 0; i < w->count; i++) {
        struct slots *s = w->places[i].slots;
        if (!slots_is_free(s, w->places[i].most, w->of, now_ns))
            continue;
        grant(w, s, now_ns);
        return QUEUE_GRANTED;
    }
    if (is_full(q, w->of)) {
        struct queue_wait *goes = victim(q, w->of);
        count(q->gate, false, now_ns);
        if (goes == NULL)
            return QUEUE_FULL;
        take_out(goes);
        goes->on_over(goes);
    }
    append(q, w);
    return QUEUE_WAITS;
}

enum queue_answer queue_enter(struct queue *q, struct queue_wait *wait, unsigned length, int64_t now_ns)
{
    BUG_IF(wait->queue != NULL || length == 0);
    pthread_mutex_lock(&q->gate->lock);
    q->length = length;
    wait->granted = NULL;
    wait->from_ns = now_ns;
    enum queue_answer answer = enter(q, wait, now_ns);
    pthread_mutex_unlock(&q->gate->lock);
    return answer;
}

/* The gate is found by the wait's places, because wait->queue is NULL once it has left. */
bool queue_leave(struct queue_wait *wait)
{
    struct gate *gate = wait->places[0].slots->gate;
    pthread_mutex_lock(&gate->lock);
    bool waits = wait->queue != NULL;
    if (waits)
        take_out(wait);
    pthread_mutex_unlock(&gate->lock);
    return waits;
}

int queue_waiting(struct queue *q)
{
    pthread_mutex_lock(&q->gate->lock);
    int n = q->length > 0 ? (int)waiting(q) : -1;
    pthread_mutex_unlock(&q->gate->lock);
    return n;
}

bool queue_is_hopeless(struct gate *gate, int64_t now_ns)
{
    pthread_mutex_lock(&gate->lock);
    bool hopeless = gate->full == gate->rows && gate->second == now_ns / SECOND_NS &&
                    gate->refused >= QUEUE_HOPELESS_REFUSALS * (gate->granted + QUEUE_LEAST);
    pthread_mutex_unlock(&gate->lock);
    return hopeless;
}
