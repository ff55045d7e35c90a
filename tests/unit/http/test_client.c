/* test_client.c - deadlines, and the end of the house. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "check.h"
#include "fake_flow.h"
#include "house.h"

static struct house house;
static char body[65536];

static void quick(struct config *config)
{
    config->limits.header_ns = 300 * CLOCK_MS;
    config->limits.body_ns = 300 * CLOCK_MS;
    config->limits.keep_alive_ns = 900 * CLOCK_MS;
}

#define NEAR(ms_, wanted_) cr_assert((ms_) >= (wanted_)-60 && (ms_) < (wanted_) + 300, "%lld ms", (long long)(ms_))

static int64_t since(int64_t start)
{
    return (clock_ns() - start) / CLOCK_MS;
}

Test(client, ends_a_slow_head)
{
    house_open(&house, quick);
    int fd = house_connect(&house);
    int64_t start = clock_ns();

    house_send(fd, "POST /v1/chat");
    cr_assert_eq(house_answer(fd, body, sizeof body), 408);
    NEAR(since(start), 300);
    cr_assert_not_null(strstr(house_head(), "HTTP/1.1 408 Request Timeout\r\n"));
    cr_assert_not_null(strstr(body, "request_timeout"));
    cr_assert_not_null(strstr(house_head(), "x-request-id: "));
    cr_assert_not_null(strstr(house_head(), "Connection: close"));
    cr_assert_geq(house_until_closed(fd, 500), 0);
    close(fd);
    house_close(&house);
}

Test(client, is_not_fooled_by_a_byte_now_and_then)
{
    house_open(&house, quick);
    int fd = house_connect(&house);
    int64_t start = clock_ns();

    house_send(fd, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 20 && house_until_closed(fd, 50) < 0; i++)
        house_send(fd, "a");
    NEAR(since(start), 300);
    close(fd);
    house_close(&house);
}

Test(client, says_nothing_to_a_client_that_said_nothing)
{
    house_open(&house, quick);
    int fd = house_connect(&house);

    cr_assert_eq(house_answer(fd, body, sizeof body), 0);
    cr_assert_str_eq(house_head(), "");
    close(fd);
    house_close(&house);
}

Test(client, gives_each_request_its_own_time)
{
    house_open(&house, quick);
    int fd = house_connect(&house);

    for (int i = 0; i < 3; i++) {
        house_send(fd, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
        cr_assert_eq(house_answer(fd, NULL, 0), 200);
        usleep(200000); /* idle time is not the head's */
    }
    int64_t start = clock_ns();
    house_send(fd, "GET /liv");
    cr_assert_eq(house_answer(fd, NULL, 0), 408);
    NEAR(since(start), 300);
    close(fd);
    house_close(&house);
}

