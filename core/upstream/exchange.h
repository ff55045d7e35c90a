/* exchange.h - the inside of a transfer, shared by transfer.c (its life) and exchange.c (bytes out and in). */
#ifndef UPSTREAM_EXCHANGE_H
#define UPSTREAM_EXCHANGE_H

#include "upstream/address.h"
#include "upstream/http1.h"
#include "upstream/pool.h"
#include "upstream/transfer.h"

#define TRANSFER_MAGIC UINT32_C(0x7472616e)

enum transfer_phase { CONNECTING, SENDING, WAITING, READING, ENDED };

struct transfer {
    uint32_t magic;
    uint8_t phase;
    bool busy;      /* an owner's event may be on the stack */
    bool cancelled; /* nothing of the owner's may be touched any more */
    bool paused;
    bool kept; /* the connection was idle before: it may be dead */
    bool retried;
    bool any_sent, any_received;
    bool send_broke;
    bool sends_on;   /* the socket may take more than was sent in one turn */
    uint8_t failure; /* what the put-off part is to report */
    struct pool *pool;
    struct pool_conn *conn;
    const struct transfer_request *request;
    const struct transfer_events *events;
    void *owner;
    struct address address;
    struct http1 answer;
    struct pool_want want;
    struct loop_timer timer;
    struct loop_after after;
    uint64_t round;        /* of the loop, in which it began to send */
    int64_t start_ns;      /* of the transfer */
    int64_t connection_ns; /* from there until it had a connection; -1: not yet */
    int64_t mark_ns;       /* of the phase, or of its last byte */
    int64_t sent_ns;       /* when all of the request was; 0: it is not */
    size_t head_len, sent;
    uint64_t received; /* of the body */
    const char *why;
    char *why_memory; /* when `why` is not static */
};

/* exchange.c: never calls the owner. Sends what the socket takes, a bounded number of bytes before others get their turn. */
void exchange_send(struct transfer *t);
/* Reads until there is nothing more, the answer ends, or the owner wants no more. May be the end of `t`. */
void exchange_receive(struct transfer *t);
extern const struct http1_events exchange_events;

/* transfer.c */
void transfer_enter(struct transfer *t, enum transfer_phase phase); /* from now on, with its deadline */
void transfer_arm(struct transfer *t);                              /* a deadline may have come nearer */
void transfer_put_off(struct transfer *t);                          /* goes on after this batch of events */
void transfer_finish(struct transfer *t, enum transfer_failure failure, const char *why); /* the end of `t` */
void transfer_lose(struct transfer *t, const char *why); /* no connection, no whole answer: another try, or the end */
void transfer_drop(struct transfer *t);                  /* the end of `t`, without a word */

#endif
