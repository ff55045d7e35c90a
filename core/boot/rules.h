/* rules.h - who has which budgets, as the ledger takes them. */
#ifndef BOOT_RULES_H
#define BOOT_RULES_H

#include "config/config.h"
#include "money/accounts.h"

/* All budgets of the configuration, which must outlive the ledger. Given: free(). */
struct accounts_rule *rules_of(const struct config *config, size_t *count);

#endif
