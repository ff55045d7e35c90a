/* turns.c - writes "system" and "messages". A chat is a list in which anything may follow anything; Anthropic wants
 * turns of user and assistant, begun by the user, each call of a tool answered at the head of the turn after it. */
#include "anthropic.h"

/* Stands where Anthropic wants a turn and the chat has no text. */
#define NOTHING GW_LIT(".")
#define GO_ON GW_LIT("Continue.")
#define NO_RESULT GW_LIT("There is no result of this call.")

static void open_turn(struct request_writer *b, const char *role)
{
    if (b->turn != NULL) {
        put_close(b);
        put_close(b);
    }
    b->h->write->object(b->w);
    put_word(b, "role", role);
    put_array(b, "content");
    b->turn = role;
    b->any_turn = true;
}

/* Messages of one role behind each other are one turn. The first is the user's. */
static void begin_turn(struct request_writer *b, const char *role)
{
    if (!b->any_turn && strcmp(role, "user") != 0)
        anthropic_write_text(b, "user", NOTHING, NULL);
    if (b->turn == NULL || strcmp(b->turn, role) != 0)
        open_turn(b, role);
}

void anthropic_begin_block(struct request_writer *b, const char *role)
{
    if (role != NULL)
        begin_turn(b, role);
    b->h->write->object(b->w);
}

/* {"type":"function","function":{"name","arguments"}} or {"type":"custom","custom":{"name","input"}} as tool_use. */
static void write_call(struct request_writer *b, const gw_json *call, gw_str wire, const gw_json *mark)
{
    bool is_custom = anthropic_is(get_str(b->h, call, "type"), "custom");
    const gw_json *inner = get(b->h, call, is_custom ? "custom" : "function"), *arguments = NULL;
    gw_str text = get_str(b->h, inner, is_custom ? "input" : "arguments");
    bool has_object = !is_custom && text.len > 0 && b->h->json->parse(b->call, text, &arguments) == GW_OK &&
                      is_type(b->h, arguments, GW_JSON_OBJECT);

    anthropic_begin_block(b, "assistant");
    put_word(b, "type", "tool_use");
    put_str(b, "id", wire);
    put_str(b, "name", anthropic_wire_name(b, get_str(b->h, inner, "name")));
    put_key(b, "input");
    if (has_object) {
        anthropic_write_arguments(b, get_str(b->h, inner, "name"), arguments);
    } else {
        /* What another model has written may be no JSON at all. To refuse it would end the conversation. */
        b->h->write->object(b->w);
        if (is_custom)
            put_str(b, "input", text);
        else if (!anthropic_is_blank(text)) {
            put_str(b, "arguments", text);
            anthropic_drop(b, LOSS_ARGUMENTS);
        }
        put_close(b);
    }
    anthropic_write_marker(b, anthropic_has_marker(b, call) ? call : mark);
    put_close(b);
}

/* An id may be used again in a later turn of a chat, in a request of Anthropic's it may not. */
static gw_str unique_wire(struct request_writer *b, gw_str wire)
{
    static const char digits[] = "0123456789";
    gw_str unique = wire;
    char tail[24];

    for (size_t turn = b->seen.count, tries = 0; ids_find(&b->seen, unique, NULL); turn++, tries++) {
        size_t at = sizeof tail;
        if (tries == 8) { /* who wants to, finds ids that meet again and again */
            anthropic_refuse(b, "messages: the same tool_calls.id in too many turns");
            return wire;
        }
        for (size_t n = turn; n > 0 || at == sizeof tail; n /= 10)
            tail[--at] = digits[n % 10];
        tail[--at] = '-';
        gw_str parts[] = { wire, { tail + at, sizeof tail - at } };
        unique = anthropic_join(b->h, b->call, parts, 2);
    }
    ids_add(b->h, b->call, &b->seen, unique, 0);
    return unique;
}

/* Which calls the turn has, in order, and under which ids Anthropic gets them. */
static void note_calls(struct request_writer *b, const gw_json *calls, bool verbatim, size_t index)
{
    size_t count = length(b->h, calls);

    ids_clear(&b->calls);
    b->past_count = 0;
    b->past = count > 0 ? b->h->alloc(b->call, count * sizeof *b->past, _Alignof(struct past_call)) : NULL;
    for (size_t k = 0; k < count && b->past != NULL; k++) {
        const gw_json *call = b->h->json->at(calls, k);
        gw_str id = get_str(b->h, call, "id");
        if (id.len == 0)
            anthropic_refuse(b, "messages[%zu].tool_calls[%zu] has no id", index, k);
        else if (ids_find(&b->calls, id, NULL))
            anthropic_refuse(b, "messages[%zu].tool_calls has the same id twice", index);
        if (b->status != GW_OK)
            return;
        ids_add(b->h, b->call, &b->calls, id, k);
        gw_str wire = verbatim ? id : unique_wire(b, anthropic_wire_id(b->h, b->call, id));
        if (verbatim && !ids_find(&b->seen, id, NULL))
            ids_add(b->h, b->call, &b->seen, id, 0);
        b->past[b->past_count++] = (struct past_call){ id, wire };
    }
}

