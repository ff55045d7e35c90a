/* link_ledger.c - where what was used and spent is written down. */
#include "boot/link.h"

void link_ledger(struct link *l)
{
    const struct declare_ledger *declared = &l->declared->ledger;
    struct config_ledger *ledger = &l->config->ledger;

    l->config->budgets = link_budgets(l, &l->declared->budget.budgets, l->declared->budget.line, "budget");
    if (declared->line == 0 || declared->path.ptr == NULL)
        return;
    if (declared->path.len == 0)
        complain(&l->report->complaints, declared->line, "ledger: path is empty: name a folder");
    ledger->sync_ns = declared->sync_ns;
    ledger->wait_ns = declared->wait_ns;
    ledger->wait_stream_ns = declared->wait_stream_ns;
    ledger->doubt_ttl_ns = declared->doubt_ttl_ns;
    ledger->path = declared->path.len > 0 && declared->path.ptr[0] == '/'
                       ? arena_str(l->arena, declared->path)
                       : arena_printf(l->arena, "%s/%.*s", l->folder, TEXT_ARG(declared->path));
}
