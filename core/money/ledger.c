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

void ledger_book_sums(struct ledger *l, const struct record *end)
{
    ledger_add(&l->sums.spent, end->cost);
    ledger_add(&l->sums.doubt, end->doubt);
}

void ledger_book(struct ledger *l, const struct record *whose, const struct record *end)
{
    ledger_book_sums(l, end);
    accounts_replay(&l->accounts, whose, end, clock_unix_ms());
    if (l->fresh != NULL)
        accounts_replay(l->fresh, whose, end, clock_unix_ms());
}

/* A hold that is written and not on the disk, where it must be there before the request is sent: it is not sent. */
static void take_back(struct ledger *l, struct ledger_hold *handle, const struct record *hold)
{
    struct record end = {
        .type = RECORD_END, .hold = hold->number, .ending = ENDING_VOID, .outcome = TEXT("not_sent")
    };
    BUG_IF(!holds_put(&l->open, hold->number, journal_last(l->journal)));
    for (size_t i = 0; i < handle->count; i++)
        handle->stakes[i].period->number++;
    ledger_write_or_keep(l, &end);
}

static struct text whose_of(const struct account *account, const struct record *hold)
{
    return !account->on_demand ? account->id : account->kind == ACCOUNT_USER ? hold->user : hold->session;
}

void ledger_set_stakes(struct ledger *l, struct ledger_hold *handle, const struct record *hold)
{
    struct account *accounts[ACCOUNTS_MOST];
    size_t count = accounts_of(&l->accounts, hold, true, accounts);
    handle->stakes = count > 0 ? malloc(count * sizeof handle->stakes[0]) : NULL;
    BUG_IF(count > 0 && handle->stakes == NULL);
    handle->count = count;
    for (size_t i = 0; i < count; i++) {
        handle->stakes[i] = (struct ledger_stake){ .account = accounts[i] };
        accounts[i]->handles++;
    }
}

void ledger_free_stakes(struct ledger_hold *handle)
{
    for (size_t i = 0; i < handle->count; i++)
        handle->stakes[i].account->handles--;
    free(handle->stakes);
    handle->stakes = NULL;
    handle->count = 0;
}

struct ledger_hold *ledger_new_hold(struct ledger *l, const struct record *hold)
{
    struct ledger_hold *handle = malloc(sizeof *handle); /* calloc() does not take what was just given back */
    BUG_IF(handle == NULL);
    *handle = (struct ledger_hold){ .magic = 0 };
    ledger_set_stakes(l, handle, hold);
    return handle;
}

void ledger_free_hold(struct ledger_hold *handle)
{
    ledger_free_stakes(handle);
    handle->magic = 0;
    free(handle);
}

static void link_handle(struct ledger *l, struct ledger_hold *handle)
{
    handle->next = l->handles;
    if (l->handles != NULL)
        l->handles->prev = handle;
    l->handles = handle;
}

static void unlink_handle(struct ledger *l, struct ledger_hold *handle)
{
    if (handle->prev != NULL)
        handle->prev->next = handle->next;
    else
        l->handles = handle->next;
    if (handle->next != NULL)
        handle->next->prev = handle->prev;
}

static void put_refusal(struct ledger_refusal *refusal, enum account_answer answer, const struct ledger_stake *stake,
                        const struct record *hold)
{
    refusal->answer = answer;
    refusal->kind = stake->account->kind;
    refusal->period = stake->account->terms->period;
    refusal->clamps = stake->account->terms->clamps;
    snprintf(refusal->id, sizeof refusal->id, "%.*s", TEXT_ARG(whose_of(stake->account, hold)));
    refusal->left = account_left(stake->account, stake->period, hold->admitted_ms);
    refusal->ends_s = stake->period->ends_s;
}

