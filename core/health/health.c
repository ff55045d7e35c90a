/* health.c - the rows of targets, lanes and models, found by their words. */
#include "health/health.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/map.h"
#include "health/ejection.h"
#include "health/lane.h"
#include "health/outage.h"
#include "health/queue.h"
#include "health/warm.h"

/* One row; freed with its table. */
struct row {
    struct text provider, model; /* of `words` */
    union {
        struct ejection ejection;
        struct lane lane;
        struct {
            struct outage outage;
            struct queue queue;
        } model;
    } of;
    char words[]; /* the key */
};

enum { KEY_MOST = 1024 };
enum kind { TARGETS, LANES, MODELS, KINDS };

struct health {
    pthread_rwlock_t lock; /* of the tables; a row has its own */
    uint64_t seed;
    struct map rows[KINDS];
    struct warm warm;
    struct gate gate; /* of slots and queues */
};

struct health *health_new(uint64_t seed)
{
    struct health *health = calloc(1, sizeof *health);
    if (health == NULL)
        return NULL;
    health->seed = seed;
    pthread_rwlock_init(&health->lock, NULL);
    warm_init(&health->warm);
    gate_init(&health->gate);
    for (unsigned i = 0; i < KINDS; i++)
        map_init(&health->rows[i]);
    return health;
}

static void free_row(enum kind kind, struct row *row)
{
    if (kind == TARGETS)
        ejection_fini(&row->of.ejection);
    else if (kind == LANES)
        lane_fini(&row->of.lane);
    else
        outage_fini(&row->of.model.outage);
    free(row);
}

void health_free(struct health *health)
{
    if (health == NULL)
        return;
    for (unsigned kind = 0; kind < KINDS; kind++) {
        for (size_t i = 0; i < health->rows[kind].count; i++)
            free_row((enum kind)kind, health->rows[kind].entries[i].value);
        map_fini(&health->rows[kind]);
    }
    warm_fini(&health->warm);
    gate_fini(&health->gate);
    pthread_rwlock_destroy(&health->lock);
    free(health);
}

/* Under the lock for writing. */
static struct row *add(struct health *health, enum kind kind, struct text key, size_t provider, size_t model_at)
{
    struct map *rows = &health->rows[kind];
    struct row *row = rows->count < HEALTH_ROWS_MOST ? calloc(1, sizeof *row + key.len + 1) : NULL;
    if (row == NULL)
        return NULL;
    memcpy(row->words, key.ptr, key.len);
    row->provider = (struct text){ row->words, provider };
    row->model = (struct text){ row->words + model_at, key.len - model_at };
    uint64_t seed = health->seed ^ (rows->count + 1) * UINT64_C(0x9e3779b97f4a7c15);
    if (kind == TARGETS) {
        ejection_init(&row->of.ejection, seed);
        slots_init(&row->of.ejection.slots, &health->gate);
    } else if (kind == LANES) {
        lane_init(&row->of.lane, seed);
    } else {
        outage_init(&row->of.model.outage, seed);
        queue_init(&row->of.model.queue, &health->gate);
    }
    map_put(rows, (struct text){ row->words, key.len }, row);
    return row;
}

/* The row whose key is the three texts with NULs between. */
static struct row *find(struct health *health, enum kind kind, struct text a, struct text b, struct text c, bool make)
{
    char words[KEY_MOST];
    size_t len = a.len + b.len + c.len + 2;
    if (health == NULL || len > sizeof words)
        return NULL;
    char *at = words;
    const struct text parts[] = { a, b, c };
    for (unsigned i = 0; i < 3; i++) {
        if (i > 0)
            *at++ = '\0';
        if (parts[i].len > 0)
            memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    struct text key = { words, len };
    pthread_rwlock_rdlock(&health->lock);
    struct row *row = map_get(&health->rows[kind], key);
    pthread_rwlock_unlock(&health->lock);
    if (row != NULL || !make)
        return row;
    pthread_rwlock_wrlock(&health->lock);
    row = map_get(&health->rows[kind], key);
    if (row == NULL)
        row = add(health, kind, key, a.len, a.len + b.len + 2);
    pthread_rwlock_unlock(&health->lock);
    return row;
}

struct ejection *health_target(struct health *health, struct text provider, struct text base_url, struct text model,
                               bool make)
{
    struct row *row = find(health, TARGETS, provider, base_url, model, make);
    return row != NULL ? &row->of.ejection : NULL;
}

struct warm *health_warm(struct health *health)
{
    return health != NULL ? &health->warm : NULL;
}

struct lane *health_lane(struct health *health, struct text provider, struct text base_url, struct text model,
                         struct text secret, bool make)
{
    char words[KEY_MOST];
    uint64_t hash = map_hash(secret.ptr, secret.len);
    if (model.len > sizeof words - sizeof hash)
        return NULL;
    memcpy(words, &hash, sizeof hash);
    if (model.len > 0)
        memcpy(words + sizeof hash, model.ptr, model.len);
    struct row *row = find(health, LANES, provider, base_url, (struct text){ words, sizeof hash + model.len }, make);
    return row != NULL ? &row->of.lane : NULL;
}

struct outage *health_model(struct health *health, struct text model)
{
    struct row *row = find(health, MODELS, model, TEXT_NONE, TEXT_NONE, true);
    return row != NULL ? &row->of.model.outage : NULL;
}

struct queue *health_queue(struct health *health, struct text model)
{
    struct row *row = find(health, MODELS, model, TEXT_NONE, TEXT_NONE, true);
    return row != NULL ? &row->of.model.queue : NULL;
}

struct gate *health_gate(struct health *health)
{
    return health != NULL ? &health->gate : NULL;
}

void health_each(struct health *health,
                 void (*each)(void *owner, struct text provider, struct text model, struct ejection *row), void *owner)
{
    pthread_rwlock_rdlock(&health->lock);
    for (size_t i = 0; i < health->rows[TARGETS].count; i++) {
        struct row *row = health->rows[TARGETS].entries[i].value;
        each(owner, row->provider, row->model, &row->of.ejection);
    }
    pthread_rwlock_unlock(&health->lock);
}

void health_each_queue(struct health *health, void (*each)(void *owner, struct text model, struct queue *queue),
                       void *owner)
{
    pthread_rwlock_rdlock(&health->lock);
    for (size_t i = 0; i < health->rows[MODELS].count; i++) {
        struct row *row = health->rows[MODELS].entries[i].value;
        each(owner, row->provider, &row->of.model.queue);
    }
    pthread_rwlock_unlock(&health->lock);
}
