/* tape.h - a disk that notes each call and lets those fail that a test names: "make2 names write sync!". */
#ifndef TEST_TAPE_H
#define TEST_TAPE_H

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "money/disk.h"

/* The calls since tape_begin(), and which of them fail. The disk is asked by two threads. */
static struct {
    pthread_mutex_t mutex;
    char calls[2048];
    const char *bad; /* the name of a call that fails, `times` */
    int times, error;
    off_t ends[256]; /* of what was written, by descriptor */
} tape = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static int asked(const char *name, const char *more)
{
    pthread_mutex_lock(&tape.mutex);
    bool fails = tape.bad != NULL && strcmp(name, tape.bad) == 0 && tape.times > 0 && tape.times--;
    size_t len = strlen(tape.calls);
    snprintf(tape.calls + len, sizeof tape.calls - len, "%s%s%s%s", len > 0 ? " " : "", name, more, fails ? "!" : "");
    int error = tape.error;
    pthread_mutex_unlock(&tape.mutex);
    errno = error;
    return fails ? -1 : 0;
}

static ssize_t tape_write(int fd, const void *bytes, size_t len, off_t at)
{
    if (asked("write", at == tape.ends[fd] ? "" : "?") < 0) {
        if (tape.error != ENODATA)
            return tape.error != 0 ? -1 : 0;
        len /= 2; /* "short": a part of it, and then an error */
        tape.error = EIO;
        tape.times++;
    } else {
        tape.ends[fd] = at + (off_t)len;
    }
    return disk_of_system.write(fd, bytes, len, at);
}

static int tape_sync(int fd)
{
    return asked("sync", "") < 0 ? -1 : disk_of_system.sync(fd);
}

static int tape_names(int fd)
{
    return asked("names", "") < 0 ? -1 : disk_of_system.sync_names(fd);
}

static int tape_cut(int fd, off_t len)
{
    return asked("cut", len == tape.ends[fd] ? "" : "?") < 0 ? -1 : disk_of_system.cut(fd, len);
}

static int tape_reserve(int fd, off_t at, off_t len)
{
    char more[32];
    snprintf(more, sizeof more, at == tape.ends[fd] ? "%lld" : "%lld?", (long long)len - (1 << 20));
    return asked("reserve", more) < 0 ? -1 : disk_of_system.reserve(fd, at, len);
}

static int tape_make(int fd, const char *name)
{
    char more[2] = { name[7], '\0' };
    if (asked("make", more) < 0)
        return -1;
    int made = disk_of_system.make(fd, name);
    tape.ends[made] = 0;
    return made;
}

static int tape_remove(int fd, const char *name)
{
    char more[2] = { name[7], '\0' };
    return asked("remove", more) < 0 ? -1 : disk_of_system.remove(fd, name);
}

/* From here on. `bad`: calls of that name fail, `times`, with that error; 0: it takes nothing. ENODATA: half of what is to be
 * written is, and then EIO.
 * NULL: none does. */
static inline void tape_begin(const char *bad, int times, int error)
{
    pthread_mutex_lock(&tape.mutex);
    tape.calls[0] = '\0';
    tape.bad = bad;
    tape.times = times;
    tape.error = error;
    pthread_mutex_unlock(&tape.mutex);
}

/* The calls since then. */
static inline const char *tape_calls(void)
{
    static char copy[sizeof tape.calls];
    pthread_mutex_lock(&tape.mutex);
    memcpy(copy, tape.calls, sizeof copy);
    pthread_mutex_unlock(&tape.mutex);
    return copy;
}

/* Put between by `disk = tape_disk;`, taken away by `disk = disk_of_system;`. A call whose place is not behind what was written has a "?". */
static const struct disk tape_disk = {
    tape_write, tape_sync, tape_names, tape_cut, tape_reserve, tape_make, tape_remove
};

#endif
