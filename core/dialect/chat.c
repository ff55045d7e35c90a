/* chat.c - OpenAI's chat completions on the wire.
 *
 * A conversation that Anthropic took part in goes on at another service: the member x_origin, in which the gateway gave the client
 * what a chat has no word for, is cut out of its messages. Services refuse members that they do not know (Mistral: 422 "Extra
 * inputs are not permitted"). A server of the operator's own may be a gateway that needs it, and gets the body as it came. */
#include "dialect/cut.h"
#include "dialect/openai.h"
#include "dialect/spoken.h"

/* The member and one comma beside it. */
static bool cut_of(struct arena *arena, const struct json *message, struct text body, struct splice_edit *edit)
{
    struct scan scan;
    struct text text = json_text(message);
    if (json_type(message) != JSON_T_OBJECT || scan_object(arena, text, SCAN_MAX_DEPTH, &scan) < 0)
        return false;
    for (size_t i = 0; i < scan.count; i++) {
        if (!text_is(scan.members[i].key, "x_origin"))
            continue;
        size_t from = scan.members[i].start, to = scan.members[i].end, base = (size_t)(text.ptr - body.ptr);
        if (i + 1 < scan.count)
            to = scan.members[i + 1].start;
        else if (i > 0)
            from = scan.members[i - 1].end;
        *edit =
            (struct splice_edit){ base + from, base + to, TEXT(" ") }; /* a piece that is sent should not be empty */
        return true;
    }
    return false;
}

/* The edits, in order, that cut x_origin out of a body that a service gets; arena. Returns how many. */
static size_t strip(struct arena *arena, const struct ask *ask, struct splice_edit **edits)
{
    const struct scan_member *m = ask->to_service ? scan_get(&ask->scan, "messages") : NULL;
    const struct json *turns = NULL;
    size_t n = 0;

    if (m != NULL && text_find(m->value, TEXT("\"x_origin\"")) >= 0)
        turns = json_parse_quick(arena, m->value);
    *edits = arena_array(arena, struct splice_edit, json_count(turns) + 1);
    for (size_t i = 0; i < json_count(turns); i++)
        n += cut_of(arena, json_at(turns, i), ask->body, &(*edits)[n]);
    return n;
}

static bool is_empty(const struct json *value)
{
    enum json_type type = json_type(value);
    return type == JSON_T_ABSENT || type == JSON_T_NULL || (type == JSON_T_STR && json_str(value).len == 0) ||
           ((type == JSON_T_ARRAY || type == JSON_T_OBJECT) && json_count(value) == 0);
}

/* A choice of which nothing is known but whose turn it is. */
static bool has_begun(const struct json *choice)
{
    const struct json *delta = json_member(choice, "delta");
    if (json_type(delta) != JSON_T_OBJECT || !is_empty(json_member(choice, "finish_reason")) ||
        !is_empty(json_member(choice, "error")))
        return false;
    for (size_t i = 0; i < json_count(delta); i++)
        if (!text_is(json_key_at(delta, i), "role") && !is_empty(json_at(delta, i)))
            return false;
    return true;
}

/* The first chunk of most servers has the role alone, Azure's the filters' result for the prompt and no choice. */
static bool is_opening(struct text name, const struct json *event)
{
    const struct json *choices = json_member(event, "choices");
    bool plain = name.len == 0 || text_is(name, "message");
    if (!plain || json_type(choices) != JSON_T_ARRAY || !is_empty(json_member(event, "usage")) ||
        !is_empty(json_member(event, "error")))
        return false;
    for (size_t i = 0; i < json_count(choices); i++)
        if (!has_begun(json_at(choices, i)))
            return false;
    return true;
}

static void splice(struct arena *arena, const struct ask *ask, struct text model, struct text **pieces, size_t *count)
{
    struct splice_edit asking[2], *cuts;
    size_t n = openai_asking_edits(arena, ask, model, asking), cut_count = strip(arena, ask, &cuts);
    splice_pieces(arena, ask, splice_merge(arena, cuts, cut_count, asking, n), n + cut_count, pieces, count);
}

static size_t spoken(struct text name, struct text data)
{
    static const struct text names[] = {
        SPOKEN("content"), SPOKEN("reasoning_content"), SPOKEN("reasoning"), SPOKEN("thinking"), SPOKEN("refusal"),
        SPOKEN("text"),    SPOKEN("arguments"),         SPOKEN("input"),     { NULL, 0 }
    };
    static const struct text passed[] = { SPOKEN("annotations"), SPOKEN("logprobs"), { NULL, 0 } };
    (void)name;
    return spoken_in(data, TEXT("\"delta\""), names, passed);
}

static const char *const headers[] = { "openai-beta", "content-type", NULL };

static const char *const limits[] = { "max_tokens", "max_completion_tokens", NULL };

const struct dialect dialect_chat = {
    .name = "chat",
    .bit = GW_DIALECT_CHAT,
    OPENAI_COMMON,
    .write_error_event = openai_error_event,
    .limits = limits,
    .write_cut = cut_chat,
    .ping = OPENAI_PING,
    .marks_end = true,
    .headers = headers,
    .splice = splice,
    .tap = openai_tap,
    .spoken = spoken,
    .is_opening = is_opening,
    .extract = openai_extract,
};
