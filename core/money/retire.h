/* retire.h - removes segments of the journal that nobody needs any more. One thread. */
#ifndef MONEY_RETIRE_H
#define MONEY_RETIRE_H

#include <stdint.h>

/* Removes the segments before number `before` whose last record is older than `keep_ms`, as far as what follows carries over what a
 * start needs of them. How many it removed; what it cannot remove is reported and stays. */
unsigned retire_segments(const char *folder, uint64_t before, int64_t keep_ms);

#endif
