/* rows.c - single rows. A request's are of any gateway; numbers are of this one's ledger. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

enum { LINES_MOST = 64, PAGE = 500, FIRST_TEXT = 7, FIRST_SUM = 22, REST = FIRST_SUM + SUMS };

#define COLUMNS                                                                                                        \
    "SELECT u.number, u.type, u.corrects, u.written_ms, u.admitted_ms, u.duration_ms, u.attempt, u.request, d.team, "  \
    "d.key, d.model, d.provider, u.project, u.tags, u.\"user\", u.session, u.client, u.face, u.upstream_model, "       \
    "u.ending, u.source, u.outcome, u.requests, u.input, u.output, u.cache_read, u.cache_write, u.reasoning, "         \
    "u.cost_nano, u.doubt_nano, u.unpriced, u.estimated, u.price, u.hard_nano, u.soft_nano, u.output_limit, "          \
    "u.accounts, u.raw, u.who, u.why, u.policies, u.lines FROM llm_gateway.usage u "                                   \
    "JOIN llm_gateway.dims d ON d.id = u.dims WHERE "
#define NEWEST "u.gateway = $1 AND u.generation = (SELECT generation FROM llm_gateway.gateways WHERE id = $1) AND "

/* $1: the gateway; $2: a request or a number; $3: how many. */
static const char by_request[] =
    COLUMNS "$1::integer IS NOT NULL AND u.request = $2 ORDER BY u.gateway, u.generation, u.number LIMIT $3";
static const char by_number[] = COLUMNS NEWEST "u.number = $2 LIMIT $3";
static const char after_number[] = COLUMNS NEWEST "u.number > $2 ORDER BY u.number LIMIT $3";

struct lines {
    gw_store_line items[LINES_MOST];
    const gw_store_line *pointers[LINES_MOST];
    size_t count;
};

static gw_status read_lines(struct session *s, gw_call *call, gw_str text, struct lines *lines)
{
    const gw_json_api *json = s->of->host->json;
    const gw_json *list;
    gw_status status = json->parse(call, text, &list);
    lines->count = 0;
    if (status != GW_OK)
        return status;
    for (size_t i = 0; i < json->count(list) && lines->count < LINES_MOST; i++) {
        const gw_json *from = json->at(list, i);
        gw_store_line *line = &lines->items[lines->count];
        *line = (gw_store_line){ .size = sizeof *line,
                                 .unit = json->str(json->get(from, GW_LIT("unit"))),
                                 .priced_as = json->str(json->get(from, GW_LIT("priced_as"))),
                                 .model = json->str(json->get(from, GW_LIT("model"))),
                                 .tier = json->str(json->get(from, GW_LIT("tier"))),
                                 .quantity = json->integer(json->get(from, GW_LIT("quantity")), 0),
                                 .price = json->integer(json->get(from, GW_LIT("price_nano")), 0),
                                 .cost = json->integer(json->get(from, GW_LIT("cost_nano")), 0) };
        lines->pointers[lines->count++] = line;
    }
    return GW_OK;
}

static void read_row(const PGresult *rows, int at, gw_store_row *row, gw_store_sums *sums)
{
    int64_t *const members[SUMS] = { &sums->requests,    &sums->input,     &sums->output, &sums->cache_read,
                                     &sums->cache_write, &sums->reasoning, &sums->cost,   &sums->doubt,
                                     &sums->unpriced,    &sums->estimated };
    gw_str *const texts[] = { &row->request, &row->team,           &row->key,    &row->model,   &row->provider,
                              &row->project, &row->tags,           &row->user,   &row->session, &row->client,
                              &row->face,    &row->upstream_model, &row->ending, &row->source,  &row->outcome };
    *sums = (gw_store_sums){ .size = sizeof *sums };
    *row = (gw_store_row){ .size = sizeof *row,
                           .number = (uint64_t)query_number(rows, at, 0),
                           .type = (uint32_t)query_number(rows, at, 1),
                           .corrects = (uint64_t)query_number(rows, at, 2),
                           .written_ms = query_number(rows, at, 3),
                           .admitted_ms = query_number(rows, at, 4),
                           .duration_ms = query_number(rows, at, 5),
                           .attempt = (uint64_t)query_number(rows, at, 6),
                           .sums = sums,
                           .price = query_text(rows, at, REST),
                           .hard = query_number(rows, at, REST + 1),
                           .soft = query_number(rows, at, REST + 2),
                           .output_limit = (uint64_t)query_number(rows, at, REST + 3),
                           .accounts = query_text(rows, at, REST + 4),
                           .raw = query_text(rows, at, REST + 5),
                           .who = query_text(rows, at, REST + 6),
                           .why = query_text(rows, at, REST + 7),
                           .policies = query_text(rows, at, REST + 8) };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = query_text(rows, at, FIRST_TEXT + (int)i);
    for (int i = 0; i < SUMS; i++)
        *members[i] = query_number(rows, at, FIRST_SUM + i);
}

static gw_status give(struct session *s, gw_call *call, const PGresult *rows, void *owner,
                      void (*each)(void *owner, const gw_store_row *row))
{
    struct lines lines;
    gw_store_row row;
    gw_store_sums sums;
    gw_status status = GW_OK;
    for (int i = 0; status == GW_OK && i < PQntuples(rows); i++) {
        status = read_lines(s, call, query_text(rows, i, REST + 9), &lines);
        if (status != GW_OK)
            break;
        read_row(rows, i, &row, &sums);
        row.lines = lines.pointers;
        row.line_count = lines.count;
        each(owner, &row);
    }
    return status;
}

/* One page of rows, and what the next one begins after. */
static gw_status page(struct session *s, gw_call *call, const char *sql, char *value, uint64_t most, int *count,
                      void *owner, void (*each)(void *owner, const gw_store_row *row))
{
    char limit[NUMBER_TEXT];
    const char *const values[] = { s->gateway, value, limit };
    PGresult *rows;
    snprintf(limit, sizeof limit, "%" PRIu64, most);
    gw_status status = query(s, call, sql, 3, values, &rows);
    if (status != GW_OK)
        return status;
    *count = PQntuples(rows);
    status = give(s, call, rows, owner, each);
    if (sql == after_number && *count > 0)
        snprintf(value, NUMBER_TEXT, "%" PRId64, query_number(rows, *count - 1, 0));
    PQclear(rows);
    return status;
}

gw_status postgres_rows(void *session, gw_call *call, const gw_store_find *find, void *owner,
                        void (*each)(void *owner, const gw_store_row *row))
{
    struct session *s = session;
    const char *sql = find->request.len > 0 ? by_request : find->number != 0 ? by_number : after_number;
    uint64_t left = find->most != 0 ? find->most : UINT64_MAX / 4;
    char *value = s->of->host->alloc(call, find->request.len + NUMBER_TEXT, 1);
    int count = PAGE;
    gw_status status = value != NULL ? GW_OK : GW_E_NOMEM;
    if (status != GW_OK)
        return status;
    if (sql == by_request)
        memcpy(value, find->request.ptr, find->request.len);
    else
        snprintf(value, NUMBER_TEXT, "%" PRId64, (int64_t)(find->number != 0 ? find->number : find->after));
    if (sql != after_number)
        return page(s, call, sql, value, left, &count, owner, each);
    while (status == GW_OK && left > 0 && count == PAGE) {
        status = page(s, call, sql, value, left < PAGE ? left : PAGE, &count, owner, each);
        left -= (uint64_t)(status == GW_OK ? count : 0);
    }
    return status;
}
