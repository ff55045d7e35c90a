/* start_money.c - the ledger of a run, and what stands beside it. */
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "boot/keybook.h"
#include "boot/rules.h"
#include "boot/start_inside.h"
#include "capture/capture.h"
#include "flow/kill.h"
#include "health/pins.h"
#include "money/book.h"
#include "money/delivery.h"
#include "money/ledger_keeper.h"

#define DAY_MS INT64_C(86400000)
enum { LATE_S = 120 }; /* longer than a process may take from its start until it serves */

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

    int taken = run->inherit.fd >= 0 ? inherit_take_ledger(&run->inherit, config->path, &fail) : 0;
    if (taken < 0) {
        log_line(LOG_ERROR, "%s", fail.text);
        return -1;
    }
    if (config->path == NULL)
        return open_pins(run, NULL, &fail);
    if (taken > 0) {
        settings.lock_fd = run->inherit.lock_fd;
        run->inherit.lock_fd = -1;
    }
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
    if (taken > 0)
        log_line(LOG_INFO, "ledger: taken over from process %d with %llu attempts in flight", (int)run->inherit.from,
                 (unsigned long long)start.taken_over);
    run->takes_over = taken > 0;
    return 0;
}

/* Was it written since a process could begin to start? */
static bool is_young(const char *path)
{
    struct stat st;
    return path != NULL && stat(path, &st) == 0 && (int64_t)st.st_mtim.tv_sec + LATE_S > clock_unix_ms() / 1000;
}

void start_load_late(struct run *run)
{
    struct buf lines;
    struct fail fail;
    char keys[4096];
    if (!run->takes_over)
        return;
    snprintf(keys, sizeof keys, "%s/" KEYBOOK_FILE, run->config->ledger.path);
    if (run->gateway.kill != NULL && kill_reload(run->gateway.kill, &fail) < 0)
        log_line(LOG_ERROR, "%s", fail.text);
    if (!is_young(run->config->file) && !is_young(keys))
        return;
    buf_init(&lines, 1 << 20);
    reload_run(run->reload, &lines);
    buf_free(&lines);
}

/* For the commands that change what a running gateway keeps. It serves all the same where they cannot reach it. */
void start_open_control(struct run *run)
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

int start_open_money(struct run *run)
{
    if (open_ledger(run) < 0 || open_delivery(run) < 0)
        return -1;
    reload_alert(run->reload);
    return 0;
}

int start_open_keeper(struct run *run)
{
    struct fail fail;
    if (!run->takes_over)
        return 0;
    run->keeper = ledger_keeper_start(run->gateway.ledger, run->old_ledger_fd, &fail);
    run->old_ledger_fd = -1;
    if (run->keeper != NULL)
        return 0;
    log_line(LOG_ERROR, "%s", fail.text);
    return -1;
}
