/* transfer.h - one HTTP exchange with an upstream, on the loop that started it.
 *
 * libcurl dials (upstream/dial.h), connections are kept (upstream/pool.h), the HTTP/1.1 is
 * ours over http-parser. Everything here runs on the loop's thread. */
#ifndef UPSTREAM_TRANSFER_H
#define UPSTREAM_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"
#include "loop/loop.h"

struct dialer;   /* upstream/dial.h */
struct pool;     /* of one worker: idle connections of every origin */
struct transfer; /* one exchange */

struct pool_settings {
    unsigned idle_per_origin; /* connections kept; 256 unless set */
    int64_t idle_ns;          /* how long; 60 s unless set */
    const char *ca_file;      /* kept; NULL: the system's */
    int64_t
        dns_max_age_ns; /* the address of a name counts no longer: its connections end then. More than 2 s; 0: as long as they hold */
};

/* `loop` and `dialer` are kept. */
struct pool *pool_new(struct loop *loop, struct dialer *dialer, const struct pool_settings *settings);
void pool_free(struct pool *pool); /* no transfer may be running */
size_t pool_idle(const struct pool *pool);
/* Another dns_max_age_ns, for what is used from now on. */
void pool_set_age(struct pool *pool, int64_t dns_max_age_ns);

struct transfer_header {
    struct text name, value;
};

/* What to send. All of it is kept by the caller until the transfer ends; meanwhile it may lengthen content_ns and total_ns, or set
 * them to 0. */
struct transfer_request {
    struct text method;
    struct text url;                       /* http://host[:port]/path?query or https; no user info, no fragment */
    const struct transfer_header *headers; /* Host, Content-Length, Connection are ours */
    size_t header_count;
    /* The body in pieces (a spliced body is prefix, replacement, suffix), none for no body. */
    const struct text *body;
    size_t body_count;
    int64_t connect_ns;    /* time to a usable connection */
    int64_t first_byte_ns; /* from sent to the first byte of the answer's head; 0: no limit */
    int64_t content_ns;    /* from sent until the caller sets this to 0, for what it waits for has come; 0: no limit */
    int64_t
        idle_ns; /* longest silence after the first byte, not while content_ns is set, and while it is sent; 0: no limit */
    int64_t total_ns; /* of the whole exchange; 0: none */
    bool replay;      /* may be sent again when a kept connection turns out to be dead */
    size_t max_body;  /* bytes of the answer's body; 0: no limit */
};

/* What became of a transfer that did not complete. */
enum transfer_failure {
    TRANSFER_OK = 0,
    TRANSFER_CONNECT,   /* DNS, TCP, TLS: no byte of the request was sent */
    TRANSFER_SEND,      /* the connection broke while the request was sent; or what was to be sent is
                         * malformed: then transfer_was_sent() is false */
    TRANSFER_RESET,     /* it broke or ended before the answer's head was complete; also a replay that
                         * found no connection */
    TRANSFER_CUT,       /* it broke or ended inside the answer's body */
    TRANSFER_MALFORMED, /* not HTTP, or refused by our limits on heads */
    TRANSFER_TOO_LARGE, /* over max_body */
    TRANSFER_TIME_CONNECT,
    TRANSFER_TIME_FIRST,
    TRANSFER_TIME_IDLE,
    TRANSFER_TIME_TOTAL,
    TRANSFER_SILENT, /* its owner called it off: others wait there in vain too. Never from a transfer itself */
    TRANSFER_SLOW,   /* its owner called it off: what it answers comes too slowly. Never from a transfer itself */
};
const char *transfer_failure_name(enum transfer_failure failure); /* "connect", "reset" ... static */
/* The same for a person, naming the setting of `timeout` that ended it. Static. */
const char *transfer_failure_text(enum transfer_failure failure);

/* The calls to its owner. Never called from inside transfer_start(), transfer_resume() or transfer_cancel().
 * After on_done the transfer is gone. The owner may call transfer_cancel() or transfer_pause() in any of them. */
struct transfer_events {
    /* The final status (200 to 599) and headers (1xx are swallowed; at most 200 in 64 KB), lent for this call. */
    void (*on_head)(void *owner, int status, const struct transfer_header *headers, size_t count);
    /* Bytes of the body with transfer coding removed, lent for this call. */
    void (*on_body)(void *owner, struct text bytes);
    /* Once, the last call. `why`: lent text for the log when failure is not OK. */
    void (*on_done)(void *owner, enum transfer_failure failure, const char *why);
};

/* Never NULL; a failure is reported by on_done later. `events` and `owner` are kept. */
struct transfer *transfer_start(struct pool *pool, const struct transfer_request *request,
                                const struct transfer_events *events, void *owner);
/* No event comes after this. An unfinished connection is closed, not kept. */
void transfer_cancel(struct transfer *t);
/* While paused nothing is read from the upstream (the idle time-out does not run). What has been read is
 * reported all the same: at most 64 KB more of on_body, and on_done when the answer ended in them. */
void transfer_pause(struct transfer *t);
void transfer_resume(struct transfer *t);
/* How it came to its connection. */
struct transfer_times {
    int64_t connection_ns; /* from the start until it had one, at its last try; -1: it has none yet */
    bool fresh;            /* dialled for it; else it was kept from before, or given back by another */
};
struct transfer_times transfer_times(const struct transfer *t);
/* True when at least one byte of the request reached the connection. */
bool transfer_was_sent(const struct transfer *t);
/* The request's body is no longer needed by this transfer (fully sent, no replay possible). */
bool transfer_body_done(const struct transfer *t);

#endif
