/* manage.c - what an operator does to the running gateway. */
#include "admin/call.h"
#include "boot/reload.h"
#include "flow/kill.h"

enum { LINES_MOST = 1 << 20 };

int admin_reload(struct admin_call *call)
{
    char digest[2 * CRYPTO_SHA256_LEN + 1];
    struct buf lines;
    if (admin_record(call, TEXT("gateway.lua"), TEXT_NONE, TEXT_NONE) < 0)
        return -1;
    buf_init(&lines, LINES_MOST);
    bool accepted = reload_run(call->admin->parts.reload, &lines) == 0;
    reload_digest(call->admin->parts.reload, digest);
    call->status = accepted ? 200 : 409;
    json_object(&call->w);
    json_name(&call->w, "accepted");
    json_put_bool(&call->w, accepted);
    json_name(&call->w, "digest");
    json_put_str(&call->w, text_of(digest));
    json_name(&call->w, "lines");
    json_array(&call->w);
    for (struct text rest = buf_view(&lines); rest.len > 0;)
        json_put_str(&call->w, text_cut(&rest, '\n'));
    json_close(&call->w);
    json_close(&call->w);
    buf_free(&lines);
    return 0;
}

static void put_done(struct admin_call *call, const char *name, bool value)
{
    json_object(&call->w);
    json_key_plain(&call->w, text_of(name));
    json_put_bool(&call->w, value);
    json_close(&call->w);
}

int admin_purge(struct admin_call *call)
{
    struct text team = json_str(json_member(call->body, "team")), model = json_str(json_member(call->body, "model"));
    struct text entry = json_str(json_member(call->body, "entry"));
    if (admin_record(call, entry.ptr != NULL ? entry : TEXT("cache"), TEXT_NONE, json_text(call->body)) < 0)
        return -1;
    if (reload_purge(call->admin->parts.reload, team, model, entry, &call->fail) < 0) {
        call->fail.status = 409;
        return -1;
    }
    put_done(call, "purged", true);
    return 0;
}

int admin_kill(struct admin_call *call)
{
    struct text kind = json_str(json_member(call->body, "kind")), name = json_str(json_member(call->body, "name"));
    struct kill *kill = call->admin->parts.gateway->kill;
    bool changed;
    if (kill == NULL)
        return admin_refuse(call, 409, "no_ledger",
                            "keys and sessions are switched off in a list beside the ledger, and there is none");
    if (reload_has_moved(call->admin->parts.reload))
        return admin_refuse(call, 503, "moving", "another process takes the place of this one just now: ask again");
    if (admin_record(call, name, TEXT_NONE, json_text(call->body)) < 0)
        return -1;
    if (kill_set(kill, text_is(kind, "key") ? KILL_KEY : KILL_SESSION, name,
                 json_bool(json_member(call->body, "off"), true), &changed, &call->fail) < 0) {
        call->fail.status = call->fail.kind == FAIL_CLIENT ? 404 : 503;
        return -1;
    }
    put_done(call, "changed", changed);
    return 0;
}
