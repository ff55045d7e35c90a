/* batch.c - rows as one JSON text, which the server takes apart: a batch is one question and one answer, however many rows it has. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

static void append(struct builder *b, const char *bytes, size_t len)
{
    if (b->full)
        return;
    if (b->len + len + 1 > b->cap) {
        size_t cap = b->cap == 0 ? 4096 : b->cap * 2;
        while (cap < b->len + len + 1)
            cap *= 2;
        char *more = realloc(b->text, cap);
        if (more == NULL) {
            b->full = true;
            return;
        }
        b->text = more;
        b->cap = cap;
    }
    memcpy(b->text + b->len, bytes, len);
    b->len += len;
    b->text[b->len] = '\0';
}

void builder_add(struct builder *b, const char *text)
{
    append(b, text, strlen(text));
}

void builder_number(struct builder *b, int64_t number)
{
    char digits[NUMBER_TEXT];
    snprintf(digits, sizeof digits, "%" PRId64, number);
    builder_add(b, digits);
}

/* Bytes of the UTF-8 character at the start; 0: there is none. */
static size_t character(const unsigned char *s, size_t len)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t size = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf8 ? 4 : 0;
    uint32_t code = size < 2 ? s[0] : s[0] & (0x7fu >> size);
    if (size == 0 || size > len)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3fu);
    }
    return code < least[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : size;
}

static void put_text(struct builder *b, gw_str text)
{
    const unsigned char *s = (const unsigned char *)text.ptr;
    append(b, "\"", 1);
    for (size_t i = 0; s != NULL && i < text.len;) {
        char escaped[8];
        size_t size = character(s + i, text.len - i);
        if (size == 0 || s[i] == 0) {
            builder_add(b, "\xef\xbf\xbd");
        } else if (s[i] < 0x20 || s[i] == '"' || s[i] == '\\') {
            snprintf(escaped, sizeof escaped, "\\u%04x", s[i]);
            builder_add(b, escaped);
        } else {
            append(b, text.ptr + i, size);
        }
        i += size == 0 ? 1 : size;
    }
    append(b, "\"", 1);
}

static void begin_member(struct builder *b, const char *name)
{
    builder_add(b, b->len > 0 && b->text[b->len - 1] != '{' ? ",\"" : "\"");
    builder_add(b, name);
    builder_add(b, "\":");
}

static void member_text(struct builder *b, const char *name, gw_str value)
{
    begin_member(b, name);
    put_text(b, value);
}

static void member_number(struct builder *b, const char *name, int64_t value)
{
    begin_member(b, name);
    builder_number(b, value);
}

static void put_sums(struct builder *b, const gw_store_sums *v)
{
    member_number(b, "requests", v->requests);
    member_number(b, "input", v->input);
    member_number(b, "output", v->output);
    member_number(b, "cache_read", v->cache_read);
    member_number(b, "cache_write", v->cache_write);
    member_number(b, "reasoning", v->reasoning);
    member_number(b, "cost_nano", v->cost);
    member_number(b, "doubt_nano", v->doubt);
    member_number(b, "unpriced", v->unpriced);
    member_number(b, "estimated", v->estimated);
}

static void put_lines(struct builder *b, const gw_store_row *row)
{
    builder_add(b, ",\"lines\":[");
    for (size_t i = 0; i < row->line_count; i++) {
        const gw_store_line *line = row->lines[i];
        builder_add(b, i > 0 ? ",{" : "{");
        member_text(b, "unit", line->unit);
        member_text(b, "priced_as", line->priced_as);
        member_text(b, "model", line->model);
        member_text(b, "tier", line->tier);
        member_number(b, "quantity", line->quantity);
        member_number(b, "price_nano", line->price);
        member_number(b, "cost_nano", line->cost);
        builder_add(b, "}");
    }
    builder_add(b, "]");
}

static void put_texts(struct builder *b, const gw_store_row *row)
{
    bool has = row->size >= offsetof(gw_store_row, policies) + sizeof row->policies; /* an older host gives none */
    const struct {
        const char *name;
        gw_str value;
    } texts[] = {
        { "request", row->request }, { "team", row->team },         { "key", row->key },
        { "model", row->model },     { "provider", row->provider }, { "project", row->project },
        { "tags", row->tags },       { "user", row->user },         { "session", row->session },
        { "client", row->client },   { "face", row->face },         { "upstream_model", row->upstream_model },
        { "ending", row->ending },   { "source", row->source },     { "outcome", row->outcome },
        { "price", row->price },     { "accounts", row->accounts }, { "raw", row->raw },
        { "who", row->who },         { "why", row->why },           { "policies", has ? row->policies : GW_LIT("") },
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        member_text(b, texts[i].name, texts[i].value);
}

void batch_write(struct builder *b, const gw_store_batch *batch)
{
    builder_add(b, "[");
    for (size_t i = 0; i < batch->row_count; i++) {
        const gw_store_row *row = batch->rows[i];
        builder_add(b, i > 0 ? ",{" : "{");
        member_number(b, "number", (int64_t)row->number);
        member_number(b, "type", row->type);
        member_number(b, "corrects", (int64_t)row->corrects);
        member_number(b, "written_ms", row->written_ms);
        member_number(b, "admitted_ms", row->admitted_ms);
        member_number(b, "duration_ms", row->duration_ms);
        member_number(b, "attempt", (int64_t)row->attempt);
        member_number(b, "hard_nano", row->hard);
        member_number(b, "soft_nano", row->soft);
        member_number(b, "output_limit", (int64_t)row->output_limit);
        put_sums(b, row->sums);
        put_texts(b, row);
        put_lines(b, row);
        builder_add(b, "}");
    }
    builder_add(b, "]");
}
