/* serve.c - a request to the admin API: who asks, for what, may they, and its answer. */
#include <stdarg.h>

#include "admin/admin.h"
#include "admin/call.h"
#include "admin/schema.h"
#include "admin/strangers.h"
#include "base/clock.h"
#include "base/log.h"
#include "boot/endpoint.h"
#include "boot/reload.h"

int admin_refuse(struct admin_call *call, int status, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail_vset(&call->fail, FAIL_CLIENT, format, args);
    va_end(args);
    call->fail.status = status;
    call->fail.code = code;
    return -1;
}

struct text admin_query(const struct admin_call *call, const char *name)
{
    for (size_t i = 0; i < call->request->query_count; i++)
        if (text_is(call->request->query[i].name, name))
            return call->request->query[i].value;
    return TEXT_NONE;
}

bool admin_sees(const struct admin_call *call, struct text team)
{
    return call->caller.team.len == 0 || text_eq(call->caller.team, team);
}

int admin_record(struct admin_call *call, struct text target, struct text from, struct text to)
{
    struct audit_entry entry = { .who = call->caller.name,
                                 .role = text_of(role_name(call->caller.role)),
                                 .address = text_of(call->request->peer),
                                 .action = text_of(call->route->action),
                                 .target = target,
                                 .from = from,
                                 .to = to };
    if (audit_append(call->admin->folder, &entry, &call->fail) < 0) {
        call->fail.status = 503;
        call->fail.code = "audit_unavailable";
        return -1;
    }
    log_line(LOG_INFO, "admin: %s \"%.*s\" by %.*s (%s), %s", call->route->action, TEXT_ARG(target),
             TEXT_ARG(call->caller.name), role_name(call->caller.role), call->request->peer);
    return 0;
}

/* ---- which route ---- */

/* Does the path fit? Then `parts` has what stands in the place of {names}. */
static bool fits(const char *pattern, struct text path, struct admin_call *call)
{
    struct text want = text_of(pattern);
    size_t n = 0;
    while (want.len > 0 || path.len > 0) {
        struct text a = text_cut(&want, '/'), b = text_cut(&path, '/');
        if ((want.ptr == NULL) != (path.ptr == NULL))
            return false;
        if (a.len > 2 && a.ptr[0] == '{' && b.len > 0) {
            call->parts[n] = small_server_decode(b, false, call->arena);
            if (call->parts[n++].ptr == NULL)
                return false;
        } else if (!text_eq(a, b)) {
            return false;
        }
    }
    return true;
}

/* NULL after call->fail; `allow` has the methods that the path has. */
static const struct admin_route *find(struct admin_call *call, const char **allow)
{
    *allow = NULL;
    for (size_t i = 0; i < admin_route_count; i++) {
        const struct admin_route *r = &admin_routes[i];
        if (!fits(r->path, call->request->path, call))
            continue;
        if (text_is(call->request->method, r->method)) {
            *allow = NULL;
            return r;
        }
        *allow = *allow == NULL ? r->method : arena_printf(call->arena, "%s, %s", *allow, r->method);
    }
    if (*allow == NULL)
        admin_refuse(call, 404, "not_found", "there is no such path: /openapi.json has all of them");
    else
        admin_refuse(call, 405, "method_not_allowed", "this path takes %s", *allow);
    return NULL;
}

/* ---- what it brings ---- */

static int check_query(struct admin_call *call)
{
    enum { NAMES_MOST = 8 };
    const char *names[NAMES_MOST + 1] = { NULL };
    struct text rest = text_of(call->route->query);
    for (size_t n = 0; rest.len > 0 && n < NAMES_MOST; n++)
        names[n] = arena_str(call->arena, text_cut(&rest, ' '));
    if (call->request->query_is_bad)
        return admin_refuse(call, 400, "invalid_query", "the query cannot be read: encode it");
    for (size_t i = 0; i < call->request->query_count; i++) {
        struct text name = call->request->query[i].name;
        bool known = false;
        for (size_t k = 0; names[k] != NULL; k++)
            known = known || text_is(name, names[k]);
        if (!known && call->route->query == NULL)
            return admin_refuse(call, 400, "invalid_query", "this path takes no query");
        if (!known)
            return admin_refuse(call, 400, "invalid_query", "\"%.*s\" is no word of this query: it takes %s",
                                TEXT_ARG(name), call->route->query);
    }
    return 0;
}

static int read_body(struct admin_call *call)
{
    struct text text = text_trim(call->request->body);
    if (call->route->body == NULL)
        return text.len == 0 ? 0 : admin_refuse(call, 400, "invalid_body", "this path takes no body");
    struct fail ours;
    const struct json *schema = json_parse(call->arena, text_of(call->route->body), &ours);
    BUG_IF(schema == NULL);
    call->body = json_parse(call->arena, text.len > 0 ? text : TEXT("{}"), &call->fail);
    if (call->body == NULL)
        return -1;
    return schema_check(schema, call->body, call->route->partial, call->arena, &call->fail);
}

