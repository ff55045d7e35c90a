/* date.c - reads RFC 3339, strictly. */
#include "boot/date.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/clock.h"

#define DAY_S 86400

/* Exactly `digits` digits, and then `after` (0: the end may follow). */
static int take(struct text *t, size_t digits, char after, int *out)
{
    *out = 0;
    if (t->len < digits + (after != 0))
        return -1;
    for (size_t i = 0; i < digits; i++) {
        if (t->ptr[i] < '0' || t->ptr[i] > '9')
            return -1;
        *out = *out * 10 + (t->ptr[i] - '0');
    }
    if (after != 0 && t->ptr[digits] != after)
        return -1;
    t->ptr += digits + (after != 0);
    t->len -= digits + (after != 0);
    return 0;
}

static int days_in(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Days since 1970; the year begins in March here, so that the leap day is its last (Howard Hinnant's
 * days_from_civil). */
static int64_t days_since_1970(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400, of_era = y % 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* "Z" or "+02:00": seconds east of UTC. */
static int take_zone(struct text *t, int *seconds)
{
    int hours, minutes;
    *seconds = 0;
    if (text_is(*t, "Z") || text_is(*t, "z"))
        return 0;
    if (t->len != 6 || (t->ptr[0] != '+' && t->ptr[0] != '-'))
        return -1;
    int sign = t->ptr[0] == '+' ? 1 : -1;
    t->ptr++;
    t->len--;
    if (take(t, 2, ':', &hours) < 0 || take(t, 2, 0, &minutes) < 0 || hours > 23 || minutes > 59)
        return -1;
    *seconds = sign * (hours * 3600 + minutes * 60);
    return 0;
}

int date_parse(struct text t, int64_t *unix_ms)
{
    int year, month, day, hour, minute, second, zone;

    if (take(&t, 4, '-', &year) < 0 || take(&t, 2, '-', &month) < 0 || take(&t, 2, 0, &day) < 0)
        return -1;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
        return -1;
    int64_t seconds = days_since_1970(year, month, day) * DAY_S;
    if (t.len == 0) {
        *unix_ms = (seconds + DAY_S) * 1000;
        return 0;
    }
    if (t.ptr[0] != 'T' && t.ptr[0] != 't' && t.ptr[0] != ' ')
        return -1;
    t.ptr++;
    t.len--;
    if (take(&t, 2, ':', &hour) < 0 || take(&t, 2, ':', &minute) < 0 || take(&t, 2, 0, &second) < 0)
        return -1;
    if (hour > 23 || minute > 59 || second > 60) /* 60: a leap second */
        return -1;
    int64_t ms = 0;
    if (t.len > 0 && t.ptr[0] == '.') {
        size_t digits = 0;
        for (t.ptr++, t.len--; t.len > 0 && t.ptr[0] >= '0' && t.ptr[0] <= '9'; t.ptr++, t.len--)
            if (digits++ < 3)
                ms = ms * 10 + (t.ptr[0] - '0');
        if (digits == 0)
            return -1;
        for (; digits < 3; digits++)
            ms *= 10;
    }
    if (take_zone(&t, &zone) < 0)
        return -1;
    *unix_ms = (seconds + hour * 3600 + minute * 60 + second - zone) * 1000 + ms;
    if (*unix_ms == 0)
        *unix_ms = 1; /* 0 is "never" where a date may lack, and this one is long over */
    return *unix_ms < 0 ? -1 : 0;
}

/* "7d": so long ago. -1: it is no length of time. */
static int parse_ago(struct text said, int64_t *unix_ms)
{
    static const struct {
        char letter;
        int64_t ms;
    } units[] = { { 'd', 86400000 }, { 'h', 3600000 }, { 'm', 60000 }, { 's', 1000 } };
    int64_t count;

    for (size_t i = 0; said.len > 1 && i < sizeof units / sizeof units[0]; i++)
        if (said.ptr[said.len - 1] == units[i].letter &&
            text_parse_u63((struct text){ said.ptr, said.len - 1 }, &count) == 0 && count < 1000000) {
            *unix_ms = clock_unix_ms() - count * units[i].ms;
            return 0;
        }
    return -1;
}

int date_parse_moment(struct text t, const struct zone *zone, int64_t *unix_ms)
{
    char moment[40];
    bool day = t.len == 10;
    if (parse_ago(t, unix_ms) == 0)
        return 0;
    snprintf(moment, sizeof moment, "%.*s%s", t.len > 30 ? 0 : (int)t.len, t.len > 30 ? "" : t.ptr,
             day ? "T00:00:00Z" : "");
    if (date_parse(text_of(moment), unix_ms) < 0)
        return -1;
    if (day)
        *unix_ms = zone_day_begins(zone, *unix_ms / 86400000) * 1000;
    return 0;
}
