/* common.c - what the faces share. */
#include "face/common.h"

#include <string.h>

#include "face/members.h"

int common_decode(struct arena *arena, struct text body, struct ask *ask, struct fail *fail)
{
    ask->body = body;
    ask->choices = 1;
    if (scan_object(arena, body, SCAN_MAX_DEPTH, &ask->scan) < 0)
        return error_param(fail, E_JSON, ask->scan.at, "the request body is not valid JSON: %s", ask->scan.problem);
    if (members_check(arena, ask, fail) < 0)
        return -1;
    const struct scan_member *m = scan_get(&ask->scan, "model");
    if (m == NULL)
        return error_param(fail, E_PARAMETER, TEXT("model"), "model is missing: name the model to use");
    if (!scan_string(arena, m, &ask->model) || ask->model.len == 0)
        return error_param(fail, E_PARAMETER, TEXT("model"), "model must be a string that is not empty");
    m = scan_get(&ask->scan, "stream");
    if (m != NULL && !scan_is_null(m) && !scan_bool(m, &ask->stream))
        return error_param(fail, E_PARAMETER, TEXT("stream"), "stream must be true or false");
    return 0;
}

int common_decode_options(struct arena *arena, struct ask *ask, struct fail *fail)
{
    const struct scan_member *m = scan_get(&ask->scan, "stream_options");
    struct scan options;
    if (m == NULL || scan_is_null(m))
        return 0;
    if (m->type != '{' || scan_object(arena, m->value, SCAN_MAX_DEPTH, &options) < 0)
        return error_param(fail, E_PARAMETER, TEXT("stream_options"), "stream_options must be an object");
    for (size_t i = 0; i < options.count; i++)
        if (members_misspelt(options.members[i].key) != NULL)
            return error_param(fail, E_PARAMETER, TEXT("stream_options"), "stream_options has \"%.*s\": write \"%s\"",
                               TEXT_ARG(options.members[i].key), members_misspelt(options.members[i].key));
    m = scan_get(&options, "include_usage");
    if (m != NULL && !scan_is_null(m) && !scan_bool(m, &ask->wants_usage))
        return error_param(fail, E_PARAMETER, TEXT("stream_options"),
                           "stream_options.include_usage must be true or false");
    return 0;
}

static char shown(char c)
{
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return plain || c == '.' || c == '_' || c == '-' ? c : '?';
}

void common_drop(struct arena *arena, struct ask *ask, struct text member, const char *why)
{
    char name[80];
    size_t len = member.len < sizeof name ? member.len : sizeof name - 1, told = 0;
    for (size_t i = 0; i < len; i++)
        name[i] = shown(member.ptr[i]);
    struct text as = { name, len };
    struct ask_dropped **at = &ask->dropped;
    for (; *at != NULL; at = &(*at)->next, told++)
        if (text_eq((*at)->member, as) || told + 1 == COMMON_DROPPED_MAX)
            return;
    if (told + 1 == COMMON_DROPPED_MAX) {
        as = TEXT("others");
        why = "there is more than is listed";
    }
    *at = arena_new(arena, struct ask_dropped);
    **at = (struct ask_dropped){ .member = arena_text(arena, as), .why = why };
}

void face_unshown(struct face_answer *answer, struct text part, const char *why)
{
    struct ask_dropped **at = &answer->unshown;
    for (; *at != NULL; at = &(*at)->next)
        if (text_eq((*at)->member, part))
            return;
    *at = arena_new(answer->arena, struct ask_dropped);
    **at = (struct ask_dropped){ .member = part, .why = why };
}

void common_no_stream_event(struct face_answer *answer, const gw_event *event, struct buf *out)
{
    (void)answer, (void)event, (void)out;
}

void common_no_stream_end(struct face_answer *answer, struct buf *out)
{
    (void)answer, (void)out;
}

void common_body_event(struct face_answer *answer, const gw_event *event)
{
    if (event->type != GW_EVENT_BODY)
        return;
    struct text *body = arena_new(answer->arena, struct text);
    *body = arena_text(answer->arena, (struct text){ event->data.ptr, event->data.len });
    answer->state = body;
}

bool common_body_end(struct face_answer *answer, struct buf *out)
{
    const struct text *body = answer->state;
    return body == NULL || buf_text(out, *body) == 0;
}
