/* test_pages.c - the gateway's own pages over real sockets, and what a page of another origin gets. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "face/face.h"
#include "fake_flow.h"
#include "house.h"
#include "http/front.h"

#define CHAT "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

static struct house house;
static char body[1 << 20];

/* Sends one request on a connection of its own, which ends behind it. Its status; the body is in `body`. */
static int once(const char *request)
{
    int fd = house_connect(&house), status;

    house_send(fd, request);
    status = house_answer(fd, body, sizeof body);
    close(fd);
    return status;
}

/* GET with headers (each with its line end), on a connection of its own. */
static int get(const char *path, const char *headers)
{
    char request[1024];

    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path, headers);
    return once(request);
}

static bool has(const char *line)
{
    return strstr(house_head(), line) != NULL;
}

Test(pages, are_short_and_plain)
{
    house_open(&house, NULL);
    cr_assert_eq(get("/livez", ""), 200);
    cr_assert_str_eq(body, "ok\n");
    cr_assert(has("\r\nContent-Type: text/plain"));
    cr_assert(has("\r\nCache-Control: no-store\r\n"));
    cr_assert_eq(get("/readyz", ""), 200);
    cr_assert_str_eq(body, "ok\n");
    cr_assert_not(has("Connection: close"));
    cr_assert_not(has("Access-Control"));
    cr_assert_eq(get("/livez/", ""), 200, "a slash at the end is no other page");
    cr_assert_eq(once("OPTIONS /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"), 204);
    cr_assert(has("\r\nAllow: GET, HEAD, OPTIONS\r\n"));
    cr_assert_eq(once("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"), 204);
    cr_assert(has("\r\nAllow: GET, HEAD, POST, OPTIONS\r\n"));
    cr_assert_eq(atomic_load(&fake_seen.begun), 0u);

    atomic_store(&house.gateway.draining, true);
    cr_assert_eq(get("/readyz", ""), 503);
    cr_assert_str_eq(body, "draining\n");
    cr_assert(has("Connection: close"));
    cr_assert_eq(get("/livez", ""), 200);
    cr_assert_str_eq(body, "ok\n");
    atomic_store(&house.gateway.draining, false);
    house_close(&house);
}

