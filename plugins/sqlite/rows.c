/* rows.c - single rows, with their lines and decisions; removes old ones. */
#include <stdlib.h>

#include "sqlite.h"

enum { LINES_MOST = 64, FIRST_TEXT = 9, FIRST_SUM = 24 };

#define COLUMNS                                                                                                        \
    "u.generation, u.number, u.type, u.corrects, u.written_ms, u.admitted_ms, u.duration_ms, u.attempt, u.dims, "      \
    "u.request, d.team, d.key, d.model, d.provider, u.project, u.tags, u.user, u.session, u.client, u.face, "          \
    "u.upstream_model, u.ending, u.source, u.outcome, u.requests, u.input, u.output, u.cache_read, u.cache_write, "    \
    "u.reasoning, u.cost_nano, u.doubt_nano, u.unpriced, u.estimated, u.price, x.hard_nano, x.soft_nano, "             \
    "x.output_limit, x.accounts, x.raw, x.who, x.why, x.policies"
#define FROM                                                                                                           \
    " FROM usage u JOIN dims d ON d.id = u.dims LEFT JOIN decisions x ON x.generation = u.generation AND x.number = u.number"
#define NEWEST " u.generation = (SELECT generation FROM meta)"

/* ?1: the request; ?2: a number; ?3: how many. */
static const char by_request[] =
    "SELECT " COLUMNS FROM " WHERE u.request = ?1 ORDER BY u.generation, u.number LIMIT ?3";
static const char by_number[] = "SELECT " COLUMNS FROM " WHERE" NEWEST " AND u.number = ?2 LIMIT ?3";
static const char after_number[] =
    "SELECT " COLUMNS FROM " WHERE" NEWEST " AND u.number > ?2 ORDER BY u.number LIMIT ?3";

struct lines {
    gw_store_line items[LINES_MOST];
    const gw_store_line *pointers[LINES_MOST];
    size_t count;
};

/* The texts stay until the statement's next step: they are copied into memory of the call. */
static gw_str copy_text(struct session *s, gw_call *call, sqlite3_stmt *st, int column)
{
    gw_str text = statement_text(st, column);
    char *copy = text.len > 0 ? s->of->host->alloc(call, text.len, 1) : NULL;
    for (size_t i = 0; copy != NULL && i < text.len; i++)
        copy[i] = text.ptr[i];
    return copy != NULL ? (gw_str){ copy, text.len } : GW_LIT("");
}

static gw_status read_lines(struct session *s, gw_call *call, int64_t generation, int64_t number, struct lines *lines)
{
    sqlite3_stmt *st = statement(s, LINES_GET);
    int code = st != NULL ? SQLITE_ROW : sqlite3_errcode(s->db);
    lines->count = 0;
    if (st != NULL) {
        sqlite3_bind_int64(st, 1, generation);
        sqlite3_bind_int64(st, 2, number);
    }
    while (code == SQLITE_ROW && lines->count < LINES_MOST && (code = sqlite3_step(st)) == SQLITE_ROW) {
        gw_store_line *line = &lines->items[lines->count];
        *line = (gw_store_line){ .size = sizeof *line,
                                 .quantity = sqlite3_column_int64(st, 4),
                                 .price = sqlite3_column_int64(st, 5),
                                 .cost = sqlite3_column_int64(st, 6) };
        line->unit = copy_text(s, call, st, 0);
        line->priced_as = copy_text(s, call, st, 1);
        line->model = copy_text(s, call, st, 2);
        line->tier = copy_text(s, call, st, 3);
        lines->pointers[lines->count++] = line;
    }
    sqlite3_reset(st);
    return code == SQLITE_ROW || code == SQLITE_DONE ? GW_OK : statement_failed(s, call, code);
}

static void read_texts(sqlite3_stmt *st, gw_store_row *row)
{
    gw_str *const texts[] = { &row->request, &row->team,           &row->key,    &row->model,   &row->provider,
                              &row->project, &row->tags,           &row->user,   &row->session, &row->client,
                              &row->face,    &row->upstream_model, &row->ending, &row->source,  &row->outcome };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = statement_text(st, FIRST_TEXT + (int)i);
    row->price = statement_text(st, FIRST_SUM + SUMS);
    row->accounts = statement_text(st, FIRST_SUM + SUMS + 4);
    row->raw = statement_text(st, FIRST_SUM + SUMS + 5);
    row->who = statement_text(st, FIRST_SUM + SUMS + 6);
    row->why = statement_text(st, FIRST_SUM + SUMS + 7);
    row->policies = statement_text(st, FIRST_SUM + SUMS + 8);
}

