/* messages_turn.c - the turns of an Anthropic conversation as canonical messages: the system prompt, a user's blocks,
 * the results of tools. What an assistant wrote is in messages_reply.c. */
#include "canon/error.h"
#include "face/messages/messages_inside.h"

/* Claude Code's first system block differs in every request, and no model is meant to read it: forwarded, it would keep
 * upstreams from caching what follows. */
#define BILLING TEXT("x-anthropic-billing-header")

static void begin_message(struct messages_request *r, struct text role)
{
    json_object(&r->w);
    json_name(&r->w, "role");
    json_put_str(&r->w, role);
}

/* One line; with more behind it, it is a prompt. */
static bool is_billing(const struct json *block)
{
    struct text text = json_str(json_member(block, "text"));
    ptrdiff_t end = text_find(text, TEXT("\n"));
    return text_starts(text, BILLING) && (end < 0 || (size_t)end + 1 == text.len);
}

/* The member "content": the parts among from..to of which `keep` decides which. One plain text is a string. */
static void write_content(struct messages_request *r, const struct json *content, size_t from, size_t to,
                          bool (*keep)(const struct json *block))
{
    const struct json *only = NULL;
    size_t parts = 0;
    json_name(&r->w, "content");
    for (size_t i = from; i < to; i++) {
        if (!keep(json_at(content, i)) || !messages_is_part(json_at(content, i)))
            continue;
        only = json_at(content, i);
        parts++;
    }
    if (parts == 0 || (parts == 1 && messages_is_plain(only))) {
        json_put_str(&r->w, parts == 0 ? TEXT("") : json_str(json_member(only, "text")));
        return;
    }
    json_array(&r->w);
    for (size_t i = from; i < to; i++)
        if (keep(json_at(content, i)))
            messages_write_part(r, json_at(content, i));
    json_close(&r->w);
}

static bool is_prompt(const struct json *block)
{
    return !is_billing(block);
}

static void write_system(struct messages_request *r, const struct json *content)
{
    size_t count = json_count(content), kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_billing(json_at(content, i)))
            messages_drop(r, "system.x-anthropic-billing-header");
        else
            kept += messages_is_part(json_at(content, i));
    }
    if (json_str(content).len == 0 && kept == 0)
        return;
    begin_message(r, TEXT("system"));
    if (json_type(content) == JSON_T_STR) {
        json_name(&r->w, "content");
        json_put_str(&r->w, json_str(content));
    } else {
        write_content(r, content, 0, count, is_prompt);
    }
    json_close(&r->w);
}

/* A tool's answer in a chat is text; what else a tool returned is shown by the user message that follows. */
static bool is_shown(const struct json *block)
{
    enum messages_kind kind = messages_kind(block);
    const struct json *source = json_member(block, "source");
    struct text type = json_str(json_member(source, "type"));
    return kind == KIND_IMAGE || (kind == KIND_DOCUMENT && !text_is(type, "text") && !text_is(type, "content"));
}

static size_t count_shown(const struct json *result)
{
    const struct json *content = json_member(result, "content");
    size_t n = 0;
    for (size_t i = 0; messages_kind(result) == KIND_TOOL_RESULT && i < json_count(content); i++)
        n += is_shown(json_at(content, i));
    return n;
}

static void write_result_part(struct messages_request *r, const struct json *block, const struct json *cache_control)
{
    if (is_shown(block))
        messages_write_text_part(r,
                                 messages_kind(block) == KIND_IMAGE ? TEXT("[image: see the next message]")
                                                                    : TEXT("[document: see the next message]"),
                                 cache_control);
    else if (cache_control != NULL && messages_kind(block) == KIND_TEXT)
        messages_write_text_part(r, json_str(json_member(block, "text")), cache_control);
    else
        messages_write_part(r, block);
}

static void write_result_content(struct messages_request *r, const struct json *result)
{
    const struct json *content = json_member(result, "content"), *cache_control = json_member(result, "cache_control");
    size_t count = json_count(content), parts = 0;
    bool marked = json_type(cache_control) == JSON_T_OBJECT;
    struct text text = json_str(content);
    for (size_t i = 0; i < count; i++)
        parts += messages_is_part(json_at(content, i));
    if (count == 1 && messages_is_plain(json_at(content, 0)))
        text = json_str(json_member(json_at(content, 0), "text"));
    json_name(&r->w, "content");
    if (text.len == 0 && parts == 0) {
        json_put_str(&r->w, TEXT(""));
        return;
    }
    if (text.len > 0 && !marked) {
        json_put_str(&r->w, text);
        return;
    }
    json_array(&r->w);
    if (text.len > 0)
        messages_write_text_part(r, text, cache_control);
    for (size_t i = 0; text.len == 0 && i < count; i++)
        write_result_part(r, json_at(content, i), marked && i + 1 == count ? cache_control : NULL);
    json_close(&r->w);
}

static bool is_this_result(const struct json *block)
{
    return messages_kind(block) == KIND_TOOL_RESULT;
}

static bool is_no_result(const struct json *block)
{
    return messages_kind(block) != KIND_TOOL_RESULT;
}

static void write_result(struct messages_request *r, const struct json *content, size_t at)
{
    const struct json *result = json_at(content, at);
    begin_message(r, TEXT("tool"));
    json_name(&r->w, "tool_call_id");
    json_put_str(&r->w, messages_id_back(r->arena, json_str(json_member(result, "tool_use_id"))));
    write_result_content(r, result);
    if (json_bool(json_member(result, "is_error"), false)) {
        json_name(&r->w, "is_error");
        json_put_bool(&r->w, true);
    }
    if (messages_is_lossy(result))
        messages_write_origin(r, content, at, at + 1, is_this_result);
    json_close(&r->w);
}

