/* captured.h - what is kept of some requests, so that another policy can be tried on them (capture/). The worker's thread; it only copies. */
#ifndef FLOW_CAPTURED_H
#define FLOW_CAPTURED_H

#include <stdbool.h>
#include <stddef.h>

struct request;
struct request_head;
struct script_header;
struct script_error;
struct script_response;
struct script_targets;

/* Of a request. Arena. */
struct captured {
    const struct script_header *headers;
    size_t header_count;
    bool looked, wanted; /* whether it is one of those was decided; and it is */
    bool answered;       /* its first answer was kept */
};

/* At its begin, where the configuration captures: keeps the headers, without credentials. */
void captured_begin(struct request *req, const struct request_head *head);
/* Before any policy has changed it: the client's own request. Once; nothing where it is none of those. */
void captured_request(struct request *req);
bool captured_is(const struct request *req);
/* What may still be tried at attempt `attempt`, before policies order it, and why the one before failed (NULL: none has). */
void captured_route(struct request *req, unsigned attempt, const struct script_targets *targets,
                    const struct script_error *error);
/* The first answer that on_response is shown, of such a request. */
void captured_answer(struct request *req, const struct script_response *shown);

#endif
