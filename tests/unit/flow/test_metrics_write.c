/* test_metrics_write.c - the whole text of /metrics, of two workers, byte for byte but for what the process itself has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "flow/metrics.h"
#include "money/delivery.h"
#include "money/ledger.h"
#include "money/nano.h"

static struct buf out;

/* What was written, up to the process's own. */
static const char *written(struct metrics *m, const struct metrics_gauges *gauges)
{
    static char text[1 << 16];
    buf_free(&out);
    buf_init(&out, 1 << 20);
    metrics_write(m, gauges, &out);
    struct text view = buf_view(&out);
    ptrdiff_t end = text_find(view, TEXT("# HELP process_cpu_seconds_total"));
    cr_assert(end > 0 && (size_t)end < sizeof text);
    memcpy(text, view.ptr, (size_t)end);
    text[end] = '\0';
    return text;
}

/* From this line on, up to the next "# HELP". */
static const char *part(const char *text, const char *name)
{
    static char found[8192];
    char help[100];
    snprintf(help, sizeof help, "# HELP %s ", name);
    const char *from = strstr(text, help);
    cr_assert_not_null(from, "%s", name);
    const char *to = strstr(from + 1, "# HELP ");
    size_t len = to != NULL ? (size_t)(to - from) : strlen(from);
    cr_assert_lt(len, sizeof found);
    memcpy(found, from, len);
    found[len] = '\0';
    return found;
}

#define HEAD(name, type, help) "# HELP " name " " help "\n# TYPE " name " " type "\n"
#define OF(model, status, outcome)                                                                                     \
    "face=\"chat\",provider=\"p\\\"1\",model=\"" model "\",team=\"t\\\\\",status=\"" status "\",outcome=\"" outcome "\""

static void count(struct metrics *m, unsigned worker, int status, enum outcome outcome, int64_t scale)
{
    struct usage usage = { .source = USAGE_REPORTED,
                           .input = 1 * scale,
                           .cache_read = 2 * scale,
                           .cache_write_5m = 3 * scale,
                           .cache_write_1h = 4 * scale,
                           .output = 5 * scale,
                           .reasoning = 6 * scale,
                           .audio_in = 7 * scale,
                           .audio_out = 8 * scale,
                           .image_in = 9 * scale,
                           .image_out = 10 * scale };
    struct metrics_request r = { .face = "chat",
                                 .provider = TEXT("p\"1"),
                                 .model = TEXT("m\n"),
                                 .configured = true,
                                 .team = TEXT("t\\"),
                                 .status = status,
                                 .outcome = outcome,
                                 .duration_ns = 250000000 * scale,
                                 .first_token_ns = scale == 1 ? 20000 : -1,
                                 .overhead_ns = 700000000000,
                                 .usage = &usage,
                                 .priced = scale == 1,
                                 .cost_nano = scale == 1 ? 1500000000 : 0 };
    metrics_count_request(m, worker, &r);
}

