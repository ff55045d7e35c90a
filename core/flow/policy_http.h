/* policy_http.h - gw.http: one request of a policy's to a place of its own. The worker's thread. */
#ifndef FLOW_POLICY_HTTP_H
#define FLOW_POLICY_HTTP_H

#include "flow/policy.h"

struct policy_http;
/* Starts it. `over` is called once, never inside this call, after http has its answer or its reason. Kept in the request's arena. */
struct policy_http *policy_http_start(struct request *req, struct script_http *http, int64_t until_ns,
                                      void (*over)(void *arg), void *arg);
/* Nothing of it comes any more. */
void policy_http_cancel(struct policy_http *h);

#endif
