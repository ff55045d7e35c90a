/* test_loop.c - watches, timers, messages and what is put off, on one thread and from others. */
#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/loop.h"

/* One loop and a deadline, so that no test hangs. */
struct bench {
    struct loop loop;
    struct loop_timer limit;
    bool late;
};

static void too_late(struct loop_timer *timer)
{
    struct bench *b = (struct bench *)((char *)timer - offsetof(struct bench, limit));

    b->late = true;
    loop_stop(&b->loop);
}

static void begin(struct bench *b)
{
    memset(b, 0, sizeof *b);
    cr_assert_eq(loop_init(&b->loop), 0);
    b->limit.on_time = too_late;
    loop_timer_set(&b->loop, &b->limit, b->loop.now_ns + 20 * CLOCK_S);
}

static void end(struct bench *b)
{
    cr_assert_not(b->late, "the loop ran into its time limit");
    loop_timer_clear(&b->loop, &b->limit);
    loop_fini(&b->loop);
}

/* --- timers --- */

enum { TIMERS = 1000 };

struct ringer {
    struct loop_timer timer;
    struct ring *ring;
};

struct ring {
    struct bench bench;
    struct ringer each[TIMERS];
    unsigned rang, expected;
    int64_t last_due;
    bool in_order;
};

static void on_ring(struct loop_timer *timer)
{
    struct ring *ring = ((struct ringer *)timer)->ring;

    ring->in_order = ring->in_order && timer->due_ns >= ring->last_due && timer->due_ns <= ring->bench.loop.now_ns;
    ring->last_due = timer->due_ns;
    if (++ring->rang == ring->expected)
        loop_stop(&ring->bench.loop);
}

Test(loop, rings_timers_in_order_whatever_was_set_moved_and_cleared)
{
    struct ring *ring = calloc(1, sizeof *ring);
    unsigned seed = 7;

    begin(&ring->bench);
    ring->in_order = true;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < TIMERS; i++) {
            ring->each[i].timer.on_time = on_ring;
            ring->each[i].ring = ring;
            loop_timer_set(&ring->bench.loop, &ring->each[i].timer,
                           ring->bench.loop.now_ns + (int64_t)(rand_r(&seed) % 50000) * 1000);
        }
    }
    ring->expected = TIMERS;
    for (int i = 0; i < TIMERS; i++) {
        if (rand_r(&seed) % 3 != 0)
            continue;
        loop_timer_clear(&ring->bench.loop, &ring->each[i].timer);
        loop_timer_clear(&ring->bench.loop, &ring->each[i].timer);
        ring->expected--;
    }
    loop_run(&ring->bench.loop);
    cr_assert_eq(ring->rang, ring->expected);
    cr_assert(ring->in_order);
    for (int i = 0; i < TIMERS; i++)
        cr_assert_eq(ring->each[i].timer.slot, 0);
    end(&ring->bench);
    free(ring);
}

struct again {
    struct bench bench;
    struct loop_timer timer;
    int times;
};

static void on_again(struct loop_timer *timer)
{
    struct again *a = (struct again *)((char *)timer - offsetof(struct again, timer));

    if (++a->times == 5)
        loop_stop(&a->bench.loop);
    else
        loop_timer_set(&a->bench.loop, timer, a->bench.loop.now_ns); /* due at once */
}

Test(loop, goes_on_with_a_timer_that_is_always_due)
{
    struct again a = { .times = 0 };

    begin(&a.bench);
    a.timer = (struct loop_timer){ .on_time = on_again };
    loop_timer_set(&a.bench.loop, &a.timer, 0);
    loop_run(&a.bench.loop);
    cr_assert_eq(a.times, 5);
    cr_assert_geq(a.bench.loop.rounds, 3);
    end(&a.bench);
}

/* --- watches --- */

struct crowd;

struct member {
    struct loop_watch watch;
    struct loop_after after;
    struct crowd *crowd;
    int theirs;
};

struct crowd {
    struct bench bench;
    struct member *members[2];
    int ready, freed;
};

static void free_member(struct loop_after *after)
{
    struct member *m = (struct member *)((char *)after - offsetof(struct member, after));

    m->crowd->freed++;
    memset(m, 0xAA, sizeof *m);
    free(m);
}

static void send_away(struct member *m)
{
    loop_unwatch(&m->crowd->bench.loop, &m->watch);
    close(m->watch.fd);
    close(m->theirs);
    loop_after(&m->crowd->bench.loop, &m->after);
}

/* Whoever comes first does away with both. */
static void on_either(struct loop_watch *watch, uint32_t events)
{
    struct member *m = (struct member *)watch;
    struct crowd *crowd = m->crowd;

    cr_assert((events & EPOLLIN) != 0);
    crowd->ready++;
    send_away(crowd->members[0]);
    send_away(crowd->members[1]);
    loop_stop(&crowd->bench.loop);
}

