/* test_keeper.c - a ledger goes from one process to another while holds are open: one writer, and one decision on each budget. The
 * processes are two ledgers of this one, with a socket pair between them. */
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

#include "folder.h"
#include "money/ledger_keeper.h"
#include "money/ledger_queue.h"
#include "money/verify.h"

static _Atomic unsigned calls;

static void on_over(struct ledger_wait *wait)
{
    (void)wait;
    calls++;
}

/* Team "a" has 10. */
static struct ledger *open_ledger(const struct folder *f, int lock_fd, struct ledger_start *start)
{
    static const struct config_budget ten = {
        .period = PERIOD_TOTAL, .mode = BUDGET_STRICT, .limit = 10, .ceiling = 10
    };
    static const struct accounts_rule rules[] = { { ACCOUNT_TEAM, TEXT("a"), &ten } };
    struct ledger_settings settings = {
        .folder = f->path, .sync_ns = INT64_C(60000000000), .rules = rules, .rule_count = 1, .lock_fd = lock_fd
    };
    struct fail fail;
    struct ledger *l = ledger_open(&settings, start, &fail);
    cr_assert_not_null(l, "%s", fail.text);
    return l;
}

static struct record record_of(int64_t hard)
{
    return (struct record){ .request = TEXT("r"),
                            .attempt = 1,
                            .team = TEXT("a"),
                            .provider = TEXT("p"),
                            .hard = hard,
                            .soft = hard,
                            .admitted_ms = 1 };
}

static struct ledger_hold *hold(struct ledger *l, int64_t hard, struct ledger_refusal *refusal)
{
    struct record record = record_of(hard);
    struct fail fail;
    return ledger_hold(l, &record, false, refusal, &fail);
}

static void settle(struct ledger *l, struct ledger_hold *handle, int64_t cost)
{
    struct record_line line = { .unit = TEXT("input"), .quantity = cost, .price = 1000000, .cost = cost };
    cr_assert_not_null(handle);
    ledger_end(l, handle, &(struct record){ .ending = ENDING_SETTLED, .cost = cost, .lines = { &line, 1 } });
}

/* The new process and its thread. */
struct heir {
    struct ledger *ledger;
    struct ledger_keeper *keeper;
    struct ledger_start start;
    int old_fd; /* of the old process */
};

static struct heir hand_over(const struct folder *f, struct ledger *old)
{
    struct heir heir;
    struct fail fail;
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    cr_assert_eq(ledger_hand_over_begin(old, &fail), 0, "%s", fail.text);
    heir.old_fd = pair[0];
    heir.ledger = open_ledger(f, dup(ledger_lock_fd(old)), &heir.start);
    ledger_hand_over_end(old, pair[0]);
    heir.keeper = ledger_keeper_start(heir.ledger, pair[1], &fail);
    cr_assert_not_null(heir.keeper);
    return heir;
}

static void wait_until(const _Atomic unsigned *count, unsigned least)
{
    for (int i = 0; i < 2000 && *count < least; i++)
        nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    cr_assert_geq(*count, least);
}

static void wait_for_the_end(const struct ledger_keeper *keeper)
{
    for (int i = 0; i < 2000 && !ledger_keeper_is_over(keeper); i++)
        nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    cr_assert(ledger_keeper_is_over(keeper));
}

static struct ledger_sums sums_of(struct ledger *l)
{
    struct ledger_sums sums;
    ledger_read_sums(l, &sums);
    return sums;
}

static void complain(void *owner, const char *what)
{
    (void)owner;
    fprintf(stderr, "%s\n", what);
}

static void check_journal(const struct folder *f)
{
    struct verify_report report;
    struct fail fail;
    cr_assert_eq(verify_ledger(f->path, complain, NULL, &report, &fail), 0, "%s", fail.text);
    cr_assert_eq(report.broken, 0);
}

static void close_heir(struct heir *heir)
{
    ledger_keeper_stop(heir->keeper);
    ledger_close(heir->ledger);
}

