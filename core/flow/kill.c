/* kill.c - a short list of names, and the file that it is kept in. */
#include "flow/kill.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "config/config.h"

#define KILL_MAGIC 0x6b696c6cu
enum { NAMES_MOST = 1000, NAME_MOST = 512, FILE_MOST = 1 << 20 };

struct name {
    enum kill_kind kind;
    char *text;
};

struct kill {
    unsigned magic;
    pthread_mutex_t mutex;
    atomic_uint generation; /* 0: the list has been empty always */
    char *path;
    struct config *config; /* whose keys are known: a reference; NULL: nobody knows */
    struct name names[NAMES_MOST];
    size_t count;
};

const char *kill_kind_name(enum kill_kind kind)
{
    return kind == KILL_KEY ? "key" : "session";
}

static void add(struct kill *k, enum kill_kind kind, struct text name)
{
    char *copy = calloc(1, name.len + 1);
    BUG_IF(copy == NULL);
    memcpy(copy, name.ptr, name.len);
    k->names[k->count++] = (struct name){ kind, copy };
}

static bool is_name(struct text name)
{
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] < ' ' || name.ptr[i] == 127)
            return false;
    return name.len > 0 && name.len <= NAME_MOST;
}

static int read_lines(struct kill *k, struct text rest, struct fail *fail)
{
    while (rest.len > 0) {
        struct text name = text_cut(&rest, '\n'), kind = text_cut(&name, ' ');
        bool is_key = text_is(kind, "key");
        if ((!is_key && !text_is(kind, "session")) || !is_name(name) || k->count == NAMES_MOST)
            return fail_set(fail, FAIL_OPERATOR,
                            "%s is not understood: it has a line \"key NAME\" or \"session ID\" for each, at most %d",
                            k->path, NAMES_MOST);
        add(k, is_key ? KILL_KEY : KILL_SESSION, name);
    }
    return 0;
}

static int read_all(struct kill *k, struct fail *fail)
{
    struct buf bytes;
    ssize_t got = 1;
    int fd = open(k->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == ENOENT)
        return 0;
    buf_init(&bytes, FILE_MOST);
    while (fd >= 0 && got > 0) {
        size_t room;
        char *into = buf_room(&bytes, 4096, &room);
        got = into == NULL ? -1 : read(fd, into, room);
        buf_added(&bytes, got > 0 ? (size_t)got : 0);
    }
    int result = fd < 0 || got < 0 ? fail_set(fail, FAIL_OPERATOR, "%s cannot be read: %s", k->path, strerror(errno))
                                   : read_lines(k, buf_view(&bytes), fail);
    if (fd >= 0)
        close(fd);
    buf_free(&bytes);
    return result;
}

struct kill *kill_open(const char *folder, struct fail *fail)
{
    struct kill *k = calloc(1, sizeof *k);
    BUG_IF(k == NULL || asprintf(&k->path, "%s/" KILL_FILE, folder) < 0 || pthread_mutex_init(&k->mutex, NULL) != 0);
    k->magic = KILL_MAGIC;
    if (read_all(k, fail) == 0) {
        atomic_store(&k->generation, k->count > 0);
        return k;
    }
    kill_close(k);
    return NULL;
}

void kill_close(struct kill *k)
{
    CHECK(k, KILL);
    for (size_t i = 0; i < k->count; i++)
        free(k->names[i].text);
    pthread_mutex_destroy(&k->mutex);
    if (k->config != NULL)
        config_unref(k->config);
    free(k->path);
    k->magic = 0;
    free(k);
}

int kill_reload(struct kill *k, struct fail *fail)
{
    struct kill next = { .path = k->path };
    CHECK(k, KILL);
    int result = read_all(&next, fail);
    pthread_mutex_lock(&k->mutex);
    for (size_t i = 0; i < NAMES_MOST && result == 0; i++) {
        struct name before = k->names[i];
        k->names[i] = next.names[i];
        next.names[i] = before;
    }
    size_t count = k->count;
    if (result == 0) {
        k->count = next.count;
        next.count = count;
        atomic_fetch_add(&k->generation, 1);
    }
    pthread_mutex_unlock(&k->mutex);
    for (size_t i = 0; i < next.count; i++)
        free(next.names[i].text);
    return result;
}

void kill_know_keys(struct kill *k, struct config *config)
{
    CHECK(k, KILL);
    pthread_mutex_lock(&k->mutex);
    struct config *before = k->config;
    k->config = config_ref(config);
    pthread_mutex_unlock(&k->mutex);
    if (before != NULL)
        config_unref(before);
}

static bool is_key(const struct kill *k, struct text name)
{
    for (size_t i = 0; k->config != NULL && i < k->config->key_count; i++)
        if (text_eq(k->config->keys[i].name, name))
            return true;
    return false;
}

