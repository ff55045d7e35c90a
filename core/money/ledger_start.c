/* ledger_start.c - what a ledger begins with: the balances, and what a crash left open; how it ends. */
#include <stdlib.h>

#include "base/log.h"
#include "money/history.h"
#include "money/ledger_inside.h"

struct replay {
    struct ledger *ledger;
    struct ledger_start *start;
};

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
        ledger_add_to_accounts(l, &hold, end);
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
        ledger_add(&l->sums.doubt, record->doubt);
        break;
    case RECORD_ROW:
        ledger_add_to_accounts(l, record, record);
        break;
    case RECORD_LATE:
        ledger_add(&l->sums.doubt, record->doubt);
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
    ledger_add(&l->sums.doubt, end.doubt);
    ledger_add_to_accounts(l, &hold, &end);
    if (ledger_write_one(l, &end, &fail) < 0) /* it stays open, and is in doubt at the next start */
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
        l->accounts[i] = (struct account){ .kind = b->kind, .id = b->id, .period = b->period, .mode = b->mode, .limit = b->limit, .ceiling = b->ceiling };
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

void ledger_close(struct ledger *l)
{
    CHECK(l, LEDGER);
    if (l->journal != NULL && l->late != NULL) {
        struct fail fail;
        journal_lock(l->journal);
        ledger_write_late(l, &fail);
        journal_unlock(l->journal);
    }
    if (l->late != NULL)
        log_line(LOG_ERROR, "ledger: %llu records could not be written and are lost with this process", (unsigned long long)l->sums.waiting);
    if (l->journal != NULL)
        journal_close(l->journal);
    ledger_free_late(l);
    holds_fini(&l->open);
    for (unsigned i = 0; i < l->account_count; i++)
        account_fini(&l->accounts[i]);
    free(l->accounts);
    l->magic = 0;
    free(l);
}
