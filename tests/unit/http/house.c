/* house.c - the thread, the sockets and a small reader of answers. */
#include "house.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/fault.h"
#include "base/json.h"
#include "check.h"
#include "fake_flow.h"
#include "flow/access.h"
#include "flow/metrics.h"
#include "http/front.h"

/* ---- the front ---- */

struct order {
    struct loop_message message;
    struct house *house;
    struct loop_timer timer;
};
static struct order drain_order, cut_order, stop_order;

static void *live(void *arg)
{
    struct house *h = arg;

    loop_run(&h->worker.loop);
    front_free(h->worker.front);
    loop_fini(&h->worker.loop);
    crypto_thread_end();
    return NULL;
}

void house_open(struct house *h, void (*change)(struct config *config))
{
    struct fail fail;
    int fd;

    memset(h, 0, sizeof *h);
    memset(&fake_seen, 0, sizeof fake_seen);
    crypto_start();
    json_start();
    h->worker.magic = WORKER_MAGIC;
    h->worker.gateway = &h->gateway;
    h->worker.config = config_new();
    if (change != NULL)
        change(h->worker.config);
    h->gateway.metrics = metrics_new(1);
    h->gateway.access = access_new(-1, 1);
    cr_assert_eq(loop_init(&h->worker.loop), 0);
    fd = front_listen(TEXT("127.0.0.1"), 0, &h->port, &fail);
    cr_assert_geq(fd, 0, "%s", fail.text);
    cr_assert_not_null(front_new(&h->worker, fd, &fail), "%s", fail.text);
    cr_assert_eq(pthread_create(&h->thread, NULL, live, h), 0);
}

static void order_drain(struct loop_message *message)
{
    struct house *h = ((struct order *)message)->house;

    atomic_store(&h->gateway.draining, true);
    front_drain(h->worker.front);
}

static void order_cut(struct loop_message *message)
{
    front_cut(((struct order *)message)->house->worker.front);
}

/* Looks every few milliseconds, for at most 3 s. */
static void stop_when_idle(struct loop_timer *timer)
{
    struct order *order = (struct order *)((char *)timer - offsetof(struct order, timer));
    struct loop *loop = &order->house->worker.loop;

    if (front_idle(order->house->worker.front))
        loop_stop(loop);
    else
        loop_timer_set(loop, timer, loop->now_ns + 5 * CLOCK_MS);
}

static void order_stop(struct loop_message *message)
{
    struct order *order = (struct order *)message;

    front_drain(order->house->worker.front);
    front_cut(order->house->worker.front);
    order->timer = (struct loop_timer){ .on_time = stop_when_idle };
    stop_when_idle(&order->timer);
}

static void send_order(struct house *h, struct order *order, void (*what)(struct loop_message *message))
{
    order->house = h;
    order->message.on_message = what;
    loop_post(&h->worker.loop, &order->message);
}

void house_drain(struct house *h)
{
    send_order(h, &drain_order, order_drain);
}

void house_cut(struct house *h)
{
    send_order(h, &cut_order, order_cut);
}

void house_close(struct house *h)
{
    send_order(h, &stop_order, order_stop);
    pthread_join(h->thread, NULL);
    cr_assert_eq(atomic_load(&fake_seen.begun), atomic_load(&fake_seen.ended));
    cr_assert_eq(atomic_load(&h->gateway.connections), 0u);
    for (int fd = 0; fd <= 2; fd++)
        cr_assert_geq(fcntl(fd, F_GETFD), 0, "it closed a descriptor that is not its own");
    access_free(h->gateway.access);
    metrics_free(h->gateway.metrics);
    config_unref(h->worker.config);
}

#ifdef GW_TEST_BUILD
static struct order arm_order;
static unsigned armed;
static bool fired;
static atomic_uint arms;

static void order_arm(struct loop_message *message)
{
    (void)message;
    fired = fault_fired();
    fault_arm(armed);
    atomic_fetch_add(&arms, 1);
}

bool house_arm(struct house *h, unsigned n)
{
    unsigned before = atomic_load(&arms);

    armed = n;
    send_order(h, &arm_order, order_arm);
    cr_assert(house_wait(&arms, before + 1));
    return fired;
}
#endif

/* ---- the client ---- */

static char head[8192];
static unsigned chunks;
static size_t bytes_read;
static bool whole;

