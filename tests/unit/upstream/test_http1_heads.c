/* test_http1_heads.c - status lines, framing headers and limits of an answer's head, at their edges. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upstream/http1.h"

struct seen {
    int heads, status;
    size_t headers, body;
    enum http1_result result, at_end;
    bool keep, has_why;
};

static int on_head(void *arg, int status, const struct transfer_header *headers, size_t count)
{
    struct seen *s = arg;

    (void)headers;
    s->heads++;
    s->status = status;
    s->headers = count;
    return 0;
}

static int on_body(void *arg, struct text bytes)
{
    ((struct seen *)arg)->body += bytes.len;
    return 0;
}

static const struct http1_events events = { .on_head = on_head, .on_body = on_body };

/* Reads the bytes, `step` at a time, then the end of the connection. */
static struct seen read_all(struct text bytes, size_t step)
{
    struct transfer_header headers[HTTP1_MAX_HEADERS];
    struct seen s = { .result = HTTP1_MORE };
    struct http1 h;

    http1_init(&h, false, &events, &s);
    for (size_t at = 0; at < bytes.len && s.result == HTTP1_MORE; at += step)
        s.result =
            http1_feed(&h, (struct text){ bytes.ptr + at, bytes.len - at < step ? bytes.len - at : step }, headers);
    s.keep = h.keep;
    s.has_why = h.why != NULL;
    s.at_end = s.result == HTTP1_MORE ? http1_end(&h) : s.result;
    cr_assert(s.result != HTTP1_MALFORMED || s.has_why);
    http1_fini(&h);
    return s;
}

static struct seen read_text(const char *bytes)
{
    return read_all(text_of(bytes), 1 << 20);
}

Test(http1_heads, knows_each_status)
{
    for (int status = 0; status < 1000; status++) {
        char bytes[100];
        struct seen s;

        snprintf(bytes, sizeof bytes, "HTTP/1.1 %03d Word\r\nContent-Length: 0\r\n\r\n", status);
        s = read_text(bytes);
        if (status >= 100 && status < 200 && status != 101) {
            cr_assert_eq(s.result, HTTP1_MORE, "%d", status);
            cr_assert_eq(s.heads, 0);
        } else if (status >= 200 && status < 600) {
            cr_assert_eq(s.result, HTTP1_DONE, "%d", status);
            cr_assert_eq(s.status, status);
            cr_assert(s.keep);
        } else {
            cr_assert_eq(s.result, HTTP1_MALFORMED, "%d", status);
            cr_assert_eq(s.heads, 0);
        }
    }
}

Test(http1_heads, has_no_body_with_204_and_304_whatever_they_say)
{
    for (int status = 200; status < 600; status++) {
        char bytes[100];
        bool none = status == 204 || status == 304;
        struct seen s;

        snprintf(bytes, sizeof bytes, "HTTP/1.1 %d\r\nContent-Length: 5\r\n\r\n", status);
        s = read_text(bytes);
        cr_assert_eq(s.result, none ? HTTP1_DONE : HTTP1_MORE, "%d", status);
        cr_assert_eq(s.keep, none);
        cr_assert_eq(s.at_end, none ? HTTP1_DONE : HTTP1_MORE);
        snprintf(bytes, sizeof bytes, "HTTP/1.1 %d\r\nContent-Length: 5\r\n\r\nhello", status);
        s = read_text(bytes);
        cr_assert_eq(s.result, HTTP1_DONE);
        cr_assert_eq(s.body, none ? 0 : 5);
        cr_assert_eq(s.keep, !none, "what follows was not asked for");
    }
}

