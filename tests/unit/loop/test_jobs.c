/* test_jobs.c - jobs run on other threads, in turn, and come home. */
#include "check.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "loop/jobs.h"

enum { MANY = 200 };

struct task {
    struct job job;
    struct bench *bench;
    pthread_t ran_on;
    unsigned order; /* in which it ran; from 1 */
    bool stands;    /* until the test lets it go */
    bool is_home;
};

/* One loop, whose thread is the test's. */
struct bench {
    struct loop loop;
    struct loop_timer limit;
    struct jobs *jobs;
    pthread_t thread;
    sem_t begun, go;
    unsigned home, wanted;
    bool late;
    struct task tasks[MANY];
};

static _Atomic unsigned order;
static struct bench bench;

static void on_limit(struct loop_timer *timer)
{
    (void)timer;
    bench.late = true;
    loop_stop(&bench.loop);
}

static void run(struct job *job, struct arena *scratch)
{
    struct task *task = (struct task *)(void *)job;
    if (task->stands) {
        sem_post(&bench.begun);
        sem_wait(&bench.go);
    }
    cr_assert_eq(scratch->used, 0u, "scratch is empty at the begin of each");
    arena_alloc(scratch, 10000);
    task->order = ++order;
    task->ran_on = pthread_self();
}

static void on_done(struct job *job)
{
    struct task *task = (struct task *)(void *)job;
    cr_assert(pthread_equal(pthread_self(), bench.thread));
    cr_assert_not(task->is_home);
    task->is_home = true;
    if (++bench.home == bench.wanted)
        loop_stop(&bench.loop);
}

static void begin(unsigned threads, unsigned lanes)
{
    bench = (struct bench){ .thread = pthread_self() };
    order = 0;
    cr_assert_eq(loop_init(&bench.loop), 0);
    bench.limit.on_time = on_limit;
    loop_timer_set(&bench.loop, &bench.limit, clock_ns() + 20 * CLOCK_S);
    sem_init(&bench.begun, 0, 0);
    sem_init(&bench.go, 0, 0);
    bench.jobs = jobs_new(
        &(struct jobs_settings){ .threads = threads, .lanes = lanes, .scratch_first = 4096, .scratch_max = 1 << 20 });
    cr_assert_not_null(bench.jobs);
}

static struct task *put(unsigned i, unsigned lane, bool stands)
{
    struct task *task = &bench.tasks[i];
    task->stands = stands;
    task->job = (struct job){ .run = run, .on_done = on_done, .home = &bench.loop };
    jobs_put(bench.jobs, lane, &task->job);
    return task;
}

static void wait_for(unsigned wanted)
{
    bench.wanted = wanted;
    if (bench.home < wanted)
        loop_run(&bench.loop);
    cr_assert_not(bench.late);
    cr_assert_eq(bench.home, wanted);
}

static void end(unsigned wanted)
{
    wait_for(wanted);
    jobs_free(bench.jobs);
    loop_timer_clear(&bench.loop, &bench.limit);
    loop_fini(&bench.loop);
}

Test(jobs, run_elsewhere_and_come_home)
{
    begin(2, 3);
    for (unsigned i = 0; i < MANY; i++)
        put(i, i % 3, false);
    end(MANY);
    for (unsigned i = 0; i < MANY; i++)
        cr_assert_not(pthread_equal(bench.tasks[i].ran_on, bench.thread));
}

Test(jobs, of_one_lane_do_not_keep_another_waiting)
{
    begin(1, 3);
    put(0, 0, true);
    sem_wait(&bench.begun);
    for (unsigned i = 1; i <= 10; i++)
        put(i, 0, false);
    struct task *other = put(11, 2, false), *third = put(12, 1, false);
    sem_post(&bench.go);
    end(13);
    cr_assert_leq(other->order, 3u);
    cr_assert_leq(third->order, 3u);
    for (unsigned i = 2; i <= 10; i++)
        cr_assert_gt(bench.tasks[i].order, bench.tasks[i - 1].order, "the first comes first");
}

Test(jobs, are_taken_back_until_they_begin)
{
    for (unsigned which = 1; which <= 3; which++) { /* the first, the middle, the last of a lane */
        begin(1, 1);
        struct task *running = put(0, 0, true);
        sem_wait(&bench.begun);
        for (unsigned i = 1; i <= 3; i++)
            put(i, 0, false);
        cr_assert_not(jobs_take_back(bench.jobs, &running->job));
        cr_assert(jobs_take_back(bench.jobs, &bench.tasks[which].job));
        cr_assert_not(jobs_take_back(bench.jobs, &bench.tasks[which].job));
        put(4, 0, false);
        sem_post(&bench.go);
        wait_for(4);
        cr_assert_eq(bench.tasks[which].order, 0u);
        cr_assert_not(jobs_take_back(bench.jobs, &running->job), "it has run");
        end(4);
    }
}
