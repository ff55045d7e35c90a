/* inside.h - what the files of this room share: the front, its daemons, and one record per connection.
 *
 * libmicrohttpd (MHD) parses requests and frames answers. It walks all suspended connections of a
 * daemon whenever one is resumed, so a front has many daemons of at most 16 connections each, and
 * runs only those that have something to do. MHD's time-out is one of inactivity and MHD does not
 * notice a suspended client that leaves, so deadlines and the watch for leavers are ours. */
#ifndef HTTP_INSIDE_H
#define HTTP_INSIDE_H

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/config.h"
#include "flow/request.h"
#include "flow/worker.h"
#include "loop/loop.h"

struct lingering_close;
struct route;
struct client;

#define FRONT_BACKLOG 4096 /* connections that wait to be accepted */
/* For GnuTLS: TLS 1.2 and 1.3, forward secrecy and authenticated encryption only: what ssl-config.mozilla.org calls
 * intermediate (version 5.7, 2026-11). */
#define TLS_PRIORITIES                                                                                                 \
    "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:+AES-256-GCM:"          \
    "+AES-128-GCM:+CHACHA20-POLY1305:-MAC-ALL:+AEAD:%SERVER_PRECEDENCE"

#define TARGET_MAX 8192u /* bytes of a request target */

/* One MHD daemon. */
struct daemon {
    struct front *front;
    struct MHD_Daemon *mhd;
    struct loop_watch watch; /* its epoll descriptor */
    struct client *first;    /* its connections */
    unsigned connections;
    unsigned begun; /* heads of which a byte has come, and not all */
    bool has_room, queued;
    struct daemon *next_room; /* stack of those with room */
    struct daemon *next_run;  /* queue of those to run */
};

/* Connections that wait for the same thing for the same time: first in, first due. */
struct lane {
    struct loop_timer timer;
    struct front *front;
    int64_t span_ns;
    struct client *first, *last;
    void (*late)(struct client *c);
};

enum lane_name {
    LANE_HEAD,  /* the head is not complete */
    LANE_BODY,  /* the body is not complete */
    LANE_WRITE, /* bytes wait for the client */
    LANE_REST,  /* between two requests; a part of the next head may have come with the last one */
    LANE_IDLE,  /* between two requests for longer: it was looked at, nothing has come */
    LANE_LAST,  /* it was reported to end; or draining, and the next request has not begun yet */
    LANES
};

#define FRONT_MAGIC 0x66726f6eu
struct front {
    uint32_t magic;
    struct worker *worker;
    struct loop *loop;
    struct config_limits limits; /* as they were at front_new(), or front_reload() */
    char *cert, *key;            /* PEM with NUL, or NULL */

    struct loop_watch listener; /* fd -1 when closed */
    struct loop_timer pause;    /* no descriptors left: the listener rests */
    int spare_fd;               /* given up to answer one more client when descriptors run out */
    int64_t warned_ns;          /* when the log last reported it */
    bool draining, freed;

    struct daemon **daemons; /* never shrinks */
    size_t daemon_count, daemon_cap;
    struct daemon *room;
    struct daemon *run_first, **run_last;
    struct loop_after run;

    struct lane lanes[LANES];
    struct client *drained; /* whose request is informed of it after the daemons have run */
    size_t open;

    struct lingering_close *lingering;
    unsigned lingering_count;

    struct sockaddr_storage arriving; /* the peer of the connection that MHD is being given */
    int arriving_fd;
    struct door_header *headers; /* of the head that is being read: header_count of the limits */
    char *scratch;               /* TARGET_MAX bytes, for a decoded tail */
};

enum phase {
    PHASE_HEAD,   /* accepted, or the first byte of a request has come */
    PHASE_BODY,   /* the request is known, its body is coming */
    PHASE_WAY,    /* all of it is here: the answer is awaited; MHD's connection is suspended */
    PHASE_ANSWER, /* the answer is on its way out */
    PHASE_IDLE,   /* answered; kept for a next one */
};

#define CLIENT_MAGIC 0x636c6e74u
struct client {
    uint32_t magic;
    enum phase phase;

    /* The connection. */
    struct front *front;
    struct daemon *daemon;
    struct MHD_Connection *mhd;
    struct loop_watch socket; /* in the worker's own epoll, beside MHD's */
    struct loop_after free_later;
    struct client *prev, *next; /* of the daemon */
    struct lane *lane;          /* the deadline it is under, NULL for none */
    struct client *lane_prev, *lane_next;
    int64_t due_ns;
    char peer[INET6_ADDRSTRLEN];
    bool loopback;
    bool byte_seen;      /* of the head that is awaited */
    bool begun;          /* counted in the daemon's `begun` */
    bool hup;            /* the client has closed, or half-closed */
    bool linger;         /* bytes of the client are unread: close in a way that does not lose the answer */
    bool suspended;      /* in MHD, and not resumed since */
    bool closes;         /* the head of the last answer reported that the connection ends with it */
    bool is_last;        /* so did the head of the request, or its version, or MHD refused it */
    bool uncounted;      /* `taken` is not known: a body was chunked */
    uint64_t taken;      /* bytes of the requests so far */
    uint64_t written;    /* bytes of the answers to them */
    unsigned untaken;    /* requests whose empty lines are not in `taken` yet */
    uint64_t done_round; /* round of the loop in which the last request ended, */
    int64_t done_ns;     /* and when */

    /* The request on it, all zero between requests. */
    struct request *req;
    void (*serve)(struct client *c); /* the front answers this itself: there is no request */
    const struct route *route;       /* by its path, NULL for an unknown one */
    char *target;                    /* a copy, when it has a query */
    char *origin;                    /* of a page that may read the answer; NULL: none */
    char *preflight;                 /* headers that it asks to send; NULL: it asks for nothing */
    struct MHD_Response *answer;     /* made, not yet queued */
    struct buf out;                  /* streamed bytes that wait */
    struct client *next_drained;
    uint64_t received; /* bytes of the body */
    uint64_t acked;    /* by the client's TCP, as of the last look */
    int64_t started_ns;
    uint16_t status;
    uint8_t stalls; /* looks without progress */
    bool head_done; /* the handler was called */
    bool body_done;
    bool inside; /* MHD is calling us about it */
    bool http10;
    bool answered; /* answer() or begin() was called */
    bool queued;   /* the answer is MHD's */
    bool streamed, ended;
    bool close; /* the connection ends with this answer */
    bool cut;   /* the connection ends now */
    bool told;  /* the request knows that its client is gone, or wanted it cut */
    bool high;  /* DOOR_HIGH_MARK was passed */
    bool drain_queued;
};

#define CONTAINER(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static inline bool front_has_tls(const struct front *f)
{
    return f->cert != NULL;
}

#endif
