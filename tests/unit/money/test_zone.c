/* test_zone.c - time zones: against the C library's, and where days begin when clocks change. */
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "check.h"
#include "money/period.h"
#include "money/zone_file.h"

static const struct zone *zone_of(struct arena *arena, const char *name)
{
    struct fail fail;
    const struct zone *zone = zone_read(zone_folder(), text_of(name), arena, &fail);
    cr_assert_not_null(zone, "%s", fail.text);
    return zone;
}

static int64_t at(const char *text)
{
    struct tm tm = { 0 };
    cr_assert_not_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
    return (int64_t)timegm(&tm);
}

/* Each moment between 1970 and 2099 that a step of five days and some minutes meets. */
Test(zone, agrees_with_the_library)
{
    static const char *const names[] = { "UTC",
                                         "Europe/Berlin",
                                         "Europe/Dublin",
                                         "America/New_York",
                                         "America/Santiago",
                                         "Africa/Casablanca",
                                         "Asia/Kolkata",
                                         "Australia/Lord_Howe",
                                         "Pacific/Apia",
                                         "America/Sao_Paulo",
                                         "Asia/Tehran",
                                         "America/Nuuk",
                                         "Etc/GMT+5",
                                         "Pacific/Kiritimati",
                                         "Asia/Gaza",
                                         "America/Havana",
                                         "Antarctica/Troll" };
    struct arena arena;
    arena_init(&arena, NULL, 0, 64 << 20);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct zone *zone = zone_of(&arena, names[i]);
        setenv("TZ", names[i], 1);
        tzset();
        for (int64_t s = 0; s < INT64_C(4102444800); s += 5 * 86400 + 4711) {
            time_t now = (time_t)s;
            struct tm tm;
            localtime_r(&now, &tm);
            cr_assert_eq(zone_east(zone, s), tm.tm_gmtoff, "%s at %lld", names[i], (long long)s);
            cr_assert(zone_day_begins(zone, zone_day_of(zone, s)) <= s &&
                          zone_day_begins(zone, zone_day_of(zone, s) + 1) > s,
                      "%s at %lld", names[i], (long long)s);
        }
    }
    unsetenv("TZ");
    tzset();
    arena_fini(&arena);
}

Test(zone, days_begin_where_its_calendar_shows_them)
{
    static const struct {
        const char *zone;
        enum config_period period;
        const char *now, *begins, *ends;
    } rows[] = {
        { "Europe/Berlin", PERIOD_DAY, "2026-11-27 22:59:59", "2026-11-26 23:00:00", "2026-11-27 23:00:00" },
        { "Europe/Berlin", PERIOD_DAY, "2026-11-27 23:00:00", "2026-11-27 23:00:00", "2026-11-28 23:00:00" },
        { "Europe/Berlin", PERIOD_DAY, "2026-03-29 12:00:00", "2026-03-28 23:00:00",
          "2026-03-29 22:00:00" }, /* 23 hours */
        { "Europe/Berlin", PERIOD_DAY, "2026-10-25 12:00:00", "2026-10-24 22:00:00",
          "2026-10-25 23:00:00" }, /* 25 hours */
        { "Europe/Berlin", PERIOD_WEEK, "2026-10-25 12:00:00", "2026-10-18 22:00:00", "2026-10-25 23:00:00" },
        { "Europe/Berlin", PERIOD_MONTH, "2026-10-31 22:59:59", "2026-09-30 22:00:00", "2026-10-31 23:00:00" },
        { "Europe/Berlin", PERIOD_MONTH, "2060-07-01 00:00:00", "2060-06-30 22:00:00",
          "2060-07-31 22:00:00" }, /* by the rule at the file's end */
        { "America/New_York", PERIOD_DAY, "2026-11-01 04:00:00", "2026-11-01 04:00:00",
          "2026-11-02 05:00:00" }, /* 25 hours */
        { "America/New_York", PERIOD_MONTH, "2026-12-01 04:59:59", "2026-11-01 04:00:00", "2026-12-01 05:00:00" },
        { "Asia/Kolkata", PERIOD_DAY, "2026-11-27 18:30:00", "2026-11-27 18:30:00", "2026-11-28 18:30:00" },
        { "Pacific/Apia", PERIOD_DAY, "2011-12-30 09:59:59", "2011-12-29 10:00:00", "2011-12-30 10:00:00" },
        { "Pacific/Apia", PERIOD_DAY, "2011-12-30 10:00:00", "2011-12-30 10:00:00",
          "2011-12-31 10:00:00" }, /* the 30th was left out */
        { "America/Sao_Paulo", PERIOD_DAY, "2018-11-04 03:00:00", "2018-11-04 03:00:00",
          "2018-11-05 02:00:00" }, /* no midnight: 1:00 comes first */
        { "America/Havana", PERIOD_DAY, "2026-11-01 05:30:00", "2026-11-01 04:00:00",
          "2026-11-02 05:00:00" }, /* 0:30 comes twice */
        { "America/St_Johns", PERIOD_DAY, "2010-11-07 03:00:00", "2010-11-07 02:30:00",
          "2010-11-08 03:30:00" }, /* from 0:01 back to 23:01: the day has begun */
        { "Europe/Berlin", PERIOD_DAY, "1970-01-01 05:00:00", "1970-01-01 00:00:00", "1970-01-01 23:00:00" },
        { "Europe/Berlin", PERIOD_TOTAL, "2026-01-01 05:00:00", "1970-01-01 00:00:00", NULL },
    };
    struct arena arena;
    arena_init(&arena, NULL, 0, 64 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct zone *zone = zone_of(&arena, rows[i].zone);
        int64_t ends = rows[i].ends != NULL ? at(rows[i].ends) : INT64_MAX;
        cr_assert_eq(period_begins(rows[i].period, zone, at(rows[i].now)), at(rows[i].begins), "%s %s", rows[i].zone,
                     rows[i].now);
        cr_assert_eq(period_ends(rows[i].period, zone, at(rows[i].now)), ends, "%s %s", rows[i].zone, rows[i].now);
    }
    arena_fini(&arena);
}

