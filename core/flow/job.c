/* job.c - large work of a request on a job thread, small work at once. */
#include "flow/job.h"

#include <stdlib.h>

#include "flow/way.h"

enum {
    THREADS = 2,
    /* What takes about a millisecond: checking and translating 1 MB costs 2 to 6 ms (core/README.md). */
    LARGE = 256 << 10,
};

static bool take_back(struct request *req)
{
    return jobs_take_back(req->worker->gateway->jobs, &req->job.job);
}

static const struct wait_kind for_job = { .name = "job", .is_ours = true, .cancel = take_back };

static struct request *request_of(struct job *job)
{
    return (struct request *)(void *)((char *)job - offsetof(struct request, job.job));
}

/* A job thread. */
static void run(struct job *job, struct arena *scratch)
{
    struct request *req = request_of(job);
    req->job.result = req->job.work(req, scratch, req->job.fail);
}

static void on_done(struct job *job)
{
    struct request *req = request_of(job);
    CHECK(req, REQUEST);
    wait_end(req, req->job.wait);
}

enum next job_run(struct request *req, size_t bytes, job_work work)
{
    struct worker *worker = req->worker;
    struct request_job *job = &req->job;
    job->work = work;
    job->fail = NULL;
    if (worker->gateway->jobs == NULL || bytes < worker->gateway->job_bytes) {
        job->result = work(req, &worker->scratch, &req->fail);
        return NEXT;
    }
    job->fail = arena_new(&req->arena, struct fail);
    job->job = (struct job){ .run = run, .on_done = on_done, .home = &worker->loop };
    way_debug(req, "%zu bytes: a job", bytes);
    job->wait = wait_begin(req, &for_job);
    jobs_put(worker->gateway->jobs, worker->index, &job->job); /* from here on the request is the job's */
    return WAIT;
}

enum next job_result(struct request *req)
{
    BUG_IF(job_is_out(req) || req->job.work == NULL);
    req->job.work = NULL;
    if (req->job.result == FAIL && req->job.fail != NULL)
        req->fail = *req->job.fail;
    return req->job.result;
}

bool job_is_out(const struct request *req)
{
    return req->wait.kind == &for_job;
}

/* In builds for tests another bound can be asked for, so that small requests go that way too. */
static size_t large(void)
{
#ifdef GW_TEST_BUILD
    const char *bytes = getenv("GW_JOB_BYTES");
    if (bytes != NULL)
        return strtoul(bytes, NULL, 10);
#endif
#ifdef GW_TINY
    return 1;
#else
    return LARGE;
#endif
}

int job_start(struct gateway *gateway, unsigned workers)
{
    gateway->job_bytes = large();
    gateway->jobs = jobs_new(&(struct jobs_settings){
        .threads = THREADS, .lanes = workers, .scratch_first = SCRATCH_FIRST, .scratch_max = SCRATCH_MAX });
    return gateway->jobs != NULL ? 0 : -1;
}

void job_stop(struct gateway *gateway)
{
    if (gateway->jobs != NULL)
        jobs_free(gateway->jobs);
    gateway->jobs = NULL;
}
