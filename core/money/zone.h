/* zone.h - a named time zone: how far its clocks are from UTC at each moment. Read once from the system's tzdata; the
 * process's own zone (TZ) is neither used nor changed. */
#ifndef MONEY_ZONE_H
#define MONEY_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/fail.h"
#include "base/text.h"

struct zone {
    const char *name; /* arena */
    size_t count;     /* changes, in order */
    int64_t *at;      /* unix seconds */
    int32_t *east;    /* seconds east of UTC from then on */
    int32_t first;    /* before all of them */
};

/* Where tzdata is: $TZDIR, or the usual folder. Static, or of the environment. */
const char *zone_folder(void);
/* Reads FOLDER/NAME ("Europe/Berlin"). Arena. NULL with `fail` (FAIL_OPERATOR): no such zone, or a file that is none. Its rule for
 * the years that the file does not list is followed until 2100. */
const struct zone *zone_read(const char *folder, struct text name, struct arena *arena, struct fail *fail);
/* Seconds east of UTC at that moment. NULL is UTC. Any thread. */
int64_t zone_east(const struct zone *zone, int64_t unix_s);
/* The first moment at which the zone's calendar shows the day with this number (days since 1970-01-01) or a later one. A day that a
 * change of clocks cuts or repeats begins where it is first seen. */
int64_t zone_day_begins(const struct zone *zone, int64_t day);
/* The number of the day that the moment belongs to: the last one that has begun. */
int64_t zone_day_of(const struct zone *zone, int64_t unix_s);

#endif
