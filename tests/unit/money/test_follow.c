/* test_follow.c - a journal that is followed: from each place on the same records, each END with its HOLD, while it is written. */
#include <errno.h>

#include "folder.h"
#include "money/disk.h"
#include "money/follow.h"
#include "money/ledger.h"

enum { ROUNDS = 120, HELD = 7 };

static struct ledger *open_at(const struct folder *f, size_t segment_bytes)
{
    struct fail fail;
    struct ledger_start start;
    struct ledger_settings settings = { .folder = f->path, .sync_ns = 1000000, .segment_bytes = segment_bytes };
    struct ledger *l = ledger_open(&settings, &start, &fail);
    cr_assert_not_null(l, "%s", fail.text);
    return l;
}

static struct ledger_hold *hold(struct ledger *l, unsigned i)
{
    struct fail fail;
    char request[32];
    snprintf(request, sizeof request, "r%u", i);
    struct record r = { .request = text_of(request),
                        .attempt = 1,
                        .team = TEXT("t"),
                        .model = TEXT("m"),
                        .provider = TEXT("p"),
                        .hard = 100,
                        .soft = 50,
                        .admitted_ms = 1 };
    struct ledger_refusal refusal;
    struct ledger_hold *handle = ledger_hold(l, &r, false, &refusal, &fail);
    cr_assert_not_null(handle, "%s", fail.text);
    return handle;
}

static void settle(struct ledger *l, struct ledger_hold *handle, unsigned i)
{
    struct record end = { .ending = ENDING_SETTLED, .final = 1, .cost = i, .outcome = TEXT("ok") };
    ledger_end(l, handle, &end);
}

/* Attempts that overlap, over many small segments. */
static void fill(struct ledger *l, unsigned rounds)
{
    struct ledger_hold *open[HELD] = { NULL };
    for (unsigned i = 0; i < rounds; i++) {
        unsigned place = i * 5 % HELD;
        if (open[place] != NULL)
            settle(l, open[place], i);
        open[place] = hold(l, i);
    }
    for (unsigned i = 0; i < HELD; i++)
        if (open[i] != NULL)
            settle(l, open[i], i);
}

struct seen {
    uint64_t numbers[8 * ROUNDS];
    struct follow_place places[8 * ROUNDS]; /* after it */
    size_t count;
};

/* All up to the end; the ENDs must know whose they are. */
static enum follow_next read_all(struct follow *f, struct seen *seen, struct fail *fail)
{
    struct follow_item item;
    enum follow_next next;
    while ((next = follow_next(f, &item, fail)) == FOLLOW_RECORD) {
        cr_assert_lt(seen->count, sizeof seen->numbers / sizeof seen->numbers[0]);
        if (item.record.type == RECORD_END) {
            cr_assert(item.has_hold, "END %llu has no hold", (unsigned long long)item.record.number);
            cr_assert_eq(item.hold.number, item.record.hold);
            cr_assert(text_is(item.hold.team, "t"));
        }
        seen->numbers[seen->count] = item.record.number;
        seen->places[seen->count++] = follow_place(f);
    }
    return next;
}

static struct follow *at(const struct folder *f, struct follow_place from, uint64_t next)
{
    struct follow_settings settings = { .folder = f->path, .from = from, .next = next };
    return follow_new(&settings);
}

static void check_from(const struct folder *f, const struct seen *all, size_t i)
{
    struct fail fail;
    static struct seen rest;
    struct follow *again = at(f, all->places[i], all->numbers[i] + 1);
    rest.count = 0;
    cr_assert_eq(read_all(again, &rest, &fail), FOLLOW_WAIT);
    cr_assert_eq(rest.count, all->count - i - 1, "after %zu of %zu: %zu", i, all->count, rest.count);
    for (size_t k = 0; k < rest.count; k++)
        cr_assert_eq(rest.numbers[k], all->numbers[i + 1 + k]);
    follow_free(again);
}

