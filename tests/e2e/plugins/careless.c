/* careless.c - a provider that does what its model's name asks for, and most of that is wrong: the gateway must go on.
 * With -DLOCAL it answers by itself, without an upstream. */
#include <gateway/plugin.h>
#include <gateway/provider.h>
#include <string.h>
#include <unistd.h>

static const gw_host *h;

static gw_status careless_open(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    (void)call, (void)config;
    h = host;
    *instance = NULL;
    return GW_OK;
}

static void careless_close(void *instance)
{
    (void)instance;
}

static int is(gw_str s, const char *word)
{
    return s.len == strlen(word) && memcmp(s.ptr, word, s.len) == 0;
}

static void say(gw_call *call, gw_emit emit, uint32_t type, uint32_t item, const char *text)
{
    gw_event event = { .size = sizeof event, .type = type, .item = item, .text = { text, strlen(text) } };
    if (type == GW_EVENT_BODY)
        event.data = GW_LIT("{}");
    emit(call, &event);
}

static void tell_usage(gw_call *call, gw_emit emit, uint32_t size, int64_t total)
{
    gw_tokens tokens = { .size = size, .input = 1, .output = 2, .total = total };
    emit(call, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_USAGE, .tokens = &tokens });
}

/* What comes before a right end. */
static void misdo(gw_call *call, gw_emit emit, gw_str how)
{
    if (is(how, "null"))
        emit(call, NULL);
    if (is(how, "no-size"))
        emit(call, &(gw_event){ .type = GW_EVENT_TEXT, .text = GW_LIT("x") });
    if (is(how, "text-at-null"))
        emit(call, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_TEXT, .text = { NULL, 100 } });
    if (is(how, "no-call"))
        say(call, emit, GW_EVENT_TOOL_ARGS, 0, "{}");
    if (is(how, "far-item"))
        say(call, emit, GW_EVENT_REASONING, 4000000000u, "x");
    if (is(how, "body"))
        say(call, emit, GW_EVENT_BODY, 0, "");
    if (is(how, "tokens-without-size"))
        tell_usage(call, emit, 0, 3);
    if (is(how, "no-usage"))
        emit(call, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_USAGE });
    if (is(how, "sum"))
        tell_usage(call, emit, sizeof(gw_tokens), 4);
    if (is(how, "later-type"))
        say(call, emit, 99, 0, "x");
    if (is(how, "host-null")) {
        h->explain(call, (gw_str){ NULL, 100 });
        h->log(h->self, GW_LOG_INFO, (gw_str){ NULL, 100 });
    }
    if (is(how, "call-null"))
        h->alloc(NULL, 8, 8);
    if (is(how, "emit-null"))
        say(NULL, emit, GW_EVENT_TEXT, 0, "x");
    if (is(how, "sleep"))
        sleep(9);
}

static void end(gw_call *call, gw_emit emit, gw_str how)
{
    say(call, emit, GW_EVENT_TEXT, 0, "fine");
    say(call, emit, GW_EVENT_FINISH, 0, is(how, "shout") ? "LENGTH" : is(how, "own-word") ? "enough" : "stop");
    if (is(how, "after-finish"))
        say(call, emit, GW_EVENT_TEXT, 0, "never");
    if (is(how, "twice"))
        say(call, emit, GW_EVENT_FINISH, 0, "length");
}

#ifdef LOCAL
static gw_status careless_produce(void *instance, gw_call *call, const gw_request *req, gw_emit emit, uint32_t *wait_ms)
{
    (void)instance;
    *wait_ms = 0;
    if (is(req->model, "late-null") && h->state(call) == NULL) {
        h->set_state(call, call);
        say(call, emit, GW_EVENT_TEXT, 0, "begun");
        *wait_ms = 50;
        return GW_OK;
    }
    misdo(call, emit, is(req->model, "late-null") ? GW_LIT("null") : req->model);
    end(call, emit, req->model);
    return GW_MISS;
}
#else
static gw_status careless_build(void *instance, gw_call *call, const gw_request *req, gw_http *out)
{
    gw_writer *w = h->http_json_body(out);

    (void)instance;
    h->http_url(out, req->base_url);
    h->http_header(out, GW_LIT("authorization"), req->secret);
    h->write->object(w);
    if (is(req->model, "open-body"))
        h->write->object(w);
    h->write->key(w, GW_LIT("model"));
    h->write->str(w, req->model);
    h->write->close(w);
    if (is(req->model, "secret"))
        h->explain(call, req->secret);
    if (is(req->model, "client-header"))
        h->explain(call, h->client_header(call, GW_LIT("anthropic-beta")));
    return is(req->model, "secret") ? GW_E_RETRY : is(req->model, "client-header") ? GW_E_REQUEST : h->write->end(w);
}

/* The answer's body sets what to do. */
static gw_status careless_read(void *instance, gw_call *call, const gw_frame *frame, gw_emit emit)
{
    gw_str word = h->answer_header(call, GW_LIT("X-Word"));

    (void)instance;
    if (frame->status >= 400) {
        emit(call, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_ERROR, .status = frame->status });
        return GW_OK;
    }
    if (frame->data.len == 0 || h->state(call) != NULL)
        return GW_OK;
    if (is(frame->data, "unreadable")) {
        h->explain(call, GW_LIT("there is no piece in it"));
        return GW_E_PROTOCOL;
    }
    if (is(frame->data, "refuse")) {
        h->explain(call, GW_LIT("ask for less"));
        return GW_E_REQUEST;
    }
    emit(call, &(gw_event){
                   .size = sizeof(gw_event), .type = GW_EVENT_TEXT, .text = word.ptr != NULL ? word : GW_LIT("none") });
    say(call, emit, GW_EVENT_FINISH, 0, "stop");
    h->set_state(call, call); /* its answer has one line */
    return GW_OK;
}
#endif

#ifndef FRAMING
#define FRAMING GW_FRAMING_LINES
#endif

static const gw_provider_ops ops = {
    .size = sizeof ops,
    .operations = GW_OP_CHAT,
    .open = careless_open,
    .close = careless_close,
#ifdef LOCAL
    .flags = GW_PROVIDER_LOCAL,
    .produce = careless_produce,
#else
    .framing = FRAMING,
    .build = careless_build,
    .read = careless_read,
#endif
};
GW_PLUGIN(.kind = GW_KIND_PROVIDER, .name = NAME, .version = "1.0.0", .license = "Apache-2.0", .ops = &ops);