int house_connect(const struct house *h)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(h->port) };
    struct timeval patience = { .tv_sec = 10 };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

void house_send_bytes(int fd, const void *bytes, size_t len)
{
    const char *from = bytes;

    while (len > 0) {
        ssize_t n = send(fd, from, len, MSG_NOSIGNAL);

        if (n <= 0)
            return; /* the test sees it in the answer */
        from += n;
        len -= (size_t)n;
    }
}

void house_send(int fd, const char *text)
{
    house_send_bytes(fd, text, strlen(text));
}

void house_post(int fd, const char *fake, const char *body)
{
    char request[1024];

    snprintf(request, sizeof request,
             "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nx-fake: %s\r\nContent-Length: %zu\r\n\r\n", fake,
             strlen(body));
    house_send(fd, request);
    house_send(fd, body);
}

static bool get(int fd, char *c)
{
    return recv(fd, c, 1, 0) == 1;
}

static bool get_line(int fd, char *line, size_t room)
{
    size_t len = 0;
    char c;

    while (len < room - 1 && get(fd, &c)) {
        line[len++] = c;
        if (c == '\n') {
            line[len] = '\0';
            return true;
        }
    }
    line[len] = '\0';
    return false;
}

static bool get_bytes(int fd, size_t len, char *body, size_t room, size_t *filled)
{
    static char some[65536];

    while (len > 0) {
        ssize_t n = recv(fd, some, len < sizeof some ? len : sizeof some, 0);

        if (n <= 0)
            return false;
        len -= (size_t)n;
        bytes_read += (size_t)n;
        if (body != NULL)
            for (ssize_t i = 0; i < n && *filled < room - 1; i++)
                body[(*filled)++] = some[i];
    }
    return true;
}

static bool get_chunks(int fd, char *body, size_t room, size_t *filled)
{
    char line[64];

    for (;;) {
        if (!get_line(fd, line, sizeof line))
            return false;
        size_t len = strtoul(line, NULL, 16);
        if (len > 0)
            chunks++;
        if (!get_bytes(fd, len, body, room, filled) || !get_line(fd, line, sizeof line) || strcmp(line, "\r\n") != 0)
            return false;
        if (len == 0)
            return true;
    }
}

int house_answer(int fd, char *body, size_t room)
{
    size_t len = 0, filled = 0;
    const char *found;

    chunks = 0;
    bytes_read = 0;
    whole = false;
    head[0] = '\0';
    while (len < sizeof head - 1 && get_line(fd, head + len, sizeof head - len)) {
        if (strcmp(head + len, "\r\n") == 0)
            break;
        len += strlen(head + len);
    }
    if (body != NULL)
        body[0] = '\0';
    if (strncmp(head, "HTTP/1.1 ", 9) != 0)
        return 0;
    if (strcasestr(head, "transfer-encoding: chunked") != NULL)
        whole = get_chunks(fd, body, room, &filled);
    else if ((found = strcasestr(head, "content-length: ")) != NULL)
        whole = get_bytes(fd, strtoul(found + 16, NULL, 10), body, room, &filled);
    else if (atoi(head + 9) >= 200 && atoi(head + 9) != 204)
        get_bytes(fd, SIZE_MAX, body, room, &filled);
    if (body != NULL)
        body[filled] = '\0';
    return atoi(head + 9);
}

const char *house_head(void)
{
    return head;
}
unsigned house_chunks(void)
{
    return chunks;
}
size_t house_bytes(void)
{
    return bytes_read;
}
bool house_whole(void)
{
    return whole;
}

int64_t house_until_closed(int fd, int64_t ms)
{
    int64_t start = clock_ns(), passed;
    char some[4096];

    while ((passed = (clock_ns() - start) / CLOCK_MS) < ms) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        if (poll(&p, 1, (int)(ms - passed)) > 0 && recv(fd, some, sizeof some, 0) <= 0)
            return (clock_ns() - start) / CLOCK_MS;
    }
    return -1;
}

bool house_wait(const atomic_uint *counter, unsigned wanted)
{
    for (int i = 0; i < 400; i++) {
        if (atomic_load(counter) >= wanted)
            return true;
        nanosleep(&(struct timespec){ .tv_nsec = 5 * CLOCK_MS }, NULL);
    }
    return false;
}