Test(keeper, one_budget_for_both)
{
    struct folder f;
    struct ledger_start start;
    struct ledger_refusal refusal;
    struct ledger_wait wait = { .on_over = on_over };
    struct record waits = record_of(8);
    folder_make(&f);
    struct ledger *old = open_ledger(&f, 0, &start);
    settle(old, hold(old, 1, &refusal), 1);
    struct ledger_hold *six = hold(old, 6, &refusal);
    struct heir heir = hand_over(&f, old);
    cr_assert(heir.start.taken_over == 1 && heir.start.doubtful == 0);
    cr_assert(sums_of(heir.ledger).spent == 1 && sums_of(heir.ledger).held == 6);

    struct ledger_hold *two = hold(heir.ledger, 2, &refusal); /* 1 + 6 + 2 */
    cr_assert_null(hold(old, 2, &refusal), "what the new process holds is not left for the old one");
    cr_assert(refusal.answer == ACCOUNT_WAIT && refusal.kind == ACCOUNT_TEAM && refusal.room == 1 &&
              refusal.left == 9 && strcmp(refusal.id, "a") == 0);
    struct ledger_hold *one = hold(old, 1, &refusal);
    cr_assert_null(hold(heir.ledger, 1, &refusal), "and the other way round");
    cr_assert_null(hold(old, 11, &refusal));
    cr_assert(refusal.answer == ACCOUNT_TOO_LARGE);

    calls = 0;
    ledger_wait(old, &wait, &waits);
    settle(old, six, 1);
    settle(old, one, 0);
    cr_assert_eq(calls, 0);
    settle(heir.ledger, two, 0); /* 2 spent: 8 fit */
    wait_until(&calls, 1);
    cr_assert_not_null(wait.hold);
    cr_assert_null(hold(heir.ledger, 1, &refusal));
    ledger_row(old,
               &(struct record){ .request = TEXT("w"), .team = TEXT("a"), .provider = TEXT("p"), .admitted_ms = 1 });
    settle(old, wait.hold, 8);
    ledger_close(old);
    wait_for_the_end(heir.keeper);
    struct ledger_sums sums = sums_of(heir.ledger);
    cr_assert(sums.spent == 10 && sums.held == 0 && sums.open == 0 && sums.doubt == 0);
    close_heir(&heir);
    check_journal(&f);
    struct ledger *next = open_ledger(&f, 0, &start);
    cr_assert(start.doubtful == 0 && sums_of(next).spent == 10);
    ledger_close(next);
    folder_remove(&f);
}

Test(keeper, the_queue_moves)
{
    struct folder f;
    struct ledger_start start;
    struct ledger_refusal refusal;
    struct ledger_wait waits[3] = { { .on_over = on_over }, { .on_over = on_over }, { .on_over = on_over } };
    struct record records[3] = { record_of(8), record_of(2), record_of(2) };
    folder_make(&f);
    struct ledger *old = open_ledger(&f, 0, &start);
    struct ledger_hold *six = hold(old, 6, &refusal);
    calls = 0;
    for (int i = 0; i < 3; i++)
        ledger_wait(old, &waits[i], &records[i]);
    struct heir heir = hand_over(&f, old);
    while (sums_of(heir.ledger).queued < 3)
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    cr_assert_null(hold(heir.ledger, 2, &refusal), "who comes now stands behind them");
    cr_assert(refusal.answer == ACCOUNT_WAIT && refusal.waiting == 3);
    cr_assert(ledger_call_off(old, &waits[1]));
    settle(old, six, 0);
    wait_until(&calls, 2);
    cr_assert(waits[0].hold != NULL && waits[2].hold != NULL && waits[1].hold == NULL);
    cr_assert_not(ledger_call_off(old, &waits[0]));
    settle(old, waits[0].hold, 0);
    settle(old, waits[2].hold, 0);
    ledger_close(old);
    wait_for_the_end(heir.keeper);
    cr_assert(sums_of(heir.ledger).held == 0 && sums_of(heir.ledger).queued == 0 && sums_of(heir.ledger).doubt == 0);
    close_heir(&heir);
    check_journal(&f);
    folder_remove(&f);
}

