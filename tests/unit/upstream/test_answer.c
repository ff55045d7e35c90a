/* test_answer.c - answers of every shape, right and wrong: what is reported of them, and whether the connection
 * serves again. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "server.h"

#define HELLO "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"

/* Says its argument to every request, and goes on. */
static void serve_text(struct server_conn *conn)
{
    while (server_skip(conn))
        if (!server_say(conn, conn->arg))
            return;
}

static const char *body_of(struct exchange *e)
{
    buf_append(&e->body, "", 1);
    return e->body.ptr;
}

/* Says its argument, and closes. */
static void serve_once(struct server_conn *conn)
{
    if (server_skip(conn))
        server_say(conn, conn->arg);
}

/* The same, a byte at a time. */
static void serve_drops(struct server_conn *conn)
{
    const char *bytes = conn->arg;

    if (!server_skip(conn))
        return;
    for (size_t i = 0; bytes[i] != '\0'; i++) {
        server_send(conn, (struct text){ bytes + i, 1 });
        if (i % 4 == 0)
            server_sleep(1);
    }
}

struct expect {
    const char *answer;
    enum transfer_failure failure;
    int status; /* 0: no head may be reported */
    const char *body;
    bool kept; /* when the server does not close: is the connection used again? */
};

static const struct expect complete[] = {
    { HELLO, TRANSFER_OK, 200, "hello", true },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n000A\r\n0123456789\r\n0\r\n\r\n", TRANSFER_OK,
      200, "abc0123456789", true },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1;a=b;c=\"d\\\"e;\"\r\nx\r\n0\r\nX-Trailer: 1\r\nY:\r\n\r\n",
      TRANSFER_OK, 200, "x", true },
    { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" HELLO, TRANSFER_OK, 200, "hello",
      true },
    { "HTTP/1.1 204 No Content\r\n\r\n", TRANSFER_OK, 204, "", true },
    { "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", TRANSFER_OK, 304, "", true },
    { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", TRANSFER_OK, 200, "", true },
    { "HTTP/1.1 404\r\nContent-Length: 2\r\n\r\nno", TRANSFER_OK, 404, "no", true },
    { "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno", TRANSFER_OK, 200, "no", false },
    { "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nno", TRANSFER_OK, 200, "no", false },
    { "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nno", TRANSFER_OK, 200, "no", false },
    { "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nno", TRANSFER_OK, 200, "no", true },
    { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno!", TRANSFER_OK, 200, "no", false },
    { "HTTP/1.1 204 No Content\r\n\r\nx", TRANSFER_OK, 204, "", false },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP", TRANSFER_OK, 200, "", false },
};

/* Answers that are right whole and cut at every byte, one table for both. */
static void check_complete(void (*serve)(struct server_conn *conn), bool closes)
{
    for (size_t i = 0; i < sizeof complete / sizeof *complete; i++) {
        struct server *s = server_start(serve, (void *)(uintptr_t)complete[i].answer);
        struct client *c = client_new(2, NULL);
        struct exchange e;

        client_get(&e, c, s->url, "/");
        cr_assert_eq(e.failure, TRANSFER_OK, "case %zu: %s", i, e.why);
        cr_assert_eq(e.status, complete[i].status, "case %zu", i);
        cr_assert_str_eq(body_of(&e), complete[i].body, "case %zu", i);
        exchange_fini(&e);
        if (!closes)
            cr_assert_eq(pool_idle(c->pool), complete[i].kept ? 1 : 0, "case %zu", i);
        client_free(c);
        server_stop(s);
    }
}

Test(answer, reads_complete_answers)
{
    check_complete(serve_text, false);
}

Test(answer, reads_complete_answers_that_drip)
{
    check_complete(serve_drops, true);
}

Test(answer, reads_complete_answers_of_a_server_that_closes)
{
    check_complete(serve_once, true);
}

static void check_all(const struct expect *cases, size_t count, void (*serve)(struct server_conn *conn))
{
    for (size_t i = 0; i < count; i++) {
        struct server *s = server_start(serve, (void *)(uintptr_t)cases[i].answer);
        struct client *c = client_new(2, NULL);
        struct exchange e;

        client_get(&e, c, s->url, "/");
        cr_assert_eq(e.failure, cases[i].failure, "case %zu: %s (%s)", i, transfer_failure_name(e.failure), e.why);
        cr_assert_eq(e.status, cases[i].status, "case %zu: %d", i, e.status);
        if (cases[i].body != NULL)
            cr_assert_str_eq(body_of(&e), cases[i].body, "case %zu", i);
        cr_assert_eq(pool_idle(c->pool), 0, "case %zu: kept", i);
        cr_assert_eq(s->connections, 1, "case %zu: tried again", i);
        exchange_fini(&e);
        client_free(c);
        server_stop(s);
    }
}

Test(answer, tells_what_was_cut_and_what_ends_by_closing)
{
    static const struct expect cases[] = {
        { "HTTP/1.1 200 OK\r\n\r\nuntil close", TRANSFER_OK, 200, "until close", false },
        { "HTTP/1.0 200 OK\r\n\r\n", TRANSFER_OK, 200, "", false },
        { "", TRANSFER_RESET, 0, NULL, false },
        { "HTTP/1.1 200 OK\r\nContent-Le", TRANSFER_RESET, 0, NULL, false },
        { "HTTP", TRANSFER_RESET, 0, NULL, false },
        { "HTTP/1.1 100 Continue\r\n\r\n", TRANSFER_RESET, 0, NULL, false },
        { "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", TRANSFER_CUT, 200, "hello", false },
        { "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", TRANSFER_CUT, 200, "", false },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", TRANSFER_CUT, 200, "hel", false },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", TRANSFER_CUT, 200, "hello", false },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", TRANSFER_CUT, 200, "hello",
          false },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", TRANSFER_CUT, 200, "", false },
    };

    check_all(cases, sizeof cases / sizeof *cases, serve_once);
    check_all(cases, sizeof cases / sizeof *cases, serve_drops);
}

