/* power_disk.h - a disk that remembers what the journal asked of it, and can be cut off from power afterwards at any moment.
 *
 * What was synced is on it. Of what was not, each sector of 512 bytes is there or not, as a random number decides; a file that was
 * made or removed is there or not until its folder was synced. */
#ifndef TEST_POWER_DISK_H
#define TEST_POWER_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the disk claims and does not do: the controls, in which something must be lost. */
enum power_lie { POWER_HONEST, POWER_NO_SYNC, POWER_SOME_SYNCS, POWER_NO_NAMES };

/* Begins to record; all calls of money/disk.h go through it until the end of the process. One in `faults` writes and syncs fails;
 * 0: none. */
void power_record(uint64_t seed, unsigned faults);
/* From now on one in `faults` fails. */
void power_faults(unsigned faults);
/* How many moments there are now: before each call, and after the last. */
size_t power_moments(void);
/* Was the file that was written to last before moment `from`, or a later one, synced well between the two moments? Then what was written
 * before `from` must be on the disk at `to`. */
bool power_synced_between(size_t from, size_t to);
/* The time of a moment, monotonic. */
int64_t power_time(size_t moment);
/* Writes the files into `folder` as a loss of power at that moment leaves them. */
void power_cut(size_t moment, uint64_t seed, enum power_lie lie, const char *folder);
/* A random number below `most`. */
uint64_t power_random(uint64_t *state, uint64_t most);

#endif