Test(follow, gives_the_same_from_every_place)
{
    struct folder f;
    struct fail fail;
    static struct seen all;
    folder_make(&f);
    struct follow *follow = at(&f, (struct follow_place){ 0 }, 0);
    cr_assert_eq(read_all(follow, &all, &fail), FOLLOW_WAIT); /* nothing is there yet */
    for (int run = 0; run < 2; run++) {
        struct ledger *l = open_at(&f, 3000);
        fill(l, ROUNDS / 2);
        ledger_close(l);
    }
    cr_assert_eq(read_all(follow, &all, &fail), FOLLOW_WAIT, "%s", fail.text);
    cr_assert_eq(all.count, 2 * ROUNDS);
    for (size_t i = 0; i < all.count; i++) {
        cr_assert_eq(all.numbers[i], i + 1);
        check_from(&f, &all, i);
    }
    cr_assert_eq(follow_number(follow), all.count + 1);
    cr_assert_eq(follow_holds(follow)->count, 0);
    cr_assert_eq(follow_place(follow).number, all.count + 1); /* nothing before is needed */
    cr_assert_eq(follow_oldest(f.path, &fail), 1);
    follow_free(follow);
    folder_remove(&f);
}

Test(follow, follows_what_is_written_beside_it)
{
    struct folder f;
    struct fail fail;
    static struct seen all;
    folder_make(&f);
    struct ledger *l = open_at(&f, 3000);
    struct follow *follow = at(&f, (struct follow_place){ 0 }, 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct ledger_hold *handle = hold(l, i);
        cr_assert_eq(read_all(follow, &all, &fail), FOLLOW_WAIT, "%s", fail.text);
        cr_assert_eq(all.count, 2 * i + 1);
        cr_assert_eq(follow_holds(follow)->count, 1);
        settle(l, handle, i);
    }
    ledger_close(l);
    cr_assert_eq(read_all(follow, &all, &fail), FOLLOW_WAIT);
    cr_assert_eq(all.count, 2 * ROUNDS);
    follow_free(follow);
    folder_remove(&f);
}

/* A place in a segment that is gone, or in another file of that number: what there is is read again, and given once. */
Test(follow, a_place_that_does_not_fit_is_found_by_reading)
{
    struct folder f;
    struct fail fail;
    static struct seen all;
    folder_make(&f);
    struct ledger *l = open_at(&f, 3000);
    fill(l, ROUNDS);
    ledger_close(l);
    struct follow *follow = at(&f, (struct follow_place){ 0 }, 0);
    cr_assert_eq(read_all(follow, &all, &fail), FOLLOW_WAIT);
    follow_free(follow);
    size_t middle = all.count / 2;
    struct follow_place place = all.places[middle];
    for (unsigned i = 0; i < 4; i++) {
        all.places[middle] = place;
        all.places[middle].offset += i == 0 ? 1 : i == 1 ? 1u << 30 : 0;
        all.places[middle].number -= i == 2;
        all.places[middle].segment = i == 3 ? 999 : place.segment;
        if (i != 1)
            check_from(&f, &all, middle);
    }
    folder_remove(&f);
}

Test(follow, carried_holds_are_known_when_their_segment_is_gone)
{
    struct folder f;
    struct fail fail;
    static struct seen all;
    char first[512];
    folder_make(&f);
    struct ledger *l = open_at(&f, 3000);
    struct ledger_hold *old = hold(l, 9999);
    fill(l, ROUNDS);
    settle(l, old, 1);
    ledger_close(l);
    folder_file(&f, 0, first, sizeof first);
    unlink(first);
    uint64_t oldest = follow_oldest(f.path, &fail);
    cr_assert_gt(oldest, 1);
    struct follow *follow = at(&f, (struct follow_place){ 0 }, 0);
    cr_assert_eq(read_all(follow, &all, &fail), FOLLOW_GAP);
    cr_assert(strstr(fail.text, "the records 1 to ") != NULL, "%s", fail.text);
    follow_free(follow);
    follow = at(&f, (struct follow_place){ 0 }, oldest);
    cr_assert_eq(read_all(follow, &all, &fail), FOLLOW_WAIT, "%s",
                 fail.text); /* each END has its HOLD: read_all() looks */
    cr_assert_eq(all.numbers[0], oldest);
    follow_free(follow);
    for (size_t i = 0; i < all.count; i++)
        check_from(&f, &all, i);
    folder_remove(&f);
}

