/* decode.c - waits for the body and has the face read it. Requests that ask for the list of models end here. */
#include "base/clock.h"
#include "face/deployment.h"
#include "flow/way.h"

static const struct wait_kind for_body = { .name = "body" };

/* Row "body". */
enum next decode_wait_body(struct request *req)
{
    if (req->body_state != BODY_COMING)
        return NEXT;
    req->body_wait = wait_begin(req, &for_body);
    return WAIT;
}

static bool is_family(struct text name)
{
    return text_ends(name, TEXT("*"));
}

static struct text owner_of(const struct config_model *model)
{
    return model->target_count > 0 ? model->targets[0].provider->name : TEXT("llm-gateway");
}

/* GET /v1/models/NAME: whatever a request with that name would find. */
static enum next show_model(struct request *req, int64_t created)
{
    struct route_place place;
    if (!config_key_may(req->team, req->key, req->tail) || !route_find(req->config, req->tail, &place)) {
        error_param(&req->fail, E_MODEL, TEXT("model"), "the model \"%.*s\" does not exist or this key may not use it",
                    (int)(req->tail.len < 120 ? req->tail.len : 120), req->tail.ptr);
        return FAIL;
    }
    struct models_row row = { req->tail, place.model != NULL ? owner_of(place.model) : place.provider->name };
    req->lists_as->write_model(&row, created, &req->body_out);
    return answer_own(req);
}

/* A row of the list, once for each name. */
static void add_row(struct models_row *rows, size_t *n, struct text id, struct text owner)
{
    for (size_t i = 0; i < *n; i++)
        if (text_eq(rows[i].id, id))
            return;
    rows[(*n)++] = (struct models_row){ id, owner };
}

/* What the team may use of a family: all of it, or the names and narrower patterns that it has of it. */
static void add_family(const struct request *req, const struct config_model *family, struct models_row *rows, size_t *n)
{
    const struct config_team *team = req->team;
    const struct config_key *key = req->key;
    if (config_key_may(team, key, family->name)) {
        add_row(rows, n, family->name, owner_of(family));
        return;
    }
    size_t of_team = team != NULL ? team->model_count : 0, all = of_team + (key != NULL ? key->model_count : 0);
    for (size_t i = 0; i < all; i++) {
        struct text name = i < of_team ? team->models[i] : key->models[i - of_team];
        struct route_place place;
        if (config_key_may(team, key, name) && text_matches(name, family->name) &&
            route_find(req->config, name, &place) && place.model == family)
            add_row(rows, n, name, owner_of(family));
    }
}

static enum next list_models(struct request *req)
{
    const struct config *config = req->config;
    int64_t created = req->worker->gateway->started_unix_ms / 1000;
    if (req->tail.len > 0)
        return show_model(req, created);
    size_t most = config->model_count + (req->team != NULL ? req->team->model_count : 0) +
                  (req->key != NULL ? req->key->model_count : 0),
           n = 0;
    struct models_row *rows = arena_array(&req->arena, struct models_row, most + 1);
    for (size_t i = 0; i < config->model_count; i++) {
        const struct config_model *model = &config->models[i];
        if (is_family(model->name))
            add_family(req, model, rows, &n);
        else if (config_key_may(req->team, req->key, model->name))
            rows[n++] = (struct models_row){ model->name, owner_of(model) };
    }
    req->lists_as->write_models(rows, n, req->page, created, &req->body_out);
    return answer_own(req);
}

static void put_deployment(struct request *req)
{
    struct buf body;
    buf_init(&body, req->body.len + 6 * req->deployment.len + 256); /* a byte escaped is six at most */
    if (!deployment_write(&req->arena, req->ask.content_type, buf_view(&req->body), req->deployment, &body)) {
        buf_free(&body);
        return;
    }
    buf_free(&req->body);
    req->body = body;
}

/* The face reads the body. May be a job. */
static enum next parse(struct request *req, struct arena *scratch, struct fail *fail)
{
    size_t sent = req->body.len;
    (void)scratch;
    if (req->deployment.len > 0)
        put_deployment(req);
    if (req->face->decode(&req->arena, buf_view(&req->body), &req->ask, fail) < 0)
        return FAIL;
    req->ask.model = arena_text(&req->arena, req->ask.model); /* the body is not kept to the end */
    if (req->shadow.len > 0)
        req->ask.model = req->shadow;
    req->answer.model = req->ask.model;
    req->bytes_in = sent;
    pin_read(req);
    return NEXT;
}

/* Is there a body to be read? */
static bool has_body(const struct request *req)
{
    return req->operation != GW_OP_MODELS && req->refuse != E_TOO_SLOW && req->refuse != E_OVERLOAD &&
           req->body_state != BODY_TOO_LARGE;
}

/* Row "parse". */
enum next decode_parse(struct request *req)
{
    if (!has_body(req))
        return NEXT;
    for (size_t i = 0; i < req->dialect_header_count; i++)
        if (text_eq_nocase(text_of(req->dialect_headers[i].name), TEXT("content-type")))
            req->ask.content_type = text_of(req->dialect_headers[i].value);
    return job_run(req, req->body.len, parse);
}

/* Row "decode". */
enum next decode_run(struct request *req)
{
    if (has_body(req))
        return job_result(req);
    if (req->operation == GW_OP_MODELS)
        return list_models(req);
    if (req->refuse == E_TOO_SLOW)
        error_set(&req->fail, E_TOO_SLOW, "the request's body did not arrive within %d s (limits.body_s)",
                  (int)(req->config->limits.body_ns / CLOCK_S));
    else if (req->refuse == E_OVERLOAD)
        error_set(
            &req->fail, E_OVERLOAD,
            "the requests in flight fill the memory for bodies (limits.bodies_mb, or the machine's own): try again shortly");
    else
        error_set(&req->fail, E_BODY_TOO_LARGE, "the body is over %zu MB (limits.body_mb)",
                  req->config->limits.body_bytes >> 20);
    if (req->refuse == E_OVERLOAD && req->body_state != BODY_COMPLETE)
        req->fail.close = true; /* the answer goes out at once, also where the rest of the body does not come */
    return FAIL;
}
