/* rollup.c - what a batch adds to the rollups: summed in memory, then one statement for each bucket and dimensions. */
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

static const int64_t seconds[] = { 0, 60, 3600, 86400 };
static const enum statement statements[] = { BEGIN, MINUTE_ADD, HOUR_ADD, DAY_ADD };
enum { LEVELS = 4 };

void rollup_values(const gw_store_sums *v, int64_t out[SUMS])
{
    const int64_t values[SUMS] = { v->requests,  v->input, v->output, v->cache_read, v->cache_write,
                                   v->reasoning, v->cost,  v->doubt,  v->unpriced,   v->estimated };
    memcpy(out, values, sizeof values);
}

void rollup_forget(struct rollup *r)
{
    if (r->slots != NULL)
        memset(r->slots, 0, r->slot_count * sizeof *r->slots);
    r->count = 0;
}

static struct rollup_entry *find(const struct rollup *r, uint32_t level, int64_t bucket, int64_t dims)
{
    uint64_t hash =
        ((uint64_t)bucket * 31 + level) * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)dims * UINT64_C(0xc2b2ae3d27d4eb4f);
    size_t i = (size_t)(hash >> 24) & (r->slot_count - 1);
    while (r->slots[i].level != 0 &&
           (r->slots[i].level != level || r->slots[i].bucket != bucket || r->slots[i].dims != dims))
        i = (i + 1) & (r->slot_count - 1);
    return &r->slots[i];
}

static bool grow(struct rollup *r)
{
    struct rollup old = *r;
    r->slot_count = old.slot_count == 0 ? 1024 : old.slot_count * 2;
    r->slots = calloc(r->slot_count, sizeof *r->slots);
    if (r->slots == NULL) {
        *r = old;
        return false;
    }
    for (size_t i = 0; i < old.slot_count; i++)
        if (old.slots[i].level != 0)
            *find(r, old.slots[i].level, old.slots[i].bucket, old.slots[i].dims) = old.slots[i];
    free(old.slots);
    return true;
}

static int64_t floor_to(int64_t value, int64_t unit)
{
    int64_t rest = value % unit;
    return value - (rest < 0 ? rest + unit : rest);
}

int64_t rollup_sum(int64_t a, int64_t b)
{
    int64_t sum;
    return !__builtin_add_overflow(a, b, &sum) ? sum : b > 0 ? INT64_MAX : INT64_MIN;
}

/* False: no memory. */
bool rollup_add(struct rollup *r, int64_t admitted_ms, int64_t dims, const int64_t sums[SUMS])
{
    for (uint32_t level = 1; level < LEVELS; level++) {
        int64_t bucket = floor_to(floor_to(admitted_ms, 1000) / 1000, seconds[level]);
        if (2 * (r->count + 1) > r->slot_count && !grow(r))
            return false;
        struct rollup_entry *entry = find(r, level, bucket, dims);
        if (entry->level == 0) {
            *entry = (struct rollup_entry){ .level = level, .bucket = bucket, .dims = dims };
            r->count++;
        }
        for (size_t i = 0; i < SUMS; i++)
            entry->sums[i] = rollup_sum(entry->sums[i], sums[i]);
    }
    return true;
}

gw_status rollup_write(struct session *s, gw_call *call)
{
    struct rollup *r = &s->rollup;
    gw_status status = GW_OK;
    for (size_t i = 0; status == GW_OK && r->count > 0 && i < r->slot_count; i++) {
        const struct rollup_entry *entry = &r->slots[i];
        sqlite3_stmt *st = entry->level != 0 ? statement(s, statements[entry->level]) : NULL;
        if (entry->level == 0)
            continue;
        if (st != NULL) {
            sqlite3_bind_int64(st, 1, entry->bucket);
            sqlite3_bind_int64(st, 2, entry->dims);
            for (int k = 0; k < SUMS; k++)
                sqlite3_bind_int64(st, 3 + k, entry->sums[k]);
        }
        status = statement_run(s, call, st);
    }
    rollup_forget(r);
    return status;
}
