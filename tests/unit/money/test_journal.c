/* test_journal.c - what the writer asks of the disk and when; what a reader takes for promised; periods that come in any order. */
#include <errno.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "forge.h"
#include "money/disk.h"
#include "money/ledger.h"
#include "money/record_inside.h"
#include "money/verify.h"

static int syncs, name_syncs;
static bool refuse_writes, refuse_name_syncs;

static int count_sync(int fd)
{
    syncs++;
    return disk_of_system.sync(fd);
}

static int count_names(int fd)
{
    name_syncs++;
    return refuse_name_syncs ? (errno = EIO, -1) : disk_of_system.sync_names(fd);
}

static ssize_t maybe_write(int fd, const void *bytes, size_t len, off_t at)
{
    return refuse_writes ? (errno = ENOSPC, -1) : disk_of_system.write(fd, bytes, len, at);
}

static struct ledger *begin(const char *path, int64_t sync_ns, struct fail *fail)
{
    struct ledger_start start;
    struct ledger_settings settings = { .folder = path, .sync_ns = sync_ns };
    disk = disk_of_system;
    disk.sync = count_sync;
    disk.sync_names = count_names;
    disk.write = maybe_write;
    return ledger_open(&settings, &start, fail);
}

static struct ledger_hold *hold(struct ledger *l)
{
    struct fail fail;
    struct ledger_refusal refusal;
    struct record r = { .request = TEXT("r"),
                        .attempt = 1,
                        .team = TEXT("t"),
                        .provider = TEXT("p"),
                        .hard = 9,
                        .soft = 1,
                        .admitted_ms = 1 };
    struct ledger_hold *handle = ledger_hold(l, &r, false, &refusal, &fail);
    cr_assert_not_null(handle, "%s", fail.text);
    return handle;
}

static void end(struct ledger *l, struct ledger_hold *handle)
{
    struct record r = { .ending = ENDING_VOID, .final = 1 };
    ledger_end(l, handle, &r);
}

static char problem[512];
static unsigned problems;

static void note(void *owner, const char *what)
{
    (void)owner;
    problems++;
    snprintf(problem, sizeof problem, "%s", what);
}

static struct verify_report verified(const char *path)
{
    struct verify_report report;
    struct fail fail;
    problem[0] = '\0';
    problems = 0;
    cr_assert_eq(verify_ledger(path, note, NULL, &report, &fail), 0, "%s", fail.text);
    return report;
}

/* With sync_ms = 0 a record is on the disk before it is reported as written; else a thread syncs. */
Test(journal, syncs_when_it_must)
{
    struct folder f;
    struct fail fail;
    folder_make(&f);
    struct ledger *l = begin(f.path, 0, &fail);
    for (int i = 0; i < 3; i++) {
        int before = syncs;
        struct ledger_hold *handle = hold(l);
        cr_assert_eq(syncs, before + 1);
        end(l, handle);
        cr_assert_eq(syncs, before + 2);
    }
    ledger_close(l);
    l = begin(f.path, 60 * CLOCK_S, &fail);
    int before = syncs;
    end(l, hold(l));
    cr_assert_eq(syncs, before);
    ledger_close(l);
    cr_assert_gt(syncs, before); /* the end of the process is a sync */
    cr_assert_eq(verified(f.path).broken, 0);
    disk = disk_of_system;
    folder_remove(&f);
}

/* A folder that it makes itself is on the disk when its parent is; where that cannot be had it does not start. */
Test(journal, makes_its_folder)
{
    struct folder f, inner;
    struct fail fail;
    folder_make(&f);
    snprintf(inner.path, sizeof inner.path, "%.50s/ledger", f.path);
    refuse_name_syncs = true;
    cr_assert_null(begin(inner.path, 0, &fail));
    cr_assert_not_null(strstr(fail.text, "synced"), "%s", fail.text);
    refuse_name_syncs = false;
    folder_remove(&inner);
    name_syncs = 0;
    struct ledger *l = begin(inner.path, 0, &fail);
    cr_assert_not_null(l, "%s", fail.text);
    cr_assert_eq(name_syncs, 2); /* the parent's, and the folder's for its first file */
    end(l, hold(l));
    ledger_close(l);
    cr_assert_eq(verified(inner.path).holds, 1);
    disk = disk_of_system;
    folder_remove(&inner);
    folder_remove(&f);
}

