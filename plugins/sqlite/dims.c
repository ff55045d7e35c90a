/* dims.c - team, key, model and provider of a row, as one number. There are few of them and many rows, so they are kept in memory. */
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

enum { KEPT_MOST = 1 << 16, JOINED_MOST = 4 * 1024 };

void dims_forget(struct dims *d)
{
    for (size_t i = 0; i < d->slot_count; i++)
        free((void *)(uintptr_t)d->slots[i].text.ptr);
    if (d->slots != NULL)
        memset(d->slots, 0, d->slot_count * sizeof *d->slots);
    d->count = 0;
}

/* FNV-1a; 0 is a free slot. */
static uint64_t hash_of(gw_str text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
    return hash | 1;
}

static struct dims_entry *find(const struct dims *d, uint64_t hash, gw_str text)
{
    size_t i = (size_t)(hash >> 7) & (d->slot_count - 1);
    while (d->slots[i].hash != 0 && (d->slots[i].hash != hash || d->slots[i].text.len != text.len ||
                                     memcmp(d->slots[i].text.ptr, text.ptr, text.len) != 0))
        i = (i + 1) & (d->slot_count - 1);
    return &d->slots[i];
}

/* Where there is no memory it is not kept, and looked up again. */
static void keep(struct dims *d, uint64_t hash, gw_str text, int64_t id)
{
    char *copy = d->slots != NULL ? malloc(text.len + 1) : NULL;
    if (copy == NULL)
        return;
    memcpy(copy, text.ptr, text.len);
    *find(d, hash, text) = (struct dims_entry){ hash, id, { copy, text.len } };
    if (++d->count >= KEPT_MOST)
        dims_forget(d);
}

static gw_str join(const gw_store_row *row, char out[JOINED_MOST])
{
    const gw_str values[] = { row->team, row->key, row->model, row->provider };
    size_t len = 0;
    for (size_t i = 0; i < 4; i++) {
        if (values[i].len + 1 > JOINED_MOST / 4)
            return (gw_str){ NULL, 0 };
        if (values[i].ptr != NULL)
            memcpy(out + len, values[i].ptr, values[i].len);
        len += values[i].ptr != NULL ? values[i].len : 0;
        out[len++] = '\0';
    }
    return (gw_str){ out, len };
}

static sqlite3_stmt *bound(struct session *s, enum statement which, const gw_store_row *row)
{
    sqlite3_stmt *st = statement(s, which);
    if (st == NULL)
        return NULL;
    statement_bind(st, 1, row->team);
    statement_bind(st, 2, row->key);
    statement_bind(st, 3, row->model);
    statement_bind(st, 4, row->provider);
    return st;
}

static gw_status look_up(struct session *s, gw_call *call, const gw_store_row *row, int64_t *id)
{
    sqlite3_stmt *st = bound(s, DIMS_GET, row);
    int code = st != NULL ? sqlite3_step(st) : sqlite3_errcode(s->db);
    if (code == SQLITE_ROW)
        *id = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    if (code == SQLITE_ROW)
        return GW_OK;
    if (code != SQLITE_DONE)
        return statement_failed(s, call, code);
    gw_status status = statement_run(s, call, bound(s, DIMS_NEW, row));
    *id = sqlite3_last_insert_rowid(s->db);
    return status;
}

gw_status dims_of(struct session *s, gw_call *call, const gw_store_row *row, int64_t *id)
{
    char memory[JOINED_MOST];
    struct dims *d = &s->dims;
    gw_str text = join(row, memory);

    if (text.ptr == NULL) /* too long to be kept */
        return look_up(s, call, row, id);
    if (d->slots == NULL) {
        d->slot_count = 2 * KEPT_MOST;
        d->slots = calloc(d->slot_count, sizeof *d->slots);
    }
    uint64_t hash = hash_of(text);
    const struct dims_entry *entry = d->slots != NULL ? find(d, hash, text) : NULL;
    if (entry != NULL && entry->hash != 0) {
        *id = entry->id;
        return GW_OK;
    }
    gw_status status = look_up(s, call, row, id);
    if (status == GW_OK)
        keep(d, hash, text, *id);
    return status;
}
