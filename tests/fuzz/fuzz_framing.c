/* fuzz_framing.c - a stream cut anywhere gives the same frames, and their raw bytes are the input. */
#include <gateway/provider.h>
#include <string.h>

#include "fuzz.h"
#include "upstream/framing.h"

struct seen {
    struct buf raw, frames;
    uint32_t stop; /* on_frame stops now and then when it is not 0 */
    bool raw_only;
};

static void put(struct buf *out, struct text t)
{
    buf_printf(out, "%d:%zu:", t.ptr != NULL, t.len);
    buf_text(out, t);
}

static int on_frame(void *arg, const struct frame *frame)
{
    struct seen *seen = arg;
    buf_text(&seen->raw, frame->raw);
    if (!frame->comment && !seen->raw_only) {
        put(&seen->frames, frame->name);
        put(&seen->frames, frame->data);
        put(&seen->frames, frame->id);
        put(&seen->frames, frame->headers);
        buf_str(&seen->frames, "\n");
    }
    if (seen->stop == 0)
        return 0;
    seen->stop = seen->stop * 1664525u + 1013904223u;
    return (seen->stop >> 24) < 64 ? 7 : 0;
}

static int feed(struct seen *seen, uint32_t kind, size_t max, struct text t, uint8_t cuts, bool flush)
{
    struct framing framing;
    struct fuzz_cuts pieces = fuzz_cut(t, cuts);
    struct text piece;
    int result = 0;

    buf_init(&seen->raw, 64 << 20);
    buf_init(&seen->frames, 256 << 20);
    framing_init(&framing, kind, max);
    while (result == 0 && fuzz_piece(&pieces, &piece)) {
        char *copy = fuzz_copy(piece);
        result = framing_feed(&framing, (struct text){ copy, piece.len }, on_frame, seen);
        free(copy);
        while (result == 7)
            result = framing_feed(&framing, TEXT_NONE, on_frame, seen);
    }
    bool pending = framing_pending(&framing);
    size_t before = seen->raw.len;
    if (result == 0)
        result = framing_end(&framing, flush, on_frame, seen);
    while (result == 7)
        result = framing_end(&framing, flush, on_frame, seen);
    MUST(result == 0 || result == -1, "%d", result);
    MUST(pending || result != 0 || seen->raw.len == before, "nothing was held, but there is a frame at the end");
    framing_fini(&framing);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t kinds[] = { GW_FRAMING_SSE, GW_FRAMING_LINES, GW_FRAMING_RAW, GW_FRAMING_EVENTSTREAM };
    struct fuzz f = fuzz_begin(data, size);
    uint8_t mode = fuzz_byte(&f), cuts = fuzz_byte(&f);
    uint32_t kind = kinds[mode & 3];
    size_t max = (mode & 4) != 0 ? 64 : 1 << 20;
    bool flush = (mode & 8) == 0;
    struct seen whole = { .raw_only = kind == GW_FRAMING_RAW }, cut = whole;
    struct text t = fuzz_rest(&f);

    cut.stop = (mode & 16) != 0 ? cuts + 1u : 0;
    int a = feed(&whole, kind, max, t, 0, flush), b = feed(&cut, kind, max, t, cuts, flush);
    MUST(kind == GW_FRAMING_RAW || a == b, "%d whole, %d cut", a, b);
    MUST(text_eq(buf_view(&whole.frames), buf_view(&cut.frames)), "\n%.*s\nand\n%.*s",
         TEXT_ARG(buf_view(&whole.frames)), TEXT_ARG(buf_view(&cut.frames)));
    MUST(text_starts(t, buf_view(&whole.raw)) && text_starts(t, buf_view(&cut.raw)), "the raw bytes are not the input");
    if (flush && a == 0)
        MUST(whole.raw.len == t.len, "%zu raw bytes of %zu", whole.raw.len, t.len);
    if (flush && b == 0)
        MUST(cut.raw.len == t.len, "%zu raw bytes of %zu", cut.raw.len, t.len);
    struct buf *all[] = { &whole.raw, &whole.frames, &cut.raw, &cut.frames };
    for (size_t i = 0; i < 4; i++)
        buf_free(all[i]);
    return 0;
}
