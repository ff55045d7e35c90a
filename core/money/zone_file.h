/* zone_file.h - the changes that a TZif file (RFC 9636) names, and those of the rule at its end. Any thread. */
#ifndef MONEY_ZONE_FILE_H
#define MONEY_ZONE_FILE_H

#include "money/zone.h"

/* Fills all but the name. 0; or -1 with *why, static. */
int zone_file_parse(struct text bytes, struct arena *arena, struct zone *zone, const char **why);

/* zone_rule.c: a rule like "CET-1CEST,M3.5.0,M10.5.0/3". Appends its changes after `after_s` and until 2100 to the zone, whose arrays
 * have room for ZONE_RULE_MOST more. 0, or -1: it is no rule. */
#define ZONE_RULE_MOST 300u
int zone_rule_apply(struct text rule, int64_t after_s, struct zone *zone);

#endif
