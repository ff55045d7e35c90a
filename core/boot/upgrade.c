/* upgrade.c - the old process's side. */
#include "boot/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/starter.h"
#include "boot/control.h"
#include "boot/notify.h"
#include "boot/upgrade_inside.h"
#include "money/delivery.h"
#include "money/ledger_keeper.h"

enum {
    START_S = 60, /* until it asks for the ledger: it reads its configuration, opens plugins and policies */
    READY_S = 30, /* until it serves: it reads the last segment of the journal. Requests wait meanwhile */
    ENDING_S = 5, /* until a process that is killed has ended */
    TEXTS_MOST = 4096,
    BYTES_MOST = 256 << 10,
    FIRST_FD = 3, /* in the new process: the socket */
};

/* Texts that end with NUL, one behind the other, as execve() takes them. */
struct texts {
    char *at[TEXTS_MOST + 1];
    size_t count;
};

static void add(struct texts *t, char *text)
{
    if (t->count < TEXTS_MOST)
        t->at[t->count++] = text;
    t->at[t->count] = NULL;
}

/* What this process was started with. */
static int read_arguments(struct buf *bytes, struct texts *arguments, struct fail *fail)
{
    if (file_read("/proc/self/cmdline", bytes) < 0 || buf_append(bytes, "", 1) < 0 || bytes->len < 2)
        return fail_set(fail, FAIL_OPERATOR, "the arguments of this process cannot be read from /proc: %s",
                        strerror(errno));
    struct text all = buf_view(bytes);
    for (const char *p = all.ptr, *end = p + all.len - 1; p < end; p += strlen(p) + 1)
        add(arguments, (char *)(uintptr_t)p);
    return 0;
}

/* The file that a shell would start for the same words: what stands there now, not what this process was made of. */
static int find_program(const char *name, char *path, size_t size, struct fail *fail)
{
    const char *folders = getenv("PATH");
    struct text rest = text_of(folders != NULL ? folders : "");
    if (strchr(name, '/') != NULL) {
        snprintf(path, size, "%s", name);
        return 0;
    }
    while (rest.len > 0) {
        struct text folder = text_cut(&rest, ':');
        snprintf(path, size, "%.*s/%s", TEXT_ARG(folder), name);
        if (folder.len > 0 && access(path, X_OK) == 0)
            return 0;
    }
    return fail_set(fail, FAIL_OPERATOR, "the program \"%s\" is in no folder of PATH: start the gateway by its path",
                    name);
}

static pid_t start(int fd, struct fail *fail)
{
    static struct texts arguments, variables;
    char path[4096];
    struct buf bytes;
    pid_t pid = -1;
    buf_init(&bytes, BYTES_MOST);
    arguments.count = variables.count = 0;
    add(&variables, (char[]){ UPGRADE_VARIABLE "=3" });
    for (char **v = environ; *v != NULL; v++)
        add(&variables, *v);
    if (read_arguments(&bytes, &arguments, fail) == 0 && find_program(arguments.at[0], path, sizeof path, fail) == 0)
        pid = starter_run(path, arguments.at, variables.at, &fd, 1, fail);
    buf_free(&bytes);
    return pid;
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void forget(struct upgrade *u)
{
    close_one(&u->fd);
    close_one(&u->ledger_fd);
    u->pid = 0;
}

/* The sockets, and those of the ledger. They are in the socket's queue before the new process reads them. */
static int send_all(struct upgrade *u, const struct upgrade_parts *parts, int ledger_fd)
{
    struct upgrade_message hello = { .kind = UPGRADE_HELLO,
                                     .version = UPGRADE_VERSION,
                                     .ledger_version = ledger_keeper_version(),
                                     .count = parts->count,
                                     .pid = getpid() };
    struct upgrade_message some = { .kind = UPGRADE_LISTENERS, .version = UPGRADE_VERSION };
    int fds[UPGRADE_FDS_MOST];
    if (ledger_fd >= 0) {
        fds[0] = ledger_fd;
        fds[1] = ledger_lock_fd(parts->gateway->ledger);
    }
    if (upgrade_send(u->fd, &hello, fds, ledger_fd >= 0 ? 2 : 0) < 0)
        return -1;
    for (unsigned i = 0; i < parts->count; i += some.count) {
        some.count = parts->count - i < UPGRADE_FDS_MOST ? parts->count - i : UPGRADE_FDS_MOST;
        for (unsigned k = 0; k < some.count; k++)
            fds[k] = front_listener(parts->threads[i + k].front);
        if (upgrade_send(u->fd, &some, fds, some.count) < 0)
            return -1;
    }
    return 0;
}

static int begin(struct upgrade *u, const struct upgrade_parts *parts, struct fail *fail)
{
    int pair[2] = { -1, -1 }, ledger[2] = { -1, -1 };
    int result = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
    if (result == 0 && parts->gateway->ledger != NULL)
        result = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ledger);
    u->fd = pair[0];
    u->ledger_fd = ledger[0];
    if (result == 0)
        result = send_all(u, parts, ledger[1]);
    if (result < 0) {
        fail_set(fail, FAIL_OPERATOR, "sockets for the new process cannot be made: %s", strerror(errno));
    } else {
        u->pid = start(pair[1], fail);
        u->until_ns = clock_ns() + START_S * CLOCK_S;
        result = u->pid > 0 ? 0 : -1;
    }
    close_one(&pair[1]);
    close_one(&ledger[1]);
    return result;
}

