/* test_lookup.c - names that take their time: who waits for which, and for how long. libcurl's look-ups come here. */
#include "check.h"

#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client.h"
#include "server.h"

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define STUCK_MS 4000

typedef int lookup_fn(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out);

static atomic_int lookups, moved;

int __attribute__((visibility("default")))
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    struct text name = text_of(node != NULL ? node : "");
    void *next = dlsym(RTLD_NEXT, "getaddrinfo");
    lookup_fn *real;

    memcpy(&real, &next, sizeof real);
    if (text_ends(name, TEXT(".moves"))) { /* nobody is at its first address */
        bool here = atomic_load(&moved);
        atomic_fetch_add(&lookups, 1);
        return real(here ? "127.0.0.1" : "127.0.0.99", service, NULL, out);
    }
    if (!text_ends(name, TEXT(".slow")) && !text_ends(name, TEXT(".stuck")))
        return real(node, service, hints, out);
    atomic_fetch_add(&lookups, 1);
    if (text_ends(name, TEXT(".slow"))) {
        server_sleep(300);
        return real("127.0.0.1", service, NULL, out);
    }
    server_sleep(STUCK_MS);
    return EAI_AGAIN;
}

static void serve_hello(struct server_conn *conn)
{
    while (server_skip(conn))
        server_say(conn, HELLO);
}

enum { MANY = 20 };

static void start_many(struct exchange *all, struct client *c, const char *url, int64_t connect_ns)
{
    for (int i = 0; i < MANY; i++) {
        exchange_init(&all[i], c, url, "/");
        all[i].request.connect_ns = connect_ns;
        client_start(&all[i]);
    }
}

static void end_many(struct exchange *all, enum transfer_failure failure)
{
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(all[i].failure, failure, "%s: %s", transfer_failure_name(all[i].failure), all[i].why);
        exchange_fini(&all[i]);
    }
}

Test(lookup, is_made_once_for_all_who_ask_for_the_same_host)
{
    struct server *s = server_start(serve_hello, NULL);
    struct client *c = client_new(1, NULL);
    struct exchange all[MANY];
    char url[64];
    int64_t begin_ns = clock_ns();

    snprintf(url, sizeof url, "http://one.slow:%d", s->port);
    atomic_store(&lookups, 0);
    start_many(all, c, url, 10 * CLOCK_S);
    client_run(c);
    end_many(all, TRANSFER_OK);
    cr_assert_eq(lookups, 1);
    cr_assert_lt(clock_ns() - begin_ns, 3 * CLOCK_S);
    client_free(c);
    server_stop(s);
}

/* The name server does not answer for one host: other hosts are dialled, and who asks for it gives up in time. */
Test(lookup, that_is_stuck_delays_nobody_else)
{
    struct server *s = server_start(serve_hello, NULL);
    struct client *c = client_new(1, NULL);
    struct exchange all[MANY], other;
    char stuck[64], slow[64];
    int64_t begin_ns = clock_ns();

    snprintf(stuck, sizeof stuck, "http://one.stuck:%d", s->port);
    snprintf(slow, sizeof slow, "http://two.slow:%d", s->port);
    atomic_store(&lookups, 0);
    start_many(all, c, stuck, 1500 * CLOCK_MS);
    exchange_init(&other, c, slow, "/");
    client_start(&other);
    while (other.dones == 0 && !c->late)
        client_nap(c, 5);
    cr_assert_eq(other.failure, TRANSFER_OK, "%s", other.why);
    cr_assert_lt(clock_ns() - begin_ns, (STUCK_MS - 1000) * CLOCK_MS);
    exchange_fini(&other);
    client_run(c);
    cr_assert_lt(clock_ns() - begin_ns, STUCK_MS * CLOCK_MS, "it waited for the look-up");
    end_many(all, TRANSFER_TIME_CONNECT);
    client_nap(c, 100); /* the first dialling gave up, and its thread goes on: nobody waits for that */
    client_get(&other, c, s->url, "/");
    cr_assert_eq(other.failure, TRANSFER_OK);
    cr_assert_lt(clock_ns() - begin_ns, STUCK_MS * CLOCK_MS);
    /* Who gives up leaves the name to who still waits: few, and not one for each, however late they run. */
    cr_assert_lt(lookups, MANY / 2);
    exchange_fini(&other);
    client_nap(c, STUCK_MS); /* the threads of libcurl end before the test does */
    client_free(c);
    server_stop(s);
}

/* The look-up fails: all who waited for it hear of it at once, and do not ask again one after the other. */
Test(lookup, that_fails_fails_for_all_who_wait)
{
    struct client *c = client_new(1, NULL);
    struct exchange all[MANY];
    int64_t begin_ns = clock_ns();

    atomic_store(&lookups, 0);
    start_many(all, c, "http://two.stuck", 20 * CLOCK_S);
    client_run(c);
    cr_assert_lt(clock_ns() - begin_ns, 2 * STUCK_MS * CLOCK_MS);
    cr_assert_eq(lookups, 1);
    end_many(all, TRANSFER_CONNECT);
    client_free(c);
}

Test(lookup, is_made_anew_when_a_connect_failed)
{
    struct server *s = server_start(serve_hello, NULL);
    struct client *c = client_new(1, NULL);
    struct exchange e;
    char url[64];

    snprintf(url, sizeof url, "http://one.moves:%d", s->port);
    atomic_store(&moved, 0);
    client_get(&e, c, url, "/");
    cr_assert_eq(e.failure, TRANSFER_CONNECT);
    exchange_fini(&e);
    atomic_store(&moved, 1);
    client_get(&e, c, url, "/");
    cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
    exchange_fini(&e);
    client_free(c);
    server_stop(s);
}

/* A connection in use is replaced before it is too old, and then not used any more: by then its name may be elsewhere. */
Test(lookup, is_made_for_a_connection_in_use_before_it_is_too_old)
{
    struct server *s = server_start(serve_hello, NULL);
    struct client *c = client_new(1, &(struct pool_settings){ .dns_max_age_ns = 2 * CLOCK_S + 800 * CLOCK_MS });
    struct exchange e;
    char url[64];
    int64_t begin_ns = clock_ns();

    snprintf(url, sizeof url, "http://two.moves:%d", s->port);
    atomic_store(&moved, 1);
    while (clock_ns() - begin_ns < 500 * CLOCK_MS) {
        client_get(&e, c, url, "/");
        cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
        exchange_fini(&e);
        client_nap(c, 20);
    }
    cr_assert_eq(s->connections, 1);
    while (clock_ns() - begin_ns < 750 * CLOCK_MS) {
        client_get(&e, c, url, "/");
        exchange_fini(&e);
        client_nap(c, 20);
    }
    cr_assert_eq(s->connections, 2, "%d", s->connections);
    cr_assert_eq(pool_idle(c->pool), 2);
    client_nap(c, 100);
    client_get(&e, c, url, "/");
    cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
    cr_assert_eq(s->connections, 2, "the second was there");
    exchange_fini(&e);
    client_nap(c, 1000);
    client_get(&e, c, url, "/");
    cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
    cr_assert_eq(s->connections, 3, "all were too old");
    cr_assert_eq(pool_idle(c->pool), 1);
    exchange_fini(&e);
    client_free(c);
    server_stop(s);
}
