/* period.c - days of the civil calendar; no library call, so no time zone of the machine is in it. */
#include "money/period.h"

#include "base/fail.h"

enum { DAY_S = 86400 };

const char *period_name(enum config_period period)
{
    static const char *const names[] = { "day", "week", "month", "total" };
    return names[period];
}

/* Days since 1970 of the first of a month, by Howard Hinnant's "days_from_civil" (public domain). Months from 1; 13 is the
 * next year's first. */
static int64_t first_of(int64_t year, unsigned month)
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

int64_t period_begins(enum config_period period, int64_t unix_s)
{
    BUG_IF(unix_s < 0);
    int64_t days = unix_s / DAY_S, year;
    unsigned month;

    switch (period) {
    case PERIOD_DAY:
        return days * DAY_S;
    case PERIOD_WEEK: /* 1970 began on a Thursday */
        return days < 4 ? 0 : (days - (days + 3) % 7) * DAY_S;
    case PERIOD_MONTH:
        month_of(days, &year, &month);
        return first_of(year, month) * DAY_S;
    case PERIOD_TOTAL:
        break;
    }
    return 0;
}

int64_t period_ends(enum config_period period, int64_t unix_s)
{
    int64_t begins = period_begins(period, unix_s), year;
    unsigned month;

    switch (period) {
    case PERIOD_DAY:
        return begins + DAY_S;
    case PERIOD_WEEK:
        return begins == 0 ? 4 * DAY_S : begins + 7 * DAY_S;
    case PERIOD_MONTH:
        month_of(begins / DAY_S, &year, &month);
        return first_of(year, month + 1) * DAY_S;
    case PERIOD_TOTAL:
        break;
    }
    return INT64_MAX;
}
