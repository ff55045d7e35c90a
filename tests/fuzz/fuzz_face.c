/* fuzz_face.c - what a face reads: the client's body, and the frames and whole bodies that are relayed to it.
 * Compiled once for each face: -DFACE=face_chat. */
#include <string.h>

#include "base/json.h"
#include "face/face.h"
#include "fuzz.h"
#include "upstream/framing.h"

static struct buf join(const struct text *pieces, size_t count)
{
    struct buf out;
    buf_init(&out, 64 << 20);
    for (size_t i = 0; i < count; i++)
        buf_text(&out, pieces[i]);
    return out;
}

/* The body with another model in it is still JSON, and has that model. */
static void check_splice(struct arena *arena, const struct ask *ask, bool is_json)
{
    static const char name[] = "other\"\\model";
    struct text model = { name, sizeof name - 1 };
    struct text *pieces = NULL;
    size_t count = 0;

    FACE.dialect->splice(arena, ask, model, &pieces, &count);
    struct buf out = join(pieces, count);
    if (is_json) {
        const struct json *v = json_parse(arena, buf_view(&out), NULL);
        MUST(v != NULL, "spliced: %.*s", TEXT_ARG(buf_view(&out)));
        MUST(text_eq(json_str(json_member(v, "model")), model), "spliced: %.*s", TEXT_ARG(buf_view(&out)));
    }
    if (ask->content_type.len > 0) {
        struct ask again = { .content_type = ask->content_type };
        struct fail fail = { .kind = FAIL_NONE };
        MUST(FACE.decode(arena, buf_view(&out), &again, &fail) == 0 && text_eq(again.model, model), "%s", fail.text);
    }
    buf_free(&out);
}

/* What the client receives is JSON, whatever it sent. */
static void check_error(const struct fail *fail)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    FACE.dialect->write_error(fail, TEXT("R"), &out);
    MUST(json_check(buf_view(&out), NULL) == 0, "%.*s", TEXT_ARG(buf_view(&out)));
    buf_free(&out);
}

/* A form has its boundary in its first line. */
static struct text type_of(struct arena *arena, struct text body)
{
    if (!text_starts(body, TEXT("--")))
        return TEXT_NONE;
    struct text rest = { body.ptr + 2, body.len - 2 }, line = text_cut(&rest, '\r');
    return text_of(arena_printf(arena, "multipart/form-data; boundary=%.*s", TEXT_ARG(line)));
}

static void read_request(struct arena *arena, struct text body)
{
    struct ask ask = { .content_type = type_of(arena, body) };
    struct fail fail = { .kind = FAIL_NONE };

    if (FACE.decode(arena, body, &ask, &fail) < 0) {
        MUST(fail.kind != FAIL_NONE && fail.text[0] != '\0', "refused without a reason");
        check_error(&fail);
        return;
    }
    MUST(ask.model.len > 0 && text_is_utf8(ask.model), "a request without a model");
    MUST(ask.choices >= 1 && ask.choices <= 128);
    bool is_json = json_check(body, NULL) == 0;
    check_splice(arena, &ask, is_json);
    if (FACE.canonical != NULL) {
        fail = (struct fail){ .kind = FAIL_NONE };
        const struct json *canonical = FACE.canonical(arena, &ask, &fail);
        if (canonical == NULL)
            MUST(fail.kind != FAIL_NONE && fail.text[0] != '\0', "no canonical form, without a reason");
        else
            MUST(arena->full || (json_type(canonical) == JSON_T_OBJECT && json_check(json_text(canonical), NULL) == 0),
                 "%.*s", TEXT_ARG(json_text(canonical)));
        for (const struct ask_dropped *d = ask.dropped; d != NULL; d = d->next)
            MUST(d->member.ptr != NULL && d->why != NULL,
                 /* a name may be empty */ "dropped without a name or a reason");
    }
    if (FACE.fix_encoding != NULL) {
        struct buf out;
        buf_init(&out, 64 << 20);
        FACE.fix_encoding(arena, &ask, body, &out);
        buf_free(&out);
    }
}

static int on_frame(void *arg, const struct frame *frame)
{
    if (!frame->comment)
        FACE.dialect->tap(arg, frame->name, frame->data);
    return 0;
}

static void read_stream(struct arena *arena, struct text stream)
{
    struct framing framing;
    framing_init(&framing, GW_FRAMING_SSE, 1 << 20);
    if (framing_feed(&framing, stream, on_frame, arena) == 0)
        framing_end(&framing, true, on_frame, arena);
    framing_fini(&framing);
}

static void read_whole(struct arena *arena, struct text body, bool base64)
{
    struct text digest = TEXT_NONE;
    unsigned found = FACE.dialect->extract(arena, body, &digest);

    if (json_check(body, NULL) == 0 && digest.ptr != NULL)
        MUST(json_check(digest, NULL) == 0, "%.*s", TEXT_ARG(digest));
    if ((found & DIALECT_TAP_BAD) != 0)
        MUST(json_type(json_parse(arena, body, NULL)) != JSON_T_OBJECT || (found & DIALECT_TAP_ERROR) == 0);
    if (FACE.fix_encoding != NULL) {
        struct ask ask = { .base64 = base64 };
        struct buf out;
        buf_init(&out, 64 << 20);
        if (FACE.fix_encoding(arena, &ask, body, &out) && json_check(body, NULL) == 0)
            MUST(json_check(buf_view(&out), NULL) == 0, "%.*s", TEXT_ARG(buf_view(&out)));
        buf_free(&out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = fuzz_begin(data, size);
    uint8_t mode = fuzz_byte(&f);
    struct text t = fuzz_rest(&f);
    struct arena arena;

    arena_init(&arena, NULL, 0, 64 << 20);
    if (mode % 4 < 2)
        read_request(&arena, t);
    else if (mode % 4 == 2)
        read_stream(&arena, t);
    else
        read_whole(&arena, t, (mode & 4) != 0);
    arena_fini(&arena);
    return 0;
}
