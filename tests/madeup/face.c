/* face.c - the made-up face: its bodies to the canonical form, and answers from events. */
#include "base/json.h"
#include "base/scan.h"
#include "canon/error.h"
#include "madeup.h"

static int decode(struct arena *arena, struct text body, struct ask *ask, struct fail *fail)
{
    const struct scan_member *m;
    ask->body = body;
    ask->choices = 1;
    ask->stream = true;
    ask->wants_usage = true;
    if (scan_object(arena, body, SCAN_MAX_DEPTH, &ask->scan) < 0 || (m = scan_get(&ask->scan, "model")) == NULL ||
        !scan_string(arena, m, &ask->model))
        return error_param(fail, E_PARAMETER, TEXT("model"), "model is missing");
    m = scan_get(&ask->scan, "whole");
    if (m != NULL)
        ask->stream = false;
    return 0;
}

/* One message of the user's. */
static const struct json *canonical(struct arena *arena, struct ask *ask, struct fail *fail)
{
    struct text words = TEXT_NONE;
    struct buf out;
    struct json_writer w;
    scan_string(arena, scan_get(&ask->scan, "ask"), &words);
    buf_init(&out, 1 << 16);
    json_writer_init(&w, &out);
    json_object(&w);
    json_name(&w, "model");
    json_put_str(&w, ask->model);
    json_name(&w, "messages");
    json_array(&w);
    json_object(&w);
    json_name(&w, "role");
    json_put_str(&w, TEXT("user"));
    json_name(&w, "content");
    json_put_str(&w, words);
    json_close(&w);
    json_close(&w);
    json_close(&w);
    json_end(&w);
    const struct json *v = json_parse(arena, arena_text(arena, buf_view(&out)), fail);
    buf_free(&out);
    return v;
}

static void stream_event(struct face_answer *answer, const gw_event *event, struct buf *out)
{
    (void)answer;
    if (event->type == GW_EVENT_TEXT)
        buf_printf(out, "data: +%.*s\n\n", (int)event->text.len, event->text.ptr);
}

static void stream_end(struct face_answer *answer, struct buf *out)
{
    (void)answer;
    buf_str(out, "data: .\n\n");
}

static void fold_event(struct face_answer *answer, const gw_event *event)
{
    struct text *all = answer->state != NULL ? answer->state : arena_new(answer->arena, struct text);
    answer->state = all;
    if (event->type == GW_EVENT_TEXT)
        *all = text_of(arena_printf(answer->arena, "%.*s%.*s", TEXT_ARG(*all), (int)event->text.len, event->text.ptr));
}

static bool fold_end(struct face_answer *answer, struct buf *out)
{
    const struct text *all = answer->state;
    return all == NULL || buf_printf(out, "+%.*s", TEXT_ARG(*all)) == 0;
}

const struct face madeup_face = {
    .name = "madeup",
    .operation = GW_OP_CHAT,
    .dialect = &madeup_dialect,
    .canonical_dialect = GW_DIALECT_CHAT,
    .decode = decode,
    .canonical = canonical,
    .stream_event = stream_event,
    .stream_end = stream_end,
    .fold_event = fold_event,
    .fold_end = fold_end,
};
