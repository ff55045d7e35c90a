/* zone_rule.c - when clocks change by a rule, as POSIX writes it: "CET-1CEST,M3.5.0,M10.5.0/3". */
#include "money/zone_file.h"

#include "money/period.h"

enum { DAY_S = 86400, LAST_YEAR = 2100 };

/* One of the two changes of a year. */
struct change {
    char kind; /* 'M': month.week.day; 'J': day from 1, without 29 February; '0': day from 0 */
    int64_t month, week, day;
    int64_t time; /* seconds after midnight by the clock that holds before; may be negative or over a day */
};

static bool cut_number(struct text *rest, int64_t least, int64_t most, int64_t *out)
{
    size_t n = 0;
    while (n < rest->len && rest->ptr[n] >= '0' && rest->ptr[n] <= '9')
        n++;
    bool good = text_parse_u63((struct text){ rest->ptr, n }, out) == 0 && *out >= least && *out <= most;
    *rest = (struct text){ rest->ptr + n, rest->len - n };
    return good;
}

static bool cut_char(struct text *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != c)
        return false;
    *rest = (struct text){ rest->ptr + 1, rest->len - 1 };
    return true;
}

/* "CET", "<+03>". */
static bool cut_name(struct text *rest)
{
    bool quoted = cut_char(rest, '<');
    size_t n = 0;
    while (n < rest->len &&
           (quoted ? rest->ptr[n] != '>' : ((rest->ptr[n] | 0x20) >= 'a' && (rest->ptr[n] | 0x20) <= 'z')))
        n++;
    *rest = (struct text){ rest->ptr + n, rest->len - n };
    return n > 0 && (!quoted || cut_char(rest, '>'));
}

/* "[+-]hh[:mm[:ss]]" as seconds. */
static bool cut_time(struct text *rest, int64_t *out)
{
    int64_t hours, minutes = 0, seconds = 0;
    bool negative = cut_char(rest, '-');
    if (!negative)
        cut_char(rest, '+');
    if (!cut_number(rest, 0, 167, &hours))
        return false;
    if (cut_char(rest, ':') &&
        (!cut_number(rest, 0, 59, &minutes) || (cut_char(rest, ':') && !cut_number(rest, 0, 59, &seconds))))
        return false;
    *out = (hours * 60 + minutes) * 60 + seconds;
    *out = negative ? -*out : *out;
    return true;
}

/* ",M3.5.0/2" */
static bool cut_change(struct text *rest, struct change *c)
{
    *c = (struct change){ .kind = '0', .time = 2 * 3600 };
    if (!cut_char(rest, ','))
        return false;
    if (cut_char(rest, 'M')) {
        c->kind = 'M';
        if (!cut_number(rest, 1, 12, &c->month) || !cut_char(rest, '.') || !cut_number(rest, 1, 5, &c->week) ||
            !cut_char(rest, '.') || !cut_number(rest, 0, 6, &c->day))
            return false;
    } else {
        c->kind = cut_char(rest, 'J') ? 'J' : '0';
        if (!cut_number(rest, c->kind == 'J' ? 1 : 0, 365, &c->day))
            return false;
    }
    return !cut_char(rest, '/') || cut_time(rest, &c->time);
}

/* Days since 1970 of the change in a year. */
static int64_t day_in(const struct change *c, int64_t year)
{
    int64_t first = period_first_of(year, 1);
    bool leap = period_first_of(year + 1, 1) - first == 366;
    if (c->kind == '0')
        return first + c->day;
    if (c->kind == 'J')
        return first + c->day - 1 + (leap && c->day >= 60);
    int64_t month = period_first_of(year, (unsigned)c->month), next = period_first_of(year, (unsigned)c->month + 1);
    int64_t weekday = (month + 4) % 7; /* 1970 began on a Thursday */
    int64_t day = month + (c->day - weekday + 7) % 7 + (c->week - 1) * 7;
    return day < next ? day : day - 7;
}

static void append(struct zone *zone, int64_t after_s, int64_t at, int64_t east)
{
    if (at <= after_s || (zone->count > 0 && at <= zone->at[zone->count - 1]))
        return;
    zone->at[zone->count] = at;
    zone->east[zone->count++] = (int32_t)east;
}

int zone_rule_apply(struct text rest, int64_t after_s, struct zone *zone)
{
    int64_t west, summer_west;
    struct change to, back;

    if (!cut_name(&rest) || !cut_time(&rest, &west))
        return -1;
    if (rest.len == 0) { /* no summer time any more */
        if (zone->count == 0)
            zone->first = (int32_t)-west;
        return 0;
    }
    summer_west = west - 3600;
    if (!cut_name(&rest) || (rest.len > 0 && rest.ptr[0] != ',' && !cut_time(&rest, &summer_west)) ||
        !cut_change(&rest, &to) || !cut_change(&rest, &back) || rest.len > 0)
        return -1;
    for (int64_t year = 1970; year <= LAST_YEAR; year++) {
        int64_t begins = day_in(&to, year) * DAY_S + to.time + west;
        int64_t ends = day_in(&back, year) * DAY_S + back.time + summer_west;
        bool south = ends < begins;
        append(zone, after_s, south ? ends : begins, south ? -west : -summer_west);
        append(zone, after_s, south ? begins : ends, south ? -summer_west : -west);
    }
    return 0;
}
