/* link_ledger.c - where what was used and spent is written down, and what may be spent. */
#include "boot/link.h"

const struct config_budget *link_budget(struct link *l, const struct declare_budget *declared, int line, const char *where)
{
    static const char *const names[] = {"day", "week", "month", "total"};
    struct config_budget *budget;

    if (declared->usd < 0)
        return NULL;
    budget = arena_new(l->arena, struct config_budget);
    budget->limit = declared->usd;
    budget->index = l->config->budget_count++;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (text_is(declared->per, names[i]))
            budget->period = (enum config_period)i;
    budget->mode = text_is(declared->mode.ptr != NULL ? declared->mode : l->declared->ledger.budget_mode, "strict") ? BUDGET_STRICT : BUDGET_EXPECTED;
    if (budget->mode == BUDGET_STRICT && declared->ceiling >= 0 && declared->ceiling != declared->usd)
        complain(&l->report->complaints, line, "%s: budget: ceiling_usd is of no use where mode is \"strict\": nothing passes usd. Leave one of them out",
                 where);
    if (budget->mode == BUDGET_STRICT)
        budget->ceiling = declared->usd;
    else if (declared->ceiling >= 0)
        budget->ceiling = declared->ceiling;
    else if (__builtin_add_overflow(declared->usd, declared->usd, &budget->ceiling))
        budget->ceiling = INT64_MAX;
    if (budget->ceiling < budget->limit)
        complain(&l->report->complaints, line, "%s: budget: ceiling_usd is less than usd: it is what can never be passed, also by what is in flight",
                 where);
    if (l->declared->ledger.line == 0)
        complain(&l->report->complaints, line, "%s: budget: it needs a ledger that knows what was spent. Add ledger { path = \"ledger\" }", where);
    return budget;
}

void link_ledger(struct link *l)
{
    const struct declare_ledger *declared = &l->declared->ledger;
    struct config_ledger *ledger = &l->config->ledger;

    l->config->budget = link_budget(l, &l->declared->budget.budget, l->declared->budget.line, "budget");
    if (declared->line == 0 || declared->path.ptr == NULL)
        return;
    if (declared->path.len == 0)
        complain(&l->report->complaints, declared->line, "ledger: path is empty: name a folder");
    ledger->sync_ns = declared->sync_ns;
    ledger->wait_ns = declared->wait_ns;
    ledger->wait_stream_ns = declared->wait_stream_ns;
    ledger->path = declared->path.len > 0 && declared->path.ptr[0] == '/'
                       ? arena_str(l->arena, declared->path)
                       : arena_printf(l->arena, "%s/%.*s", l->folder, TEXT_ARG(declared->path));
}
