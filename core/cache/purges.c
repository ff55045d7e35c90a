/* purges.c - counters by name. */
#include "cache/purges.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/map.h"

#define PURGES_MAGIC 0x70757267u
enum { COUNTERS_MOST = 4096, NAME_MOST = 1024 };

/* Of one name: its kind, then the parts of the name, each with a NUL behind it. */
struct counter {
    unsigned count;
    size_t len;
    char name[];
};

struct purges {
    uint32_t magic;
    pthread_rwlock_t lock;
    atomic_bool any; /* something was purged: nobody needs the lock before */
    unsigned all;
    struct map counters;
};

struct purges *purges_new(void)
{
    struct purges *p = calloc(1, sizeof *p);
    BUG_IF(p == NULL);
    p->magic = PURGES_MAGIC;
    pthread_rwlock_init(&p->lock, NULL);
    map_init(&p->counters);
    return p;
}

static void forget(struct purges *p)
{
    for (size_t i = 0; i < p->counters.count; i++)
        free(p->counters.entries[i].value);
    map_fini(&p->counters);
    map_init(&p->counters);
}

void purges_free(struct purges *p)
{
    CHECK(p, PURGES);
    forget(p);
    map_fini(&p->counters);
    pthread_rwlock_destroy(&p->lock);
    p->magic = 0;
    free(p);
}

/* The name as bytes; absent where it is too long to be one. */
static struct text name_of(char kind, struct text first, struct text second, char out[NAME_MOST])
{
    if (first.len + second.len + 3 > NAME_MOST)
        return TEXT_NONE;
    size_t n = 0;
    out[n++] = kind;
    for (size_t i = 0; i < first.len; i++)
        out[n++] = first.ptr[i];
    out[n++] = '\0';
    for (size_t i = 0; i < second.len; i++)
        out[n++] = second.ptr[i];
    out[n++] = '\0';
    return (struct text){ out, n };
}

/* The lock is held for writing. What cannot be counted by name is purged with all. */
static void count(struct purges *p, struct text name)
{
    struct counter *c = name.len > 0 ? map_get(&p->counters, name) : NULL;
    if (c != NULL) {
        c->count++;
        return;
    }
    if (name.len == 0 || p->counters.count >= COUNTERS_MOST) {
        forget(p);
        p->all++;
        return;
    }
    c = malloc(sizeof *c + name.len);
    BUG_IF(c == NULL);
    c->count = 1;
    c->len = name.len;
    memcpy(c->name, name.ptr, name.len);
    map_put(&p->counters, (struct text){ c->name, c->len }, c);
}

static void add(struct purges *p, char kind, struct text first, struct text second)
{
    char bytes[NAME_MOST];
    CHECK(p, PURGES);
    pthread_rwlock_wrlock(&p->lock);
    count(p, kind == 'a' ? TEXT_NONE : name_of(kind, first, second, bytes));
    atomic_store(&p->any, true);
    pthread_rwlock_unlock(&p->lock);
}

void purges_add(struct purges *p, struct text team, struct text model)
{
    bool has_team = team.ptr != NULL, has_model = model.ptr != NULL;
    add(p, has_team && has_model ? 'b' : has_team ? 't' : has_model ? 'm' : 'a', team, model);
}

void purges_add_entry(struct purges *p, struct text name)
{
    add(p, 'e', name, TEXT(""));
}

static unsigned count_of(const struct purges *p, char kind, struct text first, struct text second)
{
    char bytes[NAME_MOST];
    struct text name = name_of(kind, first, second, bytes);
    const struct counter *c = name.len > 0 ? map_get(&p->counters, name) : NULL;
    return c != NULL ? c->count : 0;
}