/* What the disk refused and takes at last is written when the ledger is closed. */
Test(journal, writes_what_waits_at_its_end)
{
    struct folder f;
    struct fail fail;
    struct ledger_sums sums;
    folder_make(&f);
    struct ledger *l = begin(f.path, 60 * CLOCK_S, &fail);
    struct ledger_hold *handle = hold(l);
    refuse_writes = true;
    end(l, handle);
    ledger_read_sums(l, &sums);
    cr_assert(sums.waiting == 1 && sums.open == 0);
    refuse_writes = false;
    ledger_close(l);
    struct verify_report r = verified(f.path);
    cr_assert(r.open == 0 && r.free_of_cost == 1 && r.broken == 0);
    disk = disk_of_system;
    folder_remove(&f);
}

/* A record that cannot be read was promised where a MARK behind it shows that it had been on the disk, and only there. */
Test(journal, a_mark_shows_what_was_promised)
{
    for (uint64_t mark = 1; mark <= 4; mark++) {
        struct folder f;
        struct record all[] = {
            { .type = RECORD_OPEN, .number = 1, .unix_ms = 1, .format = 1, .boot = TEXT("b"), .segment = 1 },
            { .type = RECORD_HOLD,
              .number = 1,
              .unix_ms = 1,
              .request = TEXT("r"),
              .attempt = 1,
              .provider = TEXT("p"),
              .admitted_ms = 1 },
            { .type = RECORD_END, .number = 2, .unix_ms = 1, .hold = 1, .ending = ENDING_VOID },
            { .type = RECORD_HOLD,
              .number = 3,
              .unix_ms = 1,
              .request = TEXT("s"),
              .attempt = 1,
              .provider = TEXT("p"),
              .admitted_ms = 1 },
            { .type = RECORD_MARK, .number = mark, .unix_ms = 1 },
            { .type = RECORD_END, .number = 4, .unix_ms = 1, .hold = 3, .ending = ENDING_VOID },
        };
        folder_make(&f);
        forge(&f, all, 6, 2); /* record 2 */
        struct verify_report r = verified(f.path);
        cr_assert_eq(r.broken, mark > 2, "MARK %d: %s", (int)mark, problem);
        cr_assert(r.history.torn == (mark <= 2) && r.history.records == 1 && r.open == 1);
        if (mark > 2)
            cr_assert_not_null(strstr(problem, "not what was written"), "%s", problem);
        forge(&f, all, 6, 0); /* the OPEN itself: what is lost begins at record 1 */
        r = verified(f.path);
        cr_assert_eq(r.broken, mark > 1, "MARK %d: %s", (int)mark, problem);
        folder_remove(&f);
    }
}

Test(journal, a_record_that_stands_in_a_wrong_place)
{
    struct folder f;
    struct record all[] = {
        { .type = RECORD_OPEN, .number = 1, .unix_ms = 1, .format = 1, .boot = TEXT("b"), .segment = 1 },
        { .type = RECORD_ROW, .number = 2, .unix_ms = 1, .request = TEXT("r"), .admitted_ms = 1 },
    };
    folder_make(&f);
    forge(&f, all, 2, -1);
    verified(f.path);
    cr_assert_not_null(strstr(problem, "record 2 stands where 1 should"), "%s", problem);
    folder_remove(&f);
}

