/* usage_write.c - a report as a table for people, as JSON or CSV for tools. */
#include <inttypes.h>

#include "base/json.h"
#include "money/nano.h"
#include "money/usage_inside.h"

/* The columns behind the values. */
struct column {
    const char *name;
    size_t offset;
    bool is_money;
};

#define AT(member_) offsetof(struct usage_sums, member_)
static const struct column columns[] = {
    { "requests", AT(requests), false },       { "input", AT(input), false },
    { "output", AT(output), false },           { "cache_read", AT(cache_read), false },
    { "cache_write", AT(cache_write), false }, { "reasoning", AT(reasoning), false },
    { "spent_usd", AT(cost), true },           { "held_usd", AT(held), true },
    { "doubt_usd", AT(doubt), true },
};
enum { COLUMNS = sizeof columns / sizeof columns[0], CELL = 32 };

static int64_t number_at(const struct usage_sums *sums, const struct column *c)
{
    return *(const int64_t *)(const void *)((const char *)sums + c->offset);
}

/* Nothing that was used had a price: what it cost is unknown, not nothing. */
static bool is_unknown(const struct usage_sums *sums)
{
    return sums->unpriced > 0 && sums->cost == 0;
}

static const char *cell(const struct usage_sums *sums, const struct column *c, char out[CELL])
{
    if (c->offset == AT(cost) && is_unknown(sums))
        snprintf(out, CELL, "unknown");
    else if (c->is_money)
        nano_write(number_at(sums, c), 2, out);
    else
        snprintf(out, CELL, "%" PRId64, number_at(sums, c));
    return out;
}

static size_t width_of(struct text value)
{
    size_t width = 0; /* characters, near enough to columns of a terminal */
    for (size_t i = 0; i < value.len; i++)
        width += ((unsigned char)value.ptr[i] & 0xc0) != 0x80;
    return width;
}

struct widths {
    size_t values[USAGE_BY_MOST];
    size_t columns[COLUMNS];
};

static void widen(struct widths *w, const struct usage_report *r, const struct text *values,
                  const struct usage_sums *sums)
{
    char text[CELL];
    for (unsigned i = 0; i < r->query.by_count; i++) {
        size_t width = values[i].len > 0 ? width_of(values[i]) : 1;
        w->values[i] = width > w->values[i] ? width : w->values[i];
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        size_t width = text_of(cell(sums, &columns[i], text)).len;
        w->columns[i] = width > w->columns[i] ? width : w->columns[i];
    }
}

/* What a terminal would take for a command is shown as "?". */
static void put_value(struct text value, size_t width, struct buf *out)
{
    if (value.len == 0)
        value = TEXT("-");
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        bool control = (unsigned char)c == 0xc2 && i + 1 < value.len &&
                       (unsigned char)value.ptr[i + 1] < 0xa0; /* U+0080 to U+009F */
        i += control;
        if (control || (unsigned char)c < ' ' || c == 127)
            c = '?';
        buf_append(out, &c, 1);
    }
    buf_printf(out, "%*s", (int)(width - width_of(value)) + 2, "");
}

static void put_line(const struct widths *w, const struct usage_report *r, const struct text *values,
                     const struct usage_sums *sums, struct buf *out)
{
    char text[CELL];
    for (unsigned i = 0; i < r->query.by_count; i++)
        put_value(values[i], w->values[i], out);
    for (size_t i = 0; i < COLUMNS; i++)
        buf_printf(out, "%s%*s", i > 0 ? "  " : "", (int)w->columns[i], cell(sums, &columns[i], text));
    buf_str(out, "\n");
}

static void put_notes(const struct usage_report *r, struct buf *out)
{
    if (r->total.unpriced > 0)
        buf_printf(out,
                   "%" PRId64
                   " attempts have no price: what they cost is not in these sums (llm-gateway prices show MODEL)\n",
                   r->total.unpriced);
    if (r->total.estimated > 0)
        buf_printf(out,
                   "%" PRId64
                   " attempts were counted or estimated by the gateway: their upstream did not report the usage\n",
                   r->total.estimated);
}