void upgrade_begin(struct upgrade *u, const struct upgrade_parts *parts)
{
    struct fail fail;
    if (u->fd >= 0) {
        log_line(LOG_WARN, "SIGUSR2: process %d is being started already", (int)u->pid);
    } else if (begin(u, parts, &fail) < 0) {
        log_line(LOG_ERROR, "SIGUSR2: %s. This process goes on", fail.text);
        forget(u);
    } else {
        log_line(LOG_INFO, "SIGUSR2: process %d is started; this one drains when that one serves", (int)u->pid);
    }
}

/* It must have ended before anything that it was given is used again: its socket closes with it. `given`: it may have the ledger. */
static void kill_it(const struct upgrade *u, bool given)
{
    struct upgrade_message message;
    int fds[UPGRADE_FDS_MOST], got;
    size_t count;
    int64_t until = clock_ns() + ENDING_S * CLOCK_S;
    bool killed = starter_kill(u->pid) == 0;
    while ((got = upgrade_take(u->fd, 100, &message, fds, &count)) >= 0 && clock_ns() < until) {
        while (count > 0)
            close(fds[--count]);
        if (!killed) /* the starter is gone. Its socket is open, so the number is still that process's */
            killed = kill(u->pid, SIGKILL) == 0;
    }
    if (got < 0)
        return;
    log_line(LOG_ERROR, "process %d does not end%s", (int)u->pid,
             given && !killed ? ", and two may not write one ledger: this process ends" : "");
    if (given && !killed)
        _exit(1);
}

static void fails(struct upgrade *u, const char *why)
{
    log_line(LOG_ERROR, "the upgrade to process %d has failed: %s. This process goes on with all it had", (int)u->pid,
             why);
    forget(u);
}

static bool is_ready(const struct upgrade *u)
{
    struct upgrade_message message, go = { .kind = UPGRADE_GO, .version = UPGRADE_VERSION };
    int fds[UPGRADE_FDS_MOST];
    size_t count;
    return upgrade_take(u->fd, INT64_C(1000) * READY_S, &message, fds, &count) > 0 && message.kind == UPGRADE_READY &&
           upgrade_send(u->fd, &go, NULL, 0) == 0;
}

static const char not_ready[] = "it ended, or did not serve in time; what it wrote above says why";

static bool give(struct upgrade *u, const struct upgrade_parts *parts, bool wants_ledger)
{
    struct upgrade_message answer = { .kind = UPGRADE_GIVEN, .version = UPGRADE_VERSION };
    struct gateway *gateway = parts->gateway;
    struct fail fail;
    if (wants_ledger && gateway->delivery != NULL)
        delivery_pause(gateway->delivery);
    if (wants_ledger && ledger_hand_over_begin(gateway->ledger, &fail) < 0) {
        answer.kind = UPGRADE_REFUSED;
        snprintf(answer.text, sizeof answer.text, "%s", fail.text);
        upgrade_send(u->fd, &answer, NULL, 0);
        kill_it(u, false);
    } else {
        bool ready = upgrade_send(u->fd, &answer, NULL, 0) == 0 && is_ready(u);
        if (!ready)
            kill_it(u, true);
        if (wants_ledger)
            ledger_hand_over_end(gateway->ledger, ready ? u->ledger_fd : -1);
        if (ready && wants_ledger)
            u->ledger_fd = -1; /* the ledger's */
        if (ready)
            return true;
        snprintf(answer.text, sizeof answer.text, "%s", not_ready);
    }
    if (wants_ledger && gateway->delivery != NULL)
        delivery_resume(gateway->delivery);
    fails(u, answer.text);
    return false;
}

/* The new process has all that goes on: commands reach it, and a service manager looks after it. */
static void leave(struct upgrade *u, const struct upgrade_parts *parts, bool with_ledger)
{
    char line[64];
    if (with_ledger && parts->control != NULL)
        control_hand_over(parts->control);
    snprintf(line, sizeof line, "MAINPID=%d", (int)u->pid);
    notify_send(line);
    log_line(LOG_INFO, "process %d serves now; this one ends when its requests are over", (int)u->pid);
    forget(u);
}

bool upgrade_look(struct upgrade *u, const struct upgrade_parts *parts)
{
    struct upgrade_message message;
    int fds[UPGRADE_FDS_MOST];
    size_t count;
    if (u->fd < 0)
        return false;
    int got = upgrade_take(u->fd, 0, &message, fds, &count);
    if (got > 0 && message.kind == UPGRADE_ASK) {
        bool wants_ledger = message.count > 0 && parts->gateway->ledger != NULL;
        if (!give(u, parts, wants_ledger))
            return false;
        leave(u, parts, wants_ledger);
        return true;
    }
    if (got < 0)
        fails(u, not_ready);
    else if (got > 0 || clock_ns() > u->until_ns) {
        kill_it(u, false);
        fails(u, "it did not come up in time");
    }
    return false;
}

void upgrade_call_off(struct upgrade *u)
{
    if (u->fd < 0)
        return;
    kill_it(u, false);
    fails(u, "this process was told to end");
}
