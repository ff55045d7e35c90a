/* test_scarce.c - clients that come while descriptors or memory are lacking. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "check.h"
#include "fake_flow.h"
#include "house.h"
#include "http/inside.h"
#include "scarce.h"

static struct house house;
static char body[65536];

/* The listener rests, and one client hears why; then clients are served again. */
Test(scarce, no_room_for_a_connection_is_said_to_its_client)
{
    static const int errors[] = { EMFILE, ENFILE, ENOBUFS, ENOMEM };

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        house_open(&house, NULL);
        lack(&accepts, 0, errors[i]);
        int fd = house_connect(&house), next;

        cr_assert_eq(house_answer(fd, body, sizeof body), 503, "%s", strerror(errors[i]));
        cr_assert_not_null(strstr(body, "too many connections"));
        cr_assert_geq(house_until_closed(fd, 1000), 0);
        close(fd);
        int64_t begin_ns = clock_ns();
        next = house_connect(&house);
        house_post(next, "now", "{}");
        cr_assert_eq(house_answer(next, NULL, 0), 200);
        cr_assert_lt(clock_ns() - begin_ns, 5 * CLOCK_S);
        close(next);
        house_close(&house);
    }
}

/* Nor is there one to answer with: the client waits with the listener, for a tenth of a second. */
Test(scarce, who_cannot_be_turned_away_waits)
{
    house_open(&house, NULL);
    lack_some(&accepts, 0, 2, EMFILE);
    int64_t begin_ns = clock_ns();
    int fd = house_connect(&house);

    house_send(fd, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cr_assert_eq(house_answer(fd, body, sizeof body), 200);
    cr_assert_geq(clock_ns() - begin_ns, 90 * CLOCK_MS);
    cr_assert_lt(clock_ns() - begin_ns, 5 * CLOCK_S);
    const char *shed = strstr(body, "event=\"shed\"");
    cr_assert(shed == NULL || strncmp(strchr(shed, ' '), " 0\n", 3) == 0, "%s", body);
    close(fd);
    house_close(&house);
}

/* It is of that connection alone: the one behind it is served at once. */
Test(scarce, a_connection_that_breaks_while_it_waits_delays_no_other)
{
    house_open(&house, NULL);
    lack(&accepts, 0, ECONNABORTED);
    int fd = house_connect(&house);

    house_post(fd, "now", "{}");
    cr_assert_eq(house_answer(fd, NULL, 0), 200);
    close(fd);
    house_close(&house);
}

struct census {
    struct loop_message message;
    unsigned count[8], begun[8];
    size_t daemons;
    atomic_uint done;
};

static void take_census(struct loop_message *message)
{
    struct census *c = (struct census *)message;
    struct front *f = house.worker.front;

    c->daemons = f->daemon_count;
    for (size_t i = 0; i < f->daemon_count && i < 8; i++) {
        c->count[i] = f->daemons[i]->connections;
        c->begun[i] = f->daemons[i]->begun;
    }
    atomic_fetch_add(&c->done, 1);
}

/* How the connections are spread over the daemons, once there are `connections`. */
static struct census count_all(unsigned connections)
{
    struct census c = { .message.on_message = take_census };

    for (int i = 0; i < 400 && atomic_load(&house.gateway.connections) != connections; i++)
        usleep(5000);
    loop_post(&house.worker.loop, &c.message);
    cr_assert(house_wait(&c.done, 1));
    return c;
}

static int client(void)
{
    int fd = house_connect(&house);

    house_post(fd, "now", "{}");
    cr_assert_eq(house_answer(fd, NULL, 0), 200);
    return fd;
}

/* Those that there are share the connections evenly, for each walks over all of its own; and only as long as none can be
 * added. */
Test(scarce, connections_are_shared_when_no_daemon_can_be_added)
{
    struct census c;
    int fds[49];

    house_open(&house, NULL);
    for (int i = 0; i < 32; i++)
        fds[i] = client();
    for (unsigned i = 0; i < 2; i++) { /* one of each leaves, and another one comes */
        close(fds[16 * i]);
        count_all(31 - i);
    }
    for (int i = 0; i < 32; i += 16)
        fds[i] = client();
    for (int i = 32; i < 48; i++) {
        lack(&epolls, 0, EMFILE);
        fds[i] = client();
    }
    lack(&epolls, 0, 0);
    c = count_all(48);
    cr_assert_eq(c.daemons, 2u);
    cr_assert_eq(c.count[0], 24u);
    cr_assert_eq(c.count[1], 24u);
    fds[48] = client();
    c = count_all(49);
    cr_assert_eq(c.daemons, 3u);
    cr_assert_eq(c.count[2], 1u);
    for (int i = 0; i < 49; i++)
        close(fds[i]);
    house_close(&house);
}

static bool is_listening(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(house.port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool is = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    close(fd);
    return is;
}

/* Behind a drain, the number of the listener's descriptor is somebody else's. */
Test(scarce, the_listener_is_closed_once)
{
    int others[16];

    house_open(&house, NULL);
    house_drain(&house);
    while (is_listening())
        usleep(5000);
    for (int i = 0; i < 16; i++)
        others[i] = open("/dev/null", O_RDONLY);
    house_close(&house);
    for (int i = 0; i < 16; i++) {
        cr_assert_geq(fcntl(others[i], F_GETFD), 0);
        close(others[i]);
    }
}

/* Only where there are some, a daemon looks for those that grow too long. */
Test(scarce, heads_that_have_begun_are_counted)
{
    struct census c;

    house_open(&house, NULL);
    int fd = client(), other = client();
    for (int i = 0; i < 3; i++) {
        house_send(fd, "GET /liv");
        usleep(50000);
        c = count_all(2);
        cr_assert_eq(c.begun[0], 1u);
        house_send(fd, "ez HTTP/1.1\r\nHost: localhost\r\n\r\n");
        cr_assert_eq(house_answer(fd, NULL, 0), 200);
        c = count_all(2);
        cr_assert_eq(c.begun[0], 0u);
    }
    close(fd);
    c = count_all(1);
    cr_assert_eq(c.begun[0], 0u);
    close(other);
    house_close(&house);
}
