/* test_reply.c - streams: chunks, back-pressure, and clients that leave or do not read. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "check.h"
#include "fake_flow.h"
#include "flow/door.h"
#include "house.h"

static struct house house;
static char body[65536];

static void reset(int fd)
{
    struct linger now = { .l_onoff = 1 };

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

Test(reply, makes_one_chunk_of_one_write)
{
    house_open(&house, NULL);
    int fd = house_connect(&house);

    house_post(fd, "stream:8:10:5", "{}");
    cr_assert_eq(house_answer(fd, body, sizeof body), 200);
    cr_assert(house_whole());
    cr_assert_eq(house_bytes(), 40u);
#ifndef GW_TINY
    cr_assert_eq(house_chunks(), 8u);
#endif
    house_post(fd, "now", "{}"); /* the connection is still good */
    cr_assert_eq(house_answer(fd, NULL, 0), 200);
    close(fd);
    house_close(&house);
    cr_assert_eq(atomic_load(&fake_seen.idle_drains), 0u);
}

Test(reply, sends_the_writes_of_one_round_together)
{
    house_open(&house, NULL);
    int fd = house_connect(&house);

    house_post(fd, "burst:20:50", "{}");
    cr_assert_eq(house_answer(fd, body, sizeof body), 200);
    cr_assert_eq(house_bytes(), 1000u);
#ifndef GW_TINY
    cr_assert_eq(house_chunks(), 1u);
#endif
    close(fd);
    house_close(&house);
    cr_assert_eq(atomic_load(&fake_seen.idle_drains), 0u);
}

Test(reply, asks_the_source_to_wait)
{
    house_open(&house, NULL);
    int fd = house_connect(&house);

    house_post(fd, "flood:400:30000", "{}"); /* 12 MB, more than sockets hold */
    usleep(100000);
    cr_assert_eq(house_answer(fd, NULL, 0), 200);
    cr_assert(house_whole());
    cr_assert_eq(house_bytes(), 12000000u);
    close(fd);
    house_close(&house);
    cr_assert_gt(atomic_load(&fake_seen.drained), 10u);
    cr_assert_eq(atomic_load(&fake_seen.idle_drains), 0u);
    cr_assert_lt(atomic_load(&fake_seen.waiting), DOOR_HIGH_MARK + 30000u);
}

Test(reply, sends_large_answers_whole)
{
    house_open(&house, NULL);
    int fd = house_connect(&house);

    house_post(fd, "big:9000000", "{}");
    cr_assert_eq(house_answer(fd, NULL, 0), 200);
    cr_assert_eq(house_bytes(), 9000000u);
    house_post(fd, "big:0", "{}");
    cr_assert_eq(house_answer(fd, NULL, 0), 200);
    cr_assert_eq(house_bytes(), 0u);
    close(fd);
    house_close(&house);
}

Test(reply, cuts_where_the_request_says_so)
{
    house_open(&house, NULL);
    int fd = house_connect(&house);

    house_post(fd, "abort", "{}");
    house_answer(fd, body, sizeof body);
    cr_assert_not(house_whole());
    cr_assert_geq(house_until_closed(fd, 1000), 0);
    close(fd);
    house_close(&house);
    cr_assert_eq(atomic_load(&fake_seen.gone), 0u);
}

/* How long until the request knows, in milliseconds. */
static int64_t leave(const char *fake, void (*how)(int fd))
{
    unsigned before = atomic_load(&fake_seen.gone);
    int fd = house_connect(&house);

    house_post(fd, fake, "{}");
    usleep(50000);
    int64_t start = clock_ns();
    how(fd);
    cr_assert(house_wait(&fake_seen.gone, before + 1), "%s", fake);
    return (atomic_load(&fake_seen.gone_ns) - start) / CLOCK_MS;
}

static void finish(int fd)
{
    close(fd);
}
static void half_close(int fd)
{
    shutdown(fd, SHUT_WR);
}

Test(reply, sees_the_client_leave)
{
    house_open(&house, NULL);
    cr_assert_lt(leave("never", finish), 100);
    cr_assert_lt(leave("never", reset), 100);
    cr_assert_lt(leave("stream:1000:20:10", finish), 100);
    cr_assert_lt(leave("stream:1000:20:10", reset), 100);
    cr_assert_lt(leave("never", half_close), 100);
    cr_assert_lt(leave("flood:100000:30000", reset), 100); /* while MHD cannot send */
    house_close(&house);
}

Test(reply, counts_a_client_that_half_closed_early_as_gone)
{
    house_open(&house, NULL);
    int fd = house_connect(&house);

    house_post(fd, "never", "{}");
    shutdown(fd, SHUT_WR);
    cr_assert(house_wait(&fake_seen.gone, 1));
    cr_assert_geq(house_until_closed(fd, 1000), 0);
    close(fd);
    house_close(&house);
}

static bool wait_for_connections(unsigned wanted)
{
    for (int i = 0; i < 100; i++) {
        if (atomic_load(&house.gateway.connections) == wanted)
            return true;
        usleep(5000);
    }
    return false;
}