static void read_row(sqlite3_stmt *st, gw_store_row *row, gw_store_sums *sums)
{
    int64_t *const members[SUMS] = { &sums->requests,    &sums->input,     &sums->output, &sums->cache_read,
                                     &sums->cache_write, &sums->reasoning, &sums->cost,   &sums->doubt,
                                     &sums->unpriced,    &sums->estimated };
    *sums = (gw_store_sums){ .size = sizeof *sums };
    *row = (gw_store_row){ .size = sizeof *row, .sums = sums };
    row->number = (uint64_t)sqlite3_column_int64(st, 1);
    row->type = (uint32_t)sqlite3_column_int64(st, 2);
    row->corrects = (uint64_t)sqlite3_column_int64(st, 3);
    row->written_ms = sqlite3_column_int64(st, 4);
    row->admitted_ms = sqlite3_column_int64(st, 5);
    row->duration_ms = sqlite3_column_int64(st, 6);
    row->attempt = (uint64_t)sqlite3_column_int64(st, 7);
    for (int i = 0; i < SUMS; i++)
        *members[i] = sqlite3_column_int64(st, FIRST_SUM + i);
    row->hard = sqlite3_column_int64(st, FIRST_SUM + SUMS + 1);
    row->soft = sqlite3_column_int64(st, FIRST_SUM + SUMS + 2);
    row->output_limit = (uint64_t)sqlite3_column_int64(st, FIRST_SUM + SUMS + 3);
    read_texts(st, row);
}

static gw_status give_rows(struct session *s, gw_call *call, sqlite3_stmt *st, void *owner,
                           void (*each)(void *owner, const gw_store_row *row))
{
    struct lines lines;
    gw_store_row row;
    gw_store_sums sums;
    int code;
    while ((code = sqlite3_step(st)) == SQLITE_ROW) {
        gw_status status = read_lines(s, call, sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1), &lines);
        if (status != GW_OK)
            return status;
        read_row(st, &row, &sums);
        row.lines = lines.pointers;
        row.line_count = lines.count;
        each(owner, &row);
    }
    return code == SQLITE_DONE ? GW_OK : statement_failed(s, call, code);
}

gw_status sqlite_rows(void *session, gw_call *call, const gw_store_find *find, void *owner,
                      void (*each)(void *owner, const gw_store_row *row))
{
    struct session *s = session;
    const char *sql = find->request.len > 0 ? by_request : find->number != 0 ? by_number : after_number;
    sqlite3_stmt *st = NULL;
    int code = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (code != SQLITE_OK)
        return statement_failed(s, call, code);
    if (sql == by_request)
        statement_bind(st, 1, find->request);
    else
        sqlite3_bind_int64(st, 2, (int64_t)(find->number != 0 ? find->number : find->after));
    sqlite3_bind_int64(st, 3, find->most != 0 ? (int64_t)find->most : -1);
    gw_status status = give_rows(s, call, st, owner, each);
    sqlite3_finalize(st);
    return status;
}

static gw_status drop(struct session *s, gw_call *call, sqlite3_int64 generation, sqlite3_int64 number)
{
    static const enum statement drops[] = { LINES_DROP, DECISION_DROP, USAGE_DROP };
    gw_status status = GW_OK;
    for (size_t i = 0; status == GW_OK && i < 3; i++) {
        sqlite3_stmt *st = statement(s, drops[i]);
        sqlite3_bind_int64(st, 1, generation);
        sqlite3_bind_int64(st, 2, number);
        status = statement_run(s, call, st);
    }
    return status;
}

/* The list is read before anything is removed: a statement does not see what is changed under it. */
static gw_status drop_old(struct session *s, gw_call *call, int64_t before_ms, uint32_t most, uint32_t *removed)
{
    sqlite3_int64(*old)[2] = calloc(most, sizeof *old);
    sqlite3_stmt *st = statement(s, OLD_GET);
    uint32_t count = 0;
    gw_status status = old == NULL || st == NULL ? GW_E_NOMEM : GW_OK;
    if (status == GW_OK) {
        sqlite3_bind_int64(st, 1, before_ms);
        sqlite3_bind_int64(st, 2, most);
        for (; count < most && sqlite3_step(st) == SQLITE_ROW; count++) {
            old[count][0] = sqlite3_column_int64(st, 0);
            old[count][1] = sqlite3_column_int64(st, 1);
        }
        sqlite3_reset(st);
    }
    for (uint32_t i = 0; status == GW_OK && i < count; i++)
        status = drop(s, call, old[i][0], old[i][1]);
    free(old);
    *removed = count;
    st = count > 0 ? statement(s, SINCE_SET) : NULL;
    if (status != GW_OK || st == NULL)
        return status;
    sqlite3_bind_int64(st, 1, before_ms);
    return statement_run(s, call, st);
}

gw_status sqlite_prune(void *session, gw_call *call, int64_t before_ms, uint32_t most, uint32_t *removed)
{
    struct session *s = session;
    *removed = 0;
    gw_status status = most > 0 ? statement_simple(s, call, BEGIN_WRITE) : GW_OK;
    if (status != GW_OK || most == 0)
        return status;
    status = drop_old(s, call, before_ms, most, removed);
    if (status == GW_OK)
        status = statement_simple(s, call, COMMIT);
    if (status != GW_OK)
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}
