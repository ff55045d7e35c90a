/* test_queue.c - who waits for others in flight: in order, let in by what makes room, and not overtaken. */
#include "folder.h"
#include "money/ledger_queue.h"

static unsigned calls;

static void on_over(struct ledger_wait *wait)
{
    (void)wait;
    calls++;
}

/* Team "a" and team "b" have 10 each, all together 100. */
static struct ledger *start_ledger(const struct folder *f)
{
    static const struct config_budget team = {
        .period = PERIOD_TOTAL, .mode = BUDGET_STRICT, .limit = 10, .ceiling = 10
    };
    static const struct config_budget all = { .period = PERIOD_TOTAL, .limit = 100, .ceiling = 200 };
    static const struct accounts_rule rules[] = { { ACCOUNT_TEAM, TEXT("a"), &team },
                                                  { ACCOUNT_TEAM, TEXT("b"), &team },
                                                  { ACCOUNT_ALL, TEXT("all"), &all } };
    struct ledger_settings settings = {
        .folder = f->path, .sync_ns = INT64_C(60000000000), .rules = rules, .rule_count = 3
    };
    struct ledger_start start;
    struct fail fail;
    struct ledger *l = ledger_open(&settings, &start, &fail);
    cr_assert_not_null(l, "%s", fail.text);
    calls = 0;
    return l;
}

static struct record record_of(const char *team, int64_t hard)
{
    return (struct record){ .request = TEXT("r"),
                            .attempt = 1,
                            .team = text_of(team),
                            .provider = TEXT("p"),
                            .hard = hard,
                            .soft = hard,
                            .admitted_ms = 1 };
}

static struct ledger_hold *hold(struct ledger *l, const char *team, int64_t hard, bool overtakes,
                                struct ledger_refusal *refusal)
{
    struct record record = record_of(team, hard);
    struct fail fail;
    return ledger_hold(l, &record, overtakes, refusal, &fail);
}

static void settle(struct ledger *l, struct ledger_hold *handle, int64_t cost)
{
    cr_assert_not_null(handle);
    ledger_end(l, handle, &(struct record){ .ending = ENDING_SETTLED, .cost = cost });
}

Test(queue, lets_in_in_order)
{
    struct folder f;
    struct ledger_refusal refusal;
    struct ledger_wait first = { .on_over = on_over }, second = { .on_over = on_over }, other = { .on_over = on_over };
    struct record large = record_of("a", 8), small = record_of("a", 2), of_other = record_of("b", 5);
    folder_make(&f);
    struct ledger *l = start_ledger(&f);
    struct ledger_hold *a = hold(l, "a", 6, false, &refusal), *b = hold(l, "b", 6, false, &refusal);
    cr_assert_null(hold(l, "a", 8, false, &refusal));
    cr_assert(refusal.answer == ACCOUNT_WAIT && refusal.room == 4 && refusal.waiting == 0 && refusal.after == 2);
    ledger_wait(l, &first, &large);
    /* It would fit, and does not overtake; one that may does. */
    cr_assert_null(hold(l, "a", 2, false, &refusal));
    cr_assert(refusal.answer == ACCOUNT_WAIT && refusal.kind == ACCOUNT_TEAM && refusal.waiting == 1 &&
              refusal.left == 10);
    settle(l, hold(l, "a", 1, true, &refusal), 1);
    ledger_wait(l, &second, &small);
    ledger_wait(l, &other, &of_other);
    cr_assert_eq(calls, 0);
    struct ledger_sums sums;
    ledger_read_sums(l, &sums);
    cr_assert_eq(sums.queued, 3);
    settle(l, b, 1); /* another team is not kept waiting by those in front of it */
    cr_assert(calls == 1 && other.hold != NULL && first.hold != NULL);
    settle(l, a, 1); /* 2 spent: 8 fit, and then no 2 beside it */
    cr_assert(calls == 2 && first.hold != NULL && first.refusal.answer == ACCOUNT_FITS && second.queued);
    cr_assert_not(ledger_call_off(l, &first));
    settle(l, first.hold, 7);
    cr_assert_eq(calls, 3); /* 9 spent: the second does not fit any more, whoever ends */
    cr_assert(second.hold == NULL && second.refusal.answer == ACCOUNT_TOO_LARGE && second.refusal.left == 1);
    settle(l, other.hold, 5);
    ledger_read_sums(l, &sums);
    cr_assert(sums.queued == 0 && sums.held == 0);
    ledger_close(l);
    folder_remove(&f);
}

Test(queue, one_that_leaves_makes_room_for_those_behind)
{
    struct folder f;
    struct ledger_refusal refusal;
    struct ledger_wait first = { .on_over = on_over }, second = { .on_over = on_over };
    struct record large = record_of("a", 8), small = record_of("a", 4);
    folder_make(&f);
    struct ledger *l = start_ledger(&f);
    struct ledger_hold *a = hold(l, "a", 6, false, &refusal);
    ledger_wait(l, &first, &large);
    ledger_wait(l, &second, &small);
    cr_assert_eq(calls, 0);
    cr_assert(ledger_call_off(l, &first));
    cr_assert(calls == 1 && second.hold != NULL);
    cr_assert_not(ledger_call_off(l, &second));
    settle(l, a, 6);
    settle(l, second.hold, 4);
    cr_assert_null(hold(l, "a", 1, false, &refusal));
    cr_assert(refusal.answer == ACCOUNT_SPENT && refusal.left == 0 && refusal.room == 0);
    ledger_close(l);
    folder_remove(&f);
}

/* What made room may have come between the refusal and the wait. */
Test(queue, who_comes_too_late_to_be_woken_is_let_in_at_once)
{
    struct folder f;
    struct ledger_refusal refusal;
    struct ledger_wait wait = { .on_over = on_over };
    struct record large = record_of("a", 8);
    folder_make(&f);
    struct ledger *l = start_ledger(&f);
    struct ledger_hold *a = hold(l, "a", 6, false, &refusal);
    cr_assert_null(hold(l, "a", 8, false, &refusal));
    settle(l, a, 1);
    ledger_wait(l, &wait, &large);
    cr_assert(calls == 1 && wait.hold != NULL);
    settle(l, wait.hold, 1);
    ledger_close(l);
    folder_remove(&f);
}

/* Whichever of its budgets it is: one that would fit stays behind one that waits for the same, and another's is let in. */
Test(queue, stays_behind_who_waits_for_the_same_budget)
{
    static const char *const teams[][2] = { { "c", "d" }, { "a", "a" } }; /* the budget of all; the team's */
    static const int64_t amounts[][3] = { { 60, 60, 30 }, { 6, 8, 3 } };
    for (unsigned i = 0; i < 2; i++) {
        struct folder f;
        struct ledger_refusal refusal;
        struct ledger_wait first = { .on_over = on_over }, second = { .on_over = on_over };
        struct record large = record_of(teams[i][0], amounts[i][1]), small = record_of(teams[i][1], amounts[i][2]);
        folder_make(&f);
        struct ledger *l = start_ledger(&f);
        struct ledger_hold *a = hold(l, teams[i][0], amounts[i][0], false, &refusal);
        ledger_wait(l, &first, &large);
        ledger_wait(l, &second, &small);
        cr_assert(calls == 0 && first.queued && second.queued);
        settle(l, a, 0);
        cr_assert(calls == (i == 0 ? 2 : 1) && first.hold != NULL &&
                  second.queued == (i == 1)); /* 60 and 30; 8, and no 3 */
        settle(l, first.hold, 0);
        settle(l, second.hold, 0);
        ledger_close(l);
        folder_remove(&f);
    }
}
