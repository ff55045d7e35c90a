/* account.h - one budget of somebody and what is spent, held and in doubt in each of its periods. The caller holds the ledger's
 * mutex. */
#ifndef MONEY_ACCOUNT_H
#define MONEY_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "money/period.h"
#include "money/record.h"

/* Whose money it is. */
enum account_kind {
    ACCOUNT_ALL, /* all requests of the configuration */
    ACCOUNT_TEAM,
    ACCOUNT_KEY,
    ACCOUNT_PROJECT,
    ACCOUNT_TAG,   /* "name=value" */
    ACCOUNT_MODEL, /* as it is asked for; a name may end in * */
    ACCOUNT_PROVIDER,
    ACCOUNT_USER,        /* each end user of a team: "team/user" */
    ACCOUNT_SESSION,     /* each session of a team: "team/session" */
    ACCOUNT_KEY_SESSION, /* each session of a key: "key/session" */
    ACCOUNT_KINDS
};

/* Of one period. A hold ends in the period of its admission, also after that. */
struct account_period {
    struct account_period *earlier;
    int64_t begins_s, ends_s;
    int64_t spent, held, soft_held, doubt, soft_doubt; /* nano-dollars */
    uint64_t open;                                     /* holds without an end */
    uint64_t number;                                   /* of its last hold */
    unsigned told;                                     /* marks that were reported: ledger_alert.c */
    unsigned waiting;                                  /* attempts in the queue: ledger_queue.c */
    uint64_t blocked;                                  /* the last run of the queue in which one of them stayed */
};

struct account {
    struct account *next; /* of its bucket: accounts.c */
    uint64_t hash;
    enum account_kind kind;
    struct text id;                    /* whose; "all" for ACCOUNT_ALL */
    const struct config_budget *terms; /* kept */
    bool on_demand;                    /* made for a request; `id` is its own */
    bool carried;                      /* a start found it in an OPEN */
    unsigned handles;                  /* holds, and attempts that ask or wait, which point to it */
    struct account_period *latest;
};

enum account_answer {
    ACCOUNT_FITS,
    ACCOUNT_WAIT,      /* it would fit if nothing were in flight */
    ACCOUNT_TOO_LARGE, /* money is left, but not for this request */
    ACCOUNT_SPENT,
};

/* "team", "key_session": as records name it. Static. */
const char *account_kind_name(enum account_kind kind);
/* "Europe/Berlin"; absent for UTC. */
struct text account_zone(const struct config_budget *terms);
void account_fini(struct account *account);
/* The period of an admission, made where there is none yet. */
struct account_period *account_at(struct account *account, int64_t admitted_ms);
/* The limit and the ceiling for a request of that admission: with the raise, while it lasts. */
int64_t account_limit(const struct account *account, int64_t admitted_ms);
int64_t account_ceiling(const struct account *account, int64_t admitted_ms);
/* Both sums: spent + doubt as expected + what is expected of all holds <= limit; spent + doubt + the most of all holds <= ceiling.
 * With nothing in flight and money left the second one alone counts. A strict account has the second one only; one that only reports has room for everything. */
enum account_answer account_ask(const struct account *account, const struct account_period *period,
                                const struct record *hold);
void account_hold(struct account_period *period, int64_t hard, int64_t soft);
/* The same of a hold that the journal has already, and has numbered. */
void account_carry(struct account_period *period, int64_t hard, int64_t soft);
void account_end(struct account_period *period, int64_t hard, int64_t soft, const struct record *end);
/* An end or a row whose hold this process did not see. */
void account_add(struct account_period *period, const struct record *end);
/* What may still be spent: limit - spent - doubt as expected, or in full where it is strict; not less than 0. */
int64_t account_left(const struct account *account, const struct account_period *period, int64_t admitted_ms);

/* What a hold can cost at most beside those that are open, so that it fits: ceiling - spent - doubt - held; not less than 0. */
int64_t account_room(const struct account *account, const struct account_period *period, int64_t admitted_ms);

#endif
