/* request.c - the life of a request between the front and the way. */
#include "flow/request.h"
#include "flow/deadline.h"

#include <stdlib.h>
#include <string.h>

#include "base/asan.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "canon/error.h"
#include "flow/captured.h"
#include "flow/metrics.h"
#include "flow/policy.h"
#include "flow/way.h"

#define BODY_RESERVED (256u << 10)
#define HOPS_MOST 256 /* bytes of x-gw-hop: 14 gateways */

static struct text bearer(struct text value)
{
    if (text_starts_nocase(value, TEXT("Bearer "))) {
        value.ptr += 7;
        value.len -= 7;
        return text_trim(value);
    }
    return TEXT_NONE;
}

/* Each gateway on the way has put itself there, in one line or in several (RFC 9110, 5.3). One that finds itself is called
 * by itself; so many others are a loop, too. */
static void keep_hops(struct request *req, struct text value)
{
    struct text own = text_of(req->worker->gateway->hop);
    if (req->hops.len > HOPS_MOST)
        return; /* refused already */
    req->hops = req->hops.len == 0
                    ? arena_text(&req->arena, value)
                    : text_of(arena_printf(&req->arena, "%.*s, %.*s", TEXT_ARG(req->hops), TEXT_ARG(value)));
    if (req->refuse == E_NONE && (req->hops.len > HOPS_MOST || (own.len > 0 && text_find(value, own) >= 0)))
        req->refuse = E_LOOP;
}

/* A small body may stand for gigabytes: none is inflated. */
static void check_coding(struct request *req, uint32_t operation, struct text value)
{
    if (req->refuse != E_NONE || operation == GW_OP_MODELS || value.len == 0 || text_eq_nocase(value, TEXT("identity")))
        return;
    req->refuse = E_MEDIA_TYPE;
    req->allow = TEXT("compressed bodies are not read here: send it as it is, without the header Content-Encoding");
}

/* Copies the few headers that matter on the way; all others end here. */
static void keep_headers(struct request *req, const struct request_head *head)
{
    size_t dialect = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        struct text name = text_of(head->headers[i].name), value = text_of(head->headers[i].value);
        if (text_eq_nocase(name, TEXT("authorization")))
            req->credentials[0] = arena_text(&req->arena, bearer(value));
        else if (text_eq_nocase(name, TEXT("x-api-key")))
            req->credentials[1] = arena_text(&req->arena, value);
        else if (text_eq_nocase(name, TEXT("api-key")))
            req->credentials[2] = arena_text(&req->arena, value);
        else if (text_eq_nocase(name, TEXT("x-request-id")))
            req->client_id = arena_text(&req->arena, (struct text){ value.ptr, value.len < 200 ? value.len : 200 });
        else if (text_eq_nocase(name, TEXT("x-gw-timeout")))
            deadline_header(req, value);
        else if (text_eq_nocase(name, TEXT("x-gw-hop")))
            keep_hops(req, value);
        else if (text_eq_nocase(name, TEXT("content-encoding")))
            check_coding(req, head->operation, value);
        else if (cached_header(req, name, value))
            continue;
        else if (dialect_has_header(name)) {
            dialect++;
            const struct dialect *of = dialect_marked_by(name);
            req->lists_as = of != NULL ? of : req->lists_as;
        } else {
            whose_header(req, name, value);
        }
    }
    if (dialect == 0)
        return;
    req->dialect_headers = arena_array(&req->arena, struct door_header, dialect);
    for (size_t i = 0; i < head->header_count; i++)
        if (dialect_has_header(text_of(head->headers[i].name)))
            req->dialect_headers[req->dialect_header_count++] =
                (struct door_header){ arena_str(&req->arena, text_of(head->headers[i].name)),
                                      arena_str(&req->arena, text_of(head->headers[i].value)) };
}

/* Memory for a request, all but its last member zeroed: what one before it has left, or new. */
static struct request *take_memory(struct worker *worker)
{
    struct request *req = worker->spares > 0 ? worker->spare[--worker->spares] : malloc(sizeof *req);
    BUG_IF(req == NULL);
    ASAN_UNPOISON_MEMORY_REGION(req, sizeof *req);
    return memset(req, 0, offsetof(struct request, first));
}

