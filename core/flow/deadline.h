/* deadline.h - until when a request must be answered: one time for all of its attempts, and how long one of them may take. Only flow/
 * includes this. Any thread. */
#ifndef FLOW_DEADLINE_H
#define FLOW_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct attempt;
struct request;

/* With less than this left, or a quarter of the whole time where that is less, no other attempt begins: it would hardly end in time. */
#define DEADLINE_ATTEMPT_NS INT64_C(2000000000)

/* Seconds with at most three decimals: "2.5". Nanoseconds; -1: it is none, or not from 0.05 to 86400. Pure. */
int64_t deadline_parse(struct text value);
/* x-gw-timeout of the client. */
void deadline_header(struct request *req, struct text value);
/* Nanoseconds from now to the end of timeout.total_s or of what the client allows, whichever is less, counted from the request's head.
 * total_s is the model's, else the longest that is a target's. Below 0: it is over. After the row "route". */
int64_t deadline_left_ns(const struct request *req, int64_t now_ns);
/* Is there time for another attempt? */
bool deadline_allows_another(const struct request *req, int64_t now_ns);
/* Is it shorter because the client wants that? */
bool deadline_is_clients(const struct request *req);
/* Did this attempt end by the client's wish to have it sooner? Then its end says nothing of the target. */
bool deadline_was_clients(const struct attempt *a);
/* Sets the times of a->send, just before it is sent: where the attempt streams, until it has content first_token_s and 1 s for each
 * 1,000 tokens of its input, but so much less than what is left that another attempt has time, where one is left; else what is left. */
void deadline_begin(struct attempt *a, int64_t now_ns);
/* The attempt has content: a stream goes on for as long as it is not silent, or until total_s where somebody has set it. */
void deadline_spoke(struct attempt *a);
/* Why its transfer ended, with the setting that ended it and who can change that: "silent for longer than timeout.idle_s, 120 s: the
 * operator can raise it". Static, or arena of the request. */
const char *deadline_text(struct attempt *a);

#endif
