/* event.c - checks what a plugin emits: its size, its texts, and its place in the answer. */
#include "plugin/event.h"

#include <string.h>

#include "base/text.h"

struct event_choice {
    struct event_choice *next;
    uint32_t index, calls; /* calls that were opened */
    bool finished;
};

const char *event_copy(const gw_event *given, gw_event *event, gw_tokens *tokens)
{
    if (given == NULL)
        return "NULL in the place of an event";
    if (given->size < EVENT_SIZE_1_0)
        return "an event whose size is not set";
    *event = (gw_event){ 0 };
    memcpy(event, given, given->size < sizeof *event ? given->size : sizeof *event);
    event->size = sizeof *event;

    const gw_str texts[] = { event->id, event->text, event->data, event->code, event->param };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].ptr == NULL && texts[i].len > 0)
            return "an event with a text at NULL that has a length";
    if (event->type != GW_EVENT_USAGE) {
        event->tokens = NULL; /* of a usage event only */
        return NULL;
    }
    if (event->tokens == NULL)
        return "a usage event without tokens";
    if (event->tokens->size < EVENT_TOKENS_SIZE_1_0)
        return "tokens whose size is not set";
    *tokens = (gw_tokens){ 0 };
    memcpy(tokens, event->tokens, event->tokens->size < sizeof *tokens ? event->tokens->size : sizeof *tokens);
    tokens->size = sizeof *tokens;
    event->tokens = tokens;
    return tokens->raw.ptr == NULL && tokens->raw.len > 0 ? "tokens with a text at NULL that has a length" : NULL;
}

static struct event_choice *choice_of(struct event_order *order, struct arena *arena, uint32_t index)
{
    struct event_choice *c = order->choices;
    while (c != NULL && c->index != index)
        c = c->next;
    if (c == NULL) {
        c = arena_new(arena, struct event_choice);
        c->index = index;
        c->next = order->choices;
        order->choices = c;
    }
    return c;
}

static enum event_verdict verdict(enum event_verdict verdict, const char **why, const char *text)
{
    *why = text;
    return verdict;
}

/* The word of the chat API that a finish means: what is written otherwise is mended, any other is "stop" with its own
 * word beside it. */
static enum event_verdict mend_finish(gw_event *event, const char **why)
{
    static const char *const words[] = { "stop", "length", "tool_calls", "content_filter" };
    struct text said = { event->text.ptr, event->text.len };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (text_is(said, words[i]))
            return EVENT_TAKEN;
        if (!text_eq_nocase(said, text_of(words[i])))
            continue;
        event->text = (gw_str){ words[i], strlen(words[i]) };
        return verdict(EVENT_MENDED, why, "a finish in other letters than stop, length, tool_calls or content_filter");
    }
    if (event->code.len == 0)
        event->code = event->text;
    event->text = GW_LIT("stop");
    return verdict(EVENT_MENDED, why,
                   "a finish that is neither stop, length, tool_calls nor content_filter, and taken for stop");
}

static enum event_verdict take_content(struct event_choice *choice, gw_event *event, const char **why)
{
    bool is_piece = event->type >= GW_EVENT_TEXT && event->type <= GW_EVENT_MEDIA;

    if (choice->finished && (is_piece || event->type == GW_EVENT_FINISH))
        return verdict(EVENT_SKIPPED, why,
                       is_piece ? "content after the finish, which is left out" : "a second finish, which is left out");
    if (event->type == GW_EVENT_TOOL_CALL) {
        if (event->item != choice->calls)
            return verdict(EVENT_REFUSED, why, "a tool call that is not numbered in the order of its choice, from 0");
        choice->calls++;
    }
    if ((event->type == GW_EVENT_TOOL_ARGS || event->type == GW_EVENT_CUSTOM_ARGS) && event->item >= choice->calls)
        return verdict(EVENT_REFUSED, why, "arguments of a tool call that was not opened");
    if (event->type != GW_EVENT_FINISH)
        return EVENT_TAKEN;
    choice->finished = true;
    return mend_finish(event, why);
}

enum event_verdict event_take(struct event_order *order, struct arena *arena, uint32_t operation, gw_event *event,
                              const char **why)
{
    bool is_chat = operation == GW_OP_CHAT || operation == GW_OP_COMPLETIONS;

    *why = NULL;
    if (event->type < GW_EVENT_START || event->type > GW_EVENT_ORIGIN)
        return EVENT_SKIPPED;
    if (event->type == GW_EVENT_START || event->type == GW_EVENT_USAGE || event->type == GW_EVENT_ERROR)
        return EVENT_TAKEN;
    if (event->type == GW_EVENT_BODY)
        return is_chat ? verdict(EVENT_REFUSED, why, "a whole body for a chat, whose answer is made of events")
                       : EVENT_TAKEN;
    if (event->index >= EVENT_CHOICES || event->item >= EVENT_ITEMS)
        return verdict(EVENT_REFUSED, why, "an event of a choice or an item far beyond any answer");
    return take_content(choice_of(order, arena, event->index), event, why);
}
