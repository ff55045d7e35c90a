/* responses.c - what the gateway must know of a relayed answer of the responses API: usage, how it ended, errors. The
 * last event has the whole response in it; a plain answer is one (of which the core may keep only these members). */
#include "openai.h"

static void read_response(struct reader *r, const gw_json *response);

static gw_str event_type(const struct reader *r, const gw_json *root)
{
    gw_str type = openai_str(r, root, GW_LIT("type")); /* OpenRouter sends no event names */
    return type.len > 0 ? type : r->frame->name;
}

bool openai_is_response(const struct reader *r, const gw_json *root)
{
    if (r->state->dialect != 0)
        return r->state->dialect == GW_DIALECT_RESPONSES;
    return openai_starts(event_type(r, root), "response.") ||
           openai_is(openai_str(r, root, GW_LIT("object")), "response");
}

void openai_response(struct reader *r, const gw_json *root)
{
    gw_str type = event_type(r, root);

    if (r->frame->framing == GW_FRAMING_WHOLE) {
        read_response(r, root);
    } else if (openai_is(type, "response.completed") || openai_is(type, "response.incomplete") ||
               openai_is(type, "response.failed")) {
        read_response(r, openai_get(r, root, GW_LIT("response")));
    } else if (openai_is(type, "error") || openai_is(r->frame->name, "error") ||
               r->h->json->type(openai_get(r, root, GW_LIT("error"))) == GW_JSON_OBJECT) {
        openai_error(r, root);
    }
}

/* Calls end with "completed", as text does. */
static bool has_call(const struct reader *r, const gw_json *output)
{
    for (size_t i = 0; i < r->h->json->count(output); i++) {
        gw_str type = openai_str(r, r->h->json->at(output, i), GW_LIT("type"));
        if (openai_is(type, "function_call") || openai_is(type, "custom_tool_call"))
            return true;
    }
    return false;
}

static void read_response(struct reader *r, const gw_json *response)
{
    const gw_json *usage = openai_get(r, response, GW_LIT("usage")), *error = openai_get(r, response, GW_LIT("error"));
    gw_str status = openai_str(r, response, GW_LIT("status")), id = openai_str(r, response, GW_LIT("id"));

    if (!r->state->started) {
        r->state->started = true;
        r->emit(r->call, &(gw_event){ .size = sizeof(gw_event),
                                      .type = GW_EVENT_START,
                                      .id = id,
                                      .text = openai_str(r, response, GW_LIT("model")) });
    }
    if (r->h->json->type(usage) == GW_JSON_OBJECT)
        openai_usage(r, usage);
    if (openai_is(status, "failed") || r->h->json->type(error) == GW_JSON_OBJECT || r->h->json->str(error).len > 0) {
        r->state->broken = true; /* also where it gives no reason */
        openai_error(r, response);
    } else if (openai_is(status, "incomplete")) {
        gw_str reason = openai_str(r, openai_get(r, response, GW_LIT("incomplete_details")), GW_LIT("reason"));
        openai_finish(r, openai_is(reason, "content_filter") ? GW_LIT("content_filter") : GW_LIT("length"));
    } else if (openai_is(status, "completed")) {
        bool calls = has_call(r, openai_get(r, response, GW_LIT("output")));
        openai_finish(r, calls ? GW_LIT("tool_calls") : GW_LIT("stop"));
    }
}
