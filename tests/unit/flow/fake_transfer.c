/* fake_transfer.c - the upstream that a test plays. */
#include "fake_transfer.h"

#include <stdlib.h>

#include "check.h"

struct transfer {
    const struct transfer_events *events;
    void *owner;
    const struct transfer_request *request;
    bool paused;
    bool unsent; /* it found no connection */
    bool body_coming;
};

struct pool {
    int unused;
};

static struct transfer *now;
static unsigned begun;

struct pool *pool_new(struct loop *loop, struct dialer *dialer, const struct pool_settings *settings)
{
    (void)loop, (void)dialer, (void)settings;
    return calloc(1, sizeof(struct pool));
}

void pool_set_age(struct pool *pool, int64_t dns_max_age_ns)
{
    (void)pool, (void)dns_max_age_ns;
}

void pool_free(struct pool *pool)
{
    free(pool);
}

struct transfer *transfer_start(struct pool *pool, const struct transfer_request *request,
                                const struct transfer_events *events, void *owner)
{
    (void)pool;
    cr_assert_null(now);
    now = calloc(1, sizeof *now);
    cr_assert_not_null(now);
    *now = (struct transfer){ .events = events, .owner = owner, .request = request };
    begun++;
    return now;
}

void transfer_cancel(struct transfer *t)
{
    cr_assert_eq(t, now);
    free(now);
    now = NULL;
}

void transfer_pause(struct transfer *t)
{
    t->paused = true;
}

void transfer_resume(struct transfer *t)
{
    t->paused = false;
}

struct transfer_times transfer_times(const struct transfer *t)
{
    (void)t;
    return (struct transfer_times){ .connection_ns = 0 };
}

bool transfer_was_sent(const struct transfer *t)
{
    return !t->unsent;
}

bool transfer_body_done(const struct transfer *t)
{
    return !t->body_coming;
}

const char *transfer_failure_name(enum transfer_failure failure)
{
    return failure == TRANSFER_OK ? "ok" : failure == TRANSFER_CUT ? "cut" : "failed";
}

const char *transfer_failure_text(enum transfer_failure failure)
{
    return transfer_failure_name(failure);
}

bool fake_runs(void)
{
    return now != NULL;
}

bool fake_is_paused(void)
{
    return now != NULL && now->paused;
}

void fake_unsent(bool unsent)
{
    if (now != NULL)
        now->unsent = unsent;
}

void fake_body_done(bool done)
{
    if (now != NULL)
        now->body_coming = !done;
}

unsigned fake_begun(void)
{
    return begun;
}

const struct transfer_request *fake_request(void)
{
    return now != NULL ? now->request : NULL;
}

void fake_head(int status, const char *content_type)
{
    struct transfer_header type = { TEXT("Content-Type"), text_of(content_type) };
    if (now != NULL)
        now->events->on_head(now->owner, status, &type, 1);
}

void fake_body(struct text bytes)
{
    if (now != NULL && bytes.len > 0)
        now->events->on_body(now->owner, bytes);
}

void fake_done(enum transfer_failure failure)
{
    struct transfer *t = now;
    if (t == NULL)
        return;
    t->unsent = failure == TRANSFER_CONNECT;
    now = NULL; /* gone before the call: another may be started in it */
    t->events->on_done(t->owner, failure, failure == TRANSFER_OK ? NULL : "told by the test");
    free(t);
}

void fake_answer(int status, const char *content_type, struct text body, size_t piece)
{
    fake_head(status, content_type);
    for (size_t at = 0; at < body.len && now != NULL; at += piece)
        fake_body((struct text){ body.ptr + at, body.len - at < piece ? body.len - at : piece });
    fake_done(TRANSFER_OK);
}
