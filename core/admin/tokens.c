/* tokens.c - /admin/v1/credentials and /admin/v1/audit. */
#include <inttypes.h>

#include "admin/call.h"
#include "base/crypto.h"

enum { AUDIT_MOST = 1 << 30, LAST_MOST = 100000, LAST_USUAL = 100 };

int admin_credentials_list(struct admin_call *call)
{
    return credentials_write(call->admin->folder, &call->w, &call->fail);
}

int admin_credentials_create(struct admin_call *call)
{
    const struct json *body = call->body;
    struct credential n = { .name = json_str(json_member(body, "name")),
                            .role = json_str(json_member(body, "role")),
                            .team = json_str(json_member(body, "team")),
                            .budget = json_str(json_member(body, "budget")),
                            .expires = json_str(json_member(body, "expires")),
                            .models = json_member(body, "models") };
    char secret[CREDENTIALS_SECRET];
    if (credentials_check(call->admin->folder, &n, &call->fail) < 0 ||
        admin_record(call, n.name, TEXT_NONE, json_text(body)) < 0 ||
        credentials_create(call->admin->folder, &n, secret, &call->fail) < 0)
        return -1;
    json_object(&call->w);
    json_name(&call->w, "name");
    json_put_str(&call->w, n.name);
    json_name(&call->w, "role");
    json_put_str(&call->w, n.role);
    json_name(&call->w, "credential");
    json_put_str(&call->w, text_of(secret));
    json_close(&call->w);
    crypto_wipe(secret, sizeof secret);
    return 0;
}

int admin_credentials_revoke(struct admin_call *call)
{
    if (credentials_has(call->admin->folder, call->parts[0]) &&
        admin_record(call, call->parts[0], TEXT_NONE, TEXT_NONE) < 0)
        return -1;
    if (credentials_revoke(call->admin->folder, call->parts[0], &call->fail) < 0)
        return -1;
    json_object(&call->w);
    json_name(&call->w, "revoked");
    json_put_bool(&call->w, true);
    json_close(&call->w);
    return 0;
}

int admin_audit(struct admin_call *call)
{
    struct text last = admin_query(call, "last");
    int64_t most = LAST_USUAL;
    struct buf all;
    if (last.ptr != NULL && (text_parse_u63(last, &most) < 0 || most > LAST_MOST))
        return admin_refuse(call, 400, "invalid_query", "\"last\" takes a number up to %d", LAST_MOST);
    buf_init(&all, AUDIT_MOST);
    if (audit_read(call->admin->folder, &all, &call->fail) < 0) {
        buf_free(&all);
        return -1;
    }
    int64_t lines = 0;
    for (struct text rest = buf_view(&all); rest.len > 0; lines++)
        text_cut(&rest, '\n');
    json_array(&call->w);
    for (struct text rest = buf_view(&all); rest.len > 0; lines--) {
        struct text line = text_cut(&rest, '\n');
        if (lines <= most && json_check_quick(line) == 0)
            json_put_raw(&call->w, line);
    }
    json_close(&call->w);
    buf_free(&all);
    return 0;
}

int admin_audit_verify(struct admin_call *call)
{
    struct audit_verdict verdict;
    if (audit_verify(call->admin->folder, &verdict, &call->fail) < 0)
        return -1;
    json_object(&call->w);
    json_name(&call->w, "good");
    json_put_bool(&call->w, verdict.problem[0] == '\0');
    json_name(&call->w, "lines");
    json_put_int(&call->w, (int64_t)verdict.lines);
    json_name(&call->w, "head");
    json_put_str(&call->w, text_of(verdict.head));
    json_name(&call->w, "problem");
    if (verdict.problem[0] != '\0')
        json_put_str(&call->w, text_of(verdict.problem));
    else
        json_put_null(&call->w);
    json_close(&call->w);
    return 0;
}