static void leave_memory(struct worker *worker, struct request *req)
{
    if (worker->spares == WORKER_SPARE) {
        free(req);
        return;
    }
    ASAN_POISON_MEMORY_REGION(req, sizeof *req);
    worker->spare[worker->spares++] = req;
}

void request_free_spare(struct worker *worker)
{
    while (worker->spares > 0)
        free(worker->spare[--worker->spares]);
}

/* Nobody's key, and of nobody's team: no client pays for it, or is limited by it. */
static void adopt_shadow(struct request *req, const struct request_shadow *shadow)
{
    req->shadow = arena_text(&req->arena, shadow->target);
    req->whose.tags = arena_text(&req->arena, shadow->tag);
    req->hops = arena_text(&req->arena, shadow->hops);
    req->wish.no_store = true;
    memcpy(req->parent_id, shadow->parent_id.ptr, shadow->parent_id.len);
}

struct request *request_begin(struct worker *worker, const struct door *door, void *client,
                              const struct request_head *head)
{
    CHECK(worker, WORKER);
    struct request *req = take_memory(worker);
    req->magic = REQUEST_MAGIC;
    req->way = &way_main;
    req->worker = worker;
    req->door = door;
    req->client = client;
    req->config = config_ref(worker->config);
    req->scripts = script_ref(worker->scripts);
    arena_init(&req->arena, req->first, sizeof req->first, req->config->limits.memory_bytes);
    buf_init(&req->body, req->config->limits.body_bytes);
    if (head->content_length > 0 && (size_t)head->content_length <= req->config->limits.body_bytes) {
        size_t room; /* at once, not by doubling; what is only announced costs no more than this */
        buf_room(&req->body,
                 (size_t)head->content_length < BODY_RESERVED ? (size_t)head->content_length : BODY_RESERVED, &room);
    }
    buf_init(&req->pending, 2 * req->config->limits.answer_bytes + req->config->limits.event_bytes + (1u << 20));
    buf_init(&req->tail_bytes, req->pending.max);
    buf_init(&req->body_out, req->config->limits.answer_bytes);
    req->face = head->face != NULL ? head->face : &face_chat; /* what the router refused has none */
    req->operation = head->operation;
    req->refuse = head->refuse;
    req->content_length = head->content_length;
    bool is_get = text_is(head->method, "GET") || text_is(head->method, "HEAD");
    req->body_state = is_get ? BODY_NONE : BODY_COMING;
    req->path = arena_text(&req->arena, head->path);
    req->deployment = arena_text(&req->arena, head->deployment);
    if (is_get)
        req->page = models_page_of(&req->arena, head->target);
    else
        query_read(req, head->query, head->query_names);
    req->tail = arena_text(&req->arena, head->tail);
    req->allow = arena_text(&req->arena, head->allow);
    req->peer = arena_text(&req->arena, forwarded_peer(req, head));
    req->begun_ns = clock_ns();
    req->admitted_ms = clock_unix_ms();
    req->started_ns = head->started_ns != 0 ? head->started_ns : req->begun_ns;
    req->first_token_ns = -1;
    uuid_new(req->id);
    keep_headers(req, head);
    req->parent = head->parent;
    if (head->parent != NULL)
        whose_adopt(req, head->tag);
    if (head->shadow != NULL)
        adopt_shadow(req, head->shadow);
    else if (req->config->policy_count > 0)
        policy_begin(req, head);
    if (req->config->capture.team_count > 0 && head->shadow == NULL && head->parent == NULL)
        captured_begin(req, head);
    bool is_shared = req->operation == GW_OP_MODELS || req->refuse == E_PATH; /* several APIs share the path */
    if (req->lists_as == NULL)
        req->lists_as = req->face->dialect;
    else if (is_shared)
        req->face = face_of(req->lists_as); /* its errors are in that shape */
    req->team = req->config->default_team;
    req->answer = (struct face_answer){ .arena = &req->arena,
                                        .ask = &req->ask,
                                        .request_id = text_of(req->id),
                                        .created = clock_unix_ms() / 1000,
                                        .usage = &req->usage };
    worker->requests++;
    way_run(req);
    req->parent = NULL; /* it may end before */
    return req;
}

