/* link_budget.c - what may be spent: budgets with their periods, time zones, alerts and raises. */
#include <string.h>

#include "base/map.h"
#include "boot/date.h"
#include "boot/link.h"
#include "config/labels.h"
#include "money/zone.h"

static void link_zone(struct link *l, const struct declare_budget *said, struct config_budget *budget, int line,
                      const char *where)
{
    struct fail fail;
    if (said->zone.ptr == NULL || text_is(said->zone, "UTC"))
        return;
    budget->zone = zone_read(zone_folder(), said->zone, l->arena, &fail);
    if (budget->zone == NULL)
        complain(&l->report->complaints, line, "%s: zone: %s", where, fail.text);
}

static void link_raise(struct link *l, const struct declare_raise *said, struct config_budget *budget, int line,
                       const char *where)
{
    if (said->usd < 0 || said->ends.ptr == NULL)
        return;
    budget->raise = said->usd;
    if (date_parse(said->ends, &budget->raise_until_ms) < 0)
        complain(&l->report->complaints, line,
                 "%s: raise: ends takes \"2026-12-31\" or \"2026-12-31T18:00:00Z\", a day or moment that exists",
                 where);
}

static void link_alert(struct link *l, const struct declare_budget *said, struct config_budget *budget, int line,
                       const char *where)
{
    bool is_url = text_starts(said->alert, TEXT("https://")) || text_starts(said->alert, TEXT("http://"));
    bool has_mark = said->alert_usd >= 0 || said->alert_percent > 0;

    budget->alert_nano = said->alert_usd;
    budget->alert_percent = said->alert_percent;
    if (said->alert.ptr != NULL)
        budget->alert = arena_str(l->arena, said->alert);
    if (said->alert.ptr != NULL && (!is_url || text_find(said->alert, TEXT("@")) >= 0))
        complain(&l->report->complaints, line,
                 "%s: alert takes a URL that begins with https:// or http:// and has no user in it", where);
    if ((said->alert.ptr != NULL) != has_mark)
        complain(&l->report->complaints, line,
                 "%s: alert says who is told, and alert_percent or alert_usd when: they belong together", where);
}

static void link_budget(struct link *l, const struct declare_budget *said, struct config_budget *budget, int line,
                        const char *where)
{
    static const char *const names[] = { "day", "week", "month", "total" };

    budget->limit = said->usd;
    budget->only_report = said->only_report;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (text_is(said->per, names[i]))
            budget->period = (enum config_period)i;
    budget->mode = text_is(said->mode.ptr != NULL ? said->mode : l->declared->ledger.budget_mode, "strict")
                       ? BUDGET_STRICT
                       : BUDGET_EXPECTED;
    budget->clamps = said->when_short.ptr != NULL ? text_is(said->when_short, "clamp") : budget->mode == BUDGET_STRICT;
    if (budget->mode == BUDGET_STRICT && said->ceiling >= 0 && said->ceiling != said->usd)
        complain(&l->report->complaints, line,
                 "%s: ceiling_usd is of no use where mode is \"strict\": nothing passes usd. Leave one of them out",
                 where);
    if (budget->mode == BUDGET_STRICT)
        budget->ceiling = said->usd;
    else if (said->ceiling >= 0)
        budget->ceiling = said->ceiling;
    else if (__builtin_add_overflow(said->usd, said->usd, &budget->ceiling))
        budget->ceiling = INT64_MAX;
    if (budget->ceiling < budget->limit)
        complain(&l->report->complaints, line,
                 "%s: ceiling_usd is less than usd: it is what can never be passed, also by what is in flight", where);
    link_zone(l, said, budget, line, where);
    link_raise(l, &said->raise, budget, line, where);
    link_alert(l, said, budget, line, where);
}

struct config_budgets link_budgets(struct link *l, const struct declare_budgets *declared, int line, const char *where)
{
    struct config_budgets all = { NULL, 0 };
    struct config_budget *items = arena_array(l->arena, struct config_budget, declared->count);
    bool seen[CONFIG_BUDGETS_MOST] = { false };

