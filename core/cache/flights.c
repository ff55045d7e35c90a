/* flights.c - the flights of a process: who leads, who listens, and the bytes between them. One mutex guards all of it; it is held
 * for a few loads and stores. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "cache/flights_inside.h"

struct flights *flights_new(unsigned workers)
{
    struct flights *all = calloc(1, sizeof *all);
    BUG_IF(all == NULL);
    all->magic = FLIGHTS_MAGIC;
    all->workers = workers;
    all->linger_last = &all->linger_first;
    pthread_mutex_init(&all->lock, NULL);
    return all;
}

unsigned flights_listeners(const struct flights *flights)
{
    return atomic_load(&flights->listeners);
}

uint64_t flights_turn(const struct flights *flights)
{
    return atomic_load(&flights->turn);
}

static char *copy_of(struct text t)
{
    char *copy = t.ptr != NULL ? strndup(t.ptr, t.len) : NULL;
    BUG_IF(t.ptr != NULL && copy == NULL);
    return copy;
}

/* --- the table --- */

static struct flight **bucket_of(struct flights *all, const char *key)
{
    unsigned at = 0; /* the key is a digest: its first digits are as good as any hash */
    for (int i = 0; i < 8; i++)
        at = at * 16 + (unsigned)text_hex(key[i]);
    return &all->buckets[at % BUCKETS];
}

/* Its answer began and broke off: who comes now asks anew. */
static bool is_broken(const struct flight *f)
{
    return f->state == FLIGHTS_OPEN && f->over && !f->good;
}

/* The lock is held. */
static struct flight *lookup(struct flights *all, const char *key, unsigned form)
{
    struct flight *f = *bucket_of(all, key);
    while (f != NULL && (f->form != form || is_broken(f) || memcmp(f->key, key, CACHE_KEY_LEN) != 0))
        f = f->next;
    return f;
}

/* The lock is held. The table's reference is the caller's. */
static void take_out(struct flight *f)
{
    struct flight **at = bucket_of(f->of, f->key);
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
}

/* The lock is held. */
static void drop_lingering(struct flights *all, int64_t now_ns)
{
    struct flight *f;
    while ((f = all->linger_first) != NULL && f->until_ns <= now_ns) {
        all->linger_first = f->later;
        if (f->later == NULL)
            all->linger_last = &all->linger_first;
        take_out(f);
        flights_unref(f);
    }
}

void flights_free(struct flights *flights)
{
    CHECK(flights, FLIGHTS);
    drop_lingering(flights, INT64_MAX);
    for (unsigned i = 0; i < BUCKETS; i++)
        BUG_IF(flights->buckets[i] != NULL);
    BUG_IF(atomic_load(&flights->held) != 0);
    pthread_mutex_destroy(&flights->lock);
    flights->magic = 0;
    free(flights);
}

/* --- entering --- */

static struct flight *flight_new(struct flights *all, const struct flights_who *who, struct flights_part *first,
                                 struct flights_leader *leader)
{
    struct flight *f = calloc(1, sizeof *f + all->workers * sizeof *f->buses);
    BUG_IF(f == NULL);
    f->of = all;
    atomic_init(&f->refs, 2); /* the table's, and the leader's */
    memcpy(f->key, who->key, sizeof f->key);
    f->form = who->form;
    f->first = f->last = first;
    atomic_init(&first->refs, 2);
    f->leader = leader;
    f->for_leader.on_message = flights_on_leader;
    for (unsigned i = 0; i < all->workers; i++) {
        f->buses[i].flight = f;
        f->buses[i].message.on_message = flights_on_bus;
    }
    leader->flight = f;
    return f;
}

/* The lock is held. */
static void sit(struct flight *f, unsigned worker, struct flights_seat *seat)
{
    struct flights_bus *bus = &f->buses[worker];
    atomic_fetch_add(&f->refs, 1);
    atomic_fetch_add(&f->heard, 1);
    atomic_fetch_add(&f->of->listeners, 1);
    atomic_fetch_add(&f->first->refs, 1);
    seat->flight = f;
    seat->worker = worker;
    seat->at = f->first;
    seat->next = bus->first;
    seat->back = &bus->first;
    if (seat->next != NULL)
        seat->next->back = &seat->next;
    bus->first = seat;
    bus->loop = seat->loop;
    if (f->state != FLIGHTS_COMES)
        flights_wake(bus);
    if (f->leader != NULL && !f->leader_posted) {
        f->leader_posted = true;
        atomic_fetch_add(&f->refs, 1);
        loop_post(f->leader->loop, &f->for_leader);
    }
}

enum flights_place flights_enter(struct flights *flights, const struct flights_who *who, struct flights_seat *seat,
                                 struct flights_leader *leader)
{
    enum flights_place place = FLIGHTS_ALONE;
    CHECK(flights, FLIGHTS);
    pthread_mutex_lock(&flights->lock);
    drop_lingering(flights, clock_ns());
    struct flight *f = lookup(flights, who->key, who->form);
    if (f != NULL && seat != NULL && !f->full && atomic_load(&flights->held) < FLIGHTS_ALL_MOST) {
        sit(f, who->worker, seat);
        place = FLIGHTS_LISTENS;
    } else if (f == NULL && atomic_load(&flights->turn) != who->turn) {
        place = FLIGHTS_AGAIN;
    } else if (f == NULL && leader != NULL) {
        struct flights_part *first = flights_part_new(flights, TEXT("")); /* before the first byte */
        if (first != NULL) {
            struct flight **bucket = bucket_of(flights, who->key);
            f = flight_new(flights, who, first, leader);
            f->next = *bucket;
            *bucket = f;
            place = FLIGHTS_LEADS;
        }
    }
    pthread_mutex_unlock(&flights->lock);
    return place;
}

