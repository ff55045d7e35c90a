/* period.h - when a budget begins anew, in UTC. Any thread. */
#ifndef MONEY_PERIOD_H
#define MONEY_PERIOD_H

#include <stdint.h>

#include "config/config.h"

/* "day", "month". Static. */
const char *period_name(enum config_period period);
/* The beginning of the period that `unix_s` is in: 0:00 of that day, of its Monday, of the first of its month; 0 for
 * PERIOD_TOTAL. `unix_s` is not negative. */
int64_t period_begins(enum config_period period, int64_t unix_s);
/* The beginning of the next one; INT64_MAX for PERIOD_TOTAL. */
int64_t period_ends(enum config_period period, int64_t unix_s);

#endif
