/* postgres.c - the plugin: its settings, its sessions. */
#include "postgres.h"

#include <gateway/plugin.h>
#include <stdlib.h>
#include <string.h>

enum { WRITER_MS = 10 * 1000, READER_MS = 300 * 1000 };

/* The text of a setting on the heap; NULL where it is absent or there is no memory. */
static char *setting(const gw_host *host, const gw_json *config, gw_str name)
{
    gw_str text = host->json->str(host->json->get(config, name));
    char *copy = text.ptr != NULL ? malloc(text.len + 1) : NULL;
    if (copy == NULL)
        return NULL;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

static void postgres_close(void *instance)
{
    struct instance *of = instance;
    if (of->password != NULL)
        explicit_bzero(of->password, strlen(of->password));
    free(of->url);
    free(of->password);
    free(of->ledger);
    free(of);
}

/* A password in gateway.lua would stand in dumps and in the version control of the operator. NULL: the address is right. */
static const char *wrong_url(const char *url)
{
    char *message = NULL;
    const char *wrong = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &message);
    if (options == NULL)
        wrong = "url is no address of a database: write postgresql://USER@HOST:PORT/DATABASE";
    for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++)
        if ((strcmp(o->keyword, "password") == 0 || strcmp(o->keyword, "sslpassword") == 0) && o->val != NULL)
            wrong = "url holds a password: take it out, and write password = env \"NAME\" beside it";
    PQfreemem(message);
    PQconninfoFree(options);
    return wrong;
}

static gw_status postgres_open(const gw_host *host, gw_call *call, const gw_json *config, void **out)
{
    struct instance *of = calloc(1, sizeof *of);
    if (of == NULL)
        return GW_E_NOMEM;
    of->host = host;
    of->url = setting(host, config, GW_LIT("url"));
    of->password = setting(host, config, GW_LIT("password"));
    of->ledger = setting(host, config, GW_LIT("ledger"));
    const char *wrong = of->url != NULL && of->ledger != NULL ? wrong_url(of->url) : "there is no memory";
    if (wrong != NULL) {
        host->explain(call, (gw_str){ wrong, strlen(wrong) });
        postgres_close(of);
        return GW_E_CONFIG;
    }
    *out = of;
    return GW_OK;
}

static void detach(void *session)
{
    struct session *s = session;
    PQfinish(s->db);
    free(s);
}

/* A writer makes the row of its ledger; a reader finds nothing where no writer was. */
static gw_status find_ledger(struct session *s, gw_call *call, bool write)
{
    char identity[IDENTITY_TEXT];
    const char *const values[] = { identity };
    PGresult *rows;
    gw_status status = identity_read(s->of, call, write, identity);
    if (status == GW_OK && write)
        status = query(s, call, "INSERT INTO llm_gateway.gateways(ledger) VALUES($1) ON CONFLICT DO NOTHING", 1, values,
                       NULL);
    if (status == GW_OK)
        status = query(s, call, "SELECT id FROM llm_gateway.gateways WHERE ledger = $1", 1, values, &rows);
    if (status != GW_OK)
        return status;
    gw_str id = PQntuples(rows) == 1 ? query_text(rows, 0, 0) : GW_LIT("");
    if (id.len == 0 || id.len >= sizeof s->gateway)
        status = GW_MISS;
    else
        memcpy(s->gateway, id.ptr, id.len + 1);
    PQclear(rows);
    return status;
}

static gw_status attach(void *instance, gw_call *call, uint32_t mode, void **out)
{
    struct session *s = calloc(1, sizeof *s);
    bool write = mode == GW_STORE_WRITE;
    if (s == NULL)
        return GW_E_NOMEM;
    s->of = instance;
    s->is_writer = write;
    s->wait_ms = write ? WRITER_MS : READER_MS;
    gw_status status = query_connect(s, call);
    if (status == GW_OK)
        status = schema_prepare(s, call, write);
    if (status == GW_OK)
        status = find_ledger(s, call, write);
    if (status == GW_OK)
        *out = s;
    else
        detach(s);
    return status;
}

gw_status postgres_cursor(void *session, gw_call *call, gw_store_cursor *cursor)
{
    struct session *s = session;
    const char *const values[] = { s->gateway };
    PGresult *rows;
    gw_status status = query(s, call,
                             "SELECT generation, next, segment, \"offset\", \"from\", "
                             "(SELECT max(rows_since_ms) FROM llm_gateway.gateways) "
                             "FROM llm_gateway.gateways WHERE id = $1",
                             1, values, &rows);
    if (status != GW_OK)
        return status;
    if (PQntuples(rows) == 1) {
        *cursor = (gw_store_cursor){ .size = sizeof *cursor,
                                     .generation = (uint64_t)query_number(rows, 0, 0),
                                     .next = (uint64_t)query_number(rows, 0, 1),
                                     .segment = (uint64_t)query_number(rows, 0, 2),
                                     .offset = (uint64_t)query_number(rows, 0, 3),
                                     .from = (uint64_t)query_number(rows, 0, 4),
                                     .rows_since_ms = query_number(rows, 0, 5) };
    } else { /* removed by hand: the next session makes it again */
        query_explain(s->of, call, "the database lost the row of this ledger in llm_gateway.gateways");
        status = GW_E_RETRY;
    }
    PQclear(rows);
    return status;
}

static const gw_option options[] = {
    { "url", "the database: \"postgresql://USER@HOST:PORT/DATABASE\"", GW_JSON_STR, GW_OPTION_REQUIRED },
    { "password", "its password; else libpq looks for one: PGPASSWORD, ~/.pgpass", GW_JSON_STR, GW_OPTION_SECRET },
    { "ledger", "the ledger's folder", GW_JSON_STR, GW_OPTION_REQUIRED },
    { NULL, NULL, 0, 0 },
};
static const gw_store_ops ops = {
    .size = sizeof ops,
    .open = postgres_open,
    .close = postgres_close,
    .attach = attach,
    .detach = detach,
    .cursor = postgres_cursor,
    .put = postgres_put,
    .prune = postgres_prune,
    .sums = postgres_sums,
    .rows = postgres_rows,
};
GW_PLUGIN(.kind = GW_KIND_STORE, .name = "postgres", .version = "1.0.0", .license = "MIT", .ops = &ops,
          .options = options);
