/* body.c - writes a canonical request as a service takes it: the tables of fields.c say what becomes of each member;
 * how a member is said in another way is here. Messages are in messages.c. */
#include "openai.h"

static const gw_json *member(const struct writing *w, const char *name)
{
    return w->h->json->get(w->req->body, openai_lit(name));
}

static bool is_there(const struct writing *w, const gw_json *value)
{
    uint32_t type = w->h->json->type(value);
    return type != GW_JSON_ABSENT && type != GW_JSON_NULL;
}

const gw_capability *openai_row_for(const struct writing *w, const char *field)
{
    return openai_rule(w->service, &w->asked, openai_lit(field));
}

void openai_drop(struct writing *w, const gw_capability *row)
{
    w->h->dropped(w->call, openai_lit(row->field), openai_lit(row->why));
}

void openai_refuse(struct writing *w, const gw_capability *row)
{
    w->h->explain(w->call, openai_lit(row->why));
    w->status = GW_E_REQUEST;
}

bool openai_is_unclean(struct writing *w, gw_str name)
{
    if (openai_starts(name, "x_")) /* x_origin: what only the gateway reads */
        return true;
    if (!openai_is(name, "cache_control") && !openai_is(name, "prompt_cache_breakpoint"))
        return false;
    const gw_capability *row = openai_rule(w->service, &w->asked, name);
    if (row->how == GW_FIELD_CARRIED)
        return false;
    openai_drop(w, row);
    return true;
}

void openai_copy_clean(struct writing *w, const gw_json *object)
{
    w->h->write->object(w->w);
    for (size_t i = 0; i < w->h->json->count(object); i++) {
        gw_str name = w->h->json->key_at(object, i);
        if (openai_is_unclean(w, name))
            continue;
        w->h->write->key(w->w, name);
        w->h->write->copy(w->w, w->h->json->at(object, i));
    }
    w->h->write->close(w->w);
}

static void put(struct writing *w, const char *name, const gw_json *value)
{
    w->h->write->key(w->w, openai_lit(name));
    w->h->write->copy(w->w, value);
}

static void put_str(struct writing *w, const char *name, gw_str value)
{
    w->h->write->key(w->w, openai_lit(name));
    w->h->write->str(w->w, value);
}

/* DeepSeek thinks unless told otherwise with a member of its own, and refuses a forced call while it does. */
static bool has_thinking(const struct writing *w)
{
    return openai_row_for(w, "tool_choice.forced")->how == GW_FIELD_TRANSLATED;
}

static void write_thinking(struct writing *w, bool on)
{
    w->h->write->key(w->w, GW_LIT("thinking"));
    w->h->write->object(w->w);
    put_str(w, "type", on ? GW_LIT("enabled") : GW_LIT("disabled"));
    w->h->write->close(w->w);
}

/* The level of the pairs "level=level ..." that stands for `effort`; itself where they have none. */
static gw_str level_of(const char *pairs, gw_str effort)
{
    while (*pairs != '\0') {
        const char *equals = __builtin_strchr(pairs, '='), *end = equals;
        while (*end != '\0' && *end != ' ')
            end++;
        gw_str from = {pairs, (size_t)(equals - pairs)}, to = {equals + 1, (size_t)(end - equals) - 1};
        if (from.len == effort.len && __builtin_memcmp(from.ptr, effort.len > 0 ? effort.ptr : "", effort.len) == 0)
            return to;
        pairs = *end == ' ' ? end + 1 : end;
    }
    return effort;
}

static void write_effort(struct writing *w, const gw_json *value)
{
    const gw_capability *row = openai_row_for(w, "reasoning_effort");
    gw_str effort = w->h->json->str(value);

    if (effort.len == 0) {
        put(w, "reasoning_effort", value);
        return;
    }
    if (row->how == GW_FIELD_TRANSLATED)
        effort = level_of(row->as, effort);
    bool off = has_thinking(w) && openai_is(effort, "none");
    if (has_thinking(w) && !w->asked.forced) /* else it is said once, at the end */
        write_thinking(w, !off);
    if (!off)
        put_str(w, "reasoning_effort", effort);
}

