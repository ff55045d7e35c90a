/* policy.h - the operator's rules on the way of a request: what they see of it, and what becomes of what they decide. Nothing is done
 * where the configuration has none. The worker's thread. */
#ifndef FLOW_POLICY_H
#define FLOW_POLICY_H

#include "flow/way.h"
#include "script/script.h"

struct request_head;
struct json_writer;

/* The client's headers without credentials. Arena. */
const struct script_header *policy_headers(struct arena *arena, const struct request_head *head, size_t *count);
/* At its begin, where there are policies: keeps the headers for them. */
void policy_begin(struct request *req, const struct request_head *head);
/* Has a policy chosen its model? Then the team's list is not asked. */
static inline bool policy_has_routed(const struct request *req)
{
    return req->policy != NULL && req->policy->routed_by != NULL;
}
/* Does a policy ask, through gw.llm? Then its block has the list. */
static inline bool policy_asks(const struct request *req)
{
    return req->parent_id[0] != '\0';
}
/* Is the answer held back until policies have seen all of it? */
static inline bool policy_holds(const struct request *req)
{
    return req->policy != NULL && req->policy->holds;
}
/* Are there policies that must see what goes upstream? A count of tokens, which they do not see, stays here then. */
bool policy_hides(const struct request *req);
/* What a policy wants of a header for the upstream; NULL: nothing. */
const struct script_put *policy_sends(const struct request *req, struct text name);
/* Row "settle": on_finish, once usage and cost are known. */
void policy_finish(struct request *req, int status, int64_t now_ns);
/* The members "asked_model" and "policies" of the access log. policy_line.c */
void policy_line(const struct request *req, struct json_writer *w);
/* policy_wait.c: a hook begins to wait: script_host.start, .wake. */
void policy_start(void *owner, struct script_ask *ask);
void policy_wake(void *owner);
/* What they decided, as JSON of at most RECORD_RAW_MOST bytes for the ledger: policies that decided nothing, then notes are left out where it is
 * longer. Absent: none ran. Arena. policy_line.c */
struct text policy_record(struct request *req);
/* Has one of them decided something, or left a note? */
bool policy_has_decided(const struct request *req);
/* policy_host.c: what policies ask for. */
extern const struct script_host policy_host;

#endif
