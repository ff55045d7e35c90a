/* account.h - one budget and what is spent, held and in doubt in each of its periods. The caller holds the ledger's mutex. */
#ifndef MONEY_ACCOUNT_H
#define MONEY_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "money/period.h"
#include "money/record.h"

/* Of one period. Kept as long as the account: a hold ends in the period of its admission, also after that. */
struct account_period {
    struct account_period *earlier;
    int64_t begins_s;
    int64_t spent, held, soft_held, doubt, soft_doubt; /* nano-dollars */
    uint64_t open;   /* holds without an end */
    uint64_t number; /* of its last hold */
    unsigned waiting; /* attempts in the queue: queue.c */
    uint64_t blocked; /* the last run of the queue in which one of them stayed */
};

struct account {
    const char *kind; /* "all", "team", "key": static */
    struct text id;   /* whose; kept */
    enum config_period period;
    enum config_budget_mode mode; /* strict: limit = ceiling, and what is in doubt counts in full */
    int64_t limit, ceiling;
    struct account_period *latest;
};

enum account_answer {
    ACCOUNT_FITS,
    ACCOUNT_WAIT,      /* it would fit if nothing were in flight */
    ACCOUNT_TOO_LARGE, /* money is left, but not for this request */
    ACCOUNT_SPENT,
};

void account_fini(struct account *account);
/* Is this record's request charged to the account? */
bool account_is_of(const struct account *account, const struct record *whose);
/* The period of an admission, made where there is none yet. */
struct account_period *account_at(struct account *account, int64_t admitted_ms);
/* Both sums: spent + doubt as expected + what is expected of all holds <= limit; spent + doubt + the most of all holds <= ceiling.
 * With nothing in flight and money left the second one alone counts. A strict account has the second one only. */
enum account_answer account_ask(const struct account *account, const struct account_period *period, int64_t hard, int64_t soft);
void account_hold(struct account_period *period, int64_t hard, int64_t soft);
void account_end(struct account_period *period, int64_t hard, int64_t soft, const struct record *end);
/* An end or a row whose hold this process did not see. */
void account_add(struct account_period *period, const struct record *end);
/* What may still be spent: limit - spent - doubt as expected, or in full where it is strict; not less than 0. */
int64_t account_left(const struct account *account, const struct account_period *period);

/* What a hold can cost at most beside those that are open, so that it fits: ceiling - spent - doubt - held; not less than 0. */
int64_t account_room(const struct account *account, const struct account_period *period);

#endif
