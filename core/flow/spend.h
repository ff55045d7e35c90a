/* spend.h - a request's records in the ledger: one HOLD before each attempt is sent, one END when it is over, a ROW for what the
 * gateway answered by itself. Nothing is done where the configuration has no ledger. */
#ifndef FLOW_SPEND_H
#define FLOW_SPEND_H

#include "flow/way.h"
#include "money/ledger.h"

struct answer_head;
struct ledger_refusal; /* money/ledger.h */

/* What a HOLD has of an attempt. Arena. */
struct spend_hold {
    struct record record;
};

/* Is it charged to a budget? Once it is known whom it asks. */
enum ledger_charge spend_charge(const struct attempt *a);
/* Before the attempt is sent, once what it may cost is known: fills `hold`. False: nothing of it is written down. -1 with req->fail:
 * it must not be sent. */
int spend_prepare(struct attempt *a, struct spend_hold *hold);
/* Asks the ledger. True: it is held, and may be sent. False with *refusal where budgets refuse it, else with req->fail. */
bool spend_hold(struct attempt *a, struct spend_hold *hold, bool overtakes, struct ledger_refusal *refusal);
/* Fills req->fail: the error that the client gets. */
void spend_refuse(struct request *req, const struct ledger_refusal *refusal);
/* The journal cannot be written: FAIL. */
enum next spend_cannot(struct request *req, const char *why);
/* The attempt is over, its usage is final and price_attempt() has run. `final`: the request is over with it. Once. */
void spend_end(struct attempt *a, bool final);

/* The request is over, and no record of its attempts has what policies decided: a ROW has it. Once, after spend_end(). */
void spend_policies(struct request *req);

/* The dimensions of an attempt: whose it is, which model and provider. Texts are lent. */
void spend_describe(const struct attempt *a, struct record *record);

/* budget_head.c: how much is left in the budget that has the least; to Anthropic's clients also a warning above 75 %. */
void budget_head(struct request *req, struct answer_head *head);
/* Of a request that a spent budget refused: the words at which Anthropic's clients stop. */
void budget_head_spent(struct request *req, struct answer_head *head);

#endif
