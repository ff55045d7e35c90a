/* choose.h - which target is tried next, and what it learns from that. Only flow/ includes this. The worker's thread. */
#ifndef FLOW_CHOOSE_H
#define FLOW_CHOOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "flow/wait.h"
#include "health/chance.h"
#include "health/ejection.h"
#include "health/health.h"

struct attempt;
struct request;

/* Puts the target that is tried next at req->targets[req->target_next]. FAIL where nothing is usable: req->fail reports why. */
enum next choose_target(struct request *req);
/* No target can be had: FAIL, with what the last attempt failed by, else with req->fail as it is. */
enum next choose_give_up(struct request *req);
/* The attempt at req->targets[req->target_next - 1] begins: its secret, its lane, its place in the target's count. */
void choose_begin(struct attempt *a);
/* What came of it, once it is judged: `good`, or a->error and a->outcome. */
void choose_report(struct attempt *a, bool good);
/* Nothing of it is in flight any more. Twice is once. */
void choose_end(struct attempt *a);
struct script_target; /* script/script.h */
/* Fills in what is known of req->targets[index]: in_flight, ejected, cooling_ms, first_token_ms, tokens_per_s. */
void choose_look(struct request *req, size_t index, struct script_target *out);
/* Is another target of this request usable now? `suspect`: one that is silent at the moment counts too. */
bool choose_has_another(struct request *req, bool suspect);
/* Has the attempt's target a secret that is usable and was not refused? */
bool choose_has_secret(const struct attempt *a);

/* The provider's secret of that number, or the first of those that have names; absent: it has none. */
struct text choose_secret_value(const struct config_provider *p, int secret);
/* What stands in the way of req->targets[index], in a word of the ledger's; static. *left_ns: until that may be over; 0: not known. */
const char *choose_state(struct request *req, size_t index, int64_t now_ns, int64_t *left_ns);
/* Its target is not asked after all. */
void choose_call_off(struct attempt *a);
/* It is asked all the same, after choose_call_off(). */
void choose_resume(struct attempt *a);

#endif
