/* metrics_write.c - merges the workers' counters and writes Prometheus' text format. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <dirent.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fail.h"
#include "flow/metrics_inside.h"
#include "health/ejection.h"
#include "health/health.h"
#include "health/queue.h"
#include "money/delivery.h"
#include "money/ledger.h"
#include "money/nano.h"

static const char *const token_types[METRICS_TOKEN_TYPES] = { "input",          "cache_read", "cache_write_5m",
                                                              "cache_write_1h", "output",     "reasoning",
                                                              "audio_in",       "audio_out",  "image_in",
                                                              "image_out" };

static void merge_histogram(struct metrics_histogram *into, const struct metrics_histogram *from)
{
    for (size_t i = 0; i <= METRICS_BOUNDS; i++)
        into->counts[i] += from->counts[i];
    into->sum_ns += from->sum_ns;
}

/* The value at `key` of `map`, made with `size` and room for the key where there is none. */
static void *value_of(struct map *map, struct text key, size_t size)
{
    char *value = map_get(map, key);
    if (value != NULL)
        return value;
    value = calloc(1, size + key.len);
    BUG_IF(value == NULL);
    memcpy(value + size, key.ptr, key.len);
    map_put(map, (struct text){ value + size, key.len }, value);
    return value;
}

static void merge(struct metrics *m, struct metrics_shard *all)
{
    for (unsigned w = 0; w < m->workers; w++) {
        struct metrics_shard *shard = &m->shards[w];
        pthread_mutex_lock(&shard->lock);
        metrics_add_cache(&all->cache, &shard->cache);
        for (size_t i = 0; i < shard->rows.count; i++) {
            const struct metrics_row *from = shard->rows.entries[i].value;
            struct metrics_row *into = value_of(&all->rows, shard->rows.entries[i].key, sizeof *into);
            into->count += from->count;
            into->unpriced += from->unpriced;
            if (__builtin_add_overflow(into->cost_nano, from->cost_nano, &into->cost_nano))
                into->cost_nano = INT64_MAX;
            for (size_t t = 0; t < METRICS_TOKEN_TYPES; t++)
                into->tokens[t] += from->tokens[t];
        }
        for (size_t i = 0; i < shard->timed.count; i++) {
            const struct metrics_timed *from = shard->timed.entries[i].value;
            struct metrics_timed *into = value_of(&all->timed, shard->timed.entries[i].key, sizeof *into);
            merge_histogram(&into->duration, &from->duration);
            merge_histogram(&into->first_token, &from->first_token);
        }
        merge_histogram(&all->overhead, &shard->overhead);
        merge_histogram(&all->queue, &shard->queue);
        pthread_mutex_unlock(&shard->lock);
    }
}

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value with what the format escapes escaped. */
static void put_value(struct buf *out, struct text value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '\\' || c == '"')
            buf_printf(out, "\\%c", c);
        else if (c == '\n')
            buf_str(out, "\\n");
        else
            buf_append(out, &c, 1);
    }
}

/* Writes name{labels} for the key's labels after its kind; `names` ends with NULL. No closing brace. */
static void put_labels(struct buf *out, const char *metric, struct text key, const char *const *names)
{
    buf_printf(out, "%s{", metric);
    text_cut(&key, METRICS_SEPARATOR);
    for (size_t i = 0; names[i] != NULL; i++) {
        buf_printf(out, "%s%s=\"", i > 0 ? "," : "", names[i]);
        put_value(out, text_cut(&key, METRICS_SEPARATOR));
        buf_str(out, "\"");
    }
}

static void write_rows(const struct metrics_shard *all, char kind, const char *metric, const char *const *names,
                       struct buf *out)
{
    for (size_t i = 0; i < all->rows.count; i++) {
        const struct metrics_row *row = all->rows.entries[i].value;
        if (*all->rows.entries[i].key.ptr != kind)
            continue;
        put_labels(out, metric, all->rows.entries[i].key, names);
        buf_printf(out, "} %llu\n", (unsigned long long)row->count);
    }
}

