/* defect.c - what a plugin does wrong: the request ends with an error or goes on without it, and the log has the
 * plugin's name and what it did. The gateway itself goes on. */
#include "base/log.h"
#include "flow/way.h"

static const char *plugin_name(const struct attempt *a)
{
    return a->target->provider->plugin->name;
}

/* One line for each attempt: a plugin that does it once does it with every event. */
static void complain(struct attempt *a, const char *what)
{
    if (a->defect != NULL)
        return;
    a->defect = what;
    log_line(LOG_ERROR, "provider \"%s\": its plugin \"%s\" %s (request %s)", a->target->provider->name.ptr,
             plugin_name(a), what, a->req->id);
}

void defect_mended(struct attempt *a, const char *what)
{
    complain(a, arena_printf(&a->req->arena, "emits %s", what));
}

void defect_refused(struct attempt *a, const char *what)
{
    if (attempt_has_failed(a))
        return;
    a->failure_text = arena_printf(&a->req->arena, "the plugin \"%s\" emits %s", plugin_name(a), what);
    error_set(&a->error, a->req->reply >= REPLY_RELAYING ? E_STREAM : E_INTERNAL, "the provider \"%s\" failed: %s",
              a->target->provider->name.ptr, a->failure_text);
    attempt_turn(a, ATTEMPT_FAILED);
    a->error_status = 500;
    a->error_fault = GW_FAULT_SERVER;
    a->outcome = OUTCOME_PLUGIN_ERROR;
    complain(a, arena_printf(&a->req->arena, "emits %s", what));
}

/* What it reported itself, without the secrets that it was given. */
static const char *explained(struct attempt *a, const char *function, gw_status status)
{
    struct text why = a->call.explain.len > 0 ? mask_text(a, a->call.explain) : TEXT("it does not explain why");
    unsigned open = a->http.writer != NULL ? a->http.writer->json.depth : 0;
    const char *text = arena_printf(&a->req->arena, "%s of the plugin \"%s\" failed (%s): %.*s", function,
                                    plugin_name(a), call_status_name(status), TEXT_ARG(why));
    if (open > 0)
        text = arena_printf(&a->req->arena, "%s; %u objects or arrays of the body are still open", text, open);
    return text;
}

/* Was the host refused memory, or did the request pass its share of it? Then it is not the plugin's doing. */
static bool lacks_memory(const struct attempt *a)
{
    return a->call.starved || a->call.keep->full || a->http.body.failed;
}

void defect_status(struct attempt *a, const char *function, gw_status status)
{
    const char *text = explained(a, function, status);
    struct text why = mask_text(a, a->call.explain);

    a->failure_text = text;
    attempt_turn(a, ATTEMPT_FAILED);
    if (status == GW_E_REQUEST) {
        error_set(&a->error, E_UPSTREAM_REFUSED, "%.*s", TEXT_ARG(why.len > 0 ? why : TEXT("it gave no reason")));
        a->outcome = OUTCOME_REFUSED;
        a->error_fault = GW_FAULT_REQUEST;
        return;
    }
    if (status == GW_E_NOMEM && a->req->reply < REPLY_RELAYING && lacks_memory(a)) {
        error_set(
            &a->error, E_OVERLOAD,
            "memory for this request is missing: try again shortly; the operator may lower limits.bodies_mb, or raise "
            "limits.memory_mb or what the process may use");
        a->outcome = OUTCOME_NO_MEMORY;
        a->error_fault = GW_FAULT_BY_STATUS;
        return;
    }
    error_set(&a->error, a->req->reply >= REPLY_RELAYING ? E_STREAM : E_INTERNAL, "the provider \"%s\" could not %s",
              a->target->provider->name.ptr,
              text_is(text_of(function), "build()") ? "build the request" : "go on with its answer");
    a->outcome = OUTCOME_PLUGIN_ERROR;
    a->error_fault = GW_FAULT_BY_STATUS;
    log_line(LOG_ERROR, "provider \"%s\": %s (request %s)", a->target->provider->name.ptr, text, a->req->id);
}

void defect_unread(struct attempt *a, gw_status status)
{
    if (attempt_has_failed(a))
        return;
    if (status == GW_E_REQUEST)
        defect_status(a, "read()", status);
    else if (a->failure_text == NULL)
        a->failure_text = explained(a, "read()", status);
}