static void write_tool(struct writing *w, const gw_json *tool)
{
    const gw_capability *custom = openai_row_for(w, "tools.custom");

    if (custom->how == GW_FIELD_REFUSED && openai_is(w->h->json->str(w->h->json->get(tool, GW_LIT("type"))), "custom"))
        openai_refuse(w, custom);
    w->h->write->object(w->w);
    for (size_t i = 0; i < w->h->json->count(tool); i++) {
        gw_str name = w->h->json->key_at(tool, i);
        const gw_json *value = w->h->json->at(tool, i);
        if (openai_is_unclean(w, name))
            continue;
        w->h->write->key(w->w, name);
        if (openai_is(name, "function"))
            openai_copy_clean(w, value);
        else
            w->h->write->copy(w->w, value);
    }
    w->h->write->close(w->w);
}

static void write_tools(struct writing *w, const gw_json *tools)
{
    w->h->write->key(w->w, GW_LIT("tools"));
    w->h->write->array(w->w);
    for (size_t i = 0; i < w->h->json->count(tools); i++)
        write_tool(w, w->h->json->at(tools, i));
    w->h->write->close(w->w);
}

static void write_tool_choice(struct writing *w, const gw_json *value)
{
    const gw_json *allowed = w->h->json->get(value, GW_LIT("allowed_tools"));
    const gw_capability *narrowed = openai_row_for(w, "tool_choice.allowed_tools");
    const gw_capability *required = openai_row_for(w, "tool_choice.required");
    gw_str word = w->h->json->str(value);

    if (w->h->json->type(allowed) == GW_JSON_OBJECT && narrowed->how == GW_FIELD_DROPPED) {
        openai_drop(w, narrowed);
        word = w->h->json->str(w->h->json->get(allowed, GW_LIT("mode")));
    }
    if (openai_is(word, "required") && required->how == GW_FIELD_TRANSLATED)
        word = openai_lit(required->as);
    if (word.len > 0)
        put_str(w, "tool_choice", word);
    else
        put(w, "tool_choice", value);
}

/* A schema becomes "some JSON object" where the service knows no schemas. */
static void write_format(struct writing *w, const gw_json *value)
{
    const gw_capability *schema = openai_row_for(w, "response_format.json_schema");
    bool has_schema = openai_is(w->h->json->str(w->h->json->get(value, GW_LIT("type"))), "json_schema");

    if (!has_schema || schema->how != GW_FIELD_DROPPED) {
        put(w, "response_format", value);
        return;
    }
    openai_drop(w, schema);
    w->h->write->key(w->w, GW_LIT("response_format"));
    w->h->write->object(w->w);
    put_str(w, "type", GW_LIT("json_object"));
    w->h->write->close(w->w);
}

bool openai_is_default(const struct writing *w, gw_str name, const gw_json *value)
{
    double number = w->h->json->real(value, -1000);
    if (!is_there(w, value))
        return true;
    if (openai_is(name, "temperature") || openai_is(name, "top_p") || openai_is(name, "n"))
        return number >= 1 && number <= 1;
    if (openai_is(name, "presence_penalty") || openai_is(name, "frequency_penalty") || openai_is(name, "top_logprobs"))
        return number >= 0 && number <= 0;
    if (openai_is(name, "parallel_tool_calls"))
        return w->h->json->boolean(value, 0) == 1;
    if (openai_is(name, "logprobs") || openai_is(name, "store"))
        return w->h->json->boolean(value, 1) == 0;
    if (openai_is(name, "tool_choice") || openai_is(name, "service_tier"))
        return openai_is(w->h->json->str(value), "auto");
    if (openai_is(name, "web_search_options")) /* {} asks for a search too */
        return false;
    return w->h->json->type(value) != GW_JSON_STR && w->h->json->count(value) == 0 &&
           (w->h->json->type(value) == GW_JSON_ARRAY || w->h->json->type(value) == GW_JSON_OBJECT);
}

