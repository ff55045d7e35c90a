/* chat_strip.c - a conversation that Anthropic took part in goes on at another service: the member x_origin, in which the
 * gateway gave the client what a chat has no word for, is cut out of its messages. Services refuse members that they do
 * not know (Mistral: 422 "Extra inputs are not permitted"). A server of the operator's own may be a gateway that needs it, and
 * gets the body as it came. */
#include <string.h>

#include "face/chat.h"

/* The member and one comma beside it. */
static bool cut_of(struct arena *arena, const struct json *message, struct text body, struct common_edit *edit)
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
        *edit = (struct common_edit){ base + from, base + to, TEXT(" ") }; /* a piece that is sent should not be empty */
        return true;
    }
    return false;
}

size_t chat_strip(struct arena *arena, const struct ask *ask, struct common_edit **edits)
{
    static const char mark[] = "\"x_origin\"";
    const struct scan_member *m = ask->to_service ? scan_get(&ask->scan, "messages") : NULL;
    const struct json *turns = NULL;
    size_t n = 0;

    if (m != NULL && memmem(m->value.ptr, m->value.len, mark, sizeof mark - 1) != NULL)
        turns = json_parse_quick(arena, m->value);
    *edits = arena_array(arena, struct common_edit, json_count(turns) + 1);
    for (size_t i = 0; i < json_count(turns); i++)
        n += cut_of(arena, json_at(turns, i), ask->body, &(*edits)[n]);
    return n;
}