    all.items = items;
    for (size_t i = 0; i < declared->count; i++) {
        const struct declare_budget *said = &declared->items[i];
        struct config_budget *budget = &items[all.count];
        if (said->usd < 0)
            continue; /* complained of: it is required */
        link_budget(l, said, budget, line, where);
        if (seen[budget->period])
            complain(&l->report->complaints, line, "%s: two of them are per \"%.*s\"", where, TEXT_ARG(said->per));
        seen[budget->period] = true;
        all.count++;
    }
    if (all.count > 0 && l->declared->ledger.line == 0)
        complain(&l->report->complaints, line,
                 "%s: it needs a ledger that knows what was spent. Add ledger { path = \"ledger\" }", where);
    return all;
}

static bool is_tag(struct text text)
{
    struct text value = text, name = text_cut(&value, '=');
    return labels_is_tag(name, value);
}

/* Projects, or tags. */
static struct config_label *link_list(struct link *l, const struct declare_label *first, const char *word,
                                      size_t *count)
{
    struct map seen;
    size_t n = 0;
    bool tags = strcmp(word, "tag") == 0;

    for (const struct declare_label *said = first; said != NULL; said = said->next)
        n++;
    struct config_label *all = arena_array(l->arena, struct config_label, n);
    map_init(&seen);
    for (const struct declare_label *said = first; said != NULL; said = said->next) {
        const char *where = arena_printf(&l->scratch, "%s \"%.*s\"", word, TEXT_ARG(said->name));
        const struct declare_label *before = map_put(&seen, said->name, (void *)(uintptr_t)said);
        if (before != NULL)
            complain(&l->report->complaints, said->line, "%s: it was already declared in line %d", where, before->line);
        if (!(tags ? is_tag(said->name) : labels_is_project(said->name)))
            complain(&l->report->complaints, said->line,
                     tags ? "%s: a tag is written \"name=value\", as in x-gw-tags"
                          : "%s: a project's name has letters, digits and _ . : / @ + -, at most 64",
                     where);
        if (!said->complete)
            complain(&l->report->complaints, said->line,
                     "%s: its settings are missing: %s \"name\" { budget = { ... } }", where, word);
        all[*count].name = arena_text(l->arena, said->name);
        all[(*count)++].budgets =
            link_budgets(l, &said->budgets, said->line, arena_printf(&l->scratch, "%s: budget", where));
    }
    map_fini(&seen);
    return all;
}

/* "shadow=MODEL": the end of a name that is too long for a tag. */
struct text link_shadow_tag(struct link *l, const struct declare_model *model)
{
    enum { VALUE_MOST = 64 };
    struct text name = model->name;
    if (name.len > VALUE_MOST)
        name = (struct text){ name.ptr + name.len - VALUE_MOST, VALUE_MOST };
    return text_of(arena_printf(l->arena, "shadow=%.*s", TEXT_ARG(name)));
}

/* What the copies of a model's requests may cost is a budget of their tag. */
static const struct declare_label *tags_of(struct link *l)
{
    const struct declare_label *all = l->declared->tags;
    for (const struct declare_model *m = l->declared->models; m != NULL; m = m->next) {
        if (m->shadow.usd < 0)
            continue;
        struct declare_label *tag = arena_new(&l->scratch, struct declare_label);
        struct declare_budget *budget = arena_new(&l->scratch, struct declare_budget);
        *budget = (struct declare_budget)DECLARE_BUDGET;
        budget->usd = m->shadow.usd;
        budget->per = TEXT("day");
        *tag = (struct declare_label){ .next = (struct declare_label *)(uintptr_t)all,
                                       .line = m->line,
                                       .complete = true,
                                       .name = link_shadow_tag(l, m),
                                       .budgets = { budget, 1, true } };
        all = tag;
    }
    return all;
}

void link_labels(struct link *l)
{
    l->config->projects = link_list(l, l->declared->projects, "project", &l->config->project_count);
    l->config->tags = link_list(l, tags_of(l), "tag", &l->config->tag_count);
}