bool ledger_fits(struct ledger *l, struct ledger_hold *handle, const struct record *hold,
                 struct ledger_refusal *refusal)
{
    *refusal = (struct ledger_refusal){ .answer = ACCOUNT_FITS, .room = INT64_MAX, .hard = hold->hard };
    for (size_t i = 0; i < handle->count; i++) {
        struct ledger_stake *stake = &handle->stakes[i];
        stake->period = account_at(stake->account, hold->admitted_ms);
        enum account_answer answer = account_ask(stake->account, stake->period, hold);
        int64_t room = account_room(stake->account, stake->period, hold->admitted_ms);
        stake->tight = answer != ACCOUNT_FITS;
        if (stake->period->waiting > refusal->waiting)
            refusal->waiting = stake->period->waiting;
        if (room < refusal->room)
            refusal->room = room;
        if (answer > refusal->answer)
            put_refusal(refusal, answer, stake, hold);
    }
    refusal->after = journal_next(l->journal) - 1;
    return refusal->answer == ACCOUNT_FITS;
}

/* It would fit, and others came before. */
static void stand_behind(const struct ledger_hold *handle, const struct record *hold, struct ledger_refusal *refusal)
{
    size_t i = 0;
    while (handle->stakes[i].period->waiting == 0)
        i++;
    put_refusal(refusal, ACCOUNT_WAIT, &handle->stakes[i], hold);
}

static void name_accounts(const struct ledger_hold *handle, int64_t admitted_ms, struct record_account *names)
{
    for (size_t i = 0; i < handle->count; i++) {
        const struct account *account = handle->stakes[i].account;
        const struct account_period *period = handle->stakes[i].period;
        names[i] = (struct record_account){ .kind = text_of(account_kind_name(account->kind)),
                                            .id = account->id,
                                            .per = text_of(period_name(account->terms->period)),
                                            .zone = account_zone(account->terms),
                                            .begins_s = period->begins_s,
                                            .ends_s = period->ends_s < INT64_MAX ? period->ends_s : 0,
                                            .limit = account_limit(account, admitted_ms),
                                            .ceiling = account_ceiling(account, admitted_ms),
                                            .only_report = account->terms->only_report,
                                            .number = period->number + 1,
                                            .strict = account->terms->mode == BUDGET_STRICT };
    }
}

void ledger_is_held(struct ledger *l, struct ledger_hold *handle, const struct record *hold)
{
    handle->magic = HOLD_MAGIC;
    handle->number = hold->number;
    handle->hard = hold->hard;
    handle->soft = hold->soft;
    ledger_add(&l->sums.held, hold->hard);
    l->sums.open++;
    for (size_t i = 0; i < handle->count; i++)
        account_hold(handle->stakes[i].period, hold->hard, hold->soft);
    link_handle(l, handle);
}

int ledger_take(struct ledger *l, struct ledger_hold *handle, struct record *hold, struct fail *fail)
{
    struct record_account names[ACCOUNTS_MOST];
    size_t promised = (l->open.count + 1) * END_ROOM;

    name_accounts(handle, hold->admitted_ms, names);
    hold->accounts = (struct record_list){ names, handle->count };
    int written = ledger_write_late(l, fail) < 0
                      ? -1
                      : journal_append(l->journal, hold, promised < PROMISED_MOST ? promised : PROMISED_MOST, fail);
    hold->accounts = (struct record_list){ NULL, 0 };
    if (written == JOURNAL_NOT_SYNCED)
        take_back(l, handle, hold);
    if (written != 0)
        return -1;
    BUG_IF(!holds_put(&l->open, hold->number, journal_last(l->journal)));
    ledger_is_held(l, handle, hold);
    return 0;
}

static bool hold_here(struct ledger *l, struct ledger_hold *handle, struct record *hold, bool overtakes,
                      struct ledger_refusal *refusal, struct fail *fail)
{
    if (!ledger_fits(l, handle, hold, refusal))
        return false;
    if (refusal->waiting > 0 && !overtakes) {
        stand_behind(handle, hold, refusal);
        return false;
    }
    return ledger_take(l, handle, hold, fail) == 0;
}

