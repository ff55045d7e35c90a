/* verify_inside.h - what the checker shares: verify.c has the rules of each record, verify_account.c those of budgets. */
#ifndef MONEY_VERIFY_INSIDE_H
#define MONEY_VERIFY_INSIDE_H

#include "base/map.h"
#include "money/holds.h"
#include "money/verify.h"

/* What the journal makes of one period of a budget. */
struct tally {
    int64_t begins_s;
    int64_t spent, held, soft_held, doubt, soft_doubt;
    uint64_t number, open;
};

/* A budget and its periods, in order. */
struct budget {
    struct budget *next; /* of the same owner */
    struct text kind, id, per, zone;
    struct tally *tallies;
    size_t count, room;
};

struct verify {
    struct verify_report *report;
    struct arena arena;
    struct map budgets;    /* by kind, id, per, zone: found by the first reading */
    struct map owners;     /* by kind, id: whose requests are charged to them */
    struct budget *models; /* of the kind "model": their names may end in "*" */
    struct buf complaints; /* that no OPEN behind them accepts, a line each */
    struct holds open;
    struct holds doubts; /* of an ended hold, by its number: the nano-dollars in doubt, as 8 bytes */
    size_t carried;      /* HOLDs of older segments that come first */
    const struct history_report *history;
    uint64_t again; /* the records from this number to before `first` are in the balances that the first OPEN carries */
    uint64_t first, next; /* numbers: of the first record that counts; of the next one */
};

/* A rule does not hold. */
void verify_broken(struct verify *v, const struct record *record, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Not the ledger's own code: a sum that wraps is a find. */
void verify_add(struct verify *v, const struct record *record, int64_t *sum, int64_t more);

/* The first reading: notes which periods of which budgets there are. */
void verify_find_budgets(struct verify *v, const struct record *record);
/* A HOLD: its numbers, and both sums of each of its accounts. */
void verify_hold_accounts(struct verify *v, const struct record *hold);
/* A HOLD that is carried over: its sums count, its rules were those of an older segment. */
void verify_take_hold(struct verify *v, const struct record *hold);
/* An END with its HOLD; a ROW or a LATE with itself. */
void verify_end_accounts(struct verify *v, const struct record *whose, const struct record *end);
/* The balances of an OPEN are those that the records before it make. */
void verify_balances(struct verify *v, const struct record *open);
/* They are taken as they are: what was before is not there, or is known to be damaged. */
void verify_take_balances(struct verify *v, const struct record *open);
void verify_free_budgets(struct verify *v);

#endif
