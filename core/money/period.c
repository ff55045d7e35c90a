/* period.c - days of the civil calendar; no library call, so the time zone of the machine is not in it. */
#include "money/period.h"

#include "base/fail.h"

const char *period_name(enum config_period period)
{
    static const char *const names[] = { "day", "week", "month", "total" };
    return names[period];
}

/* By Howard Hinnant's "days_from_civil" (public domain). */
int64_t period_first_of(int64_t year, unsigned month)
{
    if (month > 12) {
        month -= 12;
        year++;
    }
    year -= month <= 2;
    int64_t era = year / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* "civil_from_days" of the same. */
static void month_of(int64_t days, int64_t *year, unsigned *month)
{
    int64_t z = days + 719468;
    int64_t era = z / 146097;
    int64_t of_era = z - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;
    *month = (unsigned)(m < 10 ? m + 3 : m - 9);
    *year = y + era * 400 + (*month <= 2);
}

/* The first and the last day + 1 of the period that a day is in. */
static void days_of(enum config_period period, int64_t day, int64_t *first, int64_t *end)
{
    int64_t year;
    unsigned month;

    *first = day;
    *end = day + 1;
    if (period == PERIOD_WEEK) { /* 1970 began on a Thursday */
        *first = day - (day + 3 + 7) % 7;
        *end = *first + 7;
    } else if (period == PERIOD_MONTH) {
        month_of(day, &year, &month);
        *first = period_first_of(year, month);
        *end = period_first_of(year, month + 1);
    }
}

int64_t period_begins(enum config_period period, const struct zone *zone, int64_t unix_s)
{
    int64_t first, end;
    BUG_IF(unix_s < 0);
    if (period == PERIOD_TOTAL)
        return 0;
    days_of(period, zone_day_of(zone, unix_s), &first, &end);
    int64_t begins = zone_day_begins(zone, first);
    return begins > 0 ? begins : 0;
}

int64_t period_ends(enum config_period period, const struct zone *zone, int64_t unix_s)
{
    int64_t first, end;
    BUG_IF(unix_s < 0);
    if (period == PERIOD_TOTAL)
        return INT64_MAX;
    days_of(period, zone_day_of(zone, unix_s), &first, &end);
    return zone_day_begins(zone, end);
}
