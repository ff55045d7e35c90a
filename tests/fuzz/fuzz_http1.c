/* fuzz_http1.c - an HTTP/1.1 answer cut anywhere is read alike. */
#include "fuzz.h"
#include "upstream/http1.h"

struct seen {
    struct buf text;
    unsigned heads;
};

static int on_head(void *arg, int status, const struct transfer_header *headers, size_t count)
{
    struct seen *seen = arg;
    MUST(status >= 200 && status <= 599 && count <= HTTP1_MAX_HEADERS);
    seen->heads++;
    buf_printf(&seen->text, "%d\n", status);
    for (size_t i = 0; i < count; i++) {
        buf_text(&seen->text, headers[i].name);
        buf_str(&seen->text, "=");
        buf_text(&seen->text, headers[i].value);
        buf_str(&seen->text, "\n");
    }
    return 0;
}

static int on_body(void *arg, struct text bytes)
{
    struct seen *seen = arg;
    MUST(seen->heads == 1, "a body before its head");
    return buf_text(&seen->text, bytes);
}

static enum http1_result feed(struct seen *seen, bool is_head, struct text t, uint8_t cuts)
{
    static const struct http1_events events = { .on_head = on_head, .on_body = on_body };
    static struct transfer_header headers[HTTP1_MAX_HEADERS];
    struct http1 h;
    struct fuzz_cuts pieces = fuzz_cut(t, cuts);
    struct text piece;
    enum http1_result result = HTTP1_MORE;

    seen->heads = 0;
    buf_init(&seen->text, 64 << 20);
    http1_init(&h, is_head, &events, seen);
    while (result == HTTP1_MORE && fuzz_piece(&pieces, &piece)) {
        char *copy = fuzz_copy(piece);
        result = http1_feed(&h, (struct text){ copy, piece.len }, headers);
        free(copy);
    }
    if (result == HTTP1_MORE && http1_end(&h) == HTTP1_DONE)
        result = HTTP1_DONE;
    MUST(result != HTTP1_STOPPED, "nothing said stop");
    MUST(result != HTTP1_MALFORMED || h.why != NULL, "malformed without a reason");
    MUST(result != HTTP1_DONE || seen->heads == 1, "done without a head");
    http1_fini(&h);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = fuzz_begin(data, size);
    uint8_t mode = fuzz_byte(&f), cuts = fuzz_byte(&f);
    struct text t = fuzz_rest(&f);
    struct seen whole, cut;
    enum http1_result a = feed(&whole, mode & 1, t, 0), b = feed(&cut, mode & 1, t, cuts);

    MUST(a == b, "%d whole, %d cut", (int)a, (int)b);
    /* What came before malformed bytes may be reported or not, depending on the cut. */
    if (a != HTTP1_MALFORMED)
        MUST(text_eq(buf_view(&whole.text), buf_view(&cut.text)), "\n%.*s\nand\n%.*s", TEXT_ARG(buf_view(&whole.text)),
             TEXT_ARG(buf_view(&cut.text)));
    buf_free(&whole.text);
    buf_free(&cut.text);
    return 0;
}
