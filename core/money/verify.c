/* verify.c - the checker. It shares the reader of records with the ledger, and nothing of its arithmetic. */
#include "money/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "money/verify_inside.h"

enum { COMPLAINTS_MOST = 1 << 20 };

void verify_broken(struct verify *v, const struct record *record, const char *format, ...)
{
    char why[256];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    v->report->broken++;
    buf_printf(&v->complaints, "record %" PRIu64 " (%s): %s\n", record->number, record_type_name(record->type), why);
}

void verify_add(struct verify *v, const struct record *record, int64_t *sum, int64_t more)
{
    if (__builtin_add_overflow(*sum, more, sum))
        verify_broken(v, record, "a sum is over 9.2 billion dollars");
}

static void check_lines(struct verify *v, const struct record *record)
{
    const struct record_line *lines = record->lines.items;
    int64_t sum = 0;
    for (size_t i = 0; i < record->lines.count; i++) {
        if (lines[i].quantity < 0 || lines[i].cost < 0)
            verify_broken(v, record, "a line has less than nothing");
        verify_add(v, record, &sum, lines[i].cost);
    }
    if (record->cached != 0 && (record->type != RECORD_ROW || record->cost != 0 || sum != record->saved))
        verify_broken(v, record,
                      "it was answered from the cache, cost %" PRId64 " nano-dollars and saved %" PRId64
                      ", and its lines sum to %" PRId64,
                      record->cost, record->saved, sum);
    else if (record->cached == 0 && record->saved != 0)
        verify_broken(v, record, "it saved something and was not answered from the cache");
    if (record->cached == 0 && sum != record->cost)
        verify_broken(v, record, "its lines sum to %" PRId64 " nano-dollars and it cost %" PRId64, sum, record->cost);
    if (record->unpriced != 0 && record->cost != 0)
        verify_broken(v, record, "its price is not known and it cost something");
}

static void check_end(struct verify *v, const struct record *end)
{
    struct text bytes = holds_get(&v->open, end->hold);
    struct record hold;
    struct arena arena;
    const char *why;

    v->report->ends++;
    v->report->settled += end->ending == ENDING_SETTLED;
    v->report->free_of_cost += end->ending == ENDING_VOID;
    v->report->doubtful += end->ending == ENDING_DOUBT;
    v->report->unpriced += end->unpriced;
    check_lines(v, end);
    verify_add(v, end, &v->report->spent, end->cost);
    verify_add(v, end, &v->report->doubt, end->doubt);
    if (end->cost < 0 || end->doubt < 0)
        verify_broken(v, end, "it cost less than nothing");
    if (end->ending == ENDING_VOID && (end->cost != 0 || end->doubt != 0))
        verify_broken(v, end, "it is void and cost something");
    if (end->ending == ENDING_SETTLED && end->doubt != 0)
        verify_broken(v, end, "it is settled and in doubt");
    if (bytes.ptr == NULL) {
        verify_broken(v, end, "it ends the hold %" PRIu64 ", which is not open: it ended before, or there is none",
                      end->hold);
        return;
    }
    arena_init(&arena, NULL, 0, 1 << 20);
    if (record_read(bytes, &arena, &hold, &why) == 0) {
        int64_t most = hold.hard > end->cost ? hold.hard : end->cost;
        v->report->held -= hold.hard;
        verify_end_accounts(v, &hold, end);
        if (end->doubt > most - end->cost)
            verify_broken(v, end, "what it cost and what is in doubt are over what was held");
    }
    arena_fini(&arena);
    holds_remove(&v->open, end->hold);
    if (end->doubt > 0)
        holds_put(&v->doubts, end->hold, (struct text){ (const char *)&end->doubt, sizeof end->doubt });
}

/* What is corrected was there, and no more is taken out of doubt than is in it. */
static void check_late(struct verify *v, const struct record *late)
{
    struct text bytes = holds_get(&v->doubts, late->hold);
    int64_t doubt = 0;

    v->report->lates++;
    verify_add(v, late, &v->report->spent, late->cost);
    verify_add(v, late, &v->report->doubt, late->doubt);
    verify_end_accounts(v, late, late);
    if (late->hold >= late->number || holds_get(&v->open, late->hold).ptr != NULL)
        verify_broken(v, late, "it corrects the hold %" PRIu64 ", which is not over", late->hold);
    if (bytes.ptr != NULL)
        memcpy(&doubt, bytes.ptr, sizeof doubt);
    else if (late->hold < v->first) /* its END is in a segment that is gone */
        return;
    verify_add(v, late, &doubt, late->doubt);
    if (doubt < 0)
        verify_broken(v, late, "it takes %" PRId64 " nano-dollars more out of doubt than hold %" PRIu64 " has in doubt",
                      -doubt, late->hold);
    holds_remove(&v->doubts, late->hold);
    if (doubt > 0)
        holds_put(&v->doubts, late->hold, (struct text){ (const char *)&doubt, sizeof doubt });
}

static void check_hold(struct verify *v, const struct record *hold, struct text bytes)
{
    v->report->holds++;
    verify_add(v, hold, &v->report->held, hold->hard);
    if (v->carried > 0) {
        v->carried--;
        verify_take_hold(v, hold);
        holds_put(&v->open, hold->number, bytes);
        return;
    }
    if (hold->hard < 0 || hold->soft < 0 || hold->soft > hold->hard)
        verify_broken(v, hold, "it holds less than nothing, or expects more than the most");
    verify_hold_accounts(v, hold);
    if (!holds_put(&v->open, hold->number, bytes))
        verify_broken(v, hold, "its number was given before");
}

