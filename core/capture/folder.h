/* folder.h - the files of captures: LEDGER/capture/HOUR-DAYS-CHANCE.sealed. HOUR is the hour in which it was begun, since 1970 UTC, and it is
 * gone DAYS days after that hour began. One thread. */
#ifndef CAPTURE_FOLDER_H
#define CAPTURE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FOLDER_PATH 4096
#define FOLDER_HOUR_MS INT64_C(3600000)

struct folder_file {
    int64_t hour;
    unsigned days;
    const char *name; /* lent */
};

bool folder_path(const char *ledger, char out[FOLDER_PATH]);
/* Of a file of captures? Fills `file`. */
bool folder_name(const char *name, struct folder_file *file);
/* A name for a new file. */
void folder_make_name(int64_t hour, unsigned days, char *out, size_t room);
/* Calls `see` for each file, in no order. -1: there is no such folder. */
int folder_each(const char *folder, void (*see)(void *arg, const char *folder, const struct folder_file *file),
                void *arg);
/* Removes the files whose time is over at `now_ms` (unix). The bytes of those that are left; -1: there is no such folder. */
int64_t folder_sweep(const char *folder, int64_t now_ms);

#endif