Test(metrics_write, has_each_counter_of_all_workers)
{
    struct metrics *m = metrics_new(2);
    struct metrics_gauges gauges = { .in_flight = 3, .connections = 4, .log_dropped = 5, .version = "1.2" };
    count(m, 0, 200, OUTCOME_OK, 1);
    count(m, 1, 200, OUTCOME_OK, 1);
    count(m, 1, 503, OUTCOME_FAILED, 2);
    metrics_count_attempt(m, 0, TEXT("p"), "status_503");
    metrics_count_attempt(m, 1, TEXT("p"), "status_503");
    metrics_count_fallback(m, 0, TEXT("a"), TEXT("b"), "connect");
    metrics_count_event(m, 1, "shed");
    metrics_count_limit(m, 1, "rpm");
    metrics_count_exceeded(m, 0, TEXT("m"));
    const char *text = written(m, &gauges);
    cr_assert_str_eq(
        part(text, "gw_requests_total"),
        HEAD("gw_requests_total", "counter", "Finished requests by client API, provider, model, team, status and how they ended.") "gw_requests_total{" OF(
            "m\\n", "200", "ok") "} 2\n"
                                 "gw_requests_total{" OF("m\\n", "503", "failed") "} 1\n");
    cr_assert_str_eq(part(text, "gw_tokens_total"),
                     HEAD("gw_tokens_total", "counter", "Tokens in disjoint buckets.")
#define TOKENS(of, type, n) "gw_tokens_total{" of ",type=\"" type "\"} " n "\n"
#define OK OF("m\\n", "200", "ok")
#define FAILED OF("m\\n", "503", "failed")
                         TOKENS(OK, "input", "2") TOKENS(OK, "cache_read", "4") TOKENS(OK, "cache_write_5m", "6")
                             TOKENS(OK, "cache_write_1h", "8") TOKENS(OK, "output", "10") TOKENS(OK, "reasoning", "12")
                                 TOKENS(OK, "audio_in", "14") TOKENS(OK, "audio_out", "16") TOKENS(OK, "image_in", "18")
                                     TOKENS(OK, "image_out", "20") TOKENS(FAILED, "input", "2")
                                         TOKENS(FAILED, "cache_read", "4") TOKENS(FAILED, "cache_write_5m", "6")
                                             TOKENS(FAILED, "cache_write_1h", "8") TOKENS(FAILED, "output", "10")
                                                 TOKENS(FAILED, "reasoning", "12") TOKENS(FAILED, "audio_in", "14")
                                                     TOKENS(FAILED, "audio_out", "16") TOKENS(FAILED, "image_in", "18")
                                                         TOKENS(FAILED, "image_out", "20"));
    cr_assert_str_eq(part(text, "gw_cost_usd_total"),
                     HEAD("gw_cost_usd_total", "counter",
                          "What requests cost, in US dollars, as far as it is known.") "gw_cost_usd_total{" OK "} 3\n");
    cr_assert_str_eq(
        part(text, "gw_unpriced_requests_total"),
        HEAD(
            "gw_unpriced_requests_total", "counter",
            "Requests that an upstream may charge for, and no price or usage says how much.") "gw_unpriced_requests_total{" FAILED
                                                                                              "} 1\n");
    cr_assert_str_eq(
        part(text, "gw_usage_requests_total"),
        HEAD(
            "gw_usage_requests_total", "counter",
            "Finished requests by where their usage came from: reported, counted, estimated, none.") "gw_usage_requests_total{source=\"reported\"} 3\n");
    cr_assert_str_eq(
        part(text, "gw_upstream_requests_total"),
        HEAD(
            "gw_upstream_requests_total", "counter",
            "Attempts at providers by outcome.") "gw_upstream_requests_total{provider=\"p\",outcome=\"status_503\"} 2\n");
    cr_assert_str_eq(
        part(text, "gw_fallbacks_total"),
        HEAD(
            "gw_fallbacks_total", "counter",
            "Attempts that went on to another target, and why.") "gw_fallbacks_total{from=\"a\",to=\"b\",reason=\"connect\"} 1\n");
    cr_assert_str_eq(
        part(text, "gw_events_total"),
        HEAD(
            "gw_events_total", "counter",
            "Things that happen to connections and requests: client_gone, shed, late_body ...") "gw_events_total{event=\"shed\"} 1\n");
    cr_assert_str_eq(
        part(text, "gw_ratelimited_total"),
        HEAD(
            "gw_ratelimited_total", "counter",
            "Requests that a limit of a key, a team or all together refused.") "gw_ratelimited_total{limit=\"rpm\"} 1\n");
    cr_assert_str_eq(part(text, "gw_hold_exceeded_total"),
                     HEAD("gw_hold_exceeded_total", "counter",
                          "Attempts that cost more than was held for them.") "gw_hold_exceeded_total{model=\"m\"} 1\n");
    cr_assert_str_eq(part(text, "gw_inflight_requests"),
                     HEAD("gw_inflight_requests", "gauge",
                          "Requests between their head and their last byte.") "gw_inflight_requests 3\n");
    cr_assert_str_eq(part(text, "gw_connections"),
                     HEAD("gw_connections", "gauge", "Open client connections.") "gw_connections 4\n");
    cr_assert_str_eq(
        part(text, "gw_log_dropped_total"),
        HEAD(
            "gw_log_dropped_total", "counter",
            "Lines of the access log that were lost: its reader did not read, or its device was full.") "gw_log_dropped_total 5\n");
    cr_assert_str_eq(part(text, "gw_build_info"),
                     HEAD("gw_build_info", "gauge", "The version that runs.") "gw_build_info{version=\"1.2\"} 1\n");
    cr_assert_null(strstr(text, "gw_spent_usd"));
    cr_assert_null(strstr(text, "gw_price_book_info"));
    cr_assert_null(strstr(text, "gw_budget_remaining_usd"));
    buf_free(&out);
    metrics_free(m);
}

/* Appends the buckets of a histogram: `below[i]` counts within bound i, the last one all. */
static size_t buckets(char *text, size_t room, const char *name, const char *labels, const unsigned *below)
{
    static const char *const bounds[] = { "1e-05",  "2.5e-05", "5e-05", "0.0001", "0.00025", "0.0005", "0.001",
                                          "0.0025", "0.005",   "0.01",  "0.025",  "0.05",    "0.1",    "0.25",
                                          "0.5",    "1",       "2.5",   "5",      "10",      "30",     "60",
                                          "120",    "300",     "600",   "+Inf" };
    size_t n = 0;
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        n += (size_t)snprintf(text + n, room - n, "%s_bucket{%s%sle=\"%s\"} %u\n", name, labels,
                              labels[0] != '\0' ? "," : "", bounds[i], below[i]);
    return n;
}

