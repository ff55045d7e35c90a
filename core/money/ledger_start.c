/* ledger_start.c - what a ledger begins with: the balances, and what a crash left open; how it ends. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "money/history.h"
#include "money/ledger_inside.h"

struct replay {
    struct ledger *ledger;
    struct ledger_start *start;
    bool tail;              /* it began at a whole OPEN */
    bool begun;             /* the first OPEN came */
    size_t carried;         /* HOLDs that come behind it out of itself */
    uint64_t number, as_of; /* of that OPEN, whose balances were taken: the records between are in them */
    bool lacking;           /* an account is not in that OPEN: everything must be read */
    uint64_t before;        /* the number of the first record that is not wanted; 0: all are */
};

static void replay_end(struct ledger *l, const struct record *end)
{
    struct text bytes = holds_get(&l->open, end->hold);
    struct record hold;
    struct arena arena;
    const char *why;
    if (bytes.ptr == NULL)
        return;
    arena_init(&arena, NULL, 0, 1 << 20);
    if (record_read(bytes, &arena, &hold, &why) == 0)
        ledger_book(l, &hold, end);
    arena_fini(&arena);
    holds_remove(&l->open, end->hold);
}

/* The first one carries over what was before it. */
static bool replay_open(struct replay *replay, const struct record *open)
{
    if (replay->begun)
        return true;
    replay->begun = true;
    replay->carried = open->carried.count;
    replay->lacking = replay->tail && !ledger_is_carried(replay->ledger, open);
    if (!replay->lacking && open->whole) {
        ledger_take_carried(replay->ledger, open);
        replay->number = open->number;
        replay->as_of = open->as_of;
    }
    return !replay->lacking;
}

