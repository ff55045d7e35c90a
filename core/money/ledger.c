/* ledger.c - holds and their ends, and what is open between. */
#include <stdlib.h>

#include "base/clock.h"
#include "money/ledger_inside.h"

/* Room that a HOLD reserves on the disk for its END: a raw usage, some lines, texts. */
enum { END_ROOM = 4096, PROMISED_MOST = 64 << 20 };

void ledger_add(int64_t *sum, int64_t more)
{
    if (__builtin_add_overflow(*sum, more, sum))
        *sum = more > 0 ? INT64_MAX : INT64_MIN;
}

void ledger_add_to_accounts(struct ledger *l, const struct record *whose, const struct record *end)
{
    for (unsigned i = 0; i < l->account_count; i++)
        if (account_is_of(&l->accounts[i], whose))
            account_add(account_at(&l->accounts[i], whose->admitted_ms), end);
}

/* A hold that is written and not on the disk, where it must be there before the request is sent: it is not sent. */
static void take_back(struct ledger *l, struct ledger_hold *handle, const struct record *hold)
{
    struct record end = { .type = RECORD_END, .hold = hold->number, .ending = ENDING_VOID, .outcome = TEXT("not_sent") };
    BUG_IF(!holds_put(&l->open, hold->number, journal_last(l->journal)));
    for (unsigned i = 0; i < handle->period_count; i++)
        handle->periods[i]->number++;
    ledger_write_or_keep(l, &end);
}

bool ledger_fits(struct ledger *l, struct ledger_hold *handle, const struct record *hold, const unsigned *budgets, unsigned count,
                 struct ledger_refusal *refusal)
{
    *refusal = (struct ledger_refusal){ .answer = ACCOUNT_FITS, .room = INT64_MAX };
    for (unsigned i = 0; i < count; i++) {
        BUG_IF(budgets[i] >= l->account_count);
        struct account *account = &l->accounts[budgets[i]];
        struct account_period *period = account_at(account, hold->admitted_ms);
        enum account_answer answer = account_ask(account, period, hold->hard, hold->soft);
        int64_t room = account_room(account, period);
        handle->periods[i] = period;
        handle->tight[i] = answer != ACCOUNT_FITS;
        if (period->waiting > refusal->waiting)
            refusal->waiting = period->waiting;
        if (room < refusal->room)
            refusal->room = room;
        if (answer <= refusal->answer)
            continue;
        refusal->answer = answer;
        refusal->budget = budgets[i];
        refusal->left = account_left(account, period);
        refusal->ends_s = period_ends(account->period, hold->admitted_ms / 1000);
    }
    handle->period_count = count;
    refusal->after = journal_next(l->journal) - 1;
    return refusal->answer == ACCOUNT_FITS;
}

/* It would fit, and others came before. */
static void stand_behind(struct ledger *l, const struct ledger_hold *handle, const unsigned *budgets, struct ledger_refusal *refusal)
{
    unsigned i = 0;
    while (handle->periods[i]->waiting == 0)
        i++;
    refusal->answer = ACCOUNT_WAIT;
    refusal->budget = budgets[i];
    refusal->left = account_left(&l->accounts[budgets[i]], handle->periods[i]);
}

static void name_accounts(const struct ledger *l, const struct ledger_hold *handle, const unsigned *budgets, struct record_account *names)
{
    for (unsigned i = 0; i < handle->period_count; i++) {
        const struct account *account = &l->accounts[budgets[i]];
        names[i] = (struct record_account){ .kind = text_of(account->kind),
                                            .id = account->id,
                                            .per = text_of(period_name(account->period)),
                                            .begins_s = handle->periods[i]->begins_s,
                                            .limit = account->limit,
                                            .ceiling = account->ceiling,
                                            .number = handle->periods[i]->number + 1,
                                            .strict = account->mode == BUDGET_STRICT };
    }
}

