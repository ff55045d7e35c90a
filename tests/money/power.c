/* power.c - power [POINTS [SEED]]: cuts the power of a ledger at POINTS moments (100) and starts it again, by the real code.
 *
 * Threads spend money on a disk that remembers every call (power_disk.h), with and without faults, synced at once and every 5 ms. Then
 * for each of POINTS moments the folder is made as the disk would be found after it, and: the start refuses nothing, all that had
 * been promised is there, verify finds no rule broken, spending goes on, and verify finds nothing then. Last come the controls: disks
 * that lie about a sync, on which promised records must be missed. Ends with "power: N passed, N failed, N skipped". */
#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "money/disk.h"
#include "money/history.h"
#include "money/ledger.h"
#include "money/verify.h"
#include "power_disk.h"

enum { THREADS = 3, TURNS = 60, PROMISES_MOST = 4096, SEGMENT = 12 << 10, SLACK_MS = 1000 };

/* A record that was reported as written: its number, whose it is, and when. */
struct promise {
    uint64_t number;
    size_t moment;
    bool synced; /* it was on the disk when it was acknowledged */
    char request[24];
};

struct mode {
    const char *name;
    int64_t sync_ns;
    unsigned faults;
};

static struct promise promises[PROMISES_MOST];
static size_t promise_count;
static pthread_mutex_t promise_mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned passed, failed;
static char place[64], broken_rule[256];

static const struct config_budget total = { .period = PERIOD_TOTAL,
                                            .limit = INT64_C(1) << 60,
                                            .ceiling = INT64_C(1) << 60 };
static const struct config_budget day = { .period = PERIOD_DAY,
                                          .limit = INT64_C(1) << 60,
                                          .ceiling = INT64_C(1) << 60 };
static const struct accounts_rule rules[] = { { ACCOUNT_TEAM, TEXT("t"), &total }, { ACCOUNT_ALL, TEXT("all"), &day } };

static void promise(uint64_t number, const char *request, bool synced)
{
    pthread_mutex_lock(&promise_mutex);
    BUG_IF(promise_count == PROMISES_MOST);
    struct promise *p = &promises[promise_count++];
    *p = (struct promise){ .number = number, .moment = power_moments(), .synced = synced };
    snprintf(p->request, sizeof p->request, "%s", request);
    pthread_mutex_unlock(&promise_mutex);
}

static struct ledger_hold *hold(struct ledger *l, const char *request, bool synced)
{
    struct record r = { .request = text_of(request),
                        .attempt = 1,
                        .team = TEXT("t"),
                        .model = TEXT("m"),
                        .provider = TEXT("p"),
                        .hard = 1000,
                        .soft = 500,
                        .admitted_ms = clock_unix_ms() };
    struct ledger_refusal refusal;
    struct fail fail;
    struct ledger_hold *handle = ledger_hold(l, &r, false, &refusal, &fail);
    if (handle != NULL)
        promise(r.number, request, synced);
    return handle;
}

static void end(struct ledger *l, struct ledger_hold *handle, const char *request, uint64_t *random)
{
    int64_t cost = (int64_t)power_random(random, 900),
            doubt = power_random(random, 4) == 0 ? (int64_t)power_random(random, 100) : 0;
    struct record_line line = { .unit = TEXT("input"), .quantity = 1, .cost = cost };
    struct record r = { .ending = doubt > 0 ? ENDING_DOUBT : ENDING_SETTLED,
                        .final = 1,
                        .lines = { &line, 1 },
                        .cost = cost,
                        .doubt = doubt,
                        .soft_doubt = doubt / 2,
                        .outcome = TEXT("ok") };
    ledger_end(l, handle, &r);
    if (r.number > 1) /* else the disk refused it, and it is kept */
        promise(r.number, request, false);
}

struct spender {
    struct ledger *ledger;
    const struct mode *mode;
    uint64_t random;
    unsigned id;
};

