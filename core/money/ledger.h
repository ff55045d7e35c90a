/* ledger.h - what was spent: each attempt is held before it is sent and ended once, in the journal. Any thread; one mutex.
 *
 *   held --settled--> it cost something    --void--> surely nothing    --doubt--> the upstream may charge for it
 *
 * A hold that the process did not end, because it crashed, is ended as doubt at the next start. */
#ifndef MONEY_LEDGER_H
#define MONEY_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "money/accounts.h"
#include "money/record.h"

struct ledger;
struct ledger_hold;

struct ledger_settings {
    const char *folder;
    int64_t sync_ns;
    int64_t doubt_ttl_ns;              /* doubt that is older is dropped; 0: none is */
    const char *book;                  /* digest of the price book; lent, may be NULL */
    bool accept_gap;                   /* start although the journal has been damaged */
    size_t segment_bytes;              /* 0: the default */
    const struct accounts_rule *rules; /* who has which budgets; what they point to is kept, until ledger_reload() */
    size_t rule_count;
    int lock_fd; /* the lock of the process that gives its ledger away (ledger_keeper.h): taken, also on failure. 0: none does */
};

/* Why an attempt must not be sent. */
struct ledger_refusal {
    enum account_answer answer;    /* ACCOUNT_FITS: no budget refused it, the journal cannot be written */
    enum account_kind kind;        /* whose budget */
    enum config_period period;     /* which of the kind's */
    bool clamps;                   /* as in struct config_budget */
    char id[RECORD_TEXT_MOST + 1]; /* whose; of a session or an end user its own name */
    int64_t left;                  /* nano-dollars of it */
    int64_t hard;                  /* what the attempt could have cost */
    int64_t ends_s;                /* when it begins anew; INT64_MAX: never */
    int64_t room;                  /* what a hold may cost at most beside those that are open, of all its budgets */
    unsigned waiting;              /* attempts in the queue that are charged to one of its budgets */
    uint64_t after;                /* the record after which it was refused */
};

/* What the start found. */
struct ledger_start {
    uint64_t records;    /* of all its segments */
    uint64_t read;       /* of these, by this start */
    uint64_t problems;   /* damage that was not accepted before */
    uint64_t doubtful;   /* holds of a process that crashed */
    uint64_t taken_over; /* holds of the process that gave its ledger away */
    char first_problem[512];
};

/* Reads the journal and begins a new segment. NULL with `fail` (FAIL_OPERATOR). Given. */
struct ledger *ledger_open(const struct ledger_settings *settings, struct ledger_start *start, struct fail *fail);
/* No hold should be open: what is open all the same is left to the next start, as doubt, and its handle is gone. */
void ledger_close(struct ledger *ledger);
/* Other budgets and another price book from now on. A budget that stays (the same kind, owner, period and zone) keeps what was spent and
 * is held; its new limit counts at once, also for those that wait. One that is gone stops counting. A new one starts with what the
 * journal's files have of its periods, and with what is in flight. Reads the journal where there is a new one, so it may take seconds;
 * one at a time. The rules that it had before are let go of. -1 with `fail`, and nothing has changed: the journal cannot be read. */
int ledger_reload(struct ledger *ledger, const struct accounts_rule *rules, size_t rule_count, const char *book,
                  struct fail *fail);

/* Before an attempt is sent. `hold` has all but type, number, time and accounts; its dimensions (team, key, project ...) decide which
 * accounts it is charged to: all are checked and taken together, or none. Where others wait for one of them (ledger_queue.h) it does not
 * overtake them, unless it may. The handle is for ledger_end(). NULL with *refusal, and with `fail` where the journal cannot be written:
 * the attempt must not be sent. */
struct ledger_hold *ledger_hold(struct ledger *ledger, struct record *hold, bool overtakes,
                                struct ledger_refusal *refusal, struct fail *fail);
/* The attempt is over. `end` has ending, lines, cost...; the handle is gone. An END that cannot be written is kept and written
 * as soon as the journal can be. */
void ledger_end(struct ledger *ledger, struct ledger_hold *handle, struct record *end);
/* A request that asked no upstream. */
void ledger_row(struct ledger *ledger, struct record *row);

/* What doubt turned out to be: nothing more, all of it, or what is known. */
enum ledger_verdict { LEDGER_FREE, LEDGER_FULL, LEDGER_COST };

struct ledger_resolution {
    struct text request; /* of which request; absent: of all */
    enum ledger_verdict verdict;
    int64_t cost;            /* LEDGER_COST: what the doubtful attempts of the request cost together, nano-dollars */
    struct text who, why;    /* for the record; `who` must be there */
    int64_t ended_before_ms; /* only what is in doubt since before that; INT64_MAX: any */
};
struct ledger_resolved {
    uint64_t attempts;
    int64_t cost, doubt; /* booked; no longer in doubt */
};
/* Ends doubt, by a LATE for each attempt. Reads the journal, so it may take seconds; one at a time. 0, also where nothing was in
 * doubt; -1 with `fail`: the journal cannot be read or written. What is in *done is done all the same. */
int ledger_resolve(struct ledger *ledger, const struct ledger_resolution *how, struct ledger_resolved *done,
                   struct fail *fail);

/* Money now, in nano-dollars. */
struct ledger_sums {
    int64_t spent, held, doubt;
    uint64_t open;     /* holds without an END */
    uint64_t records;  /* written by this process */
    uint64_t next;     /* the number of the next record */
    uint64_t failures; /* of the disk */
    uint64_t waiting;  /* ENDs that could not be written yet */
    uint64_t queued;   /* attempts that wait for others in flight */
};
void ledger_read_sums(struct ledger *ledger, struct ledger_sums *sums);

/* Is there any budget? Without the mutex. */
bool ledger_has_budgets(const struct ledger *ledger);
/* Has a request with these dimensions a budget that could refuse it, and is one of them strict? */
enum ledger_charge { LEDGER_UNCHARGED, LEDGER_CHARGED, LEDGER_CHARGED_STRICTLY };
enum ledger_charge ledger_charge(struct ledger *ledger, const struct record *whose);

/* A budget now. */
struct ledger_balance {
    enum account_kind kind;
    enum config_period period;
    bool only_report;
    int64_t limit; /* with a raise */
    int64_t spent, held, doubt, left;
    int64_t ends_s; /* when it begins anew; INT64_MAX: never */
};
/* The budgets of a request with these dimensions, which need not be complete: at most ACCOUNTS_MOST. Returns how many. */
size_t ledger_read_balances(struct ledger *ledger, const struct record *whose, struct ledger_balance *balances);

/* A budget that has passed the mark at which an alert is due. */
struct ledger_alert {
    const char *kind; /* "team", static */
    char id[800];
    char *url; /* who is informed; given: free() */
    enum config_period period;
    int64_t spent, mark, limit; /* nano-dollars */
    int64_t begins_s, ends_s;   /* of the period; INT64_MAX: it has no end */
    unsigned percent;           /* the mark is this share of the limit; 0: it is an amount */
};
/* Those that have passed a mark since the last call, each once for its period: at most `most`, the others the next time. `starts`: what is
 * past its mark now was reported by the process before. Looks at every account: about once a second. */
size_t ledger_take_alerts(struct ledger *ledger, bool starts, struct ledger_alert *out, size_t most);

#endif
