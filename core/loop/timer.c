/* timer.c - deadlines in a binary heap: setting, moving and clearing are O(log n), and a deadline that
 * is later than most (the usual case) is O(1) to set.
 *
 * Owners whose deadline moves with every byte do not move the timer: they compare when it fires. */
#include "loop/timer.h"

#include <stdlib.h>

#include "base/fail.h"

static void put(struct loop *l, size_t slot, struct loop_timer *t)
{
    l->heap[slot] = t;
    t->slot = slot;
}

static void sift_up(struct loop *l, size_t slot, struct loop_timer *t)
{
    while (slot > 1 && l->heap[slot / 2]->due_ns > t->due_ns) {
        put(l, slot, l->heap[slot / 2]);
        slot /= 2;
    }
    put(l, slot, t);
}

static void sift_down(struct loop *l, size_t slot, struct loop_timer *t)
{
    size_t child;

    while ((child = slot * 2) <= l->timers) {
        if (child < l->timers && l->heap[child + 1]->due_ns < l->heap[child]->due_ns)
            child++;
        if (l->heap[child]->due_ns >= t->due_ns)
            break;
        put(l, slot, l->heap[child]);
        slot = child;
    }
    put(l, slot, t);
}

/* `t` belongs at `slot` or somewhere above or below it. */
static void settle(struct loop *l, size_t slot, struct loop_timer *t)
{
    if (slot > 1 && l->heap[slot / 2]->due_ns > t->due_ns)
        sift_up(l, slot, t);
    else
        sift_down(l, slot, t);
}

static void make_room(struct loop *l)
{
    if (l->timers + 1 < l->heap_cap)
        return;
    l->heap_cap = l->heap_cap == 0 ? 64 : l->heap_cap * 2;
    l->heap = realloc(l->heap, l->heap_cap * sizeof *l->heap);
    BUG_IF(l->heap == NULL);
}

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t due_ns)
{
    t->due_ns = due_ns;
    if (t->slot != 0) {
        settle(l, t->slot, t);
        return;
    }
    make_room(l);
    l->timers++;
    sift_up(l, l->timers, t);
}

void loop_timer_clear(struct loop *l, struct loop_timer *t)
{
    struct loop_timer *last;

    if (t->slot == 0)
        return;
    last = l->heap[l->timers--];
    if (last != t)
        settle(l, t->slot, last);
    t->slot = 0;
}

void timer_run_due(struct loop *l)
{
    for (size_t most = l->timers; most > 0 && l->timers > 0; most--) {
        struct loop_timer *t = l->heap[1];

        if (t->due_ns > l->now_ns)
            return;
        loop_timer_clear(l, t);
        t->on_time(t);
    }
}
