/* power_disk.c - records calls of the disk, and makes of them what a loss of power leaves. */
#include "power_disk.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fail.h"
#include "money/disk.h"

enum { SECTOR = 512, FILES_MOST = 512, SIZE_MOST = 4 << 20 };
enum kind { WRITE, CUT, SYNC_BEGIN, SYNC_END, MAKE, REMOVE, NAMES_BEGIN, NAMES_END };

struct call {
    enum kind kind;
    int file;
    bool good;
    size_t at, len, begin; /* begin: of a SYNC_END, its SYNC_BEGIN */
    char *bytes;
    int64_t time_ns;
};

static struct {
    pthread_mutex_t mutex;
    struct call *calls;
    size_t count, room;
    struct {
        char name[128];
        ino_t inode;
    } files[FILES_MOST];
    int file_count;
    uint64_t random;
    unsigned faults;
} disk_log = { .mutex = PTHREAD_MUTEX_INITIALIZER };

uint64_t power_random(uint64_t *state, uint64_t most)
{
    *state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    uint64_t z = *state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % most;
}

static size_t record(struct call call)
{
    call.time_ns = clock_ns();
    pthread_mutex_lock(&disk_log.mutex);
    if (disk_log.count == disk_log.room) {
        disk_log.room = disk_log.room == 0 ? 1024 : disk_log.room * 2;
        disk_log.calls = realloc(disk_log.calls, disk_log.room * sizeof call);
        BUG_IF(disk_log.calls == NULL);
    }
    size_t place = disk_log.count++;
    disk_log.calls[place] = call;
    pthread_mutex_unlock(&disk_log.mutex);
    return place;
}

static bool is_fault(void)
{
    pthread_mutex_lock(&disk_log.mutex);
    bool fault = disk_log.faults > 0 && power_random(&disk_log.random, disk_log.faults) == 0;
    pthread_mutex_unlock(&disk_log.mutex);
    return fault;
}

/* -1: a folder, or a file of before. */
static int file_of(int fd)
{
    struct stat st;
    BUG_IF(fstat(fd, &st) < 0);
    int found = -1;
    pthread_mutex_lock(&disk_log.mutex);
    for (int i = 0; i < disk_log.file_count; i++)
        if (disk_log.files[i].inode == st.st_ino)
            found = i; /* the last one: an inode of a file that is gone may come again */
    pthread_mutex_unlock(&disk_log.mutex);
    return found;
}

static ssize_t on_write(int fd, const void *bytes, size_t len, off_t at)
{
    if (is_fault()) {
        if (is_fault() || len < 2)
            return errno = ENOSPC, -1;
        len /= 2; /* a short one */
    }
    struct call call = { .kind = WRITE, .file = file_of(fd), .at = (size_t)at, .len = len, .bytes = malloc(len) };
    BUG_IF(call.bytes == NULL);
    memcpy(call.bytes, bytes, len);
    record(call);
    return pwrite(fd, bytes, len, at);
}

static int on_sync(int fd)
{
    int file = file_of(fd);
    size_t begin = record((struct call){ .kind = SYNC_BEGIN, .file = file });
    bool good = !is_fault();
    record((struct call){ .kind = SYNC_END, .file = file, .good = good, .begin = begin });
    return good ? 0 : (errno = EIO, -1);
}

static int on_sync_names(int folder_fd)
{
    (void)folder_fd;
    size_t begin = record((struct call){ .kind = NAMES_BEGIN });
    bool good = !is_fault();
    record((struct call){ .kind = NAMES_END, .good = good, .begin = begin });
    return good ? 0 : (errno = EIO, -1);
}

static int on_cut(int fd, off_t len)
{
    record((struct call){ .kind = CUT, .file = file_of(fd), .len = (size_t)len });
    return ftruncate(fd, len);
}

static int on_make(int folder_fd, const char *name)
{
    struct stat st;
    if (is_fault())
        return errno = ENOSPC, -1;
    int fd = disk_of_system.make(folder_fd, name);
    if (fd < 0)
        return -1;
    BUG_IF(fstat(fd, &st) < 0 || disk_log.file_count == FILES_MOST);
    pthread_mutex_lock(&disk_log.mutex);
    int file = disk_log.file_count++;
    snprintf(disk_log.files[file].name, sizeof disk_log.files[file].name, "%s", name);
    disk_log.files[file].inode = st.st_ino;
    pthread_mutex_unlock(&disk_log.mutex);
    record((struct call){ .kind = MAKE, .file = file });
    return fd;
}

static int on_remove(int folder_fd, const char *name)
{
    for (int i = disk_log.file_count - 1; i >= 0; i--)
        if (strcmp(disk_log.files[i].name, name) == 0) {
            record((struct call){ .kind = REMOVE, .file = i });
            break;
        }
    return unlinkat(folder_fd, name, 0);
}

void power_record(uint64_t seed, unsigned faults)
{
    for (size_t i = 0; i < disk_log.count; i++)
        free(disk_log.calls[i].bytes);
    disk_log.count = 0;
    disk_log.file_count = 0;
    disk_log.random = seed;
    disk_log.faults = faults;
    disk = (struct disk){ on_write, on_sync, on_sync_names, on_cut, disk_of_system.reserve, on_make, on_remove };
}

void power_faults(unsigned faults)
{
    pthread_mutex_lock(&disk_log.mutex);
    disk_log.faults = faults;
    pthread_mutex_unlock(&disk_log.mutex);
}

size_t power_moments(void)
{
    pthread_mutex_lock(&disk_log.mutex);
    size_t count = disk_log.count;
    pthread_mutex_unlock(&disk_log.mutex);
    return count;
}

