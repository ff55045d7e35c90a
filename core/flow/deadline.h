/* deadline.h - until when a request must be answered: one time for all of its attempts. Only flow/ includes this. Any thread. */
#ifndef FLOW_DEADLINE_H
#define FLOW_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct request;

/* With less than this left, or a quarter of the whole time where that is less, no other attempt begins: it would hardly end in time. */
#define DEADLINE_ATTEMPT_NS INT64_C(2000000000)

/* Seconds with at most three decimals: "2.5". Nanoseconds; -1: it is none, or not from 0.05 to 86400. Pure. */
int64_t deadline_parse(struct text value);
/* x-gw-timeout of the client. */
void deadline_header(struct request *req, struct text value);
/* Nanoseconds from now to the end of the model's timeout.total_s or of what the client allows, whichever is less, counted from the request's head.
 * Below 0: it is over. After the row "route". */
int64_t deadline_left_ns(const struct request *req, int64_t now_ns);
/* Is there time for another attempt? */
bool deadline_allows_another(const struct request *req, int64_t now_ns);
/* Is it shorter because the client wants that? Then it says nothing of the target. */
bool deadline_is_clients(const struct request *req);

#endif
