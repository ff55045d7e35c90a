/* metrics.c - counts, per worker; merging and writing them is metrics_write.c. */
#include "flow/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "flow/metrics_inside.h"

const double metrics_bounds[METRICS_BOUNDS] = METRICS_BOUND_VALUES;

struct metrics *metrics_new(unsigned workers)
{
    struct metrics *m = calloc(1, sizeof *m + workers * sizeof *m->shards);
    BUG_IF(m == NULL);
    m->workers = workers;
    for (unsigned i = 0; i < workers; i++) {
        pthread_mutex_init(&m->shards[i].lock, NULL);
        map_init(&m->shards[i].rows);
        map_init(&m->shards[i].timed);
        map_init(&m->shards[i].models);
    }
    return m;
}

static void free_map(struct map *map)
{
    for (size_t i = 0; i < map->count; i++)
        free(map->entries[i].value);
    map_fini(map);
}

void metrics_free(struct metrics *m)
{
    for (unsigned i = 0; i < m->workers; i++) {
        free_map(&m->shards[i].rows);
        free_map(&m->shards[i].timed);
        free_map(&m->shards[i].models);
        pthread_mutex_destroy(&m->shards[i].lock);
    }
    free(m);
}

/* A key is the kind and its labels, each ended by a byte that no label has. */
struct key {
    char bytes[METRICS_KEY_MAX];
    size_t len;
};

static void key_add(struct key *k, struct text label)
{
    if (label.len > METRICS_LABEL_MAX) { /* between characters */
        label.len = METRICS_LABEL_MAX;
        label.len = text_utf8_valid_len(label);
    }
    BUG_IF(k->len + label.len >= sizeof k->bytes);
    if (label.len > 0)
        memcpy(k->bytes + k->len, label.ptr, label.len);
    k->len += label.len;
    k->bytes[k->len++] = METRICS_SEPARATOR;
}

static struct metrics_row *row_of(struct metrics_shard *shard, const struct key *key)
{
    struct text text = { key->bytes, key->len };
    struct metrics_row *row = map_get(&shard->rows, text);
    if (row != NULL || shard->rows.count >= METRICS_ROWS_MAX)
        return row;
    row = calloc(1, sizeof *row + key->len);
    BUG_IF(row == NULL);
    memcpy(row->key, key->bytes, key->len);
    map_put(&shard->rows, (struct text){ row->key, key->len }, row);
    return row;
}

static struct metrics_timed *timed_of(struct metrics_shard *shard, const struct key *key)
{
    struct metrics_timed *timed = map_get(&shard->timed, (struct text){ key->bytes, key->len });
    if (timed != NULL || shard->timed.count >= METRICS_TIMED_MAX)
        return timed;
    timed = calloc(1, sizeof *timed + key->len);
    BUG_IF(timed == NULL);
    memcpy(timed->key, key->bytes, key->len);
    map_put(&shard->timed, (struct text){ timed->key, key->len }, timed);
    return timed;
}

/* A name that a client gave becomes a label when an upstream has answered to it, and while there is room. */
static struct text label_of(struct metrics_shard *shard, const struct metrics_request *r)
{
    if (r->configured || map_get(&shard->models, r->model) != NULL)
        return r->model;
    if (r->model.len == 0 || r->outcome != OUTCOME_OK || shard->models.count >= METRICS_MODELS_MAX)
        return TEXT("other");
    char *copy = strndup(r->model.ptr, r->model.len);
    BUG_IF(copy == NULL);
    map_put(&shard->models, (struct text){ copy, r->model.len }, copy);
    return r->model;
}

static void observe(struct metrics_histogram *h, int64_t ns)
{
    double seconds = (double)ns / 1e9;
    size_t i = 0;
    while (i < METRICS_BOUNDS && seconds > metrics_bounds[i])
        i++;
    h->counts[i]++;
    h->sum_ns += ns;
}

static void count_tokens(struct metrics_row *row, const struct usage *u)
{
    const int64_t n[METRICS_TOKEN_TYPES] = { u->input,    u->cache_read, u->cache_write_5m, u->cache_write_1h,
                                             u->output,   u->reasoning,  u->audio_in,       u->audio_out,
                                             u->image_in, u->image_out };
    for (size_t i = 0; i < METRICS_TOKEN_TYPES; i++)
        row->tokens[i] += n[i];
}

