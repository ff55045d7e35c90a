/* fake_upstream.c - an OpenAI- or Anthropic-shaped server for the bench, far cheaper than what is measured: one
 * thread, one epoll, every answer made at start. A relay passes on neither headers nor the query, so the mode of
 * answering is chosen by the port: each --mode opens one.
 *
 *   whole:BYTES                 a chat.completion of exactly BYTES bytes
 *   delay:MS:BYTES              the same, its first byte after MS milliseconds
 *   sse:CHUNKS:BYTES:MS         a stream: the role, then CHUNKS events of BYTES bytes, one each MS milliseconds,
 *                               then finish, usage (when asked for) and [DONE]; MS = 0 sends all in one write
 *   anthropic:MODE              any of these as an Anthropic message; a stream has message_start, ping and
 *                               content_block_start, its events, content_block_stop, message_delta and message_stop
 *
 * Each event carries the time at which it was due, and the answer's id the number that the request's "user"
 * (or metadata.user_id) had, so that the load generator can compute how late an event came. What left before its
 * answer ended is counted with the time at which we saw it. SIGUSR1 prints the counts as one JSON line and sets
 * them to 0; SIGTERM prints them and ends. Timers: a wheel of 4,096 slots of 1 ms. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "fake_mode.h"

enum { SLOTS = 4096, INPUT_MAX = 1 << 20, MODES_MAX = 32, LEFT_MAX = 65536, MS = 1000000 };

enum what { LISTENER, CONNECTION, SIGNALS };

struct port {
    enum what what; /* LISTENER */
    int fd;
    struct fake_mode mode;
};

enum stage { READING, WAITING, ANSWERING };

struct conn {
    enum what what; /* CONNECTION */
    int fd;
    struct fake_mode *mode;
    enum stage stage;
    bool writable_wanted, timed;
    struct conn *next, **link; /* in its slot */
    int64_t due_ms;            /* since the start */
    size_t body_left;          /* of a request whose body is only counted */
    char *input;               /* of a request that did not come in one piece */
    size_t input_len;
    const char *out; /* not yet sent: lent by the mode, or `owned` */
    char *owned;
    size_t out_len;
    unsigned sent, id, want_usage;
};

struct left {
    unsigned id;
    int64_t at_ns;
};

static int epoll;
static int64_t start_ns, wheel_ms; /* all slots up to wheel_ms have run */
static struct conn *slots[SLOTS];
static size_t timers;
static char input[INPUT_MAX];
static struct left left_early[LEFT_MAX];
static struct {
    unsigned long long connections, requests, answered, events, cancelled, held, bad;
} stats;
static size_t open_now;

/* ---- timers ---- */

static int64_t ms_now(void)
{
    return (bench_now_ns() - start_ns) / MS;
}

static void timer_put(struct conn *c)
{
    struct conn **slot = &slots[c->due_ms % SLOTS];
    c->timed = true;
    c->next = *slot;
    c->link = slot;
    if (c->next)
        c->next->link = &c->next;
    *slot = c;
    timers++;
}

static void timer_drop(struct conn *c)
{
    if (!c->timed)
        return;
    c->timed = false;
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    timers--;
}

/* ---- one connection ---- */

static void conn_close(struct conn *c)
{
    if (c->stage != READING) {
        if (stats.cancelled < LEFT_MAX)
            left_early[stats.cancelled] = (struct left){ c->id, bench_now_ns() };
        stats.cancelled++;
    }
    timer_drop(c);
    close(c->fd);
    free(c->input);
    free(c->owned);
    free(c);
    open_now--;
}

static void want_writable(struct conn *c, bool wanted)
{
    if (c->writable_wanted == wanted)
        return;
    struct epoll_event e = { EPOLLIN | EPOLLRDHUP | (wanted ? (uint32_t)EPOLLOUT : 0u), { .ptr = c } };
    c->writable_wanted = wanted;
    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &e);
}

static void answer_ended(struct conn *c)
{
    c->stage = READING;
    stats.answered++;
}

/* Sends what it can of `data` (lent); the rest waits, copied when `copy`. False when the peer is gone. */
static bool conn_send(struct conn *c, const char *data, size_t len, bool copy)
{
    ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return false;
    size_t done = n > 0 ? (size_t)n : 0;
    c->out_len = len - done;
    c->out = data + done;
    if (c->out_len > 0) {
        if (copy) {
            char *owned = malloc(c->out_len);
            memcpy(owned, c->out, c->out_len);
            free(c->owned);
            c->out = c->owned = owned;
        }
        want_writable(c, true);
    }
    return true;
}

