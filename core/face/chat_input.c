/* chat_input.c - a Responses-shaped body on /chat/completions, as Cursor sends it: no `messages` but `input`. It is
 * rewritten as a chat body; the answer is a chat answer. What has no equal is named as dropped. */
#include "base/json.h"
#include "face/chat.h"

/* Members with the same name and meaning on both sides. */
static const char *const same[] = { "model", "stream", "temperature", "top_p", "parallel_tool_calls", "store", "metadata",
                                    "user", "safety_identifier", "prompt_cache_key", "service_tier", "stream_options" };
/* Read below, or meaningless without a stored conversation. */
static const char *const known[] = { "input", "instructions", "tools", "tool_choice", "max_output_tokens", "reasoning", "text",
                                     "include" };

static bool is_in(struct text name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text_is(name, list[i]))
            return true;
    return false;
}

static void drop(struct arena *arena, struct ask *ask, struct text member, const char *why)
{
    struct ask_dropped *d = arena_new(arena, struct ask_dropped);
    *d = (struct ask_dropped){ .next = ask->dropped, .member = arena_text(arena, member), .why = why };
    ask->dropped = d;
}

static void put(struct json_writer *w, const char *name, struct text value)
{
    json_key(w, text_of(name));
    json_put_str(w, value);
}

static void write_part(const struct json *part, struct json_writer *w)
{
    struct text type = json_str(json_member(part, "type"));
    json_object(w);
    if (text_is(type, "input_image")) {
        put(w, "type", TEXT("image_url"));
        json_name(w, "image_url");
        json_object(w);
        put(w, "url", json_str(json_member(part, "image_url")));
        if (json_type(json_member(part, "detail")) == JSON_T_STR)
            put(w, "detail", json_str(json_member(part, "detail")));
        json_close(w);
    } else if (text_is(type, "input_file")) {
        put(w, "type", TEXT("file"));
        json_name(w, "file");
        json_object(w);
        static const char *const names[] = { "file_data", "file_id", "filename" };
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (json_type(json_get(part, text_of(names[i]))) == JSON_T_STR)
                put(w, names[i], json_str(json_get(part, text_of(names[i]))));
        json_close(w);
    } else if (text_is(type, "refusal")) {
        put(w, "type", TEXT("refusal"));
        put(w, "refusal", json_str(json_member(part, "refusal")));
    } else {
        put(w, "type", TEXT("text"));
        put(w, "text", json_str(json_member(part, "text")));
    }
    json_close(w);
}

static void write_content(const struct json *content, struct json_writer *w)
{
    json_name(w, "content");
    if (json_type(content) != JSON_T_ARRAY) {
        json_put_str(w, json_type(content) == JSON_T_STR ? json_str(content) : TEXT(""));
        return;
    }
    json_array(w);
    for (size_t i = 0; i < json_count(content); i++)
        write_part(json_at(content, i), w);
    json_close(w);
}

static void write_call(const struct json *item, struct json_writer *w)
{
    bool custom = text_is(json_str(json_member(item, "type")), "custom_tool_call");
    json_object(w);
    put(w, "id", json_str(json_member(item, "call_id")));
    put(w, "type", custom ? TEXT("custom") : TEXT("function"));
    json_key(w, custom ? TEXT("custom") : TEXT("function"));
    json_object(w);
    put(w, "name", json_str(json_member(item, "name")));
    put(w, custom ? "input" : "arguments", json_str(json_get(item, custom ? TEXT("input") : TEXT("arguments"))));
    json_close(w);
    json_close(w);
}

static bool is_call(const struct json *item)
{
    struct text type = json_str(json_member(item, "type"));
    return text_is(type, "function_call") || text_is(type, "custom_tool_call");
}

/* Consecutive calls are one assistant message. Returns the index after what was written. */
static size_t write_item(struct arena *arena, struct ask *ask, const struct json *items, size_t i, struct json_writer *w)
{
    const struct json *item = json_at(items, i);
    struct text type = json_str(json_member(item, "type"));
    if (is_call(item)) {
        json_object(w);
        put(w, "role", TEXT("assistant"));
        json_name(w, "content");
        json_put_null(w);
        json_name(w, "tool_calls");
        json_array(w);
        for (; i < json_count(items) && is_call(json_at(items, i)); i++)
            write_call(json_at(items, i), w);
        json_close(w);
        json_close(w);
        return i;
    }
    if (text_is(type, "function_call_output") || text_is(type, "custom_tool_call_output")) {
        json_object(w);
        put(w, "role", TEXT("tool"));
        put(w, "tool_call_id", json_str(json_member(item, "call_id")));
        write_content(json_member(item, "output"), w);
        json_close(w);
    } else if (type.len == 0 || text_is(type, "message")) {
        json_object(w);
        put(w, "role", json_type(json_member(item, "role")) == JSON_T_STR ? json_str(json_member(item, "role")) : TEXT("user"));
        write_content(json_member(item, "content"), w);
        json_close(w);
    } else {
        drop(arena, ask, TEXT("input"), "an item of this type has no place in a chat");
    }
    return i + 1;
}