int64_t power_time(size_t moment)
{
    return disk_log.calls[moment < disk_log.count ? moment : disk_log.count - 1].time_ns;
}

bool power_synced_between(size_t from, size_t to)
{
    int file = 0; /* of the last write before `from` */
    for (size_t i = from; i > 0 && file == 0; i--)
        if (disk_log.calls[i - 1].kind == WRITE)
            file = disk_log.calls[i - 1].file;
    for (size_t i = from; i < to && i < disk_log.count; i++) {
        const struct call *c = &disk_log.calls[i];
        if (c->kind == SYNC_END && c->good && c->begin >= from && c->file >= file)
            return true;
    }
    return false;
}

/* Does the disk really do this sync? */
static bool is_done(const struct call *c, size_t place, uint64_t seed, enum power_lie lie)
{
    uint64_t state = seed + place;
    if (!c->good || (lie == POWER_NO_NAMES && c->kind == NAMES_END) || (lie == POWER_NO_SYNC && c->kind == SYNC_END))
        return false;
    return lie != POWER_SOME_SYNCS || c->kind != SYNC_END || power_random(&state, 4) != 0;
}

/* Up to which call is all of this file on the disk? A sync that failed leaves what was before it in doubt for ever. */
static size_t safe_until(int file, size_t moment, uint64_t seed, enum power_lie lie)
{
    size_t safe = 0;
    for (size_t i = 0; i < moment; i++) {
        const struct call *c = &disk_log.calls[i];
        if (c->kind != SYNC_END || c->file != file)
            continue;
        if (!c->good)
            break;
        if (is_done(c, i, seed, lie))
            safe = c->begin;
    }
    return safe;
}

/* How much of the unsynced calls comes to the disk. */
enum style { NOTHING, ALL, IN_ORDER, ANY_SECTOR, STYLES };

static size_t put_sectors(char *bytes, size_t size, const struct call *c, uint64_t *random)
{
    for (size_t at = c->at; at < c->at + c->len;) {
        size_t end = (at / SECTOR + 1) * SECTOR;
        end = end < c->at + c->len ? end : c->at + c->len;
        if (power_random(random, 2) == 0) {
            memcpy(bytes + at, c->bytes + (at - c->at), end - at);
            size = end > size ? end : size;
        }
        at = end;
    }
    return size;
}

static size_t put_all(char *bytes, size_t size, const struct call *c, size_t len)
{
    memcpy(bytes + c->at, c->bytes, len);
    return c->at + len > size ? c->at + len : size;
}

static size_t cut_to(char *bytes, size_t size, size_t len)
{
    if (len < size)
        memset(bytes + len, 0, size - len);
    return len;
}

static size_t content(char *bytes, int file, size_t moment, uint64_t seed, enum power_lie lie)
{
    size_t size = 0, most = 0, safe = safe_until(file, moment, seed, lie);
    uint64_t random = seed ^ (uint64_t)file << 32;
    enum style style = (enum style)power_random(&random, STYLES);
    bool stopped = style == NOTHING;
    for (size_t i = 0; i < moment; i++) {
        const struct call *c = &disk_log.calls[i];
        if (c->file != file || (c->kind != WRITE && c->kind != CUT))
            continue;
        BUG_IF(c->kind == WRITE && c->at + c->len > SIZE_MOST);
        most = c->kind == WRITE && c->at + c->len > most ? c->at + c->len : most;
        bool whole = i < safe || style == ALL;
        if (!whole && style == IN_ORDER && !stopped && power_random(&random, 4) == 0) {
            stopped = true;
            if (c->kind == WRITE)
                size = put_all(bytes, size, c, power_random(&random, c->len + 1));
            continue;
        }
        if (!whole && stopped)
            continue;
        if (!whole && style == ANY_SECTOR)
            size = c->kind == WRITE                ? put_sectors(bytes, size, c, &random)
                   : power_random(&random, 2) == 0 ? cut_to(bytes, size, c->len)
                                                   : size;
        else
            size = c->kind == WRITE ? put_all(bytes, size, c, c->len) : cut_to(bytes, size, c->len);
    }
    /* The file had grown, and the bytes were never written. */
    if (style == ANY_SECTOR && most > size && power_random(&random, 2) == 0)
        size += power_random(&random, most - size + 1);
    return size;
}

static bool is_there(int file, size_t moment, uint64_t seed, enum power_lie lie)
{
    bool there = false, certain = false;
    uint64_t random = seed + (uint64_t)file * 7919;
    size_t changed = SIZE_MAX;
    for (size_t i = 0; i < moment; i++) {
        const struct call *c = &disk_log.calls[i];
        if ((c->kind == MAKE || c->kind == REMOVE) && c->file == file) {
            there = c->kind == MAKE;
            certain = false;
            changed = i;
        } else if (c->kind == NAMES_END && changed != SIZE_MAX && c->begin > changed && is_done(c, i, seed, lie)) {
            certain = true;
        }
    }
    return certain || changed == SIZE_MAX ? there : power_random(&random, 2) == 0;
}

void power_cut(size_t moment, uint64_t seed, enum power_lie lie, const char *folder)
{
    char *bytes = malloc(SIZE_MOST);
    char path[512];
    BUG_IF(bytes == NULL);
    for (int file = 0; file < disk_log.file_count; file++) {
        if (!is_there(file, moment, seed, lie))
            continue;
        memset(bytes, 0, SIZE_MOST);
        size_t size = content(bytes, file, moment, seed, lie);
        snprintf(path, sizeof path, "%s/%s", folder, disk_log.files[file].name);
        FILE *out = fopen(path, "wb");
        BUG_IF(out == NULL || fwrite(bytes, 1, size, out) != size);
        fclose(out);
    }
    free(bytes);
}