/* Periods come to the checker in any order; the accounts of sessions and end users are found by both names. */
Test(journal, verify_knows_periods_in_any_order)
{
    enum { DAYS = 5, DAY = 86400 };
    static const int order[DAYS] = { 3, 0, 4, 1, 2 };
    const struct {
        const char *kind, *id;
    } whose[] = { { "session", "t/s" }, { "user", "t/u" },    { "key_session", "k/s" },
                  { "tag", "a=b" },     { "model", "gpt-*" }, { "project", "x" } };
    for (size_t w = 0; w < sizeof whose / sizeof whose[0]; w++)
        for (unsigned wrong = 0; wrong < 2; wrong++) {
            struct folder f;
            struct record all[1 + DAYS * 3];
            struct record_account accounts[DAYS * 2];
            struct record_line line = { .unit = TEXT("input"), .quantity = 1, .cost = 6 };
            size_t n = 0;
            folder_make(&f);
            all[n++] = (struct record){
                .type = RECORD_OPEN, .number = 1, .unix_ms = 1, .format = 1, .boot = TEXT("b"), .segment = 1
            };
            for (int i = 0; i < DAYS; i++)
                for (int part = 0; part < 3; part++) { /* a HOLD, its END of 6, and a HOLD beside it: 4 are left */
                    accounts[i * 2 + part / 2] = (struct record_account){ .kind = text_of(whose[w].kind),
                                                                          .id = text_of(whose[w].id),
                                                                          .per = TEXT("day"),
                                                                          .begins_s = order[i] * DAY,
                                                                          .limit = 10,
                                                                          .ceiling = 10,
                                                                          .number = (uint64_t)part / 2 + 1 };
                    all[n] = (struct record){ .number = n,
                                              .unix_ms = 1,
                                              .request = TEXT("r"),
                                              .attempt = 1,
                                              .team = TEXT("t"),
                                              .key = TEXT("k"),
                                              .session = TEXT("s"),
                                              .user = TEXT("u"),
                                              .project = TEXT("x"),
                                              .tags = TEXT("c=d,a=b"),
                                              .model = TEXT("gpt-9"),
                                              .provider = TEXT("p"),
                                              .admitted_ms = (order[i] * DAY + 5) * 1000LL };
                    all[n].type = part == 1 ? RECORD_END : RECORD_HOLD;
                    if (part == 1) {
                        all[n] = (struct record){ .type = RECORD_END,
                                                  .number = n,
                                                  .unix_ms = 1,
                                                  .hold = n - 1,
                                                  .ending = ENDING_SETTLED,
                                                  .cost = 6,
                                                  .lines = { &line, 1 } };
                    } else {
                        all[n].accounts = (struct record_list){ &accounts[i * 2 + part / 2], 1 };
                        all[n].hard = part == 0 ? 10 : 4 + (wrong == 1 && i == 2);
                    }
                    n++;
                }
            forge(&f, all, n, -1);
            struct verify_report r = verified(f.path);
            cr_assert_eq(problems, wrong, "%s: %u problems: %s", whose[w].kind, problems, problem); /* the ceiling */
            cr_assert_eq(r.open, DAYS);
            folder_remove(&f);
        }
}

/* Each field of the table comes back as it was, has a name and a tag of its own. */
Test(journal, each_field_comes_back)
{
    bool tags[128] = { false };
    for (const struct field *f = record_fields; f->kind != FIELD_END; f++) {
        cr_assert(f->name[0] != '\0' && f->tag > 0 && f->tag < 128 && !tags[f->tag], "%s", f->name);
        tags[f->tag] = true;
        struct record in = { .type = RECORD_LATE,
                             .number = 7,
                             .unix_ms = 8,
                             .hold = 9,
                             .who = TEXT("w"),
                             .request = TEXT("r"),
                             .admitted_ms = 1 },
                      out;
        struct arena arena;
        struct buf bytes;
        const char *why;
        char *at = (char *)&in + f->offset;
        if (f->kind == FIELD_TEXT)
            *(struct text *)(void *)at = TEXT("some text");
        else if (f->kind == FIELD_UINT || f->kind == FIELD_INT || f->kind == FIELD_NANO || f->kind == FIELD_TIME)
            *(int64_t *)(void *)at = INT64_C(1) << 40;
        else if (f->kind == FIELD_FLAG)
            *(uint32_t *)(void *)at = 1;
        arena_init(&arena, NULL, 0, 1 << 20);
        buf_init(&bytes, 1 << 16);
        cr_assert_eq(record_write(&in, &bytes), 0);
        cr_assert_eq(record_read(buf_view(&bytes), &arena, &out, &why), 0, "%s: %s", f->name, why);
        if (f->kind == FIELD_TEXT)
            cr_assert(text_is(*(struct text *)(void *)((char *)&out + f->offset), "some text"), "%s", f->name);
        else if (f->kind != FIELD_LIST && f->kind != FIELD_ONE && f->kind != FIELD_RAW)
            cr_assert_eq(memcmp((char *)&out + f->offset, at, f->kind == FIELD_FLAG || f->kind == FIELD_WORD ? 4 : 8),
                         0, "%s", f->name);
        struct buf text;
        struct json_writer w;
        buf_init(&text, 1 << 16);
        json_writer_init(&w, &text);
        record_write_json(&out, &w);
        cr_assert_eq(json_end(&w), 0);
        char wanted[64];
        snprintf(wanted, sizeof wanted, "\"%s\":", f->name);
        bool shown = f->kind != FIELD_LIST && f->kind != FIELD_ONE && f->kind != FIELD_RAW && f->kind != FIELD_WORD;
        cr_assert(!shown || text_find(buf_view(&text), text_of(wanted)) >= 0, "%s", wanted);
        buf_free(&text);
        buf_free(&bytes);
        arena_fini(&arena);
    }
}