static void write_messages(struct arena *arena, struct ask *ask, const struct json *body, struct json_writer *w)
{
    const struct json *input = json_member(body, "input"), *instructions = json_member(body, "instructions");
    json_name(w, "messages");
    json_array(w);
    if (json_type(instructions) == JSON_T_STR) {
        json_object(w);
        put(w, "role", TEXT("system"));
        put(w, "content", json_str(instructions));
        json_close(w);
    }
    if (json_type(input) == JSON_T_STR) {
        json_object(w);
        put(w, "role", TEXT("user"));
        put(w, "content", json_str(input));
        json_close(w);
    }
    for (size_t i = 0; json_type(input) == JSON_T_ARRAY && i < json_count(input);)
        i = write_item(arena, ask, input, i, w);
    json_close(w);
}

/* Flat tools get their "function"; tools of other kinds are the upstream's own and have no equal. */
static void write_tools(struct arena *arena, struct ask *ask, const struct json *tools, struct json_writer *w)
{
    json_name(w, "tools");
    json_array(w);
    for (size_t i = 0; i < json_count(tools); i++) {
        const struct json *tool = json_at(tools, i);
        struct text type = json_str(json_member(tool, "type"));
        if (json_type(json_get(tool, type)) == JSON_T_OBJECT) { /* already a chat tool */
            json_put_json(w, tool);
            continue;
        }
        if (!text_is(type, "function") && !text_is(type, "custom")) {
            drop(arena, ask, TEXT("tools"), "a built-in tool of the Responses API");
            continue;
        }
        json_object(w);
        put(w, "type", type);
        json_key(w, type);
        json_object(w);
        for (size_t k = 0; k < json_count(tool); k++) {
            if (text_is(json_key_at(tool, k), "type"))
                continue;
            json_key(w, json_key_at(tool, k));
            json_put_json(w, json_at(tool, k));
        }
        json_close(w);
        json_close(w);
    }
    json_close(w);
}

static void write_rest(const struct json *body, struct json_writer *w)
{
    const struct json *choice = json_member(body, "tool_choice"), *v;
    if (json_type(choice) == JSON_T_OBJECT && json_type(json_member(choice, "name")) == JSON_T_STR) {
        json_name(w, "tool_choice");
        json_object(w);
        put(w, "type", TEXT("function"));
        json_name(w, "function");
        json_object(w);
        put(w, "name", json_str(json_member(choice, "name")));
        json_close(w);
        json_close(w);
    } else if (choice != NULL) {
        json_name(w, "tool_choice");
        json_put_json(w, choice);
    }
    if ((v = json_member(body, "max_output_tokens")) != NULL) {
        json_name(w, "max_completion_tokens");
        json_put_json(w, v);
    }
    if ((v = json_member(json_member(body, "reasoning"), "effort")) != NULL) {
        json_name(w, "reasoning_effort");
        json_put_json(w, v);
    }
    const struct json *format = json_member(json_member(body, "text"), "format");
    if (text_is(json_str(json_member(format, "type")), "json_schema")) {
        json_name(w, "response_format");
        json_object(w);
        put(w, "type", TEXT("json_schema"));
        json_name(w, "json_schema");
        json_object(w);
        for (size_t k = 0; k < json_count(format); k++) {
            if (text_is(json_key_at(format, k), "type"))
                continue;
            json_key(w, json_key_at(format, k));
            json_put_json(w, json_at(format, k));
        }
        json_close(w);
        json_close(w);
    } else if (format != NULL) {
        json_name(w, "response_format");
        json_put_json(w, format);
    }
}

int chat_from_input(struct arena *arena, struct ask *ask, struct fail *fail)
{
    const struct json *body = ask_json(arena, ask, fail);
    struct buf out;
    struct json_writer w;
    if (body == NULL)
        return -1;
    buf_init(&out, 2 * ask->body.len + 4096);
    json_writer_init(&w, &out);
    json_object(&w);
    for (size_t i = 0; i < json_count(body); i++) {
        struct text name = json_key_at(body, i);
        if (is_in(name, same, sizeof same / sizeof *same)) {
            json_key(&w, name);
            json_put_json(&w, json_at(body, i));
        } else if (!is_in(name, known, sizeof known / sizeof *known)) {
            drop(arena, ask, name, "a member of the Responses API without an equal in a chat");
        }
    }
    write_messages(arena, ask, body, &w);
    if (json_type(json_member(body, "tools")) == JSON_T_ARRAY)
        write_tools(arena, ask, json_member(body, "tools"), &w);
    write_rest(body, &w);
    json_close(&w);
    int rc = json_end(&w);
    ask->body = common_take(arena, &out);
    ask->json = NULL;
    if (rc < 0 || scan_object(arena, ask->body, SCAN_MAX_DEPTH, &ask->scan) < 0)
        return error_param(fail, E_PARAMETER, TEXT("input"), "input cannot be read as messages");
    return 0;
}
