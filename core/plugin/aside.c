/* aside.c - the helper process: its start, its end, and the thread that starts it again. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/starter.h"
#include "plugin/aside_inside.h"

enum {
    OPEN_MS = 5000,       /* for the plugin to open */
    LIVES_MS = 1000,      /* one that ends sooner is not started again quite at once ... */
    PAUSE_MOST_MS = 1000, /* ... but after 10 ms, 20 ms ... */
    SAY_MS = 10000,       /* between two lines in the log about ends */
    WHY_MOST = 400,
};

#define SOCKET_BYTES (1 << 20)

/* --- the process --- */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Ours in ours[], the helper's in theirs[]. -1 with errno, and nothing is open. */
static int make_pairs(size_t count, int ours[], int theirs[])
{
    for (size_t i = 0; i < count; i++) {
        int pair[2], most = SOCKET_BYTES;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
            int reason = errno;
            while (i-- > 0) {
                close(ours[i]);
                close(theirs[i]);
            }
            errno = reason;
            return -1;
        }
        ours[i] = pair[0];
        theirs[i] = pair[1];
        setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &most, sizeof most);
        setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &most, sizeof most);
    }
    return 0;
}

/* So many bytes within the time, or until the gateway ends. */
static bool read_in_time(struct aside *a, void *out, size_t len, int64_t until_ns)
{
    char *at = out;
    while (len > 0) {
        struct pollfd fds[] = { { .fd = a->control_fd, .events = POLLIN } };
        int64_t left = (until_ns - clock_ns()) / CLOCK_MS;
        if (left <= 0 || atomic_load(&a->stopping))
            return false;
        if (poll(fds, 1, left > 50 ? 50 : (int)left) <= 0)
            continue;
        ssize_t got = recv(a->control_fd, at, len, 0);
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        at += got > 0 ? got : 0;
        len -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* Tells it what to open, and waits for its word. */
static int greet(struct aside *a, struct fail *fail)
{
    const struct aside_hello hello = { a->workers * a->lanes, (uint32_t)strlen(a->settings) };
    int64_t until_ns = clock_ns() + OPEN_MS * CLOCK_MS;
    char why[WHY_MOST + 1];
    uint32_t len = 0;
    bool sent = send(a->control_fd, &hello, sizeof hello, MSG_NOSIGNAL) == (ssize_t)sizeof hello &&
                send(a->control_fd, a->settings, hello.settings_len, MSG_NOSIGNAL) == (ssize_t)hello.settings_len;
    if (!sent || !read_in_time(a, &len, sizeof len, until_ns))
        return fail_set(fail, FAIL_OPERATOR, "the helper process of the plugin \"%s\" does not come up",
                        a->plugin->name);
    if (len > WHY_MOST)
        len = WHY_MOST;
    if (len == 0)
        return 0;
    bool told = read_in_time(a, why, len, until_ns);
    return fail_set(fail, FAIL_OPERATOR, "%.*s", told ? (int)len : 14, told ? why : "no reason told");
}

static void end_process(struct aside *a)
{
    close_fd(&a->control_fd);
    if (a->pid > 0)
        starter_kill(a->pid);
    a->pid = 0;
}

/* The lanes find their new sockets at their next ask. */
static void hand_out(struct aside *a, const int *fds)
{
    pthread_mutex_lock(&a->lock);
    for (unsigned i = 0; i < a->workers * a->lanes; i++) {
        close_fd(&a->fresh[i]);
        a->fresh[i] = fds[i];
    }
    atomic_fetch_add(&a->turn, 1);
    pthread_mutex_unlock(&a->lock);
}

/* 0, or -1 with `fail`. */
static int start_process(struct aside *a, struct fail *fail)
{
    char *const argv[] = { "llm-gateway", "plugin-host", (char *)(uintptr_t)a->plugin->path, NULL };
    char *const envp[] = { NULL };
    int ours[ASIDE_FDS_MOST + 1] = { -1 }, theirs[ASIDE_FDS_MOST + 1] = { -1 };
    size_t count = 1 + a->workers * a->lanes;
    if (make_pairs(count, ours, theirs) < 0)
        return fail_set(fail, FAIL_OPERATOR, "the plugin \"%s\" gets no sockets: %s", a->plugin->name, strerror(errno));
    a->pid = starter_run("/proc/self/exe", argv, envp, theirs, count, fail);
    for (size_t i = 0; i < count; i++)
        close(theirs[i]);
    a->control_fd = ours[0];
    if (a->pid > 0 && greet(a, fail) == 0) {
        for (size_t i = 1; i < count; i++)
            fcntl(ours[i], F_SETFL, O_NONBLOCK);
        hand_out(a, ours + 1);
        return 0;
    }
    end_process(a);
    for (size_t i = 1; i < count; i++)
        close(ours[i]);
    return -1;
}

/* --- the thread that keeps it up --- */

static void wake(struct aside *a)
{
    uint64_t one = 1;
    (void)!write(a->wake_fd, &one, sizeof one); /* an eventfd takes it */
}

void aside_distrust(struct aside *a, unsigned turn)
{
    if (turn != atomic_load(&a->turn)) /* it is of a helper before, and would hide what another lane says of this one */
        return;
    atomic_store(&a->bad_turn, turn);
    wake(a);
}

/* True: the helper has ended, or must be. False: the gateway ends. */
static bool watch(struct aside *a, bool *hangs)
{
    uint64_t count;
    for (;;) {
        struct pollfd fds[] = { { .fd = a->control_fd, .events = POLLIN }, { .fd = a->wake_fd, .events = POLLIN } };
        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[1].revents != 0)
            (void)!read(a->wake_fd, &count, sizeof count);
        if (atomic_load(&a->stopping))
            return false;
        *hangs = atomic_load(&a->bad_turn) == atomic_load(&a->turn);
        if (*hangs || fds[0].revents != 0) /* it says nothing there: that is its end */
            return true;
    }
}

/* False: the gateway ends. */
static bool wait_a_while(struct aside *a, int ms)
{
    struct pollfd fd = { .fd = a->wake_fd, .events = POLLIN };
    int64_t until_ns = clock_ns() + ms * CLOCK_MS;
    while (!atomic_load(&a->stopping) && clock_ns() < until_ns) {
        uint64_t count;
        if (poll(&fd, 1, (int)((until_ns - clock_ns()) / CLOCK_MS) + 1) > 0)
            (void)!read(a->wake_fd, &count, sizeof count);
    }
    return !atomic_load(&a->stopping);
}

static void *keep(void *arg)
{
    struct aside *a = arg;
    int64_t began_ns = clock_ns(), said_ns = 0;
    int pause_ms = 0;
    bool hangs = false;
    while (watch(a, &hangs)) {
        struct fail fail = { .kind = FAIL_NONE };
        end_process(a);
        atomic_fetch_add(&a->restarts, 1);
        if (said_ns == 0 || clock_ns() - said_ns > SAY_MS * CLOCK_MS) {
            said_ns = clock_ns();
            log_line(LOG_WARN, "the helper process of the plugin \"%s\" %s and is started again: %llu times so far",
                     a->plugin->name, hangs ? "did not answer, or not in order," : "has ended",
                     (unsigned long long)atomic_load(&a->restarts));
        }
        pause_ms = clock_ns() - began_ns > LIVES_MS * CLOCK_MS ? 0 : pause_ms == 0 ? 10 : pause_ms * 2;
        pause_ms = pause_ms < PAUSE_MOST_MS ? pause_ms : PAUSE_MOST_MS;
        while (wait_a_while(a, pause_ms) && start_process(a, &fail) < 0) {
            log_line(LOG_ERROR, "%s", fail.text);
            pause_ms = PAUSE_MOST_MS;
        }
        if (atomic_load(&a->stopping))
            break;
        began_ns = clock_ns();
    }
    return NULL;
}

static int start_keeper(struct aside *a)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    errno = pthread_create(&a->keeper, NULL, keep, a);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    a->started = errno == 0;
    return a->started ? 0 : -1;
}

