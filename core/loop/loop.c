/* loop.c - the rounds of one thread: events, then timers that are due, then what was put off.
 *
 * Messages come in through an eventfd that is watched edge-triggered: every write is an edge of
 * its own, so it is never read. Timers are in timer.c. */
#include "loop/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "loop/timer.h"

#ifdef GW_TINY
#define LOOP_BATCH 3
#else
#define LOOP_BATCH 256 /* events taken from the kernel at once */
#endif

static void wake_ready(struct loop_watch *watch, uint32_t events);
static bool run_messages(struct loop *l);
static bool run_afters(struct loop *l);

int loop_init(struct loop *l)
{
    int saved;

    memset(l, 0, sizeof *l);
    l->inbox_last = &l->inbox_first;
    l->after_last = &l->after_first;
    l->now_ns = clock_ns();
    l->wake_fd = -1;
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll_fd < 0)
        return -1;
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    l->wake.on_ready = wake_ready;
    if (l->wake_fd < 0 || loop_watch(l, &l->wake, l->wake_fd, EPOLLIN | EPOLLET) < 0) {
        saved = errno;
        if (l->wake_fd >= 0)
            close(l->wake_fd);
        close(l->epoll_fd);
        errno = saved;
        return -1;
    }
    pthread_mutex_init(&l->inbox_lock, NULL);
    return 0;
}

void loop_fini(struct loop *l)
{
    bool ran;

    do {
        ran = run_messages(l);
        ran = run_afters(l) || ran;
    } while (ran);
    loop_unwatch(l, &l->wake);
    close(l->wake_fd);
    close(l->epoll_fd);
    pthread_mutex_destroy(&l->inbox_lock);
    free(l->heap);
    l->heap = NULL;
}

/* How long the kernel may wait for events, in milliseconds rounded up. */
static int patience(const struct loop *l)
{
    int64_t due_ns, ms;

    if (l->after_first != NULL)
        return 0;
    if (l->timers == 0)
        return -1;
    due_ns = l->heap[1]->due_ns;
    if (due_ns <= l->now_ns)
        return 0;
    ms = (due_ns - l->now_ns + CLOCK_MS - 1) / CLOCK_MS;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

void loop_run(struct loop *l)
{
    struct epoll_event events[LOOP_BATCH];

    while (!l->stopping) {
        int count = epoll_wait(l->epoll_fd, events, LOOP_BATCH, patience(l));

        if (count < 0) {
            BUG_IF(errno != EINTR);
            count = 0;
        }
        l->now_ns = clock_ns();
        l->rounds++;
        l->batch = events;
        l->batch_count = count;
        for (l->batch_at = 0; l->batch_at < count; l->batch_at++) {
            struct loop_watch *w = events[l->batch_at].data.ptr;

            if (w != NULL)
                w->on_ready(w, events[l->batch_at].events);
        }
        l->batch = NULL;
        l->batch_count = 0;
        timer_run_due(l);
        run_afters(l);
    }
    l->stopping = false;
}

void loop_stop(struct loop *l)
{
    l->stopping = true;
}

int loop_watch(struct loop *l, struct loop_watch *w, int fd, uint32_t events)
{
    struct epoll_event event = { .events = events, .data = { .ptr = w } };

    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return -1;
    w->fd = fd;
    w->events = events;
    return 0;
}

int loop_rewatch(struct loop *l, struct loop_watch *w, uint32_t events)
{
    struct epoll_event event = { .events = events, .data = { .ptr = w } };

    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, w->fd, &event) < 0)
        return -1;
    w->events = events;
    return 0;
}

void loop_unwatch(struct loop *l, struct loop_watch *w)
{
    /* A registration belongs to the open file, not to the descriptor: it must go before the close,
     * or a duplicate would keep it alive. */
    epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
    for (int i = l->batch_at + 1; i < l->batch_count; i++)
        if (l->batch[i].data.ptr == w)
            l->batch[i].data.ptr = NULL;
}

void loop_after(struct loop *l, struct loop_after *a)
{
    BUG_IF(a->queued);
    a->queued = true;
    a->next = NULL;
    *l->after_last = a;
    l->after_last = &a->next;
}

/* What these queue in turn waits for the next round, so that sockets get their turn. */
static bool run_afters(struct loop *l)
{
    struct loop_after *a = l->after_first, *next;
    bool ran = a != NULL;

    l->after_first = NULL;
    l->after_last = &l->after_first;
    for (; a != NULL; a = next) {
        next = a->next;
        a->queued = false;
        a->on_after(a);
    }
    return ran;
}

void loop_post(struct loop *l, struct loop_message *m)
{
    static const uint64_t one = 1;
    bool was_empty;

    m->next = NULL;
    pthread_mutex_lock(&l->inbox_lock);
    was_empty = l->inbox_first == NULL;
    *l->inbox_last = m;
    l->inbox_last = &m->next;
    /* Inside the lock: once the message is seen, the loop may end and close the descriptor. */
    if (was_empty)
        while (write(l->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
            ;
    pthread_mutex_unlock(&l->inbox_lock);
}

static void wake_ready(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    run_messages((struct loop *)((char *)watch - offsetof(struct loop, wake)));
}

static bool run_messages(struct loop *l)
{
    struct loop_message *m, *next;

    pthread_mutex_lock(&l->inbox_lock);
    m = l->inbox_first;
    l->inbox_first = NULL;
    l->inbox_last = &l->inbox_first;
    pthread_mutex_unlock(&l->inbox_lock);
    if (m == NULL)
        return false;
    for (; m != NULL; m = next) {
        next = m->next;
        m->on_message(m);
    }
    return true;
}