int ledger_take(struct ledger *l, struct ledger_hold *handle, struct record *hold, const unsigned *budgets, struct fail *fail)
{
    struct record_account names[LEDGER_BUDGETS_MOST];
    size_t promised = (l->open.count + 1) * END_ROOM;

    name_accounts(l, handle, budgets, names);
    hold->accounts = (struct record_list){ names, handle->period_count };
    int written = ledger_write_late(l, fail) < 0 ? -1 : journal_append(l->journal, hold, promised < PROMISED_MOST ? promised : PROMISED_MOST, fail);
    hold->accounts = (struct record_list){ NULL, 0 };
    if (written == JOURNAL_NOT_SYNCED)
        take_back(l, handle, hold);
    if (written != 0)
        return -1;
    handle->magic = HOLD_MAGIC;
    handle->number = hold->number;
    handle->hard = hold->hard;
    handle->soft = hold->soft;
    BUG_IF(!holds_put(&l->open, hold->number, journal_last(l->journal)));
    ledger_add(&l->sums.held, hold->hard);
    l->sums.open++;
    for (unsigned i = 0; i < handle->period_count; i++)
        account_hold(handle->periods[i], hold->hard, hold->soft);
    return 0;
}

struct ledger_hold *ledger_hold(struct ledger *l, struct record *hold, const unsigned *budgets, unsigned count, bool overtakes,
                                struct ledger_refusal *refusal, struct fail *fail)
{
    CHECK(l, LEDGER);
    BUG_IF(hold->hard < 0 || hold->soft < 0 || hold->soft > hold->hard || count > LEDGER_BUDGETS_MOST);
    struct ledger_hold *handle = calloc(1, sizeof *handle);
    BUG_IF(handle == NULL);
    hold->type = RECORD_HOLD;
    journal_lock(l->journal);
    bool ok = ledger_fits(l, handle, hold, budgets, count, refusal);
    if (ok && refusal->waiting > 0 && !overtakes) {
        stand_behind(l, handle, budgets, refusal);
        ok = false;
    }
    ok = ok && ledger_take(l, handle, hold, budgets, fail) == 0;
    journal_unlock(l->journal);
    if (ok)
        return handle;
    free(handle);
    return NULL;
}

void ledger_end(struct ledger *l, struct ledger_hold *handle, struct record *end)
{
    CHECK(l, LEDGER);
    CHECK(handle, HOLD);
    BUG_IF(end->ending == ENDING_NONE || end->cost < 0 || end->doubt < 0);
    end->type = RECORD_END;
    end->hold = handle->number;
    journal_lock(l->journal);
    l->sums.open--;
    ledger_add(&l->sums.held, -handle->hard);
    ledger_add(&l->sums.doubt, end->doubt);
    for (unsigned i = 0; i < handle->period_count; i++)
        account_end(handle->periods[i], handle->hard, handle->soft, end);
    ledger_write_or_keep(l, end);
    if (l->queue != NULL)
        ledger_run_queue(l);
    journal_unlock(l->journal);
    handle->magic = 0;
    free(handle);
}

void ledger_row(struct ledger *l, struct record *row)
{
    CHECK(l, LEDGER);
    row->type = RECORD_ROW;
    journal_lock(l->journal);
    ledger_add_to_accounts(l, row, row);
    ledger_write_or_keep(l, row);
    journal_unlock(l->journal);
}

void ledger_read_sums(struct ledger *l, struct ledger_sums *sums)
{
    struct journal_state state;
    CHECK(l, LEDGER);
    journal_lock(l->journal);
    *sums = l->sums;
    journal_unlock(l->journal);
    journal_read_state(l->journal, &state);
    sums->records = state.records;
    sums->failures = state.failures;
}

void ledger_read_balance(struct ledger *l, unsigned budget, struct ledger_balance *balance)
{
    CHECK(l, LEDGER);
    BUG_IF(budget >= l->account_count);
    journal_lock(l->journal);
    struct account *account = &l->accounts[budget];
    const struct account_period *p = account_at(account, clock_unix_ms());
    *balance = (struct ledger_balance){ p->spent, p->held, p->doubt, account_left(account, p) };
    journal_unlock(l->journal);
}