/* The next event of a timed stream is due. False when the peer is gone. */
static bool stream_step(struct conn *c)
{
    struct fake_mode *m = c->mode;
    if (c->out_len > 0) { /* the peer reads too slowly: all its events move back */
        stats.held++;
        c->due_ms = wheel_ms + 1;
        timer_put(c);
        return true;
    }
    if (m->event_has_id)
        bench_digits(m->event + m->event_id, 8, c->id);
    bench_digits(m->event + m->event_due, 16, (uint64_t)(start_ns + c->due_ms * MS));
    c->sent++;
    stats.events++;
    if (c->sent < m->chunks) {
        c->due_ms += m->interval_ms;
        timer_put(c);
        return conn_send(c, m->event, m->event_len, true);
    }
    char last[2 * FAKE_EVENT_MAX];
    size_t n = m->event_len;
    memcpy(last, m->event, n);
    memcpy(last + n, m->tail[c->want_usage], m->tail_len[c->want_usage]);
    if (!conn_send(c, last, n + m->tail_len[c->want_usage], true))
        return false;
    if (c->out_len == 0)
        answer_ended(c);
    return true;
}

static bool send_whole(struct conn *c)
{
    struct fake_mode *m = c->mode;
    c->stage = ANSWERING;
    if (m->stream)
        stats.events += m->chunks;
    if (!conn_send(c, m->answer[c->want_usage], m->answer_len[c->want_usage], false))
        return false;
    if (c->out_len == 0)
        answer_ended(c);
    return true;
}

static bool timer_due(struct conn *c)
{
    return c->stage == WAITING ? send_whole(c) : stream_step(c);
}

static bool answer_begin(struct conn *c)
{
    struct fake_mode *m = c->mode;
    stats.requests++;
    if (m->stream && m->interval_ms > 0) {
        c->stage = ANSWERING;
        c->sent = 0;
        bench_digits(m->head + m->head_id, 8, c->id);
        if (!conn_send(c, m->head, m->head_len, true))
            return false;
        c->due_ms = ms_now() + m->interval_ms;
        timer_put(c);
        return true;
    }
    if (m->delay_ms > 0) {
        c->stage = WAITING;
        c->due_ms = ms_now() + m->delay_ms;
        timer_put(c);
        return true;
    }
    return send_whole(c);
}

/* Answers `status` and announces that the connection ends. */
static bool refuse(struct conn *c, const char *status)
{
    char text[256];
    stats.bad++;
    int n = snprintf(text, sizeof text, "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", status);
    (void)!write(c->fd, text, (size_t)n);
    return false;
}

/* The body has come to its end. What a relay could break is looked at, cheaply. */
static bool body_ended(struct conn *c, char last)
{
    return last == '}' ? answer_begin(c) : refuse(c, "400 Bad Request");
}

static void read_marks(struct conn *c, const char *body, size_t len)
{
    static const char usage[] = "\"include_usage\":true";
    const char *user = c->mode->shape->user_mark, *at = memmem(body, len, user, strlen(user));
    c->id = at ? (unsigned)strtoul(at + strlen(user), NULL, 10) : 0;
    c->want_usage = memmem(body, len, usage, sizeof usage - 1) ? 1 : 0;
}

static bool keep_input(struct conn *c, const char *data, size_t len)
{
    if (data == c->input)
        return true; /* it already is */
    if (len > INPUT_MAX)
        return refuse(c, "413 Content Too Large");
    c->input = realloc(c->input, INPUT_MAX);
    memcpy(c->input, data, len);
    c->input_len = len;
    return true;
}

/* A request, or the beginning of one. `data` is the shared buffer or c->input. */
static bool request_read(struct conn *c, const char *data, size_t len)
{
    static const char length[] = "\r\nContent-Length:";
    const char *path = c->mode->shape->request_end, *end = memmem(data, len, "\r\n\r\n", 4);
    if (!end)
        return keep_input(c, data, len);
    size_t head_len = (size_t)(end - data) + 4;
    const char *line = memmem(data, head_len, "\r\n", 2);
    size_t line_len = (size_t)(line - data) + 2, path_len = strlen(path);
    if (line_len <= path_len || memcmp(data, "POST ", 5) != 0 ||
        memcmp(data + line_len - path_len, path, path_len) != 0)
        return refuse(c, "404 Not Found");

    const char *field = line;
    while (field < end && strncasecmp(field, length, sizeof length - 1) != 0)
        field = memmem(field + 2, (size_t)(end + 2 - field), "\r\n", 2);
    if (field >= end)
        return refuse(c, "411 Length Required");
    size_t body_len = strtoul(field + sizeof length - 1, NULL, 10), have = len - head_len;
    if (have > body_len)
        return refuse(c, "400 Bad Request"); /* nobody pipelines here */
    if (have < body_len && (c->mode->stream || c->mode->delay_ms > 0))
        return keep_input(c, data, len); /* its marks must be seen in one piece */
    if (have == body_len) {
        read_marks(c, data + head_len, c->mode->stream || c->mode->delay_ms > 0 ? have : 0);
        char last = data[len - 1];
        free(c->input);
        c->input = NULL;
        c->input_len = 0;
        return body_ended(c, last);
    }
    c->body_left = body_len - have;
    free(c->input);
    c->input = NULL;
    c->input_len = 0;
    return true;
}

static bool conn_readable(struct conn *c)
{
    char *to = c->input ? c->input + c->input_len : input;
    ssize_t n = recv(c->fd, to, c->input ? INPUT_MAX - c->input_len : sizeof input, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0 || c->stage != READING)
        return false;
    if (c->body_left > 0) {
        if ((size_t)n > c->body_left)
            return refuse(c, "400 Bad Request");
        c->body_left -= (size_t)n;
        return c->body_left > 0 || body_ended(c, to[n - 1]);
    }
    if (!c->input)
        return request_read(c, input, (size_t)n);
    c->input_len += (size_t)n;
    return request_read(c, c->input, c->input_len);
}

