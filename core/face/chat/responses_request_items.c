/* responses_request_items.c - the items of a Responses-shaped input as the messages of a chat. */
#include "face/chat/responses_request.h"

static struct text type_of(const struct json *v)
{
    return json_str(json_member(v, "type"));
}

static bool is_call(const struct json *item)
{
    return text_is(type_of(item), "function_call") || text_is(type_of(item), "custom_tool_call");
}

static bool is_output(const struct json *item)
{
    return text_is(type_of(item), "function_call_output") || text_is(type_of(item), "custom_tool_call_output");
}

static int refuse(struct responses_request *in, const char *what)
{
    return error_param(in->fail, E_PARAMETER, TEXT("input"), "input %s", what);
}

static void drop_part(struct responses_request *in, struct text what)
{
    responses_request_drop(in, text_of(arena_printf(in->arena, "input.%.*s", TEXT_ARG(what))));
}

static void write_text(struct responses_request *in, struct text text)
{
    json_object(&in->w);
    responses_request_put(in, TEXT("type"), TEXT("text"));
    responses_request_put(in, TEXT("text"), text);
    json_close(&in->w);
}

static void begin_part(struct responses_request *in, struct text type)
{
    json_object(&in->w);
    responses_request_put(in, TEXT("type"), type);
    json_key(&in->w, type);
    json_object(&in->w);
}

static void end_part(struct responses_request *in, const struct json *part, const char *const *read)
{
    json_close(&in->w);
    responses_request_copy(in, part, read); /* cache marks */
    json_close(&in->w);
}

static void write_image(struct responses_request *in, const struct json *part)
{
    static const char *const read[] = { "type", "image_url", "detail", "file_id", NULL };
    const struct json *url = json_member(part, "image_url"), *detail = json_member(part, "detail");
    if (json_type(url) != JSON_T_STR) { /* a file kept at OpenAI, which a chat can only name as a document */
        drop_part(in, TEXT("input_image"));
        return;
    }
    begin_part(in, TEXT("image_url"));
    responses_request_put(in, TEXT("url"), json_str(url));
    if (json_type(detail) == JSON_T_STR)
        responses_request_put(in, TEXT("detail"), json_str(detail));
    end_part(in, part, read);
}

static void write_file(struct responses_request *in, const struct json *part)
{
    static const char *const read[] = { "type", "file_data", "file_id", "filename", "file_url", "detail", NULL };
    const struct json *url = json_member(part, "file_url");
    begin_part(in, TEXT("file"));
    if (json_type(url) == JSON_T_STR)
        responses_request_put(in, TEXT("file_data"), json_str(url));
    for (size_t i = 1; i <= 3; i++) {
        const struct json *v = json_get(part, text_of(read[i]));
        if (json_type(v) == JSON_T_STR && (i != 1 || json_type(url) != JSON_T_STR))
            responses_request_put(in, text_of(read[i]), json_str(v));
    }
    end_part(in, part, read);
}

static void write_part(struct responses_request *in, const struct json *part)
{
    static const char *const of_chat[] = { "text", "image_url", "file", "input_audio", "refusal" };
    static const char *const of_text[] = { "type", "annotations", "logprobs", NULL };
    struct text type = type_of(part);
    for (size_t i = 0; i < sizeof of_chat / sizeof *of_chat; i++)
        if (text_is(type, of_chat[i])) {
            json_put_json(&in->w, part);
            return;
        }
    if (text_is(type, "input_text") || text_is(type, "output_text")) {
        json_object(&in->w);
        responses_request_put(in, TEXT("type"), TEXT("text"));
        responses_request_copy(in, part, of_text);
        json_close(&in->w);
        if (json_count(json_member(part, "annotations")) > 0)
            drop_part(in, TEXT("annotations"));
    } else if (text_is(type, "input_image")) {
        write_image(in, part);
    } else if (text_is(type, "input_file")) {
        write_file(in, part);
    } else {
        drop_part(in, type.len > 0 ? type : TEXT("content"));
    }
}

/* A tool's answer in a chat is text; what else it returned is shown by the user message that follows. */
static bool is_shown(const struct json *part)
{
    struct text type = type_of(part);
    return text_is(type, "input_image") || text_is(type, "input_file") || text_is(type, "image_url") ||
           text_is(type, "file");
}

static int write_content(struct responses_request *in, const struct json *content, bool of_tool)
{
    enum json_type type = json_type(content);
    json_name(&in->w, "content");
    if (type == JSON_T_STR) {
        json_put_str(&in->w, json_str(content));
    } else if (type == JSON_T_NULL || type == JSON_T_ABSENT) {
        json_put_str(&in->w, TEXT(""));
    } else if (type == JSON_T_ARRAY) {
        json_array(&in->w);
        for (size_t i = 0; i < json_count(content); i++) {
            const struct json *part = json_at(content, i);
            if (json_type(part) != JSON_T_OBJECT)
                return refuse(in, "has a content part that is no object");
            if (of_tool && is_shown(part))
                write_text(in, TEXT("[image or file: see the next message]"));
            else
                write_part(in, part);
        }
        json_close(&in->w);
    } else {
        return refuse(in, "has a content that is neither a string nor an array");
    }
    return 0;
}

