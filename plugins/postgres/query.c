/* query.c - the connection, statements with a deadline, and what PostgreSQL's errors mean. libpq's own calls wait as long as a
 * server is silent; a writer must not, as the end of the process waits for it. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "postgres.h"

void query_explain(const struct instance *of, gw_call *call, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t used = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    of->host->explain(call, (gw_str){ text, used });
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* libpq's texts have several lines. */
static gw_status away(const struct session *s, gw_call *call, const char *why)
{
    char line[320];
    size_t len = 0;
    for (; *why != '\0' && len < sizeof line - 1; why++)
        if (*why != '\n' && *why != '\t')
            line[len++] = *why;
        else if (len > 0 && line[len - 1] != ' ')
            line[len++] = ' ';
    while (len > 0 && line[len - 1] == ' ')
        len--;
    line[len] = '\0';
    query_explain(s->of, call, "the PostgreSQL store cannot be reached: %s", line);
    return GW_E_RETRY;
}

gw_status query_connect(struct session *s, gw_call *call)
{
    /* The address comes last and may set each of these otherwise, but the encoding. */
    const char *const words[] = { "connect_timeout",  "keepalives_idle",  "keepalives_interval",
                                  "tcp_user_timeout", "application_name", "password",
                                  "dbname",           "client_encoding",  NULL };
    const char *const values[] = { "5", "20", "10", "15000", "llm-gateway", s->of->password, s->of->url, "UTF8", NULL };
    s->db = PQconnectdbParams(words, values, 1);
    if (s->db == NULL)
        return GW_E_NOMEM;
    if (PQstatus(s->db) != CONNECTION_OK)
        return away(s, call, PQerrorMessage(s->db));
    /* Another gateway that was stopped in a transaction does not keep its locks for ever. */
    gw_status status = query_plain(s, call,
                                   "SET lock_timeout = '8s'; SET idle_in_transaction_session_timeout = '20s'; "
                                   "SET standard_conforming_strings = on; SET timezone = 'UTC'");
    /* The server gives up before this end does: what it still worked on would keep its locks. */
    return status == GW_OK && s->is_writer ? query_plain(s, call, "SET statement_timeout = '9s'") : status;
}

/* Wrong rights, a missing database, data that it refuses: only a person can mend these. */
static bool needs_operator(const char *state)
{
    return strncmp(state, "42", 2) == 0 || strncmp(state, "28", 2) == 0 || strncmp(state, "3D", 2) == 0 ||
           strncmp(state, "3F", 2) == 0 || strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0;
}

static gw_status failed(const struct session *s, gw_call *call, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (state == NULL || PQstatus(s->db) != CONNECTION_OK)
        return away(s, call, PQerrorMessage(s->db));
    bool rights = strcmp(state, "42501") == 0 || strncmp(state, "3F", 2) == 0;
    query_explain(
        s->of, call, "the PostgreSQL store refuses a statement: %s (SQLSTATE %s)%s",
        message != NULL ? message : "no text", state,
        rights
            ? ". The user needs the right to create a schema in this database, and all rights in the schema llm_gateway"
            : "");
    return needs_operator(state) ? GW_E_CONFIG : GW_E_RETRY;
}

/* Waits until the socket is ready. False: the time is over. */
static bool wait_for(const struct session *s, short events, int64_t until_ms)
{
    struct pollfd fd = { .fd = PQsocket(s->db), .events = events };
    for (;;) {
        int64_t left = until_ms - now_ms();
        int ready = left > 0 ? poll(&fd, 1, (int)left) : 0;
        if (ready >= 0 || errno != EINTR)
            return ready > 0;
    }
}

/* The last result of what was sent, or the first that is an error. NULL: the connection is of no more use, and it is explained. */
static PGresult *collect(struct session *s, gw_call *call, int64_t until_ms)
{
    PGresult *kept = NULL;
    for (;;) {
        int flushed = PQflush(s->db);
        if (flushed < 0)
            break;
        if (flushed > 0 || PQisBusy(s->db)) {
            if (!wait_for(s, (short)(POLLIN | (flushed > 0 ? POLLOUT : 0)), until_ms)) {
                char text[64];
                snprintf(text, sizeof text, "no answer within %d s", s->wait_ms / 1000);
                away(s, call, text);
                PQclear(kept);
                return NULL;
            }
            if (PQconsumeInput(s->db) == 0)
                break;
            continue;
        }
        PGresult *next = PQgetResult(s->db);
        if (next == NULL)
            return kept;
        bool keep_first = kept != NULL && PQresultStatus(kept) == PGRES_FATAL_ERROR;
        PQclear(keep_first ? next : kept);
        kept = keep_first ? kept : next;
    }
    away(s, call, PQerrorMessage(s->db));
    PQclear(kept);
    return NULL;
}

static gw_status finish(struct session *s, gw_call *call, int sent, PGresult **out)
{
    PGresult *result = sent == 1 ? collect(s, call, now_ms() + s->wait_ms) : NULL;
    if (sent != 1)
        return away(s, call, PQerrorMessage(s->db));
    if (result == NULL)
        return GW_E_RETRY;
    ExecStatusType is = PQresultStatus(result);
    gw_status status = is == PGRES_COMMAND_OK || is == PGRES_TUPLES_OK ? GW_OK : failed(s, call, result);
    if (status == GW_OK && out != NULL)
        *out = result;
    else
        PQclear(result);
    return status;
}

gw_status query(struct session *s, gw_call *call, const char *sql, int count, const char *const *values, PGresult **out)
{
    return finish(s, call, PQsendQueryParams(s->db, sql, count, NULL, values, NULL, NULL, 0), out);
}

gw_status query_plain(struct session *s, gw_call *call, const char *sql)
{
    return finish(s, call, PQsendQuery(s->db, sql), NULL);
}

/* The core leaves the session after an error, and the server undoes what is open when the connection ends. It is asked for only
 * where the session goes on. */
void query_undo(struct session *s, gw_call *call)
{
    if (PQstatus(s->db) == CONNECTION_OK && PQtransactionStatus(s->db) == PQTRANS_INTRANS)
        query_plain(s, call, "ROLLBACK");
}

gw_str query_text(const PGresult *rows, int row, int column)
{
    return (gw_str){ PQgetvalue(rows, row, column), (size_t)PQgetlength(rows, row, column) };
}

int64_t query_number(const PGresult *rows, int row, int column)
{
    return strtoll(PQgetvalue(rows, row, column), NULL, 10);
}
