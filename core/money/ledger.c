/* ledger.c - holds and their ends, and what is open between. */
#include "money/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "money/history.h"
#include "money/holds.h"
#include "money/journal.h"

#define LEDGER_MAGIC 0x6c656467u
#define HOLD_MAGIC 0x686f6c64u
/* Room that a HOLD reserves on the disk for its END: a raw usage, some lines, texts. */
enum { END_ROOM = 4096, PROMISED_MOST = 64 << 20 };

struct ledger_hold {
    uint32_t magic;
    uint64_t number;
    int64_t hard, soft;
    struct account_period *periods[LEDGER_BUDGETS_MOST]; /* where it is held */
    unsigned period_count;
};

/* A record that could not be written. */
struct late {
    struct late *next;
    struct buf bytes;
};

struct ledger {
    uint32_t magic;
    struct journal *journal;
    struct holds open; /* by number: an OPEN of a new segment carries them */
    struct ledger_sums sums;
    struct late *late, **last_late;
    struct account *accounts; /* by the places of settings.budgets */
    unsigned account_count;
};

struct replay {
    struct ledger *ledger;
    struct ledger_start *start;
};

/* A balance never wraps: what is beyond 9.2 billion dollars stays there. */
static void add(int64_t *sum, int64_t more)
{
    if (__builtin_add_overflow(*sum, more, sum))
        *sum = more > 0 ? INT64_MAX : INT64_MIN;
}

/* What is over is in the balances of the budgets that there are now, whatever budgets there were then. */
static void add_to_accounts(struct ledger *l, const struct record *whose, const struct record *end)
{
    for (unsigned i = 0; i < l->account_count; i++)
        if (account_is_of(&l->accounts[i], whose))
            account_add(account_at(&l->accounts[i], whose->admitted_ms), end);
}

/* The holds of a budget are numbered on. */
static void replay_hold(struct ledger *l, const struct record *hold, struct text bytes)
{
    const struct record_account *a = hold->accounts.items;
    holds_put(&l->open, hold->number, bytes);
    for (size_t i = 0; i < hold->accounts.count; i++)
        for (unsigned n = 0; n < l->account_count; n++) {
            struct account *account = &l->accounts[n];
            if (text_is(a[i].kind, account->kind) && text_eq(a[i].id, account->id) && text_is(a[i].per, period_name(account->period)))
                account_at(account, hold->admitted_ms)->number = a[i].number;
        }
}

static void replay_end(struct ledger *l, const struct record *end)
{
    struct text bytes = holds_get(&l->open, end->hold);
    struct record hold;
    struct arena arena;
    const char *why;
    if (bytes.ptr == NULL)
        return;
    arena_init(&arena, NULL, 0, 1 << 20);
    if (l->account_count > 0 && record_read(bytes, &arena, &hold, &why) == 0)
        add_to_accounts(l, &hold, end);
    arena_fini(&arena);
    holds_remove(&l->open, end->hold);
}

static bool replay_record(void *owner, const struct record *record, struct text bytes)
{
    struct replay *replay = owner;
    struct ledger *l = replay->ledger;
    switch (record->type) {
    case RECORD_HOLD:
        replay_hold(l, record, bytes);
        break;
    case RECORD_END:
        replay_end(l, record);
        add(&l->sums.doubt, record->doubt);
        break;
    case RECORD_ROW:
        add_to_accounts(l, record, record);
        break;
    case RECORD_LATE:
        add(&l->sums.doubt, record->doubt);
        break;
    default:
        break;
    }
    return true;
}

static void replay_problem(void *owner, const char *what)
{
    struct ledger_start *start = ((struct replay *)owner)->start;
    if (start->first_problem[0] == '\0')
        snprintf(start->first_problem, sizeof start->first_problem, "%s", what);
}

static void carry_one(void *owner, uint64_t number, struct text record)
{
    struct record_list *list = owner;
    (void)number;
    ((struct text *)list->items)[list->count++] = record;
}

/* For a segment's OPEN; the journal holds the mutex. */
static void carry(void *owner, struct record *open, struct arena *arena)
{
    struct ledger *l = owner;
    open->carried.items = arena_array(arena, struct text, l->open.count + 1);
    holds_each(&l->open, carry_one, &open->carried);
}

/* Writes a record. A hold is open until its END is written: until then a new segment must carry it. */
static int write_one(struct ledger *l, struct record *record, struct fail *fail)
{
    int result = journal_append(l->journal, record, 0, fail);
    if (result < 0)
        return -1;
    if (result == JOURNAL_NOT_SYNCED) /* another sync follows, and reports */
        log_line(LOG_ERROR, "%s", fail->text);
    if (record->type == RECORD_END)
        BUG_IF(!holds_remove(&l->open, record->hold));
    return 0;
}

