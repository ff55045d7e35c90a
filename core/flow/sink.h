/* sink.h - where the bytes of a stream to the client go: one sink, and who has subscribed to it. The client is the first of
 * them; a recorder for a cache or the followers of an equal request are others.
 *
 * Worker's thread. Only flow/ includes this. */
#ifndef FLOW_SINK_H
#define FLOW_SINK_H

#include <stdbool.h>

#include "base/text.h"

struct request;

/* Kept by who subscribes, until the request has ended. */
struct sink_subscriber {
    /* Bytes of the stream, in order (lent). It may neither wait nor fail: who falls behind keeps what it needs. */
    void (*on_bytes)(struct sink_subscriber *subscriber, struct text bytes);
    /* No more of them come; `tail` (lent) is the end of the stream, which the client gets when the request is settled. Not
     * complete: an error stands in the place of what is missing. Not called where the client has left. May be NULL. */
    void (*on_end)(struct sink_subscriber *subscriber, struct text tail, bool complete);
    struct sink_subscriber *next;
};

/* Of one request; zeroed at its begin. */
struct sink {
    struct sink_subscriber client, *first;
};

/* From now on the client gets what is written. */
void sink_open(struct request *req);
/* One more, behind those that there are. */
void sink_subscribe(struct request *req, struct sink_subscriber *subscriber);
/* Bytes of the stream, to all (lent). */
void sink_write(struct request *req, struct text bytes);
/* To the client alone, who has nothing of the stream yet: what keeps it alive. */
void sink_keep_alive(struct request *req, struct text bytes);
/* The stream has its end in req->tail_bytes: all but the client are given it. */
void sink_end(struct request *req, bool complete);
/* Texts that come back in the answer: where there are any, all bytes of the stream pass through sink_restore() on their way to the
 * sink, and its end, req->tail_bytes, through sink_restore_end(). sink_restore.c */
struct restore_text;
struct sink_restoring;
void sink_restore_begin(struct request *req, const struct restore_text *texts, size_t count);
/* Returns the bytes to send instead of `bytes`, lent until the next call. Text that may still become a key is held back. */
struct text sink_restore(struct request *req, struct text bytes);
void sink_restore_end(struct request *req);
/* The client takes more. */
void sink_drained(struct request *req);

#endif