/* The results of the turn's calls: all there are before the next assistant message. */
static void note_results(struct request_writer *b, const gw_json *messages, size_t index)
{
    ids_clear(&b->results);
    for (size_t i = index + 1; b->past_count > 0 && i < length(b->h, messages); i++) {
        const gw_json *message = b->h->json->at(messages, i);
        gw_str role = anthropic_role(b, message), id = get_str(b->h, message, "tool_call_id");
        if (anthropic_is(role, "assistant"))
            return;
        if (anthropic_is(role, "tool") && id.len > 0 && !ids_find(&b->results, id, NULL))
            ids_add(b->h, b->call, &b->results, id, i);
    }
}

static void write_results(struct request_writer *b, const gw_json *messages)
{
    for (size_t k = 0; k < b->past_count; k++) {
        size_t at;
        const gw_json *message = ids_find(&b->results, b->past[k].id, &at) ? b->h->json->at(messages, at) : NULL;
        const gw_json *origin = anthropic_result_origin(b, message, b->past[k].wire);
        if (origin != NULL) {
            begin_turn(b, "user");
            anthropic_copy_block(b, origin, message);
            continue;
        }
        anthropic_begin_block(b, "user");
        put_word(b, "type", "tool_result");
        put_str(b, "tool_use_id", b->past[k].wire);
        if (message != NULL)
            anthropic_write_result(b, get(b->h, message, "content"));
        else
            put_str(b, "content", NO_RESULT);
        if (message == NULL || b->h->json->boolean(get(b->h, message, "is_error"), 0) == 1) {
            put_key(b, "is_error");
            b->h->write->boolean(b->w, 1);
        }
        anthropic_write_marker(b, message);
        put_close(b);
    }
}

/* Is there anything but thinking? */
static bool has_words(const struct request_writer *b, const gw_json *message)
{
    const gw_json *content = get(b->h, message, "content");

    if (length(b->h, get(b->h, message, "tool_calls")) > 0 || !anthropic_is_blank(get_str(b->h, message, "refusal")) ||
        !anthropic_is_blank(b->h->json->str(content)))
        return true;
    for (size_t i = 0; i < length(b->h, content); i++) {
        const gw_json *part = b->h->json->at(content, i);
        if (!anthropic_is_blank(get_str(b->h, part, "text")) || !anthropic_is_blank(get_str(b->h, part, "refusal")) ||
            !anthropic_is_blank(b->h->json->str(part)))
            return true;
    }
    return false;
}

bool anthropic_is_prefilled(struct request_writer *b)
{
    const gw_json *messages = get(b->h, b->body, "messages");
    size_t count = length(b->h, messages);
    const gw_json *last = b->h->json->at(messages, count > 0 ? count - 1 : 0);

    return anthropic_is(get_str(b->h, last, "role"), "assistant") && length(b->h, get(b->h, last, "tool_calls")) == 0 &&
           has_words(b, last) && !anthropic_is_paused(b, last);
}

/* Some services answer with texts of white space, which Anthropic refuses in a history. */
static bool is_blank_block(const struct request_writer *b, const gw_json *block)
{
    return anthropic_is(get_str(b->h, block, "type"), "text") && anthropic_is_blank(get_str(b->h, block, "text"));
}

/* The blocks have markers of their own; one on the message as a whole, or on its last part, is the last block's. */
static void write_origin(struct request_writer *b, const char *role, const gw_json *origin, const gw_json *message)
{
    const gw_json *content = get(b->h, message, "content"), *mark = message;
    size_t count = b->h->json->count(origin), parts = length(b->h, content);
    unsigned before = b->markers;

    if (parts > 0 && anthropic_has_marker(b, b->h->json->at(content, parts - 1)))
        mark = b->h->json->at(content, parts - 1);
    for (size_t i = 0; i < count; i++) {
        bool is_last = i + 1 == count;
        if (is_blank_block(b, b->h->json->at(origin, i))) {
            anthropic_lose_marker(b, b->h->json->at(origin, i));
            continue;
        }
        begin_turn(b, role);
        for (size_t k = 0; is_last && b->markers == before && k + 1 < parts; k++)
            anthropic_lose_marker(b, b->h->json->at(content, k)); /* none of the blocks has it */
        anthropic_copy_block(b, b->h->json->at(origin, i), is_last ? mark : NULL);
    }
}

