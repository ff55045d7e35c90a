/* zone.c - the moments at which a zone's clocks change, and the days between. */
#include "money/zone.h"

#include "money/zone_file.h"

enum { DAY_S = 86400, FAR_S = 36 * 3600 /* no clock is so far from UTC */ };

/* How many changes are not after `unix_s`. */
static size_t changes_until(const struct zone *zone, int64_t unix_s)
{
    size_t low = 0, high = zone->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->at[middle] <= unix_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t zone_east(const struct zone *zone, int64_t unix_s)
{
    size_t n = zone == NULL ? 0 : changes_until(zone, unix_s);
    return zone == NULL ? 0 : n == 0 ? zone->first : zone->east[n - 1];
}

int64_t zone_day_begins(const struct zone *zone, int64_t day)
{
    int64_t midnight = day * DAY_S, at = midnight - FAR_S;
    if (zone == NULL)
        return midnight;
    /* Between two changes the zone's clock runs evenly: does it reach midnight before the next one? */
    for (size_t next = changes_until(zone, at);; next++) {
        int64_t east = next == 0 ? zone->first : zone->east[next - 1];
        int64_t reached = midnight - east > at ? midnight - east : at;
        if (next == zone->count || reached < zone->at[next])
            return reached;
        at = zone->at[next];
    }
}

static int64_t floor_day(int64_t seconds)
{
    return seconds / DAY_S - (seconds % DAY_S < 0);
}

int64_t zone_day_of(const struct zone *zone, int64_t unix_s)
{
    int64_t day = floor_day(unix_s + zone_east(zone, unix_s));
    if (zone == NULL)
        return day;
    while (zone_day_begins(zone, day + 1) <= unix_s) /* clocks that were set back show a day that was over */
        day++;
    return day;
}
