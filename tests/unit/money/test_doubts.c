/* test_doubts.c - what is in doubt, from forged journals: each attempt with what is left of its doubt, and where its HOLD stands. */
#include "forge.h"
#include "money/doubts.h"

static char text[1024];

static void visit(void *owner, const struct doubt *doubt, const struct record *hold)
{
    size_t len = strlen(text);
    cr_assert_eq(owner, text);
    cr_assert_eq(hold->number, doubt->hold);
    snprintf(text + len, sizeof text - len, "%s%.*s: hold %llu of segment %llu, %lld/%lld since %lld",
             len > 0 ? ", " : "", TEXT_ARG(hold->request), (unsigned long long)doubt->hold,
             (unsigned long long)doubt->segment, (long long)doubt->doubt, (long long)doubt->soft_doubt,
             (long long)doubt->ended_ms);
}

/* What is in doubt from that segment on. */
static const char *doubts_of(const struct record *all, size_t count, uint64_t from)
{
    struct folder f;
    struct fail fail;
    struct doubts doubts;
    atomic_bool stop = false;
    folder_make(&f);
    forge(&f, all, count, -1);
    text[0] = '\0';
    cr_assert_eq(doubts_read(&doubts, f.path, from, &stop, &fail), 0, "%s", fail.text);
    doubts_each(&doubts, visit, text);
    doubts_fini(&doubts);
    stop = true;
    cr_assert_eq(doubts_read(&doubts, f.path, from, &stop, &fail), -1);
    cr_assert_str_eq(fail.text, "the gateway ends");
    doubts_fini(&doubts);
    folder_remove(&f);
    return text;
}

Test(doubts, what_is_left)
{
    const struct {
        struct record all[8];
        const char *wanted;
    } cases[] = {
        { { OPEN(1), HOLD(1, 1, 9), END(2, 1, DOUBT, .doubt = 9, .soft_doubt = 4) },
          "r: hold 1 of segment 1, 9/4 since 1" },
        { { OPEN(1), HOLD(1, 1, 9), END(2, 1, SETTLED, COSTS(9)) }, "" },
        { { OPEN(1), HOLD(1, 1, 9), END(2, 1, VOID) }, "" },
        { { OPEN(1), HOLD(1, 1, 9) }, "" }, /* in flight */
        { { OPEN(1), END(1, 7, DOUBT, .doubt = 9) }, "" },
        { { OPEN(1), HOLD(1, 1, 9), END(2, 1, DOUBT, .doubt = 9) }, "r: hold 1 of segment 1, 9/0 since 1" },
        { { OPEN(1), HOLD(1, 1, 9), END(2, 1, DOUBT, .soft_doubt = 1) }, "r: hold 1 of segment 1, 0/1 since 1" },
        { { OPEN(1), HOLD(1, 1, 9), END(2, 1, DOUBT, .doubt = 9, .soft_doubt = 4),
            LATE(3, 1, .doubt = -8, .soft_doubt = -1), LATE(4, 9, .doubt = -1), LATE(5, 1, .soft_doubt = -2) },
          "r: hold 1 of segment 1, 1/1 since 1" },
        { { OPEN(1), HOLD(1, 1, 9), END(2, 1, DOUBT, .doubt = 9, .soft_doubt = 4),
            LATE(3, 1, .doubt = -9, .soft_doubt = -3) },
          "r: hold 1 of segment 1, 0/1 since 1" },
        { { OPEN(1), HOLD(1, 1, 9), END(2, 1, DOUBT, .doubt = 9, .soft_doubt = 4),
            LATE(3, 1, .doubt = -8, .soft_doubt = -4) },
          "r: hold 1 of segment 1, 1/0 since 1" },
        { { OPEN(1), HOLD(1, 1, 9), END(2, 1, DOUBT, .doubt = 9, .soft_doubt = 4),
            LATE(3, 1, .doubt = -9, .soft_doubt = -4) },
          "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_str_eq(doubts_of(cases[i].all, 8, 0), cases[i].wanted, "case %zu: %s", i, text);
}

/* In the order of the HOLDs, with the segment from which on each is found; one that is carried over stands in the first that is read. */
Test(doubts, where_their_holds_are)
{
    char tags[512 + 1], room[2048];
    memset(tags, 'x', 512);
    tags[512] = '\0';
    const struct record old = HOLD(1, 1, 9);
    struct text carried = forge_carried(&old, room);
    struct record all[] = {
        OPEN(1),
        HOLD(1, 1, 9),
        HOLD(2, 1, 9, .tags = text_of(tags), .model = text_of(tags), .upstream_model = text_of(tags)),
        OPEN(3, .carried = { &carried, 1 }),
        HOLD(3, 1, 9),
        END(4, 3, DOUBT, .doubt = 3),
        END(5, 2, DOUBT, .doubt = 2),
        END(6, 1, DOUBT, .doubt = 1),
    };
    all[3].segment = 2;
    all[7].unix_ms = 77;
    cr_assert_str_eq(doubts_of(all, 8, 0), "r: hold 1 of segment 1, 1/0 since 77, r: hold 2 of segment 1, 2/0 since 1, "
                                           "r: hold 3 of segment 2, 3/0 since 1");
    cr_assert_str_eq(doubts_of(all, 8, 2), "r: hold 1 of segment 2, 1/0 since 77, r: hold 3 of segment 2, 3/0 since 1");
    struct doubts doubts;
    struct fail fail;
    atomic_bool stop = false;
    cr_assert_eq(doubts_read(&doubts, "/nowhere/at/all", 0, &stop, &fail), -1);
    cr_assert_not_null(strstr(fail.text, "/nowhere/at/all"));
    doubts_fini(&doubts);
}