Test(metrics_write, has_times_in_buckets)
{
    struct metrics *m = metrics_new(2);
    struct metrics_gauges gauges = { .version = "1" };
    unsigned durations[25], firsts[25], none[25];
    char want[8192];
    count(m, 0, 200, OUTCOME_OK, 1); /* 250 ms: the bound itself is within */
    count(m, 1, 200, OUTCOME_OK, 1);
    count(m, 1, 200, OUTCOME_OK, 2); /* 500 ms, and no first token */
    for (unsigned i = 0; i < 25; i++) {
        durations[i] = i < 13 ? 0 : i < 14 ? 2 : 3;
        firsts[i] = i < 1 ? 0 : 2;
        none[i] = i < 24 ? 0 : 3;
    }
    const char *text = written(m, &gauges);
    size_t n = (size_t)snprintf(
        want, sizeof want, "%s",
        HEAD("gw_request_duration_seconds", "histogram", "From the first byte of a request to the end of its answer."));
#define LABELS "provider=\"p\\\"1\",model=\"m\\n\""
    n += buckets(want + n, sizeof want - n, "gw_request_duration_seconds", LABELS, durations);
    snprintf(want + n, sizeof want - n,
             "gw_request_duration_seconds_sum{" LABELS "} 1.000000000\ngw_request_duration_seconds_count{" LABELS
             "} 3\n");
    cr_assert_str_eq(part(text, "gw_request_duration_seconds"), want);
    n = (size_t)snprintf(want, sizeof want, "%s",
                         HEAD("gw_time_to_first_token_seconds", "histogram",
                              "From the first byte of a request to the first event of a stream that says something."));
    n += buckets(want + n, sizeof want - n, "gw_time_to_first_token_seconds", LABELS, firsts);
    snprintf(want + n, sizeof want - n,
             "gw_time_to_first_token_seconds_sum{" LABELS "} 0.000040000\ngw_time_to_first_token_seconds_count{" LABELS
             "} 2\n");
    cr_assert_str_eq(part(text, "gw_time_to_first_token_seconds"), want);
    n = (size_t)snprintf(
        want, sizeof want, "%s",
        HEAD("gw_overhead_seconds", "histogram", "Time of a request that was spent in the gateway itself."));
    n += buckets(want + n, sizeof want - n, "gw_overhead_seconds", "", none);
    snprintf(want + n, sizeof want - n, "gw_overhead_seconds_sum{} 2100.000000000\ngw_overhead_seconds_count{} 3\n");
    cr_assert_str_eq(part(text, "gw_overhead_seconds"), want);
    cr_assert(text_find(text_of(part(text, "gw_queue_seconds")),
                        TEXT(HEAD("gw_queue_seconds", "histogram",
                                  "How long requests waited for a place at a target that was full."))) >= 0);
    buf_free(&out);
    metrics_free(m);
}

