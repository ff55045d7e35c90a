/* delivery.c - the thread: attach, follow, put, and again from where the store stands when anything fails. */
#include "money/delivery.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "money/delivery_batch.h"
#include "money/follow.h"
#include "money/retire.h"
#include "plugin/store.h"

#define DELIVERY_MAGIC 0x64656c76u
#define PAUSE_NS (500 * CLOCK_MS) /* between two looks at the journal */
#define RETRY_LEAST_NS (250 * CLOCK_MS)
#define RETRY_MOST_NS (30 * CLOCK_S)
#define TIDY_NS (60 * CLOCK_S)
enum { PRUNED = 500, PRUNES = 20 };

struct delivery {
    uint32_t magic;
    struct delivery_settings settings;
    pthread_t thread;
    pthread_mutex_t mutex; /* of these: */
    pthread_cond_t wake;
    bool stopping;
    bool paused;      /* there is no thread */
    int64_t until_ns; /* when the thread must end */

    /* Of the thread, and of delivery_start() before it: */
    struct store_session *session; /* NULL: the store is away */
    struct follow *follow;         /* stands behind what is in `batch` */
    gw_store_cursor cursor;        /* where the store stands */
    struct batch batch;
    int64_t retry_ns, tidy_ns;
    bool complained, placed; /* placed: the store was compared with the ledger's end once */
    bool anew;               /* what comes is of another generation */

    _Atomic uint64_t next, failures, rows;
    _Atomic bool works;
};

static void leave_store(struct delivery *d)
{
    if (d->follow != NULL)
        follow_free(d->follow);
    if (d->session != NULL)
        store_detach(d->session);
    d->follow = NULL;
    d->session = NULL;
    batch_clear(&d->batch);
}

/* Once for each time that it changes. */
static void complain(struct delivery *d, const char *why)
{
    atomic_fetch_add(&d->failures, 1);
    atomic_store(&d->works, false);
    if (!d->complained)
        log_line(LOG_ERROR,
                 "%s. Records stay in the ledger's journal and are delivered to the store \"%s\" when it takes them",
                 why, d->settings.plugin->name);
    d->complained = true;
}

static void is_good(struct delivery *d)
{
    if (d->complained)
        log_line(LOG_INFO, "the store \"%s\" takes records again", d->settings.plugin->name);
    d->complained = false;
    d->retry_ns = RETRY_LEAST_NS;
    atomic_store(&d->works, true);
}

/* The journal must still have what the store lacks, and not less than the store has. */
static int check_place(struct delivery *d, struct fail *fail)
{
    const struct delivery_settings *s = &d->settings;
    uint64_t wanted = d->cursor.next > 1 ? d->cursor.next : 1, oldest = follow_oldest(s->folder, fail);
    if (oldest == 0)
        return -1;
    if (s->accept_gap)
        return 0;
    if (oldest > wanted)
        return fail_set(fail, FAIL_OPERATOR,
                        "the store \"%s\" lacks the records %" PRIu64 " to %" PRIu64
                        ", and the ledger's journal in %s does not have them any more. "
                        "`serve --accept-gap` goes on without them",
                        s->plugin->name, wanted, oldest - 1, s->folder);
    if (!d->placed && d->cursor.next > s->next)
        return fail_set(
            fail, FAIL_OPERATOR,
            "the store \"%s\" has the records up to %" PRIu64 ", and the ledger's journal in %s ends with %" PRIu64
            ": one of them is of another ledger, or older. `serve --accept-gap` keeps the rows and goes on with what comes",
            s->plugin->name, d->cursor.next - 1, s->folder, s->next - 1);
    return 0;
}

/* Where the operator accepted that the journal gives numbers again, these are of another generation. */
static void begin_following(struct delivery *d)
{
    const struct delivery_settings *s = &d->settings;
    struct follow_settings follow = { .folder = s->folder,
                                      .next = d->cursor.next,
                                      .accept_gap = s->accept_gap,
                                      .judged = s->next,
                                      .sync = true,
                                      .from = { d->cursor.segment, d->cursor.offset, d->cursor.from } };
    d->anew = !d->placed && d->cursor.next > s->next;
    if (d->anew) {
        follow.from = (struct follow_place){ 0 };
        follow.next = s->next;
    }
    d->placed = !d->anew; /* it stays to be done until it is in the store */
    d->follow = follow_new(&follow);
    batch_clear(&d->batch);
}

