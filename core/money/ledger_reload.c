/* ledger_reload.c - other budgets while the gateway runs.
 *
 * All accounts are made anew from the new rules, and get what the old ones had. What a budget that is new has to know is read from the
 * journal's files without the mutex, up to a record; what is booked from that record on is charged to it beside (ledger.fresh). */
#include <stdlib.h>
#include <string.h>

#include "money/ledger_inside.h"
#include "money/ledger_keeper.h"

static const char moved_text[] = "another process keeps the ledger now, and this one is about to end";

void ledger_book_fresh(struct ledger *l, const struct ledger_hold *handle, const struct record *end)
{
    struct record hold;
    struct arena arena;
    const char *why;
    arena_init(&arena, NULL, 0, 1 << 20);
    BUG_IF(record_read(holds_get(&l->open, handle->number), &arena, &hold, &why) < 0);
    accounts_replay(l->fresh, &hold, end, clock_unix_ms());
    arena_fini(&arena);
}

/* Nothing points to an account any more. */
static void leave_accounts(struct ledger *l)
{
    ledger_leave_queue(l);
    for (struct ledger_hold *h = l->handles; h != NULL; h = h->next)
        ledger_free_stakes(h);
}

/* What is in flight is held in the accounts that there are now. */
void ledger_join_accounts(struct ledger *l)
{
    struct arena arena;
    const char *why;
    arena_init(&arena, NULL, 0, 1 << 20);
    for (struct ledger_hold *h = l->handles; h != NULL; h = h->next) {
        struct record hold;
        BUG_IF(record_read(holds_get(&l->open, h->number), &arena, &hold, &why) < 0);
        ledger_set_stakes(l, h, &hold);
        for (size_t i = 0; i < h->count; i++) {
            h->stakes[i].period = account_at(h->stakes[i].account, hold.admitted_ms);
            account_carry(h->stakes[i].period, h->hard, h->soft);
        }
        arena_reset(&arena);
    }
    ledger_join_queue(l);
    arena_fini(&arena);
}

/* The rules of budgets that there are not now. Heap. */
static struct accounts_rule *new_rules(struct ledger *l, const struct accounts_rule *rules, size_t count, size_t *found)
{
    struct accounts_rule *out = calloc(count + 1, sizeof *out);
    BUG_IF(out == NULL);
    *found = 0;
    for (size_t i = 0; i < count; i++)
        if (!accounts_has(&l->accounts, &rules[i]))
            out[(*found)++] = rules[i];
    return out;
}

/* From here on what is booked is charged to them, and what was booked and could not be written yet. Returns the record before which
 * everything else is in the journal. */
static uint64_t begin_fresh(struct ledger *l, struct accounts *fresh)
{
    journal_lock(l->journal);
    ledger_book_late(l, -1);
    l->fresh = l->away == NULL ? fresh : NULL; /* else what ends is booked there, and ledger_reload() fails */
    ledger_book_late(l, 1);
    uint64_t next = journal_next(l->journal);
    journal_unlock(l->journal);
    return next;
}

static void change(struct ledger *l, const struct accounts_rule *rules, size_t count, const struct accounts *past)
{
    struct accounts next;
    accounts_open(&next, rules, count);
    leave_accounts(l);
    accounts_add(&next, &l->accounts);
    if (l->fresh != NULL) {
        accounts_add(&next, past);
        accounts_add(&next, l->fresh);
    }
    accounts_fini(&l->accounts);
    l->accounts = next;
    l->fresh = NULL;
    atomic_store_explicit(&l->charges, count > 0, memory_order_relaxed);
    ledger_join_accounts(l);
}

int ledger_reload(struct ledger *l, const struct accounts_rule *rules, size_t count, const char *book,
                  struct fail *fail)
{
    struct ledger past = { .magic = LEDGER_MAGIC };
    struct accounts fresh;
    size_t added;
    int result = 0;

    CHECK(l, LEDGER);
    journal_lock(l->journal);
    if (l->away != NULL) {
        journal_unlock(l->journal);
        return fail_set(fail, FAIL_OPERATOR, "%s", moved_text);
    }
    struct accounts_rule *new = new_rules(l, rules, count, &added);
    journal_unlock(l->journal);
    accounts_open(&past.accounts, new, added);
    accounts_open(&fresh, new, added);
    if (added > 0)
        result = ledger_read_past(&past, l->folder, begin_fresh(l, &fresh), fail);
    journal_lock(l->journal);
    if (result == 0 && l->away != NULL) /* it was given away while the files were read */
        result = fail_set(fail, FAIL_OPERATOR, "%s", moved_text);
    if (result == 0) {
        change(l, rules, count, &past.accounts);
        journal_set_book(l->journal, book);
    }
    l->fresh = NULL;
    journal_unlock(l->journal);
    accounts_fini(&past.accounts);
    accounts_fini(&fresh);
    holds_fini(&past.open);
    free(new);
    return result;
}

bool ledger_is_handed_over(struct ledger *l)
{
    CHECK(l, LEDGER);
    journal_lock(l->journal);
    bool away = l->away != NULL;
    journal_unlock(l->journal);
    return away;
}
