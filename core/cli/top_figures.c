/* top_figures.c - reads the Prometheus text format as far as our own /metrics uses it, and writes a table of it. */
#include "cli/top_figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

enum { ARENA_MOST = 64 << 20, ROWS_MOST = 200, NUMBER_MOST = 64 };

void top_figures_read(struct top_figures *f, struct text metrics, double at_s)
{
    *f = (struct top_figures){ .at_s = at_s };
    arena_init(&f->arena, NULL, 0, ARENA_MOST);
    map_init(&f->values);
    for (struct text rest = arena_text(&f->arena, metrics); rest.len > 0;) {
        struct text line = text_cut(&rest, '\n');
        char number[NUMBER_MOST];
        size_t at = line.len;
        while (at > 0 && line.ptr[at - 1] != ' ')
            at--;
        if (line.len == 0 || *line.ptr == '#' || at == 0 || line.len - at >= sizeof number)
            continue;
        memcpy(number, line.ptr + at, line.len - at);
        number[line.len - at] = '\0';
        double *value = arena_new(&f->arena, double);
        *value = strtod(number, NULL);
        map_put(&f->values, (struct text){ line.ptr, at - 1 }, value);
    }
}

void top_figures_free(struct top_figures *f)
{
    map_fini(&f->values);
    arena_fini(&f->arena);
}

static double value_of(const struct top_figures *f, struct text series)
{
    const double *value = map_get(&f->values, series);
    return value != NULL ? *value : 0;
}

/* Of `name{labels}`, as it is written there. */
static struct text label(struct text series, struct text name_and_quote)
{
    ptrdiff_t at = text_find(series, name_and_quote);
    if (at < 0)
        return TEXT_NONE;
    struct text rest = { series.ptr + at + name_and_quote.len, series.len - (size_t)at - name_and_quote.len };
    return text_cut(&rest, '"');
}

/* Of a provider's model, or of all. */
struct row {
    struct text provider, model;
    double requests, failed, in, out, usd, first_sum, first_count, took_sum, took_count;
};

struct table {
    struct row rows[ROWS_MOST]; /* the first is the sum */
    size_t count;
};

static struct row *row_of(struct table *t, struct text provider, struct text model)
{
    for (size_t i = 1; i < t->count; i++)
        if (text_eq(t->rows[i].provider, provider) && text_eq(t->rows[i].model, model))
            return &t->rows[i];
    if (t->count == ROWS_MOST)
        return NULL;
    t->rows[t->count] = (struct row){ .provider = provider, .model = model };
    return &t->rows[t->count++];
}

static void add(struct row *r, struct text series, double more)
{
    struct text outcome = label(series, TEXT("outcome=\"")), type = label(series, TEXT("type=\""));
    if (r == NULL)
        return;
    if (text_starts(series, TEXT("gw_requests_total{"))) {
        r->requests += more;
        r->failed += text_is(outcome, "failed") || text_is(outcome, "broken") ? more : 0;
    } else if (text_starts(series, TEXT("gw_tokens_total{"))) {
        *(text_is(type, "output") || text_is(type, "reasoning") ? &r->out : &r->in) += more;
    } else if (text_starts(series, TEXT("gw_cost_usd_total{"))) {
        r->usd += more;
    } else if (text_starts(series, TEXT("gw_time_to_first_token_seconds_sum{"))) {
        r->first_sum += more;
    } else if (text_starts(series, TEXT("gw_time_to_first_token_seconds_count{"))) {
        r->first_count += more;
    } else if (text_starts(series, TEXT("gw_request_duration_seconds_sum{"))) {
        r->took_sum += more;
    } else if (text_starts(series, TEXT("gw_request_duration_seconds_count{"))) {
        r->took_count += more;
    }
}

static void fill(struct table *t, const struct top_figures *before, const struct top_figures *now)
{
    t->count = 1;
    t->rows[0] = (struct row){ .requests = 0 };
    for (size_t i = 0; i < now->values.count; i++) {
        struct text series = now->values.entries[i].key;
        double more = value_of(now, series) - value_of(before, series);
        struct text provider = label(series, TEXT("provider=\"")), model = label(series, TEXT("model=\""));
        if (more == 0)
            continue;
        add(&t->rows[0], series, more);
        if (provider.len > 0 && model.len > 0)
            add(row_of(t, provider, model), series, more);
    }
}

