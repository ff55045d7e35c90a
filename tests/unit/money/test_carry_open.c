/* test_carry_open.c - the OPEN of a segment, field by field: which holds and which periods of which budgets are in it. */
#include "base/clock.h"
#include "folder.h"
#include "money/history.h"
#include "money/ledger_inside.h"
#include "tape.h"

static const struct config_budget day = { .period = PERIOD_DAY, .limit = 1000000, .ceiling = 2000000 },
                                  total = { .period = PERIOD_TOTAL, .limit = 1000000, .ceiling = 2000000 };

static struct ledger *begin(const struct folder *f, const struct accounts_rule *rules, size_t count,
                            struct ledger_start *start)
{
    struct fail fail;
    struct ledger_settings settings = {
        .folder = f->path, .sync_ns = 60000000000, .rules = rules, .rule_count = count
    };
    struct ledger *l = ledger_open(&settings, start, &fail);
    cr_assert_not_null(l, "%s", fail.text);
    return l;
}

static void spend(struct ledger *l, const char *session, int64_t admitted_ms, int64_t cost, int64_t doubt)
{
    struct fail fail;
    struct ledger_refusal refusal;
    struct record r = { .request = TEXT("r"),
                        .attempt = 1,
                        .team = TEXT("t"),
                        .session = text_of(session),
                        .provider = TEXT("p"),
                        .hard = cost + doubt,
                        .admitted_ms = admitted_ms };
    struct ledger_hold *handle = ledger_hold(l, &r, false, &refusal, &fail);
    cr_assert_not_null(handle, "%s", fail.text);
    cr_assert(r.accounts.count == 0 && r.accounts.items == NULL); /* they were the ledger's own */
    struct record end = { .ending = doubt > 0 ? ENDING_DOUBT : ENDING_SETTLED,
                          .final = 1,
                          .cost = cost,
                          .doubt = doubt,
                          .soft_doubt = doubt / 2 };
    ledger_end(l, handle, &end);
}

/* "team t day -1 3/0/0/1": of each balance its period, in days before today, and spent, doubt, its expected part, number. */
static const char *carried(struct ledger *l, uint32_t *whole)
{
    static char text[2048];
    struct record open = { .type = RECORD_OPEN };
    struct arena arena;
    size_t len = 0;
    int64_t today_s = clock_unix_ms() / 1000 / 86400 * 86400;
    text[0] = '\0';
    arena_init(&arena, NULL, 0, 1 << 20);
    journal_lock(l->journal);
    ledger_carry(l, &open, &arena);
    journal_unlock(l->journal);
    const struct record_balance *b = open.balances.items;
    for (size_t i = 0; i < open.balances.count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s %.*s %.*s %lld %lld/%lld/%lld/%llu",
                                len > 0 ? ", " : "", TEXT_ARG(b[i].kind), TEXT_ARG(b[i].id), TEXT_ARG(b[i].per),
                                b[i].begins_s == 0 ? 0LL : (long long)(b[i].begins_s - today_s) / 86400,
                                (long long)b[i].spent, (long long)b[i].doubt, (long long)b[i].soft_doubt,
                                (unsigned long long)b[i].number);
    if (whole != NULL)
        *whole = open.whole;
    arena_fini(&arena);
    return text;
}

/* The two newest periods, and older ones with something in doubt or in flight; sessions only while their period goes on. */
Test(carry_open, which_periods_it_has)
{
    static const struct accounts_rule rules[] = { { ACCOUNT_TEAM, TEXT("t"), &day },
                                                  { ACCOUNT_SESSION, TEXT("t"), &day } };
    struct folder f;
    struct ledger_start start;
    struct fail fail;
    struct ledger_refusal refusal;
    uint32_t whole;
    int64_t now_ms = clock_unix_ms(), one = 86400000;
    folder_make(&f);
    struct ledger *l = begin(&f, rules, 2, &start);
    cr_assert_str_eq(carried(l, &whole), "session t/ day 0 0/0/0/0, team t day 0 0/0/0/0");
    cr_assert_eq(whole, 1);
    for (int before = 5; before >= 0; before--)
        spend(l, "", now_ms - before * one, before + 1, 0);
    cr_assert_str_eq(carried(l, NULL), "session t/ day 0 0/0/0/0, team t day 0 1/0/0/1, team t day -1 2/0/0/1");
    spend(l, "", now_ms - 3 * one, 10, 6);
    cr_assert_str_eq(carried(l, NULL),
                     "session t/ day 0 0/0/0/0, team t day 0 1/0/0/1, team t day -1 2/0/0/1, team t day -3 14/6/3/2");
    struct record r = { .request = TEXT("r"),
                        .attempt = 1,
                        .team = TEXT("t"),
                        .provider = TEXT("p"),
                        .hard = 9,
                        .admitted_ms = now_ms - 5 * one };
    struct ledger_hold *handle = ledger_hold(l, &r, false, &refusal, &fail);
    cr_assert_str_eq(carried(l, NULL), "session t/ day 0 0/0/0/0, team t day 0 1/0/0/1, team t day -1 2/0/0/1, "
                                       "team t day -3 14/6/3/2, team t day -5 6/0/0/2");
    ledger_end(l, handle, &(struct record){ .ending = ENDING_VOID });
    spend(l, "old", now_ms - 3 * one, 7, 0); /* its day is over, and nothing is in flight */
    spend(l, "new", now_ms, 8, 0);
    const char *all = carried(l, NULL); /* in any order */
    cr_assert_not_null(strstr(all, "team t day 0 9/0/0/2, team t day -1 2/0/0/1, team t day -3 21/6/3/3"), "%s", all);
    cr_assert_not_null(strstr(all, "session t/new day 0 8/0/0/1"), "%s", all);
    cr_assert_null(strstr(all, "old"), "%s", all);
    ledger_close(l);
    folder_remove(&f);
}

