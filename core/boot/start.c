/* start.c - the running gateway: one thread for each worker, and this one, which waits for signals. */
#include "boot/start.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/large.h"
#include "base/log.h"
#include "boot/banner.h"
#include "boot/commands.h"
#include "boot/endpoint.h"
#include "boot/limits.h"
#include "boot/memory.h"
#include "boot/reload.h"
#include "boot/rules.h"
#include "boot/worker_thread.h"
#include "cache/answers.h"
#include "capture/capture.h"
#include "flow/access.h"
#include "flow/job.h"
#include "flow/kill.h"
#include "flow/metrics.h"
#include "flow/throttle.h"
#include "health/health.h"
#include "health/pins.h"
#include "money/book.h"
#include "money/delivery.h"
#include "money/estimates.h"
#include "money/ledger.h"
#include "plugin/plugin.h"
#include "plugin/watch.h"
#include "script/script.h"
#include "upstream/dial.h"

enum {
    EXIT_FAILED = 1,
    EXIT_CONFIG = 78,
    DIAL_THREADS_MOST = 4,
    CUT_S = 5,
    DELIVER_S = 10,   /* what the store lacks at the end; the next start goes on there */
    BODIES_SHARE = 8, /* of the memory, for the bodies of all requests: translating one takes several times its size */
    CLOCK_APART_MS = 60000, /* wall and boot time: more is reported */
    LOOK_MS = 2000,
    PLUGIN_MS = 4000, /* a call into a plugin takes microseconds: what runs for so long does not end */
};

#define DAY_MS INT64_C(86400000)

/* One run of the gateway. */
struct run {
    struct gateway gateway;
    struct config *config;
    const struct start_options *options;
    struct worker_thread *threads; /* one for each worker */
    struct reload *reload;
    struct config_store store; /* that of `config`: it is filled until the end, whatever is loaded meanwhile */
    unsigned opened;           /* threads that are set up */
    uint16_t port;             /* the one that is bound */
    struct control_verb commands[COMMANDS_MOST];
    void *admin;             /* of options->admin; NULL: it is not open */
    struct control *control; /* NULL: there is no ledger, or no socket could be made */
    int signal_fd, idle_fd;
    int64_t clock_set_ms; /* what was reported of it */
    int exit_code;
};

static int open_gateway(struct run *run);
static void close_gateway(struct run *run);
static int open_seats(struct run *run);
static void say_ready(const struct run *run, bool quiet);
static int open_admin(struct run *run);
static void wait_for_the_end(struct run *run);
static int watch_signals(struct run *run);

/* A provider that is the gateway itself: each request would come back until all connections are used up. */
static int check_providers(const struct config *config, struct fail *fail)
{
    for (size_t i = 0; i < config->provider_count; i++) {
        const struct config_provider *p = &config->providers[i];
        if (p->off == NULL && endpoint_leads_here(p->base_url, config->listen.address, config->listen.port))
            return fail_set(fail, FAIL_OPERATOR,
                            "%s:%d: provider \"%.*s\": base_url %.*s is the gateway itself, which listens there. "
                            "Give the provider the address of its server, or let the gateway listen on another port",
                            p->file, p->line, TEXT_ARG(p->name), TEXT_ARG(p->base_url));
    }
    return 0;
}

int start_check_address(const struct config *config, bool insecure, struct fail *fail)
{
    if (check_providers(config, fail) < 0)
        return -1;
    if (insecure || config->key_count > 0 || endpoint_is_loopback(config->listen.address))
        return 0;
    return fail_set(fail, FAIL_OPERATOR,
                    "%.*s can be reached by others and no key is declared: everybody could use your providers. "
                    "Declare a key { sha256 = ... }, listen on 127.0.0.1, or say --insecure",
                    TEXT_ARG(config->listen.address));
}

int start_load_book(struct config *config, const struct start_options *options, struct fail *fail)
{
    config->free_book = book_free;
    if (options->book_may_lack && access(options->book, F_OK) != 0) {
        log_line(LOG_WARN, "there is no price book at %s: what requests cost is unknown", options->book);
        return 0;
    }
    config->book = book_load(options->book, fail);
    return config->book != NULL ? 0 : -1;
}

