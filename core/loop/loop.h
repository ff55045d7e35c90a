/* loop.h - one thread's event loop: sockets, timers, and messages from other threads.
 *
 * Everything here belongs to the thread that runs loop_run(); only loop_post() may be
 * called from elsewhere. Callbacks run one after another and must not block. */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Something with a file descriptor. Embedded in its owner; kept while watched. */
struct loop_watch {
    void (*on_ready)(struct loop_watch *watch, uint32_t epoll_events);
    int fd;
    uint32_t events; /* as registered */
};

/* One deadline. Embedded in its owner; armed at most once at a time. */
struct loop_timer {
    void (*on_time)(struct loop_timer *timer);
    int64_t due_ns; /* monotonic */
    size_t slot;    /* 1-based place in the heap, 0 when not armed */
};

/* A message to the loop. Embedded in its owner; taken until on_message ran on the loop's thread. */
struct loop_message {
    void (*on_message)(struct loop_message *message);
    struct loop_message *next;
};

/* Work that runs once after the current batch of events, never inside loop_after() itself: the place to
 * free what an event of the same batch may still name, and to call back whoever is on the stack now.
 * When no loop is running it waits for the next loop_run() or loop_fini(). Embedded, kept until it ran. */
struct loop_after {
    void (*on_after)(struct loop_after *after);
    struct loop_after *next;
    bool queued;
};

struct epoll_event;

struct loop {
    int epoll_fd, wake_fd;
    struct loop_watch wake;
    struct loop_timer **heap; /* 1-based binary heap */
    size_t timers, heap_cap;
    pthread_mutex_t inbox_lock;
    struct loop_message *inbox_first, **inbox_last;
    struct loop_after *after_first, **after_last;
    struct epoll_event *batch; /* what is left of the batch being handled; loop_unwatch() clears entries */
    int batch_at, batch_count;
    int64_t now_ns;  /* taken once per round */
    uint64_t rounds; /* batches handled so far */
    bool stopping;
};

/* 0, or -1 with errno (no descriptors left). */
int loop_init(struct loop *l);
/* Messages and afters that are still queued run now; nothing may be posted any more. */
void loop_fini(struct loop *l);
/* Until loop_stop(), the round in which that is called being the last. May be run again. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l); /* the loop's thread */

/* EPOLL* events; edge-triggered only when the caller asks for EPOLLET. 0, or -1 with errno. */
int loop_watch(struct loop *l, struct loop_watch *w, int fd, uint32_t events);
int loop_rewatch(struct loop *l, struct loop_watch *w, uint32_t events);
/* Call before closing the fd. Events of this batch that name `w` are dropped. */
void loop_unwatch(struct loop *l, struct loop_watch *w);

/* Arms, or moves, the timer. */
void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t due_ns);
void loop_timer_clear(struct loop *l, struct loop_timer *t);

void loop_after(struct loop *l, struct loop_after *a);
/* Any thread: `m` is taken and its on_message runs on the loop's thread. */
void loop_post(struct loop *l, struct loop_message *m);

#endif