/* What a process that crashed had sent, or was about to send: nobody knows whether it is charged. */
static void doubt_one(void *owner, uint64_t number, struct text bytes)
{
    struct ledger *l = owner;
    struct record hold;
    struct arena arena;
    struct fail fail;
    const char *why;

    arena_init(&arena, NULL, 0, 1 << 20);
    BUG_IF(record_read(bytes, &arena, &hold, &why) < 0);
    struct record end = { .type = RECORD_END, .hold = number, .ending = ENDING_DOUBT, .final = 1, .doubt = hold.hard };
    end.soft_doubt = hold.soft;
    end.outcome = TEXT("crash");
    add(&l->sums.doubt, end.doubt);
    add_to_accounts(l, &hold, &end);
    if (write_one(l, &end, &fail) < 0) /* it stays open, and is in doubt at the next start */
        log_line(LOG_ERROR, "%s", fail.text);
    arena_fini(&arena);
}

static int read_history(struct ledger *l, const struct ledger_settings *settings, struct ledger_start *start, uint64_t *next, struct fail *fail)
{
    struct history_report report;
    struct replay replay = { l, start };
    struct history_visitor visitor = { replay_record, replay_problem, &replay };
    if (history_read(settings->folder, &visitor, &report, fail) < 0)
        return -1;
    *next = report.next;
    start->records = report.records;
    start->problems = report.problems;
    if (report.problems == 0 || settings->accept_gap)
        return 0;
    return fail_set(fail, FAIL_OPERATOR,
                    "the ledger in %s is damaged: %s. `llm-gateway ledger verify` shows all of it; `serve --accept-gap` starts without what is lost",
                    settings->folder, start->first_problem);
}

static void open_accounts(struct ledger *l, const struct ledger_settings *settings)
{
    l->accounts = calloc(settings->budget_count + 1, sizeof *l->accounts);
    BUG_IF(l->accounts == NULL);
    l->account_count = settings->budget_count;
    for (unsigned i = 0; i < settings->budget_count; i++) {
        const struct ledger_budget *b = &settings->budgets[i];
        l->accounts[i] = (struct account){ .kind = b->kind, .id = b->id, .period = b->period, .limit = b->limit, .ceiling = b->ceiling };
    }
}

struct ledger *ledger_open(const struct ledger_settings *settings, struct ledger_start *start, struct fail *fail)
{
    struct ledger *l = calloc(1, sizeof *l);
    uint64_t next = 1;

    BUG_IF(l == NULL);
    l->magic = LEDGER_MAGIC;
    l->last_late = &l->late;
    open_accounts(l, settings);
    *start = (struct ledger_start){ 0 };
    struct journal_settings journal = { .folder = settings->folder,
                                        .sync_ns = settings->sync_ns,
                                        .book = settings->book,
                                        .segment_bytes = settings->segment_bytes,
                                        .carry = carry,
                                        .owner = l };
    l->journal = journal_open(&journal, fail);
    if (l->journal != NULL && read_history(l, settings, start, &next, fail) == 0 && journal_start(l->journal, next, fail) == 0) {
        start->doubtful = l->open.count;
        journal_lock(l->journal);
        holds_each(&l->open, doubt_one, l);
        journal_unlock(l->journal);
        return l;
    }
    ledger_close(l);
    return NULL;
}

/* Writes what could not be written before. The mutex is held. */
static int write_late(struct ledger *l, struct fail *fail)
{
    int result = 0;
    for (struct late *late; result == 0 && (late = l->late) != NULL;) {
        struct record record;
        struct arena arena;
        const char *why;
        arena_init(&arena, NULL, 0, 1 << 20);
        BUG_IF(record_read(buf_view(&late->bytes), &arena, &record, &why) < 0);
        result = write_one(l, &record, fail);
        arena_fini(&arena);
        if (result < 0)
            break;
        l->late = late->next;
        if (l->late == NULL)
            l->last_late = &l->late;
        l->sums.waiting--;
        buf_free(&late->bytes);
        free(late);
    }
    return result;
}

static void keep_late(struct ledger *l, struct record *record)
{
    struct late *late = calloc(1, sizeof *late);
    BUG_IF(late == NULL);
    buf_init(&late->bytes, 1 << 20);
    record->number = 1; /* it gets its own, and its time, when it is written */
    record->unix_ms = 1;
    BUG_IF(record_write(record, &late->bytes) < 0);
    *l->last_late = late;
    l->last_late = &late->next;
    l->sums.waiting++;
}

