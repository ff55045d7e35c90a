/* parrot.c - a provider for a service that does not exist, in a dialect that nobody speaks. POST base_url/perch takes
 *     {"bird":"grey","perch":[{"who":"human","said":"hi"},{"who":"parrot","said":"squawk"}],"song":true,"breath":9}
 * and answers with lines of JSON, one by one when "song" is true:
 *     {"hatched":"p-1","bird":"grey-2"}   {"squawk":"some text"}   {"trick":"fetch","props":{...}}
 *     {"flew":"done" or "tired", "trick", "shooed","seeds":{"eaten":12,"stored":4,"dropped":7}}
 *     {"ruffled":"what went wrong","feathers":429}
 * "eaten" is the prompt in tokens, "stored" the part of it that a cache had, "dropped" the answer. */
#include <gateway/plugin.h>
#include <gateway/provider.h>
#include <stdlib.h>
#include <string.h>

struct parrot { const gw_host *host; char *aviary; }; /* an instance: read-only after open() */
struct flight { uint32_t tricks, hatched, over; };    /* one call */

static const gw_str none = {NULL, 0};

static gw_str get(const gw_host *h, const gw_json *object, gw_str name)
{
    return h->json->str(h->json->get(object, name));
}

static int is(gw_str s, const char *word)
{
    return s.len == strlen(word) && memcmp(s.len > 0 ? s.ptr : "", word, s.len) == 0;
}

static gw_status parrot_open(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    gw_str aviary = get(host, config, GW_LIT("aviary")); /* lent for this call: copied */
    if (aviary.len > 60) {
        host->explain(call, GW_LIT("aviary has more than 60 characters"));
        return GW_E_CONFIG;
    }
    struct parrot *parrot = *instance = calloc(1, sizeof *parrot);
    if (parrot == NULL)
        return GW_E_NOMEM;
    *parrot = (struct parrot){host, aviary.len > 0 ? strndup(aviary.ptr, aviary.len) : NULL};
    return GW_OK;
}

static void parrot_close(void *instance)
{
    free(((struct parrot *)instance)->aviary);
    free(instance);
}

/* The content of a message is a string, or an array of parts, of which the texts are taken. */
static void write_message(const gw_host *h, gw_call *call, gw_writer *w, const gw_json *message)
{
    const gw_json *content = h->json->get(message, GW_LIT("content")), *part;
    gw_str role = get(h, message, GW_LIT("role")), said;
    gw_str who = is(role, "assistant") ? GW_LIT("parrot") : is(role, "user") ? GW_LIT("human") : GW_LIT("keeper");
    size_t parts = h->json->type(content) == GW_JSON_ARRAY ? h->json->count(content) : 1;
    for (size_t i = 0; i < parts; i++) {
        part = h->json->at(content, i); /* NULL when the content is a string */
        said = part != NULL ? get(h, part, GW_LIT("text")) : h->json->str(content);
        if (said.ptr == NULL) {
            h->dropped(call, GW_LIT("messages.content"), GW_LIT("a parrot hears, but does not see"));
            continue;
        }
        h->write->object(w);
        h->write->key(w, GW_LIT("who"));
        h->write->str(w, who);
        h->write->key(w, GW_LIT("said"));
        h->write->str(w, said);
        h->write->close(w);
    }
}

static gw_status parrot_build(void *instance, gw_call *call, const gw_request *req, gw_http *out)
{
    const struct parrot *parrot = instance;
    const gw_host *h = parrot->host;
    const gw_json *messages = h->json->get(req->body, GW_LIT("messages"));
    if (req->operation != GW_OP_CHAT || h->json->count(messages) == 0) {
        h->explain(call, GW_LIT("a parrot takes chats of at least one message"));
        return GW_E_REQUEST;
    }
    char *url = h->alloc(call, req->base_url.len + 6, 1); /* dies with the call */
    if (url == NULL)
        return GW_E_NOMEM;
    memcpy(url, req->base_url.ptr, req->base_url.len);
    memcpy(url + req->base_url.len, "/perch", 6);
    h->http_url(out, (gw_str){url, req->base_url.len + 6});
    h->http_header(out, GW_LIT("Content-Type"), GW_LIT("application/json"));
    if (req->secret.len > 0)
        h->http_header(out, GW_LIT("X-Cracker"), req->secret);
    if (parrot->aviary != NULL)
        h->http_header(out, GW_LIT("X-Aviary"), (gw_str){parrot->aviary, strlen(parrot->aviary)});
    for (size_t i = 0; i < h->json->count(req->body); i++) {
        gw_str name = h->json->key_at(req->body, i);
        if (!is(name, "model") && !is(name, "messages") && !is(name, "stream") && !is(name, "stream_options") &&
            !is(name, "max_tokens") && !is(name, "max_completion_tokens"))
            h->dropped(call, name, GW_LIT("a parrot does not know it"));
    }
    gw_writer *w = h->http_json_body(out);
    h->write->object(w);
    h->write->key(w, GW_LIT("bird"));
    h->write->str(w, req->model);
    h->write->key(w, GW_LIT("perch"));
    h->write->array(w);
    for (size_t i = 0; i < h->json->count(messages); i++)
        write_message(h, call, w, h->json->at(messages, i));
    h->write->close(w);
    h->write->key(w, GW_LIT("song"));
    h->write->boolean(w, (int32_t)req->stream);
    h->write->key(w, GW_LIT("breath"));
    const gw_json *limit = h->json->get(req->body, GW_LIT("max_completion_tokens")); /* its older name is max_tokens */
    h->write->copy(w, limit != NULL ? limit : h->json->get(req->body, GW_LIT("max_tokens"))); /* null: the client set none */
    h->write->close(w);
    return h->write->end(w);
}

