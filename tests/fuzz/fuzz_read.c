/* fuzz_read.c - a provider's read(): any bytes, streamed or whole, with any status, after the build() of a chat
 * or of a relayed request. Cut anywhere the events are the same. */
#include <string.h>

#include "provider.h"
#include "upstream/framing.h"

struct how {
    uint32_t framing, status, dialect;
};

static void build(struct provider *p, const struct how *how)
{
    static const char text[] =
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"max_tokens\":9}";
    struct gw_http http;
    gw_request req = { .size = sizeof req,
                       .operation = GW_OP_CHAT,
                       .dialect = how->dialect,
                       .stream = how->framing != GW_FRAMING_WHOLE,
                       .model = GW_LIT("m"),
                       .base_url = GW_LIT("http://127.0.0.1:1/v1"),
                       .secret = GW_LIT("sk-1") };
    if (how->dialect == GW_DIALECT_CHAT)
        req.body = call_json(json_parse(&p->keep, (struct text){ text, sizeof text - 1 }, NULL));
    call_http_init(&http, &p->call, 1 << 20);
    provider_step(p, p->plugin->provider.build(p->instance, &p->call, &req, &http));
    call_http_fini(&http);
}

/* The frame is in memory of its own, gone after the step. */
static int read_frame(struct provider *p, const struct how *how, struct text name, struct text data, bool end)
{
    char *name_copy = fuzz_copy(name), *data_copy = fuzz_copy(data);
    gw_frame frame = { .size = sizeof frame,
                       .end = end,
                       .status = how->status,
                       .framing = how->framing,
                       .name = { name.ptr != NULL ? name_copy : NULL, name.len },
                       .data = { data_copy, data.len } };
    gw_status status = p->plugin->provider.read(p->instance, &p->call, &frame, provider_emit);
    provider_step(p, status);
    free(name_copy);
    free(data_copy);
    return status < 0 || p->check.has_error ? 1 : 0;
}

struct feed {
    struct provider *provider;
    const struct how *how;
};

static int on_frame(void *arg, const struct frame *frame)
{
    struct feed *feed = arg;
    return frame->comment ? 0 : read_frame(feed->provider, feed->how, frame->name, frame->data, false);
}

static struct buf run(struct provider *p, const struct how *how, struct text t, uint8_t cuts)
{
    struct feed feed = { p, how };
    struct framing framing;
    struct fuzz_cuts pieces = fuzz_cut(t, cuts);
    struct text piece;
    int result = 0;

    provider_begin(p);
    build(p, how);
    if (how->framing == GW_FRAMING_WHOLE) {
        read_frame(p, how, TEXT_NONE, t, true);
    } else {
        framing_init(&framing, how->framing, 1 << 20);
        while (result == 0 && fuzz_piece(&pieces, &piece))
            result = framing_feed(&framing, piece, on_frame, &feed);
        if (result == 0)
            result = framing_end(&framing, true, on_frame, &feed);
        if (result == 0)
            read_frame(p, how, TEXT_NONE, TEXT(""), true);
        framing_fini(&framing);
    }
    struct buf lines = p->lines;
    buf_init(&p->lines, 64 << 20);
    provider_end(p);
    return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t statuses[] = { 200, 400, 401, 429, 500, 503, 529, 200 };
    struct provider *p = provider_get();
    struct fuzz f = fuzz_begin(data, size);
    uint8_t mode = fuzz_byte(&f), cuts = fuzz_byte(&f);
    const gw_provider_ops *ops = &p->plugin->provider;
    struct how how = { .framing = ops->framing, .status = 200, .dialect = GW_DIALECT_CHAT };

    if ((mode & 1) != 0 || ops->framing == GW_FRAMING_EVENTSTREAM) {
        how.framing = GW_FRAMING_WHOLE;
        how.status = statuses[mode >> 4 & 7];
    }
    if ((mode & 2) != 0 && ops->dialects != 0)
        how.dialect = ops->dialects & (~ops->dialects + 1); /* the lowest */
    if ((mode & 4) != 0 && (ops->dialects & GW_DIALECT_MESSAGES) != 0)
        how.dialect = GW_DIALECT_MESSAGES;
    struct text t = fuzz_rest(&f);
    struct buf whole = run(p, &how, t, 0);
    if (how.framing != GW_FRAMING_WHOLE && cuts != 0) {
        struct buf cut = run(p, &how, t, cuts);
        if (how.framing != GW_FRAMING_RAW)
            MUST(text_eq(buf_view(&whole), buf_view(&cut)), "\n%.*s\nand\n%.*s", TEXT_ARG(buf_view(&whole)),
                 TEXT_ARG(buf_view(&cut)));
        buf_free(&cut);
    }
    buf_free(&whole);
    return 0;
}
