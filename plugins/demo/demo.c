/* demo.c - a provider that answers by itself: the gateway without a key, a test upstream whose answers are
 * known beforehand, and the target of the bench. What it answers is decided in plan.c; here it is paced out. */
#include <gateway/plugin.h>
#include <stdio.h>
#include <stdlib.h>

#include "demo.h"

enum { TOKENS_PER_CALL = 64 }; /* so that other requests of the worker have their turn */

static gw_status demo_produce(void *instance, gw_call *call, const gw_request *req, gw_emit emit, uint32_t *wait_ms);

static int64_t setting(const gw_host *host, const gw_json *config, gw_str name, int64_t otherwise)
{
    return host->json->integer(host->json->get(config, name), otherwise);
}

static gw_status demo_open(const gw_host *host, gw_call *call, const gw_json *config, void **instance)
{
    struct demo *demo = calloc(1, sizeof *demo);
    if (demo == NULL)
        return GW_E_NOMEM;
    *demo = (struct demo){
        .host = host,
        .tokens_per_second = setting(host, config, GW_LIT("tokens_per_second"), 200),
        .latency_ms = setting(host, config, GW_LIT("latency_ms"), 0),
        .slow_ms = setting(host, config, GW_LIT("slow_ms"), 3000),
        .long_words = setting(host, config, GW_LIT("long_words"), 400),
        .dimensions = setting(host, config, GW_LIT("dimensions"), 256),
    };
    const int64_t hour_ms = 3600 * 1000;
    if (demo->tokens_per_second < 0 || demo->tokens_per_second > 1000000 || demo->latency_ms < 0 ||
        demo->latency_ms > hour_ms || demo->slow_ms < 0 || demo->slow_ms > hour_ms || demo->long_words < 0 ||
        demo->long_words > 20000 || demo->dimensions < DEMO_DIMENSIONS_LEAST ||
        demo->dimensions > DEMO_DIMENSIONS_MOST) {
        host->explain(call, GW_LIT("a setting is out of range: tokens_per_second 0 to 1000000, latency_ms and slow_ms "
                                   "0 to 3600000, long_words 0 to 20000, dimensions 8 to 1536"));
        free(demo);
        return GW_E_CONFIG;
    }
    *instance = demo;
    return GW_OK;
}

static void demo_close(void *instance)
{
    free(instance);
}

static void emit_text(gw_call *call, gw_emit emit, uint32_t type, uint32_t choice, gw_str text)
{
    emit(call, &(gw_event){ .size = sizeof(gw_event), .type = type, .index = choice, .text = text });
}

void demo_emit_error(gw_call *call, gw_emit emit, uint32_t status, uint32_t fault, gw_str text, gw_str code,
                     gw_str param)
{
    emit(call, &(gw_event){ .size = sizeof(gw_event),
                            .type = GW_EVENT_ERROR,
                            .text = text,
                            .status = status,
                            .fault = fault,
                            .code = code,
                            .param = param });
}

static void begin(gw_call *call, gw_emit emit, const gw_request *req, struct answer *a)
{
    a->begun = true;
    emit(call, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_START, .id = a->id, .text = req->model });
    for (uint32_t choice = 0; a->tool_name.ptr != NULL && choice < a->choices; choice++)
        emit(call, &(gw_event){ .size = sizeof(gw_event),
                                .type = GW_EVENT_TOOL_CALL,
                                .index = choice,
                                .id = a->tool_id,
                                .text = a->tool_name });
}

/* The part of the answer that is being sent: its kind, its text, how much of it is sent. */
static uint32_t part(struct answer *a, gw_str *rest, size_t **at)
{
    bool reasons = a->reasoning_at < a->reasoning.len;
    gw_str whole = reasons ? a->reasoning : a->tool_name.ptr != NULL ? a->tool_args : a->text;

    *at = reasons ? &a->reasoning_at : &a->text_at;
    *rest = (gw_str){ whole.ptr + **at, whole.len - **at };
    return reasons ? GW_EVENT_REASONING : a->tool_name.ptr != NULL ? GW_EVENT_TOOL_ARGS : GW_EVENT_TEXT;
}

/* The next token, or all that is left of the part, to every choice. False when nothing is left. */
static bool send_piece(gw_call *call, gw_emit emit, struct answer *a, bool all)
{
    gw_str piece;
    size_t *at;
    uint32_t type = part(a, &piece, &at);

    if (piece.len == 0)
        return false;
    if (!all)
        piece.len = demo_token(piece);
    *at += piece.len;
    a->sent++;
    for (uint32_t choice = 0; choice < a->choices; choice++)
        emit_text(call, emit, type, choice, piece);
    return true;
}

