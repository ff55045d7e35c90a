/* accounts.h - all accounts of a ledger, and which of them a request is charged to. The caller holds the ledger's mutex.
 *
 * Those of teams, keys, projects, tags, models and providers are there from accounts_open() on. Those of each session and end user are made
 * when the first request of one comes, and forgotten when their period has been over for a day and nothing is in flight. */
#ifndef MONEY_ACCOUNTS_H
#define MONEY_ACCOUNTS_H

#include "money/account.h"

/* What is configured: budgets of somebody, or of each session or end user of a team or key. */
struct accounts_rule {
    enum account_kind kind;
    struct text
        id; /* the team's or key's name for ACCOUNT_USER and both kinds of sessions, "all" for ACCOUNT_ALL; kept */
    const struct config_budget *terms; /* kept */
};

#define ACCOUNTS_TAGS_MOST 8u
#define ACCOUNTS_MODELS_MOST 8u /* that have one target in common */
/* How many accounts one request can be charged to: four periods of each. */
#define ACCOUNTS_MOST (CONFIG_BUDGETS_MOST * (ACCOUNT_KINDS - 2u + ACCOUNTS_TAGS_MOST + ACCOUNTS_MODELS_MOST))

struct accounts {
    struct account **buckets; /* by kind and id */
    size_t bucket_count;      /* a power of two */
    size_t count, on_demand;
    size_t sweep_at;                 /* how many on-demand ones there are when those that are over are looked for */
    unsigned of_kind[ACCOUNT_KINDS]; /* fixed accounts, or rules, of each */
    struct accounts_rule *rules;     /* for each session and end user */
    size_t rule_count;
    struct account **patterns; /* of model names that end in * */
    size_t pattern_count;
};

void accounts_open(struct accounts *all, const struct accounts_rule *rules, size_t count);
void accounts_fini(struct accounts *all);
/* The accounts of a request with these dimensions (a HOLD or a ROW): those that are there, and with `make` those of its session and
 * end user. They stay while something is in flight there. At most ACCOUNTS_MOST. */
size_t accounts_of(struct accounts *all, const struct record *whose, bool make, struct account *out[ACCOUNTS_MOST]);
/* The account that a record or a balance names; that of a session or an end user is made where a rule gives one. NULL: there is no such
 * budget any more. */
struct account *accounts_named(struct accounts *all, struct text kind, struct text id, struct text per,
                               struct text zone);
/* Is the rule's budget among them: its account, or the rule by which it is made? */
bool accounts_has(const struct accounts *all, const struct accounts_rule *rule);
/* Adds what is spent and in doubt in each account of `more` to the one of `all` of the same kind, id, period and zone; where there is none
 * it is passed over. What is held is not added. */
void accounts_add(struct accounts *all, const struct accounts *more);
/* Forgets those that are over. */
void accounts_sweep(struct accounts *all);
/* Each of them, in no order. */
void accounts_each(const struct accounts *all, void (*visit)(void *owner, struct account *account), void *owner);
/* Adds what an END or a ROW costs, whose request has the dimensions of `whose`, to its accounts: a replay at `now_ms`. */
void accounts_replay(struct accounts *all, const struct record *whose, const struct record *end, int64_t now_ms);
/* The holds that this one names are numbered on. */
void accounts_replay_hold(struct accounts *all, const struct record *hold, int64_t now_ms);

#endif
