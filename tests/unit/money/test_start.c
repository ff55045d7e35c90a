/* test_start.c - what a ledger begins with, from forged journals: sums, budgets, what a crash left, and why it does not start. */
#include "base/clock.h"
#include "forge.h"
#include "money/history.h"
#include "money/ledger.h"

static const struct config_budget total = { .period = PERIOD_TOTAL, .limit = 1000, .ceiling = 2000 };
static const struct accounts_rule rules[] = { { ACCOUNT_TEAM, TEXT("a"), &total } };

static struct ledger *begin(const struct folder *f, bool accept_gap, struct ledger_start *start, struct fail *fail)
{
    struct ledger_settings settings = {
        .folder = f->path, .sync_ns = 60000000000, .accept_gap = accept_gap, .rules = rules, .rule_count = 1
    };
    fail->text[0] = '\0';
    return ledger_open(&settings, start, fail);
}

/* The records of the newest segment, a line each. */
static char written[4096];

static bool show(void *owner, const struct record *record, struct text bytes)
{
    struct buf json;
    struct json_writer w;
    size_t len = strlen(written);
    (void)owner, (void)bytes;
    if (record->type == RECORD_OPEN || record->type == RECORD_MARK)
        return true;
    struct record one = *record;
    one.unix_ms = 1; /* whenever it was written */
    buf_init(&json, 1 << 12);
    json_writer_init(&w, &json);
    record_write_json(&one, &w);
    cr_assert_eq(json_end(&w), 0);
    snprintf(written + len, sizeof written - len, "%.*s\n", TEXT_ARG(buf_view(&json)));
    buf_free(&json);
    return true;
}

static const char *records_from(const struct folder *f, uint64_t segment)
{
    struct history_visitor visitor = { show, NULL, NULL };
    struct history_report report;
    struct fail fail;
    written[0] = '\0';
    cr_assert_eq(history_read_from(f->path, segment, &visitor, &report, &fail), 0, "%s", fail.text);
    return written;
}

#define ONE                                                                                                            \
    .accounts = LIST(record_account, { .kind = TEXT("team"), .id = TEXT("a"), .per = TEXT("total"), .number = 1 })

