/* broken.c - a provider of lines {"text":...} {"stop":...} with one defect, chosen by -DDEFECT=N: the conformance kit
 * must find each. 0 has none. */
#include <gateway/plugin.h>
#include <gateway/provider.h>
#include <stdlib.h>
#include <string.h>

enum {
    NONE,
    WRITES_INSTANCE, /* the text of a line is joined to the text of another call */
    KEEPS_FRAME,     /* emits the line before, from memory that was lent */
    TWO_FINISHES,
    AFTER_ERROR,  /* emits something after an error */
    WRONG_SUM,    /* usage that does not sum to its total */
    OPEN_CALL,    /* arguments without their call */
    BUILD_COUNTS, /* another request each time */
    TELLS_SECRET, /* explains with the secret */
    NO_ERROR,     /* a refusal is no error to it */
    BAD_FINISH,   /* a finish in the upstream's own words */
    NOT_UTF8,
    KEEPS_MODEL, /* emits the model from memory lent to build() */
    UNTOLD_DROP, /* drops what its capability table does not list */
    BAD_ROW,     /* a row that drops without saying why */
    ENDLESS,     /* a capability table without an end */
    DEFECTS
};

struct broken {
    const gw_host *host;
    char said[64];
    unsigned count;
};

struct state {
    gw_str before, model;
    uint32_t over;
};

static gw_status broken_open(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    struct broken *b = *instance = calloc(1, sizeof *b);
    (void)call;
    (void)config;
    if (b == NULL)
        return GW_E_NOMEM;
    b->host = host;
    return GW_OK;
}

static struct state *state_of(const gw_host *h, gw_call *call)
{
    struct state *s = h->state(call);
    if (s == NULL)
        h->set_state(call, s = h->alloc(call, sizeof *s, sizeof(void *)));
    return s;
}

static gw_status broken_build(void *instance, gw_call *call, const gw_request *req, gw_http *out)
{
    struct broken *b = instance;
    const gw_host *h = b->host;
    if (h->json->get(req->body, GW_LIT("messages")) == NULL) {
        h->explain(call, DEFECT == TELLS_SECRET ? req->secret : GW_LIT("no messages"));
        return GW_E_REQUEST;
    }
    state_of(h, call)->model = req->model;
    if (h->json->get(req->body, GW_LIT("seed")) != NULL)
        h->dropped(call, GW_LIT("seed"), DEFECT == UNTOLD_DROP ? GW_LIT("no luck") : GW_LIT("not known there"));
    h->http_url(out, req->base_url);
    gw_writer *w = h->http_json_body(out);
    h->write->array(w);
    h->write->copy(w, h->json->get(req->body, GW_LIT("messages")));
    if (DEFECT == BUILD_COUNTS)
        h->write->integer(w, b->count++);
    h->write->close(w);
    return h->write->end(w);
}

static void say(gw_call *call, gw_emit emit, uint32_t type, gw_str text)
{
    emit(call, &(gw_event){ .size = sizeof(gw_event), .type = type, .text = text, .status = 500 });
}

static void say_text(struct broken *b, struct state *s, gw_call *call, gw_str text, gw_emit emit)
{
    if (DEFECT == WRITES_INSTANCE) {
        size_t room = sizeof b->said - strlen(b->said) - 1;
        strncat(b->said, text.ptr, text.len < room ? text.len : room);
        text = (gw_str){ b->said, strlen(b->said) };
    }
    if (DEFECT == KEEPS_FRAME && s->before.ptr != NULL)
        say(call, emit, GW_EVENT_TEXT, s->before);
    if (DEFECT == KEEPS_MODEL && s->model.ptr != NULL)
        say(call, emit, GW_EVENT_TEXT, s->model);
    if (DEFECT == OPEN_CALL)
        say(call, emit, GW_EVENT_TOOL_ARGS, text);
    say(call, emit, GW_EVENT_TEXT, DEFECT == NOT_UTF8 ? GW_LIT("\xff") : text);
    s->before = text;
}

static void stop(struct broken *b, struct state *s, gw_call *call, gw_str why, gw_emit emit)
{
    gw_tokens tokens = { .size = sizeof tokens, .input = 1, .output = 2, .total = DEFECT == WRONG_SUM ? 4 : 3 };
    emit(call, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_USAGE, .tokens = &tokens });
    say(call, emit, GW_EVENT_FINISH, DEFECT == BAD_FINISH ? why : GW_LIT("stop"));
    if (DEFECT == TWO_FINISHES)
        say(call, emit, GW_EVENT_FINISH, GW_LIT("stop"));
    s->over = 1;
    b->said[0] = DEFECT == WRITES_INSTANCE ? '\0' : b->said[0];
}

static gw_status broken_read(void *instance, gw_call *call, const gw_frame *frame, gw_emit emit)
{
    struct broken *b = instance;
    const gw_host *h = b->host;
    struct state *s = state_of(h, call);
    const gw_json *json;

    if (frame->status >= 400) {
        if (DEFECT != NO_ERROR)
            say(call, emit, GW_EVENT_ERROR, GW_LIT("refused"));
        if (DEFECT == AFTER_ERROR)
            say(call, emit, GW_EVENT_TEXT, GW_LIT("sorry"));
        return GW_OK;
    }
    if (frame->data.len == 0 || s->over)
        return GW_OK;
    if (h->json->parse(call, frame->data, &json) != GW_OK)
        return GW_E_PROTOCOL;
    gw_str text = h->json->str(h->json->get(json, GW_LIT("text")));
    if (text.ptr != NULL)
        say_text(b, s, call, DEFECT == KEEPS_FRAME ? frame->data : text, emit);
    gw_str why = h->json->str(h->json->get(json, GW_LIT("stop")));
    if (why.ptr != NULL)
        stop(b, s, call, why, emit);
    return GW_OK;
}

static const gw_capability *broken_capability(void *instance, const gw_request *req, uint32_t index)
{
    static const gw_capability row = { sizeof row, GW_FIELD_DROPPED,
                                       "seed",     NULL,
                                       NULL,       DEFECT == BAD_ROW ? NULL : "not known there" };
    (void)instance;
    (void)req;
    return index == 0 || DEFECT == ENDLESS ? &row : NULL;
}

static const gw_provider_ops ops = { .size = sizeof ops,
                                     .operations = GW_OP_CHAT,
                                     .framing = GW_FRAMING_LINES,
                                     .open = broken_open,
                                     .close = free,
                                     .build = broken_build,
                                     .read = broken_read,
                                     .capability = broken_capability };
GW_PLUGIN(.kind = GW_KIND_PROVIDER, .name = "broken", .version = "1.0.0", .license = "Apache-2.0", .ops = &ops);
