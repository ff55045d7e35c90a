/* test_pool.c - which connection serves again: kept ones, dead ones, those that send too much. */
#include "check.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "client.h"
#include "server.h"
#include "upstream/pool.h"

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static void serve_hello(struct server_conn *conn)
{
    while (server_skip(conn))
        server_say(conn, HELLO);
}

static enum transfer_failure get(struct client *c, const char *url, bool replay)
{
    struct exchange e;
    enum transfer_failure failure;

    exchange_init(&e, c, url, "/");
    e.request.replay = replay;
    e.request.method = TEXT("POST");
    e.request.body = &TEXT("{}");
    e.request.body_count = 1;
    client_start(&e);
    client_run(c);
    failure = e.failure;
    exchange_fini(&e);
    return failure;
}

/* A kept connection that dies exactly when it is used again: one answer, then a request without one. */
static void serve_stale(struct server_conn *conn)
{
    if (!server_skip(conn) || !server_say(conn, HELLO))
        return;
    if (conn->arg == NULL) /* of the connections, only the first is a bad one */
        while (conn->number > 0 && server_skip(conn))
            server_say(conn, HELLO);
    server_skip(conn);
}

Test(pool, tries_again_when_a_kept_connection_is_dead)
{
    struct server *s = server_start(serve_stale, NULL);
    struct client *c = client_new(2, NULL);

    for (int i = 0; i < 5; i++)
        cr_assert_eq(get(c, s->url, true), TRANSFER_OK);
    cr_assert_eq(s->connections, 2);
    cr_assert_eq(s->requests, 6);
    client_free(c);
    server_stop(s);
}

Test(pool, does_not_try_again_what_may_not_be_sent_twice)
{
    struct server *s = server_start(serve_stale, NULL);
    struct client *c = client_new(2, NULL);

    cr_assert_eq(get(c, s->url, false), TRANSFER_OK);
    cr_assert_eq(get(c, s->url, false), TRANSFER_RESET);
    cr_assert_eq(s->connections, 1);
    client_free(c);
    server_stop(s);
}

/* The first connection answers once; every other one never. */
static void serve_dying(struct server_conn *conn)
{
    if (server_skip(conn) && conn->number == 0) {
        server_say(conn, HELLO);
        server_skip(conn);
    }
}

Test(pool, tries_again_once_only)
{
    struct server *s = server_start(serve_dying, NULL);
    struct client *c = client_new(2, NULL);

    cr_assert_eq(get(c, s->url, true), TRANSFER_OK);
    cr_assert_eq(get(c, s->url, true), TRANSFER_RESET);
    cr_assert_eq(s->connections, 2);
    cr_assert_eq(s->requests, 3);
    cr_assert_eq(get(c, s->url, true), TRANSFER_RESET);
    cr_assert_eq(s->connections, 3);
    client_free(c);
    server_stop(s);
}

Test(pool, says_that_the_request_was_sent_when_a_second_try_finds_nobody)
{
    struct server *s = server_start(serve_dying, NULL);
    struct client *c = client_new(2, NULL);

    cr_assert_eq(get(c, s->url, true), TRANSFER_OK);
    shutdown(s->fd, SHUT_RDWR); /* nobody listens any more; the connection is still there */
    cr_assert_eq(get(c, s->url, true), TRANSFER_RESET);
    cr_assert_eq(s->connections, 1);
    cr_assert_eq(get(c, s->url, true), TRANSFER_CONNECT);
    client_free(c);
    server_stop(s);
}

/* As serve_stale(), but the end is RST. */
static void serve_stale_reset(struct server_conn *conn)
{
    if (conn->number > 0) {
        serve_hello(conn);
    } else if (server_skip(conn) && server_say(conn, HELLO)) {
        server_skip(conn);
        server_reset(conn);
    }
}

Test(pool, tries_again_after_a_reset_too)
{
    struct server *s = server_start(serve_stale_reset, NULL);
    struct client *c = client_new(2, NULL);

    cr_assert_eq(get(c, s->url, true), TRANSFER_OK);
    cr_assert_eq(get(c, s->url, true), TRANSFER_OK);
    cr_assert_eq(s->connections, 2);
    client_free(c);
    server_stop(s);
}

static void serve_and_say_more(struct server_conn *conn)
{
    while (server_skip(conn)) {
        server_say(conn, HELLO);
        server_sleep(50);
        server_say(conn, conn->arg);
    }
}

Test(pool, drops_an_idle_connection_that_says_something)
{
    struct server *s = server_start(serve_and_say_more, (void *)(uintptr_t) "HTTP/1.1 408 Request Timeout\r\n\r\n");
    struct client *c = client_new(2, NULL);

    cr_assert_eq(get(c, s->url, false), TRANSFER_OK);
    cr_assert_eq(pool_idle(c->pool), 1);
    client_nap(c, 200);
    cr_assert_eq(pool_idle(c->pool), 0);
    cr_assert_eq(get(c, s->url, false), TRANSFER_OK);
    cr_assert_eq(s->connections, 2);
    client_free(c);
    server_stop(s);
}

