/* test_transfer.c - what is sent, and the same connection used for it again. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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

Test(transfer, uses_a_connection_again)
{
    struct server *s = server_start(serve_text, (void *)(uintptr_t)HELLO);
    struct client *c = client_new(4, NULL);
    struct exchange e;

    for (int i = 0; i < 50; i++) {
        client_get(&e, c, s->url, "/v1/x?y=1");
        cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
        cr_assert_eq(e.status, 200);
        cr_assert_str_eq(body_of(&e), "hello");
        cr_assert_eq(pool_idle(c->pool), 1);
        exchange_fini(&e);
    }
    cr_assert_eq(s->connections, 1);
    cr_assert_eq(s->requests, 50);
    client_free(c);
    server_stop(s);
}

/* Answers with the request's head as the body. */
static void serve_echo(struct server_conn *conn)
{
    char *head, *body, answer[4096];
    size_t len;

    while (server_read(conn, &head, &body, &len)) {
        snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s%s", strlen(head) + len, head,
                 body);
        server_say(conn, answer);
        free(head);
        free(body);
    }
}

Test(transfer, sends_the_head_that_was_asked_for)
{
    struct server *s = server_start(serve_echo, NULL);
    struct client *c = client_new(4, NULL);
    const struct transfer_header headers[] = {
        { TEXT("Authorization"), TEXT("Bearer k") }, { TEXT("host"), TEXT("evil") },
        { TEXT("Content-Length"), TEXT("9") },       { TEXT("Transfer-Encoding"), TEXT("chunked") },
        { TEXT("Connection"), TEXT("close") },       { TEXT("X-Empty"), TEXT("") },
    };
    const struct text body[] = { TEXT("{\"model\":"), TEXT(""), TEXT("\"m\""), TEXT("}") };
    struct exchange e;
    char expected[1024];

    exchange_init(&e, c, s->url, "?q");
    e.request.method = TEXT("POST");
    e.request.headers = headers;
    e.request.header_count = 6;
    e.request.body = body;
    e.request.body_count = 4;
    client_start(&e);
    client_run(c);
    snprintf(expected, sizeof expected,
             "POST /?q HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer k\r\nX-Empty: \r\n"
             "Accept-Encoding: identity\r\nUser-Agent: llm-gateway/" GW_VERSION "\r\nContent-Length: 13\r\n\r\n"
             "{\"model\":\"m\"}",
             s->port);
    cr_assert_str_eq(body_of(&e), expected);
    exchange_fini(&e);

    const struct transfer_header own[] = { { TEXT("user-agent"), TEXT("me") },
                                           { TEXT("ACCEPT-ENCODING"), TEXT("gzip") } };
    exchange_init(&e, c, s->url, "");
    e.request.headers = own;
    e.request.header_count = 2;
    client_start(&e);
    client_run(c);
    snprintf(expected, sizeof expected,
             "GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nuser-agent: me\r\nACCEPT-ENCODING: gzip\r\n\r\n", s->port);
    cr_assert_str_eq(body_of(&e), expected);
    exchange_fini(&e);
    client_free(c);
    server_stop(s);
}

Test(transfer, sends_each_its_own_head_when_many_begin_at_once)
{
    enum { MANY = 30 };
    struct server *s = server_start(serve_echo, NULL);
    struct client *c = client_new(4, NULL);
    struct exchange all[MANY];
    char path[MANY][32], expected[128];

    for (int i = 0; i < MANY; i++) {
        snprintf(path[i], sizeof path[i], "/of-%d", i);
        exchange_init(&all[i], c, s->url, path[i]);
        client_start(&all[i]);
    }
    client_run(c);
    for (int i = 0; i < MANY; i++) {
        snprintf(expected, sizeof expected, "GET /of-%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n", i, s->port);
        cr_assert(text_starts(text_of(body_of(&all[i])), text_of(expected)), "%s", all[i].body.ptr);
        exchange_fini(&all[i]);
    }
    client_free(c);
    server_stop(s);
}

/* Answers with the number of bytes that the first read gave. */
static void serve_first_read(struct server_conn *conn)
{
    char bytes[4096], answer[128], number[16];
    ssize_t got = recv(conn->fd, bytes, sizeof bytes, 0);

    snprintf(number, sizeof number, "%zd", got);
    snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(number), number);
    server_say(conn, answer);
}

Test(transfer, sends_head_and_body_together)
{
    struct server *s = server_start(serve_first_read, NULL);
    struct client *c = client_new(1, NULL);
    const struct text body[] = { TEXT("{\"model\":"), TEXT("\"m\"}") };

    for (int i = 0; i < 5; i++) {
        struct exchange e;

        exchange_init(&e, c, s->url, "/");
        e.request.method = TEXT("POST");
        e.request.body = body;
        e.request.body_count = 2;
        client_start(&e);
        client_run(c);
        const char *told = body_of(&e);
        int head = snprintf(
            NULL, 0,
            "POST / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept-Encoding: identity\r\nUser-Agent: llm-gateway/" GW_VERSION
            "\r\nContent-Length: 13\r\n\r\n",
            s->port);
        cr_assert_eq(atoi(told), head + 13, "%s", told);
        exchange_fini(&e);
    }
    client_free(c);
    server_stop(s);
}

