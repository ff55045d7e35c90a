/* retry.h - a policy drops an answer and asks again (gw.retry). Until what it asks is sent the answer is kept: it goes out where that
 * cannot be. The worker's thread. */
#ifndef FLOW_RETRY_H
#define FLOW_RETRY_H

#include "flow/way.h"
#include "script/script.h"

/* What req->policy->retry wants: the answer is dropped, its usage counted and settled, and the way goes on at "route". DONE: it cannot be
 * asked, the trace has why, and the answer goes out. */
enum next retry_begin(struct request *req);
/* The other attempt is sent now: what was kept goes. Nothing where no answer is kept. */
void retry_sent(struct request *req);
/* The other attempt cannot be sent, and req->fail is why: the answer is there again, for the policies that have not seen it. False: none is
 * kept. */
bool retry_undo(struct request *req);
/* The request ends as it is: what was kept goes. */
void retry_end(struct request *req);
/* Has retry_undo() brought the answer back? Once. */
bool retry_is_back(struct request *req);

#endif
