/* past.c - puts the rows of a ledger together: attempts, corrections and what was decided are one request's. */
#include "money/past.h"

#include <stdlib.h>

#include "money/delivery_batch.h"
#include "money/follow.h"
#include "plugin/call.h"
#include "plugin/store.h"

enum { PAGE_ROWS = 5000 };
#define MEMORY_MOST ((size_t)4 << 30)

/* The rows of one reading; those of the store may reach beyond its cursor. */
struct reading {
    struct past *past;
    uint64_t newest; /* number of a row of the store */
    unsigned rows;
};

static struct text keep(struct past *past, gw_str s)
{
    return s.len > 0 ? arena_text(&past->arena, call_text(s)) : TEXT_NONE;
}

static struct past_request *begin(struct past *past, const gw_store_row *row)
{
    struct past_request *r = arena_new(&past->arena, struct past_request);
    *r = (struct past_request){ .id = keep(past, row->request),
                                .team = keep(past, row->team),
                                .key = keep(past, row->key),
                                .project = keep(past, row->project),
                                .user = keep(past, row->user),
                                .session = keep(past, row->session),
                                .client = keep(past, row->client),
                                .face = keep(past, row->face),
                                .model = keep(past, row->model),
                                .admitted_ms = row->admitted_ms,
                                .place = past->count,
                                .priced = true };
    r->last_tried = &r->tried;
    map_put(&past->by_id, r->id, r);
    if (past->count == past->room) {
        past->room = past->room > 0 ? past->room * 2 : 1024;
        past->items = realloc(past->items, past->room * sizeof *past->items);
        BUG_IF(past->items == NULL);
    }
    past->items[past->count++] = r;
    return r;
}

static struct text target_of(struct past *past, const gw_store_row *row)
{
    struct text provider = call_text(row->provider), model = call_text(row->upstream_model);
    return provider.len > 0 ? text_of(arena_printf(&past->arena, "%.*s/%.*s", TEXT_ARG(provider), TEXT_ARG(model)))
                            : TEXT_NONE;
}

static void add(struct past *past, const gw_store_row *row)
{
    struct past_request *r = map_get(&past->by_id, call_text(row->request));
    if (row->type == GW_STORE_LATE) { /* of a request whose rows were removed: nothing is known of it */
        if (r != NULL)
            r->cost += row->sums->cost;
        return;
    }
    if (r == NULL)
        r = begin(past, row);
    int64_t input = row->sums->input + row->sums->cache_read + row->sums->cache_write;
    r->asked_input = r->asked_input > 0 ? r->asked_input : input;
    r->input += input;
    r->output += row->sums->output;
    r->reasoning += row->sums->reasoning;
    r->cost += row->sums->cost;
    r->priced = r->priced && row->sums->unpriced == 0;
    r->over = r->over || row->sums->requests > 0 || row->type == GW_STORE_ROW; /* refused ones count in no sum */
    r->duration_ms += row->duration_ms;
    r->tags = keep(past, row->tags); /* policies add some */
    r->outcome = keep(past, row->outcome);
    if (row->policies.len > 0)
        r->policies = keep(past, row->policies);
    if (row->attempt == 0)
        return;
    r->attempts++;
    r->last = target_of(past, row);
    struct past_attempt *a = arena_new(&past->arena, struct past_attempt);
    *a = (struct past_attempt){ .target = r->last, .number = row->attempt };
    *r->last_tried = a;
    r->last_tried = &a->next;
    if (r->first.ptr == NULL)
        r->first = r->last;
}

static void take_row(void *owner, const gw_store_row *row)
{
    struct reading *reading = owner;
    reading->rows++;
    reading->newest = row->number > reading->newest ? row->number : reading->newest;
    add(reading->past, row);
}

static int read_store(struct reading *reading, const struct usage_store *store, gw_store_cursor *cursor,
                      struct fail *fail)
{
    gw_store_find find = { .size = sizeof find, .most = PAGE_ROWS };
    gw_status status;
    struct store_session *session = store_attach(store->plugin, store->instance, GW_STORE_READ, &status, fail);
    if (session == NULL)
        return status == GW_MISS ? 0 : -1;
    status = store_cursor(session, cursor, fail);
    do {
        reading->rows = 0;
        find.after = reading->newest;
        if (status == GW_OK)
            status = store_rows(session, &find, take_row, reading, fail);
    } while (status == GW_OK && reading->rows == PAGE_ROWS && !reading->past->arena.full);
    store_detach(session);
    return status == GW_OK ? 0 : -1;
}

static int read_journal(struct reading *reading, const char *folder, const gw_store_cursor *cursor, struct fail *fail)
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
    while ((next = follow_next(f, &item, fail)) == FOLLOW_RECORD && !reading->past->arena.full) {
        if (item.record.type == RECORD_HOLD || item.record.number <= reading->newest)
            continue;
        batch_clear(batch);
        batch_add(batch, &item);
        if (batch->row_count > 0)
            add(reading->past, batch->rows[0]);
    }
    reading->past->problems = follow_damages(f) + (next == FOLLOW_BEYOND);
    batch_fini(batch);
    free(batch);
    follow_free(f);
    return next == FOLLOW_WAIT || next == FOLLOW_BEYOND || next == FOLLOW_RECORD ? 0 : -1;
}

static int by_admission(const void *a, const void *b)
{
    const struct past_request *x = *(struct past_request *const *)a, *y = *(struct past_request *const *)b;
    int64_t before = x->admitted_ms - y->admitted_ms;
    before = before != 0 ? before : (int64_t)x->place - (int64_t)y->place;
    return (before > 0) - (before < 0);
}

int past_read(const char *folder, const struct usage_store *store, struct past *past, struct fail *fail)
{
    gw_store_cursor cursor = { .size = sizeof cursor };
    struct reading reading = { .past = past };
    *past = (struct past){ 0 };
    arena_init(&past->arena, NULL, 0, MEMORY_MOST);
    map_init(&past->by_id);
    if ((store != NULL && read_store(&reading, store, &cursor, fail) < 0) ||
        read_journal(&reading, folder, &cursor, fail) < 0)
        return -1;
    if (past->arena.full)
        return fail_set(fail, FAIL_OPERATOR, "the ledger has more requests than fit into memory");
    if (past->count > 0)
        qsort(past->items, past->count, sizeof *past->items, by_admission);
    return 0;
}

void past_fini(struct past *past)
{
    free(past->items);
    map_fini(&past->by_id);
    arena_fini(&past->arena);
}