void request_body(struct request *req, struct text bytes)
{
    CHECK(req, REQUEST);
    if (req->finished || req->body_state >= BODY_COMPLETE || req->refuse != E_NONE)
        return;
    if (!body_hold(req, req->body.len + bytes.len)) {
        metrics_count_event(req->worker->gateway->metrics, req->worker->index, "shed");
        metrics_count_shed(req->worker->gateway->metrics, req->worker->index, "memory");
        req->refuse = E_OVERLOAD;
        body_drop(req);
        wait_end(req, req->body_wait);
        return;
    }
    if (req->body.len + bytes.len > BODY_RESERVED) { /* not by doubling, where it is known what comes */
        size_t room;
        buf_room(&req->body, req->body_held - req->body.len, &room);
    }
    if (buf_append(&req->body, bytes.ptr, bytes.len) < 0) {
        bool fits = bytes.len <= req->body.max - req->body.len; /* then it is memory that is missing */
        if (!fits)
            req->body_state = BODY_TOO_LARGE;
        req->refuse = fits ? E_OVERLOAD : req->refuse;
        body_drop(req);
        wait_end(req, req->body_wait); /* row "decode" reports it at once */
    }
}

void request_body_end(struct request *req)
{
    CHECK(req, REQUEST);
    if (req->finished || req->body_state >= BODY_COMPLETE)
        return;
    req->body_state = BODY_COMPLETE;
    wait_end(req, req->body_wait);
}

void request_body_late(struct request *req)
{
    CHECK(req, REQUEST);
    if (req->finished || req->body_state == BODY_COMPLETE)
        return;
    req->refuse = E_TOO_SLOW;
    wait_end(req, req->body_wait);
}

/* `why` is copied. */
static void leave(struct request *req, const char *event, const struct fail *why)
{
    CHECK(req, REQUEST);
    if (req->gone)
        return;
    req->gone = true;
    req->client = NULL;
    if (req->finished)
        return;
    metrics_count_event(req->worker->gateway->metrics, req->worker->index, event);
    answer_ping_stop(req);
    req->fail = *why;
    req->failed_row = way_row_name(req);
    wait_cancel(req);
}

static void gone(struct request *req, const char *event)
{
    leave(req, event, &(struct fail){ .kind = FAIL_CLIENT, .status = 499, .type = "client_error", .code = event });
}

void request_client_gone(struct request *req)
{
    gone(req, "client_gone");
}

void request_body_refused(struct request *req, int status)
{
    struct fail why;
    error_set(&why, E_FRAMING,
              "the body is not framed as HTTP/1.1 has it: the size of a chunk, its extension or its end");
    why.status = status;
    leave(req, "bad_body", &why);
}

void request_client_stuck(struct request *req)
{
    gone(req, "client_stuck");
}

void request_drained(struct request *req)
{
    CHECK(req, REQUEST);
    if (!req->paused)
        return;
    req->paused = false;
    if (!job_is_out(req)) /* the answer has not begun then, and nothing of it waits */
        sink_drained(req);
}

static void free_later(struct loop_after *after)
{
    struct request *req = (struct request *)((char *)after - offsetof(struct request, freeing));
    struct worker *worker = req->worker;
    CHECK(req, REQUEST);
    req->magic = 0;
    for (struct attempt *a = req->attempt; a != NULL; a = a->previous)
        choose_end(a); /* of one that was refused before it was sent */
    body_drop(req);
    buf_free(&req->pending);
    buf_free(&req->tail_bytes);
    buf_free(&req->body_out);
    arena_fini(&req->arena);
    script_unref(req->scripts);
    config_unref(req->config);
    leave_memory(worker, req);
    worker->requests--;
}

void request_free(struct request *req)
{
    if (!req->released || !req->finished || req->freeing.queued)
        return;
    req->freeing.on_after = free_later;
    loop_after(&req->worker->loop, &req->freeing);
}

void request_end(struct request *req)
{
    CHECK(req, REQUEST);
    if (!req->finished)
        gone(req, "client_gone"); /* the front gave up without saying why */
    req->client = NULL;
    req->released = true;
    request_free(req);
}

char *request_refusal(const struct fail *fail, const char *request_id, size_t *len)
{
    struct buf out;
    buf_init(&out, 4096);
    face_chat.dialect->write_error(fail, text_of(request_id), &out);
    if (out.failed)
        buf_free(&out);
    return buf_take(&out, len);
}
