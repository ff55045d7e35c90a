/* responses_request.c - a Responses-shaped body on /chat/completions, as Cursor sends it: no `messages` but `input`. It is
 * rewritten as a chat body; the answer is a chat answer. What has no equal is named as dropped. */
#include "face/chat/responses_request.h"

/* Members of a chat: Cursor mixes both kinds. */
/* clang-format off */
static const char *const same[] = {
    "model", "stream", "stream_options", "temperature", "top_p", "top_k", "n", "stop", "seed", "presence_penalty",
    "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "max_tokens", "max_completion_tokens",
    "reasoning_effort", "verbosity", "response_format", "prediction", "modalities", "audio", "web_search_options",
    "parallel_tool_calls", "store", "metadata", "user", "safety_identifier", "prompt_cache_key",
    "prompt_cache_retention", "prompt_cache_options", "service_tier", "moderation", NULL
};
/* clang-format on */
/* Read one by one below. */
static const char *const known[] = { "input",     "instructions", "tools",   "tool_choice", "max_output_tokens",
                                     "reasoning", "text",         "include", NULL };
/* Left out, these would make another request of it. */
static const char *const refused[] = { "previous_response_id", "conversation", "prompt", "background", NULL };

static const struct {
    const char *member, *why;
} reasons[] = {
    { "input", "an item of this type has no place in a chat" },
    { "input.*", "it has no place in a message of a chat" },
    { "tools", "a built-in tool of the Responses API" },
    { "tool_choice", "there is no such tool left to choose" },
    { "*", "a member of the Responses API without an equal in a chat" },
};

static bool is_in(struct text name, const char *const *list)
{
    for (; *list != NULL; list++)
        if (text_is(name, *list))
            return true;
    return false;
}

void responses_request_drop(struct responses_request *in, struct text member)
{
    size_t i = 0;
    while (!text_matches(member, text_of(reasons[i].member)))
        i++;
    common_drop(in->arena, in->ask, member, reasons[i].why);
}

void responses_request_put(struct responses_request *in, struct text name, struct text value)
{
    json_key(&in->w, name);
    json_put_str(&in->w, value);
}

void responses_request_copy(struct responses_request *in, const struct json *object, const char *const *but)
{
    for (size_t i = 0; i < json_count(object); i++) {
        if (is_in(json_key_at(object, i), but))
            continue;
        json_key(&in->w, json_key_at(object, i));
        json_put_json(&in->w, json_at(object, i));
    }
}

/* Null, false and an empty list ask for nothing. */
static bool says_something(const struct json *v)
{
    enum json_type type = json_type(v);
    return type != JSON_T_ABSENT && type != JSON_T_NULL && json_bool(v, true) &&
           (type != JSON_T_ARRAY || json_count(v) > 0);
}

static void drop_others(struct responses_request *in, const char *name, const struct json *object,
                        const char *const *names)
{
    for (size_t i = 0; i < json_count(object); i++)
        if (!is_in(json_key_at(object, i), names) && says_something(json_at(object, i)))
            responses_request_drop(in,
                                   text_of(arena_printf(in->arena, "%s.%.*s", name, TEXT_ARG(json_key_at(object, i)))));
}

static int write_same(struct responses_request *in, const struct json *body)
{
    for (size_t i = 0; i < json_count(body); i++) {
        struct text name = json_key_at(body, i);
        const struct json *value = json_at(body, i);
        if (is_in(name, same)) {
            json_key(&in->w, name);
            json_put_json(&in->w, value);
        } else if (is_in(name, known) || !says_something(value)) {
            continue;
        } else if (is_in(name, refused)) {
            return error_param(in->fail, E_PARAMETER, name,
                               "%.*s needs /v1/responses: a chat has no conversation that is kept elsewhere",
                               TEXT_ARG(name));
        } else {
            responses_request_drop(in, name);
        }
    }
    return 0;
}

/* Under the name that a chat has for it, unless the body reports that too. */
static void write_as(struct responses_request *in, const struct json *body, struct text name, const struct json *value)
{
    if (!says_something(value) || json_get(body, name) != NULL)
        return;
    json_key(&in->w, name);
    json_put_json(&in->w, value);
}

static void write_format(struct responses_request *in, const struct json *body, const struct json *format)
{
    static const char *const but[] = { "type", NULL };
    if (!text_is(json_str(json_member(format, "type")), "json_schema")) {
        write_as(in, body, TEXT("response_format"), format);
        return;
    }
    if (json_member(body, "response_format") != NULL)
        return;
    json_name(&in->w, "response_format");
    json_object(&in->w);
    responses_request_put(in, TEXT("type"), TEXT("json_schema"));
    json_name(&in->w, "json_schema");
    json_object(&in->w);
    responses_request_copy(in, format, but);
    json_close(&in->w);
    json_close(&in->w);
}

static void write_renamed(struct responses_request *in, const struct json *body)
{
    static const char *const of_reasoning[] = { "effort", NULL }, *const of_text[] = { "format", "verbosity", NULL };
    const struct json *reasoning = json_member(body, "reasoning"), *text = json_member(body, "text");
    write_as(in, body, TEXT("max_completion_tokens"), json_member(body, "max_output_tokens"));
    write_as(in, body, TEXT("reasoning_effort"), json_member(reasoning, "effort"));
    write_as(in, body, TEXT("verbosity"), json_member(text, "verbosity"));
    write_format(in, body, json_member(text, "format"));
    if (json_int(json_member(body, "top_logprobs"), 0) > 0 && json_member(body, "logprobs") == NULL) {
        json_name(&in->w, "logprobs");
        json_put_bool(&in->w, true);
    }
    drop_others(in, "reasoning", reasoning, of_reasoning);
    drop_others(in, "text", text, of_text);
    if (says_something(json_member(body, "include")))
        responses_request_drop(in, TEXT("include"));
}

int responses_request_to_chat(struct arena *arena, struct ask *ask, struct fail *fail)
{
    struct responses_request in = { .arena = arena, .ask = ask, .fail = fail };
    const struct json *body = ask_json(arena, ask, fail);
    if (body == NULL)
        return -1;
    struct buf *out = arena_new(arena, struct buf); /* not in the arena itself: a body may be many megabytes */
    buf_init(out, 8 * ask->body.len + 4096);
    arena_defer(arena, buf_free_any, out);
    json_writer_init(&in.w, out);
    json_object(&in.w);
    if (write_same(&in, body) < 0 || responses_request_messages(&in, body) < 0)
        return -1;
    responses_request_tools(&in, body);
    write_renamed(&in, body);
    json_close(&in.w);
    ask->json = NULL;
    if (json_end(&in.w) < 0 || scan_object(arena, buf_view(out), SCAN_MAX_DEPTH, &ask->scan) < 0)
        return error_param(fail, E_PARAMETER, TEXT("input"),
                           "input is nested too deeply or too large to be read as messages");
    ask->body = buf_view(out);
    return 0;
}
