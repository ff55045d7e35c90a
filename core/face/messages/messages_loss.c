/* messages_loss.c - what an Anthropic request reports that a chat request cannot. Nothing is lost without a name:
 * x-gw-dropped and the log name it, and a model with lossy = "refuse" refuses it. */
#include <stdarg.h>
#include <stdio.h>

#include "face/common.h"
#include "face/messages/messages_inside.h"

/* The first row whose pattern fits is the reason. */
static const struct {
    const char *member, *why;
} reasons[] = {
    { "system.x-anthropic-billing-header", "differs in every request and is not for the model" },
    { "messages.tool_use.cache_control", "a tool call cannot carry it" },
    { "tool_choice", "there is no such tool left to choose" },
    { "tools.web_search.*", "the web search of a chat request has no such setting" },
    { "tools.*", "only Anthropic knows it" },
    { "*", "has no equal in a chat request" },
};

/* Where a block may stand. One that is a part of a message may stand anywhere: the upstream names what it
 * thinks of it. */
enum { IN_USER = 1, IN_ASSISTANT = 2, IN_BLOCK = 4, ANYWHERE = 7 };

/* The members of each block that arrive in some form, mostly; what else it states is lost. */
static const struct {
    const char *type;
    enum messages_kind kind;
    unsigned where;
    const char *carried[7];
} blocks[] = {
    { "text", KIND_TEXT, ANYWHERE, { "type", "text", "cache_control", "citations" } },
    { "image", KIND_IMAGE, ANYWHERE, { "type", "source", "cache_control" } },
    { "document", KIND_DOCUMENT, ANYWHERE, { "type", "source", "title", "context", "cache_control" } },
    { "search_result", KIND_SEARCH_RESULT, ANYWHERE, { "type", "source", "title", "content" } },
    { "tool_use", KIND_TOOL_USE, IN_ASSISTANT, { "type", "id", "name", "input", "caller" } },
    { "tool_result", KIND_TOOL_RESULT, IN_USER, { "type", "tool_use_id", "content", "is_error", "cache_control" } },
    { "tool_reference", KIND_TOOL_REFERENCE, ANYWHERE, { "type", "tool_name" } },
    { "thinking", KIND_THINKING, IN_ASSISTANT, { "type", "thinking", "signature" } },
    { "redacted_thinking", KIND_REDACTED, IN_ASSISTANT, { "type", "data" } },
    { "mid_conv_system", KIND_SYSTEM, IN_USER, { "type", "content" } },
    { "compaction", KIND_COMPACTION, ANYWHERE, { "type", "content", "cache_control" } },
    { "fallback", KIND_FALLBACK, ANYWHERE, { NULL } },
};

enum { BLOCK_COUNT = sizeof blocks / sizeof *blocks };

static size_t row_of(const struct json *block)
{
    struct text type = json_str(json_member(block, "type"));
    size_t i = 0;
    while (i < BLOCK_COUNT && !text_is(type, blocks[i].type))
        i++;
    return i;
}

enum messages_kind messages_kind(const struct json *block)
{
    size_t row = row_of(block);
    return row < BLOCK_COUNT ? blocks[row].kind : KIND_OTHER;
}

void messages_drop(struct messages_request *r, const char *format, ...)
{
    char name[80];
    size_t i = 0;
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    while (!text_matches(text_of(name), text_of(reasons[i].member)))
        i++;
    common_drop(r->arena, r->ask, text_of(name), reasons[i].why);
}

/* Null and false ask for nothing, and so does {"enabled":false}. */
static bool says_something(const struct json *v)
{
    return json_type(v) != JSON_T_NULL && json_bool(v, true) && json_bool(json_member(v, "enabled"), true);
}

void messages_drop_others(struct messages_request *r, const char *prefix, const struct json *object,
                          const char *const *names)
{
    for (size_t i = 0; i < json_count(object); i++) {
        struct text key = json_key_at(object, i);
        size_t k = 0;
        while (names[k] != NULL && !text_is(key, names[k]))
            k++;
        if (names[k] == NULL && says_something(json_at(object, i)))
            messages_drop(r, "%s%s%.*s", prefix, prefix[0] != '\0' ? "." : "", TEXT_ARG(key));
    }
}

static bool check(struct messages_request *r, const struct json *content, unsigned where);

/* Members that are carried with some values only. */
static void drop_by_value(struct messages_request *r, const struct json *block, enum messages_kind kind)
{
    struct text source = json_str(json_member(json_member(block, "source"), "type"));
    if (kind == KIND_TEXT && messages_is_lossy(block))
        messages_drop(r, "messages.text.citations");
    if (kind == KIND_TOOL_USE && messages_is_lossy(block))
        messages_drop(r, "messages.tool_use.caller");
    if (kind == KIND_DOCUMENT && json_str(json_member(block, "context")).len > 0 && !text_is(source, "text") &&
        !text_is(source, "content")) /* above a text it can stand */
        messages_drop(r, "messages.document.context");
}

static bool check_block(struct messages_request *r, const struct json *block, unsigned where)
{
    const struct json *input = json_member(block, "input");
    struct text type = json_str(json_member(block, "type"));
    size_t row = row_of(block);
    enum messages_kind kind = row < BLOCK_COUNT ? blocks[row].kind : KIND_OTHER;
    char prefix[40];
    if (type.len == 0)
        return false;
    if (row == BLOCK_COUNT || (blocks[row].where & where) == 0) {
        messages_drop(r, "messages.%.*s", TEXT_ARG(type));
        return true;
    }
    if (kind == KIND_TOOL_USE && input != NULL && json_type(input) != JSON_T_OBJECT && json_type(input) != JSON_T_NULL)
        return false;
    if (kind != KIND_FALLBACK) {
        snprintf(prefix, sizeof prefix, "messages.%s", blocks[row].type);
        messages_drop_others(r, prefix, block, blocks[row].carried);
        drop_by_value(r, block, kind);
    }
    return check(r, json_member(block, "content"), IN_BLOCK) &&
           check(r, json_member(json_member(block, "source"), "content"), IN_BLOCK);
}

static bool check(struct messages_request *r, const struct json *content, unsigned where)
{
    for (size_t i = 0; i < json_count(content); i++)
        if (!check_block(r, json_at(content, i), where))
            return false;
    return true;
}

bool messages_check_blocks(struct messages_request *r, const struct json *content, struct text role)
{
    return check(r, content, text_is(role, "user") ? IN_USER : text_is(role, "assistant") ? IN_ASSISTANT : IN_BLOCK);
}
