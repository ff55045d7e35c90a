/* reload.c - makes everything that can fail first, then changes the ledger's budgets, then hands each worker the new snapshot. */
#include "boot/reload.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "boot/alert.h"
#include "boot/cache_seal.h"
#include "boot/load.h"
#include "boot/purge.h"
#include "boot/rules.h"
#include "cache/answers.h"
#include "flow/kill.h"
#include "flow/throttle.h"
#include "health/ejection.h"
#include "health/health.h"
#include "money/ledger.h"
#include "money/ledger_keeper.h"
#include "plugin/aside.h"
#include "plugin/counters.h"
#include "plugin/plugin.h"
#include "script/script.h"

struct reload {
    pthread_mutex_t mutex; /* one at a time */
    struct gateway *gateway;
    struct config *config; /* the one in use: a reference. The ledger's rules point into it */
    const struct start_options *options;
    struct worker_thread *threads;
    unsigned count;
    struct alert *alert; /* NULL: no budget has one */
};

struct reload *reload_new(struct gateway *gateway, struct config *config, const struct start_options *options)
{
    struct reload *r = calloc(1, sizeof *r);
    BUG_IF(r == NULL || pthread_mutex_init(&r->mutex, NULL) != 0);
    r->gateway = gateway;
    r->config = config_ref(config);
    r->options = options;
    atomic_store(&gateway->config_unix_ms, clock_unix_ms());
    return r;
}

void reload_stop(struct reload *r)
{
    if (r->alert != NULL)
        alert_stop(r->alert);
    r->alert = NULL;
}

void reload_free(struct reload *r)
{
    config_unref(r->config);
    pthread_mutex_destroy(&r->mutex);
    free(r);
}

void reload_workers(struct reload *r, struct worker_thread *threads, unsigned count)
{
    r->threads = threads;
    r->count = count;
}

/* The windows of limits are counters: of the plugin "memory", or of what counters { } names. */
static struct throttle *open_throttle(struct gateway *gateway, const struct config *config, struct fail *fail)
{
    const struct config_counters *said = &config->counters;
    const struct plugin *plugin =
        said->plugin != NULL ? said->plugin : plugin_find("memory", config->plugin_directories, fail);
    if (plugin == NULL)
        return NULL;
    if ((plugin->cache.flags & GW_CACHE_INLINE) != 0) {
        struct counters *counters = counters_open(plugin, "limits", fail);
        return counters != NULL ? throttle_new(counters) : NULL;
    }
    struct aside *aside = aside_open(plugin, said->json, gateway->workers, fail);
    return aside != NULL ? throttle_new_shared(aside, said->gateways) : NULL;
}

int reload_throttle(struct gateway *gateway, struct config *config, struct fail *fail)
{
    struct throttle *throttle = atomic_load(&gateway->throttle);
    struct fail why;
    if (throttle == NULL && !throttle_is_needed(config))
        return 0;
    if (throttle == NULL) {
        throttle = open_throttle(gateway, config, &why);
        if (throttle == NULL)
            return fail_set(fail, FAIL_OPERATOR, "limits: %s", why.text);
        atomic_store(&gateway->throttle, throttle);
    }
    throttle_bind(throttle, config);
    return 0;
}

int reload_answers(struct gateway *gateway, const struct config *config, struct fail *fail)
{
    if (config->cache.plugin == NULL || atomic_load(&gateway->answers) != NULL)
        return 0;
    struct answers_settings settings = { .plugin = config->cache.plugin,
                                         .json = config->cache.json,
                                         .workers = gateway->workers };
    if (cache_seal_of(config, settings.seal, fail) < 0)
        return -1;
    struct fail why = { .kind = FAIL_NONE };
    struct cache_answers *answers = answers_open(&settings, &why);
    crypto_wipe(settings.seal, sizeof settings.seal);
    if (answers == NULL)
        return fail_set(fail, FAIL_OPERATOR, "cache: %s", why.text);
    struct arena arena;
    arena_init(&arena, NULL, 0, 64 << 10);
    const char *file = purge_file(answers, config, &arena);
    int result = file != NULL ? purges_load(answers_purges(answers), file, fail) : 0;
    arena_fini(&arena);
    if (result < 0)
        answers_close(answers);
    else
        atomic_store(&gateway->answers, answers);
    return result;
}