Test(start, takes_up_what_there_is)
{
    struct record_balance balance = { .kind = TEXT("team"),
                                      .id = TEXT("a"),
                                      .per = TEXT("total"),
                                      .spent = 70,
                                      .doubt = 20,
                                      .soft_doubt = 10,
                                      .number = 4 };
    struct record left = HOLD(3, 1, 50, .soft = 25, .team = TEXT("a"), ONE);
    char room[2048];
    struct text carried = forge_carried(&left, room);
    const struct {
        struct record all[8];
        uint64_t records, read, doubtful;
        int64_t spent, doubt;                      /* of all */
        int64_t team_spent, team_doubt, team_left; /* of the team's budget */
    } cases[] = {
        { { { 0 } }, 0, 0, 0, 0, 0, 0, 0, 1000 },
        { { OPEN(1), HOLD(1, 1, 50, .team = TEXT("a")), END(2, 1, SETTLED, COSTS(30)),
            ROW(3, 1, COSTS(5), .team = TEXT("a")), ROW(4, 1, COSTS(7)) },
          4,
          4,
          0,
          42,
          0,
          35,
          0,
          965 },
        { { OPEN(1), HOLD(1, 1, 50, .team = TEXT("a")), END(2, 1, DOUBT, COSTS(1), .doubt = 40, .soft_doubt = 15),
            LATE(3, 1, .cost = 9, .doubt = -30, .soft_doubt = -10, .team = TEXT("a"), .admitted_ms = 1) },
          3,
          3,
          0,
          10,
          10,
          10,
          10,
          985 },
        /* A crash left two open: both are in doubt, up to the most. */
        { { OPEN(1), HOLD(1, 1, 50, .soft = 20, .team = TEXT("a")), HOLD(2, 1, 60, .soft = 30) },
          2,
          2,
          2,
          0,
          110,
          0,
          50,
          980 },
        { { OPEN(1), END(1, 9, SETTLED, COSTS(30)), ROW(2, 1, COSTS(1)) }, 2, 2, 0, 1, 0, 0, 0, 1000 },
        /* From what an OPEN carries over. */
        { { OPEN(5, .whole = 1, .cost = 100, .doubt = 20, .balances = { &balance, 1 }),
            ROW(5, 1, COSTS(5), .team = TEXT("a")) },
          5,
          1,
          0,
          105,
          20,
          75,
          20,
          915 },
        { { OPEN(5, .whole = 1, .cost = 100, .doubt = 20, .balances = { &balance, 1 }, .carried = { &carried, 1 }),
            END(5, 3, SETTLED, COSTS(40)) },
          5,
          1,
          0,
          140,
          20,
          110,
          20,
          880 },
        { { OPEN(5, .whole = 1, .cost = 100, .doubt = 20, .balances = { &balance, 1 }, .carried = { &carried, 1 }) },
          4,
          0,
          1,
          100,
          70,
          70,
          70,
          895 },
        /* Records that stood again behind it are in its balances, up to the one that it stood before. */
        { { OPEN(5, .whole = 1, .as_of = 7, .again = 7, .cost = 100, .doubt = 20, .balances = { &balance, 1 }),
            ROW(5, 1, COSTS(5), .team = TEXT("a")), ROW(6, 1, COSTS(5), .team = TEXT("a")),
            ROW(7, 1, COSTS(5), .team = TEXT("a")) },
          7,
          3,
          0,
          105,
          20,
          75,
          20,
          915 },
        /* The OPEN lacks the budget: all is read. */
        { { OPEN(1), ROW(1, 1, COSTS(30), .team = TEXT("a")), OPEN(2, .whole = 1, .cost = 30), ROW(2, 1, COSTS(1)) },
          2,
          2,
          0,
          31,
          0,
          30,
          0,
          970 },
        /* An OPEN that is not whole carries nothing that counts. */
        { { OPEN(1), ROW(1, 1, COSTS(30), .team = TEXT("a")), OPEN(2, .cost = 99), ROW(2, 1, COSTS(1)) },
          2,
          2,
          0,
          31,
          0,
          30,
          0,
          970 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct folder f;
        struct ledger_start start;
        struct ledger_sums sums;
        struct ledger_balance b;
        struct fail fail;
        folder_make(&f);
        forge(&f, cases[i].all, 8, -1);
        struct ledger *l = begin(&f, false, &start, &fail);
        cr_assert_not_null(l, "case %zu: %s", i, fail.text);
        cr_assert(start.records == cases[i].records && start.read == cases[i].read && start.problems == 0,
                  "case %zu: %llu records, %llu read", i, (unsigned long long)start.records,
                  (unsigned long long)start.read);
        cr_assert_eq(start.doubtful, cases[i].doubtful, "case %zu", i);
        ledger_read_sums(l, &sums);
        cr_assert(sums.spent == cases[i].spent && sums.doubt == cases[i].doubt && sums.held == 0 && sums.open == 0,
                  "case %zu: %lld spent, %lld in doubt", i, (long long)sums.spent, (long long)sums.doubt);
        cr_assert(sums.records == cases[i].doubtful && sums.next == cases[i].records + 1 + cases[i].doubtful,
                  "case %zu", i);
        cr_assert_eq(ledger_read_balances(l, &(struct record){ .team = TEXT("a") }, &b), 1);
        cr_assert(b.spent == cases[i].team_spent && b.doubt == cases[i].team_doubt && b.left == cases[i].team_left,
                  "case %zu: %lld spent, %lld in doubt, %lld left", i, (long long)b.spent, (long long)b.doubt,
                  (long long)b.left);
        ledger_close(l);
        folder_remove(&f);
    }
}

/* The END of what a crash left open, field by field. */
Test(start, ends_what_a_crash_left)
{
    struct folder f;
    struct ledger_start start;
    struct fail fail;
    const struct record all[] = { OPEN(1), HOLD(1, 1, 50, .soft = 20, .team = TEXT("a")), HOLD(2, 1, 60) };
    folder_make(&f);
    forge(&f, all, 3, -1);
    struct ledger *l = begin(&f, false, &start, &fail);
    cr_assert_not_null(l, "%s", fail.text);
    ledger_close(l);
    cr_assert_str_eq(
        records_from(&f, 2),
        "{\"type\":\"hold\",\"number\":1,\"time\":\"1970-01-01T00:00:00.001Z\",\"request\":\"r\",\"attempt\":1,"
        "\"team\":\"a\",\"provider\":\"p\",\"hard_usd\":\"0.00000005\",\"soft_usd\":\"0.00000002\",\"admitted\":"
        "\"1970-01-01T00:00:00.001Z\"}\n"
        "{\"type\":\"hold\",\"number\":2,\"time\":\"1970-01-01T00:00:00.001Z\",\"request\":\"r\",\"attempt\":1,"
        "\"provider\":\"p\",\"hard_usd\":\"0.00000006\",\"admitted\":\"1970-01-01T00:00:00.001Z\"}\n"
        "{\"type\":\"end\",\"number\":3,\"time\":\"1970-01-01T00:00:00.001Z\",\"hold\":1,\"ending\":\"doubt\","
        "\"final\":true,\"doubt_usd\":\"0.00000005\",\"soft_doubt_usd\":\"0.00000002\",\"outcome\":\"crash\"}\n"
        "{\"type\":\"end\",\"number\":4,\"time\":\"1970-01-01T00:00:00.001Z\",\"hold\":2,\"ending\":\"doubt\","
        "\"final\":true,\"doubt_usd\":\"0.00000006\",\"outcome\":\"crash\"}\n");
    folder_remove(&f);
}

/* Damage stops it, until it is accepted; then what is written shows that, and no later start asks again. */
Test(start, stops_at_damage)
{
    struct folder f;
    struct ledger_start start;
    struct ledger_sums sums;
    struct fail fail;
    char words[512];
    const struct record missing[] = { OPEN(1), ROW(1, 1, COSTS(1)), OPEN(4), ROW(4, 1, COSTS(2)),
                                      OPEN(9), ROW(9, 1, COSTS(4)) };
    folder_make(&f);
    forge(&f, missing, 6, -1);
    cr_assert_null(begin(&f, false, &start, &fail));
    snprintf(
        words, sizeof words,
        "the ledger in %s is damaged: 00000002-00000000-0000-0000-0000-000000000000.journal, byte 22: the records 2 to 3 "
        "are missing before it. `llm-gateway ledger verify` shows all of it; `serve --accept-gap` starts without what "
        "is lost",
        f.path);
    cr_assert_str_eq(fail.text, words);
    for (int turn = 0; turn < 2; turn++) {
        struct ledger *l = begin(&f, turn == 0, &start, &fail);
        cr_assert_not_null(l, "%s", fail.text);
        cr_assert_eq(start.problems, turn == 0 ? 2 : 0);
        cr_assert(start.records == 9 && start.doubtful == 0);
        ledger_read_sums(l, &sums);
        cr_assert(sums.spent == 7 && sums.next == 10);
        ledger_close(l);
    }
    folder_remove(&f);
    /* A newer program wrote it: that is nothing to accept. */
    struct record newer[] = { OPEN(1), ROW(1, 1), OPEN(2) };
    newer[2].format = 2;
    for (int accept = 0; accept < 2; accept++) {
        folder_make(&f);
        forge(&f, newer, 3, -1);
        cr_assert_null(begin(&f, accept == 1, &start, &fail));
        cr_assert_str_eq(fail.text,
                         "00000002-00000000-0000-0000-0000-000000000000.journal, byte 22: its format is newer than "
                         "this program's. Use a version of llm-gateway that is at least as new as the one that "
                         "wrote it");
        folder_remove(&f);
    }
}
