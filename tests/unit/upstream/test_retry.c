/* test_retry.c - connections that break at the worst moment, and diallings that outlive who asked for them. */
#include "check.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "client.h"
#include "server.h"
#include "tarpit.h"
#include "upstream/pool.h"

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

enum { LARGE = 16 << 20 }; /* more than sockets hold */
static char large[LARGE];

/* Reads a request with LARGE bytes of body, and keeps none of it. */
static bool skip_large(struct server_conn *conn)
{
    size_t left = 0;

    do {
        char some[65536];
        ssize_t got = recv(conn->fd, some, sizeof some - 1, 0);

        if (got <= 0)
            return false;
        some[got] = '\0';
        if (left == 0) /* the head comes in one piece */
            left = LARGE + (size_t)(strstr(some, "\r\n\r\n") + 4 - some);
        left -= (size_t)got;
    } while (left > 0);
    conn->server->requests++;
    return true;
}

/* The first connection answers once, and breaks in the middle of the request after that. */
static void serve_breaking(struct server_conn *conn)
{
    if (conn->number > 0) {
        while (skip_large(conn))
            server_say(conn, HELLO);
    } else if (server_skip(conn) && server_say(conn, HELLO)) {
        server_sleep(150); /* what is sent meanwhile does not fit */
        server_reset(conn);
    }
}

/* One batch of events reports that the connection takes no more bytes and that it ended: one try more, not two. */
Test(retry, is_made_when_a_kept_connection_breaks_while_it_is_sent_to)
{
    struct text body = { large, LARGE };

    for (int round = 0; round < 3; round++) {
        struct server *s = server_start(serve_breaking, NULL);
        struct client *c = client_new(1, NULL);
        struct exchange e;

        client_get(&e, c, s->url, "/");
        cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
        exchange_fini(&e);
        exchange_init(&e, c, s->url, "/");
        e.request.method = TEXT("POST");
        e.request.body = &body;
        e.request.body_count = 1;
        e.request.replay = true;
        client_start(&e);
        client_run(c);
        cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
        cr_assert_eq(s->connections, 2);
        cr_assert_eq(s->requests, 2);
        exchange_fini(&e);
        client_free(c);
        server_stop(s);
    }
}

static void leave(struct exchange *e)
{
    e->client->running--;
    e->ended = true;
    transfer_cancel(e->transfer);
    exchange_fini(e);
}

/* The dialling of somebody who left fails: who asked after that has a dialling of its own, with its own time. */
Test(retry, nobody_hears_of_the_failure_of_a_dialling_that_began_for_somebody_else)
{
    struct client *c = client_new(1, NULL);
    struct tarpit tarpit;
    struct exchange first, second;

    tarpit_open(&tarpit, true);
    exchange_init(&first, c, tarpit.url, "/");
    first.request.connect_ns = 200 * CLOCK_MS;
    client_start(&first);
    client_nap(c, 50);
    leave(&first);
    exchange_init(&second, c, tarpit.url, "/");
    second.request.connect_ns = 20 * CLOCK_S;
    client_start(&second);
    client_nap(c, 500);
    cr_assert_eq(second.dones, 0, "%s", second.why);
    leave(&second);
    client_free(c);
    tarpit_close(&tarpit);
}

/* The pool ends first: what is still dialled for several origins comes home to nobody. */
Test(retry, diallings_outlive_their_pool)
{
    struct client *c = client_new(2, NULL);
    struct tarpit tarpits[2];
    struct exchange all[6];

    for (int i = 0; i < 2; i++)
        tarpit_open(&tarpits[i], true);
    for (int i = 0; i < 6; i++) {
        exchange_init(&all[i], c, tarpits[i % 2].url, "/");
        client_start(&all[i]);
    }
    client_nap(c, 50);
    for (int i = 0; i < 6; i++)
        leave(&all[i]);
    client_free(c);
    for (int i = 0; i < 2; i++)
        tarpit_close(&tarpits[i]);
}

static void serve_hello(struct server_conn *conn)
{
    while (server_skip(conn))
        server_say(conn, HELLO);
}

/* Waits with its answer until it may go. */
static void serve_when_told(struct server_conn *conn)
{
    const atomic_bool *may = conn->arg;

    while (server_skip(conn)) {
        while (!atomic_load(may) && !conn->server->stopping)
            server_sleep(1);
        server_say(conn, HELLO);
    }
}

Test(retry, an_origin_in_use_is_not_forgotten_for_others)
{
    atomic_bool may = false;
    struct server *s = server_start(serve_when_told, &may);
    struct client *c = client_new(2, NULL);
    struct exchange e, other;
    struct tarpit nobody;
    char url[80];

    tarpit_open(&nobody, false);
    tarpit_close(&nobody); /* nobody listens there now */
    exchange_init(&e, c, s->url, "/");
    client_start(&e);
    while (s->requests == 0)
        client_nap(c, 5);
    for (int i = 1; i <= 300; i++) {
        snprintf(url, sizeof url, "http://127.0.%d.%d:%d", i / 250, i % 250 + 1, nobody.port);
        exchange_init(&other, c, url, "/");
        client_start(&other);
        leave(&other);
        client_nap(c, 1);
    }
    atomic_store(&may, true);
    client_run(c);
    cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
    cr_assert_eq(pool_idle(c->pool), 1);
    exchange_fini(&e);
    client_get(&e, c, s->url, "/");
    cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
    cr_assert_eq(s->connections, 1);
    exchange_fini(&e);
    client_free(c);
    server_stop(s);
}

