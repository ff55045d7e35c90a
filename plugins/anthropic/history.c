/* history.c - what an assistant message brings along from an earlier answer of Anthropic: its thinking with the
 * signatures, without which a turn of tool calls is refused, and where the chat form cannot carry all of it, the blocks
 * themselves. Thinking of other models is left out: its signature would be refused. */
#include <time.h>

#include "anthropic.h"

/* One block of thinking, put together from the pieces of it that a client has kept. */
struct reasoning_block {
    gw_str text, signature; /* thinking; counts with a signature only */
    gw_str data;            /* or redacted */
};

static bool counts(const struct reasoning_block *t)
{
    return t->signature.len > 0 || t->data.len > 0;
}

/* LiteLLM's thinking_blocks, and parts of that kind among the content: the block itself. */
static struct reasoning_block of_block(const struct request_writer *b, const gw_json *block)
{
    gw_str type = get_str(b->h, block, "type");
    struct reasoning_block t = { .data = { NULL, 0 } };

    if (anthropic_is(type, "thinking")) {
        t.text = get_str(b->h, block, "thinking");
        t.signature = get_str(b->h, block, "signature");
    } else if (anthropic_is(type, "redacted_thinking")) {
        t.data = get_str(b->h, block, "data");
    }
    return t;
}

/* reasoning_details[*at] and what follows of the same index: streams are kept piece by piece by some. */
static struct reasoning_block of_details(struct request_writer *b, const gw_json *details, size_t *at)
{
    const gw_json *first = b->h->json->at(details, *at);
    int64_t index = b->h->json->integer(get(b->h, first, "index"), -1);
    struct reasoning_block t = { .data = { NULL, 0 } };
    struct pile pile = { .len = 0 };

    for (; *at < length(b->h, details); ++*at) {
        const gw_json *detail = b->h->json->at(details, *at);
        gw_str type = get_str(b->h, detail, "type"), text = get_str(b->h, detail, "text");
        if (detail != first && (index < 0 || b->h->json->integer(get(b->h, detail, "index"), -1) != index))
            break;
        if (!anthropic_is(get_str(b->h, detail, "format"), ANTHROPIC_FORMAT))
            continue;
        if (anthropic_is(type, "reasoning.text")) {
            if (t.text.len == 0)
                t.text = text; /* nearly always the only piece */
            else if (text.len > 0) {
                if (pile.len == 0)
                    anthropic_pile(b->h, b->call, &pile, t.text);
                anthropic_pile(b->h, b->call, &pile, text);
                t.text = (gw_str){ pile.ptr, pile.len };
            }
            if (get_str(b->h, detail, "signature").len > 0)
                t.signature = get_str(b->h, detail, "signature");
        } else if (anthropic_is(type, "reasoning.encrypted")) {
            t.data = get_str(b->h, detail, "data");
        }
    }
    return t;
}

static void write_reasoning_block(struct request_writer *b, const struct reasoning_block *t)
{
    anthropic_begin_block(b, "assistant");
    if (t->data.len > 0) {
        put_word(b, "type", "redacted_thinking");
        put_str(b, "data", t->data);
    } else {
        put_word(b, "type", "thinking");
        put_str(b, "thinking", t->text);
        put_str(b, "signature", t->signature);
    }
    put_close(b);
}

/* Goes through what there is, the first form that has a block of ours. `write` or only count. */
static size_t each_thought(struct request_writer *b, const gw_json *message, bool write)
{
    const gw_json *details = get(b->h, message, "reasoning_details");
    const gw_json *blocks[] = { get(b->h, message, "thinking_blocks"), get(b->h, message, "content") };
    size_t count = 0;

    for (size_t at = 0; at < length(b->h, details);) {
        struct reasoning_block t = of_details(b, details, &at);
        if (counts(&t) && write)
            write_reasoning_block(b, &t);
        count += counts(&t);
    }
    for (size_t k = 0; k < 2 && count == 0; k++) {
        for (size_t i = 0; i < length(b->h, blocks[k]); i++) {
            struct reasoning_block t = of_block(b, b->h->json->at(blocks[k], i));
            if (counts(&t) && write)
                write_reasoning_block(b, &t);
            count += counts(&t);
        }
    }
    return count;
}

/* The content of x_origin, where it is of this dialect. */
static const gw_json *origin_of(const struct request_writer *b, const gw_json *message)
{
    const gw_json *origin = get(b->h, message, "x_origin"), *content = get(b->h, origin, "content");
    bool is_ours = anthropic_is(get_str(b->h, origin, "dialect"), ANTHROPIC_DIALECT);
    return is_ours && length(b->h, content) > 0 ? content : NULL;
}

/* In UTC, as Anthropic writes it: "2026-11-27T18:00:00". */
static bool is_over(gw_str expires_at)
{
    char now[sizeof "2026-11-27T18:00:00"];
    time_t seconds = time(NULL);
    struct tm utc;

    if (expires_at.len < sizeof now - 1 || gmtime_r(&seconds, &utc) == NULL)
        return false;
    return strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%S", &utc) > 0 && memcmp(expires_at.ptr, now, sizeof now - 1) <= 0;
}

