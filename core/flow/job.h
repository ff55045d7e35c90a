/* job.h - work that takes long, away from the loop: a large body is checked, translated and written on a job thread
 * (loop/jobs.h) while the request waits, so that the other requests of its worker go on. Small work is done at once.
 *
 * The contract between the loop and a job that is out (job_is_out()):
 *  - The request and its attempt belong to the job thread: arena, body, ask, answer, usage, the buffers, the plugin's call.
 *    The loop touches the wait, the row, and what reports that the client has left (gone, client, failed, failed_row, fail), which
 *    no job looks at; so a job's failure has a place of its own, and row and wait are no business of a job.
 *  - What may happen in the loop meanwhile: the client leaves (request.c: only noted; a job that still queues is taken back,
 *    one that runs is waited for, and the request lives until then), the door has drained (ignored: no answer has begun), the
 *    timer of keep-alive comments (answer.c: comes again later), a shutdown (as a client that leaves; the worker does not end
 *    before its last request has). No transfer runs and no other timer is set: a job is not begun beside one.
 *  - Plugins: build() and read() of one call may so run on different threads, one after another; a step's memory is the
 *    thread's own `scratch`, never the worker's, and a plugin that does not return is named as on a worker (plugin/watch.h).
 *  - Memory: what the job allocates for the request is in the request's arena and counts for limits.memory_mb as always; an arena
 *    that is full is noticed when the job is back. Scratch is bounded for each thread as the worker's is.
 */
#ifndef FLOW_JOB_H
#define FLOW_JOB_H

#include <stdbool.h>
#include <stddef.h>

#include "flow/wait.h"
#include "loop/jobs.h"

struct arena;
struct fail;
struct gateway;
struct request;

/* One piece of work: NEXT, or FAIL with *fail. `scratch` is the thread's own: reset before the work returns. */
typedef enum next (*job_work)(struct request *req, struct arena *scratch, struct fail *fail);

/* Of one request; zeroed at its begin. */
struct request_job {
    struct job job;
    job_work work;
    enum next result;
    struct fail *fail; /* of work that was a job; arena */
    uint32_t wait;
};

/* A row: runs `work`, which has to do with `bytes` bytes. Where they are few at once, and returns NEXT; where they are many as
 * a job, and returns WAIT. The next row asks job_result(). Worker's thread. */
enum next job_run(struct request *req, size_t bytes, job_work work);
/* What the work returned; with FAIL, req->fail is filled in. Worker's thread. */
enum next job_result(struct request *req);
/* Has a job thread the request, or will it have it? Worker's thread. */
bool job_is_out(const struct request *req);

/* Starts the threads, for `workers` workers, and sets from how many bytes on they are used. 0, or -1 with errno. Boot thread. */
int job_start(struct gateway *gateway, unsigned workers);
/* When no request is alive. Also when they were not started. Boot thread. */
void job_stop(struct gateway *gateway);

#endif
