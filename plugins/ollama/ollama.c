/* ollama.c - requests of Ollama's own API: /api/chat and /api/embed (github.com/ollama/ollama/blob/main/docs/api.md, 2026-11). */
#include "ollama.h"

#include <gateway/plugin.h>
#include <stdlib.h>

struct out {
    const gw_host *h;
    gw_call *call;
    gw_writer *w;
    const gw_json *body, *messages;
};

#define ROW(field_, how_, as_, why_)                                                                                   \
    {                                                                                                                  \
        .size = sizeof(gw_capability), .how = how_, .field = field_, .as = as_, .why = why_                            \
    }
#define SENT_AS(field, as) ROW(field, GW_FIELD_TRANSLATED, as, NULL)
#define NOT_KNOWN "Ollama does not know it"
static const gw_capability rows[] = {
    SENT_AS("messages.tool_calls", "tool_calls, their arguments as an object"),
    SENT_AS("messages.reasoning_content", "thinking"),
    SENT_AS("max_tokens", "options.num_predict"),
    SENT_AS("max_completion_tokens", "options.num_predict"),
    SENT_AS("temperature", "options.temperature"),
    SENT_AS("top_p", "options.top_p"),
    SENT_AS("top_k", "options.top_k"),
    SENT_AS("seed", "options.seed"),
    SENT_AS("stop", "options.stop"),
    SENT_AS("presence_penalty", "options.presence_penalty"),
    SENT_AS("frequency_penalty", "options.frequency_penalty"),
    SENT_AS("response_format", "format"),
    SENT_AS("reasoning_effort", "think"),
    ROW("tools.custom", GW_FIELD_DROPPED, NULL, "Ollama takes functions only"),
    ROW("messages.*", GW_FIELD_DROPPED, NULL, NOT_KNOWN),
    ROW("tool_choice", GW_FIELD_DROPPED, NULL, "Ollama's models choose by themselves"),
    ROW("*", GW_FIELD_DROPPED, NULL, NOT_KNOWN),
    ROW("messages.type", GW_FIELD_REFUSED, NULL, "Ollama takes texts and images only"),
    ROW("messages.image_url", GW_FIELD_REFUSED, NULL, "an image must be base64: Ollama fetches none"),
};

static gw_str why_of(const char *field)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (gw_is(gw_of(field), rows[i].field) && rows[i].why != NULL)
            return gw_of(rows[i].why);
    return gw_of(NOT_KNOWN);
}

static gw_status refuse(const struct out *o, const char *field)
{
    o->h->explain(o->call, why_of(field));
    return GW_E_REQUEST;
}

/* The members of `object` that are not among the words. */
static void drop_others(const struct out *o, const gw_json *object, const char *prefix, const char *words)
{
    for (size_t i = 0; i < o->h->json->count(object); i++) {
        gw_str name = o->h->json->key_at(object, i);
        if (gw_is(name, "n") && o->h->json->integer(o->h->json->at(object, i), 0) == 1)
            continue; /* one answer is what it gives */
        if (!gw_is_one_of(name, words) && o->h->json->type(o->h->json->at(object, i)) != GW_JSON_NULL)
            o->h->dropped(o->call, gw_join(o->h, o->call, gw_of(prefix), name), gw_of(NOT_KNOWN));
    }
}

static void copy(const struct out *o, const char *from, const char *to)
{
    const gw_json *value = gw_get(o->h, o->body, from);
    if (o->h->json->type(value) == GW_JSON_ABSENT || o->h->json->type(value) == GW_JSON_NULL)
        return;
    gw_put_key(o->h, o->w, to);
    o->h->write->copy(o->w, value);
}

/* The base64 of a data address; absent: it is none. */
static gw_str data_of(gw_str url)
{
    for (size_t i = 0; gw_begins(url, "data:") && i + 7 < url.len; i++)
        if (memcmp(url.ptr + i, "base64,", 7) == 0)
            return (gw_str){ url.ptr + i + 7, url.len - i - 7 };
    return (gw_str){ NULL, 0 };
}

/* Texts are one string, images a list beside it. */
static gw_status write_content(const struct out *o, const gw_json *content)
{
    const gw_host *h = o->h;
    gw_str text = h->json->str(content);
    size_t images = 0;
    for (size_t i = 0; text.ptr == NULL && i < h->json->count(content); i++) {
        const gw_json *part = h->json->at(content, i);
        gw_str type = gw_get_str(h, part, "type");
        images += (size_t)gw_is(type, "image_url");
        if (!gw_is_one_of(type, "text image_url"))
            return refuse(o, "messages.type");
        if (gw_is(type, "image_url") && data_of(gw_get_str(h, gw_get(h, part, "image_url"), "url")).ptr == NULL)
            return refuse(o, "messages.image_url");
    }
    gw_str all = text.ptr != NULL ? text : GW_LIT("");
    for (size_t i = 0; text.ptr == NULL && i < h->json->count(content); i++)
        all = gw_join(h, o->call, all, gw_get_str(h, h->json->at(content, i), "text"));
    gw_put_str(h, o->w, "content", all);
    if (images == 0)
        return GW_OK;
    gw_put_key(h, o->w, "images");
    h->write->array(o->w);
    for (size_t i = 0; i < h->json->count(content); i++) {
        gw_str url = gw_get_str(h, gw_get(h, h->json->at(content, i), "image_url"), "url");
        if (url.ptr != NULL)
            h->write->str(o->w, data_of(url));
    }
    h->write->close(o->w);
    return GW_OK;
}

