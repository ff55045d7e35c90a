/* period.h - when a budget begins anew, by the calendar of UTC or of a named time zone. Any thread. */
#ifndef MONEY_PERIOD_H
#define MONEY_PERIOD_H

#include <stdint.h>

#include "config/config.h"
#include "money/zone.h"

/* "day", "month". Static. */
const char *period_name(enum config_period period);
/* The beginning of the period that `unix_s` is in: 0:00 of that day, of its Monday, of the first of its month; 0 for
 * PERIOD_TOTAL, and for what began before 1970. `unix_s` is not negative; zone NULL is UTC. */
int64_t period_begins(enum config_period period, const struct zone *zone, int64_t unix_s);
/* The beginning of the next one; INT64_MAX for PERIOD_TOTAL. */
int64_t period_ends(enum config_period period, const struct zone *zone, int64_t unix_s);
/* Days since 1970 of the first of a month, from 1; 13 is the next year's first. */
int64_t period_first_of(int64_t year, unsigned month);

#endif