void metrics_count_request(struct metrics *m, unsigned worker, const struct metrics_request *r)
{
    BUG_IF(worker >= m->workers);
    struct metrics_shard *shard = &m->shards[worker];
    struct key key = { .len = 0 }, times = { .len = 0 }, source = { .len = 0 };
    char status[4] = { (char)('0' + r->status / 100 % 10), (char)('0' + r->status / 10 % 10),
                       (char)('0' + r->status % 10), 0 };

    pthread_mutex_lock(&shard->lock);
    struct text model = label_of(shard, r);
    key_add(&key, TEXT("r"));
    key_add(&key, text_of(r->face));
    key_add(&key, r->provider);
    key_add(&key, model);
    key_add(&key, r->team);
    key_add(&key, (struct text){ status, 3 });
    key_add(&key, text_of(outcome_name(r->outcome)));
    struct metrics_row *row = row_of(shard, &key);
    if (row != NULL) {
        row->count++;
        count_tokens(row, r->usage);
        row->unpriced += !r->priced;
        if (__builtin_add_overflow(row->cost_nano, r->cost_nano, &row->cost_nano))
            row->cost_nano = INT64_MAX;
    }
    key_add(&source, TEXT("u"));
    key_add(&source, text_of(usage_source_name(r->usage->source)));
    struct metrics_row *sources = row_of(shard, &source);
    if (sources != NULL) {
        sources->count++;
        count_tokens(sources, r->usage);
    }
    key_add(&times, TEXT("t"));
    key_add(&times, r->provider);
    key_add(&times, model);
    struct metrics_timed *timed = timed_of(shard, &times);
    if (timed != NULL)
        observe(&timed->duration, r->duration_ns);
    if (timed != NULL && r->first_token_ns >= 0)
        observe(&timed->first_token, r->first_token_ns);
    observe(&shard->overhead, r->overhead_ns);
    pthread_mutex_unlock(&shard->lock);
}

static void bump(struct metrics *m, unsigned worker, const struct key *key)
{
    BUG_IF(worker >= m->workers);
    struct metrics_shard *shard = &m->shards[worker];
    pthread_mutex_lock(&shard->lock);
    struct metrics_row *row = row_of(shard, key);
    if (row != NULL)
        row->count++;
    pthread_mutex_unlock(&shard->lock);
}

void metrics_count_attempt(struct metrics *m, unsigned worker, struct text provider, const char *outcome)
{
    struct key key = { .len = 0 };
    key_add(&key, TEXT("a"));
    key_add(&key, provider);
    key_add(&key, text_of(outcome));
    bump(m, worker, &key);
}

void metrics_count_fallback(struct metrics *m, unsigned worker, struct text from, struct text to, const char *reason)
{
    struct key key = { .len = 0 };
    key_add(&key, TEXT("f"));
    key_add(&key, from);
    key_add(&key, to);
    key_add(&key, text_of(reason));
    bump(m, worker, &key);
}

void metrics_count_exceeded(struct metrics *m, unsigned worker, struct text model)
{
    struct key key = { .len = 0 };
    key_add(&key, TEXT("h"));
    key_add(&key, model);
    bump(m, worker, &key);
}

void metrics_count_event(struct metrics *m, unsigned worker, const char *name)
{
    struct key key = { .len = 0 };
    key_add(&key, TEXT("e"));
    key_add(&key, text_of(name));
    bump(m, worker, &key);
}

void metrics_count_limit(struct metrics *m, unsigned worker, const char *limit)
{
    struct key key = { .len = 0 };
    key_add(&key, TEXT("l"));
    key_add(&key, text_of(limit));
    bump(m, worker, &key);
}

void metrics_count_shed(struct metrics *m, unsigned worker, const char *reason)
{
    struct key key = { .len = 0 };
    key_add(&key, TEXT("s"));
    key_add(&key, text_of(reason));
    bump(m, worker, &key);
}

void metrics_observe_queue(struct metrics *m, unsigned worker, int64_t ns)
{
    struct metrics_shard *shard = &m->shards[worker];
    pthread_mutex_lock(&shard->lock);
    observe(&shard->queue, ns);
    pthread_mutex_unlock(&shard->lock);
}

void metrics_count_cache(struct metrics *m, unsigned worker, const struct metrics_cache *n, const char *bars)
{
    BUG_IF(worker >= m->workers);
    struct metrics_shard *shard = &m->shards[worker];
    pthread_mutex_lock(&shard->lock);
    metrics_add_cache(&shard->cache, n);
    pthread_mutex_unlock(&shard->lock);
    if (bars == NULL)
        return;
    struct key key = { .len = 0 };
    key_add(&key, TEXT("c"));
    key_add(&key, text_of(bars));
    bump(m, worker, &key);
}

void metrics_count_policy(struct metrics *m, unsigned worker, struct text policy, struct text event)
{
    struct key key = { .len = 0 };
    key_add(&key, TEXT("p"));
    key_add(&key, policy);
    key_add(&key, event);
    bump(m, worker, &key);
}
