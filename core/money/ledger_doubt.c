/* ledger_doubt.c - how doubt ends: somebody who knows settles it, or it has become too old. */
#include <stdlib.h>

#include "base/log.h"
#include "money/doubts.h"
#include "money/ledger_inside.h"

enum { LOOK_S = 60 };

struct settling {
    struct ledger *ledger;
    const struct ledger_resolution *how;
    struct ledger_resolved *done;
    struct fail *fail;
    int result;
    int64_t cost;      /* that is still to be booked */
    int64_t oldest_ms; /* of what stays in doubt; INT64_MAX: nothing does */
    uint64_t oldest_segment;
};

static bool is_meant(const struct ledger_resolution *how, const struct doubt *doubt, const struct record *hold)
{
    return doubt->ended_ms < how->ended_before_ms && (how->request.ptr == NULL || text_eq(how->request, hold->request));
}

static void stays(struct settling *s, const struct doubt *doubt)
{
    s->oldest_ms = doubt->ended_ms < s->oldest_ms ? doubt->ended_ms : s->oldest_ms;
    s->oldest_segment = doubt->segment < s->oldest_segment ? doubt->segment : s->oldest_segment;
}

/* What was not written is still in doubt: it is tried again by whoever wanted it. */
static int write_late_record(struct ledger *l, struct record *late, struct fail *fail)
{
    journal_lock(l->journal);
    int result = l->away != NULL                  ? fail_set(fail, FAIL_OPERATOR,
                                                             "another process keeps the ledger now, and this one is about to end")
                 : ledger_write_late(l, fail) < 0 ? -1
                                                  : ledger_write_one(l, late, fail);
    if (result == 0)
        ledger_book(l, late, late);
    if (l->queue != NULL)
        ledger_run_queue(l); /* what is no longer in doubt is room */
    journal_unlock(l->journal);
    return result;
}

static void settle(void *owner, const struct doubt *doubt, const struct record *hold)
{
    struct settling *s = owner;
    struct record late = *hold;

    if (s->result < 0 || !is_meant(s->how, doubt, hold)) {
        stays(s, doubt);
        return;
    }
    late.type = RECORD_LATE;
    late.hold = doubt->hold;
    late.accounts = (struct record_list){ 0 };
    late.hard = late.soft = 0;
    late.doubt = -doubt->doubt;
    late.soft_doubt = -doubt->soft_doubt;
    late.cost = s->how->verdict == LEDGER_FULL ? doubt->doubt : s->cost;
    late.who = s->how->who;
    late.why = s->how->why;
    s->result = write_late_record(s->ledger, &late, s->fail);
    if (s->result < 0) {
        stays(s, doubt);
        return;
    }
    s->cost = 0; /* a request's cost is booked once, with the first of its attempts */
    s->done->attempts++;
    ledger_add(&s->done->cost, late.cost);
    ledger_add(&s->done->doubt, doubt->doubt);
}

int ledger_resolve(struct ledger *l, const struct ledger_resolution *how, struct ledger_resolved *done,
                   struct fail *fail)
{
    struct doubts doubts;
    struct settling s = {
        .ledger = l, .how = how, .done = done, .fail = fail, .oldest_ms = INT64_MAX, .oldest_segment = UINT64_MAX
    };

    CHECK(l, LEDGER);
    BUG_IF(how->who.ptr == NULL || how->cost < 0 || (how->verdict == LEDGER_COST && how->request.ptr == NULL));
    *done = (struct ledger_resolved){ 0 };
    s.cost = how->verdict == LEDGER_COST ? how->cost : 0;
    pthread_mutex_lock(&l->resolving);
    journal_lock(l->journal);
    uint64_t from = l->doubts;
    journal_unlock(l->journal);
    s.result = doubts_read(&doubts, l->folder, from, &l->ending, fail);
    if (s.result == 0) {
        doubts_each(&doubts, settle, &s);
        journal_lock(l->journal);
        l->doubts = s.oldest_segment != UINT64_MAX ? s.oldest_segment : doubts.segment;
        journal_unlock(l->journal);
        atomic_store(&l->oldest_doubt_ms, s.oldest_ms);
    }
    doubts_fini(&doubts);
    pthread_mutex_unlock(&l->resolving);
    return s.result;
}

/* Nothing was heard of it for so long: it is dropped, and a record shows who did that. */
static void drop_old(struct ledger *l)
{
    struct ledger_resolved done;
    struct fail fail;
    int64_t before_ms = clock_unix_ms() - l->doubt_ttl_ns / CLOCK_MS;
    struct ledger_resolution how = { .verdict = LEDGER_FREE,
                                     .who = TEXT("doubt_ttl"),
                                     .why = TEXT("nothing was heard of it"),
                                     .ended_before_ms = before_ms };

    journal_lock(l->journal);
    bool none = l->sums.doubt == 0;
    journal_unlock(l->journal);
    /* What became doubt since the last look is younger than anything that was found then. */
    int64_t oldest_ms = atomic_load(&l->oldest_doubt_ms);
    if (oldest_ms == INT64_MAX && !none)
        oldest_ms = l->looked_ms;
    if (none || oldest_ms >= before_ms)
        return;
    l->looked_ms = clock_unix_ms();
    if (ledger_resolve(l, &how, &done, &fail) < 0 && !atomic_load(&l->ending))
        log_line(LOG_ERROR, "ledger: what is in doubt for too long cannot be settled: %s", fail.text);
    else if (done.attempts > 0)
        log_line(
            LOG_INFO,
            "ledger: %llu attempts were in doubt for longer than ledger.doubt_ttl_s: they are taken to have cost nothing more",
            (unsigned long long)done.attempts);
}

static void *look_often(void *arg)
{
    struct ledger *l = arg;
    int64_t every = l->doubt_ttl_ns / 4 < LOOK_S * CLOCK_S ? l->doubt_ttl_ns / 4 : LOOK_S * CLOCK_S;
    pthread_mutex_lock(&l->look_mutex);
    while (!atomic_load(&l->ending)) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        int64_t ns = until.tv_nsec + every;
        until.tv_sec += ns / CLOCK_S;
        until.tv_nsec = ns % CLOCK_S;
        pthread_cond_timedwait(&l->look, &l->look_mutex, &until);
        if (!atomic_load(&l->ending))
            drop_old(l);
    }
    pthread_mutex_unlock(&l->look_mutex);
    return NULL;
}

void ledger_start_doubt(struct ledger *l)
{
    pthread_condattr_t clock;
    pthread_mutex_init(&l->resolving, NULL);
    pthread_mutex_init(&l->look_mutex, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&l->look, &clock);
    pthread_condattr_destroy(&clock);
}

bool ledger_watch_doubt(struct ledger *l)
{
    atomic_store(&l->oldest_doubt_ms, 0); /* not known: the first look finds it */
    l->looks = l->doubt_ttl_ns > 0 && pthread_create(&l->looker, NULL, look_often, l) == 0;
    return l->looks || l->doubt_ttl_ns == 0;
}

void ledger_end_doubt(struct ledger *l)
{
    atomic_store(&l->ending, true);
    if (l->looks) {
        pthread_mutex_lock(&l->look_mutex);
        pthread_cond_signal(&l->look);
        pthread_mutex_unlock(&l->look_mutex);
        pthread_join(l->looker, NULL);
    }
    pthread_cond_destroy(&l->look);
    pthread_mutex_destroy(&l->look_mutex);
    pthread_mutex_destroy(&l->resolving);
}
