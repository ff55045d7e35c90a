/* sqlite.c - the plugin: its settings, its sessions. */
#include "sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <gateway/plugin.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAIT_MS = 2000 }; /* for a lock of another process */

static gw_status sqlite_open(const gw_host *host, gw_call *call, const gw_json *config, void **out)
{
    gw_str path = host->json->str(host->json->get(config, GW_LIT("path")));
    if (path.len == 0 || memchr(path.ptr, '\0', path.len) != NULL) {
        host->explain(call, GW_LIT("path is empty: name a file"));
        return GW_E_CONFIG;
    }
    struct instance *instance = calloc(1, sizeof *instance);
    char *copy = malloc(path.len + 1);
    if (instance == NULL || copy == NULL) {
        free(instance);
        free(copy);
        return GW_E_NOMEM;
    }
    memcpy(copy, path.ptr, path.len);
    copy[path.len] = '\0';
    *instance = (struct instance){ host, copy };
    *out = instance;
    return GW_OK;
}

static void sqlite_close(void *instance)
{
    free(((struct instance *)instance)->path);
    free(instance);
}

static void detach(void *session)
{
    struct session *s = session;
    statement_end_all(s);
    sqlite3_close(s->db);
    dims_forget(&s->dims);
    free(s->dims.slots);
    free(s->rollup.slots);
    free(s);
}

/* Readable by nobody else, from its first byte; SQLite gives its log and its index the same rights. */
static gw_status make_file(struct session *s, gw_call *call, uint32_t mode)
{
    struct stat st;
    int fd = mode == GW_STORE_WRITE ? open(s->of->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)
                                    : open(s->of->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && mode == GW_STORE_READ && errno == ENOENT)
        return GW_MISS;
    if (fd < 0 || fstat(fd, &st) < 0 || (mode == GW_STORE_WRITE && (st.st_mode & 077) != 0 && fchmod(fd, 0600) < 0)) {
        explain(s, call, "the store %s cannot be opened: %s", s->of->path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return GW_E_RETRY;
    }
    close(fd);
    s->device = st.st_dev;
    s->inode = st.st_ino;
    return GW_OK;
}

static gw_status open_file(struct session *s, gw_call *call, uint32_t mode)
{
    int flags = (mode == GW_STORE_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX;
    gw_status status = make_file(s, call, mode);
    if (status != GW_OK)
        return status;
    int code = sqlite3_open_v2(s->of->path, &s->db, flags, NULL);
    if (code != SQLITE_OK)
        return statement_failed(s, call, code);
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_timeout(s->db, WAIT_MS);
    code = sqlite3_exec(s->db, "PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sums_prepare(s->db);
    if (code == SQLITE_OK &&
        mode == GW_STORE_WRITE) /* readers do not wait for the writer; a commit is safe from a crash of the process */
        code = sqlite3_exec(s->db,
                            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000",
                            NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return statement_failed(s, call, code);
    return schema_prepare(s, call, mode == GW_STORE_WRITE);
}

static gw_status attach(void *instance, gw_call *call, uint32_t mode, void **out)
{
    struct session *s = calloc(1, sizeof *s);
    if (s == NULL)
        return GW_E_NOMEM;
    s->of = instance;
    gw_status status = open_file(s, call, mode);
    if (status == GW_OK)
        *out = s;
    else
        detach(s);
    return status;
}

gw_status cursor_get(struct session *s, gw_call *call, gw_store_cursor *cursor)
{
    sqlite3_stmt *st = statement(s, CURSOR_GET);
    int code = st != NULL ? sqlite3_step(st) : sqlite3_errcode(s->db);
    if (code != SQLITE_ROW)
        return statement_failed(s, call, code == SQLITE_DONE ? SQLITE_CORRUPT : code);
    *cursor = (gw_store_cursor){ .size = sizeof *cursor,
                                 .generation = (uint64_t)sqlite3_column_int64(st, 0),
                                 .next = (uint64_t)sqlite3_column_int64(st, 1),
                                 .segment = (uint64_t)sqlite3_column_int64(st, 2),
                                 .offset = (uint64_t)sqlite3_column_int64(st, 3),
                                 .from = (uint64_t)sqlite3_column_int64(st, 4),
                                 .rows_since_ms = sqlite3_column_int64(st, 5) };
    sqlite3_reset(st);
    return GW_OK;
}

static gw_status cursor(void *session, gw_call *call, gw_store_cursor *out)
{
    return cursor_get(session, call, out);
}

static const gw_option options[] = {
    { "path", "the file; it is made when it is not there", GW_JSON_STR, GW_OPTION_REQUIRED },
    { NULL, NULL, 0, 0 },
};
static const gw_store_ops ops = {
    .size = sizeof ops,
    .open = sqlite_open,
    .close = sqlite_close,
    .attach = attach,
    .detach = detach,
    .cursor = cursor,
    .put = sqlite_put,
    .prune = sqlite_prune,
    .sums = sqlite_sums,
    .rows = sqlite_rows,
};
GW_PLUGIN(.kind = GW_KIND_STORE, .name = "sqlite", .version = "1.0.0", .license = "MIT", .ops = &ops,
          .options = options);
