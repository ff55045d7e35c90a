/* http1.c - heads strictly by RFC 9112, bodies through http-parser.
 *
 * Debian builds http-parser without HTTP_PARSER_STRICT (2.9.4-5): it takes "HXXX/1.1", blanks in names,
 * bare line feeds and folded lines. So a head is collected whole, every line of it is checked here, and
 * http-parser is shown the status line and those headers that decide where the message ends. Our reading
 * of them must agree with its. The framing of chunks is checked in chunk.c. */
#include "upstream/http1.h"

#include <string.h>

#include "base/field.h"

static int on_headers_complete(struct http_parser *parser);
static int on_body(struct http_parser *parser, const char *at, size_t len);
static int on_message_complete(struct http_parser *parser);

static const struct http_parser_settings settings = {
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void http1_init(struct http1 *h, bool is_head_request, const struct http1_events *events, void *arg)
{
    *h = (struct http1){ .events = events, .arg = arg, .no_body = is_head_request };
    buf_init(&h->held, SIZE_MAX); /* one read more than HTTP1_MAX_HEAD; see read_head() */
}

void http1_fini(struct http1 *h)
{
    buf_free(&h->held);
}

static enum http1_result malformed(struct http1 *h, const char *why)
{
    h->why = why;
    return HTTP1_MALFORMED;
}

/* Shows `bytes` to http-parser; *used gets how many it took. */
static enum http1_result execute(struct http1 *h, struct text bytes, size_t *used)
{
    *used = http_parser_execute(&h->parser, &settings, bytes.ptr, bytes.len);
    switch (HTTP_PARSER_ERRNO(&h->parser)) {
    case HPE_OK:
        return HTTP1_MORE;
    case HPE_PAUSED:
        return HTTP1_DONE; /* by on_message_complete() */
    case HPE_CB_body:
        return h->why != NULL ? HTTP1_MALFORMED : HTTP1_STOPPED;
    default:
        return malformed(h, http_errno_description(HTTP_PARSER_ERRNO(&h->parser)));
    }
}

/* Where the head at the start of `bytes` ends, its empty line included. 0: not here, or not at all (why). */
static size_t head_end(struct http1 *h, struct text bytes)
{
    const char *lf;

    if (memcmp(bytes.ptr, "HTTP/1.", bytes.len < 7 ? bytes.len : 7) != 0) {
        h->why = "not an HTTP/1 answer";
        return 0;
    }
    while ((lf = memchr(bytes.ptr + h->scanned, '\n', bytes.len - h->scanned)) != NULL) {
        h->scanned = (size_t)(lf - bytes.ptr) + 1;
        if (lf[-1] != '\r') { /* there are seven bytes before it at least */
            h->why = "a line of the head ends without CR";
            return 0;
        }
        if (lf[-2] == '\n' && h->scanned <= HTTP1_MAX_HEAD)
            return h->scanned;
    }
    h->scanned = bytes.len;
    if (bytes.len > HTTP1_MAX_HEAD)
        h->why = "the head is too long";
    return 0;
}

/* "HTTP/1.1 200 Reason": the status, or 0 when it is malformed. */
static int read_status(struct text line)
{
    int status = 0;

    if (line.len < 12 || (line.ptr[7] != '0' && line.ptr[7] != '1') || line.ptr[8] != ' ')
        return 0;
    for (size_t i = 9; i < 12; i++) {
        if (line.ptr[i] < '0' || line.ptr[i] > '9')
            return 0;
        status = status * 10 + (line.ptr[i] - '0');
    }
    if (line.len > 12 && (line.ptr[12] != ' ' || !field_is_value((struct text){ line.ptr + 13, line.len - 13 })))
        return 0;
    return status >= 100 && status <= 599 ? status : 0;
}

/* One header line without its end; NULL or what is wrong with it. */
static const char *read_header(struct text line, struct transfer_header *out)
{
    const char *colon = memchr(line.ptr, ':', line.len);

    if (colon == NULL)
        return "a header line without a colon";
    out->name = (struct text){ line.ptr, (size_t)(colon - line.ptr) };
    out->value = text_trim((struct text){ colon + 1, line.len - out->name.len - 1 });
    if (!field_is_name(out->name))
        return "a malformed header name";
    if (!field_is_value(out->value))
        return "a control character in a header";
    return NULL;
}

/* Does this header define where the message or the connection ends? Notes what it states; *why when it is
 * wrong. */
static bool is_framing(struct http1 *h, const struct transfer_header *header, const char **why)
{
    switch (header->name.len) {
    case 10:
        return text_eq_nocase(header->name, TEXT("Connection"));
    case 14:
        if (!text_eq_nocase(header->name, TEXT("Content-Length")))
            return false;
        if (h->has_length || text_parse_u63(header->value, &h->length) < 0)
            *why = "a malformed Content-Length, or more than one";
        h->has_length = true;
        return true;
    case 17:
        if (!text_eq_nocase(header->name, TEXT("Transfer-Encoding")))
            return false;
        if (h->chunked || !text_eq_nocase(header->value, TEXT("chunked")))
            *why = "a Transfer-Encoding other than chunked";
        h->chunked = true;
        return true;
    default:
        return false;
    }
}

/* The headers of `lines`, each ended by CRLF, without the empty line; shows http-parser those it needs.
 * How many, or -1 with h->why. */
static int read_headers(struct http1 *h, struct text lines, bool interim, struct transfer_header *headers)
{
    int count = 0;

    while (lines.len > 0) {
        size_t len = (size_t)((const char *)memchr(lines.ptr, '\n', lines.len) - lines.ptr) + 1, used;

        h->why = count < HTTP1_MAX_HEADERS ? read_header((struct text){ lines.ptr, len - 2 }, &headers[count])
                                           : "too many headers";
        if (h->why == NULL && !interim && is_framing(h, &headers[count], &h->why) && h->why == NULL)
            execute(h, (struct text){ lines.ptr, len }, &used);
        if (h->why != NULL)
            return -1;
        count++;
        lines.ptr += len;
        lines.len -= len;
    }
    return count;
}

/* Two readers of one head must not differ. */
static bool parser_agrees(const struct http1 *h)
{
    uint64_t length = h->has_length ? (uint64_t)h->length : UINT64_MAX;

    return ((h->parser.flags & F_CHUNKED) != 0) == h->chunked && (h->chunked || h->parser.content_length == length);
}

/* A whole head. MORE when a body, or another head, is to follow. */
static enum http1_result read_head(struct http1 *h, struct text head, struct transfer_header *headers)
{
    const char *lf = memchr(head.ptr, '\n', head.len);
    struct text line = { head.ptr, (size_t)(lf - head.ptr) - 1 };
    struct text lines = { lf + 1, head.len - line.len - 4 };
    int status = read_status(line), count;
    size_t used;

    if (status == 0)
        return malformed(h, "a malformed status line");
    if (status < 200) {
        if (status == 101 || ++h->interim > HTTP1_MAX_INTERIM)
            return malformed(h, status == 101 ? "switching protocols unasked" : "too many interim answers");
        return read_headers(h, lines, true, headers) < 0 ? HTTP1_MALFORMED : HTTP1_MORE;
    }

    h->no_body = h->no_body || status == 204 || status == 304;
    http_parser_init(&h->parser, HTTP_RESPONSE);
    h->parser.data = h;
    execute(h, (struct text){ line.ptr, 12 }, &used);
    execute(h, TEXT("\r\n"), &used);
    count = read_headers(h, lines, false, headers);
    if (count < 0)
        return HTTP1_MALFORMED;
    execute(h, TEXT("\r"), &used); /* what the last header states counts from here on */
    if (h->chunked && h->has_length)
        return malformed(h, "both Content-Length and Transfer-Encoding");
    if (!parser_agrees(h))
        return malformed(h, "the head can be read in two ways");
    h->has_head = true;
    chunk_init(&h->chunk);
    if (h->events->on_head(h->arg, status, headers, (size_t)count) != 0)
        return HTTP1_STOPPED;
    return execute(h, TEXT("\n"), &used);
}

static enum http1_result read_body(struct http1 *h, struct text bytes)
{
    enum http1_result result;
    size_t used;

    h->framing_at = bytes.ptr;
    result = execute(h, bytes, &used);
    if (result == HTTP1_STOPPED || result == HTTP1_MALFORMED)
        return result;
    if (h->chunked && (!chunk_framing(&h->chunk, h->framing_at, bytes.ptr + used) ||
                       chunk_ended(&h->chunk) != (result == HTTP1_DONE)))
        return malformed(h, "malformed chunks");
    if (result == HTTP1_DONE && used < bytes.len)
        h->keep = false;
    return result;
}

enum http1_result http1_feed(struct http1 *h, struct text bytes, struct transfer_header *headers)
{
    enum http1_result result = HTTP1_MORE;
    bool was_held = h->held.len > 0;

    if (was_held) {
        if (buf_text(&h->held, bytes) < 0)
            return malformed(h, "out of memory");
        bytes = buf_view(&h->held);
    }
    while (!h->has_head && result == HTTP1_MORE && bytes.len > 0) {
        size_t len = head_end(h, bytes);

        if (len == 0 && h->why != NULL)
            return HTTP1_MALFORMED;
        if (len == 0) {
            if (was_held)
                buf_consume(&h->held, h->held.len - bytes.len);
            else if (buf_text(&h->held, bytes) < 0)
                return malformed(h, "out of memory");
            return HTTP1_MORE;
        }
        h->scanned = 0;
        result = read_head(h, (struct text){ bytes.ptr, len }, headers);
        bytes.ptr += len;
        bytes.len -= len;
    }
    if (result == HTTP1_DONE && bytes.len > 0)
        h->keep = false;
    if (result == HTTP1_MORE && bytes.len > 0)
        result = read_body(h, bytes);
    if (was_held)
        buf_free(&h->held);
    return result;
}

enum http1_result http1_end(struct http1 *h)
{
    size_t used;
    enum http1_result result = h->has_head ? execute(h, TEXT(""), &used) : HTTP1_MORE;

    h->keep = false;
    return result == HTTP1_DONE ? HTTP1_DONE : HTTP1_MORE;
}

static int on_headers_complete(struct http_parser *parser)
{
    const struct http1 *h = parser->data;

    return h->no_body ? 1 : 0;
}

static int on_body(struct http_parser *parser, const char *at, size_t len)
{
    struct http1 *h = parser->data;

    if (h->chunked) {
        if (!chunk_framing(&h->chunk, h->framing_at, at) || !chunk_data(&h->chunk, parser->content_length == 0)) {
            h->why = "malformed chunks";
            return 1;
        }
        h->framing_at = at + len;
    }
    return h->events->on_body(h->arg, (struct text){ at, len });
}

static int on_message_complete(struct http_parser *parser)
{
    struct http1 *h = parser->data;

    /* Chunks are not of HTTP/1.0: RFC 9112 §6.1 wants such a connection closed. */
    h->keep = http_should_keep_alive(parser) != 0 && !(h->chunked && parser->http_minor == 0);
    http_parser_pause(parser, 1);
    return 0;
}