void purges_write(struct purges *p, struct text team, struct text model, struct buf *out)
{
    if (!atomic_load(&p->any))
        return;
    pthread_rwlock_rdlock(&p->lock);
    unsigned of_team = count_of(p, 't', team, TEXT_NONE), of_model = count_of(p, 'm', TEXT_NONE, model);
    unsigned of_both = count_of(p, 'b', team, model);
    if ((p->all | of_team | of_model | of_both) != 0) /* whom no purge was about keeps what he has */
        buf_printf(out, "%u %u %u %u", p->all, of_team, of_model, of_both);
    pthread_rwlock_unlock(&p->lock);
}

unsigned purges_of_entry(struct purges *p, struct text name)
{
    if (!atomic_load(&p->any))
        return 0;
    pthread_rwlock_rdlock(&p->lock);
    unsigned n = count_of(p, 'e', name, TEXT(""));
    pthread_rwlock_unlock(&p->lock);
    return n;
}

/* --- the file: a line for each counter, "COUNT NAME", the name in hex; that of all has no name --- */

static void write_lines(struct purges *p, struct buf *out)
{
    char hex[2 * NAME_MOST + 1];
    pthread_rwlock_rdlock(&p->lock);
    buf_printf(out, "%u\n", p->all);
    for (size_t i = 0; i < p->counters.count; i++) {
        const struct counter *c = p->counters.entries[i].value;
        crypto_hex((const uint8_t *)c->name, c->len, hex);
        buf_printf(out, "%u %s\n", c->count, hex);
    }
    pthread_rwlock_unlock(&p->lock);
}

int purges_save(struct purges *p, const char *path, struct fail *fail)
{
    struct buf out, other;
    CHECK(p, PURGES);
    buf_init(&out, 64 << 20);
    buf_init(&other, 8192);
    write_lines(p, &out);
    buf_printf(&other, "%s.new%c", path, 0);
    const char *name = buf_view(&other).ptr;
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct text all = buf_view(&out);
    bool good = fd >= 0 && !out.failed && write(fd, all.ptr, all.len) == (ssize_t)all.len && fsync(fd) == 0 &&
                rename(name, path) == 0;
    int reason = errno;
    if (fd >= 0)
        close(fd);
    buf_free(&out);
    buf_free(&other);
    return good ? 0
                : fail_set(fail, FAIL_OPERATOR,
                           "what was purged is given no more until this gateway ends, and again after its restart: %s "
                           "cannot be written: %s",
                           path, strerror(reason));
}

/* False: it is no line of ours. */
static bool read_line(struct purges *p, struct text line)
{
    uint8_t name[NAME_MOST];
    int64_t n;
    struct text hex = line, digits = text_cut(&hex, ' ');
    size_t len = hex.len / 2;
    if (text_parse_u63(digits, &n) < 0 || n > UINT32_MAX || len > NAME_MOST ||
        (hex.len > 0 && crypto_parse_hex(hex, name, len) < 0))
        return false;
    if (hex.len == 0) {
        p->all = (unsigned)n;
        return true;
    }
    count(p, (struct text){ (const char *)name, len });
    struct counter *c = map_get(&p->counters, (struct text){ (const char *)name, len });
    if (c != NULL)
        c->count = (unsigned)n;
    return true;
}

int purges_load(struct purges *p, const char *path, struct fail *fail)
{
    struct buf bytes;
    CHECK(p, PURGES);
    buf_init(&bytes, 64 << 20);
    int result = file_read(path, &bytes);
    int reason = errno;
    struct text rest = buf_view(&bytes);
    bool good = true;
    while (result == 0 && rest.len > 0)
        good = read_line(p, text_cut(&rest, '\n')) && good;
    atomic_store(&p->any, result == 0);
    buf_free(&bytes);
    if (result < 0 && reason == ENOENT)
        return 0;
    if (result < 0)
        return fail_set(fail, FAIL_OPERATOR, "cache: %s, what was purged, cannot be read: %s", path, strerror(reason));
    return good ? 0
                : fail_set(fail, FAIL_OPERATOR,
                           "cache: %s, what was purged, is damaged: purged answers may come again. Set another "
                           "cache { seal }, or flush the servers, and remove the file",
                           path);
}
