/* small_server.h - a small HTTP server on an address and threads of its own, for people and scripts rather than for many requests: each
 * request comes whole, and its answer goes whole. What it calls may wait: no worker is behind it. */
#ifndef HTTP_SMALL_SERVER_H
#define HTTP_SMALL_SERVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/text.h"

enum {
    SMALL_SERVER_QUERY_MOST = 32,
    SMALL_SERVER_BODY_MOST = 1 << 20,
    SMALL_SERVER_ANSWER_MOST = 256 << 20,
};

/* All of it is lent until the call returns. */
struct small_request {
    struct text method;
    struct text path; /* as it was sent, without the query; what is encoded in it still is */
    struct text authorization, content_type;
    struct text body;
    struct {
        struct text name, value; /* decoded */
    } query[SMALL_SERVER_QUERY_MOST];
    size_t query_count;
    bool query_is_bad;           /* more than that, or percent signs that encode nothing */
    char peer[INET6_ADDRSTRLEN]; /* its address */
    struct arena *arena;         /* for this request */
};

struct small_answer {
    int status;
    const char *type;  /* static; of the body */
    struct buf body;   /* may be empty */
    const char *allow; /* static or of the request's arena; of a 405; NULL */
    int retry_after_s; /* 0: no header */
    bool challenge;    /* "WWW-Authenticate: Bearer" */
};

/* On one of the server's threads, several at a time. */
typedef void (*small_serve)(void *owner, const struct small_request *request, struct small_answer *answer);

struct small_server_settings {
    struct text address;
    uint16_t port;                 /* 0: any free one */
    struct text cert_pem, key_pem; /* absent: plain HTTP */
    bool is_local;                 /* the address is a loopback address */
    small_serve serve;
    void *owner;
};

struct small_server;

/* Listens and serves until small_server_close(). `settings` is lent. NULL with `fail` (FAIL_OPERATOR). Given. Boot thread. */
struct small_server *small_server_open(const struct small_server_settings *settings, uint16_t *bound_port,
                                       struct fail *fail);
/* Requests under way are finished. */
void small_server_close(struct small_server *server);

/* The bytes of an encoded text, arena; absent where a percent sign encodes nothing, or encodes NUL. `plus`: '+' is a blank. */
struct text small_server_decode(struct text t, bool plus, struct arena *arena);

#endif