static void write_user(struct request_writer *b, const gw_json *message)
{
    const gw_json *origin = anthropic_origin(b, message);

    if (origin != NULL)
        write_origin(b, "user", origin, message);
    else if (anthropic_write_content(b, "user", get(b->h, message, "content"), message, false) == 0 &&
             (b->turn == NULL || strcmp(b->turn, "user") != 0))
        anthropic_write_text(b, "user", NOTHING, NULL);
}

static void write_assistant(struct request_writer *b, const gw_json *messages, size_t index)
{
    const gw_json *message = b->h->json->at(messages, index), *calls = get(b->h, message, "tool_calls");
    const gw_json *origin = anthropic_origin(b, message), *content = get(b->h, message, "content");
    size_t count = length(b->h, calls);
    bool is_last = index + 1 == length(b->h, messages) && count == 0;

    if (!is_null(b->h, get(b->h, message, "function_call")))
        anthropic_refuse(b, "messages[%zu].%s", index, anthropic_why(REFUSAL_OLD_CALL));
    if (!is_null(b->h, get(b->h, message, "audio")))
        anthropic_drop(b, LOSS_SOUND);
    note_calls(b, calls, origin != NULL, index);
    if (b->status != GW_OK)
        return;
    if (origin != NULL) {
        write_origin(b, "assistant", origin, message);
    } else {
        if (has_words(b, message))
            anthropic_write_thinking(b, message);
        else if (anthropic_has_thinking(b, message))
            anthropic_drop(b, LOSS_ONLY_THOUGHT);
        bool refuses = !anthropic_is_blank(get_str(b->h, message, "refusal"));
        anthropic_write_content(b, "assistant", content, count == 0 && !refuses ? message : NULL, is_last);
        if (refuses)
            anthropic_write_text(b, "assistant", get_str(b->h, message, "refusal"), count == 0 ? message : NULL);
        for (size_t k = 0; k < count; k++)
            write_call(b, b->h->json->at(calls, k), b->past[k].wire, k + 1 == count ? message : NULL);
    }
    note_results(b, messages, index);
    write_results(b, messages);
}

/* Its result was written behind the call. */
static void check_tool(struct request_writer *b, const gw_json *message, size_t index)
{
    gw_str id = get_str(b->h, message, "tool_call_id");
    size_t at;

    if (!ids_find(&b->calls, id, NULL))
        anthropic_refuse(b, "messages[%zu] answers no tool call of the assistant message before it", index);
    else if (ids_find(&b->results, id, &at) && at != index)
        anthropic_drop(b, LOSS_RESULT);
}

static void write_message(struct request_writer *b, const gw_json *messages, size_t index)
{
    const gw_json *message = b->h->json->at(messages, index);
    gw_str role = anthropic_role(b, message);

    if (anthropic_is(role, "user")) {
        write_user(b, message);
    } else if (anthropic_is(role, "assistant")) {
        write_assistant(b, messages, index);
    } else if (anthropic_is(role, "tool")) {
        check_tool(b, message, index);
    } else if (anthropic_is(role, "system")) {
        anthropic_write_later_system(b, messages, index);
    } else if (anthropic_is(role, "function")) {
        anthropic_refuse(b, "messages[%zu].%s", index, anthropic_why(REFUSAL_ROLE));
    } else {
        anthropic_refuse(b, "messages[%zu].role is none of system, developer, user, assistant and tool", index);
    }
}

void anthropic_write_turns(struct request_writer *b)
{
    const gw_json *messages = get(b->h, b->body, "messages");
    size_t index = anthropic_write_system(b, messages);

    put_array(b, "messages");
    for (; index < length(b->h, messages) && b->status == GW_OK; index++)
        write_message(b, messages, index);
    if (!b->any_turn)
        anthropic_write_text(b, "user", NOTHING, NULL);
    if (b->turn != NULL && (b->model->can & CAN_PREFILL) == 0 && !strcmp(b->turn, "assistant") &&
        anthropic_is_prefilled(b)) {
        anthropic_write_text(b, "user", GO_ON, NULL);
        anthropic_drop(b, LOSS_PREFILL);
    }
    if (b->turn != NULL) {
        put_close(b);
        put_close(b);
    }
    put_close(b);
}
