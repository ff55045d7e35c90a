/* fixture.h - a worker without a socket: the way is run with a door that remembers what it was given and a provider that
 * answers by itself as a test sets it. */
#ifndef TESTS_UNIT_FLOW_FIXTURE_H
#define TESTS_UNIT_FLOW_FIXTURE_H

#include "base/buf.h"
#include "flow/access.h"
#include "flow/metrics.h"
#include "flow/request.h"
#include "flow/worker.h"

/* What the provider called NAME does at each produce(): a script of words, one per call:
 * "text:X" "finish" "finish:REASON" "usage" "error:STATUS" "wait:MS" "end" "fail". Kept. */
struct script {
    const char *const *steps;
};

#define FIXTURE_TARGETS 4
struct fixture_instance {
    const struct plugin *plugin;
    void *instance;
};

struct fixture {
    const struct face *face; /* of the requests; chat completions unless set after opening */
    struct gateway gateway;
    struct worker worker;
    struct config *config;
    struct loop_timer limit;
    bool timed_out;

    /* what the door was given */
    int status;
    struct buf head; /* "Name: value\n" of each header */
    struct buf body;
    bool begun, ended, aborted, answered, closed;
    bool settled_before_end; /* the log had the line when the end was given */
    bool is_quick;           /* that is not looked at: thousands of requests */
    size_t waiting;          /* what door->write answers */
    size_t most_written;     /* the longest write */
    int log_fds[2];
    struct fixture_instance instances[FIXTURE_TARGETS]; /* of providers with upstreams */
};

/* One model "m" whose targets are `count` scripted providers, in order. */
void fixture_open(struct fixture *f, const char *const *const *scripts, size_t count);
/* The same with providers that speak with upstreams, by their plugins' names ("openai", "anthropic"): fake_transfer.h
 * plays the upstreams. */
void fixture_open_upstream(struct fixture *f, const char *const *plugins, size_t count);
/* The loop runs until nothing is due at once. */
void fixture_settle(struct fixture *f);
void fixture_close(struct fixture *f);
/* Begins a request with this body and runs the loop until the door was given an end (at most 5 s). */
struct request *fixture_send(struct fixture *f, const char *body);
struct request *fixture_begin(struct fixture *f, const char *body);
/* Only the head of a request whose body has `length` bytes. */
struct request *fixture_head(struct fixture *f, size_t length);
/* A head of the test's own. */
struct request *fixture_head_of(struct fixture *f, const struct request_head *head);
/* The body of a request that has begun, and the loop until its end. */
void fixture_finish(struct fixture *f, struct request *req, const char *body);
/* From now on requests pass this policy, in Lua; what it asks of places, it asks of `places`, which are kept. */
void fixture_policy(struct fixture *f, const char *source, struct config_place *places, size_t place_count);
/* The next line of the access log, without its end. Lent until the next call. */
const char *fixture_line(struct fixture *f);
/* GET /v1/models with one header, and its answer. */
struct request *fixture_list(struct fixture *f, const char *header);
void fixture_run(struct fixture *f);
/* The metrics' text, given: free it with buf_free(). */
struct buf fixture_metrics(struct fixture *f);

#endif
