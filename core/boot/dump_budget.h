/* dump_budget.h - budgets as text of gateway.lua, with every default. */
#ifndef BOOT_DUMP_BUDGET_H
#define BOOT_DUMP_BUDGET_H

#include "base/buf.h"
#include "config/config.h"

/* `before`, then one budget or a list; nothing where there is none. Of a webhook's URL only the host is shown. Appended. */
void dump_budgets(const struct config_budgets *budgets, const char *before, struct buf *out);

#endif
