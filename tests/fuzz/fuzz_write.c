/* fuzz_write.c - what a face writes: any events in any order give a stream whose data are JSON, and a whole JSON
 * answer. Compiled once for each face that writes: -DFACE=face_chat. */
#include <string.h>

#include "base/json.h"
#include "face/face.h"
#include "fuzz.h"
#include "upstream/framing.h"

enum { EVENTS_MOST = 200 };

static const char *const datas[] = {
    "{}",
    "[]",
    "{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"u\",\"start_index\":0,\"end_index\":1}}",
    "[{\"token\":\"a\",\"logprob\":-0.5,\"bytes\":[97],\"top_logprobs\":[]}]",
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA==\"}}",
    "{\"type\":\"audio\",\"audio\":{\"id\":\"a\",\"data\":\"AA==\",\"transcript\":\"x\"}}",
    "{\"dialect\":\"messages\",\"content\":[{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"n\",\"input\":{}}]}",
    "{\"format\":\"anthropic-claude-v1\",\"type\":\"reasoning.text\",\"text\":\"t\",\"signature\":\"s\"}",
};
static const char *const finishes[] = { "stop", "length", "tool_calls", "content_filter", "?" };

static gw_str str(struct text t)
{
    return (gw_str){ t.ptr, t.len };
}

/* The next event of the input: type, flags, then the texts that the flags ask for. */
static bool next(struct fuzz *f, gw_event *e, gw_tokens *tokens)
{
    if (f->at == f->end)
        return false;
    uint8_t type = fuzz_byte(f), flags = fuzz_byte(f);
    *e = (gw_event){
        .size = sizeof *e, .type = 1u + type % 17u, .index = (flags & 3) == 3 ? 1 : 0, .item = flags >> 2 & 3
    };
    if ((flags & 16) != 0)
        e->id = str(fuzz_take(f, fuzz_byte(f) & 31));
    if ((flags & 32) != 0)
        e->text = str(fuzz_take(f, fuzz_byte(f)));
    if ((flags & 64) != 0) {
        struct text data = fuzz_take(f, fuzz_byte(f));
        if (json_check(data, NULL) < 0 && e->type != GW_EVENT_FINISH)
            data = text_of(datas[data.len % (sizeof datas / sizeof *datas)]);
        e->data = str(data);
    }
    if (e->type == GW_EVENT_FINISH)
        e->code = e->id;
    if (e->type == GW_EVENT_FINISH && (flags & 32) == 0)
        e->text = str(text_of(finishes[flags % 5]));
    bool has_data = (e->type >= GW_EVENT_CITATION && e->type <= GW_EVENT_MEDIA) || e->type >= GW_EVENT_BODY;
    if (has_data && e->data.ptr == NULL)
        e->data = str(text_of(datas[flags % (sizeof datas / sizeof *datas)]));
    if (e->type == GW_EVENT_USAGE) {
        *tokens =
            (gw_tokens){ .size = sizeof *tokens, .input = fuzz_byte(f), .output = fuzz_byte(f), .cache_read = -1 };
        tokens->total = -1;
        e->tokens = tokens;
    }
    e->status = type;
    return true;
}

/* As strict as json_check(), but a NUL in a string is allowed: some model may write one. */
static bool is_json(struct text t)
{
    struct arena arena;
    arena_init(&arena, NULL, 0, 64 << 20);
    bool is = json_parse_quick(&arena, t) != NULL;
    arena_fini(&arena);
    return is;
}

static int on_frame(void *arg, const struct frame *frame)
{
    unsigned *events = arg;
    if (frame->comment)
        return 0;
    ++*events;
    MUST(text_is(frame->data, "[DONE]") || is_json(frame->data), "%.*s", TEXT_ARG(frame->data));
    return 0;
}

static void check_stream(struct text stream)
{
    struct framing framing;
    unsigned events = 0;

    framing_init(&framing, GW_FRAMING_SSE, 64 << 20);
    MUST(framing_feed(&framing, stream, on_frame, &events) == 0);
    MUST(!framing_pending(&framing), "the last event has no end: %.*s", TEXT_ARG(stream));
    framing_fini(&framing);
}

static void run(struct fuzz f, bool stream, uint8_t mode)
{
    struct arena arena;
    struct fail fail;
    struct usage usage = { .source = USAGE_NONE };
    struct ask ask = { .choices = 1 };
    struct buf out;
    gw_event event;
    gw_tokens tokens;
    static const char body[] =
        "{\"model\":\"m\",\"max_tokens\":9,\"prompt\":\"p\",\"input\":\"i\",\"messages\":[{\"role\":"
        "\"user\",\"content\":\"hi\"}]}";

    arena_init(&arena, NULL, 0, 256 << 20);
    buf_init(&out, 256 << 20);
    MUST(FACE.decode(&arena, (struct text){ body, sizeof body - 1 }, &ask, &fail) == 0, "%s", fail.text);
    ask.stream = stream;
    ask.wants_usage = mode & 1;
    struct face_answer answer = {
        .arena = &arena, .ask = &ask, .request_id = TEXT("R"), .model = TEXT("m"), .created = 9, .usage = &usage
    };
    for (unsigned i = 0; i < EVENTS_MOST && next(&f, &event, &tokens); i++) {
        if (event.type == GW_EVENT_USAGE)
            usage_take(&usage, event.tokens, &arena);
        if (event.type == GW_EVENT_ERROR) /* the way ends there, and the face does not get it */
            break;
        if (stream)
            FACE.stream_event(&answer, &event, &out);
        else
            FACE.fold_event(&answer, &event);
    }
    if (stream) {
        FACE.stream_end(&answer, &out);
        check_stream(buf_view(&out));
    } else {
        FACE.fold_end(&answer, &out);
        MUST(is_json(buf_view(&out)), "%.*s", TEXT_ARG(buf_view(&out)));
    }
    buf_free(&out);
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = fuzz_begin(data, size);
    uint8_t mode = fuzz_byte(&f);

    run(f, true, mode);
    run(f, false, mode);
    return 0;
}
