/* messages_write.c - what streamed and whole Anthropic answers share: head, stop reason, usage. */
#include "dialect/look.h"
#include "face/common.h"
#include "face/messages/messages_inside.h"

#define JSON_MAX (128u << 20)

/* The answer's id without its dashes, after `prefix`; arena. */
static struct text id_of(const struct face_answer *answer, struct text prefix)
{
    char *id =
        arena_str(answer->arena,
                  text_of(arena_printf(answer->arena, "%.*s%.*s", TEXT_ARG(prefix), TEXT_ARG(answer->request_id))));
    char *at = id;
    for (const char *p = id; *p != '\0'; p++)
        if (*p != '-')
            *at++ = *p;
    return (struct text){ id, (size_t)(at - id) };
}

void messages_write_head(const struct face_answer *answer, struct json_writer *w)
{
    json_object(w);
    json_name(w, "id");
    json_put_str(w, id_of(answer, TEXT("msg_")));
    json_name(w, "type");
    json_put_str(w, TEXT("message"));
    json_name(w, "role");
    json_put_str(w, TEXT("assistant"));
    json_name(w, "model");
    json_put_str(w, answer->ask->model);
}

void messages_name_unshown(struct face_answer *answer, const gw_event *event)
{
    if (event->index != 0)
        face_unshown(answer, TEXT("answer.choices"), "an Anthropic answer is one message");
    else if (event->type == GW_EVENT_LOGPROBS)
        face_unshown(answer, TEXT("answer.logprobs"), "Anthropic's API has none");
    else if (event->type == GW_EVENT_MEDIA)
        face_unshown(answer, TEXT("answer.media"), "Anthropic's API shows no images or audio of a model");
    else if (event->type == GW_EVENT_ORIGIN &&
             (event->code.len > 0 || !text_is((struct text){ event->id.ptr, event->id.len }, "messages")))
        face_unshown(answer, TEXT("answer.origin"), "a block of another API");
    else if (event->type == GW_EVENT_CITATION &&
             json_check_quick((struct text){ event->data.ptr, event->data.len }) < 0)
        face_unshown(answer, TEXT("answer.annotations"), "the provider did not say it in JSON");
}

/* From the words of a chat to those of Anthropic. Words of Anthropic's own pass. */
static const struct {
    const char *from, *to;
} reasons[] = {
    { "stop", "end_turn" },          { "length", "max_tokens" },
    { "tool_calls", "tool_use" },    { "function_call", "tool_use" },
    { "content_filter", "refusal" }, { "end_turn", "end_turn" },
    { "max_tokens", "max_tokens" },  { "stop_sequence", "stop_sequence" },
    { "tool_use", "tool_use" },      { "pause_turn", "pause_turn" },
    { "refusal", "refusal" },        { "model_context_window_exceeded", "model_context_window_exceeded" },
};

static struct text stop_reason(const struct messages_answer *s)
{
    const char *to = "end_turn", *own = NULL;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (text_is(s->finish, reasons[i].from))
            to = reasons[i].to;
        if (text_is(s->native, reasons[i].from))
            own = reasons[i].to;
    }
    if (own != NULL)
        to = own;
    bool natural = text_is(text_of(to), "end_turn") || text_is(text_of(to), "tool_use");
    if (s->refused && natural)
        to = "refusal";
    else if (natural) /* some servers send "stop" where they mean a call, or the other way round */
        to = s->call_count > 0 ? "tool_use" : "end_turn";
    return text_of(to);
}

/* What was reported beside the reason, when it is wanted and begins as it must; else null. */
static void put_more(const struct messages_answer *s, bool wanted, char first, struct json_writer *w)
{
    if (wanted && s->finish_more.len > 0 && s->finish_more.ptr[0] == first)
        json_put_trusted(w, s->finish_more);
    else
        json_put_null(w);
}

