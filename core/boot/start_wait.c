/* start_wait.c - signals, and how a run ends. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "boot/notify.h"
#include "boot/start_inside.h"
#include "money/ledger_keeper.h"

enum {
    CUT_S = 5,
    CLOCK_APART_MS = 60000, /* wall and boot time: more is reported */
    LOOK_MS = 2000,
    KEEPER_MS = 50, /* between two looks whether the process before has ended */
};

/* Every thread inherits the mask: signals are this one's business alone. */
int start_watch_signals(struct run *run)
{
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGHUP);
    sigaddset(&ours, SIGUSR1);
    sigaddset(&ours, SIGUSR2);
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &ours, NULL);
    run->signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    run->idle_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (run->signal_fd >= 0 && run->idle_fd >= 0)
        return 0;
    log_line(LOG_ERROR, "cannot start: %s", strerror(errno));
    return -1;
}

/* Budgets begin and end by the wall clock: whoever set it should know. */
static void watch_clock(struct run *run)
{
    int64_t set_ms = clock_set_ms(), apart = set_ms - run->clock_set_ms;
    if (apart > -CLOCK_APART_MS && apart < CLOCK_APART_MS)
        return;
    run->clock_set_ms = set_ms;
    log_line(
        LOG_WARN,
        "the machine's clock was set by %lld s: requests are charged to the periods of budgets that they were admitted in by it",
        (long long)(apart / 1000));
}

static struct upgrade_parts parts_of(struct run *run)
{
    return (struct upgrade_parts){
        .gateway = &run->gateway, .threads = run->threads, .count = run->opened, .control = run->control
    };
}

/* The next signal, 0 when none came by `until_ns` (0: no end), when every worker is idle, or when a new process has begun to serve. */
static int next_signal(struct run *run, int64_t until_ns, unsigned *idle)
{
    struct pollfd fds[] = { { .fd = run->signal_fd, .events = POLLIN },
                            { .fd = run->idle_fd, .events = POLLIN },
                            { .fd = run->upgrade.fd, .events = POLLIN } };
    struct upgrade_parts parts = parts_of(run);
    while (*idle < run->opened) {
        int64_t left_ms = until_ns == 0 ? LOOK_MS : (until_ns - clock_ns() + CLOCK_MS - 1) / CLOCK_MS;
        if (left_ms <= 0)
            return 0;
        poll(fds, 3, left_ms > LOOK_MS ? LOOK_MS : (int)left_ms);
        if (upgrade_look(&run->upgrade, &parts)) {
            run->replaced = true;
            return 0;
        }
        fds[2].fd = run->upgrade.fd;
        watch_clock(run);
        struct signalfd_siginfo info;
        if (read(run->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
            return (int)info.ssi_signo;
        uint64_t more;
        if (read(run->idle_fd, &more, sizeof more) == (ssize_t)sizeof more)
            *idle += (unsigned)more;
    }
    return 0;
}

static bool ends(struct run *run, int signal_number)
{
    if (signal_number == SIGHUP) {
        struct buf lines;
        buf_init(&lines, 1 << 20);
        log_line(LOG_INFO, "SIGHUP: the configuration is loaded");
        reload_run(run->reload, &lines);
        buf_free(&lines);
    }
    if (signal_number == SIGUSR1)
        log_line(LOG_WARN, "SIGUSR1: there is no log file to open again; logs go to stdout and stderr");
    if (signal_number == SIGUSR2 && atomic_load(&run->gateway.draining)) {
        log_line(LOG_WARN, "SIGUSR2: this process drains already");
    } else if (signal_number == SIGUSR2) {
        struct upgrade_parts parts = parts_of(run);
        upgrade_begin(&run->upgrade, &parts);
    }
    return signal_number == SIGTERM || signal_number == SIGINT;
}

/* A process that this one has replaced may drain still: its attempts end in this one's ledger. False: time is up, or somebody insists. */
static bool wait_for_the_one_before(struct run *run, int64_t until)
{
    struct pollfd fd = { .fd = run->signal_fd, .events = POLLIN };
    while (run->keeper != NULL && !ledger_keeper_is_over(run->keeper)) {
        struct signalfd_siginfo info;
        poll(&fd, 1, KEEPER_MS);
        if (clock_ns() >= until ||
            (read(run->signal_fd, &info, sizeof info) == (ssize_t)sizeof info && ends(run, (int)info.ssi_signo)))
            return false;
    }
    return true;
}

/* Serves; then drains; then, when somebody insists or time is up, cuts. */
void start_wait(struct run *run)
{
    unsigned idle = 0;
    while (!ends(run, next_signal(run, 0, &idle)) && !run->replaced)
        continue;

    upgrade_call_off(&run->upgrade);
    if (run->replaced)
        start_close_admin(run);
    if (!run->replaced)
        notify_send("STOPPING=1");
    int64_t until = clock_ns() + reload_drain_ns(run->reload);
    atomic_store(&run->gateway.draining, true);
    log_line(LOG_INFO, "draining: %u requests in flight; a %s ends them", atomic_load(&run->gateway.in_flight),
             run->replaced ? "SIGTERM" : "second signal");
    for (unsigned i = 0; i < run->opened; i++)
        worker_thread_drain(&run->threads[i]);
    int signal_number = 0;
    while (idle < run->opened && clock_ns() < until && !ends(run, signal_number))
        signal_number = next_signal(run, until, &idle);
    if (idle == run->opened && wait_for_the_one_before(run, until)) {
        if (run->replaced && run->gateway.ledger != NULL && ledger_is_lost(run->gateway.ledger))
            run->exit_code = EXIT_FAILED; /* nobody serves: a service manager is to start it anew */
        return;
    }

    unsigned in_flight = atomic_load(&run->gateway.in_flight);
    log_line(LOG_WARN, "cutting %u requests in flight", in_flight);
    run->exit_code = in_flight > 0 ? EXIT_FAILED : 0;
    for (unsigned i = 0; i < run->opened; i++)
        worker_thread_cut(&run->threads[i]);
    until = clock_ns() + CUT_S * CLOCK_S;
    while (idle < run->opened && clock_ns() < until)
        next_signal(run, until, &idle);
    if (idle < run->opened) {
        log_line(LOG_ERROR, "requests did not end within %d s of being cut; leaving", CUT_S);
        _exit(EXIT_FAILED);
    }
}
