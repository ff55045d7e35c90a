/* put.c - a batch: rows, lines, decisions, rollups and the cursor in one transaction. */
#include <sys/stat.h>

#include "sqlite.h"

static void bind_row(sqlite3_stmt *st, uint64_t generation, const gw_store_row *row, int64_t dims,
                     const int64_t sums[SUMS])
{
    const int64_t numbers[] = { (int64_t)generation, (int64_t)row->number, row->type,        (int64_t)row->corrects,
                                row->written_ms,     row->admitted_ms,     row->duration_ms, dims };
    const gw_str texts[] = { row->project,        row->tags,   row->user,   row->session, row->client, row->face,
                             row->upstream_model, row->ending, row->source, row->outcome, row->price };
    int place = 1;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sqlite3_bind_int64(st, place++, numbers[i]);
    statement_bind(st, place++, row->request);
    sqlite3_bind_int64(st, place++, (int64_t)row->attempt);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        statement_bind(st, place++, texts[i]);
    for (size_t i = 0; i < SUMS; i++)
        sqlite3_bind_int64(st, place++, sums[i]);
}

static gw_status put_decision(struct session *s, gw_call *call, uint64_t generation, const gw_store_row *row)
{
    sqlite3_stmt *st = statement(s, DECISION_NEW);
    bool has = row->size >= offsetof(gw_store_row, policies) + sizeof row->policies; /* an older host gives none */
    const gw_str texts[] = { row->accounts, row->raw, row->who, row->why, has ? row->policies : GW_LIT("") };
    if (st != NULL) {
        sqlite3_bind_int64(st, 1, (int64_t)generation);
        sqlite3_bind_int64(st, 2, (int64_t)row->number);
        sqlite3_bind_int64(st, 3, row->hard);
        sqlite3_bind_int64(st, 4, row->soft);
        sqlite3_bind_int64(st, 5, (int64_t)row->output_limit);
        for (int i = 0; i < 5; i++)
            statement_bind(st, 6 + i, texts[i]);
    }
    return statement_run(s, call, st);
}

static gw_status put_line(struct session *s, gw_call *call, uint64_t generation, uint64_t number, size_t place,
                          const gw_store_line *line)
{
    sqlite3_stmt *st = statement(s, LINE_NEW);
    const gw_str texts[] = { line->unit, line->priced_as, line->model, line->tier };
    if (st != NULL) {
        sqlite3_bind_int64(st, 1, (int64_t)generation);
        sqlite3_bind_int64(st, 2, (int64_t)number);
        sqlite3_bind_int64(st, 3, (int64_t)place);
        for (int i = 0; i < 4; i++)
            statement_bind(st, 4 + i, texts[i]);
        sqlite3_bind_int64(st, 8, line->quantity);
        sqlite3_bind_int64(st, 9, line->price);
        sqlite3_bind_int64(st, 10, line->cost);
    }
    return statement_run(s, call, st);
}

/* What is there already adds nothing: not to the lines, not to the rollups. */
static gw_status put_row(struct session *s, gw_call *call, uint64_t generation, const gw_store_row *row)
{
    int64_t dims, sums[SUMS];
    gw_status status = dims_of(s, call, row, &dims);
    sqlite3_stmt *st = status == GW_OK ? statement(s, USAGE_NEW) : NULL;
    if (status != GW_OK)
        return status;
    rollup_values(row->sums, sums);
    if (st != NULL)
        bind_row(st, generation, row, dims, sums);
    status = statement_run(s, call, st);
    if (status != GW_OK || sqlite3_changes(s->db) == 0)
        return status;
    status = put_decision(s, call, generation, row);
    for (size_t i = 0; status == GW_OK && i < row->line_count; i++)
        status = put_line(s, call, generation, row->number, i, row->lines[i]);
    if (status == GW_OK && !rollup_add(&s->rollup, row->admitted_ms, dims, sums))
        return GW_E_NOMEM;
    return status;
}

static gw_status set_cursor(struct session *s, gw_call *call, const gw_store_cursor *to)
{
    sqlite3_stmt *st = statement(s, CURSOR_SET);
    const uint64_t values[] = { to->generation, to->next, to->segment, to->offset, to->from };
    for (int i = 0; st != NULL && i < 5; i++)
        sqlite3_bind_int64(st, i + 1, (int64_t)values[i]);
    return statement_run(s, call, st);
}

static gw_status put_all(struct session *s, gw_call *call, const gw_store_batch *batch)
{
    gw_store_cursor now;
    gw_status status = cursor_get(s, call, &now);
    if (status == GW_OK && (now.generation != batch->after->generation || now.next != batch->after->next))
        return GW_MISS;
    for (size_t i = 0; status == GW_OK && i < batch->row_count; i++)
        status = put_row(s, call, batch->until->generation, batch->rows[i]);
    if (status == GW_OK)
        status = rollup_write(s, call);
    if (status == GW_OK)
        status = set_cursor(s, call, batch->until);
    return status == GW_OK ? statement_simple(s, call, COMMIT) : status;
}

/* SQLite goes on writing to a file that has no name any more. */
static bool is_in_place(const struct session *s)
{
    struct stat st;
    return stat(s->of->path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode;
}

gw_status sqlite_put(void *session, gw_call *call, const gw_store_batch *batch)
{
    struct session *s = session;
    if (!is_in_place(s)) {
        explain(s, call, "the store %s was removed or replaced", s->of->path);
        return GW_E_RETRY;
    }
    gw_status status = statement_simple(s, call, BEGIN_WRITE);
    if (status != GW_OK)
        return status;
    status = put_all(s, call, batch);
    if (status != GW_OK) {
        rollup_forget(&s->rollup);
        dims_forget(&s->dims);
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return status;
}