int start_serve(struct config *config, const struct start_options *options)
{
    struct run run = { .config = config, .options = options, .signal_fd = -1, .idle_fd = -1 };
    struct fail fail;

    if (start_check_address(config, options->insecure, &fail) < 0) {
        log_line(LOG_ERROR, "%s", fail.text);
        return EXIT_CONFIG;
    }
    run.store = config->store;
    config->store.instance = NULL;
    large_start();
    limits_raise_files();
    limits_no_core();
    signal(SIGXFSZ, SIG_IGN); /* a log at its limit of size is an error of write(), not the end */
    dial_start();
    if (watch_signals(&run) < 0 || watch_start(PLUGIN_MS) < 0 || open_gateway(&run) < 0 || open_seats(&run) < 0) {
        run.exit_code = run.exit_code == 0 ? EXIT_FAILED : run.exit_code;
    } else {
        say_ready(&run, options->quiet);
        wait_for_the_end(&run);
    }
    close_gateway(&run);
    return run.exit_code;
}

/* Every thread inherits the mask: signals are this one's business alone. */
static int watch_signals(struct run *run)
{
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGHUP);
    sigaddset(&ours, SIGUSR1);
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &ours, NULL);
    run->signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    run->idle_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (run->signal_fd >= 0 && run->idle_fd >= 0)
        return 0;
    log_line(LOG_ERROR, "cannot start: %s", strerror(errno));
    return -1;
}

/* Beside the ledger, whose folder is this process's alone; in memory where there is none. */
static int open_pins(struct run *run, const char *folder, struct fail *fail)
{
    run->gateway.pins = pins_open(folder, 0, clock_unix_ms() / 1000, fail);
    return run->gateway.pins != NULL ? 0 : -1;
}

/* Nothing is served whose cost could not be written down. */
static int open_ledger(struct run *run)
{
    const struct config_ledger *config = &run->config->ledger;
    struct ledger_settings settings = { .folder = config->path,
                                        .sync_ns = config->sync_ns,
                                        .doubt_ttl_ns = config->doubt_ttl_ns,
                                        .accept_gap = run->options->accept_gap };
    struct ledger_start start;
    struct fail fail;

    if (config->path == NULL)
        return open_pins(run, NULL, &fail);
    settings.book = run->config->book != NULL ? run->config->book->digest : NULL;
    struct accounts_rule *rules = rules_of(run->config, &settings.rule_count);
    settings.rules = rules;
    run->gateway.ledger = ledger_open(&settings, &start, &fail);
    if (run->gateway.ledger != NULL && (run->gateway.kill = kill_open(config->path, &fail)) == NULL) {
        ledger_close(run->gateway.ledger);
        run->gateway.ledger = NULL;
    }
    if (run->gateway.kill != NULL)
        kill_know_keys(run->gateway.kill, run->config);
    free(rules);
    if (run->gateway.ledger == NULL || open_pins(run, config->path, &fail) < 0 ||
        (run->gateway.capture = capture_open(config->path, &fail)) == NULL) {
        log_line(LOG_ERROR, "%s", fail.text);
        run->exit_code = EXIT_CONFIG;
        return -1;
    }
    if (start.problems > 0)
        log_line(LOG_WARN, "the ledger in %s is damaged in %llu places and is used all the same: %s", config->path,
                 (unsigned long long)start.problems, start.first_problem);
    if (start.doubtful > 0)
        log_line(LOG_WARN,
                 "ledger: %llu attempts were not over when the last process ended: what they may cost is in doubt",
                 (unsigned long long)start.doubtful);
    return 0;
}

/* For the commands that change what a running gateway keeps. It serves all the same where they cannot reach it. */
static void open_control(struct run *run)
{
    struct fail fail;
    if (run->gateway.ledger == NULL)
        return;
    run->control = control_open(run->config->ledger.path, run->commands,
                                commands_of(&run->gateway, run->reload, run->commands), &fail);
    if (run->control == NULL)
        log_line(LOG_WARN, "%s", fail.text);
}

static int open_delivery(struct run *run)
{
    const struct config *config = run->config;
    struct delivery_settings settings = { .folder = config->ledger.path,
                                          .plugin = run->store.plugin,
                                          .instance = run->store.instance,
                                          .accept_gap = run->options->accept_gap,
                                          .rows_ms = (int64_t)run->store.rows_days * DAY_MS,
                                          .keep_ms = (int64_t)config->ledger.keep_days * DAY_MS };
    struct ledger_sums sums;
    struct fail fail;

    if (run->gateway.ledger == NULL || settings.plugin == NULL)
        return 0;
    ledger_read_sums(run->gateway.ledger, &sums);
    settings.next = sums.next;
    run->gateway.delivery = delivery_start(&settings, &fail);
    if (run->gateway.delivery != NULL)
        return 0;
    log_line(LOG_ERROR, "%s", fail.text);
    run->exit_code = EXIT_CONFIG;
    return -1;
}