static void write_tokens(const struct metrics_shard *all, const char *const *names, struct buf *out)
{
    for (size_t i = 0; i < all->rows.count; i++) {
        const struct metrics_row *row = all->rows.entries[i].value;
        for (size_t t = 0; *all->rows.entries[i].key.ptr == 'r' && t < METRICS_TOKEN_TYPES; t++) {
            if (row->tokens[t] == 0)
                continue;
            put_labels(out, "gw_tokens_total", all->rows.entries[i].key, names);
            buf_printf(out, ",type=\"%s\"} %lld\n", token_types[t], (long long)row->tokens[t]);
        }
    }
}

/* Exact: a double of Prometheus holds 15 digits of it. */
static void write_cost(const struct metrics_shard *all, const char *const *names, struct buf *out)
{
    char usd[NANO_TEXT];
    for (size_t i = 0; i < all->rows.count; i++) {
        const struct metrics_row *row = all->rows.entries[i].value;
        if (row->cost_nano == 0)
            continue;
        put_labels(out, "gw_cost_usd_total", all->rows.entries[i].key, names);
        buf_printf(out, "} %s\n", nano_write(row->cost_nano, 0, usd));
    }
}

static void write_unpriced(const struct metrics_shard *all, const char *const *names, struct buf *out)
{
    for (size_t i = 0; i < all->rows.count; i++) {
        const struct metrics_row *row = all->rows.entries[i].value;
        if (row->unpriced == 0)
            continue;
        put_labels(out, "gw_unpriced_requests_total", all->rows.entries[i].key, names);
        buf_printf(out, "} %llu\n", (unsigned long long)row->unpriced);
    }
}

/* `key`: of its labels, absent for none. */
static void write_histogram(const char *name, struct text key, const char *const *names,
                            const struct metrics_histogram *h, struct buf *out)
{
    unsigned long long total = 0;
    struct buf labels;
    buf_init(&labels, 64u << 10);
    if (key.ptr != NULL)
        put_labels(&labels, "", key, names);
    else
        buf_str(&labels, "{");
    struct text some = buf_view(&labels);
    const char *comma = some.len > 1 ? "," : "";
    for (size_t i = 0; i <= METRICS_BOUNDS; i++) {
        total += h->counts[i];
        buf_printf(out, "%s_bucket%.*s%sle=\"", name, TEXT_ARG(some), comma);
        if (i < METRICS_BOUNDS)
            buf_printf(out, "%g\"} %llu\n", metrics_bounds[i], total);
        else
            buf_printf(out, "+Inf\"} %llu\n", total);
    }
    buf_printf(out, "%s_sum%.*s} %.9f\n", name, TEXT_ARG(some), (double)h->sum_ns / 1e9);
    buf_printf(out, "%s_count%.*s} %llu\n", name, TEXT_ARG(some), total);
    buf_free(&labels);
}

static void write_times(const struct metrics_shard *all, struct buf *out)
{
    static const char *const names[] = { "provider", "model", NULL };
    static const char duration[] = "gw_request_duration_seconds", first[] = "gw_time_to_first_token_seconds";
    head(out, duration, "histogram", "From the first byte of a request to the end of its answer.");
    for (size_t i = 0; i < all->timed.count; i++) {
        const struct metrics_timed *timed = all->timed.entries[i].value;
        write_histogram(duration, all->timed.entries[i].key, names, &timed->duration, out);
    }
    head(out, first, "histogram",
         "From the first byte of a request to the first event of a stream that says something.");
    for (size_t i = 0; i < all->timed.count; i++) {
        const struct metrics_timed *timed = all->timed.entries[i].value;
        write_histogram(first, all->timed.entries[i].key, names, &timed->first_token, out);
    }
    head(out, "gw_overhead_seconds", "histogram", "Time of a request that was spent in the gateway itself.");
    write_histogram("gw_overhead_seconds", TEXT_NONE, NULL, &all->overhead, out);
    head(out, "gw_queue_seconds", "histogram", "How long requests waited for a place at a target that was full.");
    write_histogram("gw_queue_seconds", TEXT_NONE, NULL, &all->queue, out);
}

