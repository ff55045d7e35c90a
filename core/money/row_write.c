/* row_write.c - one row as a line, as JSON, and copied. */
#include "money/row_write.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "money/nano.h"
#include "plugin/call.h"

/* The texts of a row, by the names that they have in JSON. */
static const struct {
    const char *name;
    size_t offset;
    bool whole;
} texts[] = {
    { "request", offsetof(gw_store_row, request), false },
    { "team", offsetof(gw_store_row, team), false },
    { "key", offsetof(gw_store_row, key), false },
    { "project", offsetof(gw_store_row, project), false },
    { "tags", offsetof(gw_store_row, tags), false },
    { "user", offsetof(gw_store_row, user), false },
    { "session", offsetof(gw_store_row, session), false },
    { "client", offsetof(gw_store_row, client), false },
    { "face", offsetof(gw_store_row, face), false },
    { "model", offsetof(gw_store_row, model), false },
    { "provider", offsetof(gw_store_row, provider), false },
    { "upstream_model", offsetof(gw_store_row, upstream_model), false },
    { "ending", offsetof(gw_store_row, ending), false },
    { "outcome", offsetof(gw_store_row, outcome), false },
    { "source", offsetof(gw_store_row, source), false },
    { "price", offsetof(gw_store_row, price), false },
    { "who", offsetof(gw_store_row, who), true },
    { "why", offsetof(gw_store_row, why), true },
};
enum { TEXTS = sizeof texts / sizeof texts[0] };

static gw_str *text_at(const gw_store_row *row, size_t offset)
{
    return (gw_str *)(void *)((char *)(uintptr_t)row + offset);
}

static gw_str keep(struct arena *arena, gw_str s)
{
    struct text t = call_text(s);
    return t.len > 0 ? call_str(arena_text(arena, t)) : GW_LIT("");
}

const gw_store_row *row_keep(struct arena *arena, const gw_store_row *from)
{
    gw_store_row *row = arena_new(arena, gw_store_row);
    gw_store_sums *sums = arena_new(arena, gw_store_sums);
    gw_store_line *lines = arena_array(arena, gw_store_line, from->line_count + 1);
    const gw_store_line **pointers = arena_array(arena, const gw_store_line *, from->line_count + 1);
    *row = *from;
    *sums = *from->sums;
    row->sums = sums;
    row->lines = pointers;
    for (size_t i = 0; i < TEXTS; i++)
        *text_at(row, texts[i].offset) = keep(arena, *text_at(from, texts[i].offset));
    row->accounts = keep(arena, from->accounts);
    row->raw = keep(arena, from->raw);
    row->policies = keep(arena, from->policies);
    for (size_t i = 0; i < from->line_count; i++) {
        lines[i] = *from->lines[i];
        lines[i].unit = keep(arena, lines[i].unit);
        lines[i].priced_as = keep(arena, lines[i].priced_as);
        lines[i].model = keep(arena, lines[i].model);
        lines[i].tier = keep(arena, lines[i].tier);
        pointers[i] = &lines[i];
    }
    return row;
}

void row_write_clean(gw_str text, struct buf *out)
{
    if (text.ptr == NULL || text.len == 0)
        buf_str(out, "-");
    for (size_t i = 0; text.ptr != NULL && i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool control = c == 0xc2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xa0; /* U+0080 to U+009F */
        i += control;
        buf_append(out, control || c < ' ' || c == 127 ? "?" : (const char *)&c, 1);
    }
}

static void put_usd(int64_t nano, struct buf *out)
{
    char usd[NANO_TEXT];
    buf_str(out, nano_write(nano, 2, usd));
}

void row_write_cost(const gw_store_row *row, struct buf *out)
{
    if (row->sums->unpriced > 0 && row->sums->cost == 0)
        buf_str(out, "unknown");
    else
        put_usd(row->sums->cost, out);
}

static const char *kind_of(const gw_store_row *row)
{
    return row->type == GW_STORE_END    ? "end"
           : row->type == GW_STORE_ROW  ? "row"
           : row->type == GW_STORE_LATE ? "late"
                                        : "open";
}

