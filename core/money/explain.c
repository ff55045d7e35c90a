/* explain.c - collects the rows of one request. */
#include "money/explain.h"

#include <stdlib.h>

#include "money/delivery_batch.h"
#include "money/explain_inside.h"
#include "money/follow.h"
#include "plugin/store.h"

static void put(struct explain *e, const gw_store_row *row)
{
    if (e->count < EXPLAIN_ROWS_MOST)
        e->rows[e->count++] = row_keep(&e->arena, row);
}

static void take_row(void *owner, const gw_store_row *row)
{
    put(owner, row);
}

/* A HOLD without an END: in flight. */
static void take_open(void *owner, uint64_t number, struct text bytes)
{
    struct explain *e = owner;
    struct follow_item item = { .bytes = bytes };
    const char *why;
    (void)number;
    if (record_read(arena_text(&e->arena, bytes), &e->arena, &item.record, &why) < 0 ||
        !text_eq(item.record.request, e->request))
        return;
    struct batch *batch = arena_new(&e->arena, struct batch);
    batch_init(batch);
    batch_add_open(batch, &item);
    put(e, batch->rows[0]);
    batch_fini(batch);
}

static int read_journal(struct explain *e, const char *folder, const gw_store_cursor *cursor, struct fail *fail)
{
    struct follow_settings settings = { .folder = folder,
                                        .from = { cursor->segment, cursor->offset, cursor->from },
                                        .next = cursor->next,
                                        .accept_gap = true };
    struct follow *f = follow_new(&settings);
    struct batch *batch = calloc(1, sizeof *batch);
    struct follow_item item;
    enum follow_next next;

    BUG_IF(batch == NULL);
    batch_init(batch);
    while ((next = follow_next(f, &item, fail)) == FOLLOW_RECORD) {
        const struct record *whose = item.has_hold ? &item.hold : &item.record;
        if (item.record.type == RECORD_HOLD || !text_eq(whose->request, e->request))
            continue;
        batch_clear(batch);
        batch_add(batch, &item);
        if (batch->row_count > 0)
            put(e, batch->rows[0]);
    }
    holds_each(follow_holds(f), take_open, e);
    batch_fini(batch);
    free(batch);
    follow_free(f);
    return next == FOLLOW_WAIT || next == FOLLOW_BEYOND ? 0 : -1;
}

/* The rows, and where the journal goes on. A store that is away has none, and all is in the journal. */
static int read_store(struct explain *e, const struct usage_store *store, gw_store_cursor *cursor, struct fail *fail)
{
    gw_store_find find = { .size = sizeof find, .request = call_str(e->request) };
    gw_status status;
    struct store_session *session = store_attach(store->plugin, store->instance, GW_STORE_READ, &status, fail);
    if (session == NULL)
        return status == GW_E_CONFIG ? -1 : 0;
    status = store_cursor(session, cursor, fail);
    if (status == GW_OK)
        status = store_rows(session, &find, take_row, e, fail);
    store_detach(session);
    return status == GW_OK ? 0 : -1;
}

/* A record that was delivered between the two readings is there twice. */
static void drop_doubles(struct explain *e)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->count; i++) {
        bool is_double = false;
        for (size_t k = 0; k < kept; k++)
            is_double = is_double || (e->rows[k]->number == e->rows[i]->number && e->rows[k]->type == e->rows[i]->type);
        if (!is_double)
            e->rows[kept++] = e->rows[i];
    }
    e->count = kept;
}

struct explain *explain_read(const char *folder, const struct usage_store *store, struct text request,
                             struct fail *fail)
{
    struct explain *e = calloc(1, sizeof *e);
    gw_store_cursor cursor = { .size = sizeof cursor };
    BUG_IF(e == NULL);
    arena_init(&e->arena, NULL, 0, 64 << 20);
    e->request = arena_text(&e->arena, request);
    int result = store != NULL ? read_store(e, store, &cursor, fail) : 0;
    if (result == 0)
        result = read_journal(e, folder, &cursor, fail);
    if (result == 0) {
        drop_doubles(e);
        return e;
    }
    explain_free(e);
    return NULL;
}

void explain_free(struct explain *e)
{
    arena_fini(&e->arena);
    free(e);
}

size_t explain_count(const struct explain *e)
{
    return e->count;
}