/* 0; -1 with `fail`: the store is away, or *refused: it will stay so until the operator acts. */
static int reach_store(struct delivery *d, bool *refused, struct fail *fail)
{
    gw_status status;
    *refused = false;
    d->session = store_attach(d->settings.plugin, d->settings.instance, GW_STORE_WRITE, &status, fail);
    if (d->session == NULL && status == GW_MISS)
        fail_set(fail, FAIL_OPERATOR, "the store \"%s\" has a defect: attach() answers miss to a writer",
                 d->settings.plugin->name);
    if (d->session == NULL) {
        *refused = status == GW_E_CONFIG;
        return -1;
    }
    if (store_cursor(d->session, &d->cursor, fail) != GW_OK)
        return -1;
    if (check_place(d, fail) < 0) {
        *refused = true;
        return -1;
    }
    atomic_store(&d->next, d->cursor.next > 1 ? d->cursor.next : 1);
    begin_following(d);
    return 0;
}

/* Fills the batch. 1: it holds something; 0: the journal has nothing more for now; -1 with `fail`. */
static int collect(struct delivery *d, struct fail *fail)
{
    struct follow_item item;
    enum follow_next next = FOLLOW_RECORD;
    while (!batch_is_full(&d->batch) && (next = follow_next(d->follow, &item, fail)) == FOLLOW_RECORD)
        batch_add(&d->batch, &item);
    if (next != FOLLOW_RECORD && next != FOLLOW_WAIT)
        return -1;
    return d->batch.records > 0 ? 1 : 0;
}

/* Records that a loss of power could take from the journal do not go into the store: the journal is on the disk first. */
static int put_batch(struct delivery *d, struct fail *fail)
{
    struct follow_place place = follow_place(d->follow);
    gw_store_cursor until = { .size = sizeof until,
                              .generation = d->cursor.generation,
                              .next = follow_number(d->follow),
                              .segment = place.segment,
                              .offset = place.offset,
                              .from = place.number };
    if (d->anew)
        until.generation++;
    gw_store_batch batch = { .size = sizeof batch,
                             .after = &d->cursor,
                             .until = &until,
                             .rows = d->batch.rows,
                             .row_count = d->batch.row_count };
    if (follow_sync(d->follow, fail) < 0)
        return -1;
    gw_status status = store_put(d->session, &batch, fail);
    if (status == GW_MISS)
        return fail_set(fail, FAIL_OPERATOR, "the store \"%s\" was moved by somebody else", d->settings.plugin->name);
    if (status != GW_OK)
        return -1;
    atomic_fetch_add(&d->rows, d->batch.row_count);
    atomic_store(&d->next, until.next);
    until.rows_since_ms = d->cursor.rows_since_ms;
    d->cursor = until;
    d->placed = true;
    d->anew = false;
    batch_clear(&d->batch);
    return 0;
}

/* Old rows in small batches; segments that the store has passed. */
static int tidy(struct delivery *d, struct fail *fail)
{
    uint32_t removed = PRUNED;
    if (clock_ns() < d->tidy_ns)
        return 0;
    d->tidy_ns = clock_ns() + TIDY_NS;
    retire_segments(d->settings.folder, d->cursor.segment, d->settings.keep_ms);
    for (int i = 0; d->settings.rows_ms > 0 && i < PRUNES && removed == PRUNED; i++)
        if (store_prune(d->session, clock_unix_ms() - d->settings.rows_ms, PRUNED, &removed, fail) != GW_OK)
            return -1;
    return 0;
}

/* One turn. 1: there may be more at once; 0: nothing now; -1 with `fail`. */
static int deliver(struct delivery *d, struct fail *fail)
{
    bool refused;
    if (d->session == NULL && reach_store(d, &refused, fail) < 0)
        return -1;
    int more = collect(d, fail);
    bool full = batch_is_full(&d->batch);
    if (more > 0 && put_batch(d, fail) < 0)
        return -1;
    if (more >= 0)
        is_good(d);
    if (more == 0 && tidy(d, fail) < 0)
        return -1;
    return more < 0 ? -1 : full;
}

/* Sleeps. False: it is time to end. `more` is what was left to do. */
static bool rest(struct delivery *d, int64_t ns, bool more)
{
    struct timespec until;
    pthread_mutex_lock(&d->mutex);
    if (!d->stopping && ns > 0) {
        clock_gettime(CLOCK_MONOTONIC, &until);
        ns += until.tv_nsec;
        until.tv_sec += ns / CLOCK_S;
        until.tv_nsec = ns % CLOCK_S;
        pthread_cond_timedwait(&d->wake, &d->mutex, &until);
    }
    bool goes_on = !d->stopping || (more && clock_ns() < d->until_ns);
    pthread_mutex_unlock(&d->mutex);
    return goes_on;
}

