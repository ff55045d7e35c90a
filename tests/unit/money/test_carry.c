/* test_carry.c - what an OPEN carries over: a start from it knows what a start from the first record would know. */
#include "carry.h"

/* The clock may be set forward while a request waits. */
Test(carry, a_budget_that_is_being_asked_is_not_swept)
{
    struct folder f;
    struct ledger_start start;
    folder_make(&f);
    struct ledger *l = begin(&f, 5, 500, &start);
    for (int i = 0; i < 20; i++) { /* a new segment every few records: its OPEN carries what is not swept */
        char session[16];
        snprintf(session, sizeof session, "s%d", i);
        struct record r = { .request = TEXT("r"),
                            .attempt = 1,
                            .team = TEXT("t"),
                            .key = TEXT("k"),
                            .session = text_of(session),
                            .model = TEXT("m"),
                            .provider = TEXT("p"),
                            .hard = 10,
                            .admitted_ms = 1 };
        struct ledger_refusal refusal;
        struct fail fail;
        struct ledger_hold *handle = ledger_hold(l, &r, false, &refusal, &fail);
        cr_assert_not_null(handle, "%s", fail.text);
        end(l, handle, 1, 0);
    }
    ledger_close(l);
    verified(&f);
    folder_remove(&f);
}

Test(carry, a_start_reads_only_what_is_behind_the_last_open)
{
    struct folder f;
    struct ledger_start start;
    char first[512];
    folder_make(&f);
    struct ledger *l = begin(&f, 3, 0, &start);
    hold(l, 3, 100); /* its number is the lowest */
    for (int i = 0; i < 50; i++)
        end(l, hold(l, 3, 100), 7, i % 10 == 0 ? 20 : 0);
    ledger_close(l);
    l = begin(&f, 3, 0, &start); /* one that reads the segment */
    cr_assert(start.read == 101 && start.records == 101 && start.doubtful == 1);
    stands(l, 3, 350, 0, 200);
    ledger_close(l);
    l = begin(&f, 3, 0, &start); /* and one that reads what that one wrote: the END of the crashed hold */
    cr_assert(start.read == 1 && start.records == 102 && start.doubtful == 0);
    stands(l, 3, 350, 0, 200);
    end(l, hold(l, 3, 100), 1, 0);
    ledger_close(l);
    verified(&f);
    /* Older segments may go. */
    folder_file(&f, 0, first, sizeof first);
    cr_assert_eq(unlink(first), 0);
    cr_assert_eq(verified(&f).spent, 351);
    l = begin(&f, 3, 0, &start);
    stands(l, 3, 351, 0, 200);
    end(l, hold(l, 3, 100), 1, 0); /* numbered on: verify knows the number before from the balance alone */
    ledger_close(l);
    verified(&f);
    folder_remove(&f);
}

/* Sessions of today are carried like all others; a budget of sessions that is new is made of the whole journal. */
Test(carry, sessions_are_carried)
{
    struct folder f;
    struct ledger_start start;
    folder_make(&f);
    struct ledger *l = begin(&f, 3, 0, &start);
    end(l, hold(l, 3, 100), 7, 3);
    ledger_close(l);
    l = begin(&f, 5, 0, &start);
    stands(l, 5, 7, 0, 3);
    cr_assert_eq(start.read, 2);
    end(l, hold(l, 5, 100), 1, 0);
    ledger_close(l);
    for (int turn = 0; turn < 3; turn++) {
        l = begin(&f, 5, 0, &start);
        stands(l, 5, 8 + turn, 0, 3);
        cr_assert_eq(start.read, 2, "%d: %llu", turn, (unsigned long long)start.read);
        end(l, hold(l, 5, 100), 1, 0);
        ledger_close(l);
        verified(&f);
    }
    folder_remove(&f);
}

Test(carry, a_new_budget_is_made_of_the_whole_journal_once)
{
    struct folder f;
    struct ledger_start start;
    folder_make(&f);
    struct ledger *l = begin(&f, 1, 0, &start);
    end(l, hold(l, 1, 100), 7, 3);
    ledger_close(l);
    for (int turn = 0; turn < 3; turn++) {
        l = begin(&f, 3, 0, &start);
        stands(l, 3, 7, 0, 3);
        cr_assert_eq(start.read, turn == 0 ? 2 : 0);
        ledger_close(l);
        verified(&f);
    }
    l = begin(&f, 1, 0, &start); /* two go, and come back */
    cr_assert_eq(start.read, 0);
    end(l, hold(l, 1, 100), 1, 0);
    ledger_close(l);
    l = begin(&f, 3, 0, &start);
    stands(l, 3, 8, 0, 3);
    ledger_close(l);
    verified(&f);
    folder_remove(&f);
}

