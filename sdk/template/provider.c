/* @NAME@.c - a provider for any server that has OpenAI's chat completions: build() writes its request, read() reads its answer. */
#include <gateway/easy.h>
#include <gateway/plugin.h>

enum { CALLS_MAX = 128 };
struct answer {
    uint32_t began, over, failed, calls;
    int64_t index[CALLS_MAX];
}; /* memory of a call; index: of a tool call, the server's */

/* There is nothing to set, so the table of the host's functions is all that an instance has. */
static gw_status provider_open(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    (void)call, (void)config;
    *instance = (void *)(uintptr_t)host;
    return GW_OK;
}
static void provider_close(void *instance)
{
    (void)instance;
}

static gw_status provider_build(void *instance, gw_call *call, const gw_request *req, gw_http *out)
{
    const gw_host *h = instance;
    h->http_url(out, gw_join(h, call, req->base_url, GW_LIT("/chat/completions")));
    h->http_header(out, GW_LIT("Content-Type"), GW_LIT("application/json"));
    if (req->secret.len > 0)
        h->http_header(out, GW_LIT("Authorization"), gw_join(h, call, GW_LIT("Bearer "), req->secret));
    gw_writer *w = h->http_json_body(out);
    h->write->object(w);
    gw_put_str(h, w, "model", req->model);
    gw_put_key(h, w, "stream");
    h->write->boolean(w, (int32_t)req->stream);
    if (req->stream) {
        gw_put_key(h, w, "stream_options"); /* without it a stream has no usage */
        h->write->raw(w, GW_LIT("{\"include_usage\":true}"));
    }
    for (size_t i = 0; i < h->json->count(req->body);
         i++) { /* the rest goes as it is: the canonical form is OpenAI's */
        gw_str name = h->json->key_at(req->body, i);
        if (gw_is(name, "n") && h->json->integer(h->json->at(req->body, i), 1) != 1)
            h->dropped(call, name, GW_LIT("this provider reads one choice"));
        if (gw_is_one_of(name, "model stream stream_options n"))
            continue;
        h->write->key(w, name);
        h->write->copy(w, h->json->at(req->body, i));
    }
    h->write->close(w);
    return h->write->end(w);
}

/* A tool call, or a piece of one: the first piece has its name, later ones have the same index. */
static void read_call(const gw_host *h, gw_call *call, struct answer *a, const gw_json *tool, int64_t index,
                      gw_emit emit)
{
    gw_str name = gw_get_str(h, gw_get(h, tool, "function"), "name"),
           args = gw_get_str(h, gw_get(h, tool, "function"), "arguments");
    uint32_t item = 0;
    while (item < a->calls && a->index[item] != index)
        item++;
    if (item == a->calls && (name.len == 0 || item == CALLS_MAX))
        return;
    if (item == a->calls) {
        a->index[a->calls++] = index;
        gw_say(call, emit,
               (gw_event){ .type = GW_EVENT_TOOL_CALL, .item = item, .id = gw_get_str(h, tool, "id"), .text = name });
    }
    if (args.len > 0)
        gw_say(call, emit, (gw_event){ .type = GW_EVENT_TOOL_ARGS, .item = item, .text = args });
}

/* A whole answer is one frame, of a stream each event is one: the same events come of both. */
static gw_status provider_read(void *instance, gw_call *call, const gw_frame *frame, gw_emit emit)
{
    const gw_host *h = instance;
    const gw_json *root = NULL;
    struct answer *a = h->state(call);
    if (a == NULL && (a = h->alloc(call, sizeof *a, _Alignof(struct answer))) == NULL)
        return GW_E_NOMEM;
    h->set_state(call, a);
    if (gw_is(frame->data, "[DONE]"))
        return GW_MISS; /* the end mark: nothing else is waited for */
    if (a->failed)
        return GW_OK; /* an error is the last event */
    if (frame->data.len > 0 && h->json->parse(call, frame->data, &root) != GW_OK && frame->status < 400)
        return GW_E_PROTOCOL; /* and parse() has given the reason */
    const gw_json *error = gw_get(h, root, "error"), *choice = h->json->at(gw_get(h, root, "choices"), 0);
    if (frame->status >= 400 ||
        h->json->type(error) == GW_JSON_OBJECT) { /* the body of an error may be a proxy's page */
        gw_say(call, emit,
               (gw_event){ .type = GW_EVENT_ERROR,
                           .status = frame->status >= 400 ? frame->status : 502,
                           .text = gw_get_str(h, error, "message"),
                           .code = gw_get_str(h, error, "code") });
        a->failed = 1;
        return GW_OK;
    }
    if (root != NULL && !a->began++)
        gw_say(call, emit,
               (gw_event){
                   .type = GW_EVENT_START, .id = gw_get_str(h, root, "id"), .text = gw_get_str(h, root, "model") });
    const gw_json *message = gw_get(h, choice, frame->framing == GW_FRAMING_WHOLE ? "message" : "delta");
    gw_str content = gw_get_str(h, message, "content"), why = gw_get_str(h, choice, "finish_reason");
    if (content.len > 0 && !a->over)
        gw_say(call, emit, (gw_event){ .type = GW_EVENT_TEXT, .text = content });
    for (size_t i = 0; !a->over && i < h->json->count(gw_get(h, message, "tool_calls")); i++) {
        const gw_json *tool = h->json->at(gw_get(h, message, "tool_calls"), i);
        read_call(h, call, a, tool, gw_get_int(h, tool, "index", (int64_t)i), emit);
    }
    if (why.len > 0 && !a->over++)
        gw_say(call, emit,
               (gw_event){ .type = GW_EVENT_FINISH,
                           .text = gw_is_one_of(why, "length tool_calls content_filter") ? why : GW_LIT("stop") });
    gw_tokens tokens;
    if (gw_chat_usage(h, gw_get(h, root, "usage"), &tokens))
        gw_say(call, emit, (gw_event){ .type = GW_EVENT_USAGE, .tokens = &tokens });
    return GW_OK;
}

static const gw_provider_ops ops = { .size = sizeof ops,
                                     .operations = GW_OP_CHAT,
                                     .framing = GW_FRAMING_SSE,
                                     .open = provider_open,
                                     .close = provider_close,
                                     .build = provider_build,
                                     .read = provider_read,
                                     .base_url_form = "http://127.0.0.1:8000/v1" };
GW_PLUGIN(.kind = GW_KIND_PROVIDER, .name = "@NAME@", .version = "0.1.0", .license = "MIT", .ops = &ops);