/* MHD 1.0.1 would keep them until the oldest connection of their daemon has gone. */
Test(reply, frees_what_has_ended_while_older_connections_stay)
{
    house_open(&house, NULL);
    int old = house_connect(&house), fd;

    house_send(old, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cr_assert_eq(house_answer(old, NULL, 0), 200);

    fd = house_connect(&house);
    house_send(fd, "POST /v1/chat/completions HTTP/1.0\r\nx-fake: stream:3:2:10\r\nContent-Length: 2\r\n\r\n{}");
    cr_assert_eq(house_answer(fd, NULL, 0), 200);
    close(fd);
    cr_assert(wait_for_connections(1));

    for (int i = 0; i < 2; i++) {
        fd = house_connect(&house);
        house_post(fd, "stream:1000:10:10", "{}");
        usleep(50000);
        if (i == 0)
            reset(fd);
        else
            shutdown(fd, SHUT_WR);
        cr_assert(wait_for_connections(1));
        if (i == 1)
            close(fd);
    }

    fd = house_connect(&house);
    house_post(fd, "abort", "{}");
    house_answer(fd, NULL, 0);
    cr_assert(wait_for_connections(1));
    close(fd);
    house_send(old, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cr_assert_eq(house_answer(old, NULL, 0), 200);
    close(old);
    house_close(&house);
}

/* Who wrote an answer hears whether the client got it: bytes that the kernel could not take are not there. */
Test(reply, tells_whether_an_answer_arrived)
{
    house_open(&house, NULL);
    int fd = house_connect(&house);

    house_post(fd, "big:30000000", "{}");
    cr_assert_eq(recv(fd, body, sizeof body, MSG_WAITALL), (ssize_t)sizeof body);
    reset(fd);
    cr_assert(house_wait(&fake_seen.undelivered, 1));
    fd = house_connect(&house);
    house_post(fd, "big:300000", "{}");
    cr_assert_eq(house_answer(fd, NULL, 0), 200);
    cr_assert(house_wait(&fake_seen.ended, 2));
    cr_assert_eq(atomic_load(&fake_seen.undelivered), 1u);
    close(fd);
    house_close(&house);
}

/* One that sends no more still reads: an answer that is on its way, and not a stream, reaches it. */
Test(reply, goes_on_to_a_client_that_half_closed_behind_its_request)
{
    house_open(&house, NULL);
    int fd = house_connect(&house);

    house_post(fd, "big:30000000", "{}");
    cr_assert_eq(recv(fd, body, 12, MSG_PEEK | MSG_WAITALL), 12);
    shutdown(fd, SHUT_WR);
    usleep(50000);
    cr_assert_eq(house_answer(fd, NULL, 0), 200);
    cr_assert(house_whole());
    cr_assert_eq(house_bytes(), 30000000u);
    close(fd);
    house_close(&house);
    cr_assert_eq(atomic_load(&fake_seen.undelivered), 0u);
}

Test(reply, ends_the_connection_where_the_answer_says_so)
{
    house_open(&house, NULL);
    int fd = house_connect(&house);

    house_post(fd, "close", "{}");
    cr_assert_eq(house_answer(fd, body, sizeof body), 200);
    cr_assert_eq(house_bytes(), 1024u);
    cr_assert_not_null(strstr(house_head(), "Connection: close"));
    cr_assert_not_null(strstr(house_head(), "Date: "));
    cr_assert_geq(house_until_closed(fd, 1000), 0);
    close(fd);
    house_close(&house);
    cr_assert_eq(atomic_load(&fake_seen.undelivered), 0u);
}

static void impatient(struct config *config)
{
    config->limits.write_ns = 400 * CLOCK_MS;
}

static int narrow(void)
{
    int fd = house_connect(&house);

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){ 4096 }, sizeof(int));
    return fd;
}

Test(reply, gives_up_on_a_client_that_takes_nothing)
{
    house_open(&house, impatient);
    int stream = narrow(), whole = narrow();

    house_post(stream, "flood:100000:30000", "{}");
    house_post(whole, "big:20000000", "{}");
    cr_assert(house_wait(&fake_seen.stuck, 2));
    cr_assert_eq(atomic_load(&fake_seen.gone), 0u);
    close(stream);
    close(whole);
    house_close(&house);
}

/* Also where libmicrohttpd waits for the socket to take more. */
Test(reply, cuts_a_client_that_takes_nothing_at_once)
{
    house_open(&house, NULL);
    int fd = narrow();

    house_post(fd, "stream:1000:5:60000", "{}"); /* waits for its source at first, then for its client */
    usleep(600000);
    cr_assert_eq(atomic_load(&house.gateway.connections), 1u);
    int64_t start = clock_ns();
    house_cut(&house);
    cr_assert(wait_for_connections(0));
    cr_assert_lt(clock_ns() - start, 500 * CLOCK_MS);
    close(fd);
    house_close(&house);
}

/* What waits for the source is no slow client. */
Test(reply, lets_a_stream_be_silent_for_longer_than_a_client_may)
{
    house_open(&house, impatient);
    int fd = house_connect(&house);

    house_post(fd, "stream:3:700:7", "{}");
    cr_assert_eq(house_answer(fd, body, sizeof body), 200);
    cr_assert(house_whole());
    cr_assert_eq(house_bytes(), 21u);
    close(fd);
    house_close(&house);
    cr_assert_eq(atomic_load(&fake_seen.stuck), 0u);
}

Test(reply, waits_for_a_client_that_takes_little)
{
    char some[2000];
    ssize_t got = 0;

    house_open(&house, impatient);
    int fd = narrow();
    house_post(fd, "flood:100000:30000", "{}");
    for (int i = 0; i < 60; i++) {
        got += recv(fd, some, sizeof some, 0);
        usleep(20000);
    }
    cr_assert_eq(atomic_load(&fake_seen.stuck), 0u);
    cr_assert_gt(got, 60000);
    close(fd);
    house_close(&house);
}
