/* fake_flow.c - requests that do what their header asks for. */
#include "fake_flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "flow/request.h"
#include "flow/worker.h"

struct fake_seen fake_seen;

struct request {
    struct worker *worker;
    const struct door *door;
    void *client;
    struct loop_timer timer;
    struct loop_after freeing;
    char mode[64], allow[64];
    struct buf body;
    long left, pace_ms, size;
    bool done, gone, begun, paused;
};

static char filler[1 << 16];

static void on_time(struct loop_timer *timer);

static void answer(struct request *req, int status, struct text body, void (*free_body)(void *), void *arg, bool close)
{
    struct door_header headers[] = {
        { "x-request-id", "fake" },
        { "Content-Type", "application/json" },
        { "Allow", req->allow[0] ? req->allow : "-" },
    };

    req->done = true;
    req->door->answer(req->client, status, headers, req->allow[0] ? 3 : 2, body, free_body, arg, close);
}

static void fail_with(struct request *req, enum error_case which)
{
    struct fail fail;
    struct text body;
    char *text;

    error_set(&fail, which, "fake");
    text = request_refusal(&fail, "fake", &body.len);
    body.ptr = text;
    answer(req, fail.status, body, free, text, fail.close);
}

struct request *request_begin(struct worker *worker, const struct door *door, void *client,
                              const struct request_head *head)
{
    struct request *req = calloc(1, sizeof *req);

    BUG_IF(head->face == NULL);
    if (filler[0] == '\0')
        memset(filler, 'x', sizeof filler);
    atomic_fetch_add(&fake_seen.begun, 1);
    atomic_store(&fake_seen.started_ns, head->started_ns);
    req->worker = worker;
    req->door = door;
    req->client = client;
    req->timer.on_time = on_time;
    buf_init(&req->body, worker->config->limits.body_bytes);
    for (size_t i = 0; i < head->header_count; i++)
        if (strcasecmp(head->headers[i].name, "x-fake") == 0)
            snprintf(req->mode, sizeof req->mode, "%s", head->headers[i].value);
    snprintf(req->allow, sizeof req->allow, "%.*s", TEXT_ARG(head->allow));
    snprintf(fake_seen.head, sizeof fake_seen.head, "%.*s %.*s %.*s %.*s %lld", TEXT_ARG(head->method),
             TEXT_ARG(head->target), TEXT_ARG(head->tail), TEXT_ARG(head->allow), (long long)head->content_length);
    snprintf(fake_seen.told, sizeof fake_seen.told, "%.*s %.*s %.*s %.*s", TEXT_ARG(head->path), TEXT_ARG(head->query),
             TEXT_ARG(head->deployment), TEXT_ARG(head->peer));
    fake_seen.face = head->face;
    fake_seen.operation = head->operation;
    if (head->refuse != E_NONE) {
        atomic_fetch_add(&fake_seen.refused, 1);
        fail_with(req, head->refuse);
    } else if (strncmp(req->mode, "early", 5) == 0) {
        answer(req, 401, TEXT("no"), NULL, NULL, strcmp(req->mode, "early-close") == 0);
    }
    return req;
}

void request_body(struct request *req, struct text bytes)
{
    atomic_fetch_add(&fake_seen.body, bytes.len);
    if (!req->done && buf_text(&req->body, bytes) < 0)
        fail_with(req, E_BODY_TOO_LARGE);
}

static void again(struct request *req, long ms)
{
    loop_timer_set(&req->worker->loop, &req->timer, req->worker->loop.now_ns + ms * CLOCK_MS);
}

static size_t write_one(struct request *req)
{
    size_t waiting = req->door->write(req->client, (struct text){ filler, (size_t)req->size });

    req->left--;
    if (waiting > atomic_load(&fake_seen.waiting))
        atomic_store(&fake_seen.waiting, waiting);
    return waiting;
}

static void end(struct request *req)
{
    req->done = true;
    req->door->end(req->client);
}

