/* purges.c - counters by name. */
#include "cache/purges.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/map.h"

#define PURGES_MAGIC 0x70757267u
enum { COUNTERS_MOST = 4096, NAME_MOST = 1024 };

/* Of one name: its kind, then the parts of the name, each with a NUL behind it. */
struct counter {
    unsigned count;
    size_t len;
    char name[];
};

struct purges {
    uint32_t magic;
    pthread_rwlock_t lock;
    atomic_bool any; /* something was purged: nobody needs the lock before */
    unsigned all;
    struct map counters;
};

struct purges *purges_new(void)
{
    struct purges *p = calloc(1, sizeof *p);
    BUG_IF(p == NULL);
    p->magic = PURGES_MAGIC;
    pthread_rwlock_init(&p->lock, NULL);
    map_init(&p->counters);
    return p;
}

static void forget(struct purges *p)
{
    for (size_t i = 0; i < p->counters.count; i++)
        free(p->counters.entries[i].value);
    map_fini(&p->counters);
    map_init(&p->counters);
}

void purges_free(struct purges *p)
{
    CHECK(p, PURGES);
    forget(p);
    map_fini(&p->counters);
    pthread_rwlock_destroy(&p->lock);
    p->magic = 0;
    free(p);
}

/* The name as bytes; absent where it is too long to be one. */
static struct text name_of(char kind, struct text first, struct text second, char out[NAME_MOST])
{
    if (first.len + second.len + 3 > NAME_MOST)
        return TEXT_NONE;
    size_t n = 0;
    out[n++] = kind;
    for (size_t i = 0; i < first.len; i++)
        out[n++] = first.ptr[i];
    out[n++] = '\0';
    for (size_t i = 0; i < second.len; i++)
        out[n++] = second.ptr[i];
    out[n++] = '\0';
    return (struct text){ out, n };
}

/* The lock is held for writing. What cannot be counted by name is purged with all. */
static void count(struct purges *p, struct text name)
{
    struct counter *c = name.len > 0 ? map_get(&p->counters, name) : NULL;
    if (c != NULL) {
        c->count++;
        return;
    }
    if (name.len == 0 || p->counters.count >= COUNTERS_MOST) {
        forget(p);
        p->all++;
        return;
    }
    c = malloc(sizeof *c + name.len);
    BUG_IF(c == NULL);
    c->count = 1;
    c->len = name.len;
    memcpy(c->name, name.ptr, name.len);
    map_put(&p->counters, (struct text){ c->name, c->len }, c);
}

static void add(struct purges *p, char kind, struct text first, struct text second)
{
    char bytes[NAME_MOST];
    CHECK(p, PURGES);
    pthread_rwlock_wrlock(&p->lock);
    count(p, kind == 'a' ? TEXT_NONE : name_of(kind, first, second, bytes));
    atomic_store(&p->any, true);
    pthread_rwlock_unlock(&p->lock);
}

void purges_add(struct purges *p, struct text team, struct text model)
{
    bool has_team = team.ptr != NULL, has_model = model.ptr != NULL;
    add(p, has_team && has_model ? 'b' : has_team ? 't' : has_model ? 'm' : 'a', team, model);
}

void purges_add_entry(struct purges *p, struct text name)
{
    add(p, 'e', name, TEXT(""));
}

static unsigned count_of(const struct purges *p, char kind, struct text first, struct text second)
{
    char bytes[NAME_MOST];
    struct text name = name_of(kind, first, second, bytes);
    const struct counter *c = name.len > 0 ? map_get(&p->counters, name) : NULL;
    return c != NULL ? c->count : 0;
}

void purges_write(struct purges *p, struct text team, struct text model, struct buf *out)
{
    if (!atomic_load(&p->any))
        return;
    pthread_rwlock_rdlock(&p->lock);
    unsigned of_team = count_of(p, 't', team, TEXT_NONE), of_model = count_of(p, 'm', TEXT_NONE, model);
    unsigned of_both = count_of(p, 'b', team, model);
    if ((p->all | of_team | of_model | of_both) != 0) /* whom no purge was about keeps what he has */
        buf_printf(out, "%u %u %u %u", p->all, of_team, of_model, of_both);
    pthread_rwlock_unlock(&p->lock);
}

unsigned purges_of_entry(struct purges *p, struct text name)
{
    if (!atomic_load(&p->any))
        return 0;
    pthread_rwlock_rdlock(&p->lock);
    unsigned n = count_of(p, 'e', name, TEXT(""));
    pthread_rwlock_unlock(&p->lock);
    return n;
}
