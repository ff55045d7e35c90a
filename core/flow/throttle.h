/* throttle.h - requests and tokens per minute, and requests in flight, of keys, teams and all together.
 *
 * A window slides: what counts is the share of the minute before that still lies within the last 60 seconds, and this minute.
 * Everything that a request takes is checked and taken under one mutex, or nothing is; the windows are counters of a cache
 * plugin: in this process, or on a server that several gateways share (flow/share.h). */
#ifndef FLOW_THROTTLE_H
#define FLOW_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "config/config.h"
#include "flow/wait.h"

struct answer_head;
struct aside;    /* plugin/aside.h */
struct counters; /* plugin/counters.h */
struct request;
struct throttle;
struct throttle_seat;

/* Whose limits count for one request: all together, its team's, its key's. */
#define THROTTLE_MOST 3u

/* What one request has taken. Zeroed at first. */
struct throttle_taken {
    int64_t minute; /* of its admission; 0: it has taken nothing */
    int64_t tokens; /* as expected; then as reported */
    bool in_flight;
    unsigned turns;             /* how often a server was asked for it */
    struct throttle_seat *seat; /* while it waits for one; arena */
    /* For its answer: of the limit of each kind that has the least left; limit 0: there is none. */
    int64_t requests_limit, requests_left, tokens_limit, tokens_left;
    int reset_s; /* until this minute ends */
};

/* Has the configuration such limits? Then it needs counters. Boot thread, as the next two. */
bool throttle_is_needed(const struct config *config);
/* `counters` is taken. Given. */
struct throttle *throttle_new(struct counters *counters);
/* The windows are counters on a server, which about so many gateways share. `aside` is taken. Given. */
struct throttle *throttle_new_shared(struct aside *aside, unsigned gateways);
/* Before a snapshot is used: who has limits is known by name, so what he has in flight and has used counts on in a new one. */
void throttle_bind(struct throttle *throttle, struct config *config);
void throttle_free(struct throttle *throttle);
/* Row "limits.ask": where the windows are on a server, waits for what of them this gateway may use. */
enum next throttle_ask(struct request *req);
/* Row "limits", when the body is read and before an upstream is chosen: takes one request, the tokens that it is expected to use and a
 * place in flight. FAIL: a limit is reached, and nothing is taken. Where there are no limits nothing is done. */
enum next throttle_run(struct request *req);
/* When it is over: the place is free, tokens are those that were reported; of what was refused before anything was sent nothing is
 * counted. */
void throttle_end(struct request *req);
/* x-ratelimit-*, where a limit counts for it. */
void throttle_head(struct request *req, struct answer_head *head);

#endif
