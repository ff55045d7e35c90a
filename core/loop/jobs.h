/* jobs.h - a few threads for what takes longer than a loop may be kept.
 *
 * Jobs wait in lanes, one for each loop, which take turns: a worker with many jobs does not keep another's waiting. Within a lane
 * the first comes first. A job that does not return keeps its thread for ever. */
#ifndef LOOP_JOBS_H
#define LOOP_JOBS_H

#include <stdbool.h>
#include <stddef.h>

#include "loop/loop.h"

struct arena;
struct jobs;

/* Embedded in its owner; taken from jobs_put() until on_done() is called, or jobs_take_back() has returned true. */
struct job {
    /* On a job thread. `scratch` is that thread's own memory: empty, and reset by the thread after the job. */
    void (*run)(struct job *job, struct arena *scratch);
    void (*on_done)(struct job *job); /* on the thread of `home`, after run() */
    struct loop *home;
    /* of jobs.c */
    unsigned lane;
    bool queued;
    struct job *next;
    struct loop_message back;
};

struct jobs_settings {
    unsigned threads, lanes;
    size_t scratch_first, scratch_max; /* bytes of each thread's scratch: kept between jobs; of one job at most */
};

/* Given: jobs_free(). NULL with errno when a thread cannot be started. */
struct jobs *jobs_new(const struct jobs_settings *settings);
/* No job may be queued or running. Waits for the threads. */
void jobs_free(struct jobs *jobs);
/* Any thread. */
void jobs_put(struct jobs *jobs, unsigned lane, struct job *job);
/* True: it had not begun, and is the caller's again. False: it runs or has run, and on_done() comes. The thread of `home`. */
bool jobs_take_back(struct jobs *jobs, struct job *job);

#endif
