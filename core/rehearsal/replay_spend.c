/* replay_spend.c - the budgets of gateway.lua over the requests of a ledger. A request's money counts from its admission on; what was held for
 * requests in flight is not known. */
#include "rehearsal/replay_spend.h"

#include <stdio.h>

#include "money/period.h"
#include "money/record.h"

enum { PERIODS = PERIOD_TOTAL + 1 };

struct spent {
    int64_t begins_s, sum;
};

void replay_spend_init(struct replay_spend *s, const struct config *config, struct arena *arena)
{
    *s = (struct replay_spend){ .arena = arena, .config = config };
    map_init(&s->sums);
}

void replay_spend_fini(struct replay_spend *s)
{
    map_fini(&s->sums);
}

static const struct config_team *team_of(const struct config *config, struct text name)
{
    for (size_t i = 0; i < config->team_count; i++)
        if (text_eq(config->teams[i].name, name))
            return &config->teams[i];
    return NULL;
}

static const struct config_budget *in(const struct config_budgets *budgets, enum config_period per)
{
    for (size_t i = 0; budgets != NULL && i < budgets->count; i++)
        if (budgets->items[i].period == per)
            return &budgets->items[i];
    return NULL;
}

/* The budget of that one, where its requests are of `team`. NULL: none. */
static const struct config_budget *budget_of(const struct config *config, enum script_whose whose, struct text name,
                                             struct text team, enum config_period per)
{
    const struct config_team *of = team_of(config, whose == SCRIPT_OF_TEAM ? name : team);
    switch (whose) {
    case SCRIPT_OF_TEAM:
        return of != NULL ? in(&of->budgets, per) : NULL;
    case SCRIPT_OF_USER:
        return of != NULL ? in(&of->of_user, per) : NULL;
    case SCRIPT_OF_SESSION:
        return of != NULL ? in(&of->of_session, per) : NULL;
    case SCRIPT_OF_KEY:
        for (size_t i = 0; i < config->key_count; i++)
            if (text_eq(config->keys[i].name, name))
                return in(&config->keys[i].budgets, per);
        return NULL;
    case SCRIPT_OF_PROJECT:
        for (size_t i = 0; i < config->project_count; i++)
            if (text_eq(config->projects[i].name, name))
                return in(&config->projects[i].budgets, per);
        return NULL;
    }
    return NULL;
}

static struct spent *sum_of(struct replay_spend *s, enum script_whose whose, struct text name, struct text team,
                            enum config_period per)
{
    char key[2 * RECORD_TEXT_MOST + 32];
    bool in_team = whose == SCRIPT_OF_USER || whose == SCRIPT_OF_SESSION; /* names that clients choose */
    int len = snprintf(key, sizeof key, "%d %d %.*s %.*s", (int)whose, (int)per, TEXT_ARG(in_team ? team : TEXT("")),
                       TEXT_ARG(name));
    struct text at = { key, (size_t)len < sizeof key ? (size_t)len : sizeof key - 1 };
    struct spent *spent = map_get(&s->sums, at);
    if (spent == NULL) {
        spent = arena_new(s->arena, struct spent);
        map_put(&s->sums, arena_text(s->arena, at), spent);
    }
    return spent;
}

static void turn(struct spent *spent, const struct config_budget *b, int64_t unix_ms)
{
    int64_t begins_s = period_begins(b->period, b->zone, unix_ms / 1000);
    if (begins_s != spent->begins_s)
        *spent = (struct spent){ begins_s, 0 };
}

void replay_spend_add(struct replay_spend *s, const struct past_request *r)
{
    const struct text names[] = { [SCRIPT_OF_TEAM] = r->team,
                                  [SCRIPT_OF_KEY] = r->key,
                                  [SCRIPT_OF_USER] = r->user,
                                  [SCRIPT_OF_SESSION] = r->session,
                                  [SCRIPT_OF_PROJECT] = r->project };
    for (int whose = SCRIPT_OF_TEAM; whose <= SCRIPT_OF_PROJECT; whose++)
        for (int per = 0; per < PERIODS && names[whose].len > 0; per++) {
            const struct config_budget *b =
                budget_of(s->config, (enum script_whose)whose, names[whose], r->team, (enum config_period)per);
            if (b == NULL)
                continue;
            struct spent *spent = sum_of(s, (enum script_whose)whose, names[whose], r->team, (enum config_period)per);
            turn(spent, b, r->admitted_ms);
            spent->sum += r->cost;
        }
}

bool replay_spend_get(struct replay_spend *s, const struct past_request *r, enum script_whose whose, struct text name,
                      enum config_period per, struct script_spend *out)
{
    const struct config_budget *b = budget_of(s->config, whose, name, r->team, per);
    if (b == NULL)
        return false;
    struct spent *spent = sum_of(s, whose, name, r->team, per);
    turn(spent, b, r->admitted_ms);
    *out = (struct script_spend){ spent->sum, 0, b->limit };
    return true;
}
