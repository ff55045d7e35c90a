/* request.c - the request: where it goes, its headers, and what read() must know of it. Its body is written in
 * body.c, or by the core when it is relayed. */
#include "openai.h"

bool openai_note(const struct openai *openai, const struct openai_service *service, gw_call *call,
                 const gw_request *req)
{
    struct answer_state *state = openai->host->alloc(call, sizeof *state, _Alignof(struct answer_state));
    if (state == NULL)
        return false;
    state->service = service;
    state->operation = req->operation;
    state->dialect = req->dialect;
    state->model = openai_join(openai->host, call, req->model, (gw_str){ NULL, 0 });
    state->one =
        req->body != NULL && openai->host->json->integer(openai->host->json->get(req->body, GW_LIT("n")), 1) <= 1;
    openai->host->set_state(call, state);
    return state->model.ptr != NULL || req->model.len == 0;
}

static gw_str refuse(const struct openai *openai, gw_call *call, gw_str why)
{
    openai->host->explain(call, why);
    return (gw_str){ NULL, 0 };
}

/* Where each operation is, and the row of fields.c that states whether a service has it. */
static const struct place {
    uint32_t operation, dialect;
    const char *path; /* NULL: the client's own */
    const char *field;
} places[] = {
    { GW_OP_CHAT, GW_DIALECT_CHAT, "/chat/completions", "api.chat" },
    { GW_OP_CHAT, GW_DIALECT_RESPONSES, "/responses", "api.responses" },
    { GW_OP_EMBEDDINGS, GW_DIALECT_EMBEDDINGS, "/embeddings", "api.embeddings" },
    { GW_OP_COMPLETIONS, GW_DIALECT_COMPLETIONS, "/completions", "api.completions" },
    { GW_OP_MODERATIONS, GW_DIALECT_OTHER, NULL, "api.moderations" },
    { GW_OP_RERANK, GW_DIALECT_OTHER, NULL, "api.rerank" },
    { GW_OP_IMAGES, GW_DIALECT_OTHER, NULL, "api.images" },
    { GW_OP_AUDIO, GW_DIALECT_OTHER, NULL, "api.audio" },
};

static const struct place *find_place(const gw_request *req)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (places[i].operation == req->operation && places[i].dialect == req->dialect)
            return &places[i];
    return NULL;
}

gw_str openai_path(const struct openai *openai, const struct openai_service *service, gw_call *call,
                   const gw_request *req)
{
    const struct place *place = find_place(req);
    if (place == NULL)
        return refuse(openai, call, GW_LIT("this provider has no such API"));
    const struct openai_asked asked = { .model = req->model, .family = openai_family(req->model) };
    const gw_capability *row = openai_rule(service, &asked, openai_lit(place->field));
    if (row->how == GW_FIELD_REFUSED)
        return refuse(openai, call, openai_lit(row->why));
    if (place->path != NULL)
        return openai_lit(place->path);
    if (req->path.len == 0 || req->path.ptr[0] != '/')
        return refuse(openai, call, GW_LIT("the request has no path"));
    return req->path;
}

void openai_headers(const struct openai *openai, gw_call *call, const gw_request *req, gw_http *out)
{
    const gw_host *h = openai->host;
    bool other = req->dialect == GW_DIALECT_OTHER;
    gw_str type = other ? h->client_header(call, GW_LIT("content-type")) : (gw_str){ NULL, 0 }; /* uploads are forms */
    gw_str beta = h->client_header(call, GW_LIT("openai-beta"));

    h->http_method(out, GW_LIT("POST"));
    h->http_header(out, GW_LIT("Content-Type"), type.len > 0 ? type : GW_LIT("application/json"));
    h->http_header(out, GW_LIT("Accept"),
                   req->stream ? GW_LIT("text/event-stream")
                   : other     ? GW_LIT("*/*")
                               : GW_LIT("application/json"));
    if (beta.len > 0)
        h->http_header(out, GW_LIT("OpenAI-Beta"), beta);
}

void openai_bearer(const struct openai *openai, gw_call *call, const gw_request *req, gw_http *out)
{
    const gw_host *h = openai->host;
    if (req->secret.len > 0)
        h->http_header(out, GW_LIT("Authorization"), openai_join(h, call, GW_LIT("Bearer "), req->secret));
}

static void header(const gw_host *h, gw_http *out, gw_str name, const char *value)
{
    if (value != NULL)
        h->http_header(out, name, openai_lit(value));
}

/* Whose ways are followed: the service that the settings name, or the one at the address. */
static const struct openai_service *service_of(const struct openai *openai, const gw_request *req)
{
    return openai->service != NULL ? openai->service : openai_service_at(req->base_url);
}

const gw_capability *openai_capability(void *instance, const gw_request *req, uint32_t index)
{
    return openai_row(service_of(instance, req), req->model, index);
}

gw_status openai_build(void *instance, gw_call *call, const gw_request *req, gw_http *out)
{
    const struct openai *openai = instance;
    const struct openai_service *service = service_of(openai, req);
    gw_str path = openai_path(openai, service, call, req);

    if (path.ptr == NULL)
        return GW_E_REQUEST;
    if (!openai_note(openai, service, call, req))
        return GW_E_NOMEM;
    openai->host->http_url(out, openai_join(openai->host, call, req->base_url, path));
    openai_headers(openai, call, req, out);
    openai_bearer(openai, call, req, out);
    header(openai->host, out, GW_LIT("OpenAI-Organization"), openai->organization);
    header(openai->host, out, GW_LIT("OpenAI-Project"), openai->project);
    return req->body != NULL ? openai_write_body(openai, service, call, req, out) : GW_OK;
}
