/* test_http1.c - an answer is read the same however it is cut, without any socket. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "upstream/http1.h"
#include "vectors.h"

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

/* What came of one reading. */
struct reading {
    struct buf seen; /* status, headers, body */
    enum http1_result result;
    bool keep;
};

static int on_head(void *arg, int status, const struct transfer_header *headers, size_t count)
{
    struct reading *r = arg;

    buf_printf(&r->seen, "%d\n", status);
    for (size_t i = 0; i < count; i++)
        buf_printf(&r->seen, "%.*s=%.*s\n", TEXT_ARG(headers[i].name), TEXT_ARG(headers[i].value));
    return 0;
}

static int on_body(void *arg, struct text bytes)
{
    struct reading *r = arg;

    return buf_text(&r->seen, bytes);
}

static const struct http1_events events = { .on_head = on_head, .on_body = on_body };

/* Reads `bytes` in pieces that end at `cuts`, each in memory of its own, then the end of the connection. */
static struct reading read_cut(struct text bytes, const size_t *cuts, size_t count)
{
    struct transfer_header *headers = calloc(HTTP1_MAX_HEADERS, sizeof *headers);
    struct reading r = { .result = HTTP1_MORE };
    struct http1 h;
    size_t from = 0;

    buf_init(&r.seen, 1 << 22);
    http1_init(&h, false, &events, &r);
    for (size_t i = 0; i <= count && r.result == HTTP1_MORE; i++) {
        size_t to = i < count ? cuts[i] : bytes.len;
        char *piece;

        if (to == from)
            continue;
        piece = malloc(to - from);
        memcpy(piece, bytes.ptr + from, to - from);
        r.result = http1_feed(&h, (struct text){ piece, to - from }, headers);
        free(piece);
        from = to;
    }
    r.keep = h.keep && from == bytes.len;
    if (r.result == HTTP1_MORE)
        r.result = http1_end(&h);
    cr_assert(r.result != HTTP1_MALFORMED || h.why != NULL);
    http1_fini(&h);
    free(headers);
    return r;
}

static void check_same(struct text name, struct text bytes, const struct reading *whole, const size_t *cuts,
                       size_t count)
{
    struct reading cut = read_cut(bytes, cuts, count);

    cr_assert_eq(cut.result, whole->result, "%.*s cut at %zu: %d", TEXT_ARG(name), cuts[0], cut.result);
    if (whole->result != HTTP1_MALFORMED)
        cr_assert(text_eq(buf_view(&cut.seen), buf_view(&whole->seen)), "%.*s cut at %zu", TEXT_ARG(name), cuts[0]);
    if (whole->result == HTTP1_DONE)
        cr_assert(cut.keep == whole->keep, "%.*s cut at %zu", TEXT_ARG(name), cuts[0]);
    buf_free(&cut.seen);
}

static void check_cuts(struct text name, struct text bytes)
{
    struct reading whole = read_cut(bytes, NULL, 0);
    size_t *cuts = calloc(bytes.len + 8, sizeof *cuts), step = bytes.len < 1500 ? 1 : bytes.len / 500;
    unsigned seed = 3;

    for (size_t at = 1; at < bytes.len; at += step)
        check_same(name, bytes, &whole, &at, 1);
    if (bytes.len < 5000) {
        for (size_t i = 0; i < bytes.len; i++)
            cuts[i] = i;
        check_same(name, bytes, &whole, cuts, bytes.len);
    }
    for (int round = 0; round < 20; round++) {
        size_t at = 0, count = 0;

        while (count < 6 && bytes.len > 0 && (at += 1 + (size_t)rand_r(&seed) % (bytes.len / 4 + 1)) < bytes.len)
            cuts[count++] = at;
        if (count > 0)
            check_same(name, bytes, &whole, cuts, count);
    }
    buf_free(&whole.seen);
    free(cuts);
}

static void check_file(const char *file, const char *name)
{
    struct arena arena;
    const struct json *cases;

    arena_init(&arena, NULL, 0, (size_t)64 << 20);
    cases = vectors_load(&arena, file);
    for (size_t i = 0; i < json_count(cases); i++)
        check_cuts(json_text(json_get(json_at(cases, i), text_of(name))),
                   vectors_bytes(&arena, json_at(cases, i), "raw_b64"));
    arena_fini(&arena);
}

Test(http1, reads_curls_replies_the_same_however_cut)
{
    check_file("vectors/curl-replies/replies.json", "test");
}

Test(http1, reads_llhttps_cases_the_same_however_cut)
{
    check_file("vectors/llhttp/cases.json", "name");
}

Test(http1, reads_made_up_answers_the_same_however_cut)
{
    static const char *const answers[] = {
        "HTTP/1.1 100 Continue\r\n\r\n" CHUNKED "5;a=\"b\"\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nA: b\r\n\r\n",
        CHUNKED "5\r\nhello\r\n5\r\nworldX\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more",
        "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nmore",
        "HTTP/1.0 200\r\n\r\nuntil close",
    };

    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        check_cuts(text_of(answers[i]), text_of(answers[i]));
}

/* Bytes of the kinds that matter, in any order: nothing may be read twice or past its end. */
Test(http1, survives_any_bytes)
{
    static const char *const parts[] = {
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 100\r\n",
        "\r\n",
        "\r",
        "\n",
        "Content-Length: 3\r\n",
        "A: b\r\n",
        " ",
        ":",
        "Transfer-Encoding: chunked\r\n",
        "3\r\nabc\r\n",
        "0\r\n",
        "0\r\n\r\n",
        "abc",
        "\0",
        ";x=\"y\"",
        "ffffffff\r\n",
        "Connection: close\r\n",
        "\x80",
    };
    unsigned seed = 9;

    for (int round = 0; round < 5000; round++) {
        char bytes[600] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        size_t len = round % 3 == 0 ? 0 : round % 3 == 1 ? 17 : strlen(bytes);

        for (int n = rand_r(&seed) % 12; n > 0; n--) {
            size_t which = (size_t)rand_r(&seed) % (sizeof parts / sizeof *parts);
            size_t part = which == 14 ? 1 : strlen(parts[which]);

            memcpy(bytes + len, parts[which], part);
            len += part;
        }
        if (len > 1)
            check_cuts(TEXT("any"), (struct text){ bytes, len });
    }
}