/* As much as the door takes. */
static void flood(struct request *req)
{
    while (req->left > 0)
        if (write_one(req) >= DOOR_HIGH_MARK) {
            req->paused = true;
            return;
        }
    end(req);
}

static void begin(struct request *req)
{
    struct door_header headers[] = { { "Content-Type", "text/event-stream" } };

    req->begun = true;
    req->door->begin(req->client, 200, headers, 1);
}

static void on_time(struct loop_timer *timer)
{
    struct request *req = (struct request *)((char *)timer - offsetof(struct request, timer));

    if (req->gone || req->done)
        return;
    if (!req->begun) {
        answer(req, 200, (struct text){ filler, 1024 }, NULL, NULL, false);
    } else if (req->left == 0) {
        end(req);
    } else {
        write_one(req);
        again(req, req->pace_ms);
    }
}

void request_body_end(struct request *req)
{
    if (sscanf(req->mode, "stream:%ld:%ld:%ld", &req->left, &req->pace_ms, &req->size) == 3) {
        begin(req);
        again(req, req->pace_ms);
    } else if (sscanf(req->mode, "burst:%ld:%ld", &req->left, &req->size) == 2) {
        begin(req);
        while (req->left > 0)
            write_one(req);
        end(req);
    } else if (sscanf(req->mode, "flood:%ld:%ld", &req->left, &req->size) == 2) {
        begin(req);
        flood(req);
    } else if (sscanf(req->mode, "later:%ld", &req->pace_ms) == 1) {
        again(req, req->pace_ms);
    } else if (sscanf(req->mode, "big:%ld", &req->size) == 1) {
        char *big = malloc((size_t)req->size);

        memset(big, 'b', (size_t)req->size);
        answer(req, 200, (struct text){ big, (size_t)req->size }, free, big, false);
    } else if (strcmp(req->mode, "abort") == 0) {
        begin(req);
        req->size = 5;
        write_one(req);
        req->pace_ms = -1;
        req->done = true;
        req->door->abort(req->client);
    } else if (strcmp(req->mode, "echo") == 0) {
        struct text body;
        char *text = buf_take(&req->body, &body.len);

        body.ptr = text;
        answer(req, 200, body, free, text, false);
    } else if (strcmp(req->mode, "never") != 0) {
        answer(req, 200, (struct text){ filler, 1024 }, NULL, NULL, strcmp(req->mode, "close") == 0);
    }
}

void request_body_late(struct request *req)
{
    atomic_fetch_add(&fake_seen.late, 1);
    if (!req->done)
        fail_with(req, E_TOO_SLOW);
}

static void leave(struct request *req)
{
    req->gone = true;
    loop_timer_clear(&req->worker->loop, &req->timer);
}

void request_client_gone(struct request *req)
{
    if (!req->done) {
        atomic_store(&fake_seen.gone_ns, clock_ns());
        atomic_fetch_add(&fake_seen.gone, 1);
    } else {
        atomic_fetch_add(&fake_seen.undelivered, 1);
    }
    leave(req);
}

void request_body_refused(struct request *req, int status)
{
    atomic_store(&fake_seen.body_status, (unsigned)status);
    atomic_fetch_add(&fake_seen.body_refusals, 1);
    request_client_gone(req);
}

void request_client_stuck(struct request *req)
{
    atomic_fetch_add(&fake_seen.stuck, 1);
    leave(req);
}

void request_drained(struct request *req)
{
    if (!req->paused) {
        atomic_fetch_add(&fake_seen.idle_drains, 1);
        return;
    }
    atomic_fetch_add(&fake_seen.drained, 1);
    req->paused = false;
    flood(req);
}

static void free_it(struct loop_after *after)
{
    free((char *)after - offsetof(struct request, freeing));
}

void request_end(struct request *req)
{
    atomic_fetch_add(&fake_seen.ended, 1);
    leave(req);
    buf_free(&req->body);
    req->freeing.on_after = free_it;
    loop_after(&req->worker->loop, &req->freeing);
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