static int open_throttle(struct run *run)
{
    struct fail fail;
    if (reload_throttle(&run->gateway, run->config, &fail) == 0 &&
        reload_answers(&run->gateway, run->config, &fail) == 0)
        return 0;
    log_line(LOG_ERROR, "%s", fail.text);
    run->exit_code = EXIT_CONFIG;
    return -1;
}

/* In builds for tests it can be left out, so that failures one after another do not change what comes after them. */
static struct health *open_health(void)
{
#ifdef GW_TEST_BUILD
    const char *wanted = getenv("GW_TEST_HEALTH");
    if (wanted != NULL && strcmp(wanted, "0") == 0)
        return NULL;
#endif
    uint64_t seed;
    crypto_random(&seed, sizeof seed);
    return health_new(seed);
}

static int open_gateway(struct run *run)
{
    unsigned workers = run->config->listen.workers;
    run->gateway.started_unix_ms = clock_unix_ms();
    clock_set_ms();
    uint8_t random[sizeof run->gateway.hop / 2];
    crypto_random(random, sizeof random);
    crypto_hex(random, sizeof random, run->gateway.hop);
    run->gateway.bodies_most = memory_usable() / BODIES_SHARE;
    run->gateway.workers = workers;
    run->gateway.metrics = metrics_new(workers);
    run->gateway.estimates = estimates_new();
    run->gateway.health = open_health();
    run->gateway.scripts = script_shared_new();
    run->reload = reload_new(&run->gateway, run->config, run->options);
    run->gateway.access = access_new(STDOUT_FILENO, workers);
    if (run->gateway.access == NULL) {
        log_line(LOG_ERROR, "cannot start the access log: %s", strerror(errno));
        return -1;
    }
    run->gateway.dialer = dialer_new(workers < DIAL_THREADS_MOST ? workers : DIAL_THREADS_MOST);
    if (run->gateway.dialer == NULL) {
        log_line(LOG_ERROR, "cannot start the threads that dial: %s", strerror(errno));
        return -1;
    }
    if (job_start(&run->gateway, workers) < 0) {
        log_line(LOG_ERROR, "cannot start the threads for large requests: %s", strerror(errno));
        return -1;
    }
    run->threads = calloc(workers, sizeof *run->threads);
    BUG_IF(run->threads == NULL);
    if (open_ledger(run) < 0 || open_delivery(run) < 0 || open_throttle(run) < 0)
        return -1;
    reload_alert(run->reload);
    return 0;
}

/* All are set up before the first one runs, so that a start is whole or not at all. */
static int open_seats(struct run *run)
{
    const struct config_listen *listen = &run->config->listen;
    struct fail fail;

    run->port = listen->port;
    for (; run->opened < listen->workers; run->opened++) {
        struct worker_thread *thread = &run->threads[run->opened];
        int fd = front_listen(listen->address, run->port, &run->port, &fail);
        if (fd < 0 ||
            worker_thread_open(thread, run->opened, &run->gateway, run->config, fd, run->idle_fd, &fail) < 0) {
            log_line(LOG_ERROR, "%s", fail.text);
            if (fd >= 0 && listen->cert_pem.ptr != NULL)
                run->exit_code = EXIT_CONFIG; /* most likely the certificate */
            return -1;
        }
    }
    for (unsigned i = 0; i < run->opened; i++) {
        if (worker_thread_start(&run->threads[i]) == 0)
            continue;
        log_line(LOG_ERROR, "cannot start a worker's thread: %s", strerror(errno));
        return -1;
    }
    reload_workers(run->reload, run->threads, run->opened);
    open_control(run);
    return open_admin(run);
}

/* It was asked for, so a gateway without it does not start. */
static int open_admin(struct run *run)
{
    struct start_parts parts = { .gateway = &run->gateway,
                                 .reload = run->reload,
                                 .config = run->config,
                                 .options = run->options,
                                 .store = run->store };
    struct fail fail;
    if (run->config->admin.address.ptr == NULL || run->options->admin == NULL)
        return 0;
    run->admin = run->options->admin->open(&parts, &fail);
    if (run->admin != NULL)
        return 0;
    log_line(LOG_ERROR, "%s", fail.text);
    run->exit_code = EXIT_CONFIG;
    return -1;
}

