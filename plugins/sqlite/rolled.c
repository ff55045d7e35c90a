/* rolled.c - sums of rollups. SQL gives their rows in the order in which they stand; they are grouped here, which takes a third of the
 * time of GROUP BY. */
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

enum { WORDS = 4, FIRST_CELLS = 1024, JOINED_MOST = 4096 };

/* One row of the answer: a group of dims on one day (0 where days are not asked for). */
struct cell {
    int64_t group, day; /* group 0: free; else one more than its place */
    int64_t sums[SUMS];
};

/* The distinct values of the words that are asked for, each joined with NULs; on the heap. */
struct rolled {
    gw_str *groups;
    size_t group_count, group_cap;
    uint32_t *group_slots; /* place + 1 by the hash of the text */
    size_t slot_count;
    int32_t *group_of; /* by the number in dims; 0: not known */
    int64_t dims_count;
    struct cell *cells;
    size_t cell_slots, cell_count;
};

static void forget(struct rolled *r)
{
    for (size_t i = 0; i < r->group_count; i++)
        free((void *)(uintptr_t)r->groups[i].ptr);
    free(r->groups);
    free(r->group_slots);
    free(r->group_of);
    free(r->cells);
}

static uint64_t hash_of(gw_str text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 29;
}

static uint32_t *slot_of(const struct rolled *r, gw_str text)
{
    size_t i = (size_t)hash_of(text) & (r->slot_count - 1);
    while (r->group_slots[i] != 0) {
        gw_str other = r->groups[r->group_slots[i] - 1];
        if (other.len == text.len && memcmp(other.ptr, text.ptr, text.len) == 0)
            break;
        i = (i + 1) & (r->slot_count - 1);
    }
    return &r->group_slots[i];
}

static bool grow_groups(struct rolled *r)
{
    size_t cap = r->group_cap == 0 ? 256 : r->group_cap * 2;
    gw_str *groups = realloc(r->groups, cap * sizeof *groups);
    if (groups == NULL)
        return false;
    r->groups = groups;
    free(r->group_slots);
    r->group_slots = calloc(cap * 2, sizeof *r->group_slots);
    if (r->group_slots == NULL)
        return false;
    r->group_cap = cap;
    r->slot_count = cap * 2;
    for (size_t i = 0; i < r->group_count; i++)
        *slot_of(r, r->groups[i]) = (uint32_t)i + 1;
    return true;
}

/* One more than the place of the group; 0: no memory. */
static int32_t group_of(struct rolled *r, gw_str text)
{
    if (r->group_count == r->group_cap && !grow_groups(r))
        return 0;
    uint32_t *slot = slot_of(r, text);
    if (*slot != 0)
        return (int32_t)*slot;
    char *copy = malloc(text.len + 1);
    if (copy == NULL)
        return 0;
    memcpy(copy, text.ptr, text.len);
    r->groups[r->group_count] = (gw_str){ copy, text.len };
    *slot = (uint32_t)++r->group_count;
    return (int32_t)*slot;
}

static bool put_dims(struct rolled *r, int64_t id, int32_t group)
{
    if (id < 0 || id > INT32_MAX || group == 0)
        return false;
    if (id >= r->dims_count) {
        int64_t count = r->dims_count == 0 ? 1024 : r->dims_count;
        while (count <= id)
            count *= 2;
        int32_t *more = realloc(r->group_of, (size_t)count * sizeof *more);
        if (more == NULL)
            return false;
        memset(more + r->dims_count, 0, (size_t)(count - r->dims_count) * sizeof *more);
        r->group_of = more;
        r->dims_count = count;
    }
    r->group_of[id] = group;
    return true;
}

/* Column of the statement that has this word; -1: the day. */
static int column_of(uint32_t word)
{
    return word == GW_STORE_BY_DAY ? -1 : (int)word - (int)GW_STORE_BY_TEAM + 1;
}

static gw_status read_dims(struct session *s, gw_call *call, const gw_store_query *q, struct rolled *r)
{
    sqlite3_stmt *st = statement(s, DIMS_ALL);
    int code = st != NULL ? sqlite3_step(st) : sqlite3_errcode(s->db);
    for (; code == SQLITE_ROW; code = sqlite3_step(st)) {
        char joined[JOINED_MOST];
        size_t len = 0;
        for (uint32_t i = 0; i < q->by_count; i++) {
            int column = column_of(q->by[i]);
            gw_str text = column >= 0 ? statement_text(st, column) : GW_LIT("");
            if (column < 0)
                continue;
            text.len = text.len < JOINED_MOST / WORDS ? text.len : JOINED_MOST / WORDS - 1;
            memcpy(joined + len, text.ptr, text.len);
            len += text.len;
            joined[len++] = '\0';
        }
        if (!put_dims(r, sqlite3_column_int64(st, 0), group_of(r, (gw_str){ joined, len }))) {
            sqlite3_reset(st);
            return GW_E_NOMEM;
        }
    }
    sqlite3_reset(st);
    return code == SQLITE_DONE ? GW_OK : statement_failed(s, call, code);
}

