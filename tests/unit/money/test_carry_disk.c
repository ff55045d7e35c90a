/* test_carry_disk.c - what an OPEN carries over when the disk fails: nothing that is not in the journal, and nothing twice. */
#include "carry.h"
#include "tape.h"

static int fail_syncs, fail_writes;

static int bad_sync(int fd)
{
    return fail_syncs > 0 && fail_syncs-- > 0 ? (errno = EIO, -1) : disk_of_system.sync(fd);
}

static ssize_t bad_write(int fd, const void *bytes, size_t len, off_t at)
{
    return fail_writes > 0 && fail_writes-- > 0 ? (errno = ENOSPC, -1) : disk_of_system.write(fd, bytes, len, at);
}

/* A sync fails in the middle of a HOLD or an END: the segment that begins then has it, and carries over what was before it. */
Test(carry, a_record_that_comes_again_counts_once)
{
    for (int when = 0; when < 4; when++) {
        struct folder f;
        struct ledger_start start;
        struct fail fail;
        folder_make(&f);
        disk = disk_of_system;
        disk.sync = bad_sync;
        struct ledger_settings settings = { .folder = f.path, .sync_ns = 0, .rules = rules, .rule_count = 3 };
        struct ledger *l = ledger_open(&settings, &start, &fail);
        cr_assert_not_null(l);
        fail_syncs = when == 0;
        struct ledger_hold *a = hold(l, 3, 100);
        fail_syncs = when == 1;
        struct ledger_hold *b = hold(l, 3, 40);
        fail_syncs = when == 2;
        end(l, a, 7, 5);
        fail_syncs = when == 3 ? 3 : 0; /* also the new file's */
        end(l, b, 1, 0);
        fail_syncs = 0;
        hold(l, 3, 11);
        stands(l, 3, 8, 11, 5);
        ledger_close(l);
        cr_assert_eq(verified(&f).open, 1);
        l = ledger_open(&settings, &start, &fail);
        cr_assert_not_null(l);
        cr_assert_eq(start.doubtful, 1, "%d: %llu", when, (unsigned long long)start.doubtful);
        stands(l, 3, 8, 0, 16);
        ledger_close(l);
        cr_assert(verified(&f).doubt == 16);
        disk = disk_of_system;
        folder_remove(&f);
    }
}

/* What the disk refused is in the balances and not in the journal: an OPEN that is written meanwhile does not carry it. */
Test(carry, what_is_not_written_is_not_carried)
{
    struct folder f;
    struct ledger_start start;
    struct ledger_sums sums;
    folder_make(&f);
    disk = disk_of_system;
    disk.write = bad_write;
    struct ledger *l = begin(&f, 3, 400, &start);
    struct ledger_hold *a = hold(l, 3, 100), *b = hold(l, 3, 100);
    fail_writes = 4; /* for each: of a new file, and of this one */
    end(l, a, 7, 0);
    struct record row = {
        .request = TEXT("c"), .team = TEXT("t"), .key = TEXT("k"), .admitted_ms = clock_unix_ms(), .final = 1
    };
    ledger_row(l, &row);
    ledger_read_sums(l, &sums);
    cr_assert_eq(sums.waiting, 2);
    stands(l, 3, 7, 100, 0);
    for (int i = 0; i < 5; i++)
        end(l, hold(l, 3, 100), 1, 0);
    end(l, b, 2, 0);
    ledger_close(l);
    cr_assert_eq(verified(&f).spent, 14);
    disk = disk_of_system;
    folder_remove(&f);
}

/* The file was removed, or its folder: the next segment begins with what is open, which comes again behind it too. */
Test(carry, a_file_that_is_gone)
{
    struct folder f;
    struct ledger_start start;
    struct fail fail;
    char first[512];
    folder_make(&f);
    struct ledger_settings settings = { .folder = f.path, .sync_ns = 5000000, .rules = rules, .rule_count = 3 };
    struct ledger *l = ledger_open(&settings, &start, &fail);
    cr_assert_not_null(l);
    end(l, hold(l, 3, 100), 7, 0);
    folder_file(&f, 0, first, sizeof first);
    cr_assert_eq(unlink(first), 0);
    struct ledger_hold *a = hold(l, 3, 100);
    hold(l, 3, 40);
    for (int i = 0; i < 1000; i++) {
        folder_file(&f, 0, first, sizeof first);
        if (first[0] != '\0')
            break;
        usleep(2000);
    }
    end(l, a, 3, 0);
    stands(l, 3, 10, 40, 0);
    ledger_close(l);
    struct verify_report r = verified(&f);
    cr_assert(r.open == 1 && r.spent == 10 && r.held == 40);
    l = ledger_open(&settings, &start, &fail);
    cr_assert_eq(start.doubtful, 1);
    stands(l, 3, 10, 0, 40);
    ledger_close(l);
    cr_assert_eq(verified(&f).open, 0);
    folder_remove(&f);
}

/* Room for the ENDs of all that is open is promised by the disk before a request is sent; an END takes of it. */
Test(carry, room_for_what_is_open)
{
    struct folder f;
    struct ledger_start start;
    struct ledger_hold *open[300];
    folder_make(&f);
    disk = tape_disk;
    struct ledger *l = begin(&f, 0, 0, &start);
    for (unsigned i = 0; i < 300; i++) {
        tape_begin(NULL, 0, 0);
        open[i] = hold(l, 0, 1);
        /* 4096 bytes each; what was promised before is a megabyte more than what was needed then. */
        if (i == 0)
            cr_assert_str_eq(tape_calls(), "reserve4096 write");
        else if (i < 200)
            cr_assert_str_eq(tape_calls(), "write");
    }
    for (unsigned i = 0; i < 300; i++) {
        tape_begin(NULL, 0, 0);
        end(l, open[i], 0, 0);
        cr_assert_str_eq(tape_calls(), "write");
    }
    ledger_close(l);
    disk = disk_of_system;
    folder_remove(&f);
}