static void write_table(const struct usage_report *r, struct buf *out)
{
    struct text sum[USAGE_BY_MOST] = { TEXT("total") };
    struct widths w = { 0 };
    for (unsigned i = 0; i < r->query.by_count; i++)
        w.values[i] = text_of(usage_by_names[r->query.by[i]]).len;
    for (size_t i = 0; i < COLUMNS; i++)
        w.columns[i] = text_of(columns[i].name).len;
    for (unsigned i = 1; i < USAGE_BY_MOST; i++)
        sum[i] = TEXT(" ");
    for (size_t i = 0; i < r->row_count; i++)
        widen(&w, r, r->rows[i]->values, &r->rows[i]->sums);
    widen(&w, r, sum, &r->total);
    for (unsigned i = 0; i < r->query.by_count; i++)
        put_value(text_of(usage_by_names[r->query.by[i]]), w.values[i], out);
    for (size_t i = 0; i < COLUMNS; i++)
        buf_printf(out, "%s%*s", i > 0 ? "  " : "", (int)w.columns[i], columns[i].name);
    buf_str(out, "\n");
    for (size_t i = 0; i < r->row_count; i++)
        put_line(&w, r, r->rows[i]->values, &r->rows[i]->sums, out);
    if (r->row_count != 1 || r->query.by_count == 0)
        put_line(&w, r, sum, &r->total, out);
    put_notes(r, out);
}

static void put_money(struct json_writer *w, struct text name, int64_t nano)
{
    char text[NANO_TEXT];
    json_key_plain(w, name);
    json_put_str(w, text_of(nano_write(nano, 0, text)));
}

static void put_row(const struct usage_report *r, const struct usage_row *row, struct json_writer *w)
{
    const struct usage_sums *s = &row->sums;
    json_object(w);
    for (unsigned i = 0; i < r->query.by_count; i++) {
        json_key_plain(w, text_of(usage_by_names[r->query.by[i]]));
        json_put_str(w, row->values[i]);
    }
    json_name(w, "requests");
    json_put_int(w, s->requests);
    json_name(w, "tokens");
    json_object(w);
    for (size_t i = 0; i < COLUMNS; i++) {
        if (columns[i].is_money || columns[i].offset == AT(requests))
            continue;
        json_key_plain(w, text_of(columns[i].name));
        json_put_int(w, number_at(s, &columns[i]));
    }
    json_close(w);
    if (is_unknown(s)) {
        json_name(w, "cost_usd");
        json_put_null(w);
    } else {
        put_money(w, TEXT("cost_usd"), s->cost);
    }
    put_money(w, TEXT("held_usd"), s->held);
    put_money(w, TEXT("doubt_usd"), s->doubt);
    json_name(w, "unpriced");
    json_put_int(w, s->unpriced);
    json_name(w, "estimated");
    json_put_int(w, s->estimated);
    json_close(w);
}

static int write_json(const struct usage_report *r, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_array(&w);
    for (size_t i = 0; i < r->row_count; i++)
        put_row(r, r->rows[i], &w);
    json_close(&w);
    return json_end(&w) < 0 ? -1 : buf_str(out, "\n");
}

void usage_write_csv(struct text value, struct buf *out)
{
    bool formula = value.len > 0 && strchr("=+-@\t\r", value.ptr[0]) != NULL;
    buf_str(out, formula ? "\"'" : "\"");
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '"')
            buf_str(out, "\"");
        buf_append(out, &value.ptr[i], 1);
    }
    buf_str(out, "\"");
}

static void write_csv(const struct usage_report *r, struct buf *out)
{
    char text[CELL];
    for (unsigned i = 0; i < r->query.by_count; i++)
        buf_printf(out, "%s,", usage_by_names[r->query.by[i]]);
    for (size_t i = 0; i < COLUMNS; i++)
        buf_printf(out, "%s%s", columns[i].offset == AT(cost) ? "cost_usd" : columns[i].name,
                   i + 1 < COLUMNS ? "," : "\n");
    for (size_t row = 0; row < r->row_count; row++) {
        for (unsigned i = 0; i < r->query.by_count; i++) {
            usage_write_csv(r->rows[row]->values[i], out);
            buf_str(out, ",");
        }
        for (size_t i = 0; i < COLUMNS; i++) {
            bool empty = columns[i].offset == AT(cost) && is_unknown(&r->rows[row]->sums);
            buf_printf(out, "%s%s", empty ? "" : cell(&r->rows[row]->sums, &columns[i], text),
                       i + 1 < COLUMNS ? "," : "\n");
        }
    }
}

int usage_report_write(const struct usage_report *r, enum usage_format format, struct buf *out)
{
    if (format == USAGE_JSON)
        return write_json(r, out);
    if (format == USAGE_FOCUS)
        usage_focus_write(r, out);
    else if (format == USAGE_CSV)
        write_csv(r, out);
    else
        write_table(r, out);
    return out->failed ? -1 : 0;
}
