/* body.c - writes a canonical request as a service takes it: the tables of fields.c state what becomes of each member.
 * Those that are written in a way of their own are in members.c, messages in messages.c. */
#include "openai.h"

static const gw_json *member(const struct body_writer *w, const char *name)
{
    return w->h->json->get(w->req->body, openai_lit(name));
}

static bool is_there(const struct body_writer *w, const gw_json *value)
{
    uint32_t type = w->h->json->type(value);
    return type != GW_JSON_ABSENT && type != GW_JSON_NULL;
}

const gw_capability *openai_row_for(const struct body_writer *w, const char *field)
{
    return openai_rule(w->service, &w->asked, openai_lit(field));
}

void openai_drop(struct body_writer *w, const gw_capability *row)
{
    w->h->dropped(w->call, openai_lit(row->field), openai_lit(row->why));
}

void openai_refuse(struct body_writer *w, const gw_capability *row)
{
    w->h->explain(w->call, openai_lit(row->why));
    w->status = GW_E_REQUEST;
}

bool openai_is_unclean(struct body_writer *w, gw_str name)
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

void openai_copy_clean(struct body_writer *w, const gw_json *object, openai_write_member *special)
{
    if (w->h->json->type(object) != GW_JSON_OBJECT) { /* the service judges it */
        w->h->write->copy(w->w, object);
        return;
    }
    w->h->write->object(w->w);
    for (size_t i = 0; i < w->h->json->count(object); i++) {
        gw_str name = w->h->json->key_at(object, i);
        if (openai_is_unclean(w, name))
            continue;
        w->h->write->key(w->w, name);
        if (special == NULL || !special(w, name, w->h->json->at(object, i)))
            w->h->write->copy(w->w, w->h->json->at(object, i));
    }
    w->h->write->close(w->w);
}

bool openai_is_default(const struct body_writer *w, gw_str name, const gw_json *value)
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

/* Two equal numbers, or two equal strings? */
static bool is_same(const struct body_writer *w, const gw_json *a, const gw_json *b)
{
    gw_str one = w->h->json->str(a), other = w->h->json->str(b);
    double x = w->h->json->real(a, -1), y = w->h->json->real(b, -1);
    return one.len == other.len && (one.len == 0 || __builtin_memcmp(one.ptr, other.ptr, one.len) == 0) && x >= y &&
           x <= y;
}

bool openai_is_said(struct body_writer *w, gw_str name, const gw_json *value, const char *other)
{
    const gw_json *twin = member(w, other);
    const struct openai_rule *rule = openai_change(w->service, &w->asked, name, OPENAI_TWICE, GW_LIT(""));

    if (!is_there(w, twin))
        return false;
    if (rule != NULL && !is_same(w, value, twin))
        openai_drop(w, &rule->row);
    return true;
}

static void write_member(struct body_writer *w, gw_str name, const gw_json *value)
{
    if (openai_is(name, "model") || openai_is(name, "stream") || openai_is(name, "stream_options") ||
        (openai_is(name, "reasoning_effort") && !is_there(w, value)) || openai_is_unclean(w, name))
        return;
    const gw_capability *row = openai_rule(w->service, &w->asked, name);
    bool lost = row->how == GW_FIELD_DROPPED || row->how == GW_FIELD_REFUSED;
    if (lost && openai_is_default(w, name, value))
        return;
    if (row->how == GW_FIELD_DROPPED) {
        openai_drop(w, row);
    } else if (row->how == GW_FIELD_REFUSED) {
        openai_refuse(w, row);
    } else if (is_there(w, value) && openai_write_special(w, name, value)) {
        return;
    } else if (row->how == GW_FIELD_CARRIED) {
        w->h->write->key(w->w, name);
        w->h->write->copy(w->w, value);
    } else if (is_there(w, value) && !openai_is_said(w, name, value, row->as)) {
        w->h->write->key(w->w, openai_lit(row->as));
        w->h->write->copy(w->w, value);
    }
}

/* Asks for usage in a stream, beside the other members of the client's stream_options. */
static void write_stream(struct body_writer *w)
{
    const gw_json *said = member(w, "stream_options");

    w->h->write->key(w->w, GW_LIT("stream"));
    w->h->write->boolean(w->w, 1);
    if (openai_row_for(w, "stream_options")->how != GW_FIELD_CARRIED)
        return;
    w->h->write->key(w->w, GW_LIT("stream_options"));
    w->h->write->object(w->w);
    bool has_members = w->h->json->type(said) == GW_JSON_OBJECT;
    for (size_t i = 0; has_members && i < w->h->json->count(said); i++) {
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

static bool has_calls(const struct body_writer *w)
{
    const gw_json *messages = member(w, "messages");
    for (size_t i = 0; i < w->h->json->count(messages); i++) {
        const gw_json *message = w->h->json->at(messages, i);
        if (w->h->json->count(w->h->json->get(message, GW_LIT("tool_calls"))) > 0 ||
            openai_is(w->h->json->str(w->h->json->get(message, GW_LIT("role"))), "tool"))
            return true;
    }
    return false;
}

/* What the conditions of the rows look at. */
static struct openai_asked asked_of(const struct body_writer *w)
{
    const gw_json *choice = member(w, "tool_choice");
    return (struct openai_asked){
        .model = w->req->model,
        .family = openai_family(w->req->model),
        .thinks = !openai_is(w->h->json->str(member(w, "reasoning_effort")), "none"),
        .tools = w->h->json->count(member(w, "tools")) > 0,
        .forced = openai_is(w->h->json->str(choice), "required") || w->h->json->type(choice) == GW_JSON_OBJECT,
        .unused = openai_is(w->h->json->str(choice), "none") && !has_calls(w),
    };
}

gw_status openai_write_body(const struct openai *openai, const struct openai_service *service, gw_call *call,
                            const gw_request *req, gw_http *out)
{
    const gw_host *h = openai->host;
    struct body_writer w = { .h = h, .call = call, .req = req, .service = service };

    w.asked = asked_of(&w);
    w.asked.index = openai_index(h, call, service, &w.asked);
    w.w = h->http_json_body(out);
    h->write->object(w.w);
    h->write->key(w.w, GW_LIT("model"));
    h->write->str(w.w, req->model);
    for (size_t i = 0; i < h->json->count(req->body); i++)
        write_member(&w, h->json->key_at(req->body, i), h->json->at(req->body, i));
    openai_end_thinking(&w);
    if (req->stream)
        write_stream(&w);
    h->write->close(w.w);
    gw_status status = h->write->end(w.w);
    return w.status != GW_OK ? w.status : status;
}