void demo_emit_usage(const struct demo *demo, gw_call *call, gw_emit emit, int64_t prompt, int64_t output,
                     int64_t reasoning)
{
    gw_tokens tokens = {
        .size = sizeof tokens,
        .input = prompt,
        .cache_read = 0,
        .cache_write_5m = -1,
        .cache_write_1h = -1,
        .output = output,
        .reasoning = reasoning,
        .audio_in = -1,
        .audio_out = -1,
        .image_in = -1,
        .image_out = -1,
        .server_tool_calls = -1,
    };
    tokens.total = tokens.input + tokens.output + tokens.reasoning;
    char raw[256];
    int len = snprintf(raw, sizeof raw,
                       "{\"prompt_tokens\":%lld,\"completion_tokens\":%lld,\"total_tokens\":%lld,"
                       "\"completion_tokens_details\":{\"reasoning_tokens\":%lld}}",
                       (long long)tokens.input, (long long)(tokens.output + tokens.reasoning), (long long)tokens.total,
                       (long long)tokens.reasoning);
    tokens.raw = demo_copy(demo, call, (gw_str){ raw, (size_t)len });
    emit(call, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_USAGE, .tokens = &tokens });
}

static void finish(const struct demo *demo, gw_call *call, gw_emit emit, const struct answer *a)
{
    for (uint32_t choice = 0; choice < a->choices; choice++)
        emit_text(call, emit, GW_EVENT_FINISH, choice, a->finish);
    demo_emit_usage(demo, call, emit, a->prompt_tokens, a->text_tokens * a->choices, a->reasoning_tokens * a->choices);
}

/* How many tokens are due by now, and when the one after them is. */
static int64_t due(const struct demo *demo, const struct answer *a, int64_t now)
{
    return demo->tokens_per_second == 0 ? INT64_MAX : (now - a->first_ms) * demo->tokens_per_second / 1000 + 1;
}

static uint32_t until_next(const struct demo *demo, const struct answer *a, int64_t now)
{
    if (demo->tokens_per_second == 0)
        return 0;
    int64_t at = a->first_ms + (a->sent * 1000 + demo->tokens_per_second - 1) / demo->tokens_per_second;
    return at > now ? (uint32_t)(at - now) : 0;
}

static gw_status demo_produce(void *instance, gw_call *call, const gw_request *req, gw_emit emit, uint32_t *wait_ms)
{
    const struct demo *demo = instance;
    const gw_host *host = demo->host;
    struct answer *a = host->state(call);
    int64_t now = host->now_ms(host->self);

    *wait_ms = 0;
    if (req->operation == GW_OP_EMBEDDINGS)
        return demo_embed(demo, call, req, emit);
    if (a == NULL) {
        a = host->alloc(call, sizeof *a, _Alignof(struct answer));
        if (a == NULL)
            return GW_E_NOMEM;
        host->set_state(call, a);
        demo_plan(demo, call, req, a);
        a->first_ms = now + a->delay_ms;
    }
    if (a->error_text.ptr != NULL) {
        demo_emit_error(call, emit, a->error_status, a->error_fault, a->error_text, a->error_code, a->error_param);
        return GW_MISS;
    }
    if (now < a->first_ms) {
        *wait_ms = (uint32_t)(a->first_ms - now);
        return GW_OK;
    }
    if (!a->begun)
        begin(call, emit, req, a);

    if (!req->stream) {
        while (send_piece(call, emit, a, true))
            ;
    } else {
        int64_t enough = due(demo, a, now) - a->sent;
        for (int i = 0; i < TOKENS_PER_CALL && i < enough; i++)
            send_piece(call, emit, a, false);
        if (a->reasoning_at < a->reasoning.len ||
            a->text_at < (a->tool_name.ptr != NULL ? a->tool_args : a->text).len) {
            *wait_ms = until_next(demo, a, now);
            return GW_OK;
        }
    }
    if (a->breaks)
        demo_emit_error(call, emit, 500, GW_FAULT_SERVER,
                        GW_LIT("the demo provider broke off in mid-answer, as asked for"), GW_LIT("server_error"),
                        (gw_str){ NULL, 0 });
    else
        finish(demo, call, emit, a);
    return GW_MISS;
}

static const gw_capability *demo_capability(void *instance, const gw_request *req, uint32_t index)
{
    (void)instance;
    (void)req;
    for (uint32_t i = 0; demo_fields[i].field != NULL; i++)
        if (i == index)
            return &demo_fields[i];
    return NULL;
}

static const gw_option options[] = {
    { "tokens_per_second", "pace of a stream; 0 is as fast as it is taken (200)", GW_JSON_INT, 0 },
    { "latency_ms", "before the first token of a stream (0)", GW_JSON_INT, 0 },
    { "slow_ms", "before the first token when the message begins with slow (3000)", GW_JSON_INT, 0 },
    { "long_words", "words of the answer when the message begins with long (400)", GW_JSON_INT, 0 },
    { "dimensions", "of an embedding when the request does not say (256)", GW_JSON_INT, 0 },
    { NULL, NULL, 0, 0 },
};

static const gw_provider_ops ops = {
    .size = sizeof ops,
    .operations = GW_OP_CHAT | GW_OP_EMBEDDINGS,
    .framing = GW_FRAMING_WHOLE,
    .flags = GW_PROVIDER_LOCAL,
    .open = demo_open,
    .close = demo_close,
    .produce = demo_produce,
    .models = "demo*",
    .capability = demo_capability,
};

GW_PLUGIN(.kind = GW_KIND_PROVIDER, .name = "demo", .version = "1.0.0", .license = "Apache-2.0", .ops = &ops,
          .options = options);
