/* answer_head.h - the headers of what the client gets. Worker's thread. Only flow/ includes this. */
#ifndef FLOW_ANSWER_HEAD_H
#define FLOW_ANSWER_HEAD_H

#include <stddef.h>

#include "flow/door.h"

struct request;

#define ANSWER_HEAD_MOST 64

/* Zeroed at first. */
struct answer_head {
    struct door_header all[ANSWER_HEAD_MOST];
    size_t count;
};

/* One more; both are kept. */
void answer_head_add(struct answer_head *head, const char *name, const char *value);
/* What every answer has: the ids of the request, and that it is not to be cached. */
void answer_head_common(struct request *req, struct answer_head *head);
/* What an answer has that came from a provider: which, which model, what was dropped on the way. */
void answer_head_success(struct request *req, struct answer_head *head);
/* How many attempts were made; static or arena. */
const char *answer_head_attempts(struct request *req);

#endif
