/* dump_budget.c - budgets, as `check -T` shows them. */
#include "boot/dump_budget.h"

#include "base/clock.h"
#include "boot/lua_text.h"
#include "money/nano.h"
#include "money/period.h"

static void dump_usd(const char *name, int64_t nano, struct buf *out)
{
    char usd[NANO_TEXT];
    buf_printf(out, ", %s = \"%s\"", name, nano_write(nano, 0, usd));
}

/* Who has such a URL may write there: what comes after the host is a secret. */
static void dump_alert(const struct config_budget *budget, struct buf *out)
{
    struct text rest = text_of(budget->alert);
    struct text scheme = text_cut(&rest, ':');
    struct text host = { rest.ptr + 2, rest.len - 2 };
    host = text_cut(&host, '/');
    buf_printf(out, ", alert = \"%.*s://%.*s/***\"", TEXT_ARG(scheme), TEXT_ARG(host));
    if (budget->alert_nano >= 0)
        dump_usd("alert_usd", budget->alert_nano, out);
    if (budget->alert_percent > 0)
        buf_printf(out, ", alert_percent = %u", budget->alert_percent);
}

static void dump_budget(const struct config_budget *budget, struct buf *out)
{
    char usd[NANO_TEXT], until[25];
    buf_printf(out, "{ usd = \"%s\", per = \"%s\"", nano_write(budget->limit, 0, usd), period_name(budget->period));
    if (budget->zone != NULL) {
        buf_str(out, ", zone = ");
        lua_text_string(out, text_of(budget->zone->name));
    }
    dump_usd("ceiling_usd", budget->ceiling, out);
    buf_printf(out, ", mode = \"%s\"", budget->mode == BUDGET_STRICT ? "strict" : "expected");
    if (budget->clamps != (budget->mode == BUDGET_STRICT))
        buf_printf(out, ", when_short = \"%s\"", budget->clamps ? "clamp" : "refuse");
    if (budget->only_report)
        buf_str(out, ", only_report = true");
    if (budget->alert != NULL)
        dump_alert(budget, out);
    if (budget->raise_until_ms > 0) {
        clock_rfc3339(budget->raise_until_ms, until);
        buf_printf(out, ", raise = { usd = \"%s\", ends = \"%s\" }", nano_write(budget->raise, 0, usd), until);
    }
    buf_str(out, " }");
}

void dump_budgets(const struct config_budgets *budgets, const char *before, struct buf *out)
{
    if (budgets->count == 0)
        return;
    buf_str(out, before);
    if (budgets->count > 1)
        buf_str(out, "{ ");
    for (size_t i = 0; i < budgets->count; i++) {
        if (i > 0)
            buf_str(out, ", ");
        dump_budget(&budgets->items[i], out);
    }
    if (budgets->count > 1)
        buf_str(out, " }");
}
