/* exchange.c - the bytes of a transfer, out and in.
 *
 * No buffer is held between events: the head is written anew when it did not go out at once, bytes are
 * read into the pool's one buffer and handed on from there. */
#include "upstream/exchange.h"

#include <errno.h>

#include "upstream/exchange_head.h"

#define TRANSFER_PIECES 16 /* of head and body in one system call */
#define TRANSFER_READS 16  /* in a row, before others get their turn */
#ifdef GW_TINY
#define TRANSFER_TURN ((size_t)1000)
#else
#define TRANSFER_TURN                                                                                                  \
    ((size_t)256 << 10) /* bytes that are sent in a row: copying them takes a tenth of a millisecond */
#endif

static int on_head(void *arg, int status, const struct transfer_header *headers, size_t count);
static int on_body(void *arg, struct text bytes);

const struct http1_events exchange_events = { .on_head = on_head, .on_body = on_body };

/* What is still to be sent, as pieces, TRANSFER_TURN bytes at most. How many. */
static int gather(struct transfer *t, struct iovec *pieces)
{
    const struct transfer_request *request = t->request;
    size_t skip = t->sent, left = TRANSFER_TURN;
    int count = 0;

    if (skip < t->head_len) {
        const char *why;

        if (t->pool->head_of != t)
            exchange_head_write(t->pool->head, request, &t->address, &why); /* as it was the first time */
        t->pool->head_of = t;
        pieces[count++] = (struct iovec){ t->pool->head + skip, t->head_len - skip };
        left -= t->head_len - skip < left ? t->head_len - skip : left;
        skip = 0;
    } else {
        skip -= t->head_len;
    }
    for (size_t i = 0; i < request->body_count && count < TRANSFER_PIECES && left > 0; i++) {
        struct text body = request->body[i];

        if (skip >= body.len) {
            skip -= body.len;
            continue;
        }
        size_t len = body.len - skip < left ? body.len - skip : left;
        pieces[count++] = (struct iovec){ (void *)(uintptr_t)(body.ptr + skip), len };
        left -= len;
        skip = 0;
    }
    return count;
}

void exchange_send(struct transfer *t)
{
    struct iovec pieces[TRANSFER_PIECES];
    size_t before = t->sent;
    int count;

    t->mark_ns = t->pool->loop->now_ns;
    t->sends_on = false;
    while ((count = gather(t, pieces)) > 0) {
        if (t->sent - before >= TRANSFER_TURN) {
            t->sends_on = true; /* it takes more: after the others */
            transfer_put_off(t);
            transfer_arm(t);
            return;
        }
        ssize_t sent = dial_wire_send(&t->conn->wire, pieces, count, t->pool->scratch);

        if (sent < 0) {
            if (errno != EAGAIN) {
                t->send_broke = true; /* but an answer may have come before that */
                transfer_put_off(t);
            }
            transfer_arm(t);
            return;
        }
        t->sent += (size_t)sent;
        t->any_sent = true;
    }
    t->sent_ns = t->pool->loop->now_ns;
    transfer_enter(t, t->any_received ? READING : WAITING);
}

static int on_head(void *arg, int status, const struct transfer_header *headers, size_t count)
{
    struct transfer *t = arg;
    size_t max = t->request->max_body;

    if (max > 0 && t->answer.has_length && !t->answer.no_body && (uint64_t)t->answer.length > max)
        return 1;
    t->events->on_head(t->owner, status, headers, count);
    return t->cancelled;
}

static int on_body(void *arg, struct text bytes)
{
    struct transfer *t = arg;

    t->received += bytes.len;
    if (t->request->max_body > 0 && t->received > t->request->max_body)
        return 1;
    bool waited = t->request->content_ns > 0;
    t->events->on_body(t->owner, bytes);
    if (!t->cancelled && waited && t->request->content_ns == 0)
        transfer_arm(t); /* from here on it may be silent for idle_ns only */
    return t->cancelled;
}

static enum http1_result take(struct transfer *t, struct text bytes)
{
    t->mark_ns = t->pool->loop->now_ns;
    t->any_received = true;
    if (t->phase == WAITING)
        transfer_enter(t, READING);
    return http1_feed(&t->answer, bytes, t->pool->headers);
}

void exchange_receive(struct transfer *t)
{
    struct pool_conn *conn = t->conn;
    enum http1_result result = HTTP1_MORE;
    ssize_t got = 1;

    t->busy = true;
    for (int reads = 0; result == HTTP1_MORE && !t->paused; reads++) {
        if (reads == TRANSFER_READS) {
            transfer_put_off(t);
            break;
        }
        got = dial_wire_recv(&conn->wire, t->pool->read, POOL_READ);
        if (got <= 0)
            break;
        result = take(t, (struct text){ t->pool->read, (size_t)got });
        /* Less than was asked for: the socket is empty, and the next bytes are a new edge. */
        if ((size_t)got < POOL_READ && conn->wire.tls == NULL && !conn->hung_up) {
            conn->readable = false;
            break;
        }
    }
    t->busy = false;
    if (t->cancelled) {
        transfer_drop(t);
        return;
    }

    bool idle = got < 0 && errno == EAGAIN;
    if (idle)
        conn->readable = false;
    if (got == 0)
        result = http1_end(&t->answer);
    if (result == HTTP1_DONE)
        transfer_finish(t, TRANSFER_OK, NULL);
    else if (result == HTTP1_MALFORMED)
        transfer_finish(t, TRANSFER_MALFORMED, t->answer.why);
    else if (result == HTTP1_STOPPED)
        transfer_finish(t, TRANSFER_TOO_LARGE, "the answer is too large");
    else if (got <= 0 && !idle)
        transfer_lose(t, got == 0 ? "the connection was closed" : "the connection broke");
    else if (t->send_broke)
        transfer_lose(t, "the connection broke while sending");
}