static int no_key(const struct kill *k, struct text name, struct fail *fail)
{
    const char **names = calloc(k->config->key_count + 1, sizeof *names);
    BUG_IF(names == NULL);
    for (size_t i = 0; i < k->config->key_count; i++)
        names[i] = k->config->keys[i].name.ptr;
    const char *nearest = text_nearest(name, names);
    if (nearest != NULL)
        fail_set(fail, FAIL_CLIENT, "there is no key \"%.*s\" (did you mean \"%s\"?)", TEXT_ARG(name), nearest);
    else
        fail_set(fail, FAIL_CLIENT, "there is no key \"%.*s\"", TEXT_ARG(name));
    free(names);
    return -1;
}

/* Is there anything that the name stands for? `listed`: it is switched off. */
static int check_known(const struct kill *k, enum kill_kind kind, struct text name, bool listed, bool off,
                       struct fail *fail)
{
    if (listed || (kind == KILL_KEY && is_key(k, name)) || (off && (kind == KILL_SESSION || k->config == NULL)))
        return 0;
    return kind == KILL_KEY && k->config != NULL
               ? no_key(k, name, fail)
               : fail_set(fail, FAIL_CLIENT,
                          "the %s \"%.*s\" is not switched off: llm-gateway kill --list shows what is",
                          kill_kind_name(kind), TEXT_ARG(name));
}

/* The whole list to a new file, which then takes the old one's place. */
static int write_file(const char *new_path, struct text bytes)
{
    int fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    while (bytes.len > 0) {
        ssize_t wrote = write(fd, bytes.ptr, bytes.len);
        if (wrote < 0 && errno != EINTR)
            break;
        bytes = (struct text){ bytes.ptr + (wrote > 0 ? wrote : 0), bytes.len - (size_t)(wrote > 0 ? wrote : 0) };
    }
    int result = bytes.len == 0 ? fsync(fd) : -1;
    int reason = errno;
    close(fd);
    errno = reason;
    return result;
}

static int save(struct kill *k, struct fail *fail)
{
    struct buf bytes;
    char *new_path;
    buf_init(&bytes, FILE_MOST);
    for (size_t i = 0; i < k->count; i++)
        buf_printf(&bytes, "%s %s\n", kill_kind_name(k->names[i].kind), k->names[i].text);
    BUG_IF(asprintf(&new_path, "%s.new", k->path) < 0);
    int result = write_file(new_path, buf_view(&bytes)) == 0 && rename(new_path, k->path) == 0
                     ? 0
                     : fail_set(fail, FAIL_OPERATOR, "%s cannot be written: %s", k->path, strerror(errno));
    free(new_path);
    buf_free(&bytes);
    return result;
}

static size_t find(const struct kill *k, enum kill_kind kind, struct text name)
{
    size_t i = 0;
    while (i < k->count && (k->names[i].kind != kind || !text_is(name, k->names[i].text)))
        i++;
    return i;
}

static void take_out(struct kill *k, size_t i)
{
    memmove(&k->names[i], &k->names[i + 1], (k->count - i - 1) * sizeof k->names[0]);
    k->count--;
}

int kill_set(struct kill *k, enum kill_kind kind, struct text name, bool off, bool *changed, struct fail *fail)
{
    CHECK(k, KILL);
    if (!is_name(name))
        return fail_set(fail, FAIL_CLIENT, "that is no name of a %s", kill_kind_name(kind));
    pthread_mutex_lock(&k->mutex);
    size_t at = find(k, kind, name);
    int result = check_known(k, kind, name, at < k->count, off, fail);
    *changed = result == 0 && (at == k->count) == off;
    if (*changed && off && k->count == NAMES_MOST) {
        result = fail_set(
            fail, FAIL_CLIENT,
            "%d keys and sessions are switched off, and more are not kept: switch some on again, or remove keys from gateway.lua",
            NAMES_MOST);
    } else if (*changed && off) {
        add(k, kind, name);
        result = save(k, fail);
        if (result < 0)
            free(k->names[--k->count].text);
    } else if (*changed) {
        struct name old = k->names[at];
        take_out(k, at);
        result = save(k, fail);
        if (result < 0)
            k->names[k->count++] = old;
        else
            free(old.text);
    }
    if (*changed && result == 0)
        atomic_fetch_add(&k->generation, 1);
    pthread_mutex_unlock(&k->mutex);
    return result;
}

unsigned kill_generation(const struct kill *k)
{
    return atomic_load_explicit(&k->generation, memory_order_relaxed);
}

bool kill_is_off(struct kill *k, struct text key, struct text session, enum kill_kind *kind)
{
    CHECK(k, KILL);
    if (kill_generation(k) == 0)
        return false;
    pthread_mutex_lock(&k->mutex);
    bool is_key = key.len > 0 && find(k, KILL_KEY, key) < k->count;
    bool is_session = session.len > 0 && find(k, KILL_SESSION, session) < k->count;
    pthread_mutex_unlock(&k->mutex);
    *kind = is_key ? KILL_KEY : KILL_SESSION;
    return is_key || is_session;
}

void kill_each(struct kill *k, void (*visit)(void *owner, enum kill_kind kind, struct text name), void *owner)
{
    CHECK(k, KILL);
    pthread_mutex_lock(&k->mutex);
    for (size_t i = 0; i < k->count; i++)
        visit(owner, k->names[i].kind, text_of(k->names[i].text));
    pthread_mutex_unlock(&k->mutex);
}