static void write_call(struct responses_request *in, const struct json *item)
{
    bool custom = text_is(type_of(item), "custom_tool_call");
    struct text kind = custom ? TEXT("custom") : TEXT("function"), args = custom ? TEXT("input") : TEXT("arguments");
    json_object(&in->w);
    responses_request_put(in, TEXT("id"), json_str(json_member(item, "call_id")));
    responses_request_put(in, TEXT("type"), kind);
    json_key(&in->w, kind);
    json_object(&in->w);
    responses_request_put(in, TEXT("name"), json_str(json_member(item, "name")));
    responses_request_put(in, args, json_str(json_get(item, args)));
    json_close(&in->w);
    json_close(&in->w);
}

/* The calls from item `i` on as the member of a message. Returns the index after them. */
static size_t write_calls(struct responses_request *in, const struct json *items, size_t i)
{
    json_name(&in->w, "tool_calls");
    json_array(&in->w);
    for (; is_call(json_at(items, i)); i++)
        write_call(in, json_at(items, i));
    json_close(&in->w);
    return i;
}

/* A message; the calls after an assistant's are written in it. */
static int write_message(struct responses_request *in, const struct json *items, size_t *i)
{
    static const char *const read[] = { "type", "id", "status", "role", "content", "phase", NULL };
    const struct json *item = json_at(items, (*i)++), *content = json_member(item, "content");
    struct text role = json_str(json_member(item, "role"));
    bool has_calls = json_member(item, "tool_calls") != NULL;
    if (role.len == 0)
        return refuse(in, "has an item without a type and a role");
    json_object(&in->w);
    responses_request_put(in, TEXT("role"), role);
    if (has_calls && (content == NULL || json_type(content) == JSON_T_NULL)) {
        json_name(&in->w, "content");
        json_put_null(&in->w);
    } else if (write_content(in, content, false) < 0) {
        return -1;
    }
    if (text_is(role, "assistant") && !has_calls && is_call(json_at(items, *i)))
        *i = write_calls(in, items, *i);
    responses_request_copy(in, item, read);
    json_close(&in->w);
    return 0;
}

/* The images and files that tools returned, each call's under its id. */
static void write_shown(struct responses_request *in, const struct json *items, size_t from, size_t to)
{
    bool begun = false;
    for (size_t i = from; i < to; i++) {
        const struct json *parts = json_member(json_at(items, i), "output");
        bool named = false;
        for (size_t k = 0; k < json_count(parts); k++) {
            if (!is_shown(json_at(parts, k)))
                continue;
            if (!begun) {
                json_object(&in->w);
                responses_request_put(in, TEXT("role"), TEXT("user"));
                json_name(&in->w, "content");
                json_array(&in->w);
                begun = true;
            }
            struct text id = json_str(json_member(json_at(items, i), "call_id"));
            if (!named)
                write_text(in, text_of(arena_printf(in->arena, "Returned by the tool call %.*s:", TEXT_ARG(id))));
            named = true;
            write_part(in, json_at(parts, k));
        }
    }
    if (begun) {
        json_close(&in->w);
        json_close(&in->w);
    }
}

/* All outputs that lie behind each other: nothing may stand between the messages of tools. */
static int write_outputs(struct responses_request *in, const struct json *items, size_t *i)
{
    size_t from = *i;
    for (; is_output(json_at(items, *i)); ++*i) {
        const struct json *item = json_at(items, *i);
        json_object(&in->w);
        responses_request_put(in, TEXT("role"), TEXT("tool"));
        responses_request_put(in, TEXT("tool_call_id"), json_str(json_member(item, "call_id")));
        if (write_content(in, json_member(item, "output"), true) < 0)
            return -1;
        json_close(&in->w);
    }
    write_shown(in, items, from, *i);
    return 0;
}

static int write_item(struct responses_request *in, const struct json *items, size_t *i)
{
    const struct json *item = json_at(items, *i);
    struct text type = type_of(item);
    if (json_type(item) != JSON_T_OBJECT)
        return refuse(in, "has an item that is no object");
    if (is_output(item))
        return write_outputs(in, items, i);
    if (type.len == 0 || text_is(type, "message"))
        return write_message(in, items, i);
    if (text_is(type, "item_reference"))
        return refuse(in,
                      "has an item_reference, which needs /v1/responses: a chat has no items that are kept elsewhere");
    if (!is_call(item)) {
        responses_request_drop(in, TEXT("input"));
        ++*i;
        return 0;
    }
    json_object(&in->w);
    responses_request_put(in, TEXT("role"), TEXT("assistant"));
    json_name(&in->w, "content");
    json_put_null(&in->w);
    *i = write_calls(in, items, *i);
    json_close(&in->w);
    return 0;
}

static void write_plain(struct responses_request *in, struct text role, const struct json *content)
{
    json_object(&in->w);
    responses_request_put(in, TEXT("role"), role);
    responses_request_put(in, TEXT("content"), json_str(content));
    json_close(&in->w);
}

int responses_request_messages(struct responses_request *in, const struct json *body)
{
    const struct json *input = json_member(body, "input"), *instructions = json_member(body, "instructions");
    json_name(&in->w, "messages");
    json_array(&in->w);
    if (json_type(instructions) == JSON_T_STR)
        write_plain(in, TEXT("system"), instructions);
    else if (instructions != NULL && json_type(instructions) != JSON_T_NULL)
        return error_param(in->fail, E_PARAMETER, TEXT("instructions"), "instructions must be a string");
    if (json_type(input) == JSON_T_STR)
        write_plain(in, TEXT("user"), input);
    else if (json_type(input) != JSON_T_ARRAY)
        return refuse(in, "must be a string or an array");
    for (size_t i = 0; i < json_count(input);)
        if (write_item(in, input, &i) < 0)
            return -1;
    json_close(&in->w);
    return 0;
}