static bool conn_writable(struct conn *c)
{
    if (c->out_len > 0) {
        ssize_t n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        c->out += n;
        c->out_len -= (size_t)n;
    }
    if (c->out_len > 0)
        return true;
    free(c->owned);
    c->owned = NULL;
    want_writable(c, false);
    if (!c->timed && c->stage == ANSWERING)
        answer_ended(c);
    return true;
}

/* ---- the loop ---- */

static void accept_all(struct port *p)
{
    int fd, one = 1;
    while ((fd = accept4(p->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct conn *c = calloc(1, sizeof *c);
        c->what = CONNECTION;
        c->fd = fd;
        c->mode = &p->mode;
        struct epoll_event e = { EPOLLIN | EPOLLRDHUP, { .ptr = c } };
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
        stats.connections++;
        open_now++;
    }
}

static void run_timers(void)
{
    int64_t now = ms_now();
    while (wheel_ms < now) {
        wheel_ms++;
        struct conn *c = slots[wheel_ms % SLOTS], *next;
        for (; c; c = next) { /* what a step puts back is never due in this slot's turn */
            next = c->next;
            if (c->due_ms > wheel_ms)
                continue;
            timer_drop(c);
            if (!timer_due(c))
                conn_close(c);
        }
    }
}

/* When to wake: the next slot that holds something, at most 64 ms ahead. */
static int64_t next_wake(void)
{
    int64_t ms = wheel_ms + 1;
    if (timers == 0)
        return INT64_MAX;
    while (ms < wheel_ms + 64 && !slots[ms % SLOTS])
        ms++;
    return start_ns + ms * MS;
}

static void report(void)
{
    printf(
        "{\"connections\":%llu,\"requests\":%llu,\"answered\":%llu,\"events\":%llu,\"held\":%llu,\"bad\":%llu,\"open\":%zu,"
        "\"cancelled\":%llu,\"left\":[",
        stats.connections, stats.requests, stats.answered, stats.events, stats.held, stats.bad, open_now,
        stats.cancelled);
    for (size_t i = 0; i < stats.cancelled && i < LEFT_MAX; i++)
        printf("%s[%u,%lld]", i ? "," : "", left_early[i].id, (long long)left_early[i].at_ns);
    printf("]}\n");
    fflush(stdout);
    memset(&stats, 0, sizeof stats);
}

static int listen_free_port(int *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) < 0)
        bench_die("cannot listen: %s", strerror(errno));
    *port = ntohs(a.sin_port);
    return fd;
}

static void port_open(struct port *p, const char *spec)
{
    int number;
    fake_mode_make(&p->mode, spec);
    p->what = LISTENER;
    p->fd = listen_free_port(&number);
    struct epoll_event e = { EPOLLIN, { .ptr = p } };
    epoll_ctl(epoll, EPOLL_CTL_ADD, p->fd, &e);
    printf("{\"mode\":\"%s\",\"port\":%d}\n", spec, number);
    fflush(stdout);
}

/* False when it is time to end. */
static bool signals_read(int fd)
{
    struct signalfd_siginfo info;
    if (read(fd, &info, sizeof info) != sizeof info)
        return true;
    report();
    return info.ssi_signo == SIGUSR1;
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "mode", required_argument, NULL, 'm' }, { NULL, 0, NULL, 0 } };
    static struct port ports[MODES_MAX];
    struct epoll_event events[512];
    sigset_t set;
    enum what signals = SIGNALS;
    unsigned port_count = 0;
    int option;

    bench_prepare();
    epoll = epoll_create1(EPOLL_CLOEXEC);
    start_ns = bench_now_ns();
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    struct epoll_event e = { EPOLLIN, { .ptr = &signals } };
    epoll_ctl(epoll, EPOLL_CTL_ADD, signal_fd, &e);

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option != 'm' || port_count == MODES_MAX)
            bench_die(
                "usage: fake-upstream --mode [anthropic:]whole:BYTES|delay:MS:BYTES|sse:CHUNKS:BYTES:MS ... (at most %d)",
                MODES_MAX);
        port_open(&ports[port_count++], optarg);
    }
    if (port_count == 0)
        bench_die("no --mode given");

    for (;;) {
        int n = bench_wait(epoll, events, 512, next_wake());
        for (int i = 0; i < n; i++) {
            enum what *what = events[i].data.ptr;
            if (*what == LISTENER) {
                accept_all((struct port *)(void *)what);
            } else if (*what == SIGNALS) {
                if (!signals_read(signal_fd))
                    return 0;
            } else {
                struct conn *c = (struct conn *)(void *)what;
                bool alive = true;
                if (events[i].events & EPOLLOUT)
                    alive = conn_writable(c);
                if (alive && events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
                    alive = conn_readable(c);
                if (!alive)
                    conn_close(c);
            }
        }
        run_timers();
    }
}
