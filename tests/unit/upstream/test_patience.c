/* test_patience.c - time-outs, back-pressure, and owners who change their mind. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "client.h"
#include "server.h"
#include "upstream/pool.h"

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

/* --- time-outs --- */

static void serve_silence(struct server_conn *conn)
{
    server_wait_close(conn);
}

static void serve_stall(struct server_conn *conn)
{
    if (server_skip(conn))
        server_say(conn, CHUNKED "5\r\nhello\r\n");
    server_wait_close(conn);
}

/* A chunk each 50 ms, for ever. */
static void serve_drip(struct server_conn *conn)
{
    if (!server_skip(conn) || !server_say(conn, CHUNKED))
        return;
    while (server_say(conn, "1\r\nx\r\n"))
        server_sleep(50);
}

/* Half a head. */
static void serve_half_head(struct server_conn *conn)
{
    if (server_skip(conn))
        server_say(conn, "HTTP/1.1 200 OK\r\nContent-");
    server_wait_close(conn);
}

static void check_time(void (*serve)(struct server_conn *conn), int64_t first_ms, int64_t idle_ms, int64_t total_ms,
                       enum transfer_failure failure, int64_t after_ms)
{
    struct server *s = server_start(serve, NULL);
    int64_t took_ms = clock_ns(); /* before the loop reads its clock, from which the limits count */
    struct client *c = client_new(2, NULL);
    struct exchange e;

    exchange_init(&e, c, s->url, "/");
    e.request.first_byte_ns = first_ms * CLOCK_MS;
    e.request.idle_ns = idle_ms * CLOCK_MS;
    e.request.total_ns = total_ms * CLOCK_MS;
    e.request.replay = true;
    client_start(&e);
    client_run(c);
    took_ms = (clock_ns() - took_ms) / CLOCK_MS;
    cr_assert_eq(e.failure, failure, "%s", transfer_failure_name(e.failure));
    cr_assert_geq(took_ms, after_ms);
    cr_assert_lt(took_ms, after_ms + 1000);
    cr_assert_eq(s->connections, 1);
    cr_assert_eq(pool_idle(c->pool), 0);
    exchange_fini(&e);
    client_free(c);
    server_stop(s);
}

Test(patience, ends_at_each_limit)
{
    check_time(serve_silence, 200, 5000, 0, TRANSFER_TIME_FIRST, 200);
    check_time(serve_silence, 5000, 5000, 300, TRANSFER_TIME_TOTAL, 300);
    check_time(serve_stall, 5000, 200, 0, TRANSFER_TIME_IDLE, 200);
    check_time(serve_half_head, 5000, 200, 0, TRANSFER_TIME_IDLE, 200);
    check_time(serve_drip, 5000, 400, 700, TRANSFER_TIME_TOTAL, 700);
    check_time(serve_drip, 300, 400, 900, TRANSFER_TIME_TOTAL, 900);
}

/* Bytes come, and nothing that the owner waits for. */
static void check_content(void (*serve)(struct server_conn *conn), int64_t content_ms, bool comes,
                          enum transfer_failure failure, int64_t after_ms)
{
    struct server *s = server_start(serve, NULL);
    int64_t took_ms = clock_ns();
    struct client *c = client_new(2, NULL);
    struct exchange e;

    exchange_init(&e, c, s->url, "/");
    e.request.first_byte_ns = 0;
    e.request.content_ns = content_ms * CLOCK_MS;
    e.request.total_ns = 900 * CLOCK_MS;
    e.has_content = comes;
    client_start(&e);
    client_run(c);
    took_ms = (clock_ns() - took_ms) / CLOCK_MS;
    cr_assert_eq(e.failure, failure, "%s", transfer_failure_name(e.failure));
    cr_assert_geq(took_ms, after_ms);
    cr_assert_lt(took_ms, after_ms + 400);
    exchange_fini(&e);
    client_free(c);
    server_stop(s);
}

