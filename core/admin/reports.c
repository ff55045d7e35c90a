/* reports.c - what is: the running gateway, what was used and spent, what became of a request. */
#include "admin/call.h"
#include "base/clock.h"
#include "boot/date.h"
#include "capture/find.h"
#include "health/degraded.h"
#include "health/ejection.h"
#include "health/health.h"
#include "health/silence.h"
#include "money/delivery.h"
#include "money/explain.h"
#include "money/ledger.h"
#include "money/nano.h"
#include "money/zone.h"

enum { REPORT_MOST = 200 << 20 };

static void put_usd(struct json_writer *w, const char *name, int64_t nano)
{
    char usd[NANO_TEXT];
    json_key_plain(w, text_of(name));
    json_put_str(w, text_of(nano_write(nano, 0, usd)));
}

struct targets {
    struct json_writer *w;
    int64_t now_ns;
};

static void put_target(void *owner, struct text provider, struct text model, struct ejection *row)
{
    struct targets *t = owner;
    enum ejection_may may = ejection_asks(row, t->now_ns);
    const char *state = may == EJECTION_NO                             ? "ejected"
                        : may == EJECTION_PROBE                        ? "half-open"
                        : silence_is_suspect(&row->silence, t->now_ns) ? "suspect"
                        : degraded_is(&row->degraded, t->now_ns)       ? "degraded"
                                                                       : "healthy";
    json_object(t->w);
    json_name(t->w, "provider");
    json_put_str(t->w, provider);
    json_name(t->w, "model");
    json_put_str(t->w, model);
    json_name(t->w, "state");
    json_put_str(t->w, text_of(state));
    json_close(t->w);
}

static void put_ledger(struct json_writer *w, struct gateway *g)
{
    struct ledger_sums sums;
    json_name(w, "ledger");
    json_object(w);
    ledger_read_sums(g->ledger, &sums);
    put_usd(w, "held_usd", sums.held);
    put_usd(w, "doubt_usd", sums.doubt);
    json_name(w, "open");
    json_put_int(w, (int64_t)sums.open);
    json_close(w);
}

int admin_status(struct admin_call *call)
{
    struct gateway *g = call->admin->parts.gateway;
    struct json_writer *w = &call->w;
    struct targets targets = { .w = w, .now_ns = clock_ns() };
    char stamp[25];
    json_object(w);
    json_name(w, "version");
    json_put_str(w, TEXT(GW_VERSION));
    clock_rfc3339(g->started_unix_ms, stamp);
    json_name(w, "started");
    json_put_str(w, text_of(stamp));
    json_name(w, "configuration");
    json_object(w);
    json_name(w, "digest");
    json_put_str(w, text_of(call->config->digest));
    json_name(w, "reloads");
    json_put_int(w, (int64_t)atomic_load(&g->reloads));
    json_name(w, "refused");
    json_put_int(w, (int64_t)atomic_load(&g->reloads_refused));
    json_close(w);
    json_name(w, "draining");
    json_put_bool(w, atomic_load(&g->draining));
    if (call->caller.team.len == 0) { /* of all teams together */
        json_name(w, "in_flight");
        json_put_int(w, (int64_t)atomic_load(&g->in_flight));
        json_name(w, "keys");
        json_put_int(w, (int64_t)call->config->key_count);
        put_ledger(w, g);
    }
    json_name(w, "targets");
    json_array(w);
    if (g->health != NULL)
        health_each(g->health, put_target, &targets);
    json_close(w);
    json_close(w);
    return 0;
}

static const struct usage_store *store_of(const struct admin_call *call, struct usage_store *store)
{
    *store = (struct usage_store){ call->admin->parts.store.plugin, call->admin->parts.store.instance };
    return store->plugin != NULL ? store : NULL;
}

static int read_time(struct admin_call *call, const char *word, const struct zone *zone, int64_t *out)
{
    struct text t = admin_query(call, word);
    if (t.ptr == NULL || date_parse_moment(t, zone, out) == 0)
        return 0;
    return admin_refuse(call, 400, "invalid_query", "\"%s\" takes 7d, 12h, 30m, 2026-12-31 or 2026-12-31T18:00:00Z",
                        word);
}

