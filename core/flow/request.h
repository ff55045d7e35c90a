/* request.h - one request on its way: everything it owns, and how the front hands it in.
 *
 * A request never changes threads. Its life: request_begin() when the head is there,
 * request_body() for each piece, request_body_end(); then the way (way.c) runs it to its end;
 * request_end() when the front has forgotten the client. */
#ifndef FLOW_REQUEST_H
#define FLOW_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/text.h"
#include "canon/error.h"
#include "face/face.h"
#include "flow/door.h"

struct request;
struct worker;

/* A copy of another request that goes to a target of its own: shadow.c. */
struct request_shadow {
    struct text target, tag, parent_id, hops;
};

/* The head as the front read it. All lent for the call of request_begin(). */
struct request_head {
    struct text method;
    struct text target;      /* raw request target, as sent */
    const struct face *face; /* by the route; the chat face when there is none */
    uint32_t operation;      /* GW_OP_* by the route */
    struct text path;        /* the route's own: "/images/edits"; absent where there is no route */
    struct text query;       /* of the target, as sent */
    const char *query_names; /* what of it may be passed on, blanks between; NULL: nothing */
    struct text tail;        /* what followed the route's path: the id of /v1/models/{id} */
    struct text deployment;  /* Azure's way to name the model: in the path; absent otherwise */
    enum error_case refuse;  /* E_PATH, E_METHOD, E_BODY_TOO_LARGE ...: answer this; E_NONE otherwise */
    struct text allow;       /* E_METHOD: the value of Allow; E_PATH: the paths that are served; others: why */
    const struct door_header *headers;
    size_t header_count;
    int64_t content_length; /* -1: none (chunked or no body) */
    struct text peer;       /* address, for the log */
    struct request
        *parent; /* whose policy asks: of it team, key and attribution are; NULL: a client does. Lent for this call */
    struct text tag;                     /* one more tag of such a request: "policy=NAME" */
    const struct request_shadow *shadow; /* it is such a copy; NULL: it is none. Lent for this call */
    int64_t started_ns;                  /* monotonic: first byte of the request, or the accept */
    bool tls;
};

/* Given to the front; ended by request_end(). May answer at once (from inside this call). `client` is kept. */
struct request *request_begin(struct worker *worker, const struct door *door, void *client,
                              const struct request_head *head);
/* A piece of the body, copied. Ignored once the request has answered. */
void request_body(struct request *req, struct text bytes);
/* The body is complete: the way goes on. */
void request_body_end(struct request *req);
/* What the client waits for did not come in time (head already complete, body not): E6. */
void request_body_late(struct request *req);
/* The client left or its connection broke: everything is cancelled; nothing of the door is called any more. */
void request_client_gone(struct request *req);
/* The front's parser found that the body is not HTTP and has answered `status` by itself: logged as that; as gone otherwise. */
void request_body_refused(struct request *req, int status);
/* What was written has gone out: below the low mark again. */
void request_drained(struct request *req);
/* The client took nothing for limits.write_ns. Same as gone, counted apart. */
void request_client_stuck(struct request *req);
/* The front is done with it (after the last byte, or after client_gone). The request frees itself when
 * nothing else holds it. */
void request_end(struct request *req);
/* The worker's end: gives back the memory of ended requests that it keeps for the next ones. */
void request_free_spare(struct worker *worker);

/* For the front's own failures, before a request exists (a head that is too slow, too many connections): the
 * text of the error in the shape of the OpenAI face, given: free(). NULL and 0 where memory for it is missing. */
char *request_refusal(const struct fail *fail, const char *request_id, size_t *len);

#endif
