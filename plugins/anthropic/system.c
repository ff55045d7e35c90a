/* system.c - what the operator writes: messages of the roles system and developer, at the head of a chat and later. */
#include "anthropic.h"

gw_str anthropic_role(const struct request_writer *b, const gw_json *message)
{
    gw_str role = get_str(b->h, message, "role");
    return anthropic_is(role, "developer") ? GW_LIT("system") : role;
}

/* The text of a system message, in one piece. */
static gw_str system_text(struct request_writer *b, const gw_json *content, size_t index)
{
    struct pile pile = { .len = 0 };

    if (is_type(b->h, content, GW_JSON_STR))
        return b->h->json->str(content);
    for (size_t i = 0; i < length(b->h, content); i++) {
        const gw_json *part = b->h->json->at(content, i);
        gw_str text = is_type(b->h, part, GW_JSON_STR) ? b->h->json->str(part) : get_str(b->h, part, "text");
        if (text.ptr == NULL)
            anthropic_refuse(b, "messages[%zu]: %s", index, anthropic_why(REFUSAL_SYSTEM_PART));
        if (pile.len > 0)
            anthropic_pile(b->h, b->call, &pile, GW_LIT("\n\n"));
        anthropic_pile(b->h, b->call, &pile, text);
    }
    return (gw_str){ pile.ptr, pile.len };
}

/* Is the run of system messages followed by an assistant message, or by nothing? Asked once a run. */
static bool may_stay(struct request_writer *b, const gw_json *messages, size_t index)
{
    gw_str next = { NULL, 0 };

    if (index < b->run_end)
        return b->run_stays;
    for (b->run_end = index + 1; b->run_end < length(b->h, messages); b->run_end++) {
        next = anthropic_role(b, b->h->json->at(messages, b->run_end));
        if (!anthropic_is(next, "system"))
            break;
    }
    b->run_stays = b->run_end == length(b->h, messages) || anthropic_is(next, "assistant");
    return b->run_stays;
}

/* What marks the one block that a message becomes: the last of its markers. */
static const gw_json *last_marker(struct request_writer *b, const gw_json *message)
{
    const gw_json *content = get(b->h, message, "content"), *mark = NULL;
    size_t count = length(b->h, content);

    for (size_t i = 0; i < count; i++) {
        const gw_json *part = b->h->json->at(content, i);
        if (!anthropic_has_marker(b, part))
            continue;
        anthropic_lose_marker(b, mark);
        mark = part;
    }
    if (count > 0 && mark == b->h->json->at(content, count - 1))
        return mark; /* the end of the message is marked either way */
    if (!anthropic_has_marker(b, message))
        return mark;
    anthropic_lose_marker(b, mark);
    return message;
}

void anthropic_write_later_system(struct request_writer *b, const gw_json *messages, size_t index)
{
    const gw_json *message = b->h->json->at(messages, index), *content = get(b->h, message, "content");
    gw_str text = system_text(b, content, index);
    bool after_user = b->turn != NULL && strcmp(b->turn, "assistant") != 0;

    if (anthropic_is_blank(text)) {
        anthropic_lose_marker(b, last_marker(b, message));
        return;
    }
    if ((b->model->can & CAN_SYSTEM) != 0 && after_user && may_stay(b, messages, index)) {
        anthropic_write_content(b, "system", content, message, false);
        return;
    }
    gw_str parts[] = { GW_LIT("<system-reminder>\n"), text, GW_LIT("\n</system-reminder>") };
    anthropic_write_text(b, "user", anthropic_join(b->h, b->call, parts, 3), last_marker(b, message));
    anthropic_drop(b, LOSS_LATE_SYSTEM);
}

/* A text block of "system", whose array is opened with the first. */
static void write_text(struct request_writer *b, gw_str text, const gw_json *mark, bool *open)
{
    if (anthropic_is_blank(text)) {
        anthropic_lose_marker(b, mark);
        return;
    }
    if (!*open)
        put_array(b, "system");
    *open = true;
    anthropic_write_text(b, NULL, text, mark);
}

size_t anthropic_write_system(struct request_writer *b, const gw_json *messages)
{
    size_t index = 0;
    bool open = false;

    for (; index < length(b->h, messages); index++) {
        const gw_json *message = b->h->json->at(messages, index), *content = get(b->h, message, "content");
        size_t count = length(b->h, content);
        if (!anthropic_is(anthropic_role(b, message), "system"))
            break;
        for (size_t i = 0; i < (count > 0 ? count : 1); i++) {
            const gw_json *part = count > 0 ? b->h->json->at(content, i) : content;
            bool marked = count > 0 && anthropic_has_marker(b, part);
            gw_str text = is_type(b->h, part, GW_JSON_OBJECT) ? get_str(b->h, part, "text") : b->h->json->str(part);
            if (text.ptr == NULL && !is_null(b->h, part))
                anthropic_refuse(b, "messages[%zu]: %s", index, anthropic_why(REFUSAL_SYSTEM_PART));
            write_text(b, text, marked ? part : i + 1 >= count ? message : NULL, &open);
        }
    }
    if (b->plan.json_hint)
        write_text(b, GW_LIT("Answer with one JSON object and nothing else."), NULL, &open);
    if (open)
        put_close(b);
    return index;
}