static void say(gw_call *call, gw_emit emit, uint32_t type, uint32_t item, gw_str id, gw_str text)
{
    emit(call, &(gw_event){.size = sizeof(gw_event), .type = type, .item = item, .id = id, .text = text});
}

static void read_flew(const gw_host *h, gw_call *call, const gw_json *line, gw_str flew, gw_emit emit)
{
    const gw_json *seeds = h->json->get(line, GW_LIT("seeds"));
    int64_t eaten = h->json->integer(h->json->get(seeds, GW_LIT("eaten")), -1);
    int64_t stored = h->json->integer(h->json->get(seeds, GW_LIT("stored")), 0);
    int64_t dropped = h->json->integer(h->json->get(seeds, GW_LIT("dropped")), -1);
    gw_tokens tokens = {.size = sizeof tokens, .cache_read = stored, .output = dropped, .total = -1};
    tokens.input = eaten - stored; /* buckets are disjoint: what a cache had is no fresh input */
    tokens.raw = h->json->text(seeds);
    if (dropped >= 0 && stored >= 0 && stored <= eaten)
        emit(call, &(gw_event){.size = sizeof(gw_event), .type = GW_EVENT_USAGE, .tokens = &tokens});
    gw_str why = is(flew, "tired") ? GW_LIT("length") : is(flew, "trick") ? GW_LIT("tool_calls") : GW_LIT("stop");
    say(call, emit, GW_EVENT_FINISH, 0, none, is(flew, "shooed") ? GW_LIT("content_filter") : why);
}

static void read_line(const gw_host *h, gw_call *call, struct flight *f, const gw_json *line, gw_emit emit)
{
    gw_str squawk = get(h, line, GW_LIT("squawk")), trick = get(h, line, GW_LIT("trick"));
    gw_str hatched = get(h, line, GW_LIT("hatched")), flew = get(h, line, GW_LIT("flew"));
    gw_str props = h->json->text(h->json->get(line, GW_LIT("props")));
    if (hatched.ptr != NULL && !f->hatched++)
        say(call, emit, GW_EVENT_START, 0, hatched, get(h, line, GW_LIT("bird")));
    f->hatched = 1; /* now or never: a start comes first */
    if (squawk.len > 0)
        say(call, emit, GW_EVENT_TEXT, 0, none, squawk);
    if (trick.len > 0 && f->tricks < 10) {
        char id[] = {'t', 'r', 'i', 'c', 'k', '-', (char)('0' + f->tricks)}; /* the service has no ids */
        say(call, emit, GW_EVENT_TOOL_CALL, f->tricks, (gw_str){id, sizeof id}, trick);
        say(call, emit, GW_EVENT_TOOL_ARGS, f->tricks++, none, props);
    }
    if (flew.ptr != NULL)
        read_flew(h, call, line, flew, emit);
    f->over = flew.ptr != NULL;
}

static void read_error(const gw_host *h, gw_call *call, uint32_t status, const gw_json *body, gw_emit emit)
{
    int64_t feathers = h->json->integer(h->json->get(body, GW_LIT("feathers")), 0);
    if (status < 400) /* an error inside a 200 gives the status itself */
        status = feathers >= 400 && feathers <= 599 ? (uint32_t)feathers : 502;
    emit(call, &(gw_event){.size = sizeof(gw_event), .type = GW_EVENT_ERROR, .status = status, .text = get(h, body, GW_LIT("ruffled"))});
}

/* A streamed answer comes line by line, any other in one piece: both are taken apart here. */
static gw_status parrot_read(void *instance, gw_call *call, const gw_frame *frame, gw_emit emit)
{
    const gw_host *h = ((struct parrot *)instance)->host;
    struct flight *f = h->state(call);
    const gw_json *json;
    if (f == NULL && (f = h->alloc(call, sizeof *f, sizeof(uint32_t))) == NULL)
        return GW_E_NOMEM;
    h->set_state(call, f);
    if (frame->status >= 400) {
        h->json->parse(call, frame->data, &json); /* NULL when it is not of the service but of something in between */
        read_error(h, call, frame->status, json, emit);
        return GW_OK;
    }
    for (gw_str rest = frame->data; rest.len > 0 && !f->over;) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        gw_str line = {rest.ptr, end == NULL ? rest.len : (size_t)(end - rest.ptr)};
        rest = (gw_str){line.ptr + line.len + (end != NULL), rest.len - line.len - (end != NULL)};
        if (line.len == 0)
            continue;
        if (h->json->parse(call, line, &json) != GW_OK)
            return GW_E_PROTOCOL; /* and parse() has given the reason */
        f->over = h->json->get(json, GW_LIT("ruffled")) != NULL;
        if (f->over)
            read_error(h, call, frame->status, json, emit);
        else
            read_line(h, call, f, json, emit);
    }
    return GW_OK;
}

static const gw_option options[] = {{"aviary", "sent as X-Aviary", GW_JSON_STR, 0}, {NULL, NULL, 0, 0}};
static const gw_provider_ops ops = {
    .size = sizeof ops, .operations = GW_OP_CHAT, .framing = GW_FRAMING_LINES, .models = "grey*",
    .open = parrot_open, .close = parrot_close, .build = parrot_build, .read = parrot_read, .secret_env = "CRACKER"};
GW_PLUGIN(.kind = GW_KIND_PROVIDER, .name = "parrot", .version = "1.0.0", .license = "MIT", .ops = &ops,
          .options = options);
