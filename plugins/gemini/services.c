/* services.c - embeddings and the count of a prompt's tokens. */
#include "gemini.h"

/* The model's name as bodies have it. */
static void write_model(const struct gemini_out *o)
{
    gw_str model = o->state->model;
    gemini_str(o, "model", gemini_begins(model, "models/models/") ? (gw_str){ model.ptr + 7, model.len - 7 } : model);
}

/* Keeps the name, with its folder before it: the answer has none. */
static gw_status keep_model(struct gemini_out *o)
{
    gw_str model = o->req->model;
    char *name = o->h->alloc(o->call, model.len + 7, 1);
    if (name == NULL)
        return GW_E_NOMEM;
    memcpy(name, "models/", 7);
    memcpy(name + 7, model.ptr, model.len);
    o->state->model = (gw_str){ name, model.len + 7 };
    return GW_OK;
}

gw_status services_embeddings(struct gemini_out *o)
{
    const gw_json *input = gemini_get(o->h, o->req->body, "input"),
                  *size = gemini_get(o->h, o->req->body, "dimensions");
    size_t count = o->h->json->type(input) == GW_JSON_ARRAY ? o->h->json->count(input) : 1;
    if (keep_model(o) != GW_OK)
        return GW_E_NOMEM;
    gemini_key(o, "requests");
    o->h->write->array(o->w);
    for (size_t i = 0; i < count; i++) {
        const gw_json *one = o->h->json->type(input) == GW_JSON_ARRAY ? o->h->json->at(input, i) : input;
        if (o->h->json->type(one) != GW_JSON_STR)
            return capability_refuse(o, "input");
        o->h->write->object(o->w);
        write_model(o);
        gemini_key(o, "content");
        o->h->write->object(o->w);
        gemini_key(o, "parts");
        o->h->write->array(o->w);
        o->h->write->object(o->w);
        gemini_str(o, "text", o->h->json->str(one));
        for (int k = 0; k < 3; k++)
            o->h->write->close(o->w);
        if (o->h->json->integer(size, 0) > 0) {
            gemini_key(o, "outputDimensionality");
            o->h->write->copy(o->w, size);
        }
        o->h->write->close(o->w);
    }
    o->h->write->close(o->w);
    for (size_t i = 0; i < o->h->json->count(o->req->body); i++) {
        gw_str name = o->h->json->key_at(o->req->body, i);
        if (!gemini_is(name, "model") && !gemini_is(name, "input") && !gemini_is(name, "dimensions") &&
            !gemini_is(name, "encoding_format"))
            capability_drop(o, name);
    }
    return GW_OK;
}

/* A whole request: one of contents alone leaves out the system's text and the tools. */
gw_status services_count(struct gemini_out *o)
{
    gw_status status = keep_model(o);
    if (status != GW_OK)
        return status;
    gemini_key(o, "generateContentRequest");
    o->h->write->object(o->w);
    write_model(o);
    if ((status = contents_write(o)) == GW_OK)
        status = settings_write(o);
    o->h->write->close(o->w);
    return status;
}

static void write_embeddings(const struct gemini_out *o, const gw_json *answer, int64_t tokens)
{
    const gw_json *list = gemini_get(o->h, answer, "embeddings");
    gemini_str(o, "object", GW_LIT("list"));
    gemini_key(o, "data");
    o->h->write->array(o->w);
    for (size_t i = 0; i < o->h->json->count(list); i++) {
        o->h->write->object(o->w);
        gemini_str(o, "object", GW_LIT("embedding"));
        gemini_key(o, "index");
        o->h->write->integer(o->w, (int64_t)i);
        gemini_key(o, "embedding");
        o->h->write->copy(o->w, gemini_get(o->h, o->h->json->at(list, i), "values"));
        o->h->write->close(o->w);
    }
    o->h->write->close(o->w);
    if (o->state->model.len > 7)
        gemini_str(o, "model", (gw_str){ o->state->model.ptr + 7, o->state->model.len - 7 });
    if (tokens < 0)
        return;
    gemini_key(o, "usage");
    o->h->write->object(o->w);
    gemini_key(o, "prompt_tokens");
    o->h->write->integer(o->w, tokens);
    gemini_key(o, "total_tokens");
    o->h->write->integer(o->w, tokens);
    o->h->write->close(o->w);
}

void services_read(const gw_host *h, gw_call *call, const gw_json *answer, gw_emit emit)
{
    struct gemini_out o = { .h = h, .call = call, .w = h->writer(call), .state = h->state(call) };
    int is_count = o.state->operation == GW_OP_COUNT_TOKENS;
    int64_t total = h->json->integer(gemini_get(h, answer, "totalTokens"), -1);
    const gw_json *usage = gemini_get(h, answer, "usageMetadata");
    int64_t tokens = h->json->integer(gemini_get(h, usage, "promptTokenCount"), -1); /* older models do not count */
    gw_tokens t = { .size = sizeof t, .input = tokens, .total = -1, .raw = h->json->text(usage) };
    if (is_count && total < 0) /* nothing that is an answer */
        return;
    h->write->object(o.w);
    if (is_count) {
        gemini_key(&o, "input_tokens");
        h->write->integer(o.w, total);
    } else {
        write_embeddings(&o, answer, tokens);
    }
    h->write->close(o.w);
    if (!is_count && tokens >= 0)
        emit(call, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_USAGE, .tokens = &t });
    if (h->write->end(o.w) == GW_OK)
        emit(call, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_BODY, .data = h->write->text(o.w) });
}
