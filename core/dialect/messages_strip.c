/* messages_strip.c - a conversation that another upstream took part in goes on at Anthropic: thinking that Anthropic
 * did not sign, and citations of what it did not find, would be refused. They are cut out; nothing else is touched. */
#include <string.h>

#include "base/json.h"
#include "dialect/messages.h"

struct cuts {
    struct arena *arena;
    const char *base;          /* the body's first byte */
    struct splice_edit *edits; /* arena */
    size_t count, cap;
};

static void cut(struct cuts *c, const char *from, const char *to)
{
    if (c->count == c->cap) {
        size_t cap = c->cap == 0 ? 16 : 2 * c->cap;
        struct splice_edit *more = arena_array(c->arena, struct splice_edit, cap);
        if (c->count > 0)
            memcpy(more, c->edits, c->count * sizeof *more);
        c->edits = more;
        c->cap = cap;
    }
    /* JSON does not mind a blank, and a piece that is sent should not be empty. */
    c->edits[c->count++] = (struct splice_edit){ (size_t)(from - c->base), (size_t)(to - c->base), TEXT(" ") };
}

bool messages_is_marked(struct text signature)
{
    return text_starts(signature, TEXT(MESSAGES_MARK));
}

static bool is_citation(const struct json *citation)
{
    return messages_is_marked(json_str(json_member(citation, "encrypted_index")));
}

static bool is_thinking(const struct json *block)
{
    return text_is(json_str(json_member(block, "type")), "thinking") &&
           messages_is_marked(json_str(json_member(block, "signature")));
}

/* A message with nothing else in it. */
static bool is_only_thinking(const struct json *message)
{
    const struct json *content = json_member(message, "content");
    for (size_t i = 0; i < json_count(content); i++)
        if (!is_thinking(json_at(content, i)))
            return false;
    return json_count(content) > 0;
}

static const char *start_of(const struct json *v)
{
    return json_text(v).ptr;
}

static const char *end_of(const struct json *v)
{
    return json_text(v).ptr + json_text(v).len;
}

/* Cuts the elements that `gone` names, each with one comma; looks into those that stay with `inside`. */
static void cut_elements(struct cuts *c, const struct json *array, bool (*gone)(const struct json *element),
                         void (*inside)(struct cuts *c, const struct json *element))
{
    size_t count = json_count(array);
    const char *kept_end = NULL; /* of the last element that stays */
    for (size_t i = 0; i < count; i++) {
        const struct json *element = json_at(array, i);
        if (!gone(element)) {
            if (inside != NULL)
                inside(c, element);
            kept_end = end_of(element);
            continue;
        }
        size_t last = i;
        while (last + 1 < count && gone(json_at(array, last + 1)))
            last++;
        if (kept_end != NULL)
            cut(c, kept_end, end_of(json_at(array, last)));
        else
            cut(c, start_of(element),
                last + 1 < count ? start_of(json_at(array, last + 1)) : end_of(json_at(array, last)));
        i = last;
    }
}

static void cut_citations(struct cuts *c, const struct json *block)
{
    cut_elements(c, json_member(block, "citations"), is_citation, NULL);
}

static void cut_blocks(struct cuts *c, const struct json *message)
{
    cut_elements(c, json_member(message, "content"), is_thinking, cut_citations);
}

size_t messages_strip(struct arena *arena, const struct ask *ask, struct splice_edit **edits)
{
    struct cuts c = { .arena = arena, .base = ask->body.ptr };
    const struct scan_member *m = scan_get(&ask->scan, "messages");
    const struct json *turns = NULL;
    if (text_find(m->value, TEXT("\"" MESSAGES_MARK)) >= 0)
        turns = json_parse_quick(arena, m->value);
    cut_elements(&c, turns, is_only_thinking, cut_blocks);
    *edits = c.edits;
    return c.count;
}