/* Without a gap and without an overlap, whatever a zone does. */
Test(zone, periods_follow_each_other)
{
    static const char *const names[] = { "Europe/Berlin", "America/St_Johns", "Pacific/Apia",    "America/Sao_Paulo",
                                         "Asia/Beirut",   "Africa/Cairo",     "America/Asuncion" };
    struct arena arena;
    arena_init(&arena, NULL, 0, 64 << 20);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct zone *zone = zone_of(&arena, names[i]);
        for (enum config_period period = PERIOD_DAY; period < PERIOD_TOTAL; period++)
            for (int64_t s = 86400 * 40; s < at("2045-01-01 00:00:00");) {
                int64_t ends = period_ends(period, zone, s);
                cr_assert(ends > s && period_ends(period, zone, ends - 1) == ends, "%s %lld", names[i], (long long)s);
                cr_assert_eq(period_begins(period, zone, ends), ends, "%s %lld", names[i], (long long)s);
                cr_assert_eq(period_begins(period, zone, ends - 1), period_begins(period, zone, s), "%s %lld", names[i],
                             (long long)s);
                s = ends;
            }
    }
    arena_fini(&arena);
}

Test(zone, refuses_what_is_none)
{
    static const char *const names[] = { "",       "Europe/Nowhere",          "../../etc/passwd", "/etc/localtime",
                                         "Europe", "Europe/../Europe/Berlin", "tzdata.zi",        "right/UTC" };
    struct arena arena;
    struct fail fail;
    arena_init(&arena, NULL, 0, 1 << 20);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_assert_null(zone_read(zone_folder(), text_of(names[i]), &arena, &fail), "%s", names[i]);
    cr_assert_null(zone_read("/nowhere", TEXT("Europe/Berlin"), &arena, &fail));
    cr_assert(strstr(fail.text, "tzdata") != NULL, "%s", fail.text);
    arena_fini(&arena);
}

static size_t whole_file(char *bytes, size_t most)
{
    char path[200];
    snprintf(path, sizeof path, "%s/Europe/Berlin", zone_folder());
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file);
    size_t len = fread(bytes, 1, most, file);
    fclose(file);
    return len;
}

/* A file that ends anywhere, and one with a wrong byte anywhere: refused or read, never past its end. */
Test(zone, reads_spoiled_files_within_their_bounds)
{
    static char bytes[1 << 16];
    size_t len = whole_file(bytes, sizeof bytes);
    struct arena arena;
    const char *why;
    unsigned taken = 0;
    for (size_t cut = 0; cut <= len; cut++) {
        struct zone zone = { 0 };
        char *copy = malloc(cut + 1);
        memcpy(copy, bytes, cut);
        arena_init(&arena, NULL, 0, 4 << 20);
        taken += zone_file_parse((struct text){ copy, cut }, &arena, &zone, &why) == 0;
        arena_fini(&arena);
        free(copy);
    }
    cr_assert_eq(taken, 1);
    for (size_t i = 0; i < len; i++) {
        struct zone zone = { 0 };
        char *copy = malloc(len);
        memcpy(copy, bytes, len);
        copy[i] = (char)(copy[i] ^ (i % 2 == 0 ? 0xff : 0x81));
        arena_init(&arena, NULL, 0, 64 << 20);
        if (zone_file_parse((struct text){ copy, len }, &arena, &zone, &why) == 0)
            cr_assert(zone_day_begins(&zone, 20000) < zone_day_begins(&zone, 20003));
        arena_fini(&arena);
        free(copy);
    }
}

Test(zone, refuses_rules_that_are_none)
{
    static const char *const wrong[] = { "",
                                         "1",
                                         "CET",
                                         "CET-1CEST",
                                         "CET-1CEST,M3.5.0",
                                         "CET-1CEST,M13.5.0,M10.5.0",
                                         "CET-1CEST,M3.6.0,M10.5.0",
                                         "CET-1CEST,M3.5.7,M10.5.0",
                                         "CET-1CEST,M3.5.0,M10.5.0x",
                                         "CET-1CEST,J0,J5",
                                         "CET-1CEST,M3.5.0/168,M10.5.0",
                                         "<CET-1",
                                         "CET-1CEST,M3.5.0/2:60,M10.5.0" };
    int64_t times[ZONE_RULE_MOST];
    int32_t east[ZONE_RULE_MOST];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct zone zone = { .at = times, .east = east };
        cr_assert_eq(zone_rule_apply(text_of(wrong[i]), 0, &zone), -1, "%s", wrong[i]);
    }
    struct zone zone = { .at = times, .east = east };
    cr_assert_eq(zone_rule_apply(TEXT("<+03>-3<+04>-4:30,J60/-1,300/25:00:30"), at("2027-12-31 00:00:00"), &zone), 0);
    cr_assert_eq(zone.at[0],
                 at("2028-02-29 20:00:00")); /* J60 is 1 March; 23:00 of the day before, by the clock at +3 */
    cr_assert_eq(zone.east[0], 4 * 3600 + 1800);
    cr_assert_eq(
        zone.at[1],
        at("2028-10-27 20:30:30")); /* day 300 from 0, in a leap year 27 October; 25:00:30 by the clock at +4:30 */
}
