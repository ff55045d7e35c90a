/* decode.c - waits for the body and has the face read it. Requests that ask for the list of models end here. */
#include "base/clock.h"
#include "face/models.h"
#include "flow/way.h"

/* Row "body". */
enum next decode_wait_body(struct request *req)
{
    if (req->is_get || req->body_complete)
        return NEXT;
    return WAIT;
}

static bool may_list(const struct request *req, const struct config_model *model)
{
    return model->name.len > 0 && model->name.ptr[model->name.len - 1] != '*' && config_team_may(req->team, model->name);
}

static struct models_row row_of(const struct config_model *model)
{
    return (struct models_row){ model->name,
                                model->target_count > 0 ? model->targets[0].provider->name : TEXT("llm-gateway") };
}

static enum next list_models(struct request *req)
{
    const struct config *config = req->config;
    int64_t created = req->worker->gateway->started_unix_ms / 1000;
    if (req->tail.len > 0) {
        const struct config_model *model = config_model(config, req->tail);
        if (model == NULL || !may_list(req, model) || !text_eq(model->name, req->tail)) {
            error_param(&req->fail, E_MODEL, TEXT("model"), "the model \"%.*s\" does not exist or this key may not use it",
                        (int)(req->tail.len < 120 ? req->tail.len : 120), req->tail.ptr);
            return FAIL;
        }
        struct models_row row = row_of(model);
        if (req->wants_anthropic)
            models_write_anthropic_one(&row, created, &req->body_out);
        else
            models_write_openai_one(&row, created, &req->body_out);
        return answer_own(req);
    }
    struct models_row *rows = arena_array(&req->arena, struct models_row, config->model_count + 1);
    size_t n = 0;
    for (size_t i = 0; i < config->model_count; i++)
        if (may_list(req, &config->models[i]))
            rows[n++] = row_of(&config->models[i]);
    if (req->wants_anthropic)
        models_write_anthropic(rows, n, req->page, created, &req->body_out);
    else
        models_write_openai(rows, n, created, &req->body_out);
    return answer_own(req);
}

/* Row "decode". */
enum next decode_run(struct request *req)
{
    if (req->operation == GW_OP_MODELS)
        return list_models(req);
    if (req->refuse == E_TOO_SLOW) {
        error_set(&req->fail, E_TOO_SLOW, "the request's body did not arrive within %d s (limits.body_s)",
                  (int)(req->config->limits.body_ns / CLOCK_S));
        return FAIL;
    }
    if (req->body_too_large) {
        error_set(&req->fail, E_BODY_TOO_LARGE, "the body is over %zu MB (limits.body_mb)",
                  req->config->limits.body_bytes >> 20);
        return FAIL;
    }
    req->ask.operation = req->operation;
    for (size_t i = 0; i < req->dialect_header_count; i++)
        if (text_eq_nocase(text_of(req->dialect_headers[i].name), TEXT("content-type")))
            req->ask.content_type = text_of(req->dialect_headers[i].value);
    if (req->face->decode(&req->arena, buf_view(&req->body), &req->ask, &req->fail) < 0)
        return FAIL;
    req->ask.model = arena_text(&req->arena, req->ask.model); /* the body is not kept to the end */
    req->answer.model = req->ask.model;
    req->bytes_in = req->body.len;
    return NEXT;
}