struct ledger_hold *ledger_hold(struct ledger *l, struct record *hold, bool overtakes, struct ledger_refusal *refusal,
                                struct fail *fail)
{
    CHECK(l, LEDGER);
    BUG_IF(hold->hard < 0 || hold->soft < 0 || hold->soft > hold->hard);
    hold->type = RECORD_HOLD;
    journal_lock(l->journal);
    struct ledger_hold *handle = ledger_new_hold(l, hold);
    bool held = l->away != NULL ? ledger_away_hold(l, handle, hold, overtakes, refusal, fail)
                                : hold_here(l, handle, hold, overtakes, refusal, fail);
    if (!held) {
        ledger_free_hold(handle);
        handle = NULL;
    }
    journal_unlock(l->journal);
    return handle;
}

void ledger_end(struct ledger *l, struct ledger_hold *handle, struct record *end)
{
    CHECK(l, LEDGER);
    CHECK(handle, HOLD);
    BUG_IF(end->ending == ENDING_NONE || end->cost < 0 || end->doubt < 0);
    end->type = RECORD_END;
    end->hold = handle->number;
    journal_lock(l->journal);
    if (l->fresh != NULL)
        ledger_book_fresh(l, handle, end);
    if (l->away != NULL)
        ledger_away_end(l, end);
    else
        ledger_write_or_keep(l, end); /* first: a segment that it begins carries over what was before it */
    unlink_handle(l, handle);
    l->sums.open--;
    ledger_add(&l->sums.held, -handle->hard);
    ledger_book_sums(l, end);
    for (size_t i = 0; i < handle->count; i++)
        account_end(handle->stakes[i].period, handle->hard, handle->soft, end);
    if (l->queue != NULL)
        ledger_run_queue(l);
    ledger_free_hold(handle);
    journal_unlock(l->journal);
}

void ledger_row(struct ledger *l, struct record *row)
{
    CHECK(l, LEDGER);
    row->type = RECORD_ROW;
    journal_lock(l->journal);
    if (l->away != NULL)
        ledger_away_row(l, row);
    else
        ledger_write_or_keep(l, row);
    ledger_book(l, row, row);
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
    sums->next = state.next;
    sums->failures = state.failures;
}

bool ledger_has_budgets(const struct ledger *l)
{
    CHECK(l, LEDGER);
    return atomic_load_explicit(&l->charges, memory_order_relaxed);
}

enum ledger_charge ledger_charge(struct ledger *l, const struct record *whose)
{
    struct account *accounts[ACCOUNTS_MOST];
    enum ledger_charge charge = LEDGER_UNCHARGED;
    CHECK(l, LEDGER);
    journal_lock(l->journal);
    size_t count = accounts_of(&l->accounts, whose, true, accounts);
    for (size_t i = 0; i < count; i++)
        if (!accounts[i]->terms->only_report && charge < LEDGER_CHARGED_STRICTLY)
            charge = accounts[i]->terms->mode == BUDGET_STRICT ? LEDGER_CHARGED_STRICTLY : LEDGER_CHARGED;
    journal_unlock(l->journal);
    return charge;
}

size_t ledger_read_balances(struct ledger *l, const struct record *whose, struct ledger_balance *balances)
{
    struct account *accounts[ACCOUNTS_MOST];
    int64_t now_ms = clock_unix_ms();
    CHECK(l, LEDGER);
    if (!ledger_has_budgets(l))
        return 0;
    journal_lock(l->journal);
    size_t count = accounts_of(&l->accounts, whose, false, accounts);
    for (size_t i = 0; i < count; i++) {
        const struct account_period *p = account_at(accounts[i], now_ms);
        balances[i] = (struct ledger_balance){
            .kind = accounts[i]->kind,
            .period = accounts[i]->terms->period,
            .only_report = accounts[i]->terms->only_report,
            .limit = account_limit(accounts[i], now_ms),
            .spent = p->spent,
            .held = p->held,
            .doubt = p->doubt,
            .left = account_left(accounts[i], p, now_ms),
            .ends_s = p->ends_s,
        };
    }
    journal_unlock(l->journal);
    return count;
}
