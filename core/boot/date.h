/* date.h - days and moments as people write them. Any thread. */
#ifndef BOOT_DATE_H
#define BOOT_DATE_H

#include <stdint.h>

#include "base/text.h"
#include "money/zone.h"

/* "2026-12-31": the end of that day, UTC. RFC 3339, "2026-12-31T18:00:00Z" or "...+02:00": that moment. 0 and
 * milliseconds since 1970, or -1 when it is neither, or not between 1970 and 9999. */
int date_parse(struct text t, int64_t *unix_ms);

/* A moment of a report: "7d", "12h", "30m" or "90s" ago, "2026-12-31" (its first moment, in `zone`; NULL: UTC) or
 * "2026-12-31T18:00:00Z". -1: none of these. */
int date_parse_moment(struct text t, const struct zone *zone, int64_t *unix_ms);

#endif