/* The holds that it carries come to check_record() behind it where it is the first; else they are open already. */
static void take_open(struct verify *v, const struct record *open)
{
    v->report->spent = open->cost;
    v->report->doubt = open->doubt;
    verify_take_balances(v, open);
}

/* What is lost before it is known: the rest of the journal is held against what it carries over. */
static void accept_gap(struct verify *v, const struct record *open)
{
    const struct text *carried = open->carried.items;
    v->report->accepted += v->report->broken;
    v->report->broken = 0;
    buf_truncate(&v->complaints, 0);
    take_open(v, open);
    holds_fini(&v->open);
    holds_fini(&v->doubts);
    v->again = v->first = v->next = open->number;
    v->report->held = 0;
    struct arena arena;
    arena_init(&arena, NULL, 0, 64 << 20);
    for (size_t i = 0; i < open->carried.count; i++) {
        struct record hold;
        const char *why;
        if (record_read(carried[i], &arena, &hold, &why) < 0)
            continue;
        holds_put(&v->open, hold.number, carried[i]);
        verify_add(v, open, &v->report->held, hold.hard);
        verify_take_hold(v, &hold);
    }
    arena_fini(&arena);
}

static void check_open(struct verify *v, const struct record *open)
{
    uint64_t as_of = open->as_of > open->number ? open->as_of : open->number;
    verify_find_budgets(v, open);
    if (v->first == 0) {
        v->again = open->number;
        v->first = v->next = open->whole ? as_of : open->number;
        if (open->whole)
            take_open(v, open);
        v->carried = open->carried.count;
        return;
    }
    if (open->gap)
        accept_gap(v, open);
    if (!open->whole || as_of != v->next || v->report->broken > 0 || v->history->problems > 0)
        return;
    verify_balances(v, open);
    if (open->cost != v->report->spent || open->doubt != v->report->doubt)
        verify_broken(v, open,
                      "it carries over %" PRId64 " nano-dollars spent and %" PRId64
                      " in doubt, and the records make it %" PRId64 " and %" PRId64,
                      open->cost, open->doubt, v->report->spent, v->report->doubt);
    if (open->carried.count != v->open.count)
        verify_broken(v, open, "it carries over %zu holds, and %zu are open", open->carried.count, v->open.count);
}

static bool check_record(void *owner, const struct record *record, struct text bytes)
{
    struct verify *v = owner;
    if (record->type != RECORD_OPEN && record->number >= v->again && record->number < v->first && v->carried == 0)
        return true;
    if (record->type != RECORD_OPEN && record->type != RECORD_MARK)
        v->next = record->number + 1 > v->next ? record->number + 1 : v->next;
    switch (record->type) {
    case RECORD_OPEN:
        check_open(v, record);
        break;
    case RECORD_HOLD:
        check_hold(v, record, bytes);
        break;
    case RECORD_END:
        check_end(v, record);
        break;
    case RECORD_ROW:
        v->report->rows++;
        v->report->unpriced += record->unpriced;
        check_lines(v, record);
        verify_add(v, record, &v->report->spent, record->cost);
        verify_end_accounts(v, record, record);
        break;
    case RECORD_LATE:
        check_late(v, record);
        break;
    default:
        break;
    }
    return true;
}

static bool find_budgets(void *owner, const struct record *record, struct text bytes)
{
    (void)bytes;
    verify_find_budgets(owner, record);
    return true;
}

static void damage(void *owner, const char *what)
{
    struct verify *v = owner;
    v->report->broken++;
    buf_printf(&v->complaints, "%s\n", what);
}

static void show(const struct verify *v, void (*problem)(void *owner, const char *what), void *owner)
{
    struct text rest = buf_view(&v->complaints);
    char what[512];
    while (rest.len > 0 && problem != NULL) {
        struct text line = text_cut(&rest, '\n');
        snprintf(what, sizeof what, "%.*s", TEXT_ARG(line));
        problem(owner, what);
    }
}

int verify_ledger(const char *folder, void (*problem)(void *owner, const char *what), void *owner,
                  struct verify_report *report, struct fail *fail)
{
    struct history_report history;
    struct verify v = { .report = report, .history = &history };
    struct history_visitor first = { find_budgets, NULL, &v };
    struct history_visitor visitor = { check_record, damage, &v };
    *report = (struct verify_report){ 0 };
    arena_init(&v.arena, NULL, 0, 1u << 30);
    buf_init(&v.complaints, COMPLAINTS_MOST);
    map_init(&v.budgets);
    map_init(&v.owners);
    int result = history_read(folder, &first, &history, fail);
    if (result == 0)
        result = history_read(folder, &visitor, &history, fail);
    show(&v, problem, owner);
    report->history = history;
    report->accepted += history.accepted;
    report->open = v.open.count;
    verify_free_budgets(&v);
    buf_free(&v.complaints);
    arena_fini(&v.arena);
    holds_fini(&v.open);
    holds_fini(&v.doubts);
    return result;
}
