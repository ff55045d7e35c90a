/* verify.c - the checker. It shares the reader of records with the ledger, and nothing of its arithmetic. */
#include "money/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "money/holds.h"

struct verify {
    struct verify_report *report;
    void (*problem)(void *owner, const char *what);
    void *owner;
    struct holds open;
};

static void broken(struct verify *v, const struct record *record, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void broken(struct verify *v, const struct record *record, const char *format, ...)
{
    char why[256], what[320];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    snprintf(what, sizeof what, "record %" PRIu64 " (%s): %s", record->number, record_type_name(record->type), why);
    v->report->broken++;
    if (v->problem != NULL)
        v->problem(v->owner, what);
}

/* Not of the ledger's own code: sums that wrap are a find here. */
static void add(struct verify *v, const struct record *record, int64_t *sum, int64_t more)
{
    if (__builtin_add_overflow(*sum, more, sum))
        broken(v, record, "a sum is over 9.2 billion dollars");
}

static void check_lines(struct verify *v, const struct record *record)
{
    const struct record_line *lines = record->lines.items;
    int64_t sum = 0;
    for (size_t i = 0; i < record->lines.count; i++) {
        if (lines[i].quantity < 0 || lines[i].cost < 0)
            broken(v, record, "a line has less than nothing");
        add(v, record, &sum, lines[i].cost);
    }
    if (sum != record->cost)
        broken(v, record, "its lines sum to %" PRId64 " nano-dollars and it cost %" PRId64, sum, record->cost);
    if (record->unpriced != 0 && record->cost != 0)
        broken(v, record, "its price is not known and it cost something");
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
    add(v, end, &v->report->spent, end->cost);
    add(v, end, &v->report->doubt, end->doubt);
    if (end->cost < 0 || end->doubt < 0)
        broken(v, end, "it cost less than nothing");
    if (end->ending == ENDING_VOID && (end->cost != 0 || end->doubt != 0))
        broken(v, end, "it is void and cost something");
    if (end->ending == ENDING_SETTLED && end->doubt != 0)
        broken(v, end, "it is settled and in doubt");
    if (bytes.ptr == NULL) {
        broken(v, end, "it ends the hold %" PRIu64 ", which is not open: it ended before, or there is none", end->hold);
        return;
    }
    arena_init(&arena, NULL, 0, 1 << 20);
    if (record_read(bytes, &arena, &hold, &why) == 0) {
        int64_t most = hold.hard > end->cost ? hold.hard : end->cost;
        v->report->held -= hold.hard;
        if (end->doubt > most - end->cost)
            broken(v, end, "what it cost and what is in doubt are over what was held");
    }
    arena_fini(&arena);
    holds_remove(&v->open, end->hold);
}

static void check_hold(struct verify *v, const struct record *hold, struct text bytes)
{
    v->report->holds++;
    if (hold->hard < 0 || hold->soft < 0 || hold->soft > hold->hard)
        broken(v, hold, "it holds less than nothing, or expects more than the most");
    add(v, hold, &v->report->held, hold->hard);
    if (!holds_put(&v->open, hold->number, bytes))
        broken(v, hold, "its number was given before");
}

static bool check_record(void *owner, const struct record *record, struct text bytes)
{
    struct verify *v = owner;
    switch (record->type) {
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
        add(v, record, &v->report->spent, record->cost);
        break;
    case RECORD_LATE:
        v->report->lates++;
        add(v, record, &v->report->spent, record->cost);
        add(v, record, &v->report->doubt, record->doubt);
        break;
    default:
        break;
    }
    return true;
}

static void damage(void *owner, const char *what)
{
    struct verify *v = owner;
    v->report->broken++;
    if (v->problem != NULL)
        v->problem(v->owner, what);
}

int verify_ledger(const char *folder, void (*problem)(void *owner, const char *what), void *owner,
                  struct verify_report *report, struct fail *fail)
{
    struct verify v = { .report = report, .problem = problem, .owner = owner };
    struct history_visitor visitor = { check_record, damage, &v };
    *report = (struct verify_report){ 0 };
    struct history_report history;
    int result = history_read(folder, &visitor, &history, fail);
    report->history = history;
    report->open = v.open.count;
    holds_fini(&v.open);
    return result;
}
