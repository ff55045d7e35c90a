/* talk.c - reads what is said from the bodies of the client APIs. */
#include "face/talk.h"

#include <string.h>

#include "base/buf.h"

/* While it is read: lists grow by doubling, in the arena. */
struct reading {
    struct arena *arena;
    struct talk *talk;
    size_t room;
    struct talk_turn *turn;
    size_t text_room, place_room, call_room, tool_room;
};

static void *grown(struct arena *arena, void *items, size_t size, size_t count, size_t *room)
{
    if (count < *room)
        return items;
    *room = *room == 0 ? 4 : 2 * *room;
    void *more = arena_alloc(arena, *room * size);
    if (count > 0)
        memcpy(more, items, count * size);
    return more;
}

static void begin_turn(struct reading *r, const char *role)
{
    struct talk *t = r->talk;
    t->turns = grown(r->arena, t->turns, sizeof *t->turns, t->count, &r->room);
    r->turn = &t->turns[t->count++];
    *r->turn = (struct talk_turn){ .role = role };
    r->text_room = r->place_room = r->call_room = 0;
}

static void add_text(struct reading *r, const struct json *place)
{
    struct talk_turn *turn = r->turn;
    struct text text = json_str(place);
    if (text.len == 0)
        return;
    turn->texts = grown(r->arena, turn->texts, sizeof *turn->texts, turn->text_count, &r->text_room);
    turn->places = grown(r->arena, turn->places, sizeof *turn->places, turn->text_count, &r->place_room);
    turn->places[turn->text_count] = place;
    turn->texts[turn->text_count++] = text;
    r->talk->text_bytes += text.len;
}

/* Arguments as JSON text: chat and responses have them as a string, messages as a value. */
static void add_call(struct reading *r, const struct json *id, const struct json *name, const struct json *arguments)
{
    struct talk_turn *turn = r->turn;
    struct text text = json_type(arguments) == JSON_T_STR ? json_str(arguments) : json_text(arguments);
    turn->calls = grown(r->arena, turn->calls, sizeof *turn->calls, turn->call_count, &r->call_room);
    turn->calls[turn->call_count++] = (struct talk_call){ json_str(id), json_str(name), text, arguments };
    r->talk->text_bytes += text.len;
}

static void add_image(struct reading *r)
{
    r->turn->images++;
    r->talk->images++;
}

static void add_file(struct reading *r)
{
    r->turn->files++;
    r->talk->files++;
}

static void add_content(struct reading *r, const struct json *content);

/* A part of a content, in any of the APIs. */
static void add_part(struct reading *r, const struct json *part)
{
    struct text type = json_str(json_member(part, "type"));
    if (json_type(part) == JSON_T_STR)
        add_text(r, part);
    else if (text_is(type, "image_url") || text_is(type, "image") || text_is(type, "input_image"))
        add_image(r);
    else if (text_is(type, "file") || text_is(type, "input_file") || text_is(type, "document") ||
             text_is(type, "input_audio"))
        add_file(r);
    else if (text_ends(type, TEXT("tool_use")))
        add_call(r, json_member(part, "id"), json_member(part, "name"), json_member(part, "input"));
    else if (text_is(type, "refusal"))
        add_text(r, json_member(part, "refusal"));
    else if (!text_is(type, "thinking"))
        add_text(r, json_member(part, "text"));
}

static void add_content(struct reading *r, const struct json *content)
{
    if (json_type(content) == JSON_T_STR)
        add_text(r, content);
    for (size_t i = 0; json_type(content) == JSON_T_ARRAY && i < json_count(content); i++)
        add_part(r, json_at(content, i));
}

static const char *role_of(struct text role)
{
    return text_is(role, "assistant") || text_is(role, "model")    ? "assistant"
           : text_is(role, "system") || text_is(role, "developer") ? "system"
           : text_is(role, "tool") || text_is(role, "function")    ? "tool"
                                                                   : "user";
}

