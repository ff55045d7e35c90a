/* ledger_queue.c - who waits until others in flight are over. */
#include "money/ledger_queue.h"

#include "money/ledger_inside.h"

/* Counts it as one who waits for the accounts that have no room for it, or not any more. Those that have room keep nobody waiting. */
static void count_waiting(const struct ledger_wait *wait, bool waits)
{
    for (size_t i = 0; i < wait->hold->count; i++)
        if (wait->hold->stakes[i].tight)
            wait->hold->stakes[i].period->waiting += waits ? 1 : -1u;
}

static void remove_one(struct ledger *l, struct ledger_wait **at)
{
    struct ledger_wait *wait = *at;
    *at = wait->next;
    wait->next = NULL;
    wait->queued = false;
    l->sums.queued--;
}

/* Does one in front of it wait for an account of its own? Then it waits for that account too. */
static bool is_behind(const struct ledger *l, const struct ledger_wait *wait)
{
    bool behind = false;
    for (size_t i = 0; i < wait->hold->count; i++)
        if (wait->hold->stakes[i].period->blocked == l->queue_run)
            behind = wait->hold->stakes[i].tight = true;
    return behind;
}

static void stays(const struct ledger *l, const struct ledger_wait *wait)
{
    count_waiting(wait, true);
    for (size_t i = 0; i < wait->hold->count; i++)
        if (wait->hold->stakes[i].tight)
            wait->hold->stakes[i].period->blocked = l->queue_run;
}

static void end_one(struct ledger *l, struct ledger_wait *wait)
{
    if (wait->refusal.answer != ACCOUNT_FITS || ledger_take(l, wait->hold, wait->record, &wait->why) < 0) {
        ledger_free_hold(wait->hold);
        wait->hold = NULL;
    }
    wait->on_over(wait);
}

void ledger_run_queue(struct ledger *l)
{
    if (l->away != NULL)
        return;
    l->queue_run++;
    for (struct ledger_wait **at = &l->queue; *at != NULL;) {
        struct ledger_wait *wait = *at;
        count_waiting(wait, false);
        ledger_fits(l, wait->hold, wait->record, &wait->refusal);
        enum account_answer answer = wait->refusal.answer;
        bool behind = is_behind(l, wait);
        if (answer == ACCOUNT_WAIT || (answer == ACCOUNT_FITS && behind)) {
            stays(l, wait);
            at = &wait->next;
        } else { /* there is room, or there will never be */
            remove_one(l, at);
            end_one(l, wait);
        }
    }
}

void ledger_leave_queue(struct ledger *l)
{
    for (struct ledger_wait *wait = l->queue; wait != NULL; wait = wait->next) {
        count_waiting(wait, false);
        ledger_free_stakes(wait->hold);
    }
}

void ledger_join_queue(struct ledger *l)
{
    for (struct ledger_wait *wait = l->queue; wait != NULL; wait = wait->next)
        ledger_set_stakes(l, wait->hold, wait->record);
    if (l->queue != NULL)
        ledger_run_queue(l);
}

void ledger_remove_wait(struct ledger *l, struct ledger_wait *wait)
{
    struct ledger_wait **at = &l->queue;
    while (*at != wait)
        at = &(*at)->next;
    remove_one(l, at);
}

void ledger_move_queue(struct ledger *l)
{
    for (struct ledger_wait *wait = l->queue, *next; wait != NULL; wait = next) {
        next = wait->next; /* where the other process has ended all of them are over at the first */
        count_waiting(wait, false);
        for (size_t i = 0; i < wait->hold->count; i++)
            wait->hold->stakes[i].tight = false;
        ledger_away_wait(l, wait);
        if (l->queue == NULL)
            return;
    }
}

void ledger_wait(struct ledger *l, struct ledger_wait *wait, struct record *record)
{
    CHECK(l, LEDGER);
    BUG_IF(wait->queued);
    record->type = RECORD_HOLD;
    *wait = (struct ledger_wait){ .on_over = wait->on_over, .record = record, .queued = true };
    journal_lock(l->journal);
    wait->hold = ledger_new_hold(l, record);
    l->sums.queued++;
    struct ledger_wait **at = &l->queue;
    while (*at != NULL)
        at = &(*at)->next;
    *at = wait;
    if (l->away != NULL)
        ledger_away_wait(l, wait);
    ledger_run_queue(l);
    journal_unlock(l->journal);
}

bool ledger_call_off(struct ledger *l, struct ledger_wait *wait)
{
    CHECK(l, LEDGER);
    journal_lock(l->journal);
    bool queued = wait->queued;
    if (queued) {
        count_waiting(wait, false);
        ledger_remove_wait(l, wait);
        ledger_free_hold(wait->hold);
        wait->hold = NULL;
        if (l->away != NULL)
            ledger_away_leave(l, wait);
        ledger_run_queue(l); /* it stood before others */
    }
    journal_unlock(l->journal);
    return queued;
}
