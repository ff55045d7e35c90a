/* dialer.c - the threads that dial: each is a loop, and dials as many at once as it is given.
 *
 * libcurl looks up a name on a thread of its own, one for each dialling. So that a name server that does not
 * answer costs one thread and not hundreds, a thread of ours has one look-up of an origin at a time: who
 * else dials that origin waits for it, and then finds the answer in libcurl's cache. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "upstream/dial_inside.h"

struct dialer_thread {
    struct loop loop;
    pthread_t id;
    struct dial *first; /* running, or waiting for a look-up */
    struct loop_after looked_up;
    struct loop_message end;
    bool ending;
};

struct dialer {
    atomic_uint turn;
    unsigned count; /* of running threads */
    struct dialer_thread threads[];
};

static void on_submit(struct loop_message *message);
static void on_ready(struct loop_watch *watch, uint32_t events);
static void on_time(struct loop_timer *timer);
static void on_end(struct loop_message *message);
static void on_looked_up(struct loop_after *after);
static void step(struct dialer_thread *t, struct dial *d);

static void *thread_main(void *arg)
{
    struct dialer_thread *t = arg;

    loop_run(&t->loop);
    return NULL;
}

/* Signals are for the main thread, so they are blocked in ours. */
static int start_thread(struct dialer_thread *t)
{
    sigset_t all, before;
    int error;

    if (loop_init(&t->loop) < 0)
        return -1;
    t->looked_up.on_after = on_looked_up;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&t->id, NULL, thread_main, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0) {
        pthread_setname_np(t->id, "dial");
        return 0;
    }
    loop_fini(&t->loop);
    errno = error;
    return -1;
}

struct dialer *dialer_new(unsigned threads)
{
    struct dialer *dialer = calloc(1, sizeof *dialer + threads * sizeof *dialer->threads);

    BUG_IF(dialer == NULL || threads == 0);
    dial_start();
    while (dialer->count < threads && start_thread(&dialer->threads[dialer->count]) == 0)
        dialer->count++;
    if (dialer->count == threads)
        return dialer;
    int saved = errno;
    dialer_free(dialer);
    errno = saved;
    return NULL;
}

void dialer_free(struct dialer *dialer)
{
    for (unsigned i = 0; i < dialer->count; i++) {
        struct dialer_thread *t = &dialer->threads[i];

        t->end.on_message = on_end;
        loop_post(&t->loop, &t->end);
        pthread_join(t->id, NULL);
        loop_fini(&t->loop);
    }
    free(dialer);
}

void dialer_submit(struct dial *d, struct dialer *dialer, struct loop *home)
{
    unsigned turn = atomic_fetch_add_explicit(&dialer->turn, 1, memory_order_relaxed);

    d->home = home;
    d->due_ns = clock_ns() + d->connect_ns;
    d->message.on_message = on_submit;
    d->watch.on_ready = on_ready;
    d->timer.on_time = on_time;
    d->thread = &dialer->threads[turn % dialer->count];
    loop_post(&d->thread->loop, &d->message);
}

/* --- on the dialer's thread --- */

static void link_dial(struct dialer_thread *t, struct dial *d)
{
    d->prev = NULL;
    d->next = t->first;
    if (d->next != NULL)
        d->next->prev = d;
    t->first = d;
}

static void unlink_dial(struct dialer_thread *t, struct dial *d)
{
    *(d->prev != NULL ? &d->prev->next : &t->first) = d->next;
    if (d->next != NULL)
        d->next->prev = d->prev;
}

static void on_home(struct loop_message *message)
{
    struct dial *d = (struct dial *)((char *)message - offsetof(struct dial, message));

    d->on_done(d);
}

/* It is over. */
static void send_home(struct dialer_thread *t, struct dial *d)
{
    loop_timer_clear(&t->loop, &d->timer);
    if (d->sockets >= 0) {
        loop_unwatch(&t->loop, &d->watch);
        close(d->sockets);
    }
    unlink_dial(t, d);
    d->message.on_message = on_home;
    loop_post(d->home, &d->message);
}

static void fail(struct dialer_thread *t, struct dial *d, const char *why, bool timed_out)
{
    d->timed_out = timed_out;
    dial_give_up(d, why);
    send_home(t, d);
}

/* Does another one look up the address of this one's origin? */
static bool must_wait(const struct dialer_thread *t, const struct dial *d)
{
    for (const struct dial *other = t->first; other != NULL; other = other->next)
        if (!other->looked_up && !other->waits && other != d && strcmp(other->origin, d->origin) == 0)
            return true;
    return false;
}

static void begin(struct dialer_thread *t, struct dial *d)
{
    d->waits = must_wait(t, d);
    if (d->waits) {
        d->asks_anew = false; /* that look-up is new enough */
        loop_timer_set(&t->loop, &d->timer, d->due_ns);
        return;
    }
    d->sockets = epoll_create1(EPOLL_CLOEXEC);
    if (d->sockets < 0 || loop_watch(&t->loop, &d->watch, d->sockets, EPOLLIN) < 0)
        fail(t, d, strerror(errno), false);
    else if (dial_begin(d))
        step(t, d);
    else
        send_home(t, d);
}

/* A look-up has ended: who waited for it begins, or, when there is no such host, fails as well. */
static void on_looked_up(struct loop_after *after)
{
    struct dialer_thread *t = (struct dialer_thread *)((char *)after - offsetof(struct dialer_thread, looked_up));
    struct dial *next;

    for (struct dial *d = t->first; d != NULL; d = next) {
        next = d->next;
        if (d->waits && !must_wait(t, d))
            begin(t, d);
    }
}

static void fail_waiting(struct dialer_thread *t, const struct dial *failed)
{
    struct dial *next;

    for (struct dial *d = t->first; d != NULL; d = next) {
        next = d->next;
        if (d->waits && strcmp(d->origin, failed->origin) == 0)
            fail(t, d, failed->why, false);
    }
}

static void step(struct dialer_thread *t, struct dial *d)
{
    bool knew = d->looked_up, over;
    int64_t wait_ns = -1;

    over = dial_step(d, &wait_ns);
    if (over && !d->looked_up && !d->timed_out)
        fail_waiting(t, d);
    else if (!knew && (over || d->looked_up) && !t->looked_up.queued)
        loop_after(&t->loop, &t->looked_up);
    if (over)
        send_home(t, d);
    else if (wait_ns >= 0)
        loop_timer_set(&t->loop, &d->timer, clock_ns() + wait_ns);
    else
        loop_timer_clear(&t->loop, &d->timer);
}

static void on_submit(struct loop_message *message)
{
    struct dial *d = (struct dial *)((char *)message - offsetof(struct dial, message));
    struct dialer_thread *t = d->thread;

    link_dial(t, d);
    if (t->ending)
        fail(t, d, "the gateway ends", false);
    else
        begin(t, d);
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
    struct dial *d = (struct dial *)((char *)watch - offsetof(struct dial, watch));

    (void)events;
    step(d->thread, d);
}

static void on_time(struct loop_timer *timer)
{
    struct dial *d = (struct dial *)((char *)timer - offsetof(struct dial, timer));

    if (d->waits)
        fail(d->thread, d, "the address of the host was not found in time", true);
    else
        step(d->thread, d);
}

static void on_end(struct loop_message *message)
{
    struct dialer_thread *t = (struct dialer_thread *)((char *)message - offsetof(struct dialer_thread, end));

    t->ending = true;
    while (t->first != NULL)
        fail(t, t->first, "the gateway ends", false);
    loop_stop(&t->loop);
}