int reload_purge(struct reload *r, struct text team, struct text model, struct text entry, struct fail *fail)
{
    pthread_mutex_lock(&r->mutex);
    int result = purge_run(atomic_load(&r->gateway->answers), r->config, team, model, entry, fail);
    pthread_mutex_unlock(&r->mutex);
    return result;
}

void reload_alert(struct reload *r)
{
    if (r->alert != NULL || r->gateway->ledger == NULL)
        return;
    size_t count;
    struct accounts_rule *rules = rules_of(r->config, &count);
    r->alert = alert_start(r->gateway->ledger, r->config, rules, count);
    free(rules);
}

static struct config *load(const struct start_options *options, struct buf *lines)
{
    struct load_report report;
    load_report_init(&report, options->load);
    struct config *config = load_config(options->load, &report);
    complain_write(config == NULL ? &report.complaints : &report.warnings, lines);
    load_report_fini(&report);
    if (config != NULL && config->store.instance != NULL) { /* the one that is filled was opened at the start */
        config->store.close(config->store.plugin, config->store.instance);
        config->store.instance = NULL;
    }
    return config;
}

/* The policies of each worker, made here: a worker's loop does not stand still for it. */
static int open_scripts(struct reload *r, struct config *next, struct script_worker **scripts, struct fail *fail)
{
    for (unsigned i = 0; i < r->count && next->policy_count > 0; i++) {
        scripts[i] = script_open(next, r->gateway->scripts, fail);
        if (scripts[i] == NULL)
            return -1;
    }
    return 0;
}

static int change_ledger(struct reload *r, struct config *next, struct fail *fail)
{
    size_t count;
    if (r->gateway->ledger == NULL)
        return 0;
    struct accounts_rule *rules = rules_of(next, &count);
    int result = ledger_reload(r->gateway->ledger, rules, count, next->book != NULL ? next->book->digest : NULL, fail);
    free(rules);
    return result;
}

static void hand_out(struct reload *r, struct config *next, struct script_worker **scripts)
{
    sem_t done;
    BUG_IF(sem_init(&done, 0, 0) != 0);
    for (unsigned i = 0; i < r->count; i++)
        worker_thread_use(&r->threads[i], next, scripts[i], &done);
    for (unsigned i = 0; i < r->count;)
        i += sem_wait(&done) == 0;
    sem_destroy(&done);
}

/* What the new configuration has for the target of another one. */
static unsigned slots_in(const struct config *next, const struct config_target *t)
{
    for (size_t i = 0; i < next->provider_count; i++) {
        const struct config_provider *p = &next->providers[i];
        unsigned most = config_max_in_flight(next, p, t->model);
        if (most > 0 && text_eq(p->name, t->provider->name) && text_eq(p->base_url, t->provider->base_url))
            return most;
    }
    return SLOTS_UNLIMITED;
}

/* Who waits for a target that had a limit in `of`, or has one now, is served by the new one. */
static void rule_slots(struct health *health, const struct config *of, const struct config *next)
{
    for (size_t i = 0; i < of->model_count && of->limits_targets && health != NULL; i++)
        for (size_t k = 0; k < of->models[i].target_count; k++) {
            const struct config_target *t = &of->models[i].targets[k];
            struct ejection *row = t->max_in_flight > 0
                                       ? health_target(health, t->provider->name, t->provider->base_url, t->model, true)
                                       : NULL;
            if (row != NULL)
                slots_rule(&row->slots, slots_in(next, t), clock_ns());
        }
}