/* MHD has read the part of a head together with the request before it: no event reports it. */
Test(client, ends_a_head_that_began_behind_a_request)
{
    house_open(&house, quick);
    int fd = house_connect(&house);

    for (int i = 0; i < 6; i++) {
        house_post(fd, "echo", "{}");
        cr_assert_eq(house_answer(fd, NULL, 0), 200);
    }
    int64_t start = clock_ns();
    house_send(fd, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /liv");
    cr_assert_eq(house_answer(fd, NULL, 0), 200);
    cr_assert_eq(house_answer(fd, body, sizeof body), 408);
    NEAR(since(start), 300);
    close(fd);
    house_close(&house);
}

Test(client, ends_a_slow_body)
{
    house_open(&house, quick);
    int fd = house_connect(&house);
    int64_t start = clock_ns();

    house_send(fd, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc");
    cr_assert_eq(house_answer(fd, body, sizeof body), 408);
    NEAR(since(start), 300);
    cr_assert_not_null(strstr(body, "request_timeout"));
    cr_assert_geq(house_until_closed(fd, 500), 0);
    close(fd);
    house_close(&house);
    cr_assert_eq(atomic_load(&fake_seen.late), 1u);
}

#ifdef GW_TEST_BUILD
/* A page of the front's own that takes a body: there is no request that could answer. */
Test(client, ends_a_slow_body_of_a_page)
{
    house_open(&house, quick);
    int fd = house_connect(&house);
    int64_t start = clock_ns();

    house_send(fd, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc");
    cr_assert_eq(house_answer(fd, body, sizeof body), 0);
    NEAR(since(start), 300);
    close(fd);
    fd = house_connect(&house);
    house_send(fd, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cr_assert_eq(house_answer(fd, NULL, 0), 200);
    close(fd);
    house_close(&house);
}
#endif

Test(client, ends_an_idle_connection)
{
    house_open(&house, quick);
    int fd = house_connect(&house);

    house_send(fd, "GET /livez?a=b HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cr_assert_eq(house_answer(fd, NULL, 0), 200);
    house_post(fd, "echo", "{\"some\":\"body\"}");
    cr_assert_eq(house_answer(fd, NULL, 0), 200);
    house_post(fd, "early", "{\"dropped\":\"body\"}");
    cr_assert_eq(house_answer(fd, NULL, 0), 401);
    house_post(fd, "stream:2:20:10", "");
    cr_assert_eq(house_answer(fd, NULL, 0), 200);
    int64_t start = clock_ns();
    cr_assert_eq(house_answer(fd, NULL, 0), 0); /* not a word */
    NEAR(since(start), 900);
    close(fd);
    house_close(&house);
}

Test(client, does_not_hurry_an_answer)
{
    house_open(&house, quick);
    int fd = house_connect(&house);

    house_post(fd, "later:1200", "{}");
    cr_assert_eq(house_answer(fd, NULL, 0), 200);
    house_post(fd, "stream:4:400:10", "{}");
    cr_assert_eq(house_answer(fd, NULL, 0), 200);
    cr_assert(house_whole());
    close(fd);
    house_close(&house);
}

/* MHD 1.0.1 answers a chunk's size line that is too long for it with nothing, and forgets the connection. */
Test(client, survives_a_chunk_line_that_is_too_long)
{
    static char extension[70000];

    house_open(&house, quick);
    int old = house_connect(&house), fd = house_connect(&house);
    house_post(old, "never", "{}"); /* MHD looks at the oldest one in any case */
    memset(extension, 'a', sizeof extension);
    house_send(fd, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5;");
    house_send_bytes(fd, extension, sizeof extension);
    cr_assert_geq(house_until_closed(fd, 2000), 0);
    cr_assert(house_wait(&fake_seen.ended, 1));
    close(fd);
    close(old);
    house_close(&house);
}

Test(client, tells_a_request_whose_body_is_malformed)
{
    house_open(&house, quick);
    int fd = house_connect(&house);

    house_send(fd, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    cr_assert_eq(house_answer(fd, body, sizeof body), 400);
    cr_assert(house_wait(&fake_seen.ended, 1));
    cr_assert_eq(atomic_load(&fake_seen.gone), 1u);
    cr_assert_eq(atomic_load(&fake_seen.body_status), 400u);
    close(fd);
    fd = house_connect(&house); /* and one whose client leaves in its midst */
    house_send(fd, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc");
    cr_assert(house_wait(&fake_seen.begun, 2));
    close(fd);
    cr_assert(house_wait(&fake_seen.gone, 2));
    cr_assert_eq(atomic_load(&fake_seen.body_refusals), 1u);
    house_close(&house);
}

Test(client, drains_without_losing_an_answer)
{
    house_open(&house, NULL);
    int idle = house_connect(&house), late = house_connect(&house);
    int waiting = house_connect(&house), streaming = house_connect(&house);

    house_send(idle, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cr_assert_eq(house_answer(idle, NULL, 0), 200);
    house_send(late, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cr_assert_eq(house_answer(late, NULL, 0), 200);
    house_post(waiting, "later:300", "{}");
    house_post(streaming, "stream:5:60:10", "{}");
    cr_assert(house_wait(&fake_seen.begun, 2));
    usleep(20000);
    house_drain(&house);
    usleep(100000);
    house_send(late, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cr_assert_eq(house_answer(late, NULL, 0), 503);
    cr_assert_not_null(strstr(house_head(), "Connection: close"));
    cr_assert_geq(house_until_closed(late, 500), 0);
    cr_assert_eq(house_answer(waiting, NULL, 0), 200);
    cr_assert_not_null(strstr(house_head(), "Connection: close"));
    cr_assert_geq(house_until_closed(waiting, 500), 0);
    cr_assert_eq(house_answer(streaming, NULL, 0), 200);
    cr_assert(house_whole());
    cr_assert_null(strstr(house_head(), "Connection: close"));
    house_post(streaming, "now", "{}");
    cr_assert_eq(house_answer(streaming, NULL, 0), 200);
    cr_assert_not_null(strstr(house_head(), "Connection: close"));
    cr_assert_geq(house_until_closed(streaming, 500), 0);
    cr_assert_geq(house_until_closed(idle, 2500), 0);
    close(idle);
    close(late);
    close(waiting);
    close(streaming);
    house_close(&house);
    cr_assert_eq(atomic_load(&fake_seen.gone), 0u);
}

Test(client, cuts_what_is_left)
{
    house_open(&house, NULL);
    int waiting = house_connect(&house), streaming = house_connect(&house);

    house_post(waiting, "never", "{}");
    house_post(streaming, "stream:1000:20:10", "{}");
    cr_assert(house_wait(&fake_seen.begun, 2));
    usleep(50000);
    house_cut(&house);
    cr_assert_eq(recv(waiting, body, 1, 0), 0, "an end, and no reset");
    cr_assert_geq(house_until_closed(streaming, 500), 0);
    cr_assert_eq(atomic_load(&fake_seen.gone), 2u);
    close(waiting);
    close(streaming);
    house_close(&house);
}