static struct cell *cell_at(const struct rolled *r, int64_t group, int64_t day)
{
    uint64_t hash = (uint64_t)group * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)day * UINT64_C(0xc2b2ae3d27d4eb4f);
    size_t i = (size_t)(hash >> 20) & (r->cell_slots - 1);
    while (r->cells[i].group != 0 && (r->cells[i].group != group || r->cells[i].day != day))
        i = (i + 1) & (r->cell_slots - 1);
    return &r->cells[i];
}

static bool grow_cells(struct rolled *r)
{
    struct rolled old = *r;
    r->cell_slots = old.cell_slots == 0 ? FIRST_CELLS : old.cell_slots * 2;
    r->cells = calloc(r->cell_slots, sizeof *r->cells);
    if (r->cells == NULL) {
        *r = old;
        return false;
    }
    for (size_t i = 0; i < old.cell_slots; i++)
        if (old.cells[i].group != 0)
            *cell_at(r, old.cells[i].group, old.cells[i].day) = old.cells[i];
    free(old.cells);
    return true;
}

/* False: no memory. */
static bool add_row(struct rolled *r, sqlite3_stmt *st, bool by_day)
{
    int64_t dims = sqlite3_column_int64(st, 1), day = by_day ? sqlite3_column_int64(st, 0) / 86400 : 0;
    int32_t group = dims >= 0 && dims < r->dims_count ? r->group_of[dims] : 0;
    if (group == 0 || (2 * (r->cell_count + 1) > r->cell_slots && !grow_cells(r)))
        return false;
    struct cell *cell = cell_at(r, group, day);
    r->cell_count += cell->group == 0;
    cell->group = group;
    cell->day = day;
    for (int i = 0; i < SUMS; i++)
        cell->sums[i] = rollup_sum(cell->sums[i], sqlite3_column_int64(st, 2 + i));
    return true;
}

static gw_status add_range(struct session *s, gw_call *call, struct rolled *r, const struct range *range, bool by_day)
{
    sqlite3_stmt *st = statement(s, range->statement);
    if (st == NULL)
        return statement_failed(s, call, sqlite3_errcode(s->db));
    sqlite3_bind_int64(st, 1, range->since_s);
    sqlite3_bind_int64(st, 2, range->until_s);
    int code;
    bool good = true;
    while (good && (code = sqlite3_step(st)) == SQLITE_ROW)
        good = add_row(r, st, by_day);
    sqlite3_reset(st);
    if (good)
        return code == SQLITE_DONE ? GW_OK : statement_failed(s, call, code);
    return GW_E_NOMEM;
}

static void give(const struct rolled *r, const gw_store_query *q, const struct cell *cell, void *owner,
                 void (*each)(void *owner, const gw_store_group *group))
{
    char days[DAY_TEXT];
    gw_str values[WORDS + 1], rest = r->groups[cell->group - 1];
    for (uint32_t i = 0; i < q->by_count; i++) {
        if (q->by[i] == GW_STORE_BY_DAY) {
            values[i] = sums_day(cell->day, days);
            continue;
        }
        values[i] = (gw_str){ rest.ptr, strlen(rest.ptr) };
        rest.ptr += values[i].len + 1;
    }
    sums_give(q, values, cell->sums, owner, each);
}

gw_status rolled_sums(struct session *s, gw_call *call, const gw_store_query *q, const struct range *ranges,
                      size_t count, void *owner, void (*each)(void *owner, const gw_store_group *group))
{
    struct rolled r = { .group_count = 0 };
    bool by_day = false;
    for (uint32_t i = 0; i < q->by_count; i++)
        by_day = by_day || q->by[i] == GW_STORE_BY_DAY;
    gw_status status = read_dims(s, call, q, &r);
    for (size_t i = 0; status == GW_OK && i < count; i++)
        status = add_range(s, call, &r, &ranges[i], by_day);
    for (size_t i = 0; status == GW_OK && i < r.cell_slots; i++)
        if (r.cells[i].group != 0)
            give(&r, q, &r.cells[i], owner, each);
    forget(&r);
    return status;
}
