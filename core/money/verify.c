/* verify.c - the checker. It shares the reader of records with the ledger, and nothing of its arithmetic. */
#include "money/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "money/holds.h"

/* What the journal says of one period of a budget. */
struct tally {
    struct tally *next;
    struct text kind, id, per; /* arena */
    int64_t begins_s;
    int64_t spent, held, soft_held, doubt, soft_doubt;
    uint64_t number, open;
};

struct verify {
    struct verify_report *report;
    struct tally *tallies; /* found by the first reading */
    struct arena arena;
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

static bool is_at(const struct tally *t, const struct record_account *a)
{
    return t->begins_s == a->begins_s && text_eq(t->kind, a->kind) && text_eq(t->id, a->id) && text_eq(t->per, a->per);
}

/* The first reading: which periods of which budgets there are. */
static bool find_accounts(void *owner, const struct record *record, struct text bytes)
{
    struct verify *v = owner;
    const struct record_account *a = record->accounts.items;
    (void)bytes;
    for (size_t i = 0; record->type == RECORD_HOLD && i < record->accounts.count; i++) {
        struct tally *t = v->tallies;
        while (t != NULL && !is_at(t, &a[i]))
            t = t->next;
        if (t != NULL)
            continue;
        t = arena_new(&v->arena, struct tally);
        *t = (struct tally){ .next = v->tallies, .kind = arena_text(&v->arena, a[i].kind), .id = arena_text(&v->arena, a[i].id),
                             .per = arena_text(&v->arena, a[i].per), .begins_s = a[i].begins_s };
        v->tallies = t;
    }
    return true;
}

/* The length of a period is not in the journal: what was admitted before the next one of the same budget began is in it. */
static bool is_in(const struct verify *v, const struct tally *t, const struct record *whose)
{
    int64_t at_s = whose->admitted_ms / 1000;
    bool is_its = text_is(t->kind, "team") ? text_eq(t->id, whose->team) : text_is(t->kind, "key") ? text_eq(t->id, whose->key) : true;
    if (!is_its || at_s < t->begins_s)
        return false;
    if (text_is(t->per, "day"))
        return at_s < t->begins_s + 86400;
    if (text_is(t->per, "week"))
        return at_s < t->begins_s + 7 * 86400;
    for (const struct tally *other = v->tallies; other != NULL; other = other->next)
        if (other->begins_s > t->begins_s && at_s >= other->begins_s && text_eq(other->kind, t->kind) && text_eq(other->id, t->id) &&
            text_eq(other->per, t->per))
            return false;
    return true;
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

static void tally_end(struct verify *v, const struct record *whose, const struct record *end)
{
    for (struct tally *t = v->tallies; t != NULL; t = t->next) {
        if (!is_in(v, t, whose))
            continue;
        add(v, end, &t->spent, end->cost);
        add(v, end, &t->doubt, end->doubt);
        add(v, end, &t->soft_doubt, end->soft_doubt);
        if (whose == end)
            continue;
        t->held -= whose->hard;
        t->soft_held -= whose->soft;
        t->open--;
    }
}

/* Both sums at each hold, in the order of the journal. */
static void check_account(struct verify *v, const struct record *hold, const struct record_account *a, const struct tally *t)
{
    int64_t most = t->spent + t->doubt + t->held + hold->hard;
    int64_t expected = t->spent + t->soft_doubt + t->soft_held + hold->soft;
    bool alone = t->open == 0 && t->spent + t->soft_doubt < a->limit;
    if (a->number != t->number + 1)
        broken(v, hold, "it is hold %" PRIu64 " of %.*s \"%.*s\" and the one before was %" PRIu64, a->number, TEXT_ARG(a->kind), TEXT_ARG(a->id), t->number);
    if (a->begins_s > hold->admitted_ms / 1000)
        broken(v, hold, "it was admitted before the period that it is charged to");
    if (most > a->ceiling)
        broken(v, hold, "with it %.*s \"%.*s\" can pass its ceiling by %" PRId64 " nano-dollars", TEXT_ARG(a->kind), TEXT_ARG(a->id), most - a->ceiling);
    if (expected > a->limit && !alone)
        broken(v, hold, "with it %.*s \"%.*s\" is expected to pass its limit by %" PRId64 " nano-dollars", TEXT_ARG(a->kind), TEXT_ARG(a->id), expected - a->limit);
}

static void check_accounts(struct verify *v, const struct record *hold)
{
    const struct record_account *a = hold->accounts.items;
    for (struct tally *t = v->tallies; t != NULL; t = t->next) {
        for (size_t i = 0; i < hold->accounts.count; i++)
            if (is_at(t, &a[i])) {
                check_account(v, hold, &a[i], t);
                t->number = a[i].number;
            }
        if (!is_in(v, t, hold))
            continue;
        t->held += hold->hard;
        t->soft_held += hold->soft;
        t->open++;
    }
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
        tally_end(v, &hold, end);
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
    check_accounts(v, hold);
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
        tally_end(v, record, record);
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
    struct history_visitor first = { find_accounts, NULL, &v };
    struct history_report history;
    *report = (struct verify_report){ 0 };
    arena_init(&v.arena, NULL, 0, 256 << 20);
    int result = history_read(folder, &first, &history, fail);
    if (result == 0)
        result = history_read(folder, &visitor, &history, fail);
    arena_fini(&v.arena);
    report->history = history;
    report->open = v.open.count;
    holds_fini(&v.open);
    return result;
}
