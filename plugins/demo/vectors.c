/* vectors.c - embeddings that anybody can compute again: each token of a text pushes a few dimensions, which its hash
 * chooses, up or down; the sum is made one unit long. Texts with words in common are near each other, and the same
 * text has the same vector. */
#include <stdio.h>
#include <string.h>

#include "demo.h"

enum { INPUTS_MOST = 2048, PUSHES = 16, PLACES = 1000000 };

/* One answer being made. */
struct embedding {
    const struct demo *demo;
    const gw_host *h;
    gw_call *call;
    gw_writer *w;
    size_t dimensions, index;
    int64_t tokens;
    double vector[DEMO_DIMENSIONS_MOST];
};

static void push(struct embedding *e, gw_str token)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < token.len; i++)
        hash = (hash ^ (unsigned char)token.ptr[i]) * UINT64_C(0x100000001b3);
    for (int i = 0; i < PUSHES; i++) {
        hash ^= hash >> 33; /* splitmix64 */
        hash *= UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 29;
        e->vector[(hash >> 8) % e->dimensions] += (hash & 1) != 0 ? 1 : -1;
    }
}

static double root(double x)
{
    double r = x > 1 ? x : 1;
    for (int i = 0; i < 64; i++)
        r = (r + x / r) / 2;
    return r;
}

static double length_of(const struct embedding *e)
{
    double sum = 0;
    for (size_t i = 0; i < e->dimensions; i++)
        sum += e->vector[i] * e->vector[i];
    return sum > 0 ? root(sum) : 0;
}

/* {"object":"embedding","index":0,"embedding":[...]}, six places each. */
static void write_vector(struct embedding *e)
{
    char number[32];
    double length = length_of(e);
    if (length <= 0) { /* there was no text, or all of it was cancelled out */
        e->vector[0] = 1;
        length = 1;
    }
    e->h->write->object(e->w);
    e->h->write->key(e->w, GW_LIT("object"));
    e->h->write->str(e->w, GW_LIT("embedding"));
    e->h->write->key(e->w, GW_LIT("index"));
    e->h->write->integer(e->w, (int64_t)e->index++);
    e->h->write->key(e->w, GW_LIT("embedding"));
    e->h->write->array(e->w);
    for (size_t i = 0; i < e->dimensions; i++) {
        double scaled = e->vector[i] / length * (double)PLACES;
        long millionths = (long)(scaled < 0 ? scaled - 0.5 : scaled + 0.5),
             size = millionths < 0 ? -millionths : millionths;
        int len =
            snprintf(number, sizeof number, "%s%ld.%06ld", millionths < 0 ? "-" : "", size / PLACES, size % PLACES);
        e->h->write->raw(e->w, (gw_str){ number, (size_t)len });
    }
    e->h->write->close(e->w);
    e->h->write->close(e->w);
    memset(e->vector, 0, sizeof e->vector);
}

static void embed_text(struct embedding *e, gw_str text)
{
    while (text.len > 0) {
        size_t len = demo_token(text);
        gw_str token = { text.ptr, len };
        if (len > 1 && token.ptr[0] == ' ') /* a word is the same word at the beginning of a line */
            token = (gw_str){ text.ptr + 1, len - 1 };
        push(e, token);
        e->tokens++;
        text = (gw_str){ text.ptr + len, text.len - len };
    }
    write_vector(e);
}

/* A text that the client has cut into tokens of its own. */
static void embed_tokens(struct embedding *e, const gw_json *tokens)
{
    for (size_t i = 0; i < e->h->json->count(tokens); i++) {
        push(e, e->h->json->text(e->h->json->at(tokens, i)));
        e->tokens++;
    }
    write_vector(e);
}

/* A string, an array of tokens, or an array of either. False: something else. */
static bool embed_all(struct embedding *e, const gw_json *input)
{
    const gw_json *first = e->h->json->at(input, 0);
    size_t count = e->h->json->count(input);

    if (e->h->json->type(input) == GW_JSON_STR) {
        embed_text(e, e->h->json->str(input));
        return true;
    }
    if (e->h->json->type(first) == GW_JSON_INT) {
        embed_tokens(e, input);
        return true;
    }
    if (e->h->json->type(input) != GW_JSON_ARRAY || count == 0 || count > INPUTS_MOST)
        return false;
    for (size_t i = 0; i < count; i++) {
        const gw_json *one = e->h->json->at(input, i);
        if (e->h->json->type(one) == GW_JSON_STR)
            embed_text(e, e->h->json->str(one));
        else if (e->h->json->type(one) == GW_JSON_ARRAY)
            embed_tokens(e, one);
        else
            return false;
    }
    return true;
}

static void write_end(struct embedding *e, const gw_request *req)
{
    e->h->write->close(e->w);
    e->h->write->key(e->w, GW_LIT("model"));
    e->h->write->str(e->w, req->model);
    e->h->write->key(e->w, GW_LIT("usage"));
    e->h->write->object(e->w);
    e->h->write->key(e->w, GW_LIT("prompt_tokens"));
    e->h->write->integer(e->w, e->tokens);
    e->h->write->key(e->w, GW_LIT("total_tokens"));
    e->h->write->integer(e->w, e->tokens);
    e->h->write->close(e->w);
    e->h->write->close(e->w);
}

gw_status demo_embed(const struct demo *demo, gw_call *call, const gw_request *req, gw_emit emit)
{
    const gw_host *h = demo->host;
    int64_t dimensions = h->json->integer(h->json->get(req->body, GW_LIT("dimensions")), demo->dimensions);
    struct embedding *e = h->alloc(call, sizeof *e, _Alignof(struct embedding));

    if (e == NULL)
        return GW_E_NOMEM;
    if (dimensions < DEMO_DIMENSIONS_LEAST || dimensions > DEMO_DIMENSIONS_MOST) {
        demo_emit_error(call, emit, 400, GW_FAULT_REQUEST, GW_LIT("dimensions must be 8 to 1536"),
                        GW_LIT("invalid_value"), GW_LIT("dimensions"));
        return GW_MISS;
    }
    *e = (struct embedding){
        .demo = demo, .h = h, .call = call, .w = h->writer(call), .dimensions = (size_t)dimensions
    };
    h->write->object(e->w);
    h->write->key(e->w, GW_LIT("object"));
    h->write->str(e->w, GW_LIT("list"));
    h->write->key(e->w, GW_LIT("data"));
    h->write->array(e->w);
    if (!embed_all(e, h->json->get(req->body, GW_LIT("input")))) {
        demo_emit_error(call, emit, 400, GW_FAULT_REQUEST,
                        GW_LIT("input must be a string, or an array of at most 2048 strings or arrays of tokens"),
                        GW_LIT("invalid_value"), GW_LIT("input"));
        return GW_MISS;
    }
    write_end(e, req);
    if (h->write->end(e->w) != GW_OK) {
        demo_emit_error(call, emit, 400, GW_FAULT_REQUEST, GW_LIT("the answer would be too large: send fewer inputs"),
                        GW_LIT("invalid_value"), GW_LIT("input"));
        return GW_MISS;
    }
    demo_emit_usage(demo, call, emit, e->tokens, 0, 0);
    emit(call, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_BODY, .data = h->write->text(e->w) });
    return GW_MISS;
}
