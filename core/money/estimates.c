/* estimates.c - quantiles of what requests used, in buckets of a quarter of a power of two. */
#include "money/estimates.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/map.h"
#include "money/prefixes.h"

#define ESTIMATES_MAGIC 0x65737469u
/* Tokens: no window is larger. */
#define EXCESS_MOST (INT64_C(2) << 20)
enum { PAIRS_MOST = 2048, MODELS_MOST = 1024, NAME_MOST = 300, BUCKETS = 160, OLD = 1000 };

/* How often a value fell into each bucket. */
struct sketch {
    uint16_t counts[BUCKETS];
    unsigned total;
    unsigned at, above; /* the lowest bucket with at most 5 of 100 from it on, and how many those are */
};

struct pair {
    struct sketch input, output;
    char name[];
};

struct model {
    int64_t more;
    char name[];
};

struct estimates {
    uint32_t magic;
    pthread_mutex_t lock;
    struct map pairs, models;
    struct prefixes prefixes;
};

struct estimates *estimates_new(void)
{
    struct estimates *e = calloc(1, sizeof *e);
    BUG_IF(e == NULL);
    e->magic = ESTIMATES_MAGIC;
    pthread_mutex_init(&e->lock, NULL);
    return e;
}

static void free_all(struct map *map)
{
    for (size_t i = 0; i < map->count; i++)
        free(map->entries[i].value);
    map_fini(map);
}

void estimates_free(struct estimates *e)
{
    CHECK(e, ESTIMATES);
    free_all(&e->pairs);
    free_all(&e->models);
    pthread_mutex_destroy(&e->lock);
    e->magic = 0;
    free(e);
}

/* 0 and 1 are bucket 0; then four for each power of two. */
static unsigned bucket_of(int64_t value)
{
    if (value < 2)
        return 0;
    unsigned power = 63 - (unsigned)__builtin_clzll((unsigned long long)value);
    unsigned quarter = power >= 2 ? (unsigned)((unsigned long long)value >> (power - 2)) & 3u
                                  : (unsigned)((unsigned long long)value << (2 - power)) & 3u;
    unsigned bucket = power * 4 + quarter;
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/* The largest value of a bucket. */
static int64_t top_of(unsigned bucket)
{
    unsigned power = bucket / 4, quarter = bucket % 4;
    if (bucket == 0)
        return 1;
    return (int64_t)(((((unsigned long long)quarter + 5) << power) + 3) / 4) - 1;
}

/* One value moves the mark by little: every request asks for it. */
static void move_mark(struct sketch *s)
{
    while (s->at < BUCKETS && s->above * 20 > s->total)
        s->above -= s->counts[s->at++];
    while (s->at > 0 && (s->above + s->counts[s->at - 1]) * 20 <= s->total)
        s->above += s->counts[--s->at];
}

/* The old ones fade. */
static void sketch_add(struct sketch *s, int64_t value)
{
    unsigned bucket = bucket_of(value);
    s->counts[bucket]++;
    s->above += bucket >= s->at;
    if (++s->total >= OLD) {
        s->total = s->above = 0;
        s->at = BUCKETS;
        for (size_t i = 0; i < BUCKETS; i++)
            s->total += s->counts[i] /= 2;
    }
    move_mark(s);
}

static int64_t sketch_p95(const struct sketch *s)
{
    return s->at > 0 ? top_of(s->at - 1) : 0;
}

/* "key/model"; names do not hold NUL. False: too long. */
static bool name_of(struct text model, struct text key, char out[NAME_MOST], struct text *name)
{
    if (model.len + key.len + 1 > NAME_MOST)
        return false;
    if (key.len > 0)
        memcpy(out, key.ptr, key.len);
    out[key.len] = '\0';
    memcpy(out + key.len + 1, model.ptr, model.len);
    *name = (struct text){ out, model.len + key.len + 1 };
    return true;
}

static struct pair *pair_of(struct estimates *e, struct text name)
{
    struct pair *pair = map_get(&e->pairs, name);
    if (pair != NULL || e->pairs.count >= PAIRS_MOST)
        return pair;
    pair = calloc(1, sizeof *pair + name.len);
    BUG_IF(pair == NULL);
    memcpy(pair->name, name.ptr, name.len);
    map_put(&e->pairs, (struct text){ pair->name, name.len }, pair);
    return pair;
}

void estimates_add(struct estimates *e, struct text model, struct text key, const struct estimate *seen)
{
    char room[NAME_MOST];
    struct text name;
    CHECK(e, ESTIMATES);
    if (!name_of(model, key, room, &name))
        return;
    pthread_mutex_lock(&e->lock);
    struct pair *pair = pair_of(e, name);
    if (pair != NULL) {
        sketch_add(&pair->input, seen->input_per_kb);
        sketch_add(&pair->output, seen->output);
    }
    pthread_mutex_unlock(&e->lock);
}

bool estimates_ask(struct estimates *e, struct text model, struct text key, struct estimate *out)
{
    char room[NAME_MOST];
    struct text name;
    CHECK(e, ESTIMATES);
    if (!name_of(model, key, room, &name))
        return false;
    pthread_mutex_lock(&e->lock);
    const struct pair *pair = map_get(&e->pairs, name);
    bool known = pair != NULL && pair->output.total >= ESTIMATE_SAMPLES;
    if (known)
        *out = (struct estimate){ sketch_p95(&pair->input), sketch_p95(&pair->output) };
    pthread_mutex_unlock(&e->lock);
    return known;
}

void estimates_exceeded(struct estimates *e, struct text name, int64_t excess)
{
    CHECK(e, ESTIMATES);
    if (name.len > NAME_MOST || excess <= 0 || excess > EXCESS_MOST)
        return;
    pthread_mutex_lock(&e->lock);
    struct model *model = map_get(&e->models, name);
    if (model == NULL && e->models.count < MODELS_MOST) {
        model = calloc(1, sizeof *model + name.len);
        BUG_IF(model == NULL);
        memcpy(model->name, name.ptr, name.len);
        map_put(&e->models, (struct text){ model->name, name.len }, model);
    }
    if (model != NULL) /* the excess is beside what had been learned before */
        model->more =
            model->more + (excess * 5 + 3) / 4 < EXCESS_MOST ? model->more + (excess * 5 + 3) / 4 : EXCESS_MOST;
    pthread_mutex_unlock(&e->lock);
}

int64_t estimates_learned(struct estimates *e, struct text name)
{
    CHECK(e, ESTIMATES);
    pthread_mutex_lock(&e->lock);
    const struct model *model = map_get(&e->models, name);
    int64_t more = model != NULL ? model->more : 0;
    pthread_mutex_unlock(&e->lock);
    return more;
}

void estimates_put_prefix(struct estimates *e, uint64_t whole, int64_t tokens)
{
    CHECK(e, ESTIMATES);
    pthread_mutex_lock(&e->lock);
    prefixes_put(&e->prefixes, whole, tokens);
    pthread_mutex_unlock(&e->lock);
}

int64_t estimates_prefix_bound(struct estimates *e, const struct prefix *prefix)
{
    CHECK(e, ESTIMATES);
    pthread_mutex_lock(&e->lock);
    int64_t bound = prefixes_bound(&e->prefixes, prefix);
    pthread_mutex_unlock(&e->lock);
    return bound;
}
