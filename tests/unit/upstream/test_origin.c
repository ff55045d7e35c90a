/* test_origin.c - what is dialled and for whom: who waits, who leaves, hosts that do not answer. */
#include "check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "client.h"
#include "server.h"
#include "tarpit.h"
#include "upstream/pool.h"

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static void serve_hello(struct server_conn *conn)
{
    while (server_skip(conn))
        server_say(conn, HELLO);
}

static enum transfer_failure get(struct client *c, const char *url)
{
    struct exchange e;
    enum transfer_failure failure;

    client_get(&e, c, url, "/");
    failure = e.failure;
    exchange_fini(&e);
    return failure;
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

Test(origin, serves_more_requests_at_once_than_it_dials_at_once)
{
    const struct pool_settings settings = { .idle_per_origin = 20 };
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

Test(origin, keeps_the_connection_that_was_dialled_for_somebody_who_left)
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
    cr_assert_eq(get(c, s->url), TRANSFER_OK);
    cr_assert_eq(s->connections, 1);
    client_free(c);
    server_stop(s);
}

/* The first connection gets through, and is answered late; for the next ones the tarpit is full. */
static void *serve_first(void *arg)
{
    struct tarpit *t = arg;
    char byte[2048];
    int fd = accept(t->fd, NULL, NULL);

    tarpit_fill(t);
    for (int i = 0; i < 2; i++) {
        cr_assert_gt(recv(fd, byte, sizeof byte, 0), 0);
        server_sleep(300);
        cr_assert_gt(send(fd, HELLO, sizeof HELLO - 1, MSG_NOSIGNAL), 0);
    }
    close(fd);
    return NULL;
}

Test(origin, gives_who_waits_the_connection_that_comes_free_first)
{
    struct client *c = client_new(1, NULL);
    struct tarpit tarpit;
    struct exchange first, second;
    pthread_t thread;
    int64_t begin_ns;

    tarpit_open(&tarpit, false);
    pthread_create(&thread, NULL, serve_first, &tarpit);
    exchange_init(&first, c, tarpit.url, "/");
    client_start(&first);
    client_nap(c, 100); /* dialled and sent */
    exchange_init(&second, c, tarpit.url, "/");
    client_start(&second);
    begin_ns = clock_ns();
    client_run(c);
    cr_assert_lt(clock_ns() - begin_ns, 5 * CLOCK_S);
    cr_assert_eq(first.failure, TRANSFER_OK);
    cr_assert_eq(second.failure, TRANSFER_OK, "%s", second.why);
    exchange_fini(&first);
    exchange_fini(&second);
    pthread_join(thread, NULL);
    client_free(c);
    tarpit_close(&tarpit);
}

enum { STALLED = 80 }; /* more than there ever were threads that dial */

/* STALLED requests to an address that stalls, and one to a server that answers: how long that one takes. */
static void serve_beside(const char *stalled_url)
{
    struct server *s = server_start(serve_hello, NULL);
    struct client *c = client_new(1, NULL);
    struct exchange *all = calloc(STALLED, sizeof *all), healthy;
    int64_t begin_ns;

    for (int i = 0; i < STALLED; i++) {
        exchange_init(&all[i], c, stalled_url, "/");
        all[i].request.connect_ns = 25 * CLOCK_S;
        client_start(&all[i]);
    }
    client_nap(c, 100); /* they are being dialled */
    exchange_init(&healthy, c, s->url, "/");
    client_start(&healthy);
    begin_ns = clock_ns();
    while (healthy.dones == 0 && !c->late)
        client_nap(c, 5);
    cr_assert_lt(clock_ns() - begin_ns, 10 * CLOCK_S);
    cr_assert_eq(healthy.failure, TRANSFER_OK, "%s", healthy.why);
    for (int i = 0; i < STALLED; i++) {
        cr_assert_eq(all[i].dones, 0, "%s", all[i].why);
        transfer_cancel(all[i].transfer);
        exchange_fini(&all[i]);
    }
    c->running = 0;
    exchange_fini(&healthy);
    free(all);
    client_free(c);
    server_stop(s);
}

Test(origin, an_address_that_drops_connects_delays_no_other)
{
    struct tarpit tarpit;

    tarpit_open(&tarpit, true);
    serve_beside(tarpit.url);
    tarpit_close(&tarpit);
}

static void serve_nothing(struct server_conn *conn)
{
    server_wait_close(conn);
}

Test(origin, an_address_that_never_answers_to_tls_delays_no_other)
{
    struct server *s = server_start(serve_nothing, NULL);
    char url[64];

    setenv("no_proxy", "127.0.0.1", 1);
    snprintf(url, sizeof url, "https://127.0.0.1:%d", s->port);
    serve_beside(url);
    server_stop(s);
}

Test(origin, tells_that_nobody_listens_and_that_connecting_takes_too_long)
{
    struct client *c = client_new(4, NULL);
    struct tarpit tarpit;
    struct exchange e;
    int64_t begin_ns = clock_ns();

    tarpit_open(&tarpit, true);
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

Test(origin, fails_all_who_ask_for_a_host_that_does_not_exist)
{
    struct client *c = client_new(2, NULL);
    struct exchange all[50];

    for (int i = 0; i < 50; i++) {
        exchange_init(&all[i], c, "http://no-such-host.invalid", "/");
        client_start(&all[i]);
    }
    client_run(c);
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(all[i].failure, TRANSFER_CONNECT, "%s", transfer_failure_name(all[i].failure));
        cr_assert_not_null(strstr(all[i].why, "no-such-host"), "%s", all[i].why);
        exchange_fini(&all[i]);
    }
    client_free(c);
}

Test(origin, ends_at_once_while_it_is_still_dialling)
{
    struct client *c = client_new(4, NULL);
    struct tarpit tarpit;
    struct exchange e;
    int64_t begin_ns;

    tarpit_open(&tarpit, true);
    exchange_init(&e, c, tarpit.url, "/");
    client_start(&e);
    client_nap(c, 50);
    c->running = 0;
    transfer_cancel(e.transfer);
    exchange_fini(&e);
    begin_ns = clock_ns();
    client_free(c);
    cr_assert_lt(clock_ns() - begin_ns, 2 * CLOCK_S);
    tarpit_close(&tarpit);
}

static void ask_and_leave(struct client *c, const char *url)
{
    struct exchange e;

    exchange_init(&e, c, url, "/");
    client_start(&e);
    c->running = 0;
    transfer_cancel(e.transfer);
    exchange_fini(&e);
    client_nap(c, 1);
}

Test(origin, forgets_origins_that_nobody_uses)
{
    struct server *s = server_start(serve_hello, NULL);
    struct client *c = client_new(4, NULL);
    struct tarpit nobody;
    char url[80];

    tarpit_open(&nobody, false);
    tarpit_close(&nobody); /* nobody listens there now: no connection keeps these */
    cr_assert_eq(get(c, s->url), TRANSFER_OK);
    for (int i = 1; i <= 600; i++) {
        snprintf(url, sizeof url, "http://127.0.%d.%d:%d", i / 250, i % 250 + 1, nobody.port);
        ask_and_leave(c, url);
        cr_assert_leq(c->pool->origin_count, 256);
    }
    client_nap(c, 100);
    cr_assert_eq(pool_idle(c->pool), 1, "who has a connection stays");
    cr_assert_eq(get(c, s->url), TRANSFER_OK);
    cr_assert_eq(s->connections, 1);
    client_free(c);
    server_stop(s);
}
