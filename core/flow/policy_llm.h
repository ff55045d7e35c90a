/* policy_llm.h - gw.llm: a request of a policy's on the same way as all others, on the same worker. */
#ifndef FLOW_POLICY_LLM_H
#define FLOW_POLICY_LLM_H

#include "flow/policy.h"

struct policy_llm;
/* Starts it. `over` is called once, never inside this call, after llm has its answer or its reason. In the request's arena. */
struct policy_llm *policy_llm_start(struct request *parent, struct script_llm *llm, void (*over)(void *arg), void *arg);
/* Its client leaves: what it has used is metered as that of any other. `over` is not called any more. Nothing where it is over. */
void policy_llm_cancel(struct policy_llm *l);

#endif