static void gauge(struct buf *out, const char *name, const char *help, double value)
{
    head(out, name, "gauge", help);
    buf_printf(out, "%s %.17g\n", name, value);
}

static void counter(struct buf *out, const char *name, const char *help, double value)
{
    head(out, name, "counter", help);
    buf_printf(out, "%s %.17g\n", name, value);
}

static void money_gauge(struct buf *out, const char *name, const char *help, int64_t nano)
{
    char usd[NANO_TEXT];
    head(out, name, "gauge", help);
    buf_printf(out, "%s %s\n", name, nano_write(nano, 0, usd));
}

static void write_ledger(const struct ledger_sums *sums, struct buf *out)
{
    money_gauge(out, "gw_spent_usd", "What all in the ledger cost, without what is held and in doubt.", sums->spent);
    money_gauge(out, "gw_held_usd", "The most that the attempts in flight can cost.", sums->held);
    money_gauge(out, "gw_doubt_usd", "The most that upstreams may charge for attempts that were cut off.", sums->doubt);
    counter(out, "gw_ledger_records_total", "Records written to the ledger.", (double)sums->records);
    counter(out, "gw_ledger_failures_total", "Writes and syncs of the ledger that the disk refused.",
            (double)sums->failures);
    gauge(out, "gw_ledger_waiting_records", "Records that the disk refused and that are kept in memory.",
          (double)sums->waiting);
    gauge(out, "gw_budget_waiting_requests",
          "Requests that wait until others in flight are over, so that they fit their budgets.", (double)sums->queued);
}

static void store_row(struct buf *out, const char *name, const char *type, const char *help, const char *store,
                      double value)
{
    head(out, name, type, help);
    buf_printf(out, "%s{store=\"%s\"} %.17g\n", name, store, value);
}

static void write_store(const struct delivery_state *d, const struct ledger_sums *sums, struct buf *out)
{
    uint64_t lag = sums->next > d->next ? sums->next - (d->next > 0 ? d->next : 1) : 0;
    store_row(out, "gw_ledger_lag_records", "gauge", "Records of the ledger that are not in the store yet.", d->store,
              (double)lag);
    store_row(out, "gw_store_up", "gauge", "1: the store took what it was given last.", d->store, d->works ? 1 : 0);
    store_row(out, "gw_store_rows_total", "counter", "Rows put into the store.", d->store, (double)d->rows);
    store_row(out, "gw_store_failures_total", "counter", "Times that the store took nothing.", d->store,
              (double)d->failures);
    store_row(out, "gw_store_cpu_seconds_total", "counter", "CPU time of the thread that fills the store.", d->store,
              (double)d->cpu_ns / 1e9);
}

static unsigned open_files(void)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL)
        return 0;
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n > 3 ? n - 3 : 0; /* ".", ".." and the directory itself */
}