/* Nothing that moves a terminal's cursor. */
static void put_clean(struct buf *out, struct text words)
{
    for (size_t i = 0; i < words.len; i++) {
        bool is_control = (unsigned char)words.ptr[i] < ' ' || words.ptr[i] == 127;
        buf_append(out, is_control ? "?" : &words.ptr[i], 1);
    }
}

static void put_seconds(struct buf *out, double sum, double count)
{
    if (count > 0)
        buf_printf(out, " %9.2f s", sum / count);
    else
        buf_printf(out, " %11s", "-");
}

static void put_row(const struct row *r, double seconds, struct buf *out)
{
    char name[100], padded[40];
    if (r->provider.len > 0)
        snprintf(name, sizeof name, "%.*s/%.*s", TEXT_ARG(r->provider), TEXT_ARG(r->model));
    else
        snprintf(name, sizeof name, "all");
    snprintf(padded, sizeof padded, "%-32.32s", name);
    put_clean(out, text_of(padded));
    buf_printf(out, " %10.2f %9.2f %10.0f %10.0f", r->requests / seconds, r->failed / seconds, r->in / seconds,
               r->out / seconds);
    put_seconds(out, r->first_sum, r->first_count);
    put_seconds(out, r->took_sum, r->took_count);
    buf_printf(out, " %10.4f\n", r->usd * 3600 / seconds);
}

static void put_trouble(struct buf *out, struct text whose, const char *what)
{
    put_clean(out, whose);
    buf_printf(out, "%s\n", what);
}

/* What is not as it should be: targets that get no requests, or few, and models for which requests wait. */
static void put_troubles(const struct top_figures *now, struct buf *out)
{
    for (size_t i = 0; i < now->values.count; i++) {
        struct text series = now->values.entries[i].key;
        double value = value_of(now, series);
        if (text_starts(series, TEXT("gw_upstream_health{")) && value < 1)
            put_trouble(out, label(series, TEXT("target=\"")),
                        value > 0 ? " gets few requests: it is slow, silent, or comes to be tried"
                                  : " gets no requests: it fails");
        else if (text_starts(series, TEXT("gw_queue_waiting_requests{")) && value > 0)
            put_trouble(out, label(series, TEXT("model=\"")), ": requests wait for a place");
    }
}

void top_figures_write(const struct top_figures *before, const struct top_figures *now, struct text url,
                       struct buf *out)
{
    double started = value_of(now, TEXT("process_start_time_seconds"));
    bool since_start = before->values.count == 0 || value_of(before, TEXT("process_start_time_seconds")) != started;
    struct top_figures nothing;
    top_figures_read(&nothing, TEXT_NONE, 0);
    struct table *t = calloc(1, sizeof *t);
    BUG_IF(t == NULL);
    double seconds = now->at_s - (since_start ? started : before->at_s);
    seconds = seconds > 0.001 ? seconds : 0.001;
    fill(t, since_start ? &nothing : before, now);
    buf_printf(out, "%.*s: up %.0f s, %.0f in flight, %.0f connections, %.0f MB; %s %.1f s\n", TEXT_ARG(url),
               now->at_s - started, value_of(now, TEXT("gw_inflight_requests")), value_of(now, TEXT("gw_connections")),
               value_of(now, TEXT("process_resident_memory_bytes")) / 1e6,
               since_start ? "means since its start," : "means of the last", seconds);
    buf_printf(out, "%-32s %10s %9s %10s %10s %11s %11s %10s\n", "", "requests/s", "failed/s", "in/s", "out/s",
               "first token", "duration", "USD/h");
    for (size_t i = 0; i < t->count; i++)
        put_row(&t->rows[i], seconds, out);
    put_troubles(now, out);
    top_figures_free(&nothing);
    free(t);
}