/* What is too large is not carried, and no balances without it: a start then reads an older segment. */
Test(carry_open, what_is_too_large)
{
    enum { MEBI = 1 << 20, MOST = 48 };
    static const struct accounts_rule rule = { ACCOUNT_TEAM, TEXT("t"), &total };
    struct folder f;
    struct ledger_start start;
    uint32_t whole;
    folder_make(&f);
    struct ledger *l = begin(&f, &rule, 1, &start);
    char *bytes = calloc(1, MEBI);
    cr_assert_not_null(bytes);
    for (uint64_t i = 1; i < MOST; i++)
        holds_put(&l->open, i, (struct text){ bytes, MEBI });
    /* One budget takes 128 bytes and its name. */
    holds_put(&l->open, MOST, (struct text){ bytes, MEBI - 129 });
    cr_assert_str_eq(carried(l, &whole), "team t total 0 0/0/0/0");
    cr_assert_eq(whole, 1);
    holds_remove(&l->open, MOST);
    holds_put(&l->open, MOST, (struct text){ bytes, MEBI - 128 });
    cr_assert_str_eq(carried(l, &whole), "");
    cr_assert_eq(whole, 0);
    holds_fini(&l->open);
    free(bytes);
    ledger_close(l);
    folder_remove(&f);
}

/* A budget that the last OPEN does not have, by any of its four names, is made of the whole journal; one that it has is not. */
Test(carry_open, which_budgets_a_start_finds_in_it)
{
    static const struct accounts_rule before[] = { { ACCOUNT_SESSION, TEXT("tt"), &day },
                                                   { ACCOUNT_TEAM, TEXT("t"), &day } };
    static const struct {
        struct accounts_rule rule;
        bool is_there;
    } cases[] = {
        { { ACCOUNT_SESSION, TEXT("tt"), &day }, true },    { { ACCOUNT_SESSION, TEXT("uu"), &day }, false },
        { { ACCOUNT_SESSION, TEXT("tt"), &total }, false }, { { ACCOUNT_USER, TEXT("tt"), &day }, false },
        { { ACCOUNT_SESSION, TEXT("t"), &day }, false },    { { ACCOUNT_TEAM, TEXT("t"), &day }, true },
        { { ACCOUNT_TEAM, TEXT("u"), &day }, false },       { { ACCOUNT_TEAM, TEXT("t"), &total }, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct folder f;
        struct ledger_start start;
        folder_make(&f);
        struct ledger *l = begin(&f, before, 2, &start);
        spend(l, "s", clock_unix_ms(), 5, 0);
        ledger_close(l);
        ledger_close(begin(&f, before, 2, &start)); /* an OPEN with it */
        l = begin(&f, &cases[i].rule, 1, &start);
        cr_assert_eq(start.read, cases[i].is_there ? 0 : 2, "case %zu: %llu", i, (unsigned long long)start.read);
        ledger_close(l);
        folder_remove(&f);
    }
}

/* What could not be written yet is in the balances and in no OPEN: its holds are open there still. */
Test(carry_open, what_waits_to_be_written)
{
    static const struct accounts_rule rule = { ACCOUNT_TEAM, TEXT("t"), &total };
    struct folder f;
    struct ledger_start start;
    struct ledger_refusal refusal;
    struct ledger_sums sums;
    struct fail fail;
    struct ledger_hold *handles[3];
    folder_make(&f);
    disk = tape_disk;
    struct ledger *l = begin(&f, &rule, 1, &start);
    spend(l, "", 1, 100, 0);
    for (int i = 0; i < 3; i++) {
        struct record r = {
            .request = TEXT("r"), .attempt = 1, .team = TEXT("t"), .provider = TEXT("p"), .hard = 50, .admitted_ms = 1
        };
        handles[i] = ledger_hold(l, &r, false, &refusal, &fail);
        cr_assert_not_null(handles[i], "%s", fail.text);
    }
    tape_begin("write", 1000, ENOSPC);
    ledger_end(l, handles[0], &(struct record){ .ending = ENDING_SETTLED, .cost = 7 });
    ledger_end(l, handles[1], &(struct record){ .ending = ENDING_DOUBT, .cost = 5, .doubt = 4, .soft_doubt = 3 });
    ledger_row(l, &(struct record){ .request = TEXT("r"), .team = TEXT("t"), .cost = 2, .admitted_ms = 1 });
    ledger_end(l, handles[2], &(struct record){ .ending = ENDING_VOID });
    for (int turn = 0; turn < 2; turn++) {
        cr_assert_str_eq(carried(l, NULL), "team t total 0 100/0/0/4");
        ledger_read_sums(l, &sums);
        cr_assert(sums.spent == 114 && sums.doubt == 4 && sums.waiting == 4 && l->open.count == 3);
    }
    tape_begin(NULL, 0, 0);
    spend(l, "", 1, 1, 0); /* the disk takes them again */
    cr_assert_str_eq(carried(l, NULL), "team t total 0 115/4/3/5");
    ledger_read_sums(l, &sums);
    cr_assert(sums.waiting == 0 && l->open.count == 0);
    ledger_close(l);
    disk = disk_of_system;
    folder_remove(&f);
}