Test(follow, damage_and_missing_records_end_it_unless_they_are_accepted)
{
    struct folder f;
    struct fail fail;
    static struct seen all;
    char path[512];
    size_t len;
    folder_make(&f);
    struct ledger *l = open_at(&f, 3000);
    fill(l, ROUNDS);
    ledger_close(l);
    folder_file(&f, 1, path, sizeof path);
    char *bytes = folder_read(path, &len);
    bytes[len / 2] ^= 1;
    folder_write(path, bytes, len);
    struct follow *follow = at(&f, (struct follow_place){ 0 }, 0);
    cr_assert_eq(read_all(follow, &all, &fail), FOLLOW_DAMAGED);
    cr_assert(strstr(fail.text, "--accept-gap") != NULL);
    size_t before = all.count;
    follow_free(follow);
    unlink(path);
    all.count = 0;
    follow = at(&f, (struct follow_place){ 0 }, 0);
    cr_assert_eq(read_all(follow, &all, &fail), FOLLOW_DAMAGED);
    cr_assert_lt(all.count, before);
    follow_free(follow);
    struct follow_settings settings = { .folder = f.path, .accept_gap = true };
    struct follow_item item;
    follow = follow_new(&settings);
    size_t count = 0;
    while (follow_next(follow, &item, &fail) == FOLLOW_RECORD)
        count++;
    cr_assert_gt(count, before, "%zu after %zu", count, before);
    cr_assert_eq(follow_number(follow), 2 * ROUNDS + 1);
    follow_free(follow);
    free(bytes);
    folder_remove(&f);
}

Test(follow, a_journal_that_ends_too_early_is_noticed)
{
    struct folder f;
    struct fail fail;
    static struct seen all;
    folder_make(&f);
    struct ledger *l = open_at(&f, 0);
    fill(l, 10);
    ledger_close(l);
    struct follow *follow = at(&f, (struct follow_place){ 0 }, 22);
    cr_assert_eq(read_all(follow, &all, &fail), FOLLOW_BEYOND);
    follow_free(follow);
    follow = at(&f, (struct follow_place){ 0 }, 21);
    cr_assert_eq(read_all(follow, &all, &fail), FOLLOW_WAIT);
    follow_free(follow);
    folder_remove(&f);
}

static unsigned syncs;

static int sometimes_bad(int fd)
{
    return ++syncs % 5 == 0 ? (errno = EIO, -1) : disk_of_system.sync(fd);
}

/* A sync fails: what is not surely on the disk stands once more at the beginning of the next file. */
Test(follow, what_is_written_again_is_given_once)
{
    struct folder f;
    struct fail fail;
    struct ledger_start start;
    static struct seen all;
    folder_make(&f);
    disk = disk_of_system;
    disk.sync = sometimes_bad;
    struct ledger_settings settings = { .folder = f.path, .sync_ns = 0 };
    struct ledger *l = ledger_open(&settings, &start, &fail);
    cr_assert_not_null(l, "%s", fail.text);
    struct follow *follow = at(&f, (struct follow_place){ 0 }, 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        settle(l, hold(l, i), i);
        cr_assert_eq(read_all(follow, &all, &fail), FOLLOW_WAIT, "%s", fail.text);
    }
    ledger_close(l);
    disk = disk_of_system;
    cr_assert_eq(read_all(follow, &all, &fail), FOLLOW_WAIT);
    follow_free(follow);
    cr_assert_eq(all.count, 2 * ROUNDS);
    for (size_t i = 0; i < all.count; i++) {
        cr_assert_eq(all.numbers[i], i + 1);
        check_from(&f, &all, i);
    }
    folder_remove(&f);
}
