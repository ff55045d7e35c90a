/* http1.h - reads one HTTP/1.1 answer from bytes cut anywhere.
 *
 * http-parser reports how long the body is and takes the chunks apart; what it is too lenient about is
 * checked here first (see http1.c). No I/O. */
#ifndef UPSTREAM_HTTP1_H
#define UPSTREAM_HTTP1_H

#include <http_parser.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "upstream/chunk.h"
#include "upstream/transfer.h"

#define HTTP1_MAX_HEAD ((size_t)64 << 10) /* bytes of one head, its empty line included */
#define HTTP1_MAX_HEADERS 200
#define HTTP1_MAX_INTERIM 16 /* 1xx answers before the final one */

/* Informed while bytes are fed. An answer other than 0 ends the reading. */
struct http1_events {
    int (*on_head)(void *arg, int status, const struct transfer_header *headers, size_t count);
    int (*on_body)(void *arg, struct text bytes);
};

enum http1_result {
    HTTP1_MORE,    /* the answer goes on */
    HTTP1_DONE,    /* it is complete */
    HTTP1_STOPPED, /* an event reported it */
    HTTP1_MALFORMED,
};

struct http1 {
    struct http_parser parser; /* its `data` is this struct */
    const struct http1_events *events;
    void *arg;
    struct buf held;        /* a head that is cut; nothing else */
    size_t scanned;         /* of it */
    const char *framing_at; /* while fed: from here on the chunk framing is not checked yet */
    const char *why;        /* of HTTP1_MALFORMED, static */
    int64_t length;         /* Content-Length, when has_length */
    struct chunk chunk;
    uint8_t interim;
    bool no_body; /* whatever its headers announce: the answer to HEAD, 204, 304 */
    bool has_head, has_length, chunked;
    bool keep; /* when DONE: the connection may be used again */
};

/* `events` and `arg` are kept. */
void http1_init(struct http1 *h, bool is_head_request, const struct http1_events *events, void *arg);
void http1_fini(struct http1 *h);
/* `headers`: room for HTTP1_MAX_HEADERS, lent. Bytes after the end of the answer make h->keep false. */
enum http1_result http1_feed(struct http1 *h, struct text bytes, struct transfer_header *headers);
/* The connection ended: HTTP1_DONE when that ends the answer, HTTP1_MORE when it was cut. */
enum http1_result http1_end(struct http1 *h);

#endif
