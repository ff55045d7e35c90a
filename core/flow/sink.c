/* sink.c - the bytes of a stream go to the client as fast as it takes them, and to whoever else has subscribed. */
#include "flow/sink.h"

#include "flow/way.h"

/* As much as the client takes now. Returns what is left. */
static struct text give(struct request *req, struct text bytes)
{
    while (bytes.len > 0 && !req->paused) {
        size_t len = bytes.len < DOOR_HIGH_MARK ? bytes.len : DOOR_HIGH_MARK;
        size_t waiting = req->door->write(req->client, (struct text){ bytes.ptr, len });
        req->bytes_out += len;
        req->last_write_ns = req->worker->loop.now_ns;
        bytes = (struct text){ bytes.ptr + len, bytes.len - len };
        req->paused = waiting > DOOR_HIGH_MARK;
    }
    if (req->paused && req->attempt->transfer != NULL && !join_is_heard(req)) /* the others do not wait for it */
        transfer_pause(req->attempt->transfer);
    return bytes;
}

/* As many as the client takes go to the door, the others wait in req->pending. */
static void to_client(struct sink_subscriber *subscriber, struct text bytes)
{
    struct request *req = (struct request *)(void *)((char *)subscriber - offsetof(struct request, sink.client));
    if (req->gone || req->pending.failed)
        return;
    if (req->pending.len == 0)
        bytes = give(req, bytes);
    if (buf_text(&req->pending, bytes) < 0)
        attempt_overflow(req->attempt);
}

void sink_subscribe(struct request *req, struct sink_subscriber *subscriber)
{
    struct sink_subscriber **at = &req->sink.first;
    while (*at != NULL)
        at = &(*at)->next;
    subscriber->next = NULL;
    *at = subscriber;
}

void sink_open(struct request *req)
{
    req->sink.client.on_bytes = to_client;
    sink_subscribe(req, &req->sink.client);
}

void sink_write(struct request *req, struct text bytes)
{
    if (bytes.len == 0)
        return;
    if (req->restoring != NULL)
        bytes = sink_restore(req, bytes);
    if (bytes.len == 0)
        return;
    for (struct sink_subscriber *s = req->sink.first; s != NULL; s = s->next)
        s->on_bytes(s, bytes);
}

void sink_keep_alive(struct request *req, struct text bytes)
{
    if (bytes.len > 0)
        to_client(&req->sink.client, bytes);
}

void sink_end(struct request *req, bool complete)
{
    for (struct sink_subscriber *s = req->sink.first; s != NULL; s = s->next)
        if (s->on_end != NULL)
            s->on_end(s, buf_view(&req->tail_bytes), complete);
}

void sink_drained(struct request *req)
{
    struct attempt *a = req->attempt;
    if (req->gone || a == NULL || req->finished)
        return;
    buf_consume(&req->pending, req->pending.len - give(req, buf_view(&req->pending)).len);
    if (req->paused)
        return;
    if (!attempt_is_over(a))
        attempt_resume(a);
    else if (req->reply >= REPLY_RELAYING)
        wait_end(req, a->wait); /* its end waited for this */
}