static bool replay_record(void *owner, const struct record *record, struct text bytes)
{
    struct replay *replay = owner;
    if (replay->carried > 0 && record->type == RECORD_HOLD)
        replay->carried--;
    else if (record->type != RECORD_OPEN && record->number >= replay->number && record->number < replay->as_of)
        return true;
    else if (replay->before > 0 && record->type != RECORD_OPEN && record->number >= replay->before)
        return false;
    switch (record->type) {
    case RECORD_OPEN:
        return replay_open(replay, record);
    case RECORD_HOLD:
        holds_put(&replay->ledger->open, record->number, bytes);
        accounts_replay_hold(&replay->ledger->accounts, record, clock_unix_ms());
        break;
    case RECORD_END:
        replay_end(replay->ledger, record);
        break;
    case RECORD_ROW:
    case RECORD_LATE:
        ledger_book(replay->ledger, record, record);
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

/* What a process that crashed had sent, or was about to send: nobody knows whether it is charged. */
static void doubt_one(void *owner, uint64_t number, struct text bytes)
{
    struct ledger *l = owner;
    struct record hold;
    struct arena arena;
    const char *why;

    arena_init(&arena, NULL, 0, 1 << 20);
    BUG_IF(record_read(arena_text(&arena, bytes), &arena, &hold, &why) < 0); /* a copy: the END lets go of it */
    struct record end = { .type = RECORD_END, .hold = number, .ending = ENDING_DOUBT, .final = 1, .doubt = hold.hard };
    end.soft_doubt = hold.soft;
    end.outcome = TEXT("crash");
    ledger_write_or_keep(l, &end);
    ledger_book(l, &hold, &end);
    arena_fini(&arena);
}

static bool pass_over(void *owner, const struct record *record, struct text bytes)
{
    (void)owner, (void)record, (void)bytes;
    return true;
}

/* A hold of the process that gave the ledger away. Its accounts come from ledger_join_accounts(). */
static void take_over_one(void *owner, uint64_t number, struct text bytes)
{
    struct ledger *l = owner;
    struct ledger_hold *handle = malloc(sizeof *handle);
    struct record hold;
    struct arena arena;
    const char *why;

    arena_init(&arena, NULL, 0, 1 << 20);
    BUG_IF(handle == NULL || record_read(bytes, &arena, &hold, &why) < 0);
    *handle = (struct ledger_hold){ .magic = 0 };
    hold.number = number;
    ledger_is_held(l, handle, &hold);
    arena_fini(&arena);
}

/* What the operator accepts is all damage, also where a start would not look. */
static int count_damage(const struct ledger_settings *settings, struct ledger_start *start, struct fail *fail)
{
    struct history_report report;
    struct replay replay = { .start = start };
    struct history_visitor visitor = { pass_over, replay_problem, &replay };
    int result = history_read(settings->folder, &visitor, &report, fail);
    start->problems = report.problems;
    return result;
}

/* From the last whole OPEN on, or all of it where that lacks an account. */
static int replay_from(struct ledger *l, const char *folder, uint64_t segment, struct replay *replay,
                       struct history_report *report, struct fail *fail)
{
    struct history_visitor visitor = { replay_record, replay_problem, replay };
    *replay = (struct replay){ .ledger = l, .start = replay->start, .tail = segment > 0 };
    int result = history_read_from(folder, segment, &visitor, report, fail);
    if (result < 0 || !replay->lacking)
        return result;
    return replay_from(l, folder, 0, replay, report, fail);
}

static int read_history(struct ledger *l, const struct ledger_settings *settings, struct ledger_start *start,
                        uint64_t *next, struct fail *fail)
{
    struct history_report report;
    struct replay replay = { .start = start };
    uint64_t segment;
    if (settings->accept_gap && count_damage(settings, start, fail) < 0)
        return -1;
    if (history_find_whole(settings->folder, &segment, fail) < 0 ||
        replay_from(l, settings->folder, segment, &replay, &report, fail) < 0)
        return -1;
    *next = report.next;
    start->records = report.next - 1;
    start->read = report.records;
    if (report.problems > start->problems)
        start->problems = report.problems;
    l->gap = start->problems > 0;
    if (report.problems == 0 || settings->accept_gap)
        return 0;
    return fail_set(
        fail, FAIL_OPERATOR,
        "the ledger in %s is damaged: %s. `llm-gateway ledger verify` shows all of it; `serve --accept-gap` starts without what is lost",
        settings->folder, start->first_problem);
}

int ledger_read_past(struct ledger *l, const char *folder, uint64_t before, struct fail *fail)
{
    struct ledger_start start = { 0 };
    struct replay replay = { .ledger = l, .start = &start, .before = before };
    struct history_visitor visitor = { replay_record, replay_problem, &replay };
    struct history_report report;
    return history_read(folder, &visitor, &report, fail);
}

struct ledger *ledger_open(const struct ledger_settings *settings, struct ledger_start *start, struct fail *fail)
{
    struct ledger *l = calloc(1, sizeof *l);
    uint64_t next = 1;

    BUG_IF(l == NULL);
    l->magic = LEDGER_MAGIC;
    l->last_late = &l->late;
    accounts_open(&l->accounts, settings->rules, settings->rule_count);
    atomic_init(&l->charges, settings->rule_count > 0);
    l->folder = strdup(settings->folder);
    BUG_IF(l->folder == NULL);
    l->doubt_ttl_ns = settings->doubt_ttl_ns;
    ledger_start_doubt(l);
    *start = (struct ledger_start){ 0 };
    struct journal_settings journal = { .folder = settings->folder,
                                        .sync_ns = settings->sync_ns,
                                        .book = settings->book,
                                        .segment_bytes = settings->segment_bytes,
                                        .lock_fd = settings->lock_fd,
                                        .carry = ledger_carry,
                                        .owner = l };
    l->journal = journal_open(&journal, fail);
    if (l->journal != NULL && read_history(l, settings, start, &next, fail) == 0 &&
        journal_start(l->journal, next, fail) == 0) {
        l->gap = false;
        journal_lock(l->journal);
        if (settings->lock_fd > 0) { /* who wrote them goes on with them */
            start->taken_over = l->open.count;
            holds_each(&l->open, take_over_one, l);
            ledger_join_accounts(l);
        } else {
            start->doubtful = l->open.count;
            holds_each(&l->open, doubt_one, l);
        }
        journal_unlock(l->journal);
        if (settings->lock_fd > 0 || ledger_watch_doubt(l))
            return l;
        fail_set(fail, FAIL_US, "the thread that ends doubt cannot be started");
    }
    ledger_close(l);
    return NULL;
}

void ledger_close(struct ledger *l)
{
    CHECK(l, LEDGER);
    ledger_end_doubt(l);
    ledger_end_away(l);
    if (l->journal != NULL && l->late != NULL) {
        struct fail fail;
        journal_lock(l->journal);
        ledger_write_late(l, &fail);
        journal_unlock(l->journal);
    }
    if (l->late != NULL)
        log_line(LOG_ERROR, "ledger: %llu records could not be written and are lost with this process",
                 (unsigned long long)l->sums.waiting);
    if (l->journal != NULL)
        journal_close(l->journal);
    ledger_free_late(l);
    for (struct ledger_hold *h = l->handles, *next; h != NULL; h = next) {
        next = h->next;
        ledger_free_hold(h);
    }
    holds_fini(&l->open);
    accounts_fini(&l->accounts);
    free(l->folder);
    l->magic = 0;
    free(l);
}
