/* test_ledger.c - the journal and the ledger: nothing that was written is lost, what was not whole is not believed. */
#include <signal.h>
#include <sys/resource.h>

#include "folder.h"
#include "money/journal.h"
#include "money/ledger.h"
#include "money/verify.h"

static struct ledger *open_synced(const struct folder *f, size_t segment_bytes, int64_t sync_ns,
                                  struct ledger_start *start)
{
    struct fail fail;
    struct ledger_settings settings = {
        .folder = f->path, .sync_ns = sync_ns, .book = "abc", .segment_bytes = segment_bytes
    };
    struct ledger *l = ledger_open(&settings, start, &fail);
    cr_assert_not_null(l, "%s", fail.text);
    return l;
}

static struct ledger *open_at(const struct folder *f, size_t segment_bytes, struct ledger_start *start)
{
    return open_synced(f, segment_bytes, 1000000, start);
}

static struct ledger_hold *hold(struct ledger *l, const char *request, int64_t hard)
{
    struct fail fail;
    struct record r = { .request = text_of(request),
                        .attempt = 1,
                        .team = TEXT("t"),
                        .model = TEXT("m"),
                        .provider = TEXT("p"),
                        .hard = hard,
                        .soft = hard / 2,
                        .admitted_ms = 1 };
    struct ledger_refusal refusal;
    struct ledger_hold *handle = ledger_hold(l, &r, false, &refusal, &fail);
    cr_assert_not_null(handle, "%s", fail.text);
    return handle;
}

static void settle(struct ledger *l, struct ledger_hold *handle, int64_t cost)
{
    struct record_line line = { .unit = TEXT("input"), .quantity = 1, .price = cost, .cost = cost };
    struct record end = {
        .ending = ENDING_SETTLED, .final = 1, .source = SOURCE_REPORTED, .lines = { &line, 1 }, .cost = cost
    };
    ledger_end(l, handle, &end);
}

/* Where the last frame begins: after a clean end it is a MARK. */
static size_t last_frame(const char *bytes, size_t len)
{
    size_t at = sizeof "llm-gateway journal 1\n" - 1, before = at;
    while (at < len) {
        const unsigned char *p = (const unsigned char *)bytes + at;
        before = at;
        at += 8u + (p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24);
    }
    cr_assert_eq(at, len);
    return before;
}

static char last_problem[512];

static void note(void *owner, const char *what)
{
    ++*(unsigned *)owner;
    snprintf(last_problem, sizeof last_problem, "%s", what);
}

static struct verify_report verified(const struct folder *f, unsigned problems)
{
    struct verify_report report;
    struct fail fail;
    unsigned count = 0;
    last_problem[0] = '\0';
    cr_assert_eq(verify_ledger(f->path, note, &count, &report, &fail), 0, "%s", fail.text);
    cr_assert_eq(count, problems, "%u problems: %s", count, last_problem);
    cr_assert_eq(report.broken, problems);
    return report;
}

Test(ledger, holds_and_ends)
{
    struct folder f;
    struct ledger_start start;
    struct ledger_sums sums;
    folder_make(&f);
    struct ledger *l = open_at(&f, 0, &start);
    struct ledger_hold *a = hold(l, "a", 100), *b = hold(l, "b", 1000);
    ledger_read_sums(l, &sums);
    cr_assert(sums.held == 1100 && sums.open == 2 && sums.doubt == 0);
    settle(l, b, 7);
    struct record end = { .ending = ENDING_DOUBT, .final = 1, .doubt = 100, .soft_doubt = 50 };
    ledger_end(l, a, &end);
    struct record row = { .request = TEXT("c"), .admitted_ms = 1, .final = 1 };
    ledger_row(l, &row);
    ledger_read_sums(l, &sums);
    cr_assert(sums.held == 0 && sums.open == 0 && sums.doubt == 100 && sums.records == 5);
    ledger_close(l);

    struct verify_report r = verified(&f, 0);
    cr_assert(r.holds == 2 && r.ends == 2 && r.rows == 1 && r.open == 0 && r.settled == 1 && r.doubtful == 1);
    cr_assert(r.spent == 7 && r.held == 0 && r.doubt == 100);
    l = open_at(&f, 0, &start);
    cr_assert(start.records == 5 && start.doubtful == 0 && start.problems == 0);
    ledger_read_sums(l, &sums);
    cr_assert_eq(sums.doubt, 100); /* doubt outlives the process */
    ledger_close(l);
    folder_remove(&f);
}

