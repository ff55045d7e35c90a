/* echo.c - a provider in one file: what a plugin for the gateway looks like. Its upstream is imaginary: it
 * takes POST {"say":"..."} at its base_url and answers with lines of JSON, in the order
 *     {"piece":"some text"} ...  {"in":3,"out":5}        or, instead of any of them, {"error":"what went wrong"} */
#include <gateway/plugin.h>
#include <gateway/provider.h>
#include <stdlib.h>
#include <string.h>

struct echo { /* an instance: one provider block of gateway.lua; read-only after open() */
    const gw_host *host;
    char *voice;
};

static int is(gw_str s, const char *word)
{
    return s.len == strlen(word) && memcmp(s.ptr, word, s.len) == 0;
}

static gw_status echo_open(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    gw_str voice = host->json->str(host->json->get(config, GW_LIT("voice"))); /* lent for this call: copied */
    struct echo *echo = calloc(1, sizeof *echo);
    (void)call;
    if (echo == NULL)
        return GW_E_NOMEM;
    echo->host = host;
    echo->voice = voice.len > 0 ? strndup(voice.ptr, voice.len) : NULL;
    *instance = echo;
    return GW_OK;
}

static void echo_close(void *instance)
{
    free(((struct echo *)instance)->voice);
    free(instance);
}

static gw_status echo_build(void *instance, gw_call *call, const gw_request *req, gw_http *out)
{
    const struct echo *echo = instance;
    const gw_host *h = echo->host;
    const gw_json *messages = h->json->get(req->body, GW_LIT("messages")); /* NULL when absent: look-ups chain */
    gw_str say = h->json->str(h->json->get(h->json->at(messages, h->json->count(messages) - 1), GW_LIT("content")));
    if (say.ptr == NULL) {
        h->explain(call, GW_LIT("the echo service takes text only"));
        return GW_E_REQUEST;
    }
    for (size_t i = 0; i < h->json->count(req->body); i++) { /* nothing is left out in silence */
        gw_str name = h->json->key_at(req->body, i);
        if (!is(name, "model") && !is(name, "messages") && !is(name, "stream") && !is(name, "stream_options"))
            h->dropped(call, name, GW_LIT("an echo does not know it"));
    }
    h->http_url(out, req->base_url);
    if (echo->voice != NULL)
        h->http_header(out, GW_LIT("X-Voice"), (gw_str){echo->voice, strlen(echo->voice)});
    gw_writer *w = h->http_json_body(out);
    h->write->object(w);
    h->write->key(w, GW_LIT("say"));
    h->write->str(w, say);
    h->write->close(w);
    return h->write->end(w); /* errors stick: this is the only place to ask */
}

static void say_error(const gw_host *h, gw_call *call, uint32_t status, const gw_json *json, gw_emit emit)
{
    gw_event event = {.size = sizeof event, .type = GW_EVENT_ERROR}; /* what is not set in an event is absent */
    event.status = status >= 400 ? status : 502; /* an error inside a 200 */
    event.text = h->json->str(h->json->get(json, GW_LIT("error")));
    emit(call, &event);
}

static gw_status read_line(const gw_host *h, gw_call *call, gw_str line, gw_emit emit)
{
    const gw_json *json, *piece;
    if (h->json->parse(call, line, &json) != GW_OK)
        return GW_E_PROTOCOL; /* and parse() has given the reason */
    if ((piece = h->json->get(json, GW_LIT("piece"))) != NULL) {
        emit(call, &(gw_event){.size = sizeof(gw_event), .type = GW_EVENT_TEXT, .text = h->json->str(piece)});
        return GW_OK;
    }
    h->set_state(call, call); /* the last line: of what follows nothing counts */
    if (h->json->get(json, GW_LIT("error")) != NULL) {
        say_error(h, call, 200, json, emit);
        return GW_OK;
    }
    gw_tokens tokens = {.size = sizeof tokens, .total = -1, .raw = line};
    tokens.input = h->json->integer(h->json->get(json, GW_LIT("in")), -1);
    tokens.output = h->json->integer(h->json->get(json, GW_LIT("out")), -1);
    if (tokens.input >= 0 && tokens.output >= 0)
        emit(call, &(gw_event){.size = sizeof(gw_event), .type = GW_EVENT_USAGE, .tokens = &tokens});
    emit(call, &(gw_event){.size = sizeof(gw_event), .type = GW_EVENT_FINISH, .text = GW_LIT("stop")});
    return GW_OK;
}

/* A streamed answer comes line by line, any other in one piece: both are taken apart here. */
static gw_status echo_read(void *instance, gw_call *call, const gw_frame *frame, gw_emit emit)
{
    const gw_host *h = ((struct echo *)instance)->host;
    const gw_json *json;
    gw_status status = GW_OK;
    if (frame->status >= 400) {
        h->json->parse(call, frame->data, &json); /* NULL when it is not of the service but of something in between */
        say_error(h, call, frame->status, json, emit);
        return GW_OK;
    }
    for (gw_str rest = frame->data, line; rest.len > 0 && status == GW_OK && h->state(call) == NULL;) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        line = (gw_str){rest.ptr, end == NULL ? rest.len : (size_t)(end - rest.ptr)};
        rest = (gw_str){line.ptr + line.len + (end != NULL), rest.len - line.len - (end != NULL)};
        if (line.len > 0)
            status = read_line(h, call, line, emit);
    }
    return status;
}

static const gw_option options[] = {{"voice", "how it is said", GW_JSON_STR, 0}, {NULL, NULL, 0, 0}};
static const gw_provider_ops ops = {.size = sizeof ops, .operations = GW_OP_CHAT, .framing = GW_FRAMING_LINES,
                                    .open = echo_open, .close = echo_close, .build = echo_build, .read = echo_read};
GW_PLUGIN(.kind = GW_KIND_PROVIDER, .name = "echo", .version = "1.0.0", .license = "MIT", .ops = &ops, .options = options);
