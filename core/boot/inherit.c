/* inherit.c - what an old process gives. */
#include "boot/inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/upgrade_inside.h"
#include "http/front.h"
#include "money/ledger_keeper.h"

enum { FIRST_FD = 3, PATIENCE_MS = 30000, LISTENERS_MOST = 4096 };

static int no_upgrade(struct fail *fail, const char *why)
{
    return fail_set(fail, FAIL_OPERATOR,
                    "this process was started by an upgrade, and %s: end the old process and start this one", why);
}

/* A variable that somebody left in the environment is none of ours. */
static bool is_started_by_upgrade(void)
{
    const char *value = getenv(UPGRADE_VARIABLE);
    struct stat st;
    bool is = value != NULL && strcmp(value, "3") == 0 && fstat(FIRST_FD, &st) == 0 && S_ISSOCK(st.st_mode);
    unsetenv(UPGRADE_VARIABLE);
    return is;
}

static int take_listeners(struct inherit *in, size_t count, struct fail *fail)
{
    struct upgrade_message message;
    int fds[UPGRADE_FDS_MOST];
    size_t got;
    in->listeners = calloc(count + UPGRADE_FDS_MOST, sizeof *in->listeners);
    BUG_IF(in->listeners == NULL);
    while (in->count < count) {
        if (upgrade_take(in->fd, PATIENCE_MS, &message, fds, &got) <= 0 || message.kind != UPGRADE_LISTENERS ||
            got == 0)
            return no_upgrade(fail, "the old one did not give its listening sockets");
        memcpy(in->listeners + in->count, fds, got * sizeof *fds);
        in->count += got;
    }
    return 0;
}

int inherit_begin(struct inherit *in, struct fail *fail)
{
    struct upgrade_message hello;
    int fds[UPGRADE_FDS_MOST];
    size_t got;
    *in = (struct inherit){ .fd = -1, .ledger_fd = -1, .lock_fd = -1 };
    if (!is_started_by_upgrade())
        return 0;
    in->fd = FIRST_FD;
    fcntl(in->fd, F_SETFD, FD_CLOEXEC);
    if (upgrade_take(in->fd, PATIENCE_MS, &hello, fds, &got) <= 0 || hello.kind != UPGRADE_HELLO)
        return no_upgrade(fail, "does not understand the old one, which is of another version");
    if (got == 2) {
        in->ledger_fd = fds[0];
        in->lock_fd = fds[1];
    }
    if (in->ledger_fd >= 0 && !ledger_keeper_speaks(hello.ledger_version))
        return no_upgrade(fail, "cannot take its ledger over, as the two versions are too far apart");
    in->from = hello.pid;
    return take_listeners(in, hello.count < LISTENERS_MOST ? hello.count : LISTENERS_MOST, fail);
}

unsigned inherit_count(const struct inherit *in, struct text address, uint16_t port)
{
    unsigned count = 0;
    uint16_t bound;
    for (size_t i = 0; i < in->count; i++)
        count += front_listens_at(in->listeners[i], address, port, &bound);
    return count;
}

int inherit_listener(struct inherit *in, struct text address, uint16_t port, uint16_t *bound_port)
{
    for (size_t i = 0; i < in->count; i++)
        if (front_listens_at(in->listeners[i], address, port, bound_port)) {
            int fd = in->listeners[i];
            in->listeners[i] = in->listeners[--in->count];
            return fd;
        }
    return -1;
}

/* Is it the lock of that folder? */
static bool is_lock_of(int lock_fd, const char *folder)
{
    char path[4096];
    struct stat is, wanted;
    snprintf(path, sizeof path, "%s/lock", folder);
    return fstat(lock_fd, &is) == 0 && stat(path, &wanted) == 0 && is.st_dev == wanted.st_dev &&
           is.st_ino == wanted.st_ino;
}

int inherit_take_ledger(const struct inherit *in, const char *folder, struct fail *fail)
{
    bool wanted = folder != NULL && in->lock_fd >= 0 && is_lock_of(in->lock_fd, folder);
    struct upgrade_message message = { .kind = UPGRADE_ASK, .version = UPGRADE_VERSION, .count = wanted };
    int fds[UPGRADE_FDS_MOST];
    size_t got;
    if (upgrade_send(in->fd, &message, NULL, 0) < 0 || upgrade_take(in->fd, PATIENCE_MS, &message, fds, &got) <= 0)
        return no_upgrade(fail, "the old one has ended");
    if (message.kind == UPGRADE_REFUSED)
        return fail_set(fail, FAIL_OPERATOR, "the old process keeps its ledger: %s", message.text);
    if (message.kind != UPGRADE_GIVEN)
        return no_upgrade(fail, "does not understand the old one");
    return wanted;
}

int inherit_ready(struct inherit *in, struct fail *fail)
{
    struct upgrade_message message = { .kind = UPGRADE_READY, .version = UPGRADE_VERSION };
    int fds[UPGRADE_FDS_MOST], result = 0;
    size_t got;
    if (upgrade_send(in->fd, &message, NULL, 0) == 0 && upgrade_take(in->fd, PATIENCE_MS, &message, fds, &got) == 0)
        result = no_upgrade(fail, "the old one did not answer");
    inherit_end(in); /* where the old one has ended nobody else is there to serve */
    return result;
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void inherit_end(struct inherit *in)
{
    close_one(&in->fd);
    close_one(&in->ledger_fd);
    close_one(&in->lock_fd);
    while (in->count > 0)
        close_one(&in->listeners[--in->count]);
    free(in->listeners);
    in->listeners = NULL;
}