Test(transfer, refuses_to_send_what_would_break_the_head)
{
    static const struct {
        const char *url, *method;
        struct transfer_header header;
    } cases[] = {
        { "http://127.0.0.1:1/", "GET", { TEXT("X"), TEXT("a\r\nEvil: 1") } },
        { "http://127.0.0.1:1/", "GET", { TEXT("X"), TEXT("a\nb") } },
        { "http://127.0.0.1:1/", "GET", { TEXT("X"), TEXT("a\0b") } },
        { "http://127.0.0.1:1/", "GET", { TEXT("X"), TEXT("0123456789\x7f") } },
        { "http://127.0.0.1:1/", "GET", { TEXT("X:"), TEXT("a") } },
        { "http://127.0.0.1:1/", "GET", { TEXT("X Y"), TEXT("a") } },
        { "http://127.0.0.1:1/", "GET", { TEXT(""), TEXT("a") } },
        { "http://127.0.0.1:1/", "G T", { TEXT("X"), TEXT("a") } },
        { "http://127.0.0.1:1/", "", { TEXT("X"), TEXT("a") } },
        { "http://127.0.0.1:1/a b", "GET", { TEXT("X"), TEXT("a") } },
        { "http://127.0.0.1:1/\r\nX: y", "GET", { TEXT("X"), TEXT("a") } },
        { "http://127.0.0.1:1/#f", "GET", { TEXT("X"), TEXT("a") } },
        { "http://u:p@127.0.0.1:1/", "GET", { TEXT("X"), TEXT("a") } },
        { "http://", "GET", { TEXT("X"), TEXT("a") } },
        { "http://127.0.0.1:0/", "GET", { TEXT("X"), TEXT("a") } },
        { "http://127.0.0.1:99999/", "GET", { TEXT("X"), TEXT("a") } },
        { "http://[::1/", "GET", { TEXT("X"), TEXT("a") } },
        { "ftp://127.0.0.1/", "GET", { TEXT("X"), TEXT("a") } },
        { "", "GET", { TEXT("X"), TEXT("a") } },
    };
    struct client *c = client_new(4, NULL);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct exchange e;

        exchange_init(&e, c, cases[i].url, "");
        e.request.method = text_of(cases[i].method);
        e.request.headers = &cases[i].header;
        e.request.header_count = 1;
        client_start(&e);
        cr_assert_not(transfer_was_sent(e.transfer));
        client_run(c);
        cr_assert_eq(e.failure, TRANSFER_SEND, "case %zu: %s", i, transfer_failure_name(e.failure));
        exchange_fini(&e);
    }
    client_free(c);
}

/* Reads slowly at first, so that what is sent does not fit, and answers with the body's sum. */
static void serve_sum(struct server_conn *conn)
{
    char *body, answer[256];
    size_t len;

    server_sleep(100);
    while (server_read(conn, NULL, &body, &len)) {
        snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nX-Sum: %u\r\nContent-Length: 0\r\n\r\n",
                 client_sum(0, body, len));
        server_say(conn, answer);
        free(body);
    }
}

Test(transfer, sends_ten_megabytes_in_pieces)
{
    enum { PIECES = 40 };
    struct server *s = server_start(serve_sum, NULL);
    struct client *c = client_new(4, NULL);
    size_t len = (size_t)10 << 20, at = 0;
    char *bytes = malloc(len), expected[64];
    struct text pieces[PIECES];
    uint32_t sum = 0;

    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 7 >> 3);
    sum = client_sum(0, bytes, len);
    for (int i = 0; i < PIECES; i++) {
        size_t part = i == PIECES - 1 ? len - at : i % 3 == 0 ? 17 : 300000;

        pieces[i] = (struct text){ bytes + at, part };
        at += part;
    }
    for (int round = 0; round < 2; round++) {
        struct exchange e;

        exchange_init(&e, c, s->url, "/");
        e.request.method = TEXT("POST");
        e.request.body = pieces;
        e.request.body_count = PIECES;
        client_start(&e);
        client_run(c);
        cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
        snprintf(expected, sizeof expected, "X-Sum=%u\nContent-Length=0\n", sum);
        buf_append(&e.headers, "", 1);
        cr_assert_str_eq(e.headers.ptr, expected);
        exchange_fini(&e);
    }
    cr_assert_eq(s->connections, 1);
    free(bytes);
    client_free(c);
    server_stop(s);
}

Test(transfer, has_words_for_each_failure_that_a_person_understands)
{
    for (enum transfer_failure failure = TRANSFER_OK; failure <= TRANSFER_TIME_TOTAL; failure++) {
        struct text text = text_of(transfer_failure_text(failure));
        cr_assert_gt(text.len, strlen(transfer_failure_name(failure)), "%s", text.ptr);
        cr_assert_geq(text_find(text, TEXT(" ")), 0, "%s", text.ptr);
    }
    cr_assert(text_find(text_of(transfer_failure_text(TRANSFER_TIME_FIRST)), TEXT("first_token_s")) >= 0);
}
