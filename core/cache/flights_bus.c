/* flights_bus.c - the bytes between a leader and its listeners, and what wakes these: one message per flight and worker. */
#include <stdlib.h>

#include "base/fault.h"
#include "cache/flights_inside.h"

struct flights_part *flights_part_new(struct flights *of, struct text bytes)
{
    struct flights_part *p = fault_now() ? NULL : malloc(sizeof *p + bytes.len);
    if (p == NULL)
        return NULL;
    atomic_init(&p->refs, 1);
    p->next = NULL;
    p->of = of;
    p->len = bytes.len;
    if (bytes.len > 0)
        memcpy(p->bytes, bytes.ptr, bytes.len);
    atomic_fetch_add(&of->held, bytes.len);
    return p;
}

/* And those that only it kept. */
void flights_part_unref(struct flights_part *p)
{
    while (p != NULL && atomic_fetch_sub(&p->refs, 1) == 1) {
        struct flights_part *next = p->next;
        atomic_fetch_sub(&p->of->held, p->len);
        free(p);
        p = next;
    }
}

void flights_unref(struct flight *f)
{
    if (atomic_fetch_sub(&f->refs, 1) != 1)
        return;
    flights_part_unref(f->first);
    flights_part_unref(f->last);
    free(f->words);
    free(f->more);
    free(f->code);
    free(f->provider);
    free(f->model);
    free(f->content_type);
    free(f);
}

/* --- wakes --- */

/* Seats that sit down or rise in a call are no danger: each seat is taken from the front once. */
void flights_on_bus(struct loop_message *message)
{
    struct flights_bus *bus = (struct flights_bus *)(void *)((char *)message - offsetof(struct flights_bus, message));
    struct flight *f = bus->flight;
    struct flights_seat *todo = bus->first, *seat;
    pthread_mutex_lock(&f->of->lock);
    bus->posted = false;
    pthread_mutex_unlock(&f->of->lock);
    bus->first = NULL;
    if (todo != NULL)
        todo->back = &todo;
    while ((seat = todo) != NULL) {
        todo = seat->next;
        if (todo != NULL)
            todo->back = &todo;
        seat->next = bus->first;
        seat->back = &bus->first;
        if (seat->next != NULL)
            seat->next->back = &seat->next;
        bus->first = seat;
        seat->on_news(seat);
    }
    flights_unref(f);
}

/* The lock is held. */
void flights_wake(struct flights_bus *bus)
{
    if (bus->loop == NULL || bus->posted)
        return;
    bus->posted = true;
    atomic_fetch_add(&bus->flight->refs, 1);
    loop_post(bus->loop, &bus->message);
}

void flights_wake_all(struct flight *f)
{
    for (unsigned i = 0; i < f->of->workers && atomic_load(&f->heard) > 0; i++)
        flights_wake(&f->buses[i]);
}

void flights_on_leader(struct loop_message *message)
{
    struct flight *f = (struct flight *)(void *)((char *)message - offsetof(struct flight, for_leader));
    pthread_mutex_lock(&f->of->lock);
    f->leader_posted = false;
    struct flights_leader *leader = f->leader; /* it ends on this thread only */
    pthread_mutex_unlock(&f->of->lock);
    if (leader != NULL)
        leader->on_heard(leader);
    flights_unref(f);
}

/* --- listeners --- */

enum flights_state flights_state(const struct flights_seat *seat, struct flights_head *head)
{
    struct flight *f = seat->flight;
    pthread_mutex_lock(&f->of->lock);
    enum flights_state state = f->state;
    pthread_mutex_unlock(&f->of->lock);
    if (state == FLIGHTS_OPEN)
        *head = (struct flights_head){ text_of(f->provider), text_of(f->model), text_of(f->content_type) };
    return state;
}

bool flights_take(struct flights_seat *seat, struct text *bytes, bool *over, bool *good)
{
    struct flight *f = seat->flight;
    pthread_mutex_lock(&f->of->lock);
    struct flights_part *next = seat->at->next, *before = seat->at;
    if (next != NULL) {
        atomic_fetch_add(&next->refs, 1);
        seat->at = next;
    }
    *over = next == NULL && f->over;
    *good = *over && f->good;
    pthread_mutex_unlock(&f->of->lock);
    if (next == NULL)
        return false;
    flights_part_unref(before);
    *bytes = (struct text){ next->bytes, next->len };
    return true;
}

void flights_why(const struct flights_seat *seat, struct fail *fail, struct text *more)
{
    *fail = seat->flight->fail; /* it changes no more */
    *more = text_of(seat->flight->more);
}

void flights_leave(struct flights_seat *seat)
{
    struct flight *f = seat->flight;
    if (f == NULL)
        return;
    *seat->back = seat->next;
    if (seat->next != NULL)
        seat->next->back = seat->back;
    flights_part_unref(seat->at);
    atomic_fetch_sub(&f->heard, 1);
    atomic_fetch_sub(&f->of->listeners, 1);
    seat->flight = NULL;
    flights_unref(f);
}