Test(patience, waits_for_content_until_the_owner_has_it)
{
    check_content(serve_silence, 300, false, TRANSFER_TIME_FIRST, 300);
    check_content(serve_half_head, 300, false, TRANSFER_TIME_FIRST, 300);
    check_content(serve_drip, 300, false, TRANSFER_TIME_FIRST, 300);
    check_content(serve_drip, 300, true, TRANSFER_TIME_TOTAL, 900);
    check_content(serve_silence, 0, false, TRANSFER_TIME_TOTAL, 900);
}

/* --- back-pressure --- */

#ifdef GW_TINY
#define LARGE ((size_t)2 << 20) /* more than the socket buffers are not needed: reads are of 7 bytes */
#else
#define LARGE ((size_t)64 << 20)
#endif

struct flood {
    atomic_size_t sent;
    bool chunked;
};

static char flood_byte(size_t at)
{
    return (char)(at * 11 >> 4);
}

static void serve_flood(struct server_conn *conn)
{
    struct flood *flood = conn->arg;
    enum { PART = 50000 };
    char *part = malloc(PART + 32);
    char line[64];

    if (server_skip(conn)) {
        snprintf(line, sizeof line, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", LARGE);
        server_say(conn, flood->chunked ? CHUNKED : line);
        for (size_t at = 0; at < LARGE;) {
            size_t len = LARGE - at < PART ? LARGE - at : PART, head = 0;

            if (flood->chunked)
                head = (size_t)sprintf(part, "%zx\r\n", len);
            for (size_t i = 0; i < len; i++)
                part[head + i] = flood_byte(at + i);
            memcpy(part + head + len, "\r\n", 2);
            if (!server_send(conn, (struct text){ part, head + len + (flood->chunked ? 2 : 0) }))
                break;
            at += len;
            flood->sent = at;
        }
        if (flood->chunked)
            server_say(conn, "0\r\n\r\n");
        server_wait_close(conn);
    }
    free(part);
}

static void check_flood(bool chunked)
{
    struct flood flood = { .chunked = chunked };
    struct server *s = server_start(serve_flood, &flood);
    struct client *c = client_new(2, NULL);
    struct exchange e;
    uint32_t sum = 0;
    size_t paused_at, sent;

    exchange_init(&e, c, s->url, "/");
    e.keep_body = false;
    e.pause_at = AT_BODY; /* at each of them */
    e.request.idle_ns = 300 * CLOCK_MS;
    client_start(&e);
    client_nap(c, 600); /* longer than idle_ns: it does not run while paused */
    paused_at = e.received;
    cr_assert_gt(paused_at, 0);
    cr_assert_leq(paused_at, POOL_READ * 2);
    sent = flood.sent;
    client_nap(c, 300);
    cr_assert_eq(e.received, paused_at, "bytes were told while paused");
    cr_assert_eq(flood.sent, sent, "something takes the bytes while paused");
    cr_assert(LARGE < (size_t)64 << 20 || sent < LARGE / 2);

    int resumes = 0;
    while (e.transfer != NULL && resumes++ < 200000) {
        size_t before = e.received;

        transfer_resume(e.transfer);
        cr_assert_eq(e.received, before, "told from inside transfer_resume()");
        if (resumes == 20)
            e.pause_at = NEVER;
        client_nap(c, e.pause_at == NEVER ? 20 : 1);
    }
    for (size_t i = 0; i < LARGE; i++) {
        char byte = flood_byte(i);
        sum = client_sum(sum, &byte, 1);
    }
    cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
    cr_assert_eq(e.received, LARGE);
    cr_assert_eq(e.sum, sum);
    exchange_fini(&e);
    client_free(c);
    server_stop(s);
}

Test(patience, reads_nothing_while_paused_and_everything_in_the_end)
{
    check_flood(false);
    check_flood(true);
}

/* --- owners who leave --- */

static void serve_hello(struct server_conn *conn)
{
    while (server_skip(conn))
        server_say(conn, HELLO);
}

static void serve_halves(struct server_conn *conn)
{
    while (server_skip(conn)) {
        server_say(conn, CHUNKED "5\r\nhello\r\n5\r\n");
        server_sleep(20);
        server_say(conn, "world\r\n0\r\n\r\n");
    }
}

Test(patience, says_nothing_after_a_cancel_from_inside_an_event)
{
    for (enum moment moment = AT_HEAD; moment <= AT_DONE; moment++) {
        for (int which = 0; which < 2; which++) {
            struct server *s = server_start(which == 0 ? serve_hello : serve_halves, NULL);
            struct client *c = client_new(2, NULL);
            struct exchange e;

            for (int i = 0; i < 3; i++) {
                exchange_init(&e, c, s->url, "/");
                e.cancel_at = moment;
                client_start(&e);
                client_run(c);
                client_nap(c, 40); /* anything that came now would fail the test */
                cr_assert_eq(e.heads, 1);
                cr_assert_eq(e.dones, moment == AT_DONE ? 1 : 0);
                cr_assert_eq(pool_idle(c->pool), moment == AT_DONE ? 1 : 0);
                exchange_fini(&e);
            }
            client_free(c);
            server_stop(s);
        }
    }
}

static void check_cancel_after(int ms, bool paused, size_t body)
{
    static char bytes[1 << 20];
    struct server *s = server_start(serve_halves, NULL);
    struct client *c = client_new(2, NULL);
    struct text piece = { bytes, body };
    struct exchange e;

    exchange_init(&e, c, s->url, "/");
    e.request.method = TEXT("POST");
    e.request.body = &piece;
    e.request.body_count = 1;
    if (paused)
        e.pause_at = AT_HEAD;
    client_start(&e);
    if (ms > 0)
        client_nap(c, ms);
    if (e.transfer != NULL) {
        c->running = 0;
        e.ended = true;
        transfer_cancel(e.transfer);
    }
    client_nap(c, 30);
    exchange_fini(&e);
    client_free(c);
    server_stop(s);
}

Test(patience, says_nothing_after_a_cancel_at_any_time)
{
    for (int ms = 0; ms < 30; ms += 3)
        for (int kind = 0; kind < 4; kind++)
            check_cancel_after(ms, kind % 2 == 1, kind < 2 ? 0 : 1 << 20);
}

static void serve_seen(struct server_conn *conn)
{
    if (server_skip(conn))
        server_say(conn, CHUNKED "5\r\nhello\r\n");
    server_wait_close(conn);
    (*(atomic_int *)conn->arg)++;
}

Test(patience, lets_the_upstream_know_at_once)
{
    atomic_int left = 0;
    struct server *s = server_start(serve_seen, &left);
    struct client *c = client_new(2, NULL);
    struct exchange e;

    exchange_init(&e, c, s->url, "/");
    e.cancel_at = AT_BODY;
    client_start(&e);
    client_run(c);
    client_nap(c, 100);
    cr_assert_eq(left, 1);
    exchange_fini(&e);
    client_free(c);
    server_stop(s);
}

/* --- answers that come early --- */

static void serve_refusal(struct server_conn *conn)
{
    char bytes[1000];

    if (recv(conn->fd, bytes, sizeof bytes, 0) > 0)
        server_say(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!");
    if (conn->arg == NULL)
        return; /* with bytes unread: RST */
    server_sleep(500);
    server_wait_close(conn);
}

Test(patience, hears_an_answer_that_comes_before_the_request_is_sent)
{
    size_t len = (size_t)16 << 20;
    struct text body = { calloc(1, len), len };

    for (int polite = 0; polite < 2; polite++) {
        struct server *s = server_start(serve_refusal, polite ? &body : NULL);
        struct client *c = client_new(2, NULL);
        struct exchange e;

        exchange_init(&e, c, s->url, "/");
        e.request.method = TEXT("POST");
        e.request.body = &body;
        e.request.body_count = 1;
        client_start(&e);
        client_run(c);
        if (polite || e.failure == TRANSFER_OK) {
            cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
            cr_assert_eq(e.status, 413);
        } else { /* the reset may overtake the answer */
            cr_assert(e.failure == TRANSFER_SEND || e.failure == TRANSFER_RESET, "%s",
                      transfer_failure_name(e.failure));
        }
        cr_assert_eq(pool_idle(c->pool), 0);
        exchange_fini(&e);
        client_free(c);
        server_stop(s);
    }
    free((void *)(uintptr_t)body.ptr);
}
