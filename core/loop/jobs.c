/* jobs.c - the threads that take jobs, and the lanes in which these wait. */
#include "loop/jobs.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/fail.h"

struct lane {
    struct job *first, **last;
};

struct jobs {
    struct jobs_settings settings;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct lane *lanes;
    unsigned turn; /* the lane that is looked at first */
    bool stopping;
    unsigned started;
    pthread_t threads[];
};

/* The next job, or NULL. The lock is held. */
static struct job *take(struct jobs *jobs)
{
    for (unsigned i = 0; i < jobs->settings.lanes; i++) {
        struct lane *lane = &jobs->lanes[(jobs->turn + i) % jobs->settings.lanes];
        struct job *job = lane->first;
        if (job == NULL)
            continue;
        lane->first = job->next;
        if (lane->first == NULL)
            lane->last = &lane->first;
        job->queued = false;
        jobs->turn = (job->lane + 1) % jobs->settings.lanes;
        return job;
    }
    return NULL;
}

static void on_back(struct loop_message *message)
{
    struct job *job = (struct job *)(void *)((char *)message - offsetof(struct job, back));
    job->on_done(job);
}

static void *work(void *arg)
{
    struct jobs *jobs = arg;
    struct arena scratch;
    struct job *job;
    void *first = malloc(jobs->settings.scratch_first);

    BUG_IF(first == NULL);
    arena_init(&scratch, first, jobs->settings.scratch_first, jobs->settings.scratch_max);
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping) {
        job = take(jobs);
        if (job == NULL) {
            pthread_cond_wait(&jobs->wake, &jobs->lock);
            continue;
        }
        pthread_mutex_unlock(&jobs->lock);
        job->run(job, &scratch);
        arena_reset(&scratch);
        job->back.on_message = on_back;
        loop_post(job->home, &job->back); /* its owner may free it from here on */
        pthread_mutex_lock(&jobs->lock);
    }
    pthread_mutex_unlock(&jobs->lock);
    arena_fini(&scratch);
    free(first);
    crypto_thread_end();
    return NULL;
}

/* No signal reaches it. 0, or an error number. */
static int start_thread(struct jobs *jobs, unsigned index)
{
    sigset_t all, before;
    char name[16];

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* for the new thread */
    int error = pthread_create(&jobs->threads[index], NULL, work, jobs);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        return error;
    jobs->started++;
    snprintf(name, sizeof name, "gw-job-%u", index % 10000);
    pthread_setname_np(jobs->threads[index], name);
    return 0;
}

struct jobs *jobs_new(const struct jobs_settings *settings)
{
    struct jobs *jobs = calloc(1, sizeof *jobs + settings->threads * sizeof *jobs->threads);
    int error = 0;

    BUG_IF(jobs == NULL || settings->threads == 0 || settings->lanes == 0);
    jobs->settings = *settings;
    jobs->lanes = calloc(settings->lanes, sizeof *jobs->lanes);
    BUG_IF(jobs->lanes == NULL);
    for (unsigned i = 0; i < settings->lanes; i++)
        jobs->lanes[i].last = &jobs->lanes[i].first;
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_cond_init(&jobs->wake, NULL);
    for (unsigned i = 0; i < settings->threads && error == 0; i++)
        error = start_thread(jobs, i);
    if (error == 0)
        return jobs;
    jobs_free(jobs);
    errno = error;
    return NULL;
}

void jobs_free(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    for (unsigned i = 0; i < jobs->settings.lanes; i++)
        BUG_IF(jobs->lanes[i].first != NULL);
    jobs->stopping = true;
    pthread_cond_broadcast(&jobs->wake);
    pthread_mutex_unlock(&jobs->lock);
    for (unsigned i = 0; i < jobs->started; i++)
        pthread_join(jobs->threads[i], NULL);
    pthread_cond_destroy(&jobs->wake);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs->lanes);
    free(jobs);
}

void jobs_put(struct jobs *jobs, unsigned lane, struct job *job)
{
    pthread_mutex_lock(&jobs->lock);
    BUG_IF(lane >= jobs->settings.lanes || job->queued || jobs->stopping);
    job->lane = lane;
    job->queued = true;
    job->next = NULL;
    *jobs->lanes[lane].last = job;
    jobs->lanes[lane].last = &job->next;
    pthread_cond_signal(&jobs->wake);
    pthread_mutex_unlock(&jobs->lock);
}

bool jobs_take_back(struct jobs *jobs, struct job *job)
{
    pthread_mutex_lock(&jobs->lock);
    bool queued = job->queued;
    struct lane *lane = &jobs->lanes[job->lane];
    struct job **at = &lane->first;
    while (queued && *at != job)
        at = &(*at)->next;
    if (queued) {
        *at = job->next;
        if (*at == NULL)
            lane->last = at;
        job->queued = false;
    }
    pthread_mutex_unlock(&jobs->lock);
    return queued;
}