static struct member *new_member(struct crowd *crowd)
{
    struct member *m = calloc(1, sizeof *m);
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    m->crowd = crowd;
    m->theirs = fds[1];
    m->watch.on_ready = on_either;
    m->after.on_after = free_member;
    cr_assert_eq(loop_watch(&crowd->bench.loop, &m->watch, fds[0], EPOLLIN), 0);
    cr_assert_eq(write(m->theirs, "x", 1), 1);
    return m;
}

Test(loop, drops_the_events_of_a_watch_that_went_in_the_same_batch)
{
    struct crowd crowd = { .ready = 0 };

    begin(&crowd.bench);
    crowd.members[0] = new_member(&crowd);
    crowd.members[1] = new_member(&crowd);
    loop_run(&crowd.bench.loop);
    cr_assert_eq(crowd.ready, 1);
    cr_assert_eq(crowd.freed, 2);
    end(&crowd.bench);
}

/* --- messages --- */

enum { SENDERS = 4, EACH = 5000 };

struct post {
    struct loop_message message;
    struct mail *mail;
    int sender, number;
};

struct mail {
    struct bench bench;
    struct post posts[SENDERS][EACH];
    int next[SENDERS];
    int got;
    bool in_order;
};

static void on_post(struct loop_message *message)
{
    struct post *post = (struct post *)message;
    struct mail *mail = post->mail;

    mail->in_order = mail->in_order && mail->next[post->sender]++ == post->number;
    if (++mail->got == SENDERS * EACH)
        loop_stop(&mail->bench.loop);
}

static void *send_posts(void *arg)
{
    struct post *posts = arg;

    for (int i = 0; i < EACH; i++)
        loop_post(&posts[i].mail->bench.loop, &posts[i].message);
    return NULL;
}

Test(loop, gets_every_message_of_every_thread_in_that_threads_order)
{
    struct mail *mail = calloc(1, sizeof *mail);
    pthread_t threads[SENDERS];

    begin(&mail->bench);
    mail->in_order = true;
    for (int s = 0; s < SENDERS; s++) {
        for (int i = 0; i < EACH; i++)
            mail->posts[s][i] =
                (struct post){ .message = { .on_message = on_post }, .mail = mail, .sender = s, .number = i };
        cr_assert_eq(pthread_create(&threads[s], NULL, send_posts, mail->posts[s]), 0);
    }
    loop_run(&mail->bench.loop);
    for (int s = 0; s < SENDERS; s++)
        pthread_join(threads[s], NULL);
    cr_assert_eq(mail->got, SENDERS * EACH);
    cr_assert(mail->in_order);
    end(&mail->bench);
    free(mail);
}

/* --- what is put off --- */

struct later {
    struct bench bench;
    struct loop_after after;
    struct loop_message message;
    int times;
    bool inside;
};

static void on_later(struct loop_after *after)
{
    struct later *l = (struct later *)((char *)after - offsetof(struct later, after));

    cr_assert_not(l->inside, "called from inside loop_after()");
    cr_assert_not(after->queued);
    if (++l->times == 3) {
        loop_stop(&l->bench.loop);
        return;
    }
    l->inside = true;
    loop_after(&l->bench.loop, after);
    l->inside = false;
}

Test(loop, runs_what_is_put_off_after_the_batch_and_never_at_once)
{
    struct later l = { .times = 0 };

    begin(&l.bench);
    l.after.on_after = on_later;
    l.inside = true;
    loop_after(&l.bench.loop, &l.after);
    l.inside = false;
    cr_assert_eq(l.times, 0);
    loop_run(&l.bench.loop);
    cr_assert_eq(l.times, 3);
    cr_assert_leq(l.bench.loop.rounds, 3);
    end(&l.bench);
}

static void on_last_message(struct loop_message *message)
{
    struct later *l = (struct later *)((char *)message - offsetof(struct later, message));

    l->times = 2; /* the next one is the third and queues no more */
    loop_after(&l->bench.loop, &l->after);
}

Test(loop, delivers_what_is_left_when_it_ends)
{
    struct later l = { .times = 0 };

    begin(&l.bench);
    l.after.on_after = on_later;
    l.message.on_message = on_last_message;
    loop_post(&l.bench.loop, &l.message);
    end(&l.bench);
    cr_assert_eq(l.times, 3);
}

static void stop_it(struct loop_after *after)
{
    struct later *l = (struct later *)((char *)after - offsetof(struct later, after));

    l->times++;
    loop_stop(&l->bench.loop);
}

Test(loop, can_be_run_again)
{
    struct later l = { .times = 0 };

    begin(&l.bench);
    l.after.on_after = stop_it;
    for (int i = 1; i <= 3; i++) {
        loop_after(&l.bench.loop, &l.after);
        loop_run(&l.bench.loop);
        cr_assert_eq(l.times, i);
    }
    end(&l.bench);
}
