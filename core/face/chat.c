/* chat.c - OpenAI chat completions: what the client sent. What passes by in a relayed answer is openai.c, writing answers
 * from events is chat_write.c. */
#include "face/chat.h"

#include "face/common.h"

static int chat_decode(struct arena *arena, struct text body, struct ask *ask, struct fail *fail)
{
    const struct scan_member *m;
    if (common_decode(arena, body, ask, fail) < 0)
        return -1;
    m = scan_get(&ask->scan, "messages");
    if (m == NULL && scan_get(&ask->scan, "input") != NULL) {
        if (chat_from_input(arena, ask, fail) < 0)
            return -1;
        m = scan_get(&ask->scan, "messages");
    }
    if (m == NULL)
        return error_param(fail, E_PARAMETER, TEXT("messages"), "messages is missing");
    if (m->type != '[')
        return error_param(fail, E_PARAMETER, TEXT("messages"), "messages must be an array");
    m = scan_get(&ask->scan, "n");
    if (m != NULL && !scan_is_null(m) && (!scan_int(m, &ask->choices) || ask->choices < 1 || ask->choices > 128))
        return error_param(fail, E_PARAMETER, TEXT("n"), "n must be a whole number from 1 to 128");
    return common_decode_options(arena, ask, fail);
}

static bool is_empty(const struct json *value)
{
    enum json_type type = json_type(value);
    return type == JSON_T_ABSENT || type == JSON_T_NULL || (type == JSON_T_STR && json_str(value).len == 0) ||
           ((type == JSON_T_ARRAY || type == JSON_T_OBJECT) && json_count(value) == 0);
}

/* A choice of which nothing is told but whose turn it is. */
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

/* The first chunk of most servers has the role alone, Azure's what its filters say of the prompt and no choice. */
static bool chat_opens(struct text name, const struct json *event)
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

static void chat_splice(struct arena *arena, const struct ask *ask, struct text model, struct text **pieces, size_t *count)
{
    struct common_edit asking[2], *cuts;
    size_t n = common_asking_edits(arena, ask, model, asking), cut_count = chat_strip(arena, ask, &cuts), k = 0, all = 0;
    struct common_edit *edits = arena_array(arena, struct common_edit, n + cut_count);

    for (size_t i = 0; i < cut_count; i++) { /* both by rising offset */
        while (k < n && asking[k].start < cuts[i].start)
            edits[all++] = asking[k++];
        edits[all++] = cuts[i];
    }
    while (k < n)
        edits[all++] = asking[k++];
    common_pieces(arena, ask, edits, all, pieces, count);
}

const struct face face_chat = {
    .name = "chat",
    .operation = GW_OP_CHAT,
    .dialect = GW_DIALECT_CHAT,
    .errors = ERROR_OPENAI,
    .ping = { ": keep-alive\n\n", 14 },
    .decode = chat_decode,
    .canonical = ask_json, /* the chat shape is the canonical one */
    .splice = chat_splice,
    .tap = common_tap,
    .spoken = common_spoken_chat,
    .opens = chat_opens,
    .digest = common_digest,
    .stream_event = chat_stream_event,
    .stream_end = chat_stream_end,
    .fold_event = chat_fold_event,
    .fold_end = chat_fold_end,
};
