/* call.c - begins and ends a call into a plugin, and checks the HTTP request that came out of it. What the
 * plugin itself can do with a call is in host.c. */
#include "plugin/call.h"

#include <string.h>

void call_begin(struct gw_call *call, struct arena *keep, struct arena *scratch, void *owner)
{
    *call = (struct gw_call){ .magic = CALL_MAGIC, .keep = keep, .scratch = scratch, .owner = owner };
    call->dropped_last = &call->dropped;
}

void call_give(struct gw_call *call, const struct call_headers *headers)
{
    CHECK(call, CALL);
    BUG_IF(headers->client == NULL || headers->answer == NULL || headers->secret == NULL);
    call->client_header = headers->client;
    call->answer_header = headers->answer;
    call->secret = headers->secret;
}

static _Thread_local struct gw_call *current; /* whose step this thread is in */

void call_step_begin(struct gw_call *call)
{
    CHECK(call, CALL);
    current = call;
}

struct gw_call *call_given(struct gw_call *call, const char *function)
{
    if (call != NULL) {
        CHECK(call, CALL);
        return call;
    }
    if (current != NULL && current->misused == NULL)
        current->misused = function;
    return current;
}

gw_status call_status(struct gw_call *call, gw_status status)
{
    CHECK(call, CALL);
    if (call->misused == NULL)
        return status;
    call->explain = text_of(arena_printf(call->keep, "it gives %s NULL where a handle must be", call->misused));
    return GW_E_REJECT;
}

void call_step_end(struct gw_call *call)
{
    CHECK(call, CALL);
    struct arena *scratch = call->scratch;
    char *first = scratch->first;
    size_t first_len = (size_t)(scratch->first_end - scratch->first);

    current = NULL;
    call->builds = false;
    arena_fini(scratch);
    arena_init(scratch, first, first_len, scratch->max);
}

const char *call_status_name(gw_status status)
{
    static const struct {
        gw_status status;
        const char *name;
    } names[] = {
        { GW_OK, "ok" },           { GW_MISS, "miss" },         { GW_E_NOMEM, "nomem" },
        { GW_E_CONFIG, "config" }, { GW_E_REQUEST, "request" }, { GW_E_PROTOCOL, "protocol" },
        { GW_E_RETRY, "retry" },   { GW_E_REJECT, "reject" },   { GW_E_UNKNOWN, "unknown" },
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].status == status)
            return names[i].name;
    return "an unknown status";
}

void call_http_init(struct gw_http *http, struct gw_call *call, size_t max_body)
{
    CHECK(call, CALL);
    *http = (struct gw_http){ .call = call, .method = TEXT("POST") };
    call->builds = true;
    buf_init(&http->body, max_body);
}

void call_http_fini(struct gw_http *http)
{
    buf_free(&http->body);
}

int call_http_check(const struct gw_http *http, struct fail *fail)
{
    if (http->failed) {
        struct text why = http->call->explain;
        return fail_set(fail, FAIL_US, "the plugin built a request that cannot be sent: %.*s", TEXT_ARG(why));
    }
    if (http->url.len == 0)
        return fail_set(fail, FAIL_US, "the plugin built a request without a URL");
    if (http->writer != NULL && http->writer->json.depth > 0 && http->writer->json.error == 0)
        return fail_set(fail, FAIL_US, "the plugin built a body in which %u objects or arrays are still open",
                        http->writer->json.depth);
    if (http->writer != NULL && json_end(&http->writer->json) < 0)
        return fail_set(fail, FAIL_US, "the plugin built a body that is not complete JSON or is over %zu bytes",
                        http->body.max);
    return 0;
}
