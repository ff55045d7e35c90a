/* test_front.c - requests and answers over real sockets. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "check.h"
#include "fake_flow.h"
#include "house.h"
#include "http/front.h"

static struct house house;
static char body[65536];

static void small_bodies(struct config *config)
{
    config->limits.body_bytes = 10000;
}

static int get(int fd, const char *path)
{
    char request[512];

    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    house_send(fd, request);
    return house_answer(fd, body, sizeof body);
}

Test(front, answers_and_keeps_the_connection)
{
    house_open(&house, NULL);
    int fd = house_connect(&house);

    for (int i = 0; i < 3; i++) {
        house_post(fd, "now", "{}");
        cr_assert_eq(house_answer(fd, body, sizeof body), 200);
        cr_assert_eq(house_bytes(), 1024u);
        cr_assert_not_null(strstr(house_head(), "x-request-id: fake"));
        house_post(fd, "later:5", "{}");
        cr_assert_eq(house_answer(fd, NULL, 0), 200);
    }
    close(fd);
    house_close(&house);
    cr_assert_eq(atomic_load(&fake_seen.begun), 6u);
    cr_assert_eq(atomic_load(&fake_seen.gone), 0u);
}

Test(front, hands_the_body_in_as_it_came)
{
    static char big[200000];

    house_open(&house, NULL);
    int fd = house_connect(&house);
    house_post(fd, "echo", "{\"a\":1}");
    cr_assert_eq(house_answer(fd, body, sizeof body), 200);
    cr_assert_str_eq(body, "{\"a\":1}");

    house_send(fd, "POST /chat/completions?a=b&c HTTP/1.1\r\nHost: localhost\r\nx-fake: echo\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Trailer: y\r\n\r\n");
    cr_assert_eq(house_answer(fd, body, sizeof body), 200);
    cr_assert_str_eq(body, "abc0123456789");
    cr_assert_str_eq(fake_seen.head, "POST /chat/completions?a=b&c   -1");

    memset(big, 'z', sizeof big);
    house_send(fd,
               "POST /chat/completions HTTP/1.1\r\nHost: localhost\r\nx-fake: echo\r\nContent-Length: 200000\r\n\r\n");
    house_send_bytes(fd, big, sizeof big);
    cr_assert_eq(house_answer(fd, NULL, 0), 200);
    cr_assert_eq(house_bytes(), sizeof big);
    close(fd);
    house_close(&house);
}

Test(front, answers_pipelined_requests_in_order)
{
    house_open(&house, NULL);
    int fd = house_connect(&house);

    house_send(
        fd, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nx-fake: stream:2:5:7\r\n"
            "Content-Length: 2\r\n\r\n{}"
            "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
            "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nx-fake: later:5\r\nContent-Length: 2\r\n\r\n{}");
    cr_assert_eq(house_answer(fd, body, sizeof body), 200);
    cr_assert_eq(house_bytes(), 14u);
    cr_assert_eq(house_answer(fd, body, sizeof body), 200);
    cr_assert_str_eq(body, "ok\n");
    cr_assert_eq(house_answer(fd, body, sizeof body), 200);
    cr_assert_eq(house_bytes(), 1024u);
    close(fd);
    house_close(&house);
}

Test(front, speaks_http_1_0)
{
    house_open(&house, NULL);
    int fd = house_connect(&house);

    house_send(fd, "POST /v1/chat/completions HTTP/1.0\r\nx-fake: stream:3:2:10\r\nContent-Length: 2\r\n\r\n{}");
    cr_assert_eq(house_answer(fd, body, sizeof body), 200);
    cr_assert_null(strstr(house_head(), "chunked"));
    cr_assert_eq(house_bytes(), 30u);
    close(fd);
    house_close(&house);
    cr_assert_eq(atomic_load(&fake_seen.gone), 0u);
}

Test(front, tells_a_request_what_the_route_says)
{
    house_open(&house, NULL);
    int fd = house_connect(&house);

    cr_assert_eq(get(fd, "/nowhere"), 404);
    cr_assert_not_null(strstr(body, "\"not_found\""));
    cr_assert_eq(get(fd, "/v1/chat/completions"), 405);
    cr_assert_not_null(strstr(house_head(), "Allow: POST, OPTIONS\r\n"));
    house_send(fd, "POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}");
    cr_assert_eq(house_answer(fd, body, sizeof body), 405);
    cr_assert_eq(get(fd, "/v1/models/openai%2Fgpt-4o"), 200);
    cr_assert_str_eq(fake_seen.head, "GET /v1/models/openai%2Fgpt-4o openai/gpt-4o  -1");
    close(fd);
    house_close(&house);
    cr_assert_eq(atomic_load(&fake_seen.refused), 3u);
}

Test(front, refuses_a_bad_head_and_closes)
{
    house_open(&house, NULL);
    int fd = house_connect(&house);

    house_send(fd, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                   "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!");
    cr_assert_eq(house_answer(fd, body, sizeof body), 400);
    cr_assert_not_null(strstr(house_head(), "Connection: close\r\n"));
    cr_assert_not_null(strstr(house_head(), "x-request-id: "));
    cr_assert_not_null(strstr(house_head(), "request-id: "));
    cr_assert_not_null(strstr(body, "\"code\":\"bad_request\""));
    cr_assert_geq(house_until_closed(fd, 1000), 0);
    close(fd);
    house_close(&house);
    cr_assert_eq(atomic_load(&fake_seen.begun), 0u);
}

Test(front, answers_before_the_body_without_losing_the_connection)
{
    static char big[100000];

    house_open(&house, NULL);
    int fd = house_connect(&house);
    house_send(
        fd, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nx-fake: early\r\nContent-Length: 100000\r\n\r\n");
    house_send_bytes(fd, big, sizeof big);
    cr_assert_eq(house_answer(fd, NULL, 0), 401);
    cr_assert_eq(get(fd, "/livez"), 200);

    house_send(fd, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nx-fake: early\r\nExpect: 100-continue\r\n"
                   "Content-Length: 100000\r\n\r\n");
    cr_assert_eq(house_answer(fd, NULL, 0), 401); /* and no 100 before it */
    cr_assert_geq(house_until_closed(fd, 1000), 0);
    close(fd);

    fd = house_connect(&house);
    house_send(fd, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nx-fake: early-close\r\n"
                   "Content-Length: 100000\r\n\r\n");
    house_send_bytes(fd, big, sizeof big);
    cr_assert_eq(house_answer(fd, NULL, 0), 401);
    cr_assert_geq(house_until_closed(fd, 1000), 0);
    close(fd);
    house_close(&house);
    cr_assert_eq(atomic_load(&fake_seen.body), 0u);
}

