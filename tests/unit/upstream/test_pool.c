/* test_pool.c - which connection serves: kept ones, dead ones, those that say too much, and who waits. */
#include "check.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* Says a second answer when told to. */
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

/* Both events are in one batch: what begins the request comes first, what the connection said unasked is
 * seen when the request is sent already. */
Test(pool, does_not_take_for_an_answer_what_was_said_before_the_request)
{
    atomic_int say = 0;
    struct server *s = server_start(serve_echo_late, &say);
    struct client *c = client_new(2, NULL);
    struct exchange e;
    struct starter starter = {.watch = {.on_ready = start_it}, .exchange = &e};
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

Test(pool, closes_connections_that_were_idle_for_too_long)
{
    const struct pool_settings settings = {.idle_ns = 300 * CLOCK_MS};
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

enum { MANY = 200 };

/* Starts MANY requests at once and waits for all. */
static void get_many(struct client *c, const char *url)
{
    struct exchange *all = calloc(MANY, sizeof *all);

    for (int i = 0; i < MANY; i++) {
        exchange_init(&all[i], c, url, "/");
        client_start(&all[i]);
    }
    client_run(c);
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(all[i].failure, TRANSFER_OK, "%s", all[i].why);
        exchange_fini(&all[i]);
    }
    free(all);
}

Test(pool, serves_more_requests_at_once_than_it_dials_at_once)
{
    const struct pool_settings settings = {.idle_per_origin = 20};
    struct server *s = server_start(serve_hello, NULL);
    struct client *c = client_new(100, &settings);

    get_many(c, s->url);
    client_nap(c, 300); /* what was still being dialled comes in, too */
    cr_assert_leq(s->connections, MANY);
    cr_assert_leq(pool_idle(c->pool), 20);
    cr_assert_gt(pool_idle(c->pool), 0);
    get_many(c, s->url);
    client_free(c);
    server_stop(s);
}

Test(pool, keeps_the_connection_that_was_dialled_for_somebody_who_left)
{
    struct server *s = server_start(serve_hello, NULL);
    struct client *c = client_new(2, NULL);
    struct exchange e;

    exchange_init(&e, c, s->url, "/");
    client_start(&e);
    c->running = 0;
    transfer_cancel(e.transfer);
    exchange_fini(&e);
    cr_assert_eq(pool_idle(c->pool), 0);
    client_nap(c, 200);
    cr_assert_eq(pool_idle(c->pool), 1);
    cr_assert_eq(get(c, s->url, false), TRANSFER_OK);
    cr_assert_eq(s->connections, 1);
    client_free(c);
    server_stop(s);
}

/* A port where connecting takes for ever: the queue of the listener is full. */
struct tarpit {
    int fd, fill[8], port;
    char url[64];
};

static void tarpit_open(struct tarpit *t)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;

    t->fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(t->fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(t->fd, 0), 0);
    getsockname(t->fd, (struct sockaddr *)&address, &len);
    snprintf(t->url, sizeof t->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    for (int i = 0; i < 8; i++) {
        t->fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(t->fill[i], (struct sockaddr *)&address, sizeof address);
    }
}

static void tarpit_close(struct tarpit *t)
{
    for (int i = 0; i < 8; i++)
        close(t->fill[i]);
    close(t->fd);
}

static void serve_slowly(struct server_conn *conn)
{
    while (server_skip(conn)) {
        server_sleep(300);
        server_say(conn, HELLO);
    }
}

Test(pool, gives_who_waits_the_connection_that_comes_free_first)
{
    struct server *s = server_start(serve_slowly, NULL);
    struct client *c = client_new(1, NULL); /* one dialler, and it will be stuck */
    struct tarpit tarpit;
    struct exchange first, stuck, second;
    int64_t begin_ns;

    tarpit_open(&tarpit);
    exchange_init(&first, c, s->url, "/");
    client_start(&first);
    client_nap(c, 100); /* dialled and sent */
    exchange_init(&stuck, c, tarpit.url, "/");
    stuck.request.connect_ns = 3 * CLOCK_S;
    client_start(&stuck);
    exchange_init(&second, c, s->url, "/");
    client_start(&second);
    begin_ns = clock_ns();
    while (second.dones == 0)
        client_nap(c, 5);
    cr_assert_lt(clock_ns() - begin_ns, 2 * CLOCK_S);
    cr_assert_eq(first.failure, TRANSFER_OK);
    cr_assert_eq(second.failure, TRANSFER_OK, "%s", second.why);
    cr_assert_eq(s->connections, 1);
    client_run(c);
    cr_assert_eq(stuck.failure, TRANSFER_TIME_CONNECT);
    exchange_fini(&first);
    exchange_fini(&stuck);
    exchange_fini(&second);
    client_free(c);
    tarpit_close(&tarpit);
    server_stop(s);
}

Test(pool, tells_that_nobody_listens_and_that_connecting_takes_too_long)
{
    struct client *c = client_new(4, NULL);
    struct tarpit tarpit;
    struct exchange e;
    int64_t begin_ns = clock_ns();

    tarpit_open(&tarpit);
    exchange_init(&e, c, tarpit.url, "/");
    e.request.connect_ns = 300 * CLOCK_MS;
    client_start(&e);
    client_run(c);
    cr_assert_eq(e.failure, TRANSFER_TIME_CONNECT, "%s", e.why);
    cr_assert_lt(clock_ns() - begin_ns, 2 * CLOCK_S);
    exchange_fini(&e);

    tarpit_close(&tarpit); /* now nobody listens there */
    exchange_init(&e, c, tarpit.url, "/");
    client_start(&e);
    client_run(c);
    cr_assert_eq(e.failure, TRANSFER_CONNECT);
    cr_assert_eq(e.heads, 0);
    exchange_fini(&e);

    client_get(&e, c, "http://no-such-host.invalid", "/");
    cr_assert_eq(e.failure, TRANSFER_CONNECT, "%s", e.why);
    exchange_fini(&e);
    client_get(&e, c, "http://169.254.169.254", "/latest/meta-data");
    cr_assert_eq(e.failure, TRANSFER_CONNECT, "%s", e.why);
    cr_assert_not_null(strstr(e.why, "link-local"), "%s", e.why);
    exchange_fini(&e);
    client_free(c);
}

Test(pool, ends_while_it_is_still_dialling)
{
    struct client *c = client_new(4, NULL);
    struct tarpit tarpit;
    struct exchange e;

    tarpit_open(&tarpit);
    exchange_init(&e, c, tarpit.url, "/");
    e.request.connect_ns = 500 * CLOCK_MS;
    client_start(&e);
    client_nap(c, 50);
    c->running = 0;
    transfer_cancel(e.transfer);
    exchange_fini(&e);
    client_free(c);
    tarpit_close(&tarpit);
}

Test(pool, forgets_origins_that_nobody_uses)
{
    struct server *s = server_start(serve_hello, NULL);
    struct client *c = client_new(4, NULL);
    char url[80];

    /* Other names of the same listener. */
    for (int i = 1; i <= 300; i++) {
        struct exchange e;

        snprintf(url, sizeof url, "http://127.0.%d.%d:%d", i / 250, i % 250 + 1, s->port);
        exchange_init(&e, c, url, "/");
        client_start(&e);
        c->running = 0;
        transfer_cancel(e.transfer);
        exchange_fini(&e);
        client_nap(c, 1);
    }
    cr_assert_leq(c->pool->origin_count, 300);
    client_nap(c, 200);
    cr_assert_eq(get(c, s->url, false), TRANSFER_OK);
    client_free(c);
    server_stop(s);
}
