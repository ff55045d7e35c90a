/* access.h - the access log: one JSON line a request, written by a thread of its own.
 *
 * A blocked pipe never blocks a request: past 8 MB of waiting lines, lines are dropped. What is lost, so or because the
 * device is full, is counted, and reported on stderr once when it begins and once when it is over. */
#ifndef FLOW_ACCESS_H
#define FLOW_ACCESS_H

#include <stdint.h>

#include "base/text.h"
#include "loop/loop.h"

struct access_log;

/* `fd` is kept, not closed; -1 writes nothing. `workers` shards. NULL with errno. */
struct access_log *access_new(int fd, unsigned workers);
/* Writes what waits, then frees. A reader that does not read is waited for 3 s at most, a file that does not answer 5 s. */
void access_free(struct access_log *log);
/* The worker's thread: one line without its line feed, copied. It is on its way after at most 20 ms. */
void access_line(struct access_log *log, unsigned worker, struct text line);
uint64_t access_dropped(const struct access_log *log);

#endif