static void serve_large_when_told(struct server_conn *conn)
{
    const atomic_bool *may = conn->arg;

    while (skip_large(conn)) {
        while (!atomic_load(may) && !conn->server->stopping)
            server_sleep(1);
        server_say(conn, HELLO);
    }
}

/* The body may be given back once it is sent and no other try can need it. */
Test(retry, needs_the_body_until_it_is_sent_for_good)
{
    atomic_bool may = true;
    struct server *s = server_start(serve_large_when_told, &may);
    struct client *c = client_new(1, NULL);
    struct text body = { large, LARGE };
    struct exchange e;

    for (int kept = 0; kept < 2; kept++) {
        exchange_init(&e, c, s->url, "/");
        e.request.method = TEXT("POST");
        e.request.body = &body;
        e.request.body_count = 1;
        e.request.replay = true;
        atomic_store(&may, false);
        client_start(&e);
        cr_assert_not(transfer_body_done(e.transfer));
        while (s->requests == kept) {
            cr_assert(kept == 0 || !transfer_body_done(e.transfer));
            client_nap(c, 1);
        }
        client_nap(c, 50); /* it is sent, and waits for the answer */
        cr_assert_eq(transfer_body_done(e.transfer), kept == 0, "a kept connection may turn out to be dead");
        atomic_store(&may, true);
        client_run(c);
        cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
        exchange_fini(&e);
    }
    cr_assert_eq(s->connections, 1);
    client_free(c);
    server_stop(s);
}

enum { EXACT = POOL_READ < 1000 ? POOL_READ * 100 : POOL_READ }; /* the answer ends where a read ends */

static void serve_exact_and_more(struct server_conn *conn)
{
    static char answer[EXACT + 200];
    int head = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %07d\r\n\r\n", 0);

    snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %07d\r\n\r\n", EXACT - head);
    memset(answer + head, 'x', (size_t)(EXACT - head));
    strcpy(answer + EXACT, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
    while (server_skip(conn)) {
        if (conn->number > 0 || conn->server->requests == 1)
            server_say(conn, HELLO);
        else
            server_send(conn, (struct text){ answer, strlen(answer) });
    }
}

/* What follows an answer is not read together with it: it is looked for before the connection is kept. */
Test(retry, nothing_is_kept_that_says_more_than_its_answer)
{
    struct server *s = server_start(serve_exact_and_more, NULL);
    struct client *c = client_new(1, NULL);
    struct exchange e;

    for (int i = 0; i < 3; i++) {
        exchange_init(&e, c, s->url, "/");
        client_start(&e);
        if (i == 1)
            server_sleep(200); /* all of it has come when it is read */
        client_run(c);
        cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
        cr_assert(text_starts(buf_view(&e.body), i == 1 ? TEXT("xxx") : TEXT("hello")), "request %d: %.*s", i,
                  TEXT_ARG(buf_view(&e.body)));
        exchange_fini(&e);
        cr_assert_eq(pool_idle(c->pool), i == 1 ? 0 : 1);
    }
    cr_assert_eq(s->connections, 2);
    client_free(c);
    server_stop(s);
}

static void on_head(void *owner, int status, const struct transfer_header *headers, size_t count)
{
    (void)owner, (void)status, (void)headers, (void)count;
}

/* Pauses, leaves and goes on, all inside one event. */
static void on_body(void *owner, struct text bytes)
{
    struct exchange *e = owner;

    (void)bytes;
    e->heads++;
    transfer_pause(e->transfer);
    transfer_cancel(e->transfer);
    transfer_resume(e->transfer);
}

static void on_done(void *owner, enum transfer_failure failure, const char *why)
{
    struct exchange *e = owner;

    (void)failure, (void)why;
    e->dones++;
}

Test(retry, going_on_after_the_end_does_nothing)
{
    static const struct transfer_events events = { .on_head = on_head, .on_body = on_body, .on_done = on_done };
    struct server *s = server_start(serve_hello, NULL);
    struct client *c = client_new(1, NULL);
    struct exchange e;

    exchange_init(&e, c, s->url, "/");
    e.transfer = transfer_start(c->pool, &e.request, &events, &e);
    while (e.heads == 0)
        client_nap(c, 5);
    client_nap(c, 50);
    cr_assert_eq(e.heads, 1);
    cr_assert_eq(e.dones, 0);
    cr_assert_eq(pool_idle(c->pool), 0);
    exchange_fini(&e);
    client_free(c); /* no timer is left */
    server_stop(s);
}