/* Sends a second answer when the test wants it. */
static void serve_echo_late(struct server_conn *conn)
{
    atomic_int *say = conn->arg;

    while (server_skip(conn)) {
        server_say(conn, HELLO);
        while (conn->number == 0 && *say == 0)
            server_sleep(1);
        if (conn->number == 0)
            server_say(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
        (*say)++;
    }
}

struct starter {
    struct loop_watch watch;
    struct exchange *exchange;
};

static void start_it(struct loop_watch *watch, uint32_t events)
{
    struct starter *starter = (struct starter *)watch;

    (void)events;
    loop_unwatch(&starter->exchange->client->loop, watch);
    client_start(starter->exchange);
}

/* Both events are in one batch: what begins the request comes first, what the connection sent unasked is
 * seen when the request is sent already. */
Test(pool, does_not_take_for_an_answer_what_was_said_before_the_request)
{
    atomic_int say = 0;
    struct server *s = server_start(serve_echo_late, &say);
    struct client *c = client_new(2, NULL);
    struct exchange e;
    struct starter starter = { .watch = { .on_ready = start_it }, .exchange = &e };
    int fds[2];

    cr_assert_eq(get(c, s->url, false), TRANSFER_OK);
    cr_assert_eq(pool_idle(c->pool), 1);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    exchange_init(&e, c, s->url, "/");
    e.request.replay = true;
    cr_assert_eq(loop_watch(&c->loop, &starter.watch, fds[0], EPOLLIN), 0);
    cr_assert_eq(write(fds[1], "x", 1), 1);
    say = 1;
    while (say == 1)
        server_sleep(1);
    server_sleep(20);
    while (e.dones == 0)
        client_nap(c, 5);
    cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
    cr_assert(text_is(buf_view(&e.body), "hello"));
    cr_assert_eq(s->connections, 2);
    exchange_fini(&e);
    close(fds[0]);
    close(fds[1]);
    client_free(c);
    server_stop(s);
}

static void serve_and_leave(struct server_conn *conn)
{
    if (server_skip(conn))
        server_say(conn, HELLO);
    server_sleep(50);
}

Test(pool, drops_an_idle_connection_that_is_closed)
{
    struct server *s = server_start(serve_and_leave, NULL);
    struct client *c = client_new(2, NULL);

    cr_assert_eq(get(c, s->url, false), TRANSFER_OK);
    cr_assert_eq(pool_idle(c->pool), 1);
    client_nap(c, 200);
    cr_assert_eq(pool_idle(c->pool), 0);
    client_free(c);
    server_stop(s);
}

/* Answers with the number of the connection; the first time late, and the later ones later. */
static void serve_number(struct server_conn *conn)
{
    char answer[80];

    for (int i = 0; server_skip(conn); i++) {
        server_sleep(i == 0 ? 150 + 60 * conn->number : 0);
        snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", conn->number);
        server_say(conn, answer);
    }
}

Test(pool, uses_the_warmest_connection_and_ends_the_oldest_first)
{
    const struct pool_settings settings = { .idle_ns = 600 * CLOCK_MS, .idle_per_origin = 3 };
    struct server *s = server_start(serve_number, NULL);
    struct client *c = client_new(2, &settings);
    struct exchange all[5];

    for (int i = 0; i < 5; i++) {
        exchange_init(&all[i], c, s->url, "/");
        client_start(&all[i]);
    }
    client_run(c);
    for (int i = 0; i < 5; i++)
        exchange_fini(&all[i]);
    cr_assert_eq(pool_idle(c->pool), 3, "as many as may be kept: those that came first");
    for (int i = 0; i < 2; i++) {
        client_get(&all[0], c, s->url, "/");
        cr_assert_eq(all[0].body.ptr[0], '2', "the one that became idle last");
        exchange_fini(&all[0]);
    }
    cr_assert_eq(s->connections, 5);
    client_nap(c, 480); /* the others' time is up, not that one's */
    cr_assert_eq(pool_idle(c->pool), 1);
    client_get(&all[0], c, s->url, "/");
    cr_assert_eq(all[0].body.ptr[0], '2');
    exchange_fini(&all[0]);
    client_free(c);
    server_stop(s);
}

Test(pool, keeps_256_connections_of_an_origin_for_60_s_unless_told_otherwise)
{
    struct client *c = client_new(1, NULL);

    cr_assert_eq(c->pool->settings.idle_ns, 60 * CLOCK_S);
    cr_assert_eq(c->pool->settings.idle_per_origin, 256);
    client_free(c);
}

/* Two that become idle one after the other: each ends when its own time is up, not before and not much later. */
Test(pool, ends_each_idle_connection_in_its_own_time)
{
    const struct pool_settings settings = { .idle_ns = 400 * CLOCK_MS };
    struct server *s = server_start(serve_hello, NULL), *other = server_start(serve_hello, NULL);
    struct client *c = client_new(2, &settings);

    cr_assert_eq(get(c, s->url, false), TRANSFER_OK);
    client_nap(c, 200);
    cr_assert_eq(get(c, other->url, false), TRANSFER_OK);
    cr_assert_eq(pool_idle(c->pool), 2);
    client_nap(c, 300);
    cr_assert_eq(pool_idle(c->pool), 1);
    client_nap(c, 200);
    cr_assert_eq(pool_idle(c->pool), 0);
    client_free(c);
    server_stop(s);
    server_stop(other);
}

Test(pool, closes_connections_that_were_idle_for_too_long)
{
    const struct pool_settings settings = { .idle_ns = 300 * CLOCK_MS };
    struct server *s = server_start(serve_hello, NULL);
    struct client *c = client_new(2, &settings);

    for (int i = 0; i < 4; i++) { /* used in time, it stays */
        cr_assert_eq(get(c, s->url, false), TRANSFER_OK);
        client_nap(c, 120);
    }
    cr_assert_eq(s->connections, 1);
    cr_assert_eq(pool_idle(c->pool), 1);
    client_nap(c, 500);
    cr_assert_eq(pool_idle(c->pool), 0);
    client_free(c);
    server_stop(s);
}
