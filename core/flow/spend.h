/* spend.h - a request's records in the ledger: one HOLD before each attempt is sent, one END when it is over, a ROW for what the
 * gateway answered by itself. Nothing is done where the configuration has no ledger. */
#ifndef FLOW_SPEND_H
#define FLOW_SPEND_H

#include "flow/way.h"

/* Before the attempt is sent. -1 with req->fail: it cannot be written down, so it must not be sent. */
int spend_hold(struct attempt *a);
/* The attempt is over, its usage is final and price_attempt() has run. `final`: the request is over with it. Once. */
void spend_end(struct attempt *a, bool final);

/* The value of x-gw-budget-remaining: US dollars of the budget that has the least left, arena; NULL: the request is charged to none. */
const char *spend_left(struct request *req);

#endif