/* When it is to stop, what is left is delivered first: one turn more finds all that the ledger wrote. */
static bool is_stopping(struct delivery *d)
{
    pthread_mutex_lock(&d->mutex);
    bool stopping = d->stopping;
    pthread_mutex_unlock(&d->mutex);
    return stopping;
}

static void *run(void *arg)
{
    struct delivery *d = arg;
    struct fail fail;
    for (bool goes_on = true; goes_on;) {
        bool last = is_stopping(d);
        int more = deliver(d, &fail);
        if (more < 0) {
            complain(d, fail.text);
            leave_store(d);
            goes_on = rest(d, d->retry_ns, !last);
            d->retry_ns = d->retry_ns * 2 < RETRY_MOST_NS ? d->retry_ns * 2 : RETRY_MOST_NS;
        } else {
            goes_on = rest(d, more > 0 ? 0 : PAUSE_NS, more > 0 || !last);
        }
    }
    leave_store(d);
    return NULL;
}

static void free_delivery(struct delivery *d)
{
    leave_store(d);
    batch_fini(&d->batch);
    pthread_cond_destroy(&d->wake);
    pthread_mutex_destroy(&d->mutex);
    d->magic = 0;
    free(d);
}

struct delivery *delivery_start(const struct delivery_settings *settings, struct fail *fail)
{
    struct delivery *d = calloc(1, sizeof *d);
    pthread_condattr_t clock;
    bool refused;

    BUG_IF(d == NULL);
    d->magic = DELIVERY_MAGIC;
    d->settings = *settings;
    d->retry_ns = RETRY_LEAST_NS;
    batch_init(&d->batch);
    pthread_mutex_init(&d->mutex, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&d->wake, &clock);
    pthread_condattr_destroy(&clock);
    int reached = reach_store(d, &refused, fail);
    if (reached < 0 && !refused) {
        complain(d, fail->text);
        leave_store(d);
    }
    if (reached == 0 || !refused) {
        if (pthread_create(&d->thread, NULL, run, d) == 0)
            return d;
        fail_set(fail, FAIL_OPERATOR, "the thread that delivers the ledger cannot be started");
    }
    free_delivery(d);
    return NULL;
}

/* Ends the thread. */
static void end_thread(struct delivery *d, int64_t wait_ns)
{
    pthread_mutex_lock(&d->mutex);
    bool runs = !d->paused;
    d->stopping = d->paused = true;
    d->until_ns = clock_ns() + wait_ns;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->mutex);
    if (runs)
        pthread_join(d->thread, NULL);
}

void delivery_stop(struct delivery *d, int64_t wait_ns)
{
    CHECK(d, DELIVERY);
    end_thread(d, wait_ns);
    free_delivery(d);
}

void delivery_pause(struct delivery *d)
{
    CHECK(d, DELIVERY);
    end_thread(d, 0);
}

void delivery_resume(struct delivery *d)
{
    CHECK(d, DELIVERY);
    pthread_mutex_lock(&d->mutex);
    d->stopping = false;
    d->paused = pthread_create(&d->thread, NULL, run, d) != 0;
    pthread_mutex_unlock(&d->mutex);
    if (d->paused)
        log_line(LOG_ERROR,
                 "the thread that delivers the ledger cannot be started: the store is filled after the next start");
}

void delivery_read_state(struct delivery *d, struct delivery_state *state)
{
    struct timespec cpu = { 0, 0 };
    clockid_t id;
    CHECK(d, DELIVERY);
    pthread_mutex_lock(&d->mutex);
    if (!d->paused && pthread_getcpuclockid(d->thread, &id) == 0)
        clock_gettime(id, &cpu);
    pthread_mutex_unlock(&d->mutex);
    *state = (struct delivery_state){ .store = d->settings.plugin->name,
                                      .next = atomic_load(&d->next),
                                      .failures = atomic_load(&d->failures),
                                      .rows = atomic_load(&d->rows),
                                      .cpu_ns = cpu.tv_sec * CLOCK_S + cpu.tv_nsec,
                                      .works = atomic_load(&d->works) };
}