Test(metrics_write, has_the_ledger_the_store_and_the_budgets)
{
    struct metrics *m = metrics_new(1);
    struct ledger_sums sums = { .spent = 1500000000,
                                .held = 20,
                                .doubt = 3000000000,
                                .records = 7,
                                .failures = 8,
                                .waiting = 9,
                                .queued = 10,
                                .next = 100 };
    struct delivery_state delivery = {
        .store = "db", .next = 90, .works = true, .rows = 11, .failures = 12, .cpu_ns = 1500000000
    };
    struct metrics_team teams[] = { { TEXT("a"), 2500000000 }, { TEXT("b"), -1000000000 } };
    struct metrics_gauges gauges = {
        .version = "1", .book_digest = "abc", .ledger = &sums, .delivery = &delivery, .teams = teams, .team_count = 2
    };
    const char *text = strstr(written(m, &gauges), "# HELP gw_price_book_info");
    cr_assert_not_null(text);
#define STORE(name, type, help, value) HEAD(name, type, help) name "{store=\"db\"} " value "\n"
    cr_assert_str_eq(
        text,
        HEAD("gw_price_book_info",
             "gauge", "The price book that is in use.") "gw_price_book_info{digest=\"abc\"} 1\n" HEAD("gw_spent_usd",
                                                                                                      "gauge", "What all in the ledger cost, without what is held and in doubt.") "gw_spent_usd 1.5\n" HEAD("gw_held_usd", "gauge", "The most that the attempts in flight can cost.") "gw_held_usd 0.00000002\n" HEAD("gw_doubt_usd", "gauge", "The most that upstreams may charge for attempts that were cut off.") "gw_doubt_usd 3\n" HEAD("gw_ledger_records_total", "counter", "Records written to the ledger.") "gw_ledger_records_total 7\n" HEAD("gw_ledger_failures_total", "counter", "Writes and syncs of the ledger that the disk refused.") "gw_ledger_failures_total 8\n" HEAD("gw_ledger_waiting_records", "gauge", "Records that the disk refused and that are kept in memory.") "gw_ledger_waiting_records 9\n" HEAD("gw_budget_waiting_requests",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                     "gauge",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                     "Requests that wait until others in flight are over, so that they fit their budgets.") "gw_budget_waiting_requests 10\n" STORE("gw_ledger_lag_records",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                    "gauge",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                    "Records of the ledger that are not in the store yet.",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                    "10")
            STORE("gw_store_up", "gauge", "1: the store took what it was given last.",
                  "1") STORE("gw_store_rows_total", "counter", "Rows put into the store.",
                             "11") STORE("gw_store_failures_total", "counter", "Times that the store took nothing.",
                                         "12") STORE("gw_store_cpu_seconds_total", "counter",
                                                     "CPU time of the thread that fills the store.", "1.5")
                HEAD(
                    "gw_budget_remaining_usd", "gauge",
                    "What is left in the team's budget that has the least, in US dollars.") "gw_budget_remaining_usd{team=\"a\"} 2.5\ngw_budget_remaining_usd{team=\"b\"} -1\n");
    delivery.works = false;
    delivery.next = 0;
    gauges.team_count = 0;
    text = written(m, &gauges);
    cr_assert_not_null(strstr(text, "gw_ledger_lag_records{store=\"db\"} 99\n"), "the first record has the number 1");
    cr_assert_not_null(strstr(text, "gw_store_up{store=\"db\"} 0\n"));
    cr_assert_null(strstr(text, "gw_budget_remaining_usd"));
    delivery.next = 100;
    cr_assert_not_null(strstr(written(m, &gauges), "gw_ledger_lag_records{store=\"db\"} 0\n"));
    gauges.delivery = NULL;
    cr_assert_null(strstr(written(m, &gauges), "gw_store_up"));
    buf_free(&out);
    metrics_free(m);
}

/* Of the process: what can be known from outside. */
Test(metrics_write, has_the_process)
{
    struct metrics *m = metrics_new(1);
    struct metrics_gauges gauges = { .version = "1", .started_unix_ms = 1700000000500 };
    buf_init(&out, 1 << 20);
    metrics_write(m, &gauges, &out);
    buf_append(&out, "", 1);
    const char *text = buf_view(&out).ptr, *const names[] = { "process_cpu_seconds_total ",
                                                              "process_resident_memory_bytes ", "process_open_fds ",
                                                              "process_max_fds " };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char line[100];
        snprintf(line, sizeof line, "\n%s", names[i]);
        const char *at = strstr(text, line);
        cr_assert_not_null(at, "%s", line);
        double value = atof(at + strlen(line));
        cr_assert_gt(value, 0, "%s", line);
        cr_assert_lt(value, i == 0 ? 1000 : 1e15, "%s", line);
    }
    cr_assert_not_null(
        strstr(text, HEAD("process_cpu_seconds_total", "counter",
                          "Total user and system CPU time spent in seconds.") "process_cpu_seconds_total "));
    cr_assert_not_null(strstr(text, HEAD("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.")));
    cr_assert_not_null(strstr(text, HEAD("process_open_fds", "gauge", "Number of open file descriptors.")));
    cr_assert_not_null(strstr(text, HEAD("process_max_fds", "gauge", "Maximum number of open file descriptors.")));
    cr_assert_not_null(strstr(
        text,
        HEAD("process_start_time_seconds", "gauge",
             "Start time of the process since unix epoch in seconds.") "process_start_time_seconds 1700000000.5\n"));
    cr_assert_not_null(
        strstr(text, HEAD("gw_clock_set_seconds", "gauge", "How far the wall clock was set since the start.")));
    cr_assert_not_null(strstr(text, "\ngw_clock_set_seconds "));
    buf_free(&out);
    metrics_free(m);
}

Test(metrics_write, has_what_runs)
{
    struct metrics *m = metrics_new(1);
    struct metrics_gauges gauges = { .version = "1.2", .config_digest = "abc", .reloads = 3, .reloads_refused = 4 };
    const char *text = written(m, &gauges);
    cr_assert_str_eq(part(text, "gw_build_info"),
                     HEAD("gw_build_info", "gauge", "The version that runs.") "gw_build_info{version=\"1.2\"} 1\n");
    cr_assert_str_eq(
        part(text, "gw_config_info"),
        HEAD("gw_config_info", "gauge",
             "The configuration that is in use: the SHA-256 of its files.") "gw_config_info{digest=\"abc\"} 1\n");
    metrics_free(m);
    buf_free(&out);
}
