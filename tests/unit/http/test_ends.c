/* test_ends.c - connections that have to end, and how. */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "fake_flow.h"
#include "house.h"

static struct house house;
static char body[65536];

static void small_bodies(struct config *config)
{
    config->limits.body_bytes = 10000;
}

/* MHD reads and drops what follows an early answer, but not for ever. */
Test(ends, ends_a_body_that_does_not_end_after_an_answer)
{
    static char chunk[65536 + 9];
    size_t sent = 0;
    ssize_t n = 0;

    snprintf(chunk, sizeof chunk, "10000\r\n");
    memset(chunk + 7, 'x', 65536);
    memcpy(chunk + 7 + 65536, "\r\n", 2);
    house_open(&house, small_bodies);
    int fd = house_connect(&house);
    house_send(
        fd,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nx-fake: early\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (sent < 64u << 20 && (n = send(fd, chunk, sizeof chunk, MSG_NOSIGNAL)) > 0)
        sent += (size_t)n;
    cr_assert_lt(n, 0, "it took %zu bytes", sent);
    close(fd);
    house_close(&house);
    cr_assert_eq(atomic_load(&fake_seen.body), 0u);
}

/* Bytes of the client are unread then: closing would reset the connection, and the answer could be lost. */
Test(ends, ends_without_a_reset_what_libmicrohttpd_refuses)
{
    static const char *const heads[] = {
        "GET / HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n",
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    };
    static char more[200000];

    memset(more, 'x', sizeof more);
    house_open(&house, NULL);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        int fd = house_connect(&house);
        ssize_t n;

        house_send(fd, heads[i]);
        house_send_bytes(fd, more, sizeof more);
        usleep(100000);
        cr_assert_eq(house_answer(fd, body, sizeof body), 400, "%s", heads[i]);
        while ((n = recv(fd, body, sizeof body, 0)) > 0)
            ;
        struct pollfd still = { .fd = fd, .events = POLLIN };
        poll(&still, 1, 100);
        cr_assert(n == 0 && (still.revents & (POLLERR | POLLHUP)) == 0, "%s: the connection was reset", heads[i]);
        close(fd);
    }
    house_close(&house);
}

/* Out of descriptors, one is left to answer with; when there are some again, clients are served again. */
Test(ends, turns_a_client_away_when_no_descriptor_is_left)
{
    static int held[1024];
    struct rlimit old, few;
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = 5 };
    int count = 0, next;

    house_open(&house, NULL);
    int kept = house_connect(&house), fds[] = { socket(AF_INET, SOCK_STREAM, 0), socket(AF_INET, SOCK_STREAM, 0) };
    house_post(kept, "now", "{}");
    cr_assert_eq(house_answer(kept, NULL, 0), 200);
    getrlimit(RLIMIT_NOFILE, &old);
    few = (struct rlimit){ 1000, old.rlim_max };
    setrlimit(RLIMIT_NOFILE, &few);
    while ((next = open("/dev/null", O_RDONLY)) >= 0)
        held[count++] = next;
    to.sin_port = htons(house.port);
    for (size_t i = 0; i < 2; i++) {
        setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        cr_assert_eq(connect(fds[i], (struct sockaddr *)&to, sizeof to), 0);
        cr_assert_eq(house_answer(fds[i], body, sizeof body), 503);
        cr_assert_not_null(strstr(body, "too many connections"));
    }
    house_post(kept, "now", "{}");
    cr_assert_eq(house_answer(kept, NULL, 0), 200);
    while (count > 0)
        close(held[--count]);
    setrlimit(RLIMIT_NOFILE, &old);
    close(fds[0]);
    close(fds[1]);
    int fd = house_connect(&house);
    house_post(fd, "now", "{}");
    cr_assert_eq(house_answer(fd, NULL, 0), 200);
    close(fd);
    close(kept);
    house_close(&house);
}

Test(ends, keeps_nothing_of_http_1_0_alive)
{
    static const char *const fakes[] = { "now", "stream:2:5:7", "burst:2:7" };

    house_open(&house, NULL);
    for (size_t i = 0; i < sizeof fakes / sizeof *fakes; i++) {
        int fd = house_connect(&house);
        char request[300];

        snprintf(request, sizeof request,
                 "POST /v1/chat/completions HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\nx-fake: %s\r\n"
                 "Content-Length: 2\r\n\r\n{}",
                 fakes[i]);
        house_send(fd, request);
        cr_assert_eq(house_answer(fd, body, sizeof body), 200);
        cr_assert_null(strstr(house_head(), "hunked"));
        cr_assert_eq(house_bytes(), i == 0 ? 1024u : 14u);
        if (i > 0)
            cr_assert_geq(house_until_closed(fd, 1000), 0);
        close(fd);
    }
    int fd = house_connect(&house);
    house_send(
        fd,
        "POST /v1/chat/completions HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\n{}\r\n0\r\n\r\nGET /livez HTTP/1.0\r\n\r\n");
    cr_assert_eq(house_answer(fd, body, sizeof body), 400);
    cr_assert_eq(house_answer(fd, body, sizeof body), 0, "a second answer");
    close(fd);
    house_close(&house);
}