/* A process that ends with open holds: what they cost is in doubt at the next start, once. */
Test(ledger, doubts_what_a_crash_left_open)
{
    struct folder f;
    struct ledger_start start;
    folder_make(&f);
    struct ledger *l = open_at(&f, 0, &start);
    hold(l, "a", 100);
    struct ledger_hold *b = hold(l, "b", 10);
    settle(l, b, 3);
    ledger_close(l);
    cr_assert_eq(verified(&f, 0).open, 1);
    l = open_at(&f, 0, &start);
    cr_assert_eq(start.doubtful, 1);
    ledger_close(l);
    struct verify_report r = verified(&f, 0);
    cr_assert(r.open == 0 && r.doubt == 100 && r.spent == 3);
    l = open_at(&f, 0, &start);
    cr_assert_eq(start.doubtful, 0);
    ledger_close(l);
    cr_assert_eq(verified(&f, 0).doubt, 100);
    folder_remove(&f);
}

/* A new segment carries the open holds: older files can go. */
Test(ledger, carries_holds_into_the_next_segment)
{
    struct folder f;
    struct ledger_start start;
    char first[512], next[512];
    folder_make(&f);
    struct ledger *l = open_at(&f, 1000, &start);
    struct ledger_hold *early = hold(l, "early", 500);
    for (int i = 0; i < 20; i++)
        settle(l, hold(l, "x", 9), 2);
    folder_file(&f, 1, next, sizeof next);
    cr_assert_neq(next[0], '\0');
    cr_assert_eq(verified(&f, 0).open, 1);
    folder_file(&f, 0, first, sizeof first);
    cr_assert_eq(unlink(first), 0);
    cr_assert_eq(verified(&f, 0).open, 1);
    settle(l, early, 400);
    ledger_close(l);
    struct verify_report r = verified(&f, 0);
    cr_assert(r.open == 0 && r.held == 0, "%lld", (long long)r.held);
    folder_remove(&f);
}

/* What a crash or a loss of power left of the last record, at every length. */
Test(ledger, passes_over_a_torn_end)
{
    struct folder f;
    struct ledger_start start;
    char path[512];
    size_t len, before;
    folder_make(&f);
    struct ledger *l = open_synced(&f, 0, 60000000000, &start); /* no MARK before its end */
    settle(l, hold(l, "a", 100), 7);
    folder_file(&f, 0, path, sizeof path);
    free(folder_read(path, &before));
    hold(l, "b", 50);
    ledger_close(l);
    char *bytes = folder_read(path, &len);
    len = last_frame(bytes, len);
    for (size_t cut = before; cut < len; cut++) {
        folder_write(path, bytes, cut);
        struct verify_report r = verified(&f, 0);
        cr_assert(r.open == 0 && r.spent == 7, "cut at %zu", cut);
        cr_assert_eq(r.history.torn, cut == before ? 0 : 1, "cut at %zu", cut);
    }
    /* The file had grown, and the bytes were never written. */
    char *zeros = calloc(1, len + 4096);
    memcpy(zeros, bytes, before);
    folder_write(path, zeros, len + 4096);
    cr_assert_eq(verified(&f, 0).history.torn, 1);
    l = open_at(&f, 0, &start); /* and the next start goes on in a file of its own */
    settle(l, hold(l, "c", 100), 1);
    ledger_close(l);
    cr_assert_eq(verified(&f, 0).spent, 8);
    free(zeros);
    free(bytes);
    folder_remove(&f);
}