static void write_calls(const struct out *o, const gw_json *calls)
{
    const gw_host *h = o->h;
    gw_put_key(h, o->w, "tool_calls");
    h->write->array(o->w);
    for (size_t i = 0; i < h->json->count(calls); i++) {
        const gw_json *function = gw_get(h, h->json->at(calls, i), "function"), *arguments = NULL;
        h->json->parse(o->call, gw_get_str(h, function, "arguments"), &arguments);
        h->write->object(o->w);
        gw_put_key(h, o->w, "function");
        h->write->object(o->w);
        gw_put_str(h, o->w, "name", gw_get_str(h, function, "name"));
        gw_put_key(h, o->w, "arguments");
        if (h->json->type(arguments) == GW_JSON_OBJECT) {
            h->write->copy(o->w, arguments);
        } else {
            h->write->object(o->w);
            h->write->close(o->w);
        }
        h->write->close(o->w);
        h->write->close(o->w);
    }
    h->write->close(o->w);
}

/* Whose result it is: Ollama knows results by the function's name. */
static gw_str tool_name(const struct out *o, gw_str id)
{
    for (size_t i = 0; id.ptr != NULL && i < o->h->json->count(o->messages); i++) {
        const gw_json *calls = gw_get(o->h, o->h->json->at(o->messages, i), "tool_calls");
        for (size_t k = 0; k < o->h->json->count(calls); k++) {
            const gw_json *one = o->h->json->at(calls, k);
            gw_str other = gw_get_str(o->h, one, "id");
            if (other.len == id.len && memcmp(other.ptr, id.ptr, id.len) == 0)
                return gw_get_str(o->h, gw_get(o->h, one, "function"), "name");
        }
    }
    return (gw_str){ NULL, 0 };
}

static gw_status write_message(const struct out *o, const gw_json *m)
{
    gw_str role = gw_get_str(o->h, m, "role"), thinking = gw_get_str(o->h, m, "reasoning_content");
    gw_str name = tool_name(o, gw_get_str(o->h, m, "tool_call_id"));
    o->h->write->object(o->w);
    gw_put_str(o->h, o->w, "role", gw_is(role, "developer") ? GW_LIT("system") : role);
    gw_status status = write_content(o, gw_get(o->h, m, "content"));
    if (thinking.len > 0)
        gw_put_str(o->h, o->w, "thinking", thinking);
    if (o->h->json->count(gw_get(o->h, m, "tool_calls")) > 0)
        write_calls(o, gw_get(o->h, m, "tool_calls"));
    if (name.ptr != NULL)
        gw_put_str(o->h, o->w, "tool_name", name);
    drop_others(o, m, "messages.", "role content tool_calls tool_call_id reasoning_content");
    o->h->write->close(o->w);
    return status;
}

static void write_tools(const struct out *o)
{
    const gw_json *tools = gw_get(o->h, o->body, "tools"), *choice = gw_get(o->h, o->body, "tool_choice");
    int none = gw_is(o->h->json->str(choice), "none");
    if (choice != NULL && !none && !gw_is_one_of(o->h->json->str(choice), "auto") &&
        o->h->json->type(choice) != GW_JSON_NULL)
        o->h->dropped(o->call, GW_LIT("tool_choice"), why_of("tool_choice"));
    if (none || o->h->json->count(tools) == 0)
        return;
    gw_put_key(o->h, o->w, "tools");
    o->h->write->array(o->w);
    for (size_t i = 0; i < o->h->json->count(tools); i++) {
        const gw_json *tool = o->h->json->at(tools, i);
        if (gw_is(gw_get_str(o->h, tool, "type"), "function"))
            o->h->write->copy(o->w, tool);
        else
            o->h->dropped(o->call, GW_LIT("tools.custom"), why_of("tools.custom"));
    }
    o->h->write->close(o->w);
}