/* --- the leader --- */

void flights_write(struct flight *f, struct text bytes)
{
    if (bytes.len == 0)
        return;
    pthread_mutex_lock(&f->of->lock);
    bool wanted = !f->over && (!f->full || atomic_load(&f->heard) > 0);
    struct flights_part *drop = NULL, *before = f->last, *p = wanted ? flights_part_new(f->of, bytes) : NULL;
    if (wanted && p == NULL) { /* nobody gets all of it */
        f->over = f->full = true;
    } else if (wanted) {
        before->next = p; /* takes the first reference */
        atomic_fetch_add(&p->refs, 1);
        f->last = p;
        flights_part_unref(before);
        f->len += bytes.len;
    }
    if (f->len > FLIGHTS_LEN_MOST && f->state == FLIGHTS_OPEN) { /* what all have taken is needed no more */
        f->full = true;
        drop = f->first;
        f->first = NULL;
    }
    if (f->state == FLIGHTS_OPEN)
        flights_wake_all(f);
    pthread_mutex_unlock(&f->of->lock);
    flights_part_unref(drop);
}

void flights_restart(struct flight *f)
{
    pthread_mutex_lock(&f->of->lock);
    BUG_IF(f->state != FLIGHTS_COMES);
    struct flights_part *rest = f->first->next; /* every seat stands at the first one: nothing was taken */
    f->first->next = NULL;
    atomic_fetch_add(&f->first->refs, 1);
    struct flights_part *last = f->last;
    f->last = f->first;
    f->len = 0;
    f->over = f->good = false;
    pthread_mutex_unlock(&f->of->lock);
    flights_part_unref(last);
    flights_part_unref(rest);
}

void flights_open(struct flight *f, const struct flights_head *head)
{
    pthread_mutex_lock(&f->of->lock);
    if (f->state == FLIGHTS_COMES) {
        f->provider = copy_of(head->provider);
        f->model = copy_of(head->model);
        f->content_type = copy_of(head->content_type);
        f->state = FLIGHTS_OPEN;
        flights_wake_all(f);
    }
    pthread_mutex_unlock(&f->of->lock);
}

unsigned flights_form(const struct flight *f)
{
    return f->form;
}

bool flights_is_open(const struct flight *f)
{
    pthread_mutex_lock(&f->of->lock);
    bool open = f->state == FLIGHTS_OPEN;
    pthread_mutex_unlock(&f->of->lock);
    return open;
}

void flights_done(struct flight *f, bool good)
{
    pthread_mutex_lock(&f->of->lock);
    if (!f->over) {
        f->over = true;
        f->good = good;
        if (f->state == FLIGHTS_OPEN)
            flights_wake_all(f);
    }
    pthread_mutex_unlock(&f->of->lock);
}

bool flights_is_good(const struct flight *f)
{
    pthread_mutex_lock(&f->of->lock);
    bool good = f->over && f->good;
    pthread_mutex_unlock(&f->of->lock);
    return good;
}

bool flights_is_heard(const struct flight *f)
{
    return atomic_load(&f->heard) > 0;
}

static void keep_fail(struct flight *f, const struct fail *fail)
{
    f->fail = *fail;
    f->fail.code = f->code = copy_of(text_of(fail->code));
    f->fail.words = f->words = copy_of(text_of(fail->words));
    f->more = fail->more != NULL ? copy_of(json_text(fail->more)) : NULL;
    f->fail.more = NULL;
}

void flights_end(struct flights_leader *leader, enum flights_end how, const struct fail *fail)
{
    struct flight *f = leader->flight;
    leader->flight = NULL;
    pthread_mutex_lock(&f->of->lock);
    f->leader = NULL;
    if (!f->over) {
        f->over = true;
        f->good = false;
    }
    if (f->state == FLIGHTS_COMES && how == FLIGHTS_FAILED)
        keep_fail(f, fail);
    if (f->state == FLIGHTS_COMES)
        f->state = how == FLIGHTS_FAILED ? FLIGHTS_FAIL : FLIGHTS_LEFT;
    bool lingers = f->state == FLIGHTS_FAIL && atomic_load(&f->heard) > 0;
    if (lingers) {
        f->until_ns = clock_ns() + FLIGHTS_FAILED_MS * CLOCK_MS;
        *f->of->linger_last = f;
        f->of->linger_last = &f->later;
    } else {
        take_out(f);
    }
    atomic_fetch_add(&f->of->turn, 1);
    flights_wake_all(f);
    pthread_mutex_unlock(&f->of->lock);
    if (!lingers)
        flights_unref(f);
    flights_unref(f);
}
