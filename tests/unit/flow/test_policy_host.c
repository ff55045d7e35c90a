/* test_policy_host.c - what policies ask of the gateway: how far a zone is east of UTC. */
#include <stdio.h>

#include "check.h"
#include "flow/policy.h"

#define SUMMER INT64_C(1782864000) /* 2026-07-01T00:00:00Z */
#define WINTER INT64_C(1767225600) /* 2026-01-01T00:00:00Z */

Test(policy_host, knows_zones_and_reads_each_once)
{
    static const struct {
        const char *zone;
        int64_t at, east;
    } rows[] = {
        { "Europe/Berlin", WINTER, 3600 }, { "Asia/Tokyo", SUMMER, 9 * 3600 }, { "Europe/Berlin", SUMMER, 7200 },
        { "Etc/UTC", SUMMER, 0 },          { "Asia/Tokyo", WINTER, 9 * 3600 },
    };
    /* More often than there is room for zones: who read them again would run out of it. */
    for (size_t i = 0; i < 70 * (sizeof rows / sizeof *rows); i++) {
        size_t row = i % (sizeof rows / sizeof *rows);
        int64_t east = -1;
        cr_assert(policy_host.east(NULL, text_of(rows[row].zone), rows[row].at, &east), "%zu", i);
        cr_assert_eq(east, rows[row].east, "%s: %lld", rows[row].zone, (long long)east);
    }
}

Test(policy_host, does_not_know_others)
{
    static const char *const names[] = { "Europe/Atlantis", "", "../etc/passwd", "Europe" };
    int64_t east = 5;
    for (size_t i = 0; i < 100; i++)
        cr_assert_not(policy_host.east(NULL, text_of(names[i % 4]), SUMMER, &east), "%s", names[i % 4]);
    cr_assert_eq(east, 5, "it is left as it is");
    cr_assert(policy_host.east(NULL, TEXT("Asia/Tokyo"), SUMMER, &east), "they took no room");
}
