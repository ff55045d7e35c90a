/* doubts.c - holds that ended as doubt, less what was settled later. */
#include "money/doubts.h"

#include <stdlib.h>
#include <string.h>

#include "money/history.h"

struct reading {
    struct doubts *doubts;
    const atomic_bool *stop;
};

/* The entry of a table is a struct doubt and the HOLD's bytes. */
static void put(struct holds *table, const struct doubt *doubt, struct text hold)
{
    char *joined = malloc(sizeof *doubt + hold.len);
    BUG_IF(joined == NULL);
    memcpy(joined, doubt, sizeof *doubt);
    memcpy(joined + sizeof *doubt, hold.ptr, hold.len);
    holds_put(table, doubt->hold, (struct text){ joined, sizeof *doubt + hold.len });
    free(joined);
}

static struct text take_apart(struct text entry, struct doubt *doubt)
{
    memcpy(doubt, entry.ptr, sizeof *doubt);
    return (struct text){ entry.ptr + sizeof *doubt, entry.len - sizeof *doubt };
}

static void end(struct doubts *d, const struct record *end)
{
    struct text entry = holds_get(&d->open, end->hold);
    struct doubt doubt;
    if (entry.ptr == NULL)
        return; /* `ledger verify` reports it */
    struct text hold = take_apart(entry, &doubt);
    doubt.doubt = end->doubt;
    doubt.soft_doubt = end->soft_doubt;
    doubt.ended_ms = end->unix_ms;
    if (doubt.doubt != 0 || doubt.soft_doubt != 0)
        put(&d->ended, &doubt, hold);
    holds_remove(&d->open, end->hold);
}

static void late(struct doubts *d, const struct record *late)
{
    struct text entry = holds_get(&d->ended, late->hold);
    struct doubt doubt;
    if (entry.ptr == NULL)
        return;
    take_apart(entry, &doubt);
    doubt.doubt += late->doubt;
    doubt.soft_doubt += late->soft_doubt;
    if (doubt.doubt == 0 && doubt.soft_doubt == 0)
        holds_remove(&d->ended, late->hold);
    else
        memcpy((void *)(uintptr_t)entry.ptr, &doubt, sizeof doubt);
}

static bool read_one(void *owner, const struct record *record, struct text bytes)
{
    struct reading *reading = owner;
    struct doubts *d = reading->doubts;
    if (record->type == RECORD_OPEN)
        d->segment = record->segment;
    if (record->type == RECORD_HOLD)
        put(&d->open, &(struct doubt){ .hold = record->number, .segment = d->segment }, bytes);
    if (record->type == RECORD_END)
        end(d, record);
    if (record->type == RECORD_LATE)
        late(d, record);
    return !atomic_load(reading->stop);
}

int doubts_read(struct doubts *d, const char *folder, uint64_t from, const atomic_bool *stop, struct fail *fail)
{
    struct reading reading = { d, stop };
    struct history_visitor visitor = { read_one, NULL, &reading };
    struct history_report report;
    *d = (struct doubts){ 0 };
    if (history_read_from(folder, from, &visitor, &report, fail) < 0)
        return -1;
    return atomic_load(stop) ? fail_set(fail, FAIL_US, "the gateway ends") : 0;
}

void doubts_fini(struct doubts *d)
{
    holds_fini(&d->open);
    holds_fini(&d->ended);
}

struct visit {
    void (*visit)(void *owner, const struct doubt *doubt, const struct record *hold);
    void *owner;
};

static void visit_one(void *owner, uint64_t number, struct text entry)
{
    const struct visit *v = owner;
    struct doubt doubt;
    struct record hold;
    struct arena arena;
    const char *why;
    (void)number;
    arena_init(&arena, NULL, 0, 1 << 20);
    if (record_read(take_apart(entry, &doubt), &arena, &hold, &why) == 0)
        v->visit(v->owner, &doubt, &hold);
    arena_fini(&arena);
}

void doubts_each(const struct doubts *d,
                 void (*visit)(void *owner, const struct doubt *doubt, const struct record *hold), void *owner)
{
    struct visit v = { visit, owner };
    holds_each(&d->ended, visit_one, &v);
}