/* Of the last frame the first bytes are on the disk, and the rest of its page is not. */
Test(ledger, passes_over_a_torn_end_with_zeros_behind)
{
    struct folder f;
    struct ledger_start start;
    char path[512];
    size_t len;
    folder_make(&f);
    struct ledger *l = open_at(&f, 0, &start);
    settle(l, hold(l, "a", 100), 7);
    ledger_close(l);
    folder_file(&f, 0, path, sizeof path);
    char *bytes = folder_read(path, &len);
    len = last_frame(bytes, len);
    char *grown = calloc(1, len + 8192);
    for (size_t cut = 1; cut < 40; cut++) {
        memset(grown, 0, len + 8192);
        memcpy(grown, bytes, len - cut);
        folder_write(path, grown, len + 8192);
        struct verify_report r = verified(&f, 0);
        cr_assert(r.history.torn == 1 && r.open == 1, "cut by %zu", cut);
    }
    free(grown);
    free(bytes);
    folder_remove(&f);
}

/* One bit anywhere before the end: it is seen, and nothing is started over it unless the operator accepts it. */
Test(ledger, notices_each_flipped_bit)
{
    struct folder f;
    struct ledger_start start;
    char path[512];
    struct fail fail;
    size_t len;
    folder_make(&f);
    struct ledger *l = open_at(&f, 0, &start);
    for (int i = 0; i < 3; i++)
        settle(l, hold(l, "a", 100), 7);
    ledger_close(l);
    folder_file(&f, 0, path, sizeof path);
    char *bytes = folder_read(path, &len);
    struct verify_report whole = verified(&f, 0);
    size_t last = len - 60; /* in the last record it may pass for a torn end */
    for (size_t at = sizeof "llm-gateway journal 1\n" - 1; at < last; at += 1) {
        struct verify_report r;
        unsigned count = 0;
        bytes[at] ^= 0x10;
        folder_write(path, bytes, len);
        int result = verify_ledger(f.path, note, &count, &r, &fail);
        cr_assert(result < 0 || count > 0, "byte %zu", at); /* also where a length makes the frame the last */
        cr_assert(result < 0 || r.history.records < whole.history.records, "byte %zu", at);
        bytes[at] ^= 0x10;
    }
    bytes[len / 2] ^= 1;
    folder_write(path, bytes, len);
    struct ledger_settings settings = { .folder = f.path, .sync_ns = 1000000 };
    cr_assert_null(ledger_open(&settings, &start, &fail));
    cr_assert_not_null(strstr(fail.text, "--accept-gap"), "%s", fail.text);
    settings.accept_gap = true;
    l = ledger_open(&settings, &start, &fail);
    cr_assert_not_null(l);
    cr_assert_eq(start.problems, 1);
    ledger_close(l);
    free(bytes);
    folder_remove(&f);
}

Test(ledger, is_kept_by_one_process)
{
    struct folder f;
    struct ledger_start start;
    struct fail fail;
    folder_make(&f);
    struct ledger *l = open_at(&f, 0, &start);
    struct ledger_settings settings = { .folder = f.path };
    cr_assert_null(ledger_open(&settings, &start, &fail));
    cr_assert_not_null(strstr(fail.text, "another gateway"), "%s", fail.text);
    cr_assert_eq(fail.kind, FAIL_OPERATOR);
    ledger_close(l);
    ledger_close(open_at(&f, 0, &start));
    folder_remove(&f);
}

Test(ledger, refuses_a_newer_journal)
{
    struct folder f;
    struct ledger_start start;
    struct fail fail;
    char path[512];
    folder_make(&f);
    ledger_close(open_at(&f, 0, &start));
    folder_file(&f, 0, path, sizeof path);
    size_t len;
    char *bytes = folder_read(path, &len);
    bytes[sizeof "llm-gateway journal" - 1 + 1] = '2';
    folder_write(path, bytes, len);
    struct ledger_settings settings = { .folder = f.path, .accept_gap = true };
    cr_assert_null(ledger_open(&settings, &start, &fail));
    cr_assert_not_null(strstr(fail.text, "journal 1"), "%s", fail.text);
    free(bytes);
    folder_remove(&f);
}