/* --- open and close --- */

int aside_patience_ms(void)
{
#ifdef GW_TEST_BUILD
    const char *said = getenv("GW_CACHE_WAIT_MS");
    if (said != NULL)
        return atoi(said);
#endif
    return ASIDE_ANSWER_MS;
}

struct aside *aside_open(const struct plugin *plugin, const char *settings, unsigned workers, struct fail *fail)
{
    unsigned lanes = workers * ASIDE_LANES_MOST <= ASIDE_FDS_MOST ? ASIDE_LANES_MOST : 1;
    if (workers > ASIDE_FDS_MOST) {
        fail_set(fail, FAIL_OPERATOR, "the plugin \"%s\" serves %d workers at most: set listen { workers = %d }",
                 plugin->name, ASIDE_FDS_MOST, ASIDE_FDS_MOST);
        return NULL;
    }
    BUG_IF(workers == 0);
    struct aside *a = calloc(1, sizeof *a + workers * lanes * sizeof *a->lane);
    BUG_IF(a == NULL || pthread_mutex_init(&a->lock, NULL) != 0);
    a->plugin = plugin;
    a->workers = workers;
    a->lanes = lanes;
    a->patience_ns = aside_patience_ms() * CLOCK_MS;
    a->control_fd = -1;
    a->settings = strdup(settings);
    a->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    BUG_IF(a->settings == NULL || a->wake_fd < 0);
    for (unsigned i = 0; i < ASIDE_FDS_MOST; i++)
        a->fresh[i] = -1;
    for (unsigned i = 0; i < workers * lanes; i++)
        aside_lane_init(&a->lane[i], a);
    if (start_process(a, fail) == 0 && start_keeper(a) < 0)
        fail_set(fail, FAIL_OPERATOR, "the plugin \"%s\" gets no thread: %s", plugin->name, strerror(errno));
    if (a->started)
        return a;
    aside_close(a);
    return NULL;
}

void aside_close(struct aside *a)
{
    atomic_store(&a->stopping, true);
    wake(a);
    if (a->started)
        pthread_join(a->keeper, NULL);
    end_process(a);
    for (unsigned i = 0; i < a->workers * a->lanes; i++) {
        aside_lane_fini(&a->lane[i]);
        close_fd(&a->fresh[i]);
    }
    close(a->wake_fd);
    pthread_mutex_destroy(&a->lock);
    free(a->settings);
    free(a);
}

void aside_read_figures(const struct aside *a, struct aside_figures *out)
{
    *out = (struct aside_figures){ .answered = atomic_load(&a->answered),
                                   .late = atomic_load(&a->late),
                                   .away = atomic_load(&a->away),
                                   .wrong = atomic_load(&a->wrong),
                                   .restarts = atomic_load(&a->restarts) };
}

const char *aside_name(const struct aside *a)
{
    return a->plugin->name;
}
