/* start.c - the running gateway: one thread for each worker, and this one, which waits for signals. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/large.h"
#include "base/log.h"
#include "boot/banner.h"
#include "boot/endpoint.h"
#include "boot/limits.h"
#include "boot/memory.h"
#include "boot/notify.h"
#include "boot/start_inside.h"
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
#include "money/ledger_keeper.h"
#include "plugin/plugin.h"
#include "plugin/watch.h"
#include "script/script.h"
#include "upstream/dial.h"

enum {
    DIAL_THREADS_MOST = 4,
    DELIVER_S = 10,   /* what the store lacks at the end; the next start goes on there */
    BODIES_SHARE = 8, /* of the memory, for the bodies of all requests: translating one takes several times its size */
    PLUGIN_MS = 4000, /* a call into a plugin takes microseconds: what runs for so long does not end */
};

static int open_gateway(struct run *run);
static void close_gateway(struct run *run);
static int open_seats(struct run *run);
static int start_seats(struct run *run);
static void say_ready(const struct run *run, bool quiet);

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

/* From the process that is upgraded, where there is one. No socket of it is left alone: connections may wait there. */
static int take_over(struct run *run)
{
    struct config_listen *listen = &run->config->listen;
    struct fail fail;
    if (inherit_begin(&run->inherit, &fail) < 0) {
        log_line(LOG_ERROR, "%s", fail.text);
        return -1;
    }
    unsigned sockets = inherit_count(&run->inherit, listen->address, listen->port);
    if (sockets > 0 &&
        sockets != listen->workers) { /* connections would wait in a socket of this one alone before it serves */
        log_line(LOG_WARN,
                 "listen.workers is %u: %u run until the next start, one for each socket of the process before",
                 listen->workers, sockets);
        listen->workers = sockets;
    }
    return 0;
}

/* An old process has the ledger until all else is ready, as its requests wait from then on. A start like any other has the ledger first: nobody
 * is let in whose cost could not be written down. */
static int open_doors(struct run *run)
{
    struct fail fail;
    if (run->inherit.fd < 0)
        return start_open_money(run) < 0 || open_seats(run) < 0 ? -1 : 0;
    run->old_ledger_fd = run->inherit.ledger_fd;
    run->inherit.ledger_fd = -1;
    if (open_seats(run) < 0 || start_open_money(run) < 0)
        return -1;
    if (inherit_ready(&run->inherit, &fail) < 0) {
        log_line(LOG_ERROR, "%s", fail.text);
        return -1;
    }
    return start_open_keeper(run);
}

int start_serve(struct config *config, const struct start_options *options)
{
    struct run run = { .config = config,
                       .options = options,
                       .signal_fd = -1,
                       .idle_fd = -1,
                       .inherit.fd = -1,
                       .old_ledger_fd = -1,
                       .upgrade = UPGRADE_NONE };
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
    if (start_watch_signals(&run) < 0 || watch_start(PLUGIN_MS) < 0 || take_over(&run) < 0 || open_gateway(&run) < 0 ||
        open_doors(&run) < 0 || start_seats(&run) < 0 || start_open_admin(&run) < 0) {
        run.exit_code = run.exit_code == 0 ? EXIT_FAILED : run.exit_code;
    } else {
        start_open_control(&run);
        notify_send("READY=1");
        say_ready(&run, options->quiet);
        start_wait(&run);
    }
    close_gateway(&run);
    return run.exit_code;
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
    return open_throttle(run);
}

/* All are set up before the first one runs, so that a start is whole or not at all. */
static int open_seats(struct run *run)
{
    const struct config_listen *listen = &run->config->listen;
    struct fail fail;

    run->port = listen->port;
    for (; run->opened < listen->workers; run->opened++) {
        struct worker_thread *thread = &run->threads[run->opened];
        int fd = inherit_listener(&run->inherit, listen->address, run->port, &run->port);
        if (fd < 0)
            fd = front_listen(listen->address, run->port, &run->port, &fail);
        if (fd < 0 ||
            worker_thread_open(thread, run->opened, &run->gateway, run->config, fd, run->idle_fd, &fail) < 0) {
            log_line(LOG_ERROR, "%s", fail.text);
            if (fd >= 0 && listen->cert_pem.ptr != NULL)
                run->exit_code = EXIT_CONFIG; /* most likely the certificate */
            return -1;
        }
    }
    return 0;
}

static int start_seats(struct run *run)
{
    reload_workers(run->reload, run->threads, run->opened);
    start_load_late(run);
    for (unsigned i = 0; i < run->opened; i++) {
        if (worker_thread_start(&run->threads[i]) == 0)
            continue;
        log_line(LOG_ERROR, "cannot start a worker's thread: %s", strerror(errno));
        return -1;
    }
    return 0;
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

/* Also after half a start. No request is alive, so no worker writes a line or counts any more. */
static void close_gateway(struct run *run)
{
    start_close_admin(run);
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
    if (run->keeper != NULL)
        ledger_keeper_stop(run->keeper);
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
    inherit_end(&run->inherit);
    if (run->old_ledger_fd >= 0)
        close(run->old_ledger_fd);
    if (run->signal_fd >= 0)
        close(run->signal_fd);
    if (run->idle_fd >= 0)
        close(run->idle_fd);
}
