/* body.c - what read() is given: bytes of a case or of a recording, through the core's own framing, cut anywhere. */
#include <stdlib.h>
#include <string.h>

#include "kit.h"
#include "upstream/framing.h"

static bool is_event_stream(struct text type)
{
    return text_starts_nocase(type, TEXT("text/event-stream")) ||
           text_starts_nocase(type, TEXT("application/x-ndjson")) ||
           text_starts_nocase(type, TEXT("application/vnd.amazon.eventstream"));
}

bool body_of_recording(struct kit_case *c, const struct json *recording, struct body *body)
{
    const struct json *response = json_member(recording, "response");
    struct text text = json_str(json_member(response, "body"));

    if (text.ptr == NULL)
        text = case_decode_base64(c->arena, json_str(json_member(response, "body_base64")));
    *body = (struct body){ .bytes = text, .headers = json_member(response, "headers") };
    body->status = (uint32_t)json_int(json_member(response, "status"), 200);
    struct text type = json_str(json_member(body->headers, "content-type"));
    body->stream = is_event_stream(type) || text_starts(text, TEXT("data:")) || text_starts(text, TEXT("event:"));
    return true;
}

static bool load_recording(struct kit_case *c, struct text name, struct body *body)
{
    if (c->kit->recordings == NULL) {
        snprintf(c->skip, sizeof c->skip, "its body is a recording: --recordings says where they are");
        return false;
    }
    const char *path = arena_printf(c->arena, "%s/%.*s", c->kit->recordings, TEXT_ARG(name));
    struct text text = case_read_file(c, c->arena, path);
    const struct json *json = json_parse(c->arena, text, NULL);
    if (json == NULL)
        return case_fail(c, "%s is not a recording", path);
    return body_of_recording(c, json, body);
}

bool body_of_case(struct kit_case *c, const struct json *read, struct body *body)
{
    struct text file = json_str(json_member(read, "file")), recording = json_str(json_member(read, "recording"));
    const struct json *build = json_member(c->json, "build");

    *body = (struct body){ .bytes = json_str(json_member(read, "body")), .status = 200 };
    if (recording.ptr != NULL && !load_recording(c, recording, body))
        return false;
    if (file.ptr != NULL) {
        body->bytes = case_read_file(c, c->arena, case_path(c, file).ptr);
        body->stream = text_ends(file, TEXT(".sse")) || text_ends(file, TEXT(".lines"));
    }
    if (json_member(read, "base64") != NULL)
        body->bytes = case_decode_base64(c->arena, json_str(json_member(read, "base64")));
    if (body->bytes.ptr == NULL)
        return case_fail(c, "\"read\" needs one of body, base64, file and recording");
    body->stream = json_bool(json_member(read, "stream"), body->stream);
    body->status = (uint32_t)json_int(json_member(read, "status"), body->status);
    if (json_member(read, "headers") != NULL)
        body->headers = json_member(read, "headers");
    body->has_request = build != NULL;
    return build == NULL || case_request(c, build, &body->request);
}

static uint32_t framing_of(const struct session *s, const struct body *body)
{
    return body->stream ? s->of->kit->plugin->provider.framing : GW_FRAMING_WHOLE;
}

/* The frame's texts end where their memory does. */
static char *copy(struct text t)
{
    char *bytes = malloc(t.len > 0 ? t.len : 1);
    if (bytes == NULL)
        abort();
    if (t.len > 0)
        memcpy(bytes, t.ptr, t.len);
    return bytes;
}

static void spoil(char *bytes, size_t len)
{
    memset(bytes, 0xdb, len);
    free(bytes);
}

/* 0 to go on. */
static int read_frame(struct session *s, const struct body *body, const struct frame *given, bool end)
{
    const struct text name = given->name, data = given->data, headers = given->headers;
    char *name_copy = copy(name), *data_copy = copy(data), *headers_copy = copy(headers);
    gw_frame frame = {
        .size = sizeof frame,
        .end = end,
        .status = body->status,
        .framing = framing_of(s, body),
        .name = { name.ptr != NULL ? name_copy : NULL, name.len },
        .data = { data_copy, data.len },
        .headers = { headers.ptr != NULL ? headers_copy : NULL, headers.len },
    };
    call_step_begin(&s->call);
    gw_status status = s->of->kit->plugin->provider.read(s->of->instance, &s->call, &frame, session_emit);
    session_step(s, status);
    spoil(name_copy, name.len);
    spoil(data_copy, data.len);
    spoil(headers_copy, headers.len);
    return status < 0 || s->check.has_error ? 1 : 0;
}

