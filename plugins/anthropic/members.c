/* members.c - what stands in a chat and is read by nobody here: members of messages, of their parts and calls, and of
 * what else has members of its own. Each is reported by its path, once. What the SDKs send back with an answer of theirs
 * is known, and what carries nothing is no loss. */
#include "anthropic.h"

#define MARKERS "cache_control", "prompt_cache_breakpoint"
/* Where an answer stood when it came in pieces, and what it was called: nothing that a model reads. */
#define PLACE "id", "index"

static const char *const known_message[] = { "role", "content", "name", "x_origin", MARKERS, PLACE, NULL };
static const char *const known_assistant[] = { "refusal",           "audio",           "function_call",
                                               "tool_calls",        "reasoning",       "reasoning_content",
                                               "reasoning_details", "thinking_blocks", NULL };
static const char *const known_tool[] = { "tool_call_id", "is_error", NULL };
static const char *const known_part[] = { "type", MARKERS, PLACE, NULL };
static const char *const known_thinking[] = { "thinking", "signature", "data", "text", NULL };
static const char *const known_image[] = { "url", "detail", NULL };
static const char *const known_file[] = { "file_data", "file_id", "filename", NULL };
static const char *const known_call[] = { "type", "function", "custom", MARKERS, PLACE, NULL };
static const char *const known_function[] = { "name", "arguments", NULL };
static const char *const known_custom[] = { "name", "input", NULL };

/* Members of the chat that have members. */
static const struct {
    const char *name;
    const char *known[5];
} objects[] = {
    { "response_format", { "type", "json_schema" } },
    { "web_search_options", { "user_location", "search_context_size" } },
    { "reasoning", { "effort", "max_tokens", "enabled" } },
    { "thinking", { "type", "budget_tokens", "display" } },
};
static const char *const known_schema[] = { "name", "description", "schema", "strict", NULL };

bool anthropic_says_nothing(const struct request_writer *b, const gw_json *value)
{
    switch (b->h->json->type(value)) {
    case GW_JSON_BOOL:
        return b->h->json->boolean(value, 0) == 0;
    case GW_JSON_INT:
    case GW_JSON_REAL: {
        double number = b->h->json->real(value, 1);
        return !(number < 0 || number > 0);
    }
    case GW_JSON_STR:
        return b->h->json->str(value).len == 0;
    case GW_JSON_ARRAY:
    case GW_JSON_OBJECT:
        return b->h->json->count(value) == 0;
    default:
        return true;
    }
}

static bool is_among(gw_str name, const char *const *known)
{
    while (known != NULL && *known != NULL && !anthropic_is(name, *known))
        known++;
    return known != NULL && *known != NULL;
}

static bool is_extra(const char *path, gw_str name)
{
    return !strcmp(path, "tools") && anthropic_rule_has(RULE_EXTRAS, name);
}

void anthropic_tell_others(struct request_writer *b, const char *path, const gw_json *object, const char *const *known,
                           const char *const *more)
{
    if (!is_type(b->h, object, GW_JSON_OBJECT))
        return;
    for (size_t i = 0; i < b->h->json->count(object); i++) {
        gw_str name = b->h->json->key_at(object, i);
        if (!is_among(name, known) && !is_among(name, more) && !is_extra(path, name) &&
            !anthropic_says_nothing(b, b->h->json->at(object, i)))
            anthropic_drop_below(b, path, name);
    }
}

static void tell_part(struct request_writer *b, const gw_json *part)
{
    gw_str type = get_str(b->h, part, "type");
    bool thinks =
        anthropic_is(type, "thinking") || anthropic_is(type, "redacted_thinking") || anthropic_is(type, "reasoning");
    static const char *const types[] = { "text", "refusal", "image_url", "file" };
    const char *own[] = { NULL, NULL }; /* its content has the name of its type */

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (anthropic_is(type, types[i]))
            own[0] = types[i];
    anthropic_tell_others(b, "messages.content", part, known_part, thinks ? known_thinking : own);
    if (anthropic_is(type, "image_url"))
        anthropic_tell_others(b, "messages.content.image_url", get(b->h, part, "image_url"), known_image, NULL);
    else if (anthropic_is(type, "file"))
        anthropic_tell_others(b, "messages.content.file", get(b->h, part, "file"), known_file, NULL);
}

static void tell_call(struct request_writer *b, const gw_json *call)
{
    anthropic_tell_others(b, "messages.tool_calls", call, known_call, NULL);
    anthropic_tell_others(b, "messages.tool_calls.function", get(b->h, call, "function"), known_function, NULL);
    anthropic_tell_others(b, "messages.tool_calls.custom", get(b->h, call, "custom"), known_custom, NULL);
}

static void tell_message(struct request_writer *b, const gw_json *message)
{
    const gw_json *origin = get(b->h, message, "x_origin"), *content = get(b->h, message, "content");
    gw_str role = get_str(b->h, message, "role");
    bool is_assistant = anthropic_is(role, "assistant"), is_tool = anthropic_is(role, "tool");
    bool as_it_came = anthropic_is(get_str(b->h, origin, "dialect"), ANTHROPIC_DIALECT);

    /* A result may repeat the name of its tool, which its call has given. */
    if (get_str(b->h, message, "name").len > 0 && !is_tool)
        anthropic_drop(b, LOSS_NAME);
    if (!as_it_came && !anthropic_says_nothing(b, origin))
        anthropic_drop(b, LOSS_FOREIGN);
    anthropic_tell_others(b, "messages", message, known_message,
                          is_assistant ? known_assistant
                          : is_tool    ? known_tool
                                       : NULL);
    for (size_t i = 0; !as_it_came && i < length(b->h, content); i++)
        tell_part(b, b->h->json->at(content, i));
    const gw_json *calls = is_assistant ? get(b->h, message, "tool_calls") : NULL;
    for (size_t i = 0; i < length(b->h, calls); i++)
        tell_call(b, b->h->json->at(calls, i));
}

void anthropic_tell_unread(struct request_writer *b)
{
    const gw_json *messages = get(b->h, b->body, "messages");
    gw_str display = get_str(b->h, get(b->h, b->body, "thinking"), "display");

    for (size_t i = 0; i < length(b->h, messages); i++)
        tell_message(b, b->h->json->at(messages, i));
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        anthropic_tell_others(b, objects[i].name, get(b->h, b->body, objects[i].name), objects[i].known, NULL);
    anthropic_tell_others(b, "response_format.json_schema",
                          get(b->h, get(b->h, b->body, "response_format"), "json_schema"), known_schema, NULL);
    if (display.len > 0 && !anthropic_is(display, "summarized")) /* what is asked for where a model thinks */
        anthropic_drop_below(b, "thinking", GW_LIT("display"));
}