gw_str anthropic_container(const struct request_writer *b)
{
    const gw_json *messages = get(b->h, b->body, "messages"), *last = NULL;
    gw_str own = get_str(b->h, b->body, "container");

    for (size_t i = 0; own.len == 0 && i < length(b->h, messages); i++)
        if (origin_of(b, b->h->json->at(messages, i)) != NULL)
            last = get(b->h, get(b->h, b->h->json->at(messages, i), "x_origin"), "container");
    if (last != NULL && !is_over(get_str(b->h, last, "expires_at")))
        own = get_str(b->h, last, "id");
    return own;
}

bool anthropic_has_thinking(struct request_writer *b, const gw_json *message)
{
    struct reasoning_block first = of_block(b, b->h->json->at(origin_of(b, message), 0));
    return counts(&first) || each_thought(b, message, false) > 0;
}

bool anthropic_is_paused(struct request_writer *b, const gw_json *message)
{
    const gw_json *origin = origin_of(b, message);
    size_t count = length(b->h, origin);
    gw_str type = get_str(b->h, b->h->json->at(origin, count > 0 ? count - 1 : 0), "type");
    gw_str end = { type.ptr, type.len };

    if (anthropic_is(type, "tool_use"))
        return false;
    if (end.len > 12 && memcmp(end.ptr + end.len - 12, "_tool_result", 12) == 0)
        return true;
    return end.len > 9 && memcmp(end.ptr + end.len - 9, "_tool_use", 9) == 0;
}

static bool is_written(const struct request_writer *b, const gw_json *value)
{
    return b->h->json->str(value).len > 0 || length(b->h, value) > 0;
}

void anthropic_write_thinking(struct request_writer *b, const gw_json *message)
{
    bool thinks = b->model->thinks != THINKS_NOT;

    if (thinks && each_thought(b, message, true) > 0)
        return;
    if (is_written(b, get(b->h, message, "reasoning_content")) || is_written(b, get(b->h, message, "reasoning")) ||
        is_written(b, get(b->h, message, "reasoning_details")) || is_written(b, get(b->h, message, "thinking_blocks")))
        anthropic_drop(b, thinks ? LOSS_UNSIGNED : LOSS_THOUGHT);
}

/* All text of a message, or of the text blocks of an origin; a compaction is text where the face made it a part. */
static gw_str text_of_all(struct request_writer *b, const gw_json *content, bool compactions)
{
    struct pile pile = { .len = 0 };

    if (is_type(b->h, content, GW_JSON_STR))
        return b->h->json->str(content);
    for (size_t i = 0; i < length(b->h, content); i++) {
        const gw_json *part = b->h->json->at(content, i);
        gw_str type = get_str(b->h, part, "type");
        if (anthropic_is(type, "text"))
            anthropic_pile(b->h, b->call, &pile, get_str(b->h, part, "text"));
        else if (compactions && anthropic_is(type, "compaction"))
            anthropic_pile(b->h, b->call, &pile, get_str(b->h, part, "content"));
    }
    return (gw_str){ pile.ptr, pile.len };
}

static bool same_text(struct request_writer *b, const gw_json *origin, const gw_json *content)
{
    gw_str ours = text_of_all(b, content, false);
    for (int compactions = 0; compactions < 2; compactions++) {
        gw_str theirs = text_of_all(b, origin, compactions == 1);
        if (theirs.len == ours.len && (ours.len == 0 || memcmp(theirs.ptr, ours.ptr, ours.len) == 0))
            return true;
    }
    return false;
}

/* The same calls in the same order? */
static bool same_calls(const struct request_writer *b, const gw_json *origin, const gw_json *calls)
{
    size_t k = 0;

    for (size_t i = 0; i < length(b->h, origin); i++) {
        const gw_json *block = b->h->json->at(origin, i);
        if (!anthropic_is(get_str(b->h, block, "type"), "tool_use"))
            continue;
        gw_str id = get_str(b->h, block, "id"), other = get_str(b->h, b->h->json->at(calls, k++), "id");
        if (id.len == 0 || id.len != other.len || memcmp(id.ptr, other.ptr, id.len) != 0)
            return false;
    }
    return k == length(b->h, calls);
}

/* Somebody may have changed the message since, to take something out of it: then its present content counts. */
static const gw_json *checked(struct request_writer *b, const gw_json *origin, bool same)
{
    if (!same)
        anthropic_drop(b, LOSS_ORIGIN);
    return same ? origin : NULL;
}

const gw_json *anthropic_origin(struct request_writer *b, const gw_json *message)
{
    const gw_json *origin = origin_of(b, message);
    if (origin == NULL)
        return NULL;
    return checked(b, origin,
                   same_text(b, origin, get(b->h, message, "content")) &&
                       same_calls(b, origin, get(b->h, message, "tool_calls")));
}

const gw_json *anthropic_result_origin(struct request_writer *b, const gw_json *message, gw_str id)
{
    const gw_json *origin = origin_of(b, message), *block = b->h->json->at(origin, 0);
    gw_str other = get_str(b->h, block, "tool_use_id");
    if (origin == NULL)
        return NULL;
    return checked(b, block,
                   anthropic_is(get_str(b->h, block, "type"), "tool_result") && other.len == id.len &&
                       (id.len == 0 || memcmp(other.ptr, id.ptr, id.len) == 0) &&
                       same_text(b, get(b->h, block, "content"), get(b->h, message, "content")));
}
