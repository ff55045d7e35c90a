/* pins.c - two hash tables of digests, and the two files behind them. */
#include "health/pins.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/log.h"

enum { FIRST = 256, NEWER = 0, OLDER = 1 };

/* Also a record of a file. `place` 0: free. */
struct pin {
    uint8_t id[PINS_ID];
    uint64_t place;
    int64_t until_s;
};

struct table {
    struct pin *pins;
    size_t room, count; /* room: a power of two, or 0 */
};

struct pins {
    pthread_mutex_t lock;
    struct table tables[2];
    size_t most;
    char *paths[2]; /* NULL: there are no files */
    int fd;         /* of the newer one; -1: none */
    int64_t size;   /* of it */
};

static struct pin *slot_of(const struct table *t, const uint8_t id[PINS_ID])
{
    uint64_t hash;
    memcpy(&hash, id, sizeof hash);
    for (size_t i = hash & (t->room - 1);; i = (i + 1) & (t->room - 1))
        if (t->pins[i].place == 0 || memcmp(t->pins[i].id, id, PINS_ID) == 0)
            return &t->pins[i];
}

static void grow(struct table *t)
{
    struct table larger = { .room = t->room == 0 ? FIRST : 2 * t->room, .count = t->count };
    larger.pins = calloc(larger.room, sizeof *larger.pins);
    BUG_IF(larger.pins == NULL);
    for (size_t i = 0; i < t->room; i++)
        if (t->pins[i].place != 0)
            *slot_of(&larger, t->pins[i].id) = t->pins[i];
    free(t->pins);
    *t = larger;
}

static void put(struct table *t, const struct pin *pin)
{
    if (4 * (t->count + 1) > 3 * t->room)
        grow(t);
    struct pin *slot = slot_of(t, pin->id);
    t->count += slot->place == 0;
    *slot = *pin;
}

static const struct pin *get(const struct table *t, const uint8_t id[PINS_ID], int64_t now_s)
{
    const struct pin *pin = t->room > 0 ? slot_of(t, id) : NULL;
    return pin != NULL && pin->place != 0 && pin->until_s > now_s ? pin : NULL;
}

static int cannot(const struct pins *p, int which, struct fail *fail)
{
    return fail_set(fail, FAIL_OPERATOR, "%s cannot be used: %s", p->paths[which], strerror(errno));
}

/* What a record lost of its end is cut off, so that the next one begins where it must. */
static int read_file(struct pins *p, int which, int64_t now_s, struct fail *fail)
{
    struct pin pins[128];
    ssize_t got;
    int64_t size = 0;
    int fd = open(p->paths[which], O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return cannot(p, which, fail);
    while ((got = pread(fd, pins, sizeof pins, size)) > 0) {
        size_t count = (size_t)got / sizeof *pins;
        for (size_t i = 0; i < count; i++)
            if (pins[i].place != 0 && pins[i].until_s > now_s && p->tables[which].count < p->most)
                put(&p->tables[which], &pins[i]);
        size += (int64_t)(count * sizeof *pins);
        if (count == 0)
            break;
    }
    if (got < 0 || ftruncate(fd, size) < 0) {
        cannot(p, which, fail);
        close(fd);
        return -1;
    }
    if (which == NEWER) {
        p->fd = fd;
        p->size = size;
    } else {
        close(fd);
    }
    return 0;
}

struct pins *pins_open(const char *folder, size_t most, int64_t now_s, struct fail *fail)
{
    struct pins *p = calloc(1, sizeof *p);
    BUG_IF(p == NULL);
    pthread_mutex_init(&p->lock, NULL);
    p->most = most > 0 ? most : PINS_MOST;
    p->fd = -1;
    for (int i = 0; folder != NULL && i < 2; i++) {
        BUG_IF(asprintf(&p->paths[i], "%s/pins%s", folder, i == OLDER ? ".old" : "") < 0);
        if (read_file(p, i, now_s, fail) == 0)
            continue;
        pins_close(p);
        return NULL;
    }
    return p;
}

void pins_close(struct pins *p)
{
    if (p->fd >= 0)
        close(p->fd);
    for (int i = 0; i < 2; i++) {
        free(p->paths[i]);
        free(p->tables[i].pins);
    }
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* The newer one is full: it is the older one now. */
static void turn(struct pins *p)
{
    free(p->tables[OLDER].pins);
    p->tables[OLDER] = p->tables[NEWER];
    p->tables[NEWER] = (struct table){ 0 };
    if (p->fd < 0)
        return;
    close(p->fd);
    p->fd = rename(p->paths[NEWER], p->paths[OLDER]) < 0
                ? -1
                : open(p->paths[NEWER], O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
    p->size = 0;
    if (p->fd < 0)
        log_line(LOG_ERROR, "%s cannot be written: what it would have is lost at the next start: %s", p->paths[NEWER],
                 strerror(errno));
}

static void append(struct pins *p, const struct pin *pin)
{
    if (p->fd < 0)
        return;
    if (write(p->fd, pin, sizeof *pin) == (ssize_t)sizeof *pin)
        p->size += (int64_t)sizeof *pin;
    else if (ftruncate(p->fd, p->size) < 0) { /* records behind a torn one would not be found */
        close(p->fd);
        p->fd = -1;
    }
}

void pins_note(struct pins *p, const uint8_t id[PINS_ID], uint64_t place, int64_t now_s)
{
    struct pin pin = { .place = place, .until_s = now_s + PINS_LIFE_S };
    memcpy(pin.id, id, PINS_ID);
    pthread_mutex_lock(&p->lock);
    const struct pin *known = get(&p->tables[NEWER], id, now_s);
    if (known == NULL || known->place != place) {
        if (p->tables[NEWER].count >= p->most)
            turn(p);
        put(&p->tables[NEWER], &pin);
        append(p, &pin);
    }
    pthread_mutex_unlock(&p->lock);
}

uint64_t pins_find(struct pins *p, const uint8_t id[PINS_ID], int64_t now_s)
{
    pthread_mutex_lock(&p->lock);
    const struct pin *pin = get(&p->tables[NEWER], id, now_s);
    if (pin == NULL)
        pin = get(&p->tables[OLDER], id, now_s);
    uint64_t place = pin != NULL ? pin->place : 0;
    pthread_mutex_unlock(&p->lock);
    return place;
}