static void serve_and_reset(struct server_conn *conn)
{
    if (!server_skip(conn))
        return;
    server_say(conn, conn->arg);
    server_sleep(50);
    server_reset(conn);
}

static void check_why(void (*serve)(struct server_conn *conn), const char *answer, enum transfer_failure failure,
                      const char *why)
{
    struct server *s = server_start(serve, (void *)(uintptr_t)answer);
    struct client *c = client_new(2, NULL);
    struct exchange e;

    client_get(&e, c, s->url, "/");
    cr_assert_eq(e.failure, failure, "%s", transfer_failure_name(e.failure));
    cr_assert_str_eq(e.why, why);
    exchange_fini(&e);
    client_free(c);
    server_stop(s);
}

Test(answer, says_how_it_was_cut)
{
    check_why(serve_once, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", TRANSFER_CUT,
              "the connection was closed");
    check_why(serve_and_reset, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", TRANSFER_CUT,
              "the connection broke");
    check_why(serve_once, "", TRANSFER_RESET, "the connection was closed");
    check_why(serve_and_reset, "HTTP/1.1 200 OK\r\nConte", TRANSFER_RESET, "the connection broke");
}

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"

Test(answer, refuses_malformed_answers)
{
    static const struct expect cases[] = {
        { "hello", TRANSFER_MALFORMED, 0, NULL, false },
        { "<html>no head at all</html>", TRANSFER_MALFORMED, 0, NULL, false },
        { "\r\n" HELLO, TRANSFER_MALFORMED, 0, NULL, false },
        { "HXXX/1.1 200 OK\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { "HTTP/2 200\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { "HTTP/2.0 200 OK\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { "HTTP/1.2 200 OK\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { "HTTP/1.1 2000 OK\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { "HTTP/1.1 20 OK\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { "HTTP/1.1 099 OK\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { "HTTP/1.1 999 OK\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { "HTTP/1.1  200 OK\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { "HTTP/1.1 200 O\x01K\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { "HTTP/1.1 101 Switching\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "No-Colon\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD ": no name\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "Blank : x\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "A: b\r\n folded\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "A: b\nC: d\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "A: b\rC: d\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "A: b\x01\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "A: b\x7f\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { "HTTP/1.1 200 OK\nA: b\n\n", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "Content-Length: 5\r\ncontent-length: 5\r\n\r\nhello", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "Content-Length: 5, 5\r\n\r\nhello", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "Content-Length: +5\r\n\r\nhello", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "Content-Length: -1\r\n\r\nhello", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "Content-Length: 0x5\r\n\r\nhello", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "Content-Length:\r\n\r\nhello", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "Content-Length: 18446744073709551615\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "Content-Length: 18446744073709551621\r\n\r\nhello", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", TRANSFER_MALFORMED, 0, NULL,
          false },
        { OK_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", TRANSFER_MALFORMED, 0, NULL,
          false },
        { OK_HEAD "Transfer-Encoding: gzip\r\n\r\nx", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "Transfer-Encoding: identity\r\n\r\nx", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", TRANSFER_MALFORMED, 0, NULL,
          false },
        { OK_HEAD "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { OK_HEAD "Transfer-Encoding:\r\n\r\n0\r\n\r\n", TRANSFER_MALFORMED, 0, NULL, false },
        { CHUNKED "x\r\n\r\n", TRANSFER_MALFORMED, 200, "", false },
        { CHUNKED "\r\n0\r\n\r\n", TRANSFER_MALFORMED, 200, "", false },
        { CHUNKED "-1\r\n\r\n", TRANSFER_MALFORMED, 200, "", false },
        { CHUNKED "0x1\r\na\r\n0\r\n\r\n", TRANSFER_MALFORMED, 200, "", false },
        { CHUNKED "1 \r\na\r\n0\r\n\r\n", TRANSFER_MALFORMED, 200, "", false },
        { CHUNKED "1\na\r\n0\r\n\r\n", TRANSFER_MALFORMED, 200, "", false },
        { CHUNKED "1\r\naX\r\n0\r\n\r\n", TRANSFER_MALFORMED, 200, "a", false },
        { CHUNKED "1\r\na\n0\r\n\r\n", TRANSFER_MALFORMED, 200, "a", false },
        { CHUNKED "5\r\nhelloXY0\r\n\r\n", TRANSFER_MALFORMED, 200, "hello", false },
        { CHUNKED "1;\r\na\r\n0\r\n\r\n", TRANSFER_MALFORMED, 200, "", false },
        { CHUNKED "1;a=\"x\r\na\r\n0\r\n\r\n", TRANSFER_MALFORMED, 200, "", false },
        { CHUNKED "1;a\x01\r\na\r\n0\r\n\r\n", TRANSFER_MALFORMED, 200, "", false },
        { CHUNKED "ffffffffffffffff\r\n", TRANSFER_MALFORMED, 200, "", false },
        { CHUNKED "10000000000000001\r\na", TRANSFER_MALFORMED, 200, "", false },
        { CHUNKED "0\r\nTrailer\r\n\r\n", TRANSFER_MALFORMED, 200, "", false },
        { CHUNKED "0\r\n: x\r\n\r\n", TRANSFER_MALFORMED, 200, "", false },
        { CHUNKED "0\r\nA: b\rC: d\r\n\r\n", TRANSFER_MALFORMED, 200, "", false },
        { CHUNKED "0\r\n\rx", TRANSFER_MALFORMED, 200, "", false },
    };

    check_all(cases, sizeof cases / sizeof *cases, serve_text);
    check_all(cases, sizeof cases / sizeof *cases, serve_drops);
}

/* A head with so many headers, each with a value of so many bytes. */
static char *make_head(int headers, size_t value)
{
    char *out = malloc(64 + (size_t)headers * (value + 16)), *at = out;

    at += snprintf(at, 64, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
    for (int i = 1; i < headers; i++) {
        at += snprintf(at, 16, "X%d: ", i);
        memset(at, 'v', value);
        at += value;
        memcpy(at, "\r\n", 2);
        at += 2;
    }
    memcpy(at, "\r\n", 3);
    return out;
}

static enum transfer_failure fetch(void (*serve)(struct server_conn *conn), void *arg)
{
    struct server *s = server_start(serve, arg);
    struct client *c = client_new(2, NULL);
    struct exchange e;
    enum transfer_failure failure;

    client_get(&e, c, s->url, "/");
    failure = e.failure;
    exchange_fini(&e);
    client_free(c);
    server_stop(s);
    return failure;
}

static enum transfer_failure fetch_head(int headers, size_t value)
{
    char *head = make_head(headers, value);
    enum transfer_failure failure = fetch(serve_text, head);

    free(head);
    return failure;
}

Test(answer, limits_the_head)
{
    cr_assert_eq(fetch_head(200, 20), TRANSFER_OK);
    cr_assert_eq(fetch_head(201, 20), TRANSFER_MALFORMED);
    cr_assert_eq(fetch_head(2, 65000), TRANSFER_OK);
    cr_assert_eq(fetch_head(2, 66000), TRANSFER_MALFORMED);
    cr_assert_eq(fetch_head(3, 33000), TRANSFER_MALFORMED);
    cr_assert_eq(fetch_head(2, 3000000), TRANSFER_MALFORMED);
}

static void serve_interim(struct server_conn *conn)
{
    if (!server_skip(conn))
        return;
    for (int i = 0; i < *(int *)conn->arg; i++)
        server_say(conn, "HTTP/1.1 102 Processing\r\nX: y\r\n\r\n");
    server_say(conn, HELLO);
}

Test(answer, swallows_sixteen_interim_answers_and_no_more)
{
    int count = 16;

    cr_assert_eq(fetch(serve_interim, &count), TRANSFER_OK);
    count = 17;
    cr_assert_eq(fetch(serve_interim, &count), TRANSFER_MALFORMED);
}

static void serve_trailers(struct server_conn *conn)
{
    if (!server_skip(conn))
        return;
    server_say(conn, CHUNKED "0\r\n");
    for (int i = 0; i < *(int *)conn->arg; i++)
        server_say(conn, "X-Trailer: 0123456789012345678901234567890123456789\r\n");
    server_say(conn, "\r\n");
}

Test(answer, limits_trailers)
{
    int count = 100;

    cr_assert_eq(fetch(serve_trailers, &count), TRANSFER_OK);
    count = 1000;
    cr_assert_eq(fetch(serve_trailers, &count), TRANSFER_MALFORMED);
}

Test(answer, expects_no_body_after_head)
{
    struct server *s = server_start(serve_text, (void *)(uintptr_t) "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    struct client *c = client_new(2, NULL);
    struct exchange e;

    for (int i = 0; i < 3; i++) {
        exchange_init(&e, c, s->url, "/");
        e.request.method = TEXT("HEAD");
        client_start(&e);
        client_run(c);
        cr_assert_eq(e.failure, TRANSFER_OK);
        cr_assert_eq(e.received, 0);
        exchange_fini(&e);
    }
    cr_assert_eq(s->connections, 1);
    client_free(c);
    server_stop(s);
}

static struct exchange get_at_most(const char *answer, size_t max)
{
    struct server *s = server_start(serve_text, (void *)(uintptr_t)answer);
    struct client *c = client_new(2, NULL);
    struct exchange e;

    exchange_init(&e, c, s->url, "/");
    e.request.max_body = max;
    client_start(&e);
    client_run(c);
    exchange_fini(&e);
    client_free(c);
    server_stop(s);
    return e;
}

Test(answer, limits_the_body)
{
    cr_assert_eq(get_at_most(HELLO, 5).failure, TRANSFER_OK);
    cr_assert_eq(get_at_most(HELLO, 4).failure, TRANSFER_TOO_LARGE);
    cr_assert_eq(get_at_most(HELLO, 4).heads, 0);
    cr_assert_eq(get_at_most(CHUNKED "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 5).failure, TRANSFER_OK);
    cr_assert_eq(get_at_most(CHUNKED "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", 5).failure, TRANSFER_TOO_LARGE);
    cr_assert_eq(get_at_most(CHUNKED "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", 5).received, 3);
}