/* The images and documents that tools returned, each call's under its id. */
static void write_shown(struct messages_request *r, const struct json *content)
{
    for (size_t i = 0; i < json_count(content); i++) {
        const struct json *result = json_at(content, i), *inside = json_member(result, "content");
        if (count_shown(result) == 0)
            continue;
        struct text id = messages_id_back(r->arena, json_str(json_member(result, "tool_use_id")));
        messages_write_text_part(r, text_of(arena_printf(r->arena, "Returned by the tool call %.*s:", TEXT_ARG(id))),
                                 NULL);
        for (size_t k = 0; k < json_count(inside); k++)
            if (is_shown(json_at(inside, k)))
                messages_write_part(r, json_at(inside, k));
    }
}

/* What tools returned, as a message of its own or at the head of one that goes on with blocks from..to. */
static void write_shown_message(struct messages_request *r, const struct json *content, size_t from, size_t to)
{
    begin_message(r, TEXT("user"));
    json_name(&r->w, "content");
    json_array(&r->w);
    write_shown(r, content);
    for (size_t i = from; i < to; i++)
        if (is_no_result(json_at(content, i)))
            messages_write_part(r, json_at(content, i));
    json_close(&r->w);
    json_close(&r->w);
}

/* Blocks from..to, less the results of tools: one user message, or none. `shown`: what tools returned comes first.
 * True when there was one. */
static bool write_user_part(struct messages_request *r, const struct json *content, size_t from, size_t to, bool shown)
{
    bool any = false, lossy = false;
    for (size_t i = from; i < to; i++) {
        const struct json *block = json_at(content, i);
        any = any || (is_no_result(block) && messages_is_part(block));
        lossy = lossy || (is_no_result(block) && messages_is_lossy(block));
    }
    if (shown) /* x_origin stands for the other blocks only */
        write_shown_message(r, content, from, lossy ? from : to);
    if ((shown && !lossy) || (!any && !lossy))
        return shown;
    begin_message(r, TEXT("user"));
    write_content(r, content, from, to, is_no_result);
    if (lossy)
        messages_write_origin(r, content, from, to, is_no_result);
    json_close(&r->w);
    return true;
}

static void write_user(struct messages_request *r, const struct json *content)
{
    size_t count = json_count(content), from = 0;
    bool shown = false, any = false;
    for (size_t i = 0; i < count; i++) {
        if (messages_kind(json_at(content, i)) != KIND_TOOL_RESULT)
            continue;
        write_result(r, content, i);
        shown = shown || count_shown(json_at(content, i)) > 0;
        any = true;
    }
    for (size_t i = 0; i <= count; i++) {
        if (i < count && messages_kind(json_at(content, i)) != KIND_SYSTEM)
            continue;
        any = write_user_part(r, content, from, i, shown) || any;
        shown = false;
        from = i + 1;
        if (i < count)
            write_system(r, json_member(json_at(content, i), "content"));
    }
    if (any)
        return;
    begin_message(r, TEXT("user"));
    json_name(&r->w, "content");
    json_put_str(&r->w, TEXT(""));
    json_close(&r->w);
}

static int refuse(struct messages_request *r, size_t at, const char *member, const char *what)
{
    return error_param(r->fail, E_PARAMETER, text_of(arena_printf(r->arena, "messages[%zu]%s", at, member)),
                       "messages[%zu]%s %s", at, member, what);
}

static int write_turn(struct messages_request *r, const struct json *turn, size_t at)
{
    struct text role = json_str(json_member(turn, "role"));
    const struct json *content = json_member(turn, "content");
    bool is_array = json_type(content) == JSON_T_ARRAY;
    if (json_type(turn) != JSON_T_OBJECT)
        return refuse(r, at, "", "must be an object");
    if (!text_is(role, "user") && !text_is(role, "assistant") && !text_is(role, "system"))
        return refuse(r, at, ".role", "must be \"user\", \"assistant\" or \"system\"");
    if (!is_array && json_type(content) != JSON_T_STR)
        return refuse(r, at, ".content", "must be a string or an array of content blocks");
    if (!messages_check_blocks(r, content, role))
        return refuse(r, at, ".content", "has a content block without a type, or a tool_use whose input is no object");
    if (text_is(role, "system")) {
        write_system(r, content);
    } else if (!is_array) {
        begin_message(r, role);
        json_name(&r->w, "content");
        json_put_json(&r->w, content);
        json_close(&r->w);
    } else if (text_is(role, "assistant")) {
        messages_write_reply(r, content);
    } else {
        write_user(r, content);
    }
    return 0;
}

int messages_write_turns(struct messages_request *r)
{
    const struct json *system = json_member(r->body, "system"), *turns = json_member(r->body, "messages");
    enum json_type type = json_type(system);
    if (type != JSON_T_ABSENT && type != JSON_T_NULL && type != JSON_T_STR && type != JSON_T_ARRAY)
        return error_param(r->fail, E_PARAMETER, TEXT("system"), "system must be a string or an array of text blocks");
    if (!messages_check_blocks(r, system, TEXT("system")))
        return error_param(r->fail, E_PARAMETER, TEXT("system"), "system has a block without a type");
    json_array(&r->w);
    write_system(r, system);
    for (size_t i = 0; i < json_count(turns); i++)
        if (write_turn(r, json_at(turns, i), i) < 0)
            return -1;
    json_close(&r->w);
    return 0;
}