/* 0, or -1 with what to answer. Nothing of the API is shown to whom shows no credential. */
static int admit(struct admin_call *call, struct small_answer *a)
{
    struct text shown = call->request->authorization;
    bool bearer = text_starts_nocase(shown, TEXT("Bearer "));
    if (bearer && credentials_find(call->admin->credentials, text_trim((struct text){ shown.ptr + 7, shown.len - 7 }),
                                   call->arena, &call->caller))
        return 0;
    a->retry_after_s = strangers_wrong(call->admin->strangers, call->request->peer, clock_ns());
    if (a->retry_after_s > 0)
        return admin_refuse(call, 429, "too_many_wrong_credentials",
                            "too many requests without a right credential came from this address");
    a->challenge = true;
    return admin_refuse(
        call, 401, bearer ? "wrong_credential" : "no_credential",
        "this API takes a credential: Authorization: Bearer CREDENTIAL. The owner's is the file " CREDENTIALS_KEY
        " beside the ledger");
}

static int run(struct admin_call *call, struct small_answer *a)
{
    if (admit(call, a) < 0)
        return -1;
    call->route = find(call, &a->allow);
    if (call->route == NULL)
        return -1;
    if ((call->route->roles & call->caller.role) == 0)
        return admin_refuse(call, 403, "role_may_not", "the role %s may not do this", role_name(call->caller.role));
    if (check_query(call) < 0 || read_body(call) < 0)
        return -1;
    call->status = call->route->good != 0 ? call->route->good : 200;
    return call->route->run(call);
}

static void write_error(const struct admin_call *call, struct small_answer *a)
{
    const struct fail *fail = &call->fail;
    struct json_writer w;
    buf_truncate(&a->body, 0);
    a->status = fail->status != 0 ? fail->status : fail->kind == FAIL_CLIENT ? 400 : 500;
    json_writer_init(&w, &a->body);
    json_object(&w);
    json_name(&w, "error");
    json_object(&w);
    json_name(&w, "code");
    json_put_str(&w, text_of(fail->code != NULL ? fail->code : a->status < 500 ? "invalid_request" : "internal_error"));
    json_name(&w, "message");
    json_put_str(&w, text_of(fail->text));
    if (fail->param[0] != '\0') {
        json_name(&w, "param");
        json_put_str(&w, text_of(fail->param));
    }
    json_close(&w);
    json_close(&w);
    json_end(&w);
}

static void serve(void *owner, const struct small_request *request, struct small_answer *a)
{
    struct admin *admin = owner;
    struct admin_call call = { .admin = admin,
                               .request = request,
                               .config = reload_config(admin->parts.reload),
                               .arena = request->arena,
                               .fail = { .kind = FAIL_NONE } };
    json_writer_init(&call.w, &a->body);
    int result = run(&call, a);
    if (result == 0 && (request->arena->full || json_end(&call.w) < 0)) /* what was read of it may not be all */
        result = admin_refuse(&call, 500, "answer_too_large", "the answer is too large: ask for less");
    if (result < 0)
        write_error(&call, a);
    else
        a->status = call.status;
    buf_str(&a->body, "\n");
    config_unref(call.config);
}

/* ---- its life ---- */

static void close_admin(void *extension)
{
    struct admin *admin = extension;
    if (admin->server != NULL)
        small_server_close(admin->server);
    if (admin->credentials != NULL)
        credentials_close(admin->credentials);
    strangers_free(admin->strangers);
    free(admin);
}

static void report(const struct admin *admin, uint16_t port, bool made)
{
    const struct config *config = admin->parts.config;
    bool v6 = text_find(config->admin.address, TEXT(":")) >= 0 && config->admin.address.ptr[0] != '[';
    log_line(LOG_WARN, "the admin API is on %s://%s%.*s%s:%u; the owner's credential %s %s/" CREDENTIALS_KEY,
             config->listen.cert_pem.ptr != NULL ? "https" : "http", v6 ? "[" : "", TEXT_ARG(config->admin.address),
             v6 ? "]" : "", port, made ? "was made, it is in" : "is in", admin->folder);
}

static void *open_admin(const struct start_parts *parts, struct fail *fail)
{
    const struct config *config = parts->config;
    bool tls = config->listen.cert_pem.ptr != NULL, made;
    uint16_t port;
    if (!tls && !parts->options->insecure && !endpoint_is_loopback(config->admin.address)) {
        fail_set(
            fail, FAIL_OPERATOR,
            "admin: others can reach %.*s, and credentials would go there in clear text: listen on 127.0.0.1, give listen "
            "{ tls = ... }, or say --insecure",
            TEXT_ARG(config->admin.address));
        return NULL;
    }
    struct admin *admin = calloc(1, sizeof *admin);
    BUG_IF(admin == NULL);
    admin->parts = *parts;
    admin->folder = config->ledger.path;
    admin->strangers = strangers_new();
    admin->credentials = credentials_open(admin->folder, &made, fail);
    struct small_server_settings settings = { .address = config->admin.address,
                                              .port = config->admin.port,
                                              .cert_pem = config->listen.cert_pem,
                                              .key_pem = config->listen.key_pem,
                                              .is_local = endpoint_is_loopback(config->admin.address),
                                              .serve = serve,
                                              .owner = admin };
    if (admin->credentials != NULL)
        admin->server = small_server_open(&settings, &port, fail);
    if (admin->server != NULL) {
        report(admin, port, made);
        return admin;
    }
    close_admin(admin);
    return NULL;
}

const struct start_extension admin_extension = { open_admin, close_admin };