Test(keeper, the_old_one_goes_on_where_the_new_one_fails)
{
    struct folder f;
    struct ledger_start start;
    struct ledger_refusal refusal;
    struct fail fail;
    folder_make(&f);
    struct ledger *old = open_ledger(&f, 0, &start);
    struct ledger_hold *six = hold(old, 6, &refusal);
    for (int turn = 0; turn < 3; turn++) {
        cr_assert_eq(ledger_hand_over_begin(old, &fail), 0);
        if (turn > 0) /* it has begun a segment, and ends: what it took over is not its own to end */
            ledger_close(open_ledger(&f, dup(ledger_lock_fd(old)), &start));
        ledger_hand_over_end(old, -1);
        settle(old, hold(old, 1, &refusal), 1);
    }
    settle(old, six, 2);
    struct ledger_sums sums = sums_of(old);
    cr_assert(sums.spent == 5 && sums.held == 0 && sums.doubt == 0);
    ledger_close(old);
    check_journal(&f);
    struct ledger *next = open_ledger(&f, 0, &start);
    cr_assert(start.doubtful == 0 && sums_of(next).spent == 5);
    ledger_close(next);
    folder_remove(&f);
}

Test(keeper, what_the_old_one_leaves_open_is_in_doubt)
{
    struct folder f;
    struct ledger_start start;
    struct ledger_refusal refusal;
    struct ledger_wait wait = { .on_over = on_over };
    struct record waits = record_of(8);
    folder_make(&f);
    struct ledger *old = open_ledger(&f, 0, &start);
    hold(old, 6, &refusal);
    calls = 0;
    struct heir heir = hand_over(&f, old);
    hold(old, 3, &refusal);
    ledger_wait(old, &wait, &waits);
    shutdown(heir.old_fd, SHUT_RDWR); /* as a crash does */
    wait_for_the_end(heir.keeper);
    struct ledger_sums sums = sums_of(heir.ledger);
    cr_assert(sums.doubt == 9 && sums.held == 0 && sums.queued == 0);
    cr_assert_null(hold(heir.ledger, 2, &refusal));
    settle(heir.ledger, hold(heir.ledger, 1, &refusal), 1);
    wait_until(&calls, 1); /* the old one notices too */
    cr_assert_null(wait.hold);
    ledger_close(old);
    close_heir(&heir);
    check_journal(&f);
    folder_remove(&f);
}

Test(keeper, where_the_new_one_ends_the_old_one_refuses)
{
    struct folder f;
    struct ledger_start start;
    struct ledger_refusal refusal;
    struct ledger_wait wait = { .on_over = on_over };
    struct record waits = record_of(8), more = record_of(1);
    struct fail fail;
    folder_make(&f);
    struct ledger *old = open_ledger(&f, 0, &start);
    struct ledger_hold *six = hold(old, 6, &refusal);
    struct heir heir = hand_over(&f, old);
    calls = 0;
    ledger_wait(old, &wait, &waits);
    close_heir(&heir); /* as a crash does: the hold of 6 has no end */
    wait_until(&calls, 1);
    cr_assert(wait.hold == NULL && wait.refusal.answer == ACCOUNT_FITS && strstr(wait.why.text, "has ended") != NULL);
    cr_assert_null(ledger_hold(old, &more, false, &refusal, &fail));
    cr_assert(refusal.answer == ACCOUNT_FITS && strstr(fail.text, "has ended") != NULL);
    settle(old, six, 1);
    ledger_close(old);
    struct ledger *next = open_ledger(&f, 0, &start);
    cr_assert(start.doubtful == 1 && sums_of(next).doubt == 6);
    ledger_close(next);
    check_journal(&f);
    folder_remove(&f);
}

Test(keeper, a_second_upgrade_while_the_first_still_drains)
{
    struct folder f;
    struct ledger_start start;
    struct ledger_refusal refusal;
    folder_make(&f);
    struct ledger *first = open_ledger(&f, 0, &start);
    struct ledger_hold *four = hold(first, 4, &refusal);
    struct heir second = hand_over(&f, first);
    struct ledger_hold *three = hold(second.ledger, 3, &refusal);
    struct heir third = hand_over(&f, second.ledger);
    cr_assert_eq(third.start.taken_over, 2);
    struct ledger_hold *two = hold(first, 2, &refusal);
    cr_assert_not_null(two, "the first asks the second, which asks the third");
    cr_assert_null(hold(third.ledger, 2, &refusal));
    settle(first, four, 1);
    settle(first, two, 1);
    ledger_close(first);
    wait_for_the_end(second.keeper);
    settle(second.ledger, three, 1);
    close_heir(&second);
    wait_for_the_end(third.keeper);
    struct ledger_sums sums = sums_of(third.ledger);
    cr_assert(sums.spent == 3 && sums.held == 0 && sums.doubt == 0 && sums.open == 0);
    close_heir(&third);
    check_journal(&f);
    folder_remove(&f);
}