Test(front, asks_for_the_body_that_a_client_holds_back)
{
    house_open(&house, NULL);
    int fd = house_connect(&house);

    house_send(fd, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nx-fake: echo\r\nExpect: 100-continue\r\n"
                   "Content-Length: 5\r\n\r\n");
    cr_assert_eq(house_answer(fd, NULL, 0), 100);
    house_send(fd, "hello");
    cr_assert_eq(house_answer(fd, body, sizeof body), 200);
    cr_assert_str_eq(body, "hello");
    close(fd);
    house_close(&house);
}

Test(front, limits_the_body)
{
    static char big[9000];

    house_open(&house, small_bodies);
    int fd = house_connect(&house);
    house_send(fd, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10001\r\n\r\n");
    cr_assert_eq(house_answer(fd, body, sizeof body), 413);
    cr_assert_not_null(strstr(body, "request_too_large"));
    cr_assert_geq(house_until_closed(fd, 1000), 0);
    close(fd);

    fd = house_connect(&house);
    house_send(fd, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 20; i++) {
        house_send(fd, "2328\r\n");
        house_send_bytes(fd, big, sizeof big);
        house_send(fd, "\r\n");
    }
    cr_assert_eq(house_answer(fd, body, sizeof body), 413);
    cr_assert_not_null(strstr(house_head(), "Connection: close\r\n"));
    cr_assert_geq(house_until_closed(fd, 1000), 0);
    close(fd);
    house_close(&house);
}

static void few_headers(struct config *config)
{
    config->limits.header_count = 5;
}

Test(front, limits_the_headers)
{
    house_open(&house, few_headers);
    int fd = house_connect(&house);

    house_send(fd, "GET /livez HTTP/1.1\r\nHost: localhost\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\n\r\n");
    cr_assert_eq(house_answer(fd, body, sizeof body), 431);
    cr_assert_not_null(strstr(body, "request_too_large"));
    close(fd);
    house_close(&house);
}

/* The head is larger than what MHD can hold: MHD refuses it by itself, in HTML. */
Test(front, refuses_a_head_that_is_too_large)
{
    static char value[30001];

    house_open(&house, NULL);
    memset(value, 'a', sizeof value - 1);
    for (int i = 0; i < 2; i++) {
        int fd = house_connect(&house);

        house_send(fd,
                   i == 0 ? "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-Long: " : "GET /v1/models?");
        house_send(fd, value);
        house_send(fd, i == 0 ? "\r\nContent-Length: 2\r\n\r\n{}" : " HTTP/1.1\r\nHost: localhost\r\n\r\n");
        int status = house_answer(fd, body, sizeof body);
        cr_assert(status == 431 || status == 414, "%d", status);
        cr_assert_geq(house_until_closed(fd, 1000), 0);
        close(fd);
    }
    house_close(&house);
}

Test(front, says_in_json_that_a_head_is_over_the_limit)
{
    static char value[8701];

    house_open(&house, NULL);
    int fd = house_connect(&house);
    memset(value, 'a', sizeof value - 1);
    house_send(fd, "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX-Long: ");
    house_send(fd, value);
    house_send(fd, "\r\n\r\n");
    cr_assert_eq(house_answer(fd, body, sizeof body), 431);
    cr_assert_not_null(strstr(body, "request_too_large"));
    cr_assert_not_null(strstr(house_head(), "x-request-id: "));
    cr_assert_geq(house_until_closed(fd, 1000), 0);
    close(fd);
    house_close(&house);
}

Test(front, answers_for_its_health)
{
    house_open(&house, NULL);
    int fd = house_connect(&house);

    cr_assert_eq(get(fd, "/"), 200);
    cr_assert_eq(get(fd, "/livez"), 200);
    cr_assert_not_null(strstr(house_head(), "x-request-id: "));
    cr_assert_eq(get(fd, "/readyz"), 200);
    cr_assert_eq(get(fd, "/metrics"), 200);
    cr_assert_not_null(strstr(house_head(), "text/plain; version=0.0.4"));
    house_send(fd, "OPTIONS /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cr_assert_eq(house_answer(fd, NULL, 0), 204);
    cr_assert_not_null(strstr(house_head(), "Allow: GET, HEAD, OPTIONS\r\n"));
    atomic_store(&house.gateway.draining, true);
    cr_assert_eq(get(fd, "/readyz"), 503);
    cr_assert_not_null(strstr(house_head(), "Connection: close\r\n"));
    close(fd);
    house_close(&house);
}

Test(front, serves_more_connections_than_one_daemon_holds)
{
    int fds[70];

    house_open(&house, NULL);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 70; i++)
            fds[i] = house_connect(&house);
        for (size_t i = 0; i < 70; i++)
            house_post(fds[i], i % 2 ? "later:10" : "stream:3:3:20", "{}");
        for (size_t i = 0; i < 70; i++) {
            cr_assert_eq(house_answer(fds[i], NULL, 0), 200);
            cr_assert(house_whole());
            close(fds[i]);
        }
    }
    house_close(&house);
    cr_assert_eq(atomic_load(&fake_seen.begun), 140u);
    cr_assert_eq(atomic_load(&fake_seen.gone), 0u);
}