Test(http1_heads, knows_what_is_a_status_line_and_a_header)
{
    static const struct {
        const char *bytes;
        enum http1_result result;
    } cases[] = {
        { "HTTP/1.0 200\r\n\r\n", HTTP1_MORE }, /* until the end */
        { "HTTP/1.1 200\r\n\r\n", HTTP1_MORE },
        { "HTTP/1.1 200 \r\n\r\n", HTTP1_MORE },
        { "HTTP/1.1 200 a\tb\xff\r\n\r\n", HTTP1_MORE },
        { "HTTP/1.1 200 a\x7f\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\tOK\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200OK\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 20\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 2000\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 2/0\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 2:0\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 :00\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1  200\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1\t200\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.2 200\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1./ 200\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/2.0 200\r\n\r\n", HTTP1_MALFORMED },
        { "http/1.1 200\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1\r\n\r\n", HTTP1_MALFORMED },
        { "\r\nHTTP/1.1 200\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\n\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\nA: b\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\nA\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\n: b\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\nA : b\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\n A: b\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\nA: b\r\n c\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\nA: b\x01\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\nA: b\rc\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", HTTP1_DONE },
        { "HTTP/1.1 200\r\ncontent-LENGTH:\t2 \r\n\r\nok", HTTP1_DONE },
        { "HTTP/1.1 200\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\nContent-Length: 2, 2\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\nContent-Length: +2\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\nContent-Length: -2\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\nContent-Length: \r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\nContent-Length: 0x2\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\nContent-Length: 99999999999999999999\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\nContent-Lengtx: 2\r\n\r\n", HTTP1_MORE },
        { "HTTP/1.1 200\r\nTransfer-Encodinx: x\r\n\r\n", HTTP1_MORE },
        { "HTTP/1.1 200\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n", HTTP1_DONE },
        { "HTTP/1.1 200\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\nTransfer-Encoding: identity\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 200\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP1_MALFORMED },
        { "HTTP/1.1 100\r\nContent-Length: 2\r\nContent-Length: x\r\n\r\nHTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
          HTTP1_DONE },
        { "HTTP/1.1 100\r\nA\r\n\r\n", HTTP1_MALFORMED },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int drip = 0; drip < 2; drip++) {
            struct seen s = read_all(text_of(cases[i].bytes), drip ? 1 : 1000);

            cr_assert_eq(s.result, cases[i].result, "case %zu: %s", i, cases[i].bytes);
            cr_assert_eq(s.heads, cases[i].result != HTTP1_MALFORMED, "case %zu", i);
        }
}

Test(http1_heads, knows_when_a_connection_may_be_used_again)
{
    static const struct {
        const char *bytes;
        bool keep;
    } cases[] = {
        { "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", true },
        { "HTTP/1.1 200\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", false },
        { "HTTP/1.1 200\r\nContent-Length: 0\r\nConnectiox: close\r\n\r\n", true },
        { "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\nx", false },
        { "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nokx", false },
        { "HTTP/1.1 204\r\n\r\n", true },
        { "HTTP/1.1 204\r\n\r\nx", false },
        { "HTTP/1.0 200\r\nContent-Length: 0\r\n\r\n", false },
        { "HTTP/1.0 200\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", true },
        { "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true },
        { "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx", false },
        { "HTTP/1.0 200\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n", false },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seen s = read_text(cases[i].bytes);

        cr_assert_eq(s.result, HTTP1_DONE, "case %zu", i);
        cr_assert_eq(s.keep, cases[i].keep, "case %zu: %s", i, cases[i].bytes);
    }
}

/* What the end of the connection means, wherever it comes. */
Test(http1_heads, knows_a_body_that_ends_with_the_connection)
{
    static const struct {
        const char *bytes;
        enum http1_result at_end;
    } cases[] = {
        { "", HTTP1_MORE },
        { "HTTP/1.1 200\r\n", HTTP1_MORE },
        { "HTTP/1.1 100\r\n\r\n", HTTP1_MORE },
        { "HTTP/1.1 200\r\n\r\n", HTTP1_DONE },
        { "HTTP/1.1 200\r\n\r\nsome", HTTP1_DONE },
        { "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhell", HTTP1_MORE },
        { "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP1_MORE },
        { "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", HTTP1_MORE },
        { "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", HTTP1_MORE },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seen s = read_text(cases[i].bytes);

        cr_assert_eq(s.result, HTTP1_MORE, "case %zu", i);
        cr_assert_eq(s.at_end, cases[i].at_end, "case %zu: %s", i, cases[i].bytes);
    }
}

/* A head of `len` bytes in all, and an empty body. */
static char *head_of(size_t len)
{
    static const char begin[] = "HTTP/1.1 200\r\nContent-Length: 0\r\nA: ";
    char *bytes = malloc(len);

    memset(bytes, 'v', len);
    memcpy(bytes, begin, sizeof begin - 1);
    memcpy(bytes + len - 4, "\r\n\r\n", 4);
    return bytes;
}

Test(http1_heads, limits_the_bytes_of_a_head)
{
    static const size_t steps[] = { (size_t)1 << 20, 1000, 60000, HTTP1_MAX_HEAD, HTTP1_MAX_HEAD - 1 };

    for (size_t more = 0; more < 4; more++)
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            char *bytes = head_of(HTTP1_MAX_HEAD + more);
            struct seen s = read_all((struct text){ bytes, HTTP1_MAX_HEAD + more }, steps[i]);

            cr_assert_eq(s.result, more == 0 ? HTTP1_DONE : HTTP1_MALFORMED, "%zu more in steps of %zu", more,
                         steps[i]);
            free(bytes);
        }
}

Test(http1_heads, limits_the_number_of_headers_and_of_interim_answers)
{
    for (size_t more = 0; more < 2; more++) {
        struct buf bytes;
        struct seen s;

        buf_init(&bytes, 1 << 20);
        buf_str(&bytes, "HTTP/1.1 200\r\nContent-Length: 0\r\n");
        for (size_t i = 1; i < HTTP1_MAX_HEADERS + more; i++)
            buf_str(&bytes, "A: b\r\n");
        buf_str(&bytes, "\r\n");
        s = read_all(buf_view(&bytes), 1 << 20);
        cr_assert_eq(s.result, more == 0 ? HTTP1_DONE : HTTP1_MALFORMED);
        cr_assert_eq(s.headers, more == 0 ? HTTP1_MAX_HEADERS : 0);
        buf_free(&bytes);

        buf_init(&bytes, 1 << 20);
        for (size_t i = 0; i < HTTP1_MAX_INTERIM + more; i++)
            buf_str(&bytes, "HTTP/1.1 102\r\n\r\n");
        buf_str(&bytes, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n");
        s = read_all(buf_view(&bytes), 1 << 20);
        cr_assert_eq(s.result, more == 0 ? HTTP1_DONE : HTTP1_MALFORMED);
        buf_free(&bytes);
    }
}

/* The reason goes to the log, where a person looks for who must act. */
Test(http1_heads, says_what_is_wrong)
{
    static const struct {
        const char *bytes, *why;
    } cases[] = {
        { "SSH-2.0-x\r\n", "not an HTTP/1 answer" },
        { "HTTP/1.1 200\n\r\n", "without CR" },
        { "HTTP/1.1 2x0\r\n\r\n", "status line" },
        { "HTTP/1.1 101\r\n\r\n", "switching protocols" },
        { "HTTP/1.1 200\r\nno colon\r\n\r\n", "colon" },
        { "HTTP/1.1 200\r\nno name : x\r\n\r\n", "header name" },
        { "HTTP/1.1 200\r\nA: \001\r\n\r\n", "control character" },
        { "HTTP/1.1 200\r\nContent-Length: x\r\n\r\n", "Content-Length" },
        { "HTTP/1.1 200\r\nTransfer-Encoding: gzip\r\n\r\n", "other than chunked" },
        { "HTTP/1.1 200\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "both" },
        { "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", "chunk" },
    };
    struct transfer_header headers[HTTP1_MAX_HEADERS];
    struct http1 h;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seen s = { .heads = 0 };

        http1_init(&h, false, &events, &s);
        cr_assert_eq(http1_feed(&h, text_of(cases[i].bytes), headers), HTTP1_MALFORMED, "%s", cases[i].bytes);
        cr_assert_not_null(strstr(h.why, cases[i].why), "%s: %s", cases[i].bytes, h.why);
        http1_fini(&h);
    }
    struct seen s = { .heads = 0 };
    enum http1_result result = HTTP1_MORE;

    http1_init(&h, false, &events, &s);
    for (int i = 0; i < 100 && result == HTTP1_MORE; i++)
        result = http1_feed(&h, TEXT("HTTP/1.1 100\r\n\r\n"), headers);
    cr_assert_eq(result, HTTP1_MALFORMED);
    cr_assert_not_null(strstr(h.why, "interim"), "%s", h.why);
    http1_fini(&h);
}
