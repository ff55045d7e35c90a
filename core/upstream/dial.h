/* dial.h - a connection to an upstream: DNS, TCP, proxy and TLS are libcurl's (CURLOPT_CONNECT_ONLY), and
 * dial.c is the only door to it. What comes out is a wire.
 *
 * The few threads of a dialer (dialer.c) dial as many addresses at once as are asked for: nothing blocks, so
 * an address that stalls costs memory and descriptors until its time is up, and delays no other. */
#ifndef UPSTREAM_DIAL_H
#define UPSTREAM_DIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/text.h"
#include "loop/loop.h"

/* Both ends of nothing, or a connected, non-blocking socket. One thread at a time. */
struct wire {
    void *tls; /* libcurl's handle; NULL for a plain socket: the handle alone is 17 KB */
    int fd;
};

#define WIRE_CLOSED ((struct wire){ .tls = NULL, .fd = -1 })
/* Bytes that one dial_wire_send() puts into one TLS record at most; so long must its scratch be. */
#define WIRE_SCRATCH ((size_t)16 << 10)

/* Bytes read, 0 at the end, or -1 with errno: EAGAIN, or it is broken. TLS keeps decrypted bytes of its
 * own: read until EAGAIN, whatever the socket reports. */
ssize_t dial_wire_recv(struct wire *w, void *out, size_t len);
/* Bytes sent of the pieces, at least one, or -1 with errno. After EAGAIN the same bytes must be sent again.
 * `scratch` is lent, WIRE_SCRATCH bytes, for a TLS wire always the same (OpenSSL looks at the address). */
ssize_t dial_wire_send(struct wire *w, const struct iovec *pieces, int count, char *scratch);
/* The fd must not be watched any more. */
void dial_wire_close(struct wire *w);

/* Threads that dial. */
struct dialer;

/* One dialling. */
struct dial {
    void (*on_done)(struct dial *dial); /* on the thread of `home`; calls dial_free() */
    void *owner;
    struct wire wire; /* the result; WIRE_CLOSED when it failed. Whoever takes it sets it to that. */
    bool timed_out;
    char why[256]; /* why it failed, for the log; no secrets */
    const char *ca_file;
    int64_t connect_ns;
    bool asks_anew; /* the address that was found for another dialling does not count */
    char *origin;

    /* dial.c and dialer.c; of the dialler's thread while it runs */
    struct dialer_thread *thread;
    struct loop *home;
    struct loop_message message; /* there and back */
    struct loop_watch watch;     /* of `sockets` */
    struct loop_timer timer;
    struct dial *prev, *next; /* on its thread */
    void *multi, *easy;       /* libcurl's, this dialling's alone: the TLS wire keeps them */
    int64_t due_ns;           /* its time is up */
    int sockets;              /* an epoll of the sockets that libcurl has opened */
    bool looked_up;           /* the address is known: a socket was asked for */
    bool refused;             /* that address is forbidden */
    bool waits;               /* for the look-up that another dialling of the same origin makes */
};

#define DIAL_NAME_NS INT64_C(2000000000) /* an address that was found counts for so long, for other diallings too */

/* libcurl's own start. Call before threads start; dialer_new() calls it too, more than once does no harm. */
void dial_start(void);
/* Will dial `origin` ("https://host:port", lent) within `connect_ns`, counted from dialer_submit(). `ca_file`:
 * lent, NULL for the system's. Given: free with dial_free(). */
struct dial *dial_new(struct text origin, const char *ca_file, int64_t connect_ns);
/* Dials on a thread of `dialer`. `dial` is taken until its on_done runs on the thread of `home`. */
void dialer_submit(struct dial *dial, struct dialer *dialer, struct loop *home);
/* Closes the wire, if nobody took it. */
void dial_free(struct dial *dial);

/* Starts `threads` threads (1 or more; each may dial thousands at once). NULL with errno when there are no
 * descriptors or threads left. */
struct dialer *dialer_new(unsigned threads);
/* Ends at once: what is still being dialled fails. Every home loop must still be alive, and run or be ended
 * (loop_fini) after this. */
void dialer_free(struct dialer *dialer);

/* Is this an address no upstream may have: link-local, and with it the metadata services of clouds? Also
 * when written as a mapped or translated IPv6 address. */
bool dial_is_forbidden(const struct sockaddr *address);

#endif
