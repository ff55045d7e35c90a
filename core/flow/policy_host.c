/* policy_host.c - what policies ask of the gateway: money of somebody, a tag. */
#include <pthread.h>

#include "base/clock.h"
#include "config/labels.h"
#include "flow/metrics.h"
#include "flow/policy.h"
#include "money/ledger.h"
#include "money/zone.h"

/* A session or an end user of the request's team that has spent nothing yet has no account; its budget stands in the configuration. */
static bool nothing_yet(const struct request *req, enum script_whose whose, enum config_period per,
                        struct script_spend *out)
{
    const struct config_budgets *budgets = whose == SCRIPT_OF_SESSION ? &req->team->of_session : &req->team->of_user;
    for (size_t i = 0; (whose == SCRIPT_OF_SESSION || whose == SCRIPT_OF_USER) && i < budgets->count; i++) {
        const struct config_budget *b = &budgets->items[i];
        if (b->period != per)
            continue;
        *out = (struct script_spend){ .limit = b->limit + (clock_unix_ms() < b->raise_until_ms ? b->raise : 0) };
        return true;
    }
    return false;
}

static bool spend(void *owner, enum script_whose whose, struct text name, enum config_period per,
                  struct script_spend *out)
{
    static const enum account_kind kinds[] = {
        [SCRIPT_OF_TEAM] = ACCOUNT_TEAM,       [SCRIPT_OF_KEY] = ACCOUNT_KEY,         [SCRIPT_OF_USER] = ACCOUNT_USER,
        [SCRIPT_OF_SESSION] = ACCOUNT_SESSION, [SCRIPT_OF_PROJECT] = ACCOUNT_PROJECT,
    };
    const struct request *req = owner;
    struct ledger *ledger = req->worker->gateway->ledger;
    struct ledger_balance balances[ACCOUNTS_MOST];
    struct record record = { .type = RECORD_NONE, .team = req->team->name, .admitted_ms = req->admitted_ms };
    if (ledger == NULL)
        return false;
    if (whose == SCRIPT_OF_TEAM)
        record.team = name;
    else if (whose == SCRIPT_OF_KEY)
        record.key = name;
    else if (whose == SCRIPT_OF_USER)
        record.user = name;
    else if (whose == SCRIPT_OF_SESSION)
        record.session = name;
    else
        record.project = name;
    size_t count = ledger_read_balances(ledger, &record, balances);
    for (size_t i = 0; i < count; i++)
        if (balances[i].kind == kinds[whose] && balances[i].period == per) {
            *out = (struct script_spend){ balances[i].spent, balances[i].held, balances[i].limit };
            return true;
        }
    return nothing_yet(req, whose, per, out);
}

enum { ZONES_MOST = 64 };

/* Zones that policies have named: read once by the first, kept by the process. */
static struct {
    pthread_mutex_t mutex;
    struct arena arena;
    const struct zone *zones[ZONES_MOST];
    size_t count;
    bool ready;
} places = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static const struct zone *find_zone(struct text name)
{
    struct fail fail;
    for (size_t i = 0; i < places.count; i++)
        if (text_is(name, places.zones[i]->name))
            return places.zones[i];
    if (places.count == ZONES_MOST)
        return NULL;
    if (!places.ready)
        arena_init(&places.arena, NULL, 0, 4 << 20);
    places.ready = true;
    const struct zone *zone = zone_read(zone_folder(), name, &places.arena, &fail);
    if (zone != NULL)
        places.zones[places.count++] = zone;
    return zone;
}

static bool east(void *owner, struct text name, int64_t unix_s, int64_t *out)
{
    (void)owner;
    pthread_mutex_lock(&places.mutex);
    const struct zone *zone = find_zone(name);
    pthread_mutex_unlock(&places.mutex);
    if (zone != NULL)
        *out = zone_east(zone, unix_s);
    return zone != NULL;
}

static const char *tag(void *owner, struct text name, struct text value)
{
    struct request *req = owner;
    const char *why = NULL;
    struct text sent = text_of(arena_printf(&req->arena, "%.*s=%.*s", TEXT_ARG(name), TEXT_ARG(value)));
    if (labels_merge(&req->arena, sent, req->whose.tags, &req->whose.tags, &why) < 0)
        return why;
    req->policy->tags = req->whose.tags;
    return NULL;
}

static void count(void *owner, const char *policy, struct text event)
{
    const struct request *req = owner;
    metrics_count_policy(req->worker->gateway->metrics, req->worker->index, text_of(policy), event);
}

const struct script_host policy_host = {
    .spend = spend, .east = east, .tag = tag, .count = count, .start = policy_start, .wake = policy_wake
};
