/* alert.h - informs webhooks that a budget is spent to its mark: a thread of its own, which looks once a second. */
#ifndef BOOT_ALERT_H
#define BOOT_ALERT_H

#include "config/config.h"
#include "money/accounts.h"

struct alert;
struct ledger;

/* NULL where no budget of the rules has an alert. Both are kept. Given. */
struct alert *alert_start(struct ledger *ledger, const struct config *config, const struct accounts_rule *rules,
                          size_t count);
/* Waits for a POST that is under way, at most some seconds. */
void alert_stop(struct alert *alert);

#endif
