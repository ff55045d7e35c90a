/* fake_store.c - see fake_store.h. */
#include "fake_store.h"

#include <stdio.h>
#include <string.h>

struct fake_store fake_store = { .mutex = PTHREAD_MUTEX_INITIALIZER };

void fake_store_clear(void)
{
    pthread_mutex_lock(&fake_store.mutex);
    fake_store.cursor =
        (gw_store_cursor){ .size = sizeof fake_store.cursor, .generation = 1, .rows_since_ms = INT64_MIN };
    fake_store.row_count = fake_store.doubles = 0;
    fake_store.attaches = fake_store.puts = fake_store.prunes = 0;
    fake_store.fail_attaches = fake_store.fail_puts = fake_store.lose_answers = 0;
    fake_store.misses = false;
    fake_store.prunable = 0;
    pthread_mutex_unlock(&fake_store.mutex);
}

size_t fake_store_rows(void)
{
    pthread_mutex_lock(&fake_store.mutex);
    size_t count = fake_store.row_count;
    pthread_mutex_unlock(&fake_store.mutex);
    return count;
}

static gw_status open_fake(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    (void)host, (void)call, (void)config;
    *instance = &fake_store;
    return GW_OK;
}

static void nothing(void *instance)
{
    (void)instance;
}

/* One failure of those that are asked for. The mutex is held. */
static gw_status failure(int *count)
{
    if (*count < 0)
        return GW_E_CONFIG;
    return *count > 0 && (*count)-- > 0 ? GW_E_RETRY : GW_OK;
}

static gw_status attach(void *instance, gw_call *call, uint32_t mode, void **session)
{
    struct fake_store *s = instance;
    (void)call, (void)mode;
    pthread_mutex_lock(&s->mutex);
    s->attaches++;
    gw_status status = s->misses ? GW_MISS : failure(&s->fail_attaches);
    pthread_mutex_unlock(&s->mutex);
    *session = s;
    return status;
}

static gw_status cursor(void *session, gw_call *call, gw_store_cursor *out)
{
    struct fake_store *s = session;
    (void)call;
    pthread_mutex_lock(&s->mutex);
    *out = s->cursor;
    pthread_mutex_unlock(&s->mutex);
    return GW_OK;
}

static void text(char *to, size_t room, gw_str from)
{
    snprintf(to, room, "%.*s", (int)from.len, from.ptr != NULL ? from.ptr : "");
}

static void keep(struct fake_store *s, const gw_store_batch *batch)
{
    for (size_t i = 0; i < batch->row_count; i++) {
        const gw_store_row *from = batch->rows[i];
        for (size_t k = 0; k < s->row_count; k++)
            s->doubles += s->rows[k].generation == batch->until->generation && s->rows[k].number == from->number;
        if (s->row_count == FAKE_ROWS_MOST)
            continue;
        struct fake_row *to = &s->rows[s->row_count++];
        *to = (struct fake_row){ .generation = batch->until->generation,
                                 .number = from->number,
                                 .cost = from->sums->cost,
                                 .doubt = from->sums->doubt };
        text(to->request, sizeof to->request, from->request);
        text(to->team, sizeof to->team, from->team);
        text(to->outcome, sizeof to->outcome, from->outcome);
    }
    s->cursor = *batch->until;
}

static gw_status put(void *session, gw_call *call, const gw_store_batch *batch)
{
    struct fake_store *s = session;
    (void)call;
    pthread_mutex_lock(&s->mutex);
    s->puts++;
    gw_status status = failure(&s->fail_puts);
    if (status == GW_OK && (batch->after->next != s->cursor.next || batch->after->generation != s->cursor.generation))
        status = GW_MISS;
    if (status == GW_OK)
        keep(s, batch);
    if (status == GW_OK)
        status = failure(&s->lose_answers);
    pthread_mutex_unlock(&s->mutex);
    return status;
}

static gw_status prune(void *session, gw_call *call, int64_t before_ms, uint32_t most, uint32_t *removed)
{
    struct fake_store *s = session;
    (void)call;
    pthread_mutex_lock(&s->mutex);
    s->prunes++;
    s->pruned_before_ms = before_ms;
    *removed = s->prunable < most ? s->prunable : most;
    s->prunable -= *removed;
    pthread_mutex_unlock(&s->mutex);
    return GW_OK;
}

static gw_status sums(void *session, gw_call *call, const gw_store_query *query, gw_store_cursor *out, void *owner,
                      void (*each)(void *owner, const gw_store_group *group))
{
    (void)query, (void)owner, (void)each;
    return cursor(session, call, out);
}

static gw_status rows(void *session, gw_call *call, const gw_store_find *find, void *owner,
                      void (*each)(void *owner, const gw_store_row *row))
{
    (void)session, (void)call, (void)find, (void)owner, (void)each;
    return GW_OK;
}

static const gw_store_ops ops = { .size = sizeof ops,
                                  .open = open_fake,
                                  .close = nothing,
                                  .attach = attach,
                                  .detach = nothing,
                                  .cursor = cursor,
                                  .put = put,
                                  .prune = prune,
                                  .sums = sums,
                                  .rows = rows };
const gw_plugin fake_store_plugin = { .abi_major = GW_ABI_MAJOR,
                                      .needs_minor = GW_ABI_MINOR,
                                      .size = sizeof fake_store_plugin,
                                      .kind = GW_KIND_STORE,
                                      .name = "fake",
                                      .version = "1",
                                      .license = "MIT",
                                      .ops = &ops };