/* A disk that is full: HOLDs are refused, ENDs are kept and written when there is room; the file is whole all the time. */
Test(ledger, survives_a_full_disk)
{
    struct folder f;
    struct ledger_start start;
    struct ledger_sums sums;
    struct rlimit limit, small;
    struct fail fail;
    char path[512];
    struct stat st;
    folder_make(&f);
    signal(SIGXFSZ, SIG_IGN);
    struct ledger_settings settings = { .folder = f.path, .sync_ns = 1000000000 };
    struct ledger *l = ledger_open(&settings, &start, &fail);
    cr_assert_not_null(l);
    struct ledger_hold *a = hold(l, "a", 100), *b = hold(l, "b", 100);
    folder_file(&f, 0, path, sizeof path);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){ (rlim_t)st.st_size + 20, limit.rlim_max };
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct record r = { .request = TEXT("c"), .attempt = 1, .provider = TEXT("p"), .admitted_ms = 1 };
    struct ledger_refusal refusal;
    cr_assert_null(ledger_hold(l, &r, false, &refusal, &fail));
    cr_assert_eq(refusal.answer, ACCOUNT_FITS);
    settle(l, a, 5);
    settle(l, b, 6);
    ledger_read_sums(l, &sums);
    cr_assert(sums.waiting == 2 && sums.held == 0 && sums.failures > 0);
    cr_assert_eq(verified(&f, 0).open, 2);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    settle(l, hold(l, "d", 10), 1);
    ledger_read_sums(l, &sums);
    cr_assert_eq(sums.waiting, 0);
    ledger_close(l);
    struct verify_report report = verified(&f, 0);
    cr_assert(report.open == 0 && report.spent == 12);
    folder_remove(&f);
}

/* A budget's holds are numbered on after a restart, and what was spent before it existed counts. */
Test(ledger, knows_a_budget_after_a_restart)
{
    struct folder f;
    struct ledger_start start;
    struct ledger_balance balance = { 0 };
    struct ledger_refusal refusal;
    struct fail fail;
    struct config_budget terms[] = { { .period = PERIOD_TOTAL, .limit = 100, .ceiling = 200 },
                                     { .period = PERIOD_TOTAL, .limit = 1, .ceiling = 1 } };
    struct accounts_rule rules[] = { { ACCOUNT_TEAM, TEXT("t"), &terms[0] }, { ACCOUNT_KEY, TEXT("t"), &terms[1] } };
    struct record team = { .team = TEXT("t") }, key = { .key = TEXT("t") };
    folder_make(&f);
    struct ledger *l = open_at(&f, 0, &start);
    settle(l, hold(l, "a", 50), 30);
    hold(l, "b", 40);
    ledger_close(l);
    struct ledger_settings settings = { .folder = f.path, .sync_ns = 1000000, .rules = rules, .rule_count = 2 };
    for (int turn = 0; turn < 3; turn++) {
        l = ledger_open(&settings, &start, &fail);
        cr_assert_not_null(l);
        cr_assert_eq(ledger_read_balances(l, &team, &balance), 1);
        cr_assert(balance.spent == 30 + turn && balance.doubt == 40 && balance.held == 0 &&
                      balance.left == 100 - 30 - turn - 20,
                  "%d", turn);
        cr_assert_eq(ledger_read_balances(l, &key, &balance), 1);
        cr_assert(balance.spent == 0 && balance.left == 1);
        struct record r = { .request = TEXT("c"),
                            .attempt = 1,
                            .team = TEXT("t"),
                            .provider = TEXT("p"),
                            .hard = 50,
                            .soft = 5,
                            .admitted_ms = 1 };
        struct ledger_hold *handle = ledger_hold(l, &r, false, &refusal, &fail);
        cr_assert_not_null(handle);
        struct record large = r;
        large.hard = 90;
        cr_assert_null(ledger_hold(l, &large, false, &refusal, &fail));
        cr_assert(refusal.answer == ACCOUNT_WAIT && refusal.kind == ACCOUNT_TEAM && text_is(text_of(refusal.id), "t") &&
                  refusal.ends_s == INT64_MAX);
        large.hard = 131;
        cr_assert_null(ledger_hold(l, &large, false, &refusal, &fail));
        cr_assert_eq(refusal.answer, ACCOUNT_TOO_LARGE);
        settle(l, handle, 1);
        ledger_close(l);
        verified(&f, 0);
    }
    folder_remove(&f);
}

