/* shadow.c - a copy of a request, as a request of its own behind a door that throws everything away. Limits of requests, policies and the
 * cache do not have it; budgets, the ledger, the access log and metrics do, under the default team and the tag shadow=MODEL. */
#include "flow/shadow.h"

#include <stdlib.h>

#include "base/clock.h"
#include "flow/metrics.h"
#include "flow/way.h"

enum {
    BODY_MOST = 256 << 10,
    HEADERS_MOST = 1 << 20, /* bytes of texts */
};
#define TICK_NS CLOCK_S         /* how often it is looked whether the process ends */
#define LIFE_NS (120 * CLOCK_S) /* nobody waits for what takes longer */

struct shadow {
    struct worker *worker;
    struct request *child; /* NULL: it has not begun */
    struct arena arena;    /* the head, and the body */
    struct text body;
    struct request_head head;
    struct request_shadow what;
    struct loop_after after; /* it begins; then: it is over */
    struct loop_timer timer;
    int64_t until_ns;
};

static void end(struct shadow *s)
{
    loop_timer_clear(&s->worker->loop, &s->timer);
    request_end(s->child);
    atomic_fetch_sub_explicit(&s->worker->gateway->shadows, 1, memory_order_relaxed);
    arena_fini(&s->arena);
    free(s);
}

static void on_over(struct loop_after *after)
{
    end((struct shadow *)(void *)((char *)after - offsetof(struct shadow, after)));
}

/* Inside a row of the child. */
static void over(void *client)
{
    struct shadow *s = client;
    loop_timer_clear(&s->worker->loop, &s->timer);
    s->after.on_after = on_over;
    loop_after(&s->worker->loop, &s->after);
}

static void answer(void *client, int status, const struct door_header *headers, size_t count, struct text body,
                   void (*free_body)(void *free_arg), void *free_arg, bool close)
{
    (void)status, (void)headers, (void)count, (void)body, (void)close;
    if (free_body != NULL)
        free_body(free_arg);
    over(client);
}

static void begin(void *client, int status, const struct door_header *headers, size_t count)
{
    (void)client, (void)status, (void)headers, (void)count;
}

static size_t write_bytes(void *client, struct text bytes)
{
    (void)client, (void)bytes;
    return 0;
}

static const struct door door = { .answer = answer, .begin = begin, .write = write_bytes, .end = over, .abort = over };

static void on_time(struct loop_timer *timer)
{
    struct shadow *s = (struct shadow *)(void *)((char *)timer - offsetof(struct shadow, timer));
    int64_t now_ns = clock_ns();
    if (now_ns < s->until_ns && !atomic_load(&s->worker->gateway->draining)) {
        loop_timer_set(&s->worker->loop, timer, now_ns + TICK_NS);
        return;
    }
    request_client_gone(s->child);
    end(s);
}

static void on_begin(struct loop_after *after)
{
    struct shadow *s = (struct shadow *)(void *)((char *)after - offsetof(struct shadow, after));
    s->timer.on_time = on_time;
    s->until_ns = clock_ns() + LIFE_NS;
    loop_timer_set(&s->worker->loop, &s->timer, clock_ns() + TICK_NS);
    s->child = request_begin(s->worker, &door, s, &s->head); /* it may have answered already: refused */
    request_body(s->child, s->body);
    request_body_end(s->child);
}

/* Is it such that a copy does no harm, and gives nobody what the client wants to keep away? */
static bool may_be_copied(struct request *req)
{
    bool store = req->face->canonical == NULL; /* that API keeps answers unless it is asked not to */
    scan_bool(scan_get(&req->ask.scan, "store"), &store);
    return req->shadow.len == 0 && req->parent_id[0] == '\0' && req->operation == GW_OP_CHAT &&
           !attempt_is_hit(req->attempt) && req->pin.owned == NULL && !store && !req->wish.no_store &&
           scan_get(&req->ask.scan, "tools") == NULL && scan_get(&req->ask.scan, "functions") == NULL &&
           req->team->region_count == 0 && req->team->retention_count == 0 && req->body.len > 0 &&
           !atomic_load(&req->worker->gateway->draining);
}

/* A place among those in flight. */
static bool take_place(struct gateway *gateway)
{
    if (atomic_fetch_add_explicit(&gateway->shadows, 1, memory_order_relaxed) < SHADOW_MOST)
        return true;
    atomic_fetch_sub_explicit(&gateway->shadows, 1, memory_order_relaxed);
    return false;
}

/* All that the copy needs: the request may be over before it begins. */
static void copy(struct shadow *s, const struct request *req)
{
    const struct config_shadow *of = req->model->shadow;
    struct arena *arena = &s->arena;
    struct door_header *headers = arena_array(arena, struct door_header, req->dialect_header_count + 1);
    for (size_t i = 0; i < req->dialect_header_count; i++)
        headers[i] = (struct door_header){ arena_str(arena, text_of(req->dialect_headers[i].name)),
                                           arena_str(arena, text_of(req->dialect_headers[i].value)) };
    s->body = arena_text(arena, buf_view(&req->body));
    s->what = (struct request_shadow){ .target = arena_text(arena, of->target),
                                       .tag = arena_text(arena, of->tag),
                                       .parent_id = arena_text(arena, text_of(req->id)),
                                       .hops = arena_text(arena, req->hops) };
    s->head = (struct request_head){ .method = TEXT("POST"),
                                     .target = TEXT("/"),
                                     .face = req->face,
                                     .operation = req->operation,
                                     .path = arena_text(arena, req->path),
                                     .headers = headers,
                                     .header_count = req->dialect_header_count,
                                     .content_length = (int64_t)s->body.len,
                                     .peer = arena_text(arena, req->peer),
                                     .shadow = &s->what };
}

void shadow_take(struct request *req)
{
    struct worker *worker = req->worker;
    const struct config_shadow *of = req->model != NULL ? req->model->shadow : NULL;
    if (of == NULL || of->provider->off != NULL || !may_be_copied(req) || chance_next(&worker->chance) >= of->sample)
        return;
    if (req->body.len > BODY_MOST || !take_place(worker->gateway)) {
        metrics_count_event(worker->gateway->metrics, worker->index, "shadow_dropped");
        return;
    }
    struct shadow *s = calloc(1, sizeof *s);
    BUG_IF(s == NULL);
    s->worker = worker;
    arena_init(&s->arena, NULL, 0, BODY_MOST + HEADERS_MOST);
    copy(s, req);
    s->after.on_after = on_begin;
    loop_after(&worker->loop, &s->after);
}
