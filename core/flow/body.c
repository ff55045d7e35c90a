/* body.c - how many bytes of bodies all requests may hold together: a bound of the process, so that many large ones are refused
 * before the memory is gone. */
#include "flow/way.h"

enum { FIRST = 64 << 10 };

/* What `req` shall hold from now on: its whole body where its length is known, else more by doubling. */
static size_t next_hold(const struct request *req, size_t wanted)
{
    size_t most = req->config->limits.body_bytes, next = req->body_held < FIRST / 2 ? FIRST : 2 * req->body_held;
    if (req->content_length >= 0 && (size_t)req->content_length >= wanted && (size_t)req->content_length <= most)
        return (size_t)req->content_length;
    next = next > wanted ? next : wanted;
    return next < most || wanted > most ? next : most;
}

size_t body_most(const struct request *req)
{
    size_t most = req->config->limits.bodies_bytes;
    return most > 0 ? most : req->worker->gateway->bodies_most;
}

bool body_hold(struct request *req, size_t wanted)
{
    struct gateway *gateway = req->worker->gateway;
    size_t most = body_most(req);
    if (wanted <= req->body_held)
        return true;
    size_t next = next_hold(req, wanted), more = next - req->body_held;
    size_t held = atomic_fetch_add_explicit(&gateway->bodies_held, more, memory_order_relaxed) + more;
    if (next <= FIRST)
        most += most / 8; /* a few large ones shall not shut out the many small ones */
    if (most > 0 && held > most) {
        atomic_fetch_sub_explicit(&gateway->bodies_held, more, memory_order_relaxed);
        return false;
    }
    req->body_held = next;
    return true;
}

void body_drop(struct request *req)
{
    buf_free(&req->body);
    atomic_fetch_sub_explicit(&req->worker->gateway->bodies_held, req->body_held, memory_order_relaxed);
    req->body_held = 0;
}