/* Nothing has changed where it fails. */
static int use(struct reload *r, struct config *next, struct buf *lines, struct fail *fail)
{
    const struct start_options *options = r->options;
    struct script_worker **scripts = calloc(r->count + 1, sizeof *scripts);
    BUG_IF(scripts == NULL);
    int result = start_check_address(next, options->insecure, fail);
    if (result == 0 && reload_check(r->config, next, lines) < 0) {
        fail->text[0] = '\0'; /* the lines have it */
        result = -1;
    }
    if (result < 0 || start_load_book(next, options, fail) < 0 || reload_throttle(r->gateway, next, fail) < 0 ||
        reload_answers(r->gateway, next, fail) < 0 || open_scripts(r, next, scripts, fail) < 0 ||
        change_ledger(r, next, fail) < 0) {
        for (unsigned i = 0; i < r->count; i++)
            script_unref(scripts[i]);
        free((void *)scripts);
        return -1;
    }
    hand_out(r, next, scripts);
    free((void *)scripts);
    rule_slots(r->gateway->health, r->config, next);
    rule_slots(r->gateway->health, next, next);
    return 0;
}

static int try(struct reload *r, struct buf *lines)
{
    struct fail fail = { .kind = FAIL_NONE };
    struct config *next = load(r->options, lines);
    if (next == NULL)
        return -1;
    if (use(r, next, lines, &fail) < 0) {
        if (fail.text[0] != '\0')
            buf_printf(lines, "%s\n", fail.text);
        config_unref(next);
        return -1;
    }
    config_unref(r->config);
    r->config = next;
    if (r->gateway->kill != NULL)
        kill_know_keys(r->gateway->kill, next);
    reload_alert(r);
    return 0;
}

static void log_result(const struct reload *r, int result, const struct buf *lines, size_t from)
{
    struct text rest = buf_view(lines);
    rest = (struct text){ rest.ptr + from, rest.len - from };
    while (rest.len > 0) {
        struct text line = text_cut(&rest, '\n');
        log_line(result < 0 ? LOG_ERROR : LOG_WARN, "%.*s", TEXT_ARG(line));
    }
    if (result < 0)
        log_line(LOG_ERROR, "the new configuration is refused: the one before stays in use");
    else
        log_line(LOG_INFO, "a new configuration is in use: %.*s", (int)CONFIG_DIGEST_SHOWN, r->config->digest);
}

int reload_run(struct reload *r, struct buf *lines)
{
    size_t from = lines->len;
    pthread_mutex_lock(&r->mutex);
    int result = try(r, lines);
    atomic_fetch_add(result < 0 ? &r->gateway->reloads_refused : &r->gateway->reloads, 1);
    if (result == 0)
        atomic_store(&r->gateway->config_unix_ms, clock_unix_ms());
    log_result(r, result, lines, from);
    pthread_mutex_unlock(&r->mutex);
    return result;
}

int reload_would_load(struct reload *r, struct text keys, struct buf *lines)
{
    struct load_options options = *r->options->load;
    struct load_report report;
    options.keys = keys;
    pthread_mutex_lock(&r->mutex); /* plugins are opened */
    load_report_init(&report, &options);
    struct config *config = load_config(&options, &report);
    if (config == NULL)
        complain_write(&report.complaints, lines);
    else
        config_unref(config);
    load_report_fini(&report);
    pthread_mutex_unlock(&r->mutex);
    return config != NULL ? 0 : -1;
}

bool reload_has_moved(const struct reload *r)
{
    return r->gateway->ledger != NULL && ledger_is_handed_over(r->gateway->ledger);
}

struct config *reload_config(struct reload *r)
{
    pthread_mutex_lock(&r->mutex);
    struct config *config = config_ref(r->config);
    pthread_mutex_unlock(&r->mutex);
    return config;
}

void reload_digest(struct reload *r, char digest[2 * CRYPTO_SHA256_LEN + 1])
{
    pthread_mutex_lock(&r->mutex);
    snprintf(digest, sizeof r->config->digest, "%s", r->config->digest);
    pthread_mutex_unlock(&r->mutex);
}

int64_t reload_drain_ns(struct reload *r)
{
    pthread_mutex_lock(&r->mutex);
    int64_t drain_ns = r->config->limits.drain_ns;
    pthread_mutex_unlock(&r->mutex);
    return drain_ns;
}