static int read_query(struct admin_call *call, struct usage_query *query)
{
    struct text by = admin_query(call, "by"), zone = admin_query(call, "zone"), bad;
    *query = (struct usage_query){ .since_ms = INT64_MIN, .until_ms = INT64_MAX };
    if (usage_parse_by(by.ptr != NULL ? by : TEXT("team,model"), query, &bad) < 0)
        return admin_refuse(call, 400, "invalid_query", "\"by\" takes up to %d different words of %s", USAGE_BY_MOST,
                            USAGE_BY_WORDS);
    if (zone.len > 0 && !text_is(zone, "UTC") &&
        (query->zone = zone_read(zone_folder(), zone, call->arena, &call->fail)) == NULL) {
        call->fail.status = 400;
        return -1;
    }
    return read_time(call, "since", query->zone, &query->since_ms) < 0 ||
                   read_time(call, "until", query->zone, &query->until_ms) < 0
               ? -1
               : 0;
}

/* Rows of a team are found by their team, so it must be among the words. */
static int bind_team(struct admin_call *call, struct usage_query *query)
{
    for (unsigned i = 0; i < query->by_count; i++)
        if (query->by[i] == BY_TEAM)
            return 0;
    if (call->caller.team.len == 0)
        return 0;
    return admin_refuse(call, 403, "other_team",
                        "this credential sees one team: name \"team\" among the words of \"by\"");
}

/* Rows that the caller may see, as an array; NULL after call->fail. */
static const struct json *read_rows(struct admin_call *call, const struct usage_query *query)
{
    struct usage_store store;
    struct buf out, seen;
    struct json_writer w;
    struct usage_report *report = usage_report_read(call->admin->folder, store_of(call, &store), query, &call->fail);
    if (report == NULL)
        return NULL;
    buf_init(&out, REPORT_MOST);
    buf_init(&seen, REPORT_MOST);
    bool good = usage_report_write(report, USAGE_JSON, &out) == 0;
    usage_report_free(report);
    const struct json *rows =
        good ? json_parse(call->arena, arena_text(call->arena, buf_view(&out)), &call->fail) : NULL;
    if (!good)
        admin_refuse(call, 500, "answer_too_large", "the report is too large: ask for fewer words, or a shorter time");
    if (rows != NULL && call->caller.team.len > 0) {
        json_writer_init(&w, &seen);
        json_array(&w);
        for (size_t i = 0; i < json_count(rows); i++)
            if (admin_sees(call, json_str(json_member(json_at(rows, i), "team"))))
                json_put_json(&w, json_at(rows, i));
        json_close(&w);
        rows =
            json_end(&w) == 0 ? json_parse(call->arena, arena_text(call->arena, buf_view(&seen)), &call->fail) : NULL;
    }
    buf_free(&out);
    buf_free(&seen);
    return rows;
}

const struct json *admin_usage_rows(struct admin_call *call, const char *by, int64_t since_ms, int64_t until_ms)
{
    struct usage_query query = { .since_ms = since_ms, .until_ms = until_ms };
    struct text words = text_of(by), bad;
    if (call->caller.team.len > 0 && text_find(words, TEXT("team")) < 0)
        words = text_of(arena_printf(call->arena, "team,%s", by));
    BUG_IF(usage_parse_by(words, &query, &bad) < 0);
    return read_rows(call, &query);
}

int admin_usage(struct admin_call *call)
{
    struct usage_query query;
    if (read_query(call, &query) < 0 || bind_team(call, &query) < 0)
        return -1;
    const struct json *rows = read_rows(call, &query);
    if (rows == NULL)
        return -1;
    json_put_json(&call->w, rows);
    return 0;
}

/* Whose the request is: what its records have; absent where none has it. */
static struct text team_of(const struct json *explained)
{
    const struct json *records = json_member(explained, "records");
    for (size_t i = 0; i < json_count(records); i++) {
        struct text team = json_str(json_member(json_at(records, i), "team"));
        if (team.ptr != NULL)
            return team;
    }
    return TEXT_NONE;
}

int admin_explain(struct admin_call *call)
{
    struct usage_store store;
    struct buf out;
    struct fail ignored; /* a key of captures that is another one concerns who tries policies */
    const char *captured[3];
    struct explain *e = explain_read(call->admin->folder, store_of(call, &store), call->parts[0], &call->fail);
    if (e == NULL)
        return -1;
    buf_init(&out, REPORT_MOST);
    find_words(call->admin->folder, call->parts[0], captured, &ignored);
    const struct json *value =
        explain_count(e) > 0 && explain_write(e, true, captured, &out) == 0
            ? json_parse(call->arena, arena_text(call->arena, text_trim(buf_view(&out))), &call->fail)
            : NULL;
    explain_free(e);
    buf_free(&out);
    if (value == NULL || !admin_sees(call, team_of(value)))
        return admin_refuse(call, 404, "not_found", "the ledger has nothing of a request \"%.*s\"",
                            TEXT_ARG(call->parts[0]));
    json_put_json(&call->w, value);
    return 0;
}