static double resident_bytes(void)
{
    unsigned long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f == NULL)
        return 0;
    if (fscanf(f, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void write_process(const struct metrics_gauges *g, struct buf *out)
{
    struct rusage u;
    struct rlimit files = { 0, 0 };
    getrusage(RUSAGE_SELF, &u);
    getrlimit(RLIMIT_NOFILE, &files);
    counter(out, "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
            (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
    gauge(out, "process_resident_memory_bytes", "Resident memory size in bytes.", resident_bytes());
    gauge(out, "process_open_fds", "Number of open file descriptors.", open_files());
    gauge(out, "process_max_fds", "Maximum number of open file descriptors.", (double)files.rlim_cur);
    gauge(out, "process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
          (double)g->started_unix_ms / 1000.0);
    gauge(out, "gw_clock_set_seconds", "How far the wall clock was set since the start.",
          (double)clock_set_ms() / 1000.0);
}

/* Of the targets by name. One name may have had several base URLs: the newest counts. */
struct seen {
    struct map names;
    struct arena arena;
    int64_t now_ns;
};

static void see(void *owner, struct text provider, struct text model, struct ejection *row)
{
    static const char *const values[] = { [EJECTION_YES] = "1", [EJECTION_PROBE] = "0.5", [EJECTION_NO] = "0" };
    struct seen *seen = owner;
    const char *name = arena_printf(&seen->arena, "%.*s/%.*s", TEXT_ARG(provider), TEXT_ARG(model));
    enum ejection_may may = ejection_asks(row, seen->now_ns);
    if (may == EJECTION_YES &&
        (silence_is_suspect(&row->silence, seen->now_ns) || degraded_is(&row->degraded, seen->now_ns)))
        may = EJECTION_PROBE;
    map_put(&seen->names, text_of(name), (void *)(uintptr_t)values[may]);
}

static void write_queue(void *owner, struct text model, struct queue *queue)
{
    struct buf *out = owner;
    int waiting = queue_waiting(queue);
    if (waiting < 0)
        return;
    buf_str(out, "gw_queue_waiting_requests{model=\"");
    put_value(out, model);
    buf_printf(out, "\"} %d\n", waiting);
}

static void write_health(struct health *health, struct buf *out)
{
    struct seen seen = { .now_ns = clock_ns() };
    map_init(&seen.names);
    arena_init(&seen.arena, NULL, 0, HEALTH_ROWS_MOST * 1024);
    health_each(health, see, &seen);
    head(
        out, "gw_upstream_health", "gauge",
        "Is a target used: 1, 0 while it gets no requests after failures, 0.5 when one is to try it, it answers nobody "
        "(suspect) or far more slowly than it did (degraded).");
    for (size_t i = 0; i < seen.names.count; i++) {
        buf_str(out, "gw_upstream_health{target=\"");
        put_value(out, seen.names.entries[i].key);
        buf_printf(out, "\"} %s\n", (const char *)seen.names.entries[i].value);
    }
    map_fini(&seen.names);
    arena_fini(&seen.arena);
    head(out, "gw_queue_waiting_requests", "gauge", "Requests that wait for a place at a target of this model.");
    health_each_queue(health, write_queue, out);
}

/* Only where a policy counts. */
static void write_policy_events(const struct metrics_shard *all, struct buf *out)
{
    static const char *const names[] = { "policy", "event", NULL };
    bool any = false;
    for (size_t i = 0; i < all->rows.count; i++)
        any = any || *all->rows.entries[i].key.ptr == 'p';
    if (!any)
        return;
    head(out, "gw_policy_events_total", "counter", "What policies have counted by gw.count.");
    write_rows(all, 'p', "gw_policy_events_total", names, out);
}

static void write_cache(const struct metrics_shard *all, struct buf *out)
{
    static const char *const reason[] = { "reason", NULL };
    metrics_write_cache(&all->cache, out);
    head(out, "gw_cache_bypass_total", "counter",
         "Attempts for which nothing was looked for in the cache or kept, and why.");
    write_rows(all, 'c', "gw_cache_bypass_total", reason, out);
}

void metrics_write(struct metrics *m, const struct metrics_gauges *g, struct buf *out)
{
    char usd[NANO_TEXT];
    static const char *const request[] = { "face", "provider", "model", "team", "status", "outcome", NULL };
    static const char *const attempt[] = { "provider", "outcome", NULL };
    static const char *const fallback[] = { "from", "to", "reason", NULL };
    static const char *const event[] = { "event", NULL };
    static const char *const reason[] = { "reason", NULL };
    static const char *const limit[] = { "limit", NULL };
    static const char *const source[] = { "source", NULL };
    static const char *const exceeded[] = { "model", NULL };
    struct metrics_shard *all = calloc(1, sizeof *all);
    BUG_IF(all == NULL);
    map_init(&all->rows);
    map_init(&all->timed);
    merge(m, all);

    head(out, "gw_requests_total", "counter",
         "Finished requests by client API, provider, model, team, status and how they ended.");
    write_rows(all, 'r', "gw_requests_total", request, out);
    head(out, "gw_tokens_total", "counter", "Tokens in disjoint buckets.");
    write_tokens(all, request, out);
    head(out, "gw_cost_usd_total", "counter", "What requests cost, in US dollars, as far as it is known.");
    write_cost(all, request, out);
    head(out, "gw_unpriced_requests_total", "counter",
         "Requests that an upstream may charge for, and no price or usage says how much.");
    write_unpriced(all, request, out);
    head(out, "gw_usage_requests_total", "counter",
         "Finished requests by where their usage came from: reported, counted, estimated, none.");
    write_rows(all, 'u', "gw_usage_requests_total", source, out);
    head(out, "gw_upstream_requests_total", "counter", "Attempts at providers by outcome.");
    write_rows(all, 'a', "gw_upstream_requests_total", attempt, out);
    head(out, "gw_fallbacks_total", "counter", "Attempts that went on to another target, and why.");
    write_rows(all, 'f', "gw_fallbacks_total", fallback, out);
    head(out, "gw_events_total", "counter",
         "Things that happen to connections and requests: client_gone, shed, late_body ...");
    write_rows(all, 'e', "gw_events_total", event, out);
    head(out, "gw_ratelimited_total", "counter", "Requests that a limit of a key, a team or all together refused.");
    write_rows(all, 'l', "gw_ratelimited_total", limit, out);
    head(out, "gw_shed_total", "counter", "Requests that were refused because there were too many, and why.");
    write_rows(all, 's', "gw_shed_total", reason, out);
    head(out, "gw_hold_exceeded_total", "counter", "Attempts that cost more than was held for them.");
    write_rows(all, 'h', "gw_hold_exceeded_total", exceeded, out);
    write_policy_events(all, out);
    if (g->caches)
        write_cache(all, out);
    if (g->helper != NULL)
        metrics_write_helper(g->helper, out);
    if (g->caches)
        gauge(out, "gw_cache_listeners", "Requests that wait for, or get, what an equal request in flight has asked.",
              g->listeners);
    if (g->captures != NULL)
        metrics_write_captures(g->captures, out);
    if (g->health != NULL)
        write_health(g->health, out);
    write_times(all, out);
    gauge(out, "gw_inflight_requests", "Requests between their head and their last byte.", g->in_flight);
    gauge(out, "gw_connections", "Open client connections.", g->connections);
    counter(out, "gw_log_dropped_total",
            "Lines of the access log that were lost: its reader did not read, or its device was full.",
            (double)g->log_dropped);
    head(out, "gw_build_info", "gauge", "The version that runs.");
    buf_printf(out, "gw_build_info{version=\"%s\"} 1\n", g->version);
    head(out, "gw_config_info", "gauge", "The configuration that is in use: the SHA-256 of its files.");
    buf_printf(out, "gw_config_info{digest=\"%s\"} 1\n", g->config_digest);
    gauge(out, "gw_config_load_time_seconds", "When it was loaded, in seconds since unix epoch.",
          (double)g->config_unix_ms / 1000.0);
    head(out, "gw_config_reloads_total", "counter",
         "Configurations that were loaded while the gateway runs: ok, or refused.");
    buf_printf(out, "gw_config_reloads_total{result=\"ok\"} %u\ngw_config_reloads_total{result=\"refused\"} %u\n",
               g->reloads, g->reloads_refused);
    if (g->book_digest != NULL) {
        head(out, "gw_price_book_info", "gauge", "The price book that is in use.");
        buf_printf(out, "gw_price_book_info{digest=\"%s\"} 1\n", g->book_digest);
    }
    if (g->ledger != NULL)
        write_ledger(g->ledger, out);
    if (g->ledger != NULL && g->delivery != NULL)
        write_store(g->delivery, g->ledger, out);
    if (g->team_count > 0)
        head(out, "gw_budget_remaining_usd", "gauge",
             "What is left in the team's budget that has the least, in US dollars.");
    for (size_t i = 0; i < g->team_count; i++)
        buf_printf(out, "gw_budget_remaining_usd{team=\"%.*s\"} %s\n", TEXT_ARG(g->teams[i].team),
                   nano_write(g->teams[i].left, 0, usd));
    write_process(g, out);

    for (size_t i = 0; i < all->rows.count; i++)
        free(all->rows.entries[i].value);
    for (size_t i = 0; i < all->timed.count; i++)
        free(all->timed.entries[i].value);
    map_fini(&all->rows);
    map_fini(&all->timed);
    free(all);
}