void row_write_line(const gw_store_row *row, struct buf *out)
{
    const gw_str words[] = { row->request, row->team, row->key, row->model };
    const gw_store_sums *s = row->sums;
    char stamp[32];
    clock_rfc3339(row->written_ms, stamp);
    buf_printf(out, "%.23sZ", stamp);
    for (size_t i = 0; i < 4; i++) {
        buf_str(out, " ");
        row_write_clean(words[i], out);
    }
    buf_str(out, " ");
    row_write_clean(row->provider, out);
    buf_str(out, "/");
    row_write_clean(row->upstream_model, out);
    buf_str(out, " ");
    row_write_clean(row->type == GW_STORE_END ? row->ending : call_str(text_of(kind_of(row))), out);
    buf_str(out, " ");
    row_write_clean(row->outcome, out);
    buf_printf(out, " in=%" PRId64 " out=%" PRId64 " usd=", s->input + s->cache_read + s->cache_write,
               s->output + s->reasoning);
    row_write_cost(row, out);
    if (s->doubt != 0) {
        buf_str(out, " doubt=");
        put_usd(s->doubt, out);
    }
    buf_printf(out, " %" PRId64 "ms\n", row->duration_ms);
}

static void put_money(struct json_writer *w, const char *name, int64_t nano)
{
    char usd[NANO_TEXT];
    json_key_plain(w, text_of(name));
    json_put_str(w, text_of(nano_write(nano, 0, usd)));
}

static void put_text(struct json_writer *w, const char *name, gw_str text)
{
    if (text.ptr == NULL || text.len == 0)
        return;
    json_key_plain(w, text_of(name));
    json_put_str(w, call_text(text));
}

static void put_int(struct json_writer *w, const char *name, int64_t value)
{
    json_key_plain(w, text_of(name));
    json_put_int(w, value);
}

static void put_time(struct json_writer *w, const char *name, int64_t unix_ms)
{
    char stamp[32];
    clock_rfc3339(unix_ms, stamp);
    put_text(w, name, call_str(text_of(stamp)));
}

static void put_given(struct json_writer *w, const char *name, gw_str json)
{
    if (json.ptr == NULL || json.len == 0)
        return;
    json_key_plain(w, text_of(name));
    if (json_check_quick(call_text(json)) == 0)
        json_put_raw(w, call_text(json));
    else
        json_put_str(w, call_text(json));
}

static void put_lines(const gw_store_row *row, struct json_writer *w)
{
    json_name(w, "lines");
    json_array(w);
    for (size_t i = 0; i < row->line_count; i++) {
        const gw_store_line *line = row->lines[i];
        json_object(w);
        put_text(w, "unit", line->unit);
        put_text(w, "priced_as", line->priced_as);
        put_text(w, "model", line->model);
        put_text(w, "tier", line->tier);
        put_int(w, "quantity", line->quantity);
        put_money(w, "price_usd", line->price);
        put_money(w, "cost_usd", line->cost);
        json_close(w);
    }
    json_close(w);
}

static void put_tokens(const gw_store_sums *s, struct json_writer *w)
{
    json_name(w, "tokens");
    json_object(w);
    put_int(w, "input", s->input);
    put_int(w, "output", s->output);
    put_int(w, "cache_read", s->cache_read);
    put_int(w, "cache_write", s->cache_write);
    put_int(w, "reasoning", s->reasoning);
    json_close(w);
}

static void put_decision(const gw_store_row *row, struct json_writer *w)
{
    put_money(w, "hard_usd", row->hard);
    put_money(w, "soft_usd", row->soft);
    if (row->output_limit > 0)
        put_int(w, "output_limit", (int64_t)row->output_limit);
    put_given(w, "accounts", row->accounts);
    put_lines(row, w);
    put_given(w, "raw", row->raw);
    put_given(w, "policies", row->policies);
}

void row_write_json(const gw_store_row *row, bool whole, struct json_writer *w)
{
    put_text(w, "type", call_str(text_of(kind_of(row))));
    put_int(w, "number", (int64_t)row->number);
    put_time(w, "time", row->written_ms);
    put_time(w, "admitted", row->admitted_ms);
    for (size_t i = 0; i < TEXTS; i++)
        if (whole || !texts[i].whole)
            put_text(w, texts[i].name, *text_at(row, texts[i].offset));
    if (row->attempt > 0)
        put_int(w, "attempt", (int64_t)row->attempt);
    json_name(w, "final");
    json_put_bool(w, row->sums->requests > 0);
    put_tokens(row->sums, w);
    if (row->sums->unpriced > 0 && row->sums->cost == 0) {
        json_name(w, "cost_usd");
        json_put_null(w);
    } else {
        put_money(w, "cost_usd", row->sums->cost);
    }
    put_money(w, "doubt_usd", row->sums->doubt);
    put_int(w, "duration_ms", row->duration_ms);
    if (whole)
        put_decision(row, w);
}