/* What is written in its own way, wherever the table carries or translates it. */
static bool write_special(struct writing *w, gw_str name, const gw_json *value)
{
    if (openai_is(name, "messages"))
        openai_write_messages(w, value);
    else if (openai_is(name, "tools"))
        write_tools(w, value);
    else if (openai_is(name, "tool_choice"))
        write_tool_choice(w, value);
    else if (openai_is(name, "reasoning_effort"))
        write_effort(w, value);
    else if (openai_is(name, "response_format"))
        write_format(w, value);
    else
        return false;
    return true;
}

static void write_member(struct writing *w, gw_str name, const gw_json *value)
{
    if (openai_is(name, "model") || openai_is(name, "stream") || openai_is(name, "stream_options") ||
        openai_is_unclean(w, name))
        return;
    const gw_capability *row = openai_rule(w->service, &w->asked, name);
    bool lost = row->how == GW_FIELD_DROPPED || row->how == GW_FIELD_REFUSED;
    if (lost && openai_is_default(w, name, value))
        return;
    if (row->how == GW_FIELD_DROPPED) {
        openai_drop(w, row);
    } else if (row->how == GW_FIELD_REFUSED) {
        openai_refuse(w, row);
    } else if (is_there(w, value) && write_special(w, name, value)) {
        return;
    } else if (row->how == GW_FIELD_CARRIED) {
        w->h->write->key(w->w, name);
        w->h->write->copy(w->w, value);
    } else if (is_there(w, value) && !is_there(w, member(w, row->as))) {
        put(w, row->as, value);
    }
}

/* Asks for usage in a stream, beside whatever else the client's stream_options say. */
static void write_stream(struct writing *w)
{
    const gw_json *said = member(w, "stream_options");

    w->h->write->key(w->w, GW_LIT("stream"));
    w->h->write->boolean(w->w, 1);
    if (openai_row_for(w, "stream_options")->how != GW_FIELD_CARRIED)
        return;
    w->h->write->key(w->w, GW_LIT("stream_options"));
    w->h->write->object(w->w);
    for (size_t i = 0; i < w->h->json->count(said); i++) {
        gw_str name = w->h->json->key_at(said, i);
        if (openai_is(name, "include_usage"))
            continue;
        w->h->write->key(w->w, name);
        w->h->write->copy(w->w, w->h->json->at(said, i));
    }
    w->h->write->key(w->w, GW_LIT("include_usage"));
    w->h->write->boolean(w->w, 1);
    w->h->write->close(w->w);
}

/* What the conditions of the rows look at. */
static struct openai_asked asked_of(const struct writing *w)
{
    const gw_json *choice = member(w, "tool_choice");
    return (struct openai_asked){
        .model = w->req->model,
        .family = openai_family(w->req->model),
        .thinks = !openai_is(w->h->json->str(member(w, "reasoning_effort")), "none"),
        .tools = w->h->json->count(member(w, "tools")) > 0,
        .forced = openai_is(w->h->json->str(choice), "required") || w->h->json->type(choice) == GW_JSON_OBJECT,
    };
}

gw_status openai_write_body(const struct openai *openai, const struct openai_service *service, gw_call *call,
                            const gw_request *req, gw_http *out)
{
    const gw_host *h = openai->host;
    struct writing w = {.h = h, .call = call, .req = req, .service = service};

    w.asked = asked_of(&w);
    w.w = h->http_json_body(out);
    h->write->object(w.w);
    put_str(&w, "model", req->model);
    for (size_t i = 0; i < h->json->count(req->body); i++)
        write_member(&w, h->json->key_at(req->body, i), h->json->at(req->body, i));
    if (w.asked.forced && has_thinking(&w))
        write_thinking(&w, false);
    if (req->stream)
        write_stream(&w);
    h->write->close(w.w);
    gw_status status = h->write->end(w.w);
    return w.status != GW_OK ? w.status : status;
}