/* A hold that is carried over is older than others that are over: accounts are numbered on from the last one all the same. */
Test(carry, numbers_go_on_behind_an_old_hold)
{
    struct folder f;
    struct ledger_start start;
    folder_make(&f);
    struct ledger *l = begin(&f, 3, 900, &start);
    hold(l, 3, 100);
    for (int i = 0; i < 10; i++)
        end(l, hold(l, 3, 100), 7, 0);
    ledger_close(l);
    l = begin(&f, 3, 0, &start);
    end(l, hold(l, 3, 100), 7, 0);
    ledger_close(l);
    verified(&f);
    folder_remove(&f);
}

/* Whatever is written when a segment becomes full: what its OPEN carries over is what was written before it. */
Test(carry, each_segment_carries_what_was_before_it)
{
    for (size_t bytes = 300; bytes < 900; bytes += 37) {
        struct folder f;
        struct ledger_start start;
        folder_make(&f);
        struct ledger *l = begin(&f, 3, bytes, &start);
        struct ledger_hold *early = hold(l, 3, 500);
        for (int i = 0; i < 8; i++) {
            struct ledger_hold *a = hold(l, 3, 100), *b = hold(l, 3, 100);
            end(l, b, 7, 0);
            struct record row = {
                .request = TEXT("c"), .team = TEXT("t"), .key = TEXT("k"), .admitted_ms = clock_unix_ms(), .final = 1
            };
            ledger_row(l, &row);
            end(l, a, 1, 2);
        }
        stands(l, 3, 64, 500, 16);
        end(l, early, 1, 0);
        ledger_close(l);
        cr_assert_eq(verified(&f).open, 0);
        l = begin(&f, 3, 0, &start);
        cr_assert(start.read < 8, "%llu", (unsigned long long)start.read);
        stands(l, 3, 65, 0, 16);
        ledger_close(l);
        folder_remove(&f);
    }
}

/* Damage that was accepted is known from then on: later starts and readers pass it over. */
Test(carry, an_accepted_gap_is_accepted_once)
{
    struct folder f;
    struct ledger_start start;
    struct fail fail;
    char path[512];
    size_t len;
    folder_make(&f);
    struct ledger *l = begin(&f, 3, 0, &start);
    hold(l, 3, 100);
    for (int i = 0; i < 20; i++)
        end(l, hold(l, 3, 100), 7, 2);
    ledger_close(l);
    folder_file(&f, 0, path, sizeof path);
    char *bytes = folder_read(path, &len);
    bytes[len / 2] ^= 1;
    folder_write(path, bytes, len);
    free(bytes);
    struct ledger_settings settings = { .folder = f.path, .sync_ns = 60000000000, .rules = rules, .rule_count = 3 };
    cr_assert_null(ledger_open(&settings, &start, &fail));
    cr_assert_not_null(strstr(fail.text, "--accept-gap"));
    settings.accept_gap = true;
    l = ledger_open(&settings, &start, &fail);
    cr_assert_not_null(l);
    cr_assert_eq(start.problems, 1);
    end(l, hold(l, 3, 100), 1, 0);
    ledger_close(l);
    settings.accept_gap = false;
    for (int turn = 0; turn < 2; turn++) {
        l = ledger_open(&settings, &start, &fail);
        cr_assert_not_null(l, "%s", fail.text);
        cr_assert_eq(start.problems, 0);
        end(l, hold(l, 3, 100), 1, 0);
        ledger_close(l);
        struct verify_report r = verified(&f);
        cr_assert(r.accepted == 1 && r.history.accepted == 1 && r.open == 0);
    }
    /* New damage is none that was accepted. */
    folder_file(&f, 2, path, sizeof path);
    bytes = folder_read(path, &len);
    bytes[len / 2] ^= 1;
    folder_write(path, bytes, len);
    free(bytes);
    struct verify_report r;
    verify_ledger(f.path, note, NULL, &r, &fail);
    cr_assert_gt(r.broken, 0);
    folder_remove(&f);
}
