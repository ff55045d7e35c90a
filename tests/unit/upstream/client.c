/* client.c - runs exchanges and checks that each gets the report of its end once. */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"

static void too_late(struct loop_timer *timer)
{
    struct client *c = (struct client *)((char *)timer - offsetof(struct client, limit));

    c->late = true;
    loop_stop(&c->loop);
}

static void nap_over(struct loop_timer *timer)
{
    loop_stop(&((struct client *)((char *)timer - offsetof(struct client, nap)))->loop);
}

struct client *client_new(unsigned threads, const struct pool_settings *settings)
{
    struct client *c = calloc(1, sizeof *c);

    cr_assert_eq(loop_init(&c->loop), 0);
    c->dialer = dialer_new(threads);
    cr_assert_not_null(c->dialer);
    c->pool = pool_new(&c->loop, c->dialer, settings);
    c->limit.on_time = too_late;
    c->nap.on_time = nap_over;
    loop_timer_set(&c->loop, &c->limit, c->loop.now_ns + 30 * CLOCK_S);
    return c;
}

void client_free(struct client *c)
{
    cr_assert_eq(c->running, 0);
    cr_assert_not(c->late, "the test ran into its time limit");
    loop_timer_clear(&c->loop, &c->limit);
    pool_free(c->pool);
    dialer_free(c->dialer);
    cr_assert_eq(c->loop.timers, 0, "a timer was left");
    loop_fini(&c->loop);
    free(c);
}

uint32_t client_sum(uint32_t sum, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum = sum * 31 + (unsigned char)bytes[i];
    return sum;
}

/* True when this was the moment to do something and it was done. */
static bool act(struct exchange *e, enum moment moment)
{
    if (e->pause_at == moment)
        transfer_pause(e->transfer);
    if (e->cancel_at != moment)
        return false;
    e->ended = true;
    transfer_cancel(e->transfer);
    if (moment != AT_DONE) {
        e->transfer = NULL;
        if (--e->client->running == 0)
            loop_stop(&e->client->loop);
    }
    return true;
}

static void on_head(void *owner, int status, const struct transfer_header *headers, size_t count)
{
    struct exchange *e = owner;

    cr_assert_not(e->ended);
    e->heads++;
    e->status = status;
    for (size_t i = 0; i < count; i++)
        buf_printf(&e->headers, "%.*s=%.*s\n", TEXT_ARG(headers[i].name), TEXT_ARG(headers[i].value));
    act(e, AT_HEAD);
}

static void on_body(void *owner, struct text bytes)
{
    struct exchange *e = owner;

    cr_assert_not(e->ended);
    cr_assert_eq(e->heads, 1);
    cr_assert_gt(bytes.len, 0);
    e->received += bytes.len;
    if (e->has_content)
        e->request.content_ns = 0;
    if (e->keep_body)
        buf_text(&e->body, bytes);
    else
        e->sum = client_sum(e->sum, bytes.ptr, bytes.len);
    act(e, AT_BODY);
}

static void on_done(void *owner, enum transfer_failure failure, const char *why)
{
    struct exchange *e = owner;

    cr_assert_not(e->ended);
    cr_assert(failure != TRANSFER_OK || e->heads == 1);
    cr_assert(failure == TRANSFER_OK || (why != NULL && why[0] != '\0'));
    cr_assert(transfer_body_done(e->transfer));
    act(e, AT_DONE);
    e->ended = true;
    e->transfer = NULL;
    e->dones++;
    e->failure = failure;
    if (why != NULL)
        snprintf(e->why, sizeof e->why, "%s", why);
    if (--e->client->running == 0)
        loop_stop(&e->client->loop);
}

static const struct transfer_events events = { .on_head = on_head, .on_body = on_body, .on_done = on_done };

void exchange_init(struct exchange *e, struct client *c, const char *url, const char *path)
{
    memset(e, 0, sizeof *e);
    e->client = c;
    snprintf(e->url, sizeof e->url, "%s%s", url, path);
    e->request = (struct transfer_request){
        .method = TEXT("GET"),
        .url = text_of(e->url),
        .connect_ns = 10 * CLOCK_S,
        .first_byte_ns = 10 * CLOCK_S,
        .idle_ns = 10 * CLOCK_S,
    };
    e->keep_body = true;
    buf_init(&e->headers, 1 << 20);
    buf_init(&e->body, 1 << 20);
}

void exchange_fini(struct exchange *e)
{
    buf_free(&e->headers);
    buf_free(&e->body);
}

void client_start(struct exchange *e)
{
    e->client->running++;
    e->transfer = transfer_start(e->client->pool, &e->request, &events, e);
    cr_assert_not_null(e->transfer);
    cr_assert_eq(e->heads + e->dones, 0, "told something from inside transfer_start()");
}

void client_run(struct client *c)
{
    if (c->running > 0)
        loop_run(&c->loop);
    cr_assert_not(c->late, "the test ran into its time limit");
}

void client_nap(struct client *c, int ms)
{
    loop_timer_set(&c->loop, &c->nap, clock_ns() + ms * CLOCK_MS);
    while (c->nap.slot != 0 && !c->late)
        loop_run(&c->loop);
}

void client_get(struct exchange *e, struct client *c, const char *url, const char *path)
{
    exchange_init(e, c, url, path);
    client_start(e);
    client_run(c);
}