void ledger_close(struct ledger *l)
{
    CHECK(l, LEDGER);
    if (l->journal != NULL && l->late != NULL) {
        struct fail fail;
        journal_lock(l->journal);
        write_late(l, &fail);
        journal_unlock(l->journal);
    }
    if (l->late != NULL)
        log_line(LOG_ERROR, "ledger: %llu records could not be written and are lost with this process", (unsigned long long)l->sums.waiting);
    if (l->journal != NULL)
        journal_close(l->journal);
    for (struct late *late = l->late, *next; late != NULL; late = next) {
        next = late->next;
        buf_free(&late->bytes);
        free(late);
    }
    holds_fini(&l->open);
    for (unsigned i = 0; i < l->account_count; i++)
        account_fini(&l->accounts[i]);
    free(l->accounts);
    l->magic = 0;
    free(l);
}

/* The mutex is held. */
static void write_or_keep(struct ledger *l, struct record *record)
{
    struct fail fail;
    if (write_late(l, &fail) == 0 && write_one(l, record, &fail) == 0)
        return;
    if (l->late == NULL)
        log_line(LOG_ERROR, "%s; what ends is kept in memory until then, and new requests are refused", fail.text);
    keep_late(l, record);
}

/* A hold that is written and not on the disk, where it must be there before the request is sent: it is not sent. */
static void take_back(struct ledger *l, struct ledger_hold *handle, const struct record *hold)
{
    struct record end = { .type = RECORD_END, .hold = hold->number, .ending = ENDING_VOID, .outcome = TEXT("not_sent") };
    BUG_IF(!holds_put(&l->open, hold->number, journal_last(l->journal)));
    for (unsigned i = 0; i < handle->period_count; i++)
        handle->periods[i]->number++;
    write_or_keep(l, &end);
}

/* Asks all budgets. False with *refusal: the hardest answer of them. */
static bool fits(struct ledger *l, struct ledger_hold *handle, const struct record *hold, const unsigned *budgets, unsigned count,
                 struct ledger_refusal *refusal)
{
    *refusal = (struct ledger_refusal){ .answer = ACCOUNT_FITS };
    for (unsigned i = 0; i < count; i++) {
        BUG_IF(budgets[i] >= l->account_count);
        struct account *account = &l->accounts[budgets[i]];
        struct account_period *period = account_at(account, hold->admitted_ms);
        enum account_answer answer = account_ask(account, period, hold->hard, hold->soft);
        handle->periods[i] = period;
        if (answer <= refusal->answer)
            continue;
        *refusal = (struct ledger_refusal){ answer, budgets[i], account_left(account, period),
                                            period_ends(account->period, hold->admitted_ms / 1000) };
    }
    handle->period_count = count;
    return refusal->answer == ACCOUNT_FITS;
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
                                            .number = handle->periods[i]->number + 1 };
    }
}

struct ledger_hold *ledger_hold(struct ledger *l, struct record *hold, const unsigned *budgets, unsigned count,
                                struct ledger_refusal *refusal, struct fail *fail)
{
    struct record_account names[LEDGER_BUDGETS_MOST];
    CHECK(l, LEDGER);
    BUG_IF(hold->hard < 0 || hold->soft < 0 || hold->soft > hold->hard || count > LEDGER_BUDGETS_MOST);
    struct ledger_hold *handle = calloc(1, sizeof *handle);
    BUG_IF(handle == NULL);
    hold->type = RECORD_HOLD;
    journal_lock(l->journal);
    size_t promised = (l->open.count + 1) * END_ROOM;
    int written = -1;
    bool ok = fits(l, handle, hold, budgets, count, refusal);
    if (ok) {
        name_accounts(l, handle, budgets, names);
        hold->accounts = (struct record_list){ names, count };
        written = write_late(l, fail) < 0 ? -1 : journal_append(l->journal, hold, promised < PROMISED_MOST ? promised : PROMISED_MOST, fail);
        ok = written == 0;
    }
    if (written == JOURNAL_NOT_SYNCED)
        take_back(l, handle, hold);
    if (ok) {
        handle->magic = HOLD_MAGIC;
        handle->number = hold->number;
        handle->hard = hold->hard;
        handle->soft = hold->soft;
        BUG_IF(!holds_put(&l->open, hold->number, journal_last(l->journal)));
        add(&l->sums.held, hold->hard);
        l->sums.open++;
        for (unsigned i = 0; i < count; i++)
            account_hold(handle->periods[i], hold->hard, hold->soft);
    }
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
    add(&l->sums.held, -handle->hard);
    add(&l->sums.doubt, end->doubt);
    for (unsigned i = 0; i < handle->period_count; i++)
        account_end(handle->periods[i], handle->hard, handle->soft, end);
    write_or_keep(l, end);
    journal_unlock(l->journal);
    handle->magic = 0;
    free(handle);
}

void ledger_row(struct ledger *l, struct record *row)
{
    CHECK(l, LEDGER);
    row->type = RECORD_ROW;
    journal_lock(l->journal);
    add_to_accounts(l, row, row);
    write_or_keep(l, row);
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
