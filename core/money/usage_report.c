/* usage_report.c - reads the journal into rows. An END is added to the row of its HOLD, which names whose it is. */
#include "money/usage_report.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "money/follow.h"
#include "money/usage_inside.h"

const char *const usage_by_names[] = { "team", "key",     "model",  "provider", "project", "tag",
                                       "user", "session", "client", "day",      NULL };

int usage_parse_by(struct text words, struct usage_query *query, struct text *bad)
{
    query->by_count = 0;
    while (words.ptr != NULL) {
        struct text word = text_trim(text_cut(&words, ','));
        enum usage_by by = 0;
        while (by < BY_WORDS && !text_is(word, usage_by_names[by]))
            by++;
        for (unsigned i = 0; i < query->by_count; i++)
            if (query->by[i] == by)
                by = BY_WORDS;
        *bad = word;
        if (by == BY_WORDS || query->by_count == USAGE_BY_MOST)
            return -1;
        query->by[query->by_count++] = by;
    }
    return 0;
}

int64_t usage_day_of(const struct zone *zone, int64_t unix_ms)
{
    int64_t unix_s = unix_ms / 1000 - (unix_ms % 1000 < 0);
    return zone_day_of(zone, unix_s);
}

struct text usage_day_text(struct arena *arena, int64_t day)
{
    char text[32];
    clock_rfc3339(day * 86400000, text);
    return arena_text(arena, (struct text){ text, 10 });
}

static struct text value_of(const struct usage_report *r, struct arena *arena, const struct record *whose,
                            enum usage_by by)
{
    switch (by) {
    case BY_TEAM:
        return whose->team;
    case BY_KEY:
        return whose->key;
    case BY_MODEL:
        return whose->model;
    case BY_PROVIDER:
        return whose->provider;
    case BY_PROJECT:
        return whose->project;
    case BY_TAG:
        return whose->tags;
    case BY_USER:
        return whose->user;
    case BY_SESSION:
        return whose->session;
    case BY_CLIENT:
        return whose->client;
    case BY_DAY:
        return usage_day_text(arena, usage_day_of(r->query.zone, whose->admitted_ms));
    case BY_WORDS:
        break;
    }
    return TEXT_NONE;
}

struct usage_row *usage_row_of(struct usage_report *r, const struct text values[USAGE_BY_MOST])
{
    char joined[USAGE_BY_MOST * (RECORD_TEXT_MOST + 1)];
    size_t len = 0;

    for (unsigned i = 0; i < r->query.by_count; i++) {
        size_t n = values[i].len < RECORD_TEXT_MOST ? values[i].len : RECORD_TEXT_MOST;
        if (n > 0)
            memcpy(joined + len, values[i].ptr, n);
        len += n;
        joined[len++] = '\x1f';
    }
    struct usage_row *row = map_get(&r->groups, (struct text){ joined, len });
    if (row == NULL) {
        row = arena_new(&r->arena, struct usage_row);
        for (unsigned i = 0; i < r->query.by_count; i++)
            row->values[i] = arena_text(&r->arena, values[i].ptr != NULL ? values[i] : TEXT(""));
        map_put(&r->groups, arena_text(&r->arena, (struct text){ joined, len }), row);
    }
    return row;
}

static struct usage_row *row_of(struct usage_report *r, const struct record *whose)
{
    char memory[64];
    struct text values[USAGE_BY_MOST];
    struct arena days;

    arena_init(&days, memory, sizeof memory, 1024);
    for (unsigned i = 0; i < r->query.by_count; i++)
        values[i] = value_of(r, &days, whose, r->query.by[i]);
    struct usage_row *row = usage_row_of(r, values);
    arena_fini(&days);
    return row;
}

static bool is_asked_for(const struct usage_report *r, const struct record *whose)
{
    return whose->admitted_ms >= r->query.since_ms && whose->admitted_ms < r->query.until_ms;
}

void usage_add_record(struct usage_report *r, const struct record *whose, const struct record *record, int64_t held)
{
    if (!is_asked_for(r, whose))
        return;
    struct usage_sums *sums = &row_of(r, whose)->sums;
    if (record != NULL) {
        usage_sums_add_record(sums, record);
        usage_sums_add_record(&r->total, record);
    }
    usage_sums_add_held(sums, held);
    usage_sums_add_held(&r->total, held);
}

