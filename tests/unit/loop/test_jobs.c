/* test_jobs.c - work on other threads, answers at home. */
#include "check.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "loop/jobs.h"

enum { JOBS = 300, THREADS = 5 };

struct work {
    struct job job;
    struct office *office;
    int number, square;
    int sleep_ms;
};

struct office {
    struct loop loop;
    struct jobs *jobs;
    struct loop_timer limit;
    pthread_t home;
    struct work work[JOBS];
    atomic_int running, most;
    int done, expected;
    bool late;
};

static void run(struct job *job)
{
    struct work *w = (struct work *)job;
    int running = atomic_fetch_add(&w->office->running, 1) + 1, most = atomic_load(&w->office->most);
    struct timespec nap = {.tv_nsec = (long)w->sleep_ms * 1000000};

    while (running > most && !atomic_compare_exchange_weak(&w->office->most, &most, running))
        ;
    nanosleep(&nap, NULL);
    w->square = w->number * w->number;
    atomic_fetch_sub(&w->office->running, 1);
}

static void on_done(struct job *job)
{
    struct work *w = (struct work *)job;

    cr_assert(pthread_equal(pthread_self(), w->office->home));
    cr_assert_eq(w->square, w->number * w->number);
    w->square = -1; /* a second time would be seen */
    if (++w->office->done == w->office->expected)
        loop_stop(&w->office->loop);
}

static void too_late(struct loop_timer *timer)
{
    struct office *o = (struct office *)((char *)timer - offsetof(struct office, limit));

    o->late = true;
    loop_stop(&o->loop);
}

static struct office *open_office(void)
{
    struct office *o = calloc(1, sizeof *o);

    cr_assert_eq(loop_init(&o->loop), 0);
    o->jobs = jobs_new(THREADS, "test-jobs");
    o->home = pthread_self();
    o->limit.on_time = too_late;
    loop_timer_set(&o->loop, &o->limit, o->loop.now_ns + 20 * CLOCK_S);
    for (int i = 0; i < JOBS; i++)
        o->work[i] = (struct work){
            .job = {.run = run, .on_done = on_done, .home = &o->loop},
              .office = o, .number = i, .sleep_ms = 1
        };
    return o;
}

static void close_office(struct office *o)
{
    loop_timer_clear(&o->loop, &o->limit);
    jobs_free(o->jobs);
    loop_fini(&o->loop);
    cr_assert_not(o->late);
    cr_assert_eq(o->done, o->expected);
    free(o);
}

Test(jobs, run_on_other_threads_and_answer_at_home)
{
    struct office *o = open_office();

    o->expected = JOBS;
    for (int i = 0; i < JOBS; i++)
        jobs_submit(o->jobs, &o->work[i].job);
    loop_run(&o->loop);
    cr_assert_leq(atomic_load(&o->most), THREADS);
    cr_assert_geq(atomic_load(&o->most), 2);
    close_office(o);
}

Test(jobs, start_a_thread_while_another_is_busy)
{
    struct office *o = open_office();

    o->expected = 2;
    o->work[0].sleep_ms = o->work[1].sleep_ms = 100;
    jobs_submit(o->jobs, &o->work[0].job);
    jobs_submit(o->jobs, &o->work[1].job);
    loop_run(&o->loop);
    cr_assert_eq(atomic_load(&o->most), 2);
    close_office(o);
}

Test(jobs, that_are_queued_at_the_end_still_run)
{
    struct office *o = open_office();

    o->expected = 50;
    for (int i = 0; i < 50; i++)
        jobs_submit(o->jobs, &o->work[i].job);
    close_office(o); /* without one round of the loop before */
}