void messages_write_stop(const struct messages_answer *s, struct json_writer *w)
{
    struct text reason = stop_reason(s);
    json_name(w, "stop_reason");
    json_put_str(w, reason);
    json_name(w, "stop_sequence"); /* only Anthropic reports which */
    put_more(s, text_is(reason, "stop_sequence"), '"', w);
    json_name(w, "stop_details");
    if (!text_is(reason, "refusal") || text_starts(s->finish_more, TEXT("{"))) {
        put_more(s, text_is(reason, "refusal"), '{', w);
        return;
    }
    json_object(w);
    json_name(w, "type");
    json_put_str(w, reason);
    json_name(w, "category");
    json_put_null(w);
    json_name(w, "explanation");
    if (s->refusal.len > 0)
        json_put_str(w, buf_view(&s->refusal));
    else
        json_put_null(w);
    json_close(w);
}

struct text messages_call_id(const struct face_answer *answer, const struct messages_block *block)
{
    if (block->id.len > 0)
        return block->id;
    return id_of(answer, text_of(arena_printf(answer->arena, "toolu_%u_", block->item)));
}

static void put_count(struct json_writer *w, const char *name, int64_t value)
{
    json_key(w, text_of(name));
    json_put_int(w, value);
}

/* The estimate goes over the whole body: it is made where it is needed, once. */
static int64_t input_estimate(const struct face_answer *answer, struct messages_answer *s)
{
    if (s->input_estimate == 0)
        s->input_estimate = messages_estimate(answer->ask);
    return s->input_estimate;
}

void messages_write_usage(const struct face_answer *answer, struct messages_answer *s, struct json_writer *w)
{
    const struct usage *u = answer->usage;
    bool told = u->source != USAGE_NONE;
    int64_t output = usage_total_out(u);
    if (!told || u->partial)
        output = (int64_t)((s->bytes + 2) / 3);
    json_object(w);
    /* 0 would switch off what clients do about long conversations. */
    bool counted = told && usage_total_in(u) > 0;
    put_count(w, "input_tokens", counted ? u->input + u->audio_in + u->image_in : input_estimate(answer, s));
    put_count(w, "cache_creation_input_tokens", u->cache_write_5m + u->cache_write_1h);
    put_count(w, "cache_read_input_tokens", u->cache_read);
    json_name(w, "cache_creation");
    json_object(w);
    put_count(w, "ephemeral_5m_input_tokens", u->cache_write_5m);
    put_count(w, "ephemeral_1h_input_tokens", u->cache_write_1h);
    json_close(w);
    put_count(w, "output_tokens", output);
    if (u->reasoning > 0) {
        json_name(w, "output_tokens_details");
        json_object(w);
        put_count(w, "thinking_tokens", u->reasoning);
        json_close(w);
    }
    if (u->server_tool_calls > 0) {
        json_name(w, "server_tool_use");
        json_object(w);
        put_count(w, "web_search_requests", u->server_tool_calls);
        json_close(w);
    }
    json_close(w);
}

/* The arguments without the white space before them. */
static struct text args_of(const struct messages_block *block)
{
    struct text args = buf_view(&block->held);
    while (args.len > 0 && (*args.ptr == ' ' || *args.ptr == '\n' || *args.ptr == '\t' || *args.ptr == '\r')) {
        args.ptr++;
        args.len--;
    }
    return args;
}

bool messages_is_object(const struct messages_block *block)
{
    return text_starts(args_of(block), TEXT("{"));
}

struct text messages_input(struct messages_answer *s, const struct messages_block *block)
{
    struct json_writer w;
    struct buf out;
    struct text args = args_of(block);
    if (args.len == 0 && !block->custom)
        return TEXT("{}");
    if (!block->custom && *args.ptr == '{' && json_check_quick(args) == 0)
        return args;
    buf_init(&out, JSON_MAX);
    json_writer_init(&w, &out);
    json_object(&w);
    json_key(&w, block->custom ? TEXT("input") : TEXT("_raw_arguments"));
    json_put_str(&w, args);
    json_close(&w);
    return look_take(s->arena, &out);
}