static void add_end(struct usage_report *r, const struct record *end)
{
    struct text bytes = holds_get(&r->open, end->hold);
    struct record hold;
    struct arena arena;
    const char *why;
    if (bytes.ptr == NULL)
        return; /* `ledger verify` reports it */
    arena_init(&arena, NULL, 0, 1 << 20);
    if (record_read(bytes, &arena, &hold, &why) == 0)
        usage_add_record(r, &hold, end, -hold.hard);
    arena_fini(&arena);
    holds_remove(&r->open, end->hold);
}

static bool add_any(void *owner, const struct record *record, struct text bytes)
{
    struct usage_report *r = owner;
    if (record->type == RECORD_HOLD && holds_put(&r->open, record->number, bytes))
        usage_add_record(r, record, NULL, record->hard);
    else if (record->type == RECORD_END)
        add_end(r, record);
    else if (record->type == RECORD_ROW || record->type == RECORD_LATE) /* a LATE repeats whose it is */
        usage_add_record(r, record, record, 0);
    return !r->arena.full;
}

/* Days in their order; all else by what was spent, then by name. */
static int in_order(const void *a, const void *b, void *owner)
{
    const struct usage_report *r = owner;
    const struct usage_row *x = *(const struct usage_row *const *)a, *y = *(const struct usage_row *const *)b;
    for (unsigned i = 0; i < r->query.by_count; i++)
        if (r->query.by[i] == BY_DAY && !text_eq(x->values[i], y->values[i]))
            return memcmp(x->values[i].ptr, y->values[i].ptr, 10);
    if (x->sums.cost != y->sums.cost)
        return x->sums.cost > y->sums.cost ? -1 : 1;
    for (unsigned i = 0; i < r->query.by_count; i++) {
        size_t n = x->values[i].len < y->values[i].len ? x->values[i].len : y->values[i].len;
        int order = memcmp(x->values[i].ptr, y->values[i].ptr, n);
        if (order != 0 || x->values[i].len != y->values[i].len)
            return order != 0 ? order : x->values[i].len < y->values[i].len ? -1 : 1;
    }
    return 0;
}

static int read_journal(struct usage_report *r, const char *folder, struct fail *fail)
{
    struct history_visitor visitor = { add_any, NULL, r };
    struct history_report history;
    int result = history_read(folder, &visitor, &history, fail);
    r->notes.problems = history.problems;
    r->notes.first_record = result == 0 ? follow_oldest(folder, fail) : 0;
    holds_fini(&r->open);
    return result;
}

static void sort_rows(struct usage_report *r)
{
    r->row_count = r->groups.count;
    r->rows = calloc(r->row_count + 1, sizeof *r->rows);
    BUG_IF(r->rows == NULL);
    for (size_t i = 0; i < r->row_count; i++)
        r->rows[i] = r->groups.entries[i].value;
    qsort_r(r->rows, r->row_count, sizeof *r->rows, in_order, r);
}

struct usage_report *usage_report_read(const char *folder, const struct usage_store *store,
                                       const struct usage_query *query, struct fail *fail)
{
    struct usage_report *r = calloc(1, sizeof *r);
    BUG_IF(r == NULL);
    r->query = *query;
    r->notes.rows_since_ms = INT64_MIN;
    arena_init(&r->arena, NULL, 0, 1u << 30);
    map_init(&r->groups);
    int result = store != NULL ? usage_read_store(r, folder, store, fail) : 0;
    if (result == 0)
        result = read_journal(r, folder, fail);
    if (result >= 0 && r->arena.full)
        result = fail_set(fail, FAIL_OPERATOR,
                          "the report has too many rows for the memory; ask for fewer words, or for a shorter time");
    if (result < 0) {
        usage_report_free(r);
        return NULL;
    }
    sort_rows(r);
    return r;
}

void usage_report_free(struct usage_report *r)
{
    free(r->rows);
    map_fini(&r->groups);
    arena_fini(&r->arena);
    free(r);
}

const struct usage_notes *usage_report_notes(const struct usage_report *report)
{
    return &report->notes;
}