struct feed {
    struct session *session;
    const struct body *body;
};

static int on_frame(void *arg, const struct frame *frame)
{
    struct feed *feed = arg;
    return frame->comment ? 0 : read_frame(feed->session, feed->body, frame, false);
}

static bool begin(struct session *s, const struct body *body)
{
    struct gw_http http;

    s->answer_headers = body->headers;
    if (!body->has_request)
        return true;
    gw_status status = session_build(s, &body->request, &http);
    call_http_fini(&http);
    if (status != GW_OK)
        case_fail(s->of, "build() before read() says %s: %.*s", call_status_name(status), TEXT_ARG(s->call.explain));
    return status == GW_OK;
}

void body_read(struct session *s, const struct body *body, const size_t *cuts, size_t count, bool every_byte)
{
    struct framing framing;
    struct feed feed = { s, body };
    int result = 0;
    size_t at = 0;

    if (!begin(s, body))
        return;
    if (!body->stream) {
        read_frame(s, body, &(struct frame){ .data = body->bytes }, true);
        return;
    }
    framing_init(&framing, framing_of(s, body), 16 << 20);
    for (size_t i = 0; result == 0 && at < body->bytes.len; i++) {
        size_t end = every_byte ? at + 1 : i < count ? cuts[i] : body->bytes.len;
        result = framing_feed(&framing, (struct text){ body->bytes.ptr + at, end - at }, on_frame, &feed);
        at = end;
    }
    if (result == 0)
        result = framing_end(&framing, true, on_frame, &feed);
    bool damaged = framing_is_damaged(&framing);
    framing_fini(&framing);
    if (result == 0) {
        read_frame(s, body, &(struct frame){ .data = TEXT("") }, true);
    } else if (damaged) {
        s->status = GW_E_PROTOCOL; /* the gateway ends such an answer by itself */
        s->call.explain = TEXT("a message is damaged");
    } else if (result < 0) {
        case_fail(s->of, "the stream cannot be cut into frames");
    }
}

struct frame_copy {
    struct frame_copy *next;
    struct frame frame;
};
struct body_frames {
    struct arena *arena;
    struct frame_copy *first, **last, *at;
    bool begun, ended;
};

static int keep_frame(void *arg, const struct frame *frame)
{
    struct body_frames *frames = arg;
    if (frame->comment)
        return 0;
    struct frame_copy *kept = arena_new(frames->arena, struct frame_copy);
    kept->frame = (struct frame){ .name = arena_text(frames->arena, frame->name),
                                  .data = arena_text(frames->arena, frame->data),
                                  .headers = arena_text(frames->arena, frame->headers) };
    *frames->last = kept;
    frames->last = &kept->next;
    return 0;
}

struct body_frames *body_cut(struct kit_case *c, const struct body *body)
{
    struct body_frames *frames = arena_new(c->arena, struct body_frames);
    struct framing framing;

    frames->arena = c->arena;
    frames->last = &frames->first;
    if (body->stream) {
        framing_init(&framing, c->kit->plugin->provider.framing, 16 << 20);
        if (framing_feed(&framing, body->bytes, keep_frame, frames) == 0)
            framing_end(&framing, true, keep_frame, frames);
        framing_fini(&framing);
    }
    frames->at = frames->first;
    return frames;
}

bool body_next(struct session *s, const struct body *body, struct body_frames *frames)
{
    if (frames->ended)
        return false;
    if (!frames->begun) {
        frames->begun = true;
        frames->ended = !begin(s, body);
        return true;
    }
    struct frame_copy *frame = frames->at;
    if (frame == NULL) {
        read_frame(s, body, &(struct frame){ .data = body->stream ? TEXT("") : body->bytes }, true);
        frames->ended = true;
        return true;
    }
    frames->at = frame->next;
    frames->ended = read_frame(s, body, &frame->frame, false) != 0;
    return true;
}