static void add_tool(struct reading *r, const struct json *tool)
{
    struct talk *t = r->talk;
    const struct json *function = json_member(tool, "function");
    struct text name = json_str(json_member(function != NULL ? function : tool, "name"));
    if (name.ptr == NULL)
        name = json_str(json_member(tool, "type"));
    t->tools = grown(r->arena, t->tools, sizeof *t->tools, t->tool_count, &r->tool_room);
    t->tools[t->tool_count++] = name.ptr != NULL ? name : TEXT("");
    t->text_bytes += json_text(tool).len;
}

static bool begin(struct reading *r, struct arena *arena, struct ask *ask, struct fail *fail)
{
    const struct json *body = ask_json(arena, ask, fail);
    if (body == NULL)
        return false;
    *r = (struct reading){ .arena = arena, .talk = arena_new(arena, struct talk) };
    const struct json *tools = json_member(body, "tools");
    for (size_t i = 0; i < json_count(tools); i++)
        add_tool(r, json_at(tools, i));
    const struct json *functions = json_member(body, "functions"); /* OpenAI's older tools */
    for (size_t i = 0; i < json_count(functions); i++)
        add_tool(r, json_at(functions, i));
    const struct json *format = json_member(body, "response_format");
    if (format == NULL)
        format = json_member(json_member(body, "text"), "format");
    if (format == NULL)
        format = json_member(json_member(body, "output_config"), "format");
    if (format == NULL)
        format = json_member(body, "output_format");
    r->talk->wants_json = format != NULL && text_starts(json_str(json_member(format, "type")), TEXT("json"));
    return true;
}

static void read_chat_message(struct reading *r, const struct json *m)
{
    begin_turn(r, role_of(json_str(json_member(m, "role"))));
    add_content(r, json_member(m, "content"));
    const struct json *calls = json_member(m, "tool_calls"), *older = json_member(m, "function_call");
    if (json_type(older) == JSON_T_OBJECT)
        add_call(r, NULL, json_member(older, "name"), json_member(older, "arguments"));
    for (size_t i = 0; i < json_count(calls); i++) {
        const struct json *call = json_at(calls, i), *function = json_member(call, "function");
        if (function == NULL) /* a custom tool: its input is a text */
            function = json_member(call, "custom");
        const struct json *arguments = json_member(function, "arguments");
        add_call(r, json_member(call, "id"), json_member(function, "name"),
                 arguments != NULL ? arguments : json_member(function, "input"));
    }
}

static void read_item(struct reading *r, const struct json *item)
{
    struct text type = json_str(json_member(item, "type"));
    if (text_is(type, "function_call") || text_is(type, "custom_tool_call")) {
        const struct json *arguments = json_member(item, "arguments");
        begin_turn(r, "assistant");
        add_call(r, json_member(item, "call_id"), json_member(item, "name"),
                 arguments != NULL ? arguments : json_member(item, "input"));
    } else if (text_is(type, "function_call_output") || text_is(type, "custom_tool_call_output")) {
        begin_turn(r, "tool");
        add_content(r, json_member(item, "output"));
    } else if (json_member(item, "content") != NULL && !text_is(type, "reasoning")) {
        begin_turn(r, role_of(json_str(json_member(item, "role"))));
        add_content(r, json_member(item, "content"));
    }
}

static void read_input(struct reading *r, const struct json *input)
{
    if (json_type(input) == JSON_T_STR) {
        begin_turn(r, "user");
        add_text(r, input);
    }
    for (size_t i = 0; json_type(input) == JSON_T_ARRAY && i < json_count(input); i++)
        read_item(r, json_at(input, i));
}

const struct talk *talk_chat(struct arena *arena, struct ask *ask, struct fail *fail)
{
    struct reading r;
    if (!begin(&r, arena, ask, fail))
        return NULL;
    const struct json *messages = json_member(ask->json, "messages");
    if (messages == NULL)
        read_input(&r, json_member(ask->json, "input"));
    for (size_t i = 0; i < json_count(messages); i++)
        read_chat_message(&r, json_at(messages, i));
    const struct json *prediction = json_member(ask->json, "prediction");
    if (prediction != NULL) {
        begin_turn(&r, "assistant");
        add_content(&r, json_member(prediction, "content"));
    }
    return r.talk;
}