static void write_settings(const struct out *o, int64_t num_ctx)
{
    const gw_json *format = gw_get(o->h, o->body, "response_format"), *stop = gw_get(o->h, o->body, "stop");
    gw_str effort = gw_get_str(o->h, o->body, "reasoning_effort"), type = gw_get_str(o->h, format, "type");
    static const char *const same[] = {
        "temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty"
    };
    if (effort.len > 0)
        gw_put_key(o->h, o->w, "think");
    if (gw_is(effort, "none"))
        o->h->write->boolean(o->w, 0);
    else if (effort.len > 0)
        o->h->write->str(o->w, gw_is(effort, "minimal") ? GW_LIT("low")
                               : gw_is(effort, "xhigh") ? GW_LIT("high")
                                                        : effort);
    if (gw_is(type, "json_object")) {
        gw_put_str(o->h, o->w, "format", GW_LIT("json"));
    } else if (gw_is(type, "json_schema")) {
        gw_put_key(o->h, o->w, "format");
        o->h->write->copy(o->w, gw_get(o->h, gw_get(o->h, format, "json_schema"), "schema"));
    }
    gw_put_key(o->h, o->w, "options");
    o->h->write->object(o->w);
    if (num_ctx > 0) {
        gw_put_key(o->h, o->w, "num_ctx");
        o->h->write->integer(o->w, num_ctx);
    }
    copy(o, gw_get(o->h, o->body, "max_completion_tokens") != NULL ? "max_completion_tokens" : "max_tokens",
         "num_predict");
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        copy(o, same[i], same[i]);
    if (o->h->json->type(stop) == GW_JSON_STR) {
        gw_put_key(o->h, o->w, "stop");
        o->h->write->array(o->w);
        o->h->write->copy(o->w, stop);
        o->h->write->close(o->w);
    } else {
        copy(o, "stop", "stop");
    }
    o->h->write->close(o->w);
}

static gw_status write_chat(const struct out *o, int64_t num_ctx)
{
    gw_status status = GW_OK;
    gw_put_key(o->h, o->w, "messages");
    o->h->write->array(o->w);
    for (size_t i = 0; i < o->h->json->count(o->messages) && status == GW_OK; i++)
        status = write_message(o, o->h->json->at(o->messages, i));
    if (status != GW_OK)
        return status;
    o->h->write->close(o->w);
    write_tools(o);
    write_settings(o, num_ctx);
    drop_others(
        o, o->body, "",
        "model messages stream stream_options tools tool_choice max_tokens max_completion_tokens temperature top_p "
        "top_k seed stop presence_penalty frequency_penalty response_format reasoning_effort");
    return GW_OK;
}

static gw_status ollama_build(void *instance, gw_call *call, const gw_request *req, gw_http *out)
{
    const struct ollama *own = instance;
    const gw_host *h = own->host;
    struct ollama_state *state = h->alloc(call, sizeof *state, sizeof(void *));
    struct out o = { h, call, h->http_json_body(out), req->body, gw_get(h, req->body, "messages") };
    if (state == NULL)
        return GW_E_NOMEM;
    state->operation = req->operation;
    h->set_state(call, state);
    h->http_url(out, gw_join(h, call, req->base_url,
                             req->operation == GW_OP_CHAT ? GW_LIT("/api/chat") : GW_LIT("/api/embed")));
    if (req->secret.len > 0)
        h->http_header(out, GW_LIT("Authorization"), gw_join(h, call, GW_LIT("Bearer "), req->secret));
    h->write->object(o.w);
    gw_put_str(h, o.w, "model", req->model);
    if (req->operation == GW_OP_CHAT) {
        gw_put_key(h, o.w, "stream");
        h->write->boolean(o.w, (int32_t)req->stream);
        gw_status status = write_chat(&o, own->num_ctx);
        if (status != GW_OK)
            return status;
    } else {
        copy(&o, "input", "input");
        copy(&o, "dimensions", "dimensions");
        drop_others(&o, o.body, "", "model input dimensions encoding_format");
    }
    h->write->close(o.w);
    return h->write->end(o.w);
}

static gw_status ollama_open(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    struct ollama *own = calloc(1, sizeof *own);
    (void)call;
    if (own == NULL)
        return GW_E_NOMEM;
    *own = (struct ollama){ host, gw_get_int(host, config, "num_ctx", 0) };
    *instance = own;
    return GW_OK;
}

static gw_status ollama_read(void *instance, gw_call *call, const gw_frame *frame, gw_emit emit)
{
    return answer_read(((const struct ollama *)instance)->host, call, frame, emit);
}

static const gw_capability *ollama_capability(void *instance, const gw_request *req, uint32_t index)
{
    (void)instance, (void)req;
    return index < sizeof rows / sizeof *rows ? &rows[index] : NULL;
}

static const gw_option options[] = { { "num_ctx", "how many tokens the model keeps in view", GW_JSON_INT, 0 },
                                     { NULL, NULL, 0, 0 } };
static const gw_provider_ops ops = { .size = sizeof ops,
                                     .operations = GW_OP_CHAT | GW_OP_EMBEDDINGS,
                                     .framing = GW_FRAMING_LINES,
                                     .open = ollama_open,
                                     .close = free,
                                     .build = ollama_build,
                                     .read = ollama_read,
                                     .base_url_form = "http://localhost:11434",
                                     .capability = ollama_capability };
GW_PLUGIN(.kind = GW_KIND_PROVIDER, .name = "ollama-native", .version = "1.0.0", .license = "MIT", .ops = &ops,
          .options = options);
