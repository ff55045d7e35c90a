/* test_times.c - how a transfer came to its connection, and a kept one that spoke before it was asked. */
#include "check.h"

#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "client.h"
#include "server.h"

/* Leaves its client time to look between the head and the body. */
static void serve_slowly(struct server_conn *conn)
{
    while (server_skip(conn)) {
        if (!server_say(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"))
            return;
        server_sleep(200);
        if (!server_say(conn, "llo"))
            return;
    }
}

Test(times, of_a_fresh_and_of_a_kept_connection)
{
    struct server *s = server_start(serve_slowly, NULL);
    struct client *c = client_new(1, NULL);
    struct exchange e;

    for (int i = 0; i < 3; i++) {
        int64_t begin_ns = c->loop.now_ns;
        exchange_init(&e, c, s->url, "/");
        client_start(&e);
        struct transfer_times times = transfer_times(e.transfer);
        if (i == 0)
            cr_assert_eq(times.connection_ns, -1, "there is none yet");
        while (e.heads == 0)
            client_nap(c, 5);
        times = transfer_times(e.transfer);
        cr_assert_eq(times.fresh, i == 0);
        cr_assert_geq(times.connection_ns, 0);
        cr_assert_leq(times.connection_ns, clock_ns() - begin_ns);
        client_run(c);
        cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
        exchange_fini(&e);
    }
    cr_assert_eq(s->connections, 1);
    client_free(c);
    server_stop(s);
}

static atomic_bool said;

/* Says more than its answer on the first connection, when the answer has been read. */
static void serve_too_much(struct server_conn *conn)
{
    while (server_skip(conn)) {
        if (!server_say(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
            return;
        server_sleep(100);
        if (conn->number == 0 && !server_say(conn, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"))
            return;
        atomic_store(&said, true);
    }
}

Test(times, an_answer_before_the_request_is_nobodys)
{
    struct server *s = server_start(serve_too_much, NULL);
    struct client *c = client_new(1, NULL);
    struct exchange e;

    atomic_store(&said, false);
    for (int i = 0; i < 3; i++) {
        client_get(&e, c, s->url, "/");
        cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
        cr_assert(text_is(buf_view(&e.body), "hello"), "%.*s", TEXT_ARG(buf_view(&e.body)));
        exchange_fini(&e);
        while (!atomic_load(&said))
            client_nap(c, 5);
        client_nap(c, 20);
    }
    cr_assert_eq(s->connections, 2);
    client_free(c);
    server_stop(s);
}

/* Each that waits hears of it once. */
Test(times, requests_for_a_server_that_is_gone_fail)
{
    struct server *s = server_start(serve_slowly, NULL);
    struct client *c = client_new(1, NULL);
    struct exchange e[4];
    char url[64];

    memcpy(url, s->url, sizeof url);
    server_stop(s);
    for (int i = 0; i < 4; i++) {
        exchange_init(&e[i], c, url, "/");
        client_start(&e[i]);
    }
    client_run(c);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(e[i].dones, 1);
        cr_assert_neq(e[i].failure, TRANSFER_OK);
        cr_assert_eq(e[i].heads, 0);
        exchange_fini(&e[i]);
    }
    client_free(c);
}