const struct talk *talk_responses(struct arena *arena, struct ask *ask, struct fail *fail)
{
    struct reading r;
    if (!begin(&r, arena, ask, fail))
        return NULL;
    const struct json *instructions = json_member(ask->json, "instructions");
    if (json_type(instructions) == JSON_T_STR) {
        begin_turn(&r, "system");
        add_text(&r, instructions);
    }
    read_input(&r, json_member(ask->json, "input"));
    return r.talk;
}

/* A user's message whose parts are results of tools, and what the user has written beside them. */
static void read_blocks(struct reading *r, const struct json *m)
{
    const char *role = role_of(json_str(json_member(m, "role")));
    const struct json *content = json_member(m, "content");
    bool open = false;
    if (json_type(content) == JSON_T_STR || json_count(content) == 0) {
        begin_turn(r, role);
        add_content(r, content);
        return;
    }
    for (size_t i = 0; i < json_count(content); i++) {
        const struct json *part = json_at(content, i);
        if (text_ends(json_str(json_member(part, "type")), TEXT("tool_result"))) {
            begin_turn(r, "tool");
            add_content(r, json_member(part, "content"));
            open = false;
            continue;
        }
        if (!open)
            begin_turn(r, role);
        open = true;
        add_part(r, part);
    }
}

const struct talk *talk_messages(struct arena *arena, struct ask *ask, struct fail *fail)
{
    struct reading r;
    if (!begin(&r, arena, ask, fail))
        return NULL;
    const struct json *system = json_member(ask->json, "system"), *messages = json_member(ask->json, "messages");
    if (json_type(system) == JSON_T_STR || json_count(system) > 0) {
        begin_turn(&r, "system");
        add_content(&r, system);
    }
    for (size_t i = 0; i < json_count(messages); i++)
        read_blocks(&r, json_at(messages, i));
    return r.talk;
}

static void add_texts(struct reading *r, const struct json *v)
{
    if (json_type(v) == JSON_T_OBJECT || json_type(v) == JSON_T_STR)
        add_part(r, v);
    for (size_t i = 0; json_type(v) == JSON_T_ARRAY && i < json_count(v); i++)
        add_texts(r, json_at(v, i));
}

const struct talk *talk_prompt(struct arena *arena, struct ask *ask, struct fail *fail)
{
    static const char *const members[] = { "prompt", "input", "query", "documents", NULL };
    static const struct talk nothing;
    struct reading r;
    if (ask->scan.count == 0) /* a form: audio, an image with a file */
        return &nothing;
    if (!begin(&r, arena, ask, fail))
        return NULL;
    begin_turn(&r, "user");
    for (size_t i = 0; members[i] != NULL; i++)
        add_texts(&r, json_get(ask->json, text_of(members[i])));
    return r.talk;
}

static void add_turn(struct buf *out, const struct talk_turn *turn, size_t most)
{
    for (size_t i = 0; i < turn->text_count; i++) {
        struct text text = turn->texts[i];
        buf_printf(out, "%zu\n", text.len);
        buf_text(out, (struct text){ text.ptr, text.len < most ? text.len : most });
    }
}

bool talk_opening(const struct talk *talk, struct text key, size_t most, uint8_t digest[CRYPTO_SHA256_LEN])
{
    const struct talk_turn *first = NULL;
    struct buf all;
    buf_init(&all, SIZE_MAX);
    buf_text(&all, key);
    buf_str(&all, "\n");
    for (size_t i = 0; i < talk->count; i++) {
        if (strcmp(talk->turns[i].role, "system") == 0)
            add_turn(&all, &talk->turns[i], most);
        else if (first == NULL)
            first = &talk->turns[i];
    }
    if (first != NULL)
        add_turn(&all, first, most);
    crypto_sha256(buf_view(&all), digest);
    buf_free(&all);
    return first != NULL;
}