static void *spend(void *arg)
{
    struct spender *s = arg;
    char request[24];
    for (int turn = 0; turn < TURNS; turn++) {
        snprintf(request, sizeof request, "r%u-%d", s->id, turn);
        struct ledger_hold *handle = hold(s->ledger, request, s->mode->sync_ns == 0);
        if (handle != NULL)
            end(s->ledger, handle, request, &s->random);
        if (s->mode->sync_ns > 0)
            usleep((unsigned)power_random(&s->random, 400));
    }
    return NULL;
}

static struct ledger *begin(const char *folder, int64_t sync_ns, struct ledger_start *start, struct fail *fail)
{
    struct ledger_settings settings = {
        .folder = folder, .sync_ns = sync_ns, .segment_bytes = SEGMENT, .rules = rules, .rule_count = 2
    };
    return ledger_open(&settings, start, fail);
}

static void empty(const char *folder)
{
    char path[400];
    DIR *dir = opendir(folder);
    for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        snprintf(path, sizeof path, "%s/%.300s", folder, e->d_name);
        if (e->d_name[0] != '.')
            unlink(path);
    }
    if (dir != NULL)
        closedir(dir);
    rmdir(folder);
}

static void run(const struct mode *mode, uint64_t seed, const char *folder)
{
    struct spender spenders[THREADS];
    pthread_t threads[THREADS];
    struct ledger_start start;
    struct fail fail;

    promise_count = 0;
    power_record(seed, 0);
    struct ledger *l = begin(folder, mode->sync_ns, &start, &fail);
    BUG_IF(l == NULL);
    power_faults(mode->faults);
    for (unsigned i = 0; i < THREADS; i++) {
        spenders[i] = (struct spender){ l, mode, seed + i, i };
        BUG_IF(pthread_create(&threads[i], NULL, spend, &spenders[i]) != 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    power_faults(0);
    ledger_close(l);
}

/* What a start found: the request of each record, by its number. */
struct found {
    char requests[PROMISES_MOST][24];
};

static bool note(void *owner, const struct record *record, struct text bytes)
{
    struct found *found = owner;
    (void)bytes;
    if (record->type == RECORD_HOLD && record->number < PROMISES_MOST)
        snprintf(found->requests[record->number], sizeof found->requests[0], "%.*s", TEXT_ARG(record->request));
    if (record->type == RECORD_END && record->number < PROMISES_MOST && record->hold < PROMISES_MOST)
        memcpy(found->requests[record->number], found->requests[record->hold], sizeof found->requests[0]);
    return true;
}

static bool bad(const char *why, const char *more)
{
    snprintf(place, sizeof place, "%.30s %.30s", why, more);
    return false;
}

static bool lost(const struct promise *p, const char *instead)
{
    snprintf(broken_rule, sizeof broken_rule, "record %" PRIu64 ", moment %zu, instead of it: %s", p->number, p->moment,
             instead);
    return bad("lost:", p->request);
}

static bool nothing_is_lost(const char *folder, const struct mode *mode, size_t moment)
{
    static struct found found;
    struct history_visitor visitor = { note, NULL, &found };
    struct history_report report;
    struct fail fail;

    memset(&found, 0, sizeof found);
    if (history_read(folder, &visitor, &report, &fail) < 0)
        return bad("unreadable:", fail.text);
    for (size_t i = 0; i < promise_count; i++) {
        const struct promise *p = &promises[i];
        if (p->moment >= moment || strcmp(found.requests[p->number], p->request) == 0)
            continue;
        if (p->synced || power_synced_between(p->moment, moment))
            return lost(p, found.requests[p->number]);
        if (mode->faults == 0 && power_time(moment) - power_time(p->moment) > mode->sync_ns + SLACK_MS * CLOCK_MS)
            return bad("lost, and old:", p->request);
    }
    return true;
}

static void note_rule(void *owner, const char *what)
{
    (void)owner;
    snprintf(broken_rule, sizeof broken_rule, "%s", what);
}

static bool verifies(const char *folder, uint64_t open)
{
    struct verify_report report;
    struct fail fail;
    if (verify_ledger(folder, note_rule, NULL, &report, &fail) < 0)
        return bad("verify:", fail.text);
    if (report.broken > 0)
        return bad("broken:", broken_rule);
    return report.open == open || bad("holds are open", "");
}

/* The power comes back. */
static bool recovers(const char *folder, const struct mode *mode, size_t moment, uint64_t seed)
{
    struct ledger_start start;
    struct fail fail;
    uint64_t random = seed;

    disk = disk_of_system;
    struct ledger *l = begin(folder, 0, &start, &fail);
    if (l == NULL)
        return bad("refused:", fail.text);
    bool good = nothing_is_lost(folder, mode, moment) && verifies(folder, 0);
    size_t promised = promise_count;
    for (int i = 0; i < 3 && good; i++)
        end(l, hold(l, "after", true), "after", &random);
    promise_count = promised;
    ledger_close(l);
    return good && verifies(folder, 0);
}

static bool point(const struct mode *mode, size_t moment, uint64_t seed, enum power_lie lie)
{
    char folder[64] = "/tmp/gw-power-XXXXXX";
    BUG_IF(mkdtemp(folder) == NULL);
    power_cut(moment, seed, lie, folder);
    place[0] = broken_rule[0] = '\0';
    bool good = recovers(folder, mode, moment, seed);
    if (good || lie != POWER_HONEST || getenv("GW_POWER_KEEP") == NULL)
        empty(folder);
    return good;
}

static void points(const struct mode *mode, unsigned count, uint64_t seed)
{
    uint64_t random = seed;
    size_t moments = power_moments();
    for (unsigned i = 0; i < count; i++) {
        size_t moment = power_random(&random, moments + 1);
        bool good = point(mode, moment, seed + i, POWER_HONEST);
        passed += good;
        failed += !good;
        if (!good)
            printf("FAILED %s, seed %" PRIu64 ", moment %zu of %zu: %s %s\n", mode->name, seed + i, moment, moments,
                   place, broken_rule);
    }
}

/* Of a disk that lies some promise must be missed; else this program sees nothing. */
static void control(const struct mode *mode, const char *name, enum power_lie lie, uint64_t seed)
{
    enum { TRIES = 40 };
    uint64_t random = seed;
    unsigned caught = 0;
    for (unsigned i = 0; i < TRIES; i++)
        caught += !point(mode, power_random(&random, power_moments() + 1), seed + i, lie);
    printf("%s a disk that %s: %u of %d points are caught\n", caught > 0 ? "ok    " : "FAILED", name, caught, TRIES);
    passed += caught > 0;
    failed += caught == 0;
}

int main(int argc, char **argv)
{
    const struct mode modes[] = { { "synced at once", 0, 0 },
                                  { "synced every 5 ms", 5 * CLOCK_MS, 0 },
                                  { "synced at once, with faults", 0, 12 },
                                  { "synced every 5 ms, with faults", 5 * CLOCK_MS, 12 } };
    unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    char folder[64];

    log_set_level(LOG_ERROR);
    BUG_IF(freopen("/dev/null", "w", stderr) == NULL); /* the ledger reports each fault */
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        snprintf(folder, sizeof folder, "/tmp/gw-power-XXXXXX");
        BUG_IF(mkdtemp(folder) == NULL);
        run(&modes[i], seed + i * 1000003, folder);
        unsigned before = failed;
        points(&modes[i], count / 4, seed + i * 1000003);
        printf("%s %s: %u points, %zu calls of the disk, %zu promises\n", failed == before ? "ok    " : "FAILED",
               modes[i].name, count / 4, power_moments(), promise_count);
        if (i < 2)
            control(&modes[i], "syncs no file", POWER_NO_SYNC, seed);
        if (i < 2)
            control(&modes[i], "drops one sync in four", POWER_SOME_SYNCS, seed);
        if (i == 0)
            control(&modes[i], "does not sync its folder", POWER_NO_NAMES, seed);
        empty(folder);
    }
    printf("power: %u passed, %u failed, 0 skipped\n", passed, failed);
    return failed > 0;
}
