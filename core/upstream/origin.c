/* origin.c - the table of a pool's origins, and their diallings.
 *
 * A dialling is not tied to who asked for it: whoever has waited longest gets the connection that comes
 * first. But nobody hears of the failure of a dialling that began for somebody who has left. */
#include "upstream/origin.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/map.h"

#define ORIGIN_DIALS 1024 /* at once, per origin */
#define ORIGIN_MOST 256   /* above that, origins without a connection are forgotten */

static void dialled(struct dial *dial);

static struct origin *find(struct pool *p, struct text name, uint64_t hash)
{
    struct origin *o = p->origins[hash & (p->slot_count - 1)];

    while (o != NULL && (o->hash != hash || !text_eq(o->name, name)))
        o = o->chain;
    return o;
}

/* Those that nobody uses: their number is bounded by what is configured, unless scripts make up URLs. */
static void forget_unused(struct pool *p)
{
    for (size_t i = 0; i < p->slot_count; i++) {
        struct origin **at = &p->origins[i], *o;

        while ((o = *at) != NULL) {
            if (o->idle + o->busy + o->waiting + o->dials + o->spares > 0) {
                at = &o->chain;
                continue;
            }
            *at = o->chain;
            free(o);
            p->origin_count--;
        }
    }
}

/* http://10.0.0.5:8000 or http://[::1]:1 */
static bool is_address(struct text name)
{
    struct text host = name;
    ptrdiff_t scheme = text_find(name, TEXT("://"));
    if (scheme >= 0)
        host = (struct text){ name.ptr + scheme + 3, name.len - (size_t)scheme - 3 };
    if (text_starts(host, TEXT("[")))
        return true;
    host = text_cut(&host, ':');
    for (size_t i = 0; i < host.len; i++)
        if (host.ptr[i] != '.' && (host.ptr[i] < '0' || host.ptr[i] > '9'))
            return false;
    return true;
}

struct origin *origin_get(struct pool *p, struct text name)
{
    uint64_t hash = map_hash(name.ptr, name.len);
    struct origin *o = find(p, name, hash);

    if (o != NULL)
        return o;
    if (p->origin_count >= ORIGIN_MOST)
        forget_unused(p);
    o = calloc(1, sizeof *o + name.len);
    BUG_IF(o == NULL);
    o->pool = p;
    o->hash = hash;
    memcpy(o->bytes, name.ptr, name.len);
    o->name = (struct text){ o->bytes, name.len };
    o->is_address = is_address(o->name);
    o->chain = p->origins[hash & (p->slot_count - 1)];
    p->origins[hash & (p->slot_count - 1)] = o;
    p->origin_count++;
    return o;
}

void origin_free_all(struct pool *p)
{
    for (size_t i = 0; i < p->slot_count; i++) {
        while (p->origins[i] != NULL) {
            struct origin *o = p->origins[i];

            BUG_IF(o->first != NULL);
            for (struct origin_dial *d = o->oldest; d != NULL; d = d->next)
                d->origin = NULL;
            p->origins[i] = o->chain;
            free(o);
        }
    }
}

void origin_spare(struct origin *o)
{
    while (o->dials > o->waiting) {
        o->awaited->spare = true;
        o->awaited = o->awaited->next;
        o->dials--;
        o->spares++;
    }
}

static void link_dial(struct origin_dial *d)
{
    struct origin *o = d->origin;

    d->prev = o->newest;
    *(d->prev != NULL ? &d->prev->next : &o->oldest) = d;
    o->newest = d;
    if (o->awaited == NULL)
        o->awaited = d;
    o->dials++;
}

static void unlink_dial(struct origin_dial *d)
{
    struct origin *o = d->origin;

    *(d->prev != NULL ? &d->prev->next : &o->oldest) = d->next;
    *(d->next != NULL ? &d->next->prev : &o->newest) = d->prev;
    if (o->awaited == d)
        o->awaited = d->next;
    if (d->spare)
        o->spares--;
    else
        o->dials--;
}

static void submit(struct origin *o, int64_t connect_ns)
{
    struct origin_dial *d = calloc(1, sizeof *d);

    BUG_IF(d == NULL);
    d->origin = o;
    d->connect_ns = connect_ns;
    link_dial(d);
    d->dial = dial_new(o->name, o->pool->settings.ca_file, connect_ns);
    d->dial->asks_anew = o->in_doubt;
    d->dial->on_done = dialled;
    d->dial->owner = d;
    dialer_submit(d->dial, o->pool->dialer, o->pool->loop);
}

void origin_dial(struct origin *o, int64_t connect_ns)
{
    while (o->dials + o->spares < ORIGIN_DIALS && o->dials < o->waiting)
        submit(o, connect_ns);
}

void origin_replace(struct origin *o, int64_t connect_ns)
{
    if (o->dials + o->spares >= ORIGIN_DIALS)
        return;
    submit(o, connect_ns);
    origin_spare(o);
}

static void dialled(struct dial *dial)
{
    struct origin_dial *d = dial->owner;
    struct origin *o = d->origin;

    if (o != NULL) { /* there is still a pool */
        o->in_doubt = dial->wire.fd < 0;
        unlink_dial(d);
        pool_dialled(o, dial, !d->spare);
        origin_dial(o, d->connect_ns);
    }
    dial_free(dial);
    free(d);
}
