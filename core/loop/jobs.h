/* jobs.h - threads for what blocks: dialling, later SQL and network caches. */
#ifndef LOOP_JOBS_H
#define LOOP_JOBS_H

#include "loop/loop.h"

/* One piece of work. Embedded in its owner; taken until on_done ran on `home`. */
struct job {
    void (*run)(struct job *job);     /* on a job thread */
    void (*on_done)(struct job *job); /* on the thread of `home` */
    struct loop *home;
    struct job *next;
    struct loop_message message; /* used by jobs.c */
};

struct jobs;

/* Threads are started when work waits and none is idle, up to `max_threads`, and end after
 * 30 idle seconds. */
struct jobs *jobs_new(unsigned max_threads, const char *name);
/* Waits for running jobs; queued ones still run. Every home loop must still be alive. */
void jobs_free(struct jobs *jobs);
/* Any thread. `job` is taken. */
void jobs_submit(struct jobs *jobs, struct job *job);

#endif
