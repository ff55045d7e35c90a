/* call.h - one call of the admin API: what its handler gets, and what it answers with. */
#ifndef ADMIN_CALL_H
#define ADMIN_CALL_H

#include "admin/credentials.h"
#include "base/json.h"
#include "boot/audit.h"
#include "boot/start.h"
#include "http/small_server.h"

enum { ADMIN_PARTS_MOST = 2 };

struct admin {
    struct start_parts parts; /* of the running gateway */
    const char *folder;       /* of the ledger */
    struct credentials *credentials;
    struct strangers *strangers; /* who shows wrong credentials */
    struct small_server *server;
};

struct admin_call {
    const struct admin *admin;
    const struct small_request *request;
    const struct admin_route *route;
    struct caller caller;
    struct config *config;               /* the snapshot in use: a reference of the call */
    struct text parts[ADMIN_PARTS_MOST]; /* {name} of the path, decoded */
    const struct json *body;             /* checked by the route's schema; NULL: it takes none */
    struct arena *arena;
    struct json_writer w; /* of the answer: one whole value */
    int status;           /* of a good answer: 200 unless set */
    struct fail fail;     /* of a refusal: its status and code are set, too */
};

struct admin_route {
    const char *method;
    const char *path;   /* "/admin/v1/keys/{name}" */
    const char *action; /* "keys.create": it changes something, and stands in the audit log; NULL: it reads */
    unsigned roles;     /* who may */
    /* 0, or -1 with call->fail. On a thread that may wait. */
    int (*run)(struct admin_call *call);
    const char *summary;
    const char *query;  /* names, blanks between; NULL: none */
    const char *body;   /* schema of its body, JSON; NULL: none */
    const char *answer; /* schema of its answer */
    bool partial;       /* null stands for no value in its body */
    int good;           /* status of a good answer; 0: 200 */
};
extern const struct admin_route admin_routes[];
extern const size_t admin_route_count;

/* Fills call->fail; -1. `code` is static. */
int admin_refuse(struct admin_call *call, int status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The value of a word of the query; absent where it is not there. */
struct text admin_query(const struct admin_call *call, const char *name);
/* May the caller see what is of this team? */
bool admin_sees(const struct admin_call *call, struct text team);
/* Writes the change down, before it is made. `from` and `to`: JSON; absent: null. -1 with call->fail: do not make it. */
int admin_record(struct admin_call *call, struct text target, struct text from, struct text to);

/* reports.c: what was used, as an array of rows with the words of `by`, of what the caller may see. The arena's. NULL after call->fail. */
const struct json *admin_usage_rows(struct admin_call *call, const char *by, int64_t since_ms, int64_t until_ms);

/* The handlers. */
int admin_keys_list(struct admin_call *call);
int admin_keys_show(struct admin_call *call);
int admin_keys_create(struct admin_call *call);
int admin_keys_update(struct admin_call *call);
int admin_keys_rotate(struct admin_call *call);
int admin_keys_revoke(struct admin_call *call);
int admin_teams_list(struct admin_call *call);
int admin_teams_show(struct admin_call *call);
int admin_teams_create(struct admin_call *call);
int admin_status(struct admin_call *call);
int admin_usage(struct admin_call *call);
int admin_explain(struct admin_call *call);
int admin_reload(struct admin_call *call);
int admin_purge(struct admin_call *call);
int admin_kill(struct admin_call *call);
int admin_credentials_list(struct admin_call *call);
int admin_credentials_create(struct admin_call *call);
int admin_credentials_revoke(struct admin_call *call);
int admin_audit(struct admin_call *call);
int admin_audit_verify(struct admin_call *call);
int admin_openapi(struct admin_call *call);

#endif
