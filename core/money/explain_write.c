/* explain_write.c - the story of one request, for people and as JSON. */
#include <inttypes.h>

#include "base/clock.h"
#include "money/explain_inside.h"
#include "money/nano.h"
#include "plugin/call.h"

struct totals {
    int64_t cost, doubt, unpriced;
    bool in_flight;
};

static struct totals totals_of(const struct explain *e)
{
    struct totals t = { 0 };
    for (size_t i = 0; i < e->count; i++) {
        t.cost += e->rows[i]->sums->cost;
        t.doubt += e->rows[i]->sums->doubt;
        t.unpriced += e->rows[i]->sums->unpriced;
        t.in_flight = t.in_flight || e->rows[i]->type == 0;
    }
    return t;
}

static const char *usd(int64_t nano, char out[NANO_TEXT])
{
    return nano_write(nano, 2, out);
}

/* "team "support" a month (limit 50 USD)", from the JSON of the record. */
static void put_accounts(const gw_store_row *row, struct buf *out)
{
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 20);
    const struct json *all = json_parse(&arena, call_text(row->accounts), NULL);
    for (size_t i = 0; i < json_count(all); i++) {
        const struct json *a = json_at(all, i);
        struct text id = json_str(json_member(a, "id")), limit = json_str(json_member(a, "limit_usd"));
        buf_printf(out, "%s%.*s \"", i == 0 ? "  charged to " : ", ", TEXT_ARG(json_str(json_member(a, "kind"))));
        row_write_clean(call_str(id), out);
        struct text per = json_str(json_member(a, "per"));
        buf_printf(out, "\" of %.*s USD %s %.*s", TEXT_ARG(limit), text_is(per, "total") ? "in" : "a", TEXT_ARG(per));
    }
    if (json_count(all) > 0)
        buf_str(out, "\n");
    arena_fini(&arena);
}

static void put_lines(const gw_store_row *row, struct buf *out)
{
    char price[NANO_TEXT], cost[NANO_TEXT];
    for (size_t i = 0; i < row->line_count; i++) {
        const gw_store_line *line = row->lines[i];
        buf_str(out, "    ");
        row_write_clean(line->unit, out);
        buf_printf(out, " %" PRId64 " at %s = %s USD\n", line->quantity, usd(line->price, price),
                   usd(line->cost, cost));
    }
}

static void put_head(const gw_store_row *row, struct buf *out)
{
    if (row->type == GW_STORE_LATE) {
        buf_printf(out, "correction of record %" PRIu64 " by ", row->corrects);
        row_write_clean(row->who, out);
        buf_str(out, ": ");
        row_write_clean(row->why, out);
    } else if (row->attempt > 0) {
        buf_printf(out, "attempt %" PRIu64 ": ", row->attempt);
        row_write_clean(row->provider, out);
        buf_str(out, "/");
        row_write_clean(row->upstream_model, out);
    } else {
        buf_str(out, row->provider.len > 0 ? "answered without an upstream" : "no upstream was asked");
    }
    buf_str(out, "\n");
}

static void put_held(const gw_store_row *row, struct buf *out)
{
    char hard[NANO_TEXT], soft[NANO_TEXT];
    if (row->attempt == 0 || row->type == GW_STORE_LATE)
        return;
    buf_printf(out, "  held %s USD at most, %s expected", usd(row->hard, hard), usd(row->soft, soft));
    if (row->output_limit > 0)
        buf_printf(out, ", output limit %" PRIu64 " tokens", row->output_limit);
    buf_str(out, "\n");
    put_accounts(row, out);
}

static void put_row(const gw_store_row *row, struct buf *out)
{
    char doubt[NANO_TEXT];
    put_head(row, out);
    put_held(row, out);
    if (row->type == 0) {
        buf_str(out, "  in flight\n");
        return;
    }
    buf_str(out, "  ended ");
    row_write_clean(row->ending, out);
    buf_str(out, ", outcome ");
    row_write_clean(row->outcome, out);
    buf_printf(out, ", after %" PRId64 " ms\n  cost ", row->duration_ms);
    row_write_cost(row, out);
    buf_str(out, " USD");
    if (row->price.len > 0) {
        buf_str(out, ", priced as ");
        row_write_clean(row->price, out);
    }
    if (row->source.len > 0) {
        buf_str(out, ", usage ");
        row_write_clean(row->source, out);
    }
    if (row->sums->doubt != 0)
        buf_printf(out, ", %s in doubt", usd(row->sums->doubt, doubt));
    buf_str(out, "\n");
    put_lines(row, out);
}

static void put_first(const struct explain *e, struct buf *out)
{
    const gw_store_row *row = e->rows[0];
    const struct {
        const char *name;
        gw_str value;
    } facts[] = { { "team", row->team },     { "key", row->key },   { "project", row->project },
                  { "tags", row->tags },     { "user", row->user }, { "session", row->session },
                  { "client", row->client }, { "API", row->face } };
    char stamp[32];
    clock_rfc3339(row->admitted_ms, stamp);
    buf_printf(out, "request %.*s for ", TEXT_ARG(e->request));
    row_write_clean(row->model, out);
    buf_printf(out, " at %s\n ", stamp);
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        if (facts[i].value.len == 0)
            continue;
        buf_printf(out, " %s ", facts[i].name);
        row_write_clean(facts[i].value, out);
    }
    buf_str(out, "\n");
}

static void write_text(const struct explain *e, const char *const *captured, struct buf *out)
{
    char cost[NANO_TEXT], doubt[NANO_TEXT];
    struct totals t = totals_of(e);
    put_first(e, out);
    for (size_t i = 0; i < e->count; i++)
        put_row(e->rows[i], out);
    for (size_t i = 0; i < e->count; i++)
        explain_write_policies(e->rows[i], out);
    for (size_t i = 0; captured[i] != NULL; i++)
        buf_printf(out, "%s its %s", i == 0 ? "captured, sealed, for policy replay:" : " and", captured[i]);
    if (captured[0] != NULL)
        buf_str(out, "\n");
    buf_printf(out, "total %s USD, %s in doubt%s%s\n", usd(t.cost, cost), usd(t.doubt, doubt),
               t.unpriced > 0 ? ", and what has no price" : "", t.in_flight ? "; it is not over" : "");
}

static void put_money(struct json_writer *w, const char *name, int64_t nano)
{
    char text[NANO_TEXT];
    json_key_plain(w, text_of(name));
    json_put_str(w, text_of(nano_write(nano, 0, text)));
}

int explain_write(const struct explain *e, bool as_json, const char *const *captured, struct buf *out)
{
    struct totals t = totals_of(e);
    struct json_writer w;
    if (!as_json) {
        write_text(e, captured, out);
        return out->failed ? -1 : 0;
    }
    json_writer_init(&w, out);
    json_object(&w);
    json_name(&w, "request");
    json_put_str(&w, e->request);
    json_name(&w, "records");
    json_array(&w);
    for (size_t i = 0; i < e->count; i++) {
        json_object(&w);
        row_write_json(e->rows[i], true, &w);
        json_close(&w);
    }
    json_close(&w);
    json_name(&w, "captured");
    json_array(&w);
    for (size_t i = 0; captured[i] != NULL; i++)
        json_put_str(&w, text_of(captured[i]));
    json_close(&w);
    put_money(&w, "cost_usd", t.cost);
    put_money(&w, "doubt_usd", t.doubt);
    json_name(&w, "in_flight");
    json_put_bool(&w, t.in_flight);
    json_close(&w);
    return json_end(&w) < 0 || buf_str(out, "\n") < 0 ? -1 : 0;
}
