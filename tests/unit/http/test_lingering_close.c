/* test_lingering_close.c - what a connection leaves behind: no descriptor, no time of its last request, no reset. */
#include <dirent.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "check.h"
#include "fake_flow.h"
#include "house.h"

#define TWICE "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"

static struct house house;
static char body[65536];

static unsigned count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;

    cr_assert_not_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* Waits until the process has so many descriptors, at most `ms`. */
static bool comes_to(unsigned wanted, int ms)
{
    for (int64_t end_ns = clock_ns() + ms * CLOCK_MS; clock_ns() < end_ns;) {
        if (count_descriptors() == wanted)
            return true;
        nanosleep(&(struct timespec){ .tv_nsec = 5 * CLOCK_MS }, NULL);
    }
    return false;
}

/* A connection that was answered, and ended by the gateway, before its body came. */
static int part(void)
{
    int fd = house_connect(&house);

    house_send(fd, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nx-fake: early-close\r\n"
                   "Content-Length: 9000000\r\n\r\n{");
    cr_assert_eq(house_answer(fd, body, sizeof body), 401);
    cr_assert_geq(house_until_closed(fd, 5000), 0);
    return fd;
}

Test(lingering_close, leave_no_descriptor)
{
    house_open(&house, NULL); /* what a process keeps from the first time on is there then */
    house_close(&house);
    unsigned before = count_descriptors();

    house_open(&house, NULL);
    close(part());
    int kept = house_connect(&house), parted = part();
    house_post(kept, "now", "{}");
    cr_assert_eq(house_answer(kept, NULL, 0), 200);
    house_close(&house);
    cr_assert_eq(count_descriptors(), before + 2, "the client's own");
    close(kept);
    close(parted);
}

/* Clients that still send are read for a while, so that the answer is not lost in a reset. */
Test(lingering_close, read_what_the_client_still_sends)
{
    static char more[300000];

    house_open(&house, NULL);
    int fd = part();
    for (int i = 0; i < 10; i++)
        cr_assert_eq(send(fd, more, sizeof more, MSG_NOSIGNAL), (ssize_t)sizeof more);
    cr_assert_eq(recv(fd, body, 1, 0), 0, "no reset");
    close(fd);
    house_close(&house);
}

Test(lingering_close, have_a_limit_of_bytes)
{
    static char more[1 << 20];
    ssize_t n = 0;

    house_open(&house, NULL);
    int fd = part();
    for (int i = 0; i < 64 && n >= 0; i++)
        n = send(fd, more, sizeof more, MSG_NOSIGNAL);
    cr_assert_lt(n, 0);
    close(fd);
    house_close(&house);
}

/* Four, of which the clients end three, in any order. False when their time of two seconds may have ended them. */
static bool end_three(unsigned before, int fds[4])
{
    int64_t begin_ns = clock_ns();

    for (int i = 0; i < 4; i++)
        fds[i] = part();
    bool all = comes_to(before + 8, 1500); /* libmicrohttpd closes its own one after the client has seen the end */
    close(fds[1]);                         /* in the middle */
    bool middle = comes_to(before + 6, 1500);
    close(fds[3]); /* the newest */
    bool newest = comes_to(before + 4, 1500);
    close(fds[0]); /* the oldest */
    bool oldest = comes_to(before + 2, 1500);
    if (clock_ns() - begin_ns > 1900 * CLOCK_MS && !(all && middle && newest && oldest))
        return false;
    cr_assert(all);
    cr_assert(middle && newest && oldest);
    return true;
}

Test(lingering_close, end_with_the_client_or_with_their_time)
{
    house_open(&house, NULL);
    int fds[4], other = house_connect(&house);

    house_post(other, "now", "{}"); /* it keeps what serves several connections */
    cr_assert_eq(house_answer(other, NULL, 0), 200);
    unsigned before = count_descriptors();
    bool ended = false;
    for (int i = 0; i < 5 && !ended; i++) { /* a busy machine may be too slow for it */
        ended = end_three(before, fds);
        cr_assert(comes_to(before + 1, 10000), "its time");
        close(fds[2]);
    }
    cr_assert(ended);
    close(other);
    house_close(&house);
}

Test(lingering_close, of_many_have_a_limit)
{
    house_open(&house, NULL);
    int fds[100];
    unsigned before = count_descriptors();

    for (int i = 0; i < 100; i++)
        fds[i] = part();
    cr_assert_leq(count_descriptors(), before + 100 + 64 + 30);
    for (int i = 0; i < 100; i++)
        close(fds[i]);
    cr_assert(comes_to(before, 10000));
    house_close(&house);
}

Test(lingering_close, a_request_has_a_time_of_its_own)
{
    house_open(&house, NULL);
    int fd = house_connect(&house);

    for (int i = 0; i < 3; i++) {
        int64_t before_ns = clock_ns();
        house_post(fd, "now", "{}");
        cr_assert_eq(house_answer(fd, body, sizeof body), 200);
        cr_assert_gt(atomic_load(&fake_seen.started_ns), before_ns - 50 * CLOCK_MS, "request %d", i);
        cr_assert_leq(atomic_load(&fake_seen.started_ns), clock_ns());
        nanosleep(&(struct timespec){ .tv_nsec = 200 * CLOCK_MS }, NULL);
    }
    int64_t before_ns = clock_ns(); /* and where its bytes came with those of the one before */
    house_send(fd, TWICE TWICE);
    cr_assert_eq(house_answer(fd, body, sizeof body), 200);
    cr_assert_eq(house_answer(fd, body, sizeof body), 200);
    cr_assert_gt(atomic_load(&fake_seen.started_ns), before_ns - 50 * CLOCK_MS);
    close(fd);
    house_close(&house);
}

/* The time that a client takes for its head is a part of it. */
Test(lingering_close, a_request_begins_with_its_first_byte)
{
    house_open(&house, NULL);
    int fd = house_connect(&house);

    for (int i = 0; i < 3; i++) {
        int64_t begin_ns = clock_ns();
        house_send(fd, "POST /v1/chat/completions HTTP/1.1\r\nHost: local");
        nanosleep(&(struct timespec){ .tv_nsec = 300 * CLOCK_MS }, NULL);
        house_send(fd, "host\r\nContent-Length: 2\r\n\r\n{}");
        cr_assert_eq(house_answer(fd, body, sizeof body), 200);
        cr_assert_lt(atomic_load(&fake_seen.started_ns), begin_ns + 200 * CLOCK_MS, "request %d", i);
        cr_assert_gt(atomic_load(&fake_seen.started_ns), begin_ns - 100 * CLOCK_MS, "request %d", i);
        nanosleep(&(struct timespec){ .tv_nsec = 150 * CLOCK_MS }, NULL);
    }
    close(fd);
    house_close(&house);
}

/* More than one table of daemons holds at first. */
Test(lingering_close, three_hundred_connections_live_beside_each_other)
{
    static int fds[300];

    house_open(&house, NULL);
    for (int i = 0; i < 300; i++) {
        fds[i] = house_connect(&house);
        house_send(fds[i], "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
        cr_assert_eq(house_answer(fds[i], body, sizeof body), 200, "connection %d", i);
    }
    for (int i = 299; i >= 0; i -= 2)
        close(fds[i]);
    for (int i = 0; i < 300; i += 2) {
        house_send(fds[i], "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
        cr_assert_eq(house_answer(fds[i], body, sizeof body), 200, "connection %d", i);
        close(fds[i]);
    }
    house_close(&house);
}