/* Each rule of the checker can fail. */
static void wrong(const char *wanted, struct record *records, size_t count)
{
    struct folder f;
    struct fail fail;
    folder_make(&f);
    struct journal_settings settings = { .folder = f.path, .sync_ns = 1000000000 };
    struct journal *j = journal_open(&settings, &fail);
    cr_assert_not_null(j);
    cr_assert_eq(journal_start(j, 1, &fail), 0);
    journal_lock(j);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(journal_append(j, &records[i], 0, &fail), 0);
    journal_unlock(j);
    journal_close(j);
    verified(&f, 1);
    cr_assert_not_null(strstr(last_problem, wanted), "\"%s\" is not in: %s", wanted, last_problem);
    folder_remove(&f);
}

Test(verify, finds_each_broken_rule)
{
    struct record h = { .type = RECORD_HOLD,
                        .request = TEXT("a"),
                        .attempt = 1,
                        .provider = TEXT("p"),
                        .hard = 10,
                        .soft = 5,
                        .admitted_ms = 1 };
    struct record e = { .type = RECORD_END, .hold = 1, .ending = ENDING_SETTLED };
    struct record_line line = { .unit = TEXT("input"), .quantity = 1, .cost = 3 };
    struct record two[3] = { h, e, e };
    wrong("not open", two, 3);
    two[1].hold = 2;
    wrong("not open", two, 2);
    two[1] = e;
    two[1].lines = (struct record_list){ &line, 1 };
    wrong("sum to 3", two, 2);
    two[1] = e;
    two[1].ending = ENDING_DOUBT;
    two[1].doubt = 11;
    wrong("over what was held", two, 2);
    two[1].ending = ENDING_SETTLED;
    two[1].doubt = 1;
    wrong("settled and in doubt", two, 2);
    two[1] = e;
    two[1].ending = ENDING_VOID;
    two[1].cost = 3;
    two[1].lines = (struct record_list){ &line, 1 };
    wrong("void and cost", two, 2);
    two[0].soft = 11;
    wrong("expects more", two, 1);
    two[1].ending = ENDING_SETTLED;
    two[1].unpriced = 1;
    two[0].soft = 0;
    wrong("price is not known", two, 2);
    struct record_account account = {
        .kind = TEXT("team"), .id = TEXT("t"), .per = TEXT("month"), .limit = 10, .ceiling = 20, .number = 1
    };
    two[0] = two[1] = h;
    two[0].team = two[1].team = TEXT("t");
    two[0].accounts = (struct record_list){ &account, 1 };
    account.ceiling = 9;
    wrong("can pass its ceiling by 1", two, 1);
    account.ceiling = 20;
    account.number = 2;
    wrong("and the one before was 0", two, 1);
    account.number = 1;
    account.begins_s = 1000;
    wrong("admitted before", two, 1);
    account.begins_s = 0;
    account.ends_s = 1; /* the moment itself belongs to the next one */
    two[0].admitted_ms = 1000;
    wrong("admitted after", two, 1);
    two[0].admitted_ms = h.admitted_ms;
    account.ends_s = 0;
    struct record_account next = account;
    next.number = 2;
    next.limit = 9;
    two[1].accounts = (struct record_list){ &next, 1 };
    wrong("expected to pass its limit by 1", two, 2);
}
