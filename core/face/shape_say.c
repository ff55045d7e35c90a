/* shape_say.c - a conversation that goes on: the model's answer as its turn, and what the user says to it, in the API of the client. */
#include "face/edit.h"
#include "face/said.h"
#include "face/shape.h"

/* What a call of a tool that nobody made gets: each API wants a result for each call. */
#define NOT_MADE TEXT("This call was not made.")

static bool is_blank(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if ((unsigned char)t.ptr[i] > ' ')
            return false;
    return true;
}

/* Neither an empty text nor white space alone is a turn everywhere. */
static struct text text_of_turn(const struct said *said)
{
    return is_blank(said->text) ? TEXT("(no text)") : said->text;
}

static void put(struct json_writer *w, const char *name, struct text value)
{
    json_key_plain(w, text_of(name));
    json_put_str(w, value);
}

static void begin(struct json_writer *w, const char *role)
{
    json_object(w);
    put(w, "role", text_of(role));
}

static void say_chat(struct json_writer *w, const struct said *said, struct text say)
{
    begin(w, "assistant");
    if (is_blank(said->text) && said->call_count > 0) {
        json_name(w, "content");
        json_put_null(w);
    } else {
        put(w, "content", text_of_turn(said));
    }
    if (said->call_count > 0) {
        json_name(w, "tool_calls");
        json_array(w);
    }
    for (size_t i = 0; i < said->call_count; i++) {
        json_object(w);
        put(w, "id", said->calls[i].id);
        put(w, "type", TEXT("function"));
        json_name(w, "function");
        json_object(w);
        put(w, "name", said->calls[i].name);
        put(w, "arguments", said->calls[i].arguments);
        json_close(w);
        json_close(w);
    }
    if (said->call_count > 0)
        json_close(w);
    json_close(w);
    for (size_t i = 0; i < said->call_count; i++) {
        begin(w, "tool");
        put(w, "tool_call_id", said->calls[i].id);
        put(w, "content", NOT_MADE);
        json_close(w);
    }
    begin(w, "user");
    put(w, "content", say);
    json_close(w);
}

static void put_block(struct json_writer *w, struct text text)
{
    json_object(w);
    put(w, "type", TEXT("text"));
    put(w, "text", text);
    json_close(w);
}

/* Arguments as a value: an object, whatever the model wrote. */
static void put_input(struct json_writer *w, struct arena *arena, struct text arguments)
{
    const struct json *value = json_parse_quick(arena, arguments);
    json_name(w, "input");
    if (json_type(value) == JSON_T_OBJECT) {
        json_put_json(w, value);
    } else {
        json_object(w);
        json_close(w);
    }
}

static void say_messages(struct json_writer *w, struct arena *arena, const struct said *said, struct text say)
{
    begin(w, "assistant");
    json_name(w, "content");
    json_array(w);
    if (!is_blank(said->text) || said->call_count == 0)
        put_block(w, text_of_turn(said));
    for (size_t i = 0; i < said->call_count; i++) {
        json_object(w);
        put(w, "type", TEXT("tool_use"));
        put(w, "id", said->calls[i].id);
        put(w, "name", said->calls[i].name);
        put_input(w, arena, said->calls[i].arguments);
        json_close(w);
    }
    json_close(w);
    json_close(w);
    begin(w, "user");
    json_name(w, "content");
    json_array(w);
    for (size_t i = 0; i < said->call_count; i++) {
        json_object(w);
        put(w, "type", TEXT("tool_result"));
        put(w, "tool_use_id", said->calls[i].id);
        put(w, "content", NOT_MADE);
        json_name(w, "is_error");
        json_put_bool(w, true);
        json_close(w);
    }
    put_block(w, say);
    json_close(w);
    json_close(w);
}

static void say_responses(struct json_writer *w, const struct said *said, struct text say)
{
    if (!is_blank(said->text) || said->call_count == 0) {
        begin(w, "assistant");
        put(w, "content", text_of_turn(said));
        json_close(w);
    }
    for (size_t i = 0; i < said->call_count; i++) {
        json_object(w);
        put(w, "type", TEXT("function_call"));
        put(w, "call_id", said->calls[i].id);
        put(w, "name", said->calls[i].name);
        put(w, "arguments", said->calls[i].arguments);
        json_close(w);
        json_object(w);
        put(w, "type", TEXT("function_call_output"));
        put(w, "call_id", said->calls[i].id);
        put(w, "output", NOT_MADE);
        json_close(w);
    }
    begin(w, "user");
    put(w, "content", say);
    json_close(w);
}

/* Behind the turns that there are, or the one text of the user's. `more` is a list. */
static void append(struct edit *e, const struct json *turns, struct text more)
{
    struct text old = json_text(turns), inside = { more.ptr + 1, more.len - 2 };
    const char *end = old.ptr + old.len;
    if (json_type(turns) == JSON_T_STR) {
        edit_put(e, (struct text){ old.ptr, 0 }, TEXT("[{\"role\":\"user\",\"content\":"));
        edit_put(e, (struct text){ end, 0 }, text_of(arena_printf(e->arena, "},%.*s]", TEXT_ARG(inside))));
    } else {
        const char *comma = json_count(turns) > 0 ? "," : "";
        edit_put(e, (struct text){ end - 1, 0 }, text_of(arena_printf(e->arena, "%s%.*s", comma, TEXT_ARG(inside))));
    }
}

const char *shape_say(struct shape_body *b, const struct said *said, struct text say)
{
    const struct shape *shape = b->shape;
    const struct json *turns = shape != NULL && shape->turns != NULL ? json_get(b->json, text_of(shape->turns)) : NULL;
    bool responses = shape == &shape_responses;
    struct json_writer w;
    struct buf out;
    struct edit e;
    if (turns == NULL && shape == &shape_chat) { /* a body in the shape of responses */
        turns = json_member(b->json, "input");
        responses = true;
    }
    if (json_type(turns) != JSON_T_ARRAY && (!responses || json_type(turns) != JSON_T_STR))
        return arena_printf(b->arena, "%s has no turns to which one could be added",
                            shape != NULL ? shape->api : "this API");
    buf_init(&out, 8 * (said->text.len + say.len) + (size_t)(64 << 20));
    json_writer_init(&w, &out);
    json_array(&w);
    if (responses)
        say_responses(&w, said, say);
    else if (shape == &shape_messages)
        say_messages(&w, b->arena, said, say);
    else
        say_chat(&w, said, say);
    json_close(&w);
    bool good = json_end(&w) == 0;
    edit_begin(&e, b->arena, b->text);
    if (good)
        append(&e, turns, buf_view(&out));
    buf_free(&out);
    if (!good)
        return "there is no memory for the conversation";
    b->text = edit_end(&e);
    return NULL;
}
