/* jobs.c - threads that wait so that a loop need not. One queue, first come, first served. */
#include "loop/jobs.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/fail.h"

#define JOBS_IDLE_S 30 /* a thread that had nothing to do for so long ends */

/* One thread. Moves itself to the list of ended ones; who comes by joins it. */
struct jobs_thread {
    pthread_t id;
    struct jobs *jobs;
    struct jobs_thread *next;
};

struct jobs {
    pthread_mutex_t lock;
    pthread_cond_t work;    /* a job was queued, or the end was called */
    pthread_cond_t all_end; /* the last thread ends */
    struct job *first, **last;
    struct jobs_thread *ended;
    unsigned threads, idle, max_threads;
    unsigned queued;
    bool ending;
    char name[16]; /* as the kernel limits it */
};

static void *thread_main(void *arg);

struct jobs *jobs_new(unsigned max_threads, const char *name)
{
    struct jobs *jobs = calloc(1, sizeof *jobs);
    pthread_condattr_t monotonic;

    BUG_IF(jobs == NULL || max_threads == 0);
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&jobs->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_cond_init(&jobs->all_end, NULL);
    jobs->last = &jobs->first;
    jobs->max_threads = max_threads;
    snprintf(jobs->name, sizeof jobs->name, "%s", name);
    return jobs;
}

/* Without the lock: joining waits for the thread's last instructions only. */
static void join_ended(struct jobs_thread *ended)
{
    while (ended != NULL) {
        struct jobs_thread *next = ended->next;

        pthread_join(ended->id, NULL);
        free(ended);
        ended = next;
    }
}

void jobs_free(struct jobs *jobs)
{
    struct jobs_thread *ended;

    pthread_mutex_lock(&jobs->lock);
    jobs->ending = true;
    pthread_cond_broadcast(&jobs->work);
    while (jobs->threads > 0)
        pthread_cond_wait(&jobs->all_end, &jobs->lock);
    ended = jobs->ended;
    pthread_mutex_unlock(&jobs->lock);
    join_ended(ended);
    pthread_cond_destroy(&jobs->work);
    pthread_cond_destroy(&jobs->all_end);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}

/* With the lock held. Signals are for the main thread, so they are blocked in ours. */
static bool start_thread(struct jobs *jobs)
{
    struct jobs_thread *thread = calloc(1, sizeof *thread);
    sigset_t all, before;
    int error;

    BUG_IF(thread == NULL);
    thread->jobs = jobs;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread->id, NULL, thread_main, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        free(thread);
        return false;
    }
    pthread_setname_np(thread->id, jobs->name);
    jobs->threads++;
    return true;
}

static void finish(struct loop_message *message)
{
    struct job *job = (struct job *)((char *)message - offsetof(struct job, message));

    job->on_done(job);
}

static void run(struct job *job)
{
    struct loop *home = job->home;

    job->run(job);
    job->message.on_message = finish;
    loop_post(home, &job->message);
}

void jobs_submit(struct jobs *jobs, struct job *job)
{
    struct jobs_thread *ended;
    bool here = false;

    job->next = NULL;
    pthread_mutex_lock(&jobs->lock);
    BUG_IF(jobs->ending);
    ended = jobs->ended;
    jobs->ended = NULL;
    *jobs->last = job;
    jobs->last = &job->next;
    jobs->queued++;
    if (jobs->queued > jobs->idle && jobs->threads < jobs->max_threads && !start_thread(jobs) && jobs->threads == 0) {
        /* No thread can be had and none will come by: slow is better than never. */
        jobs->first = NULL;
        jobs->last = &jobs->first;
        jobs->queued = 0;
        here = true;
    } else {
        pthread_cond_signal(&jobs->work);
    }
    pthread_mutex_unlock(&jobs->lock);
    if (here)
        run(job);
    join_ended(ended);
}

/* The next job, or NULL when it is time to end. With the lock held. */
static struct job *wait_for_job(struct jobs *jobs)
{
    struct job *job;
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += JOBS_IDLE_S;
    while (jobs->first == NULL) {
        int error;

        if (jobs->ending)
            return NULL;
        jobs->idle++;
        error = pthread_cond_timedwait(&jobs->work, &jobs->lock, &until);
        jobs->idle--;
        if (error == ETIMEDOUT && jobs->first == NULL)
            return NULL;
    }
    job = jobs->first;
    jobs->first = job->next;
    if (jobs->first == NULL)
        jobs->last = &jobs->first;
    jobs->queued--;
    return job;
}

static void *thread_main(void *arg)
{
    struct jobs_thread *thread = arg;
    struct jobs *jobs = thread->jobs;
    struct job *job;

    pthread_mutex_lock(&jobs->lock);
    while ((job = wait_for_job(jobs)) != NULL) {
        pthread_mutex_unlock(&jobs->lock);
        run(job);
        pthread_mutex_lock(&jobs->lock);
    }
    thread->next = jobs->ended;
    jobs->ended = thread;
    if (--jobs->threads == 0)
        pthread_cond_signal(&jobs->all_end);
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}