static void say_ready(const struct run *run, bool quiet)
{
    struct buf out;
    buf_init(&out, 64 << 10);
    buf_str(&out, "llm-gateway: listening on ");
    banner_write_url(run->config, run->port, false, &out);
    buf_str(&out, "\n");
    if (!quiet)
        banner_write(run->config, run->port, &out);
    struct text text = buf_view(&out);
    while (text.len > 0) {
        ssize_t wrote = write(STDERR_FILENO, text.ptr, text.len);
        if (wrote < 0 && errno != EINTR)
            break;
        text.ptr += wrote > 0 ? wrote : 0;
        text.len -= wrote > 0 ? (size_t)wrote : 0;
    }
    buf_free(&out);
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

/* The next signal, 0 when none came by `until_ns` (0: no end) or when every worker is idle. */
static int next_signal(struct run *run, int64_t until_ns, unsigned *idle)
{
    struct pollfd fds[] = { { .fd = run->signal_fd, .events = POLLIN }, { .fd = run->idle_fd, .events = POLLIN } };
    while (*idle < run->opened) {
        int64_t left_ms = until_ns == 0 ? LOOK_MS : (until_ns - clock_ns() + CLOCK_MS - 1) / CLOCK_MS;
        if (left_ms <= 0)
            return 0;
        poll(fds, 2, left_ms > LOOK_MS ? LOOK_MS : (int)left_ms);
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
    return signal_number == SIGTERM || signal_number == SIGINT;
}

/* Serves; then drains; then, when somebody insists or time is up, cuts. */
static void wait_for_the_end(struct run *run)
{
    unsigned idle = 0;
    while (!ends(run, next_signal(run, 0, &idle)))
        continue;

    int64_t until = clock_ns() + reload_drain_ns(run->reload);
    atomic_store(&run->gateway.draining, true);
    log_line(LOG_INFO, "draining: %u requests in flight; a second signal ends them",
             atomic_load(&run->gateway.in_flight));
    for (unsigned i = 0; i < run->opened; i++)
        worker_thread_drain(&run->threads[i]);
    int signal_number = 0;
    while (idle < run->opened && clock_ns() < until && !ends(run, signal_number))
        signal_number = next_signal(run, until, &idle);
    if (idle == run->opened)
        return;

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

/* Also after half a start. No request is alive, so no worker writes a line or counts any more. */
static void close_gateway(struct run *run)
{
    if (run->admin != NULL)
        run->options->admin->close(run->admin);
    if (run->control != NULL)
        control_close(run->control);
    if (run->gateway.access != NULL)
        access_free(run->gateway.access);
    if (run->gateway.dialer != NULL)
        dialer_free(run->gateway.dialer); /* the workers' loops still run: what was dialled goes home */
    for (unsigned i = 0; i < run->opened; i++)
        worker_thread_stop(&run->threads[i]);
    job_stop(&run->gateway);
    for (unsigned i = 0; i < run->opened; i++)
        worker_thread_close(&run->threads[i]);
    free(run->threads);
    if (run->reload != NULL)
        reload_stop(run->reload);
    if (run->gateway.capture != NULL)
        capture_close(run->gateway.capture);
    if (run->gateway.ledger != NULL)
        ledger_close(run->gateway.ledger);
    if (run->gateway.delivery != NULL)
        delivery_stop(run->gateway.delivery, DELIVER_S * CLOCK_S);
    if (run->store.instance != NULL)
        run->store.close(run->store.plugin, run->store.instance);
    if (run->reload != NULL)
        reload_free(run->reload);
    if (run->gateway.kill != NULL)
        kill_close(run->gateway.kill);
    if (run->gateway.throttle != NULL)
        throttle_free(run->gateway.throttle);
    if (run->gateway.answers != NULL)
        answers_close(run->gateway.answers);
    watch_stop();
    if (run->gateway.metrics != NULL)
        metrics_free(run->gateway.metrics);
    if (run->gateway.estimates != NULL)
        estimates_free(run->gateway.estimates);
    health_free(run->gateway.health);
    if (run->gateway.pins != NULL)
        pins_close(run->gateway.pins);
    if (run->gateway.scripts != NULL)
        script_shared_free(run->gateway.scripts);
    if (run->signal_fd >= 0)
        close(run->signal_fd);
    if (run->idle_fd >= 0)
        close(run->idle_fd);
}