static void few_connections(struct config *config)
{
    config->limits.connections = 3;
}

Test(front, turns_away_what_is_over_the_limit)
{
    int fds[5];

    house_open(&house, few_connections);
    for (size_t i = 0; i < 5; i++) {
        fds[i] = house_connect(&house);
        if (i < 3)
            cr_assert_eq(get(fds[i], "/livez"), 200);
    }
    for (size_t i = 3; i < 5; i++) {
        house_post(fds[i], "now", "{}");
        cr_assert_eq(house_answer(fds[i], body, sizeof body), 503);
        cr_assert_not_null(strstr(house_head(), "HTTP/1.1 503 Service Unavailable\r\n"));
        cr_assert_not_null(strstr(body, "server_is_overloaded"));
        cr_assert_not_null(strstr(house_head(), "Retry-After: "));
        cr_assert_geq(house_until_closed(fds[i], 1000), 0);
    }
    cr_assert_eq(get(fds[0], "/livez"), 200);
    for (size_t i = 0; i < 5; i++)
        close(fds[i]);
    for (int i = 0; i < 100 && atomic_load(&house.gateway.connections) > 0; i++)
        usleep(5000);
    fds[0] = house_connect(&house);
    cr_assert_eq(get(fds[0], "/livez"), 200);
    close(fds[0]);
    house_close(&house);
}

Test(front, says_why_it_cannot_listen)
{
    struct fail fail;
    uint16_t port = 0, other;
    int fd = front_listen(TEXT("127.0.0.1"), 0, &port, &fail);

    cr_assert_geq(fd, 0);
    cr_assert_neq(port, 0);
    int second = front_listen(TEXT("127.0.0.1"), port, &other, &fail); /* another worker */
    cr_assert_geq(second, 0);
    cr_assert_eq(other, port);
    close(second);
    close(fd);
    fd = front_listen(TEXT("localhost"), 0, &port, &fail);
    cr_assert_geq(fd, 0);
    close(fd);
    fd = front_listen(TEXT("[::1]"), 0, &port, &fail); /* an address, also where this machine has no IPv6 */
    cr_assert(fd >= 0 || strstr(fail.text, "an address is wanted") == NULL, "%s", fail.text);
    close(fd);
    cr_assert_eq(front_listen(TEXT("nonsense"), 0, &port, &fail), -1);
    cr_assert_eq(fail.kind, FAIL_OPERATOR);
    cr_assert_not_null(strstr(fail.text, "an address is wanted"));
    cr_assert_not_null(strstr(fail.text, "nonsense"));

    /* A listener that is not ours. */
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int));
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(fd, 5), 0);
    getsockname(fd, (struct sockaddr *)&at, &len);
    cr_assert_eq(front_listen(TEXT("127.0.0.1"), ntohs(at.sin_port), &port, &fail), -1);
    cr_assert_not_null(strstr(fail.text, "in use"));
    close(fd);
}