Test(pages, leave_the_connection_for_the_next_request)
{
    house_open(&house, NULL);
    int fd = house_connect(&house);

    for (int i = 0; i < 3; i++) {
        house_send(fd, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
        cr_assert_eq(house_answer(fd, body, sizeof body), 200);
        cr_assert_str_eq(body, "ok\n");
    }
    house_send(fd, "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: Keep-Alive\r\n\r\n");
    cr_assert_eq(house_answer(fd, body, sizeof body), 200);
    house_send(fd, "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    cr_assert_eq(house_answer(fd, body, sizeof body), 200);
    cr_assert_geq(house_until_closed(fd, 5000), 0);
    close(fd);
    fd = house_connect(&house);
    house_send(fd, "GET /livez HTTP/1.0\r\n\r\n");
    cr_assert_eq(house_answer(fd, body, sizeof body), 200);
    cr_assert_geq(house_until_closed(fd, 5000), 0);
    close(fd);
    house_close(&house);
}

static void small(struct config *config)
{
    config->limits.body_bytes = 10000;
}

Test(pages, refuse_what_is_too_large_and_what_hides_a_slash)
{
    house_open(&house, small);
    cr_assert_eq(once("GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"), 400);
    cr_assert_not_null(strstr(body, "a request with this method has no body"));
    cr_assert(has("\r\nx-should-retry: false\r\n"));
    cr_assert(has("\r\nContent-Type: application/json\r\n"));
#ifdef GW_TEST_BUILD
    cr_assert_eq(once("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10001\r\n\r\n"), 413);
    cr_assert_eq(once("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"), 200);
    cr_assert_str_eq(body, "hello");
    cr_assert_eq(get("/echo", "X-Shown: as it is\r\n"), 200); /* what the framing vectors look at */
    cr_assert_not_null(strstr(body, "X-Shown: as it is\n"));
    cr_assert_not_null(strstr(body, "Host: localhost\n"));
#endif
    cr_assert_eq(get("/v1/models%2fx/y", ""), 400);
    cr_assert_not_null(strstr(body, "encoded slash"));
    cr_assert_eq(get("/livez%2fx", ""), 400);
    cr_assert_not_null(strstr(body, "encoded slash"));
    cr_assert_eq(get("/livez?a=%2fx", ""), 200);
    cr_assert_eq(atomic_load(&fake_seen.begun), 0u);
    house_close(&house);
}

static char token[] = "secret";
static void with_token(struct config *config)
{
    config->metrics_token = text_of(token);
}

Test(pages, metrics_are_for_this_machine)
{
    house_open(&house, NULL);
    cr_assert_eq(get("/metrics", ""), 200);
    cr_assert(has("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    cr_assert_not_null(strstr(body, GW_VERSION));
    cr_assert_eq(get("/metrics", "X-Forwarded-For: 192.0.2.1\r\n"), 403);
    cr_assert_not_null(strstr(body, "/metrics is for this machine"));
    cr_assert_eq(get("/metrics", "Authorization: Bearer \r\nVia: 1.1 proxy\r\n"), 403, "no token is nobody's token");
    house_close(&house);
}

Test(pages, metrics_are_for_who_shows_the_token)
{
    house_open(&house, with_token);
    cr_assert_eq(get("/metrics", "Via: 1.1 proxy\r\nAuthorization: Bearer secret\r\n"), 200);
    cr_assert_eq(get("/metrics", "Via: 1.1 proxy\r\nAuthorization: bearer  secret\r\n"), 200);
    cr_assert_eq(get("/metrics", "Via: 1.1 proxy\r\nAuthorization: Bearer secre\r\n"), 401);
    cr_assert(has("\r\nWWW-Authenticate: Bearer\r\n"));
    cr_assert_not_null(strstr(body, "Authorization: Bearer TOKEN"));
    cr_assert_eq(get("/metrics", "Via: 1.1 proxy\r\nAuthorization: Bearer secrets\r\n"), 401);
    cr_assert_eq(get("/metrics", "Via: 1.1 proxy\r\nAuthorization: Basic secret\r\n"), 401);
    cr_assert_eq(get("/metrics", "Via: 1.1 proxy\r\n"), 401);
    cr_assert_eq(get("/metrics", "Authorization: Bearer wrong\r\n"), 200, "this machine needs none");
    cr_assert_not(has("WWW-Authenticate"));
    memcpy(token, "secret", sizeof token); /* was wiped with its configuration */
    house_close(&house);
}

static struct text listed[] = { { "https://a.example", 17 } };

static void with_cors(struct config *config)
{
    config->cors = listed;
    config->cors_count = 1;
}

static void with_keys(struct config *config)
{
    config->keys_required = true;
}

static void with_both(struct config *config)
{
    with_cors(config);
    with_keys(config);
}

static int chat(const char *headers)
{
    char request[1024];

    snprintf(request, sizeof request, CHAT "%sContent-Length: 2\r\n\r\n{}", headers);
    return once(request);
}

#define LISTED "Origin: https://a.example\r\n"
#define FOREIGN "Origin: https://b.example\r\n"

Test(pages, a_listed_origin_may_read_the_answer)
{
    house_open(&house, with_cors);
    cr_assert_eq(chat(LISTED), 200);
    cr_assert(has("\r\nAccess-Control-Allow-Origin: https://a.example\r\n"));
    cr_assert(has("\r\nVary: Origin\r\n"));
    cr_assert(has(
        "\r\nAccess-Control-Expose-Headers: x-request-id, request-id, retry-after, x-should-retry, x-gw-provider, "
        "x-gw-model, x-gw-attempts, x-gw-dropped, x-gw-estimated, x-gw-cost, x-gw-clamped, x-gw-budget-remaining, x-gw-upstream-request-id, "
        "x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests, x-ratelimit-limit-tokens, "
        "x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens\r\n"));
    cr_assert_not(has("Access-Control-Allow-Methods"));
    cr_assert_not(has("Access-Control-Max-Age"));
    cr_assert_eq(chat(LISTED "x-fake: stream:2:5:7\r\n"), 200);
    cr_assert(has("\r\nAccess-Control-Allow-Origin: https://a.example\r\n"));
    cr_assert_eq(get("/livez", LISTED), 200);
    cr_assert(has("\r\nAccess-Control-Allow-Origin: https://a.example\r\n"));
    cr_assert_eq(chat(""), 200);
    cr_assert_not(has("Access-Control"));
    cr_assert_not(has("Vary"));
    house_close(&house);
}

static void small_with_cors(struct config *config)
{
    small(config);
    with_cors(config);
}

/* An answer in the midst of a body goes out beside libmicrohttpd. */
Test(pages, a_listed_origin_may_read_why_its_body_is_refused)
{
    char request[12000];
    int head = snprintf(request, sizeof request, CHAT LISTED "Transfer-Encoding: chunked\r\n\r\n2ee0\r\n");

    house_open(&house, small_with_cors);
    memset(request + head, 'x', sizeof request - 1 - (size_t)head);
    request[sizeof request - 1] = '\0';
    cr_assert_eq(once(request), 413);
    cr_assert(has("HTTP/1.1 413 Content Too Large\r\n"));
    cr_assert(has("\r\nAccess-Control-Allow-Origin: https://a.example\r\n"));
    cr_assert(has("\r\nVary: Origin\r\n"));
    house_close(&house);
}

Test(pages, a_listed_origin_asks_before)
{
    house_open(&house, with_cors);
    cr_assert_eq(once("OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n" LISTED
                      "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-a, x-b\r\n\r\n"),
                 204);
    cr_assert(has("\r\nAccess-Control-Allow-Origin: https://a.example\r\n"));
    cr_assert(has("\r\nVary: Origin\r\n"));
    cr_assert(has("\r\nAccess-Control-Allow-Methods: GET, HEAD, POST, OPTIONS\r\n"));
    cr_assert(has("\r\nAccess-Control-Allow-Headers: x-a, x-b\r\n"));
    cr_assert(has("\r\nAccess-Control-Max-Age: 600\r\n"));
    cr_assert_not(has("Access-Control-Expose-Headers"));
    cr_assert_eq(once("OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n" LISTED
                      "Access-Control-Request-Method: POST\r\n\r\n"),
                 204);
    cr_assert(has("\r\nAccess-Control-Allow-Methods: GET, HEAD, POST, OPTIONS\r\n"));
    cr_assert_not(has("Access-Control-Allow-Headers"));
    cr_assert_eq(atomic_load(&fake_seen.begun), 0u);
    house_close(&house);
}

Test(pages, a_foreign_origin_is_refused_where_there_are_no_keys)
{
    house_open(&house, with_cors);
    cr_assert_eq(chat(FOREIGN), 403);
    cr_assert_not(has("Access-Control"));
    cr_assert_eq(get("/livez", FOREIGN), 403);
    cr_assert_not(has("Access-Control"));
    cr_assert_eq(atomic_load(&fake_seen.refused), 2u);
    cr_assert_eq(chat("Origin: http://localhost:3000\r\n"), 200);
    cr_assert_not(has("Access-Control"));
    cr_assert_eq(once("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
                      "Sec-Fetch-Mode: cors\r\nContent-Length: 2\r\n\r\n{}"),
                 415);
    cr_assert_eq(once("GET /livez HTTP/1.1\r\nHost: rebound.example\r\n\r\n"), 403);
    house_close(&house);
}

Test(pages, with_keys_any_origin_may_ask_and_a_listed_one_read)
{
    house_open(&house, with_both);
    cr_assert_eq(chat(FOREIGN), 200);
    cr_assert_not(has("Access-Control"));
    cr_assert_eq(chat(LISTED), 200);
    cr_assert(has("\r\nAccess-Control-Allow-Origin: https://a.example\r\n"));
    house_close(&house);
    house_open(&house, with_keys);
    cr_assert_eq(chat(LISTED), 200);
    cr_assert_not(has("Access-Control"));
    house_close(&house);
}

static void told(const char *target, const void *face, unsigned operation, const char *wanted)
{
    char request[512];

    snprintf(request, sizeof request, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", target);
    cr_assert_eq(once(request), 200, "%s", target);
    cr_assert_str_eq(fake_seen.told, wanted, "%s", fake_seen.told);
    cr_assert_eq(fake_seen.face, face, "%s", target);
    cr_assert_eq(fake_seen.operation, operation, "%s", target);
}

Test(pages, a_request_knows_its_route)
{
    house_open(&house, NULL);
    told("/v1/chat/completions", &face_chat, GW_OP_CHAT, "/chat/completions   127.0.0.1");
    told("/v1/messages?beta=true", &face_messages, GW_OP_CHAT, "/messages beta=true  127.0.0.1");
    told("/openai/deployments/gpt%2D4o/chat/completions?api-version=1", &face_chat, GW_OP_CHAT,
         "/chat/completions api-version=1 gpt-4o 127.0.0.1");
    told("/v1/embeddings", &face_embeddings, GW_OP_EMBEDDINGS, "/embeddings   127.0.0.1");
    cr_assert_eq(get("/nowhere", ""), 404);
    cr_assert_str_eq(fake_seen.told, "   127.0.0.1");
    cr_assert_eq(fake_seen.face, &face_chat);
    house_close(&house);
}

/* The answer that is sent while the body still comes has the header too. */
Test(pages, an_early_answer_has_its_origin)
{
    house_open(&house, with_cors);
    int fd = house_connect(&house);

    house_send(fd, CHAT LISTED "x-fake: early-close\r\nContent-Length: 5000\r\n\r\n{");
    cr_assert_eq(house_answer(fd, body, sizeof body), 401);
    cr_assert_str_eq(body, "no");
    cr_assert(has("\r\nAccess-Control-Allow-Origin: https://a.example\r\n"));
    cr_assert(has("\r\nVary: Origin\r\n"));
    cr_assert(has("\r\nConnection: close\r\n"));
    cr_assert_geq(house_until_closed(fd, 5000), 0);
    close(fd);
    house_close(&house);
}

/* Sent beside libmicrohttpd, with the words that belong to its status. */
Test(pages, a_body_that_grows_too_large_is_answered_while_it_comes)
{
    static char bytes[12000];

    house_open(&house, small);
    int fd = house_connect(&house);
    house_send(fd, CHAT "Transfer-Encoding: chunked\r\n\r\n4000\r\n");
    house_send_bytes(fd, bytes, sizeof bytes);
    cr_assert_eq(house_answer(fd, body, sizeof body), 413);
    cr_assert(strncmp(house_head(), "HTTP/1.1 413 Content Too Large\r\n", 32) == 0, "%s", house_head());
    cr_assert(has("\r\nConnection: close\r\n"));
    cr_assert_geq(house_until_closed(fd, 5000), 0);
    close(fd);
    house_close(&house);
}

Test(pages, an_address_of_another_machine_cannot_be_listened_on)
{
    struct fail fail;
    uint16_t port;

    cr_assert_eq(front_listen(TEXT("192.0.2.1"), 8080, &port, &fail), -1);
    cr_assert_eq(fail.kind, FAIL_OPERATOR);
    cr_assert_str_eq(fail.text, "cannot listen on 192.0.2.1:8080: this machine does not have that address");
    cr_assert_eq(front_listen(TEXT("2001:db8::1"), 8080, &port, &fail), -1);
    cr_assert_not_null(strstr(fail.text, "cannot listen on [2001:db8::1]:8080: "));
    cr_assert_eq(front_listen(TEXT("x::1]"), 8080, &port, &fail), -1, "half a pair of brackets");
    cr_assert_not_null(strstr(fail.text, "an address is wanted"));
    cr_assert_eq(front_listen(TEXT("nonsense"), 8080, &port, &fail), -1);
    cr_assert_str_eq(fail.text,
                     "cannot listen on \"nonsense\": an address is wanted, such as 127.0.0.1, ::1, 0.0.0.0 or ::");
}

/* Workers of this process share a port; that of each of its listeners, not of the first only. */
Test(pages, each_port_that_is_ours_may_be_shared)
{
    struct fail fail;
    uint16_t ports[3], same;
    int fds[6];

    for (int i = 0; i < 3; i++)
        cr_assert_geq(fds[i] = front_listen(TEXT("127.0.0.1"), 0, &ports[i], &fail), 0);
    for (int i = 0; i < 3; i++) {
        cr_assert_geq(fds[3 + i] = front_listen(TEXT("127.0.0.1"), ports[i], &same, &fail), 0, "%s", fail.text);
        cr_assert_eq(same, ports[i]);
    }
    for (int i = 0; i < 6; i++)
        close(fds[i]);
}
