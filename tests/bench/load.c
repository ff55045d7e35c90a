/* load.c - the bench's load generator: one thread, one epoll, many keep-alive connections, in a closed loop,
 * at a fixed rate, or with one request on each connection. Says what it saw as one line of JSON. The window in
 * which it counts is also the window in which it looks at the CPU of the process under test, so both fit
 * together exactly. It ends in bounded time whatever the server does. */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "histogram.h"
#include "load_answer.h"
#include "load_options.h"

enum { RETRY_NS = 50000000 };

enum stage { CLOSED, CONNECTING, READY, SENDING, RECEIVING, FINISHED };

struct conn {
    int fd;
    enum stage stage;
    unsigned id;
    bool writable_wanted;
    size_t sent;
    int64_t due_ns; /* when its request should have been sent */
    int64_t retry_ns;
    struct conn *next; /* among the ready ones, of an open loop */
    struct load_answer answer;
};

struct cancel {
    unsigned id;
    int64_t at_ns;
};

static struct load_options o;
static int epoll;
static struct conn *conns, *ready;
static struct cancel *cancels;
static char buffer[1 << 18];
static int64_t now_ns, start_ns, begin_ns, end_ns, stop_ns; /* end_ns: of the window; stop_ns: of everything */
static bool counting, ended;                                /* within the window; after it */
static uint64_t started;                                    /* requests of an open loop */
static unsigned opened, closed_count, finished, streaming;
static struct {
    uint64_t answers, bytes, events;                           /* within the window */
    uint64_t errors, non_200, connect_errors, reconnects, all; /* in the whole run */
    int64_t cpu_begin, cpu_end, rss_begin, rss_end, begin_ns, end_ns;
    unsigned open_begin, open_end, unfinished;
    size_t cancelled;
    uint64_t unsent; /* due within the window, but no connection was free */
    int status;      /* the last that was not 200 */
} stats;
static struct histogram latency, lateness;

static void conn_ready(struct conn *c);

/* ---- connections ---- */

static void want_writable(struct conn *c, bool wanted)
{
    if (c->writable_wanted == wanted)
        return;
    struct epoll_event e = { EPOLLIN | (wanted ? (uint32_t)EPOLLOUT : 0u), { .ptr = c } };
    c->writable_wanted = wanted;
    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &e);
}

static void conn_open(struct conn *c)
{
    int one = 1;
    c->retry_ns = now_ns + RETRY_NS;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        bench_die("socket: %s (%u connections wanted)", strerror(errno), o.connections);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&o.server, sizeof o.server) < 0 && errno != EINPROGRESS) {
        stats.connect_errors++;
        close(c->fd);
        return;
    }
    struct epoll_event e = { EPOLLIN | EPOLLOUT, { .ptr = c } };
    c->writable_wanted = true;
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e);
    c->stage = CONNECTING;
    closed_count--;
}

static void conn_close(struct conn *c, enum stage stage)
{
    close(c->fd);
    c->stage = stage;
    if (stage == FINISHED)
        finished++;
    else
        closed_count++;
}

/* The connection is lost. In the middle of a request that is an error; between two it is the server's right. */
static void conn_lost(struct conn *c)
{
    if (c->stage == CONNECTING)
        stats.connect_errors++;
    else if (c->stage == READY)
        stats.reconnects++;
    else
        stats.errors++;
    if (c->stage == READY && ready) /* out of the list */
        for (struct conn **at = &ready; *at; at = &(*at)->next)
            if (*at == c) {
                *at = c->next;
                break;
            }
    if (c->stage == RECEIVING)
        streaming--;
    conn_close(c, o.once && c->stage != CONNECTING ? FINISHED : CLOSED);
}

/* ---- requests ---- */

/* An event of a stream has come that was due at `due`; 0 in streams that are sent at once. */
static void on_event(void *user, int64_t due)
{
    (void)user;
    if (!counting)
        return;
    stats.events++;
    if (due > 0)
        histogram_add(&lateness, now_ns - due);
}

static void conn_send(struct conn *c)
{
    bench_digits(o.request + o.request_id, 8, c->id); /* the request is shared: put our number in before each piece */
    ssize_t n = send(c->fd, o.request + c->sent, o.request_len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        conn_lost(c);
        return;
    }
    if (n > 0)
        c->sent += (size_t)n;
    bool all = c->sent == o.request_len;
    want_writable(c, !all);
    if (all) {
        c->stage = RECEIVING;
        streaming++;
    }
}

static void request_begin(struct conn *c, int64_t due_ns)
{
    c->due_ns = due_ns;
    c->sent = 0;
    c->stage = SENDING;
    load_answer_begin(&c->answer, on_event, c);
    conn_send(c);
}

static void count_answer(struct conn *c)
{
    struct load_answer *a = &c->answer;
    stats.all++;
    if (a->status != 200) {
        stats.non_200++;
        stats.status = a->status;
    } else if (!load_answer_good(a) || (o.events > 0 && a->events != o.events)) {
        stats.errors++;
    }
    if (counting) {
        stats.answers++;
        stats.bytes += a->body_len;
    }
    /* an open loop's late answers belong to the window in which they were due */
    if (o.rate > 0 ? c->due_ns >= begin_ns && c->due_ns < end_ns : counting)
        histogram_add(&latency, now_ns - c->due_ns);
}

static void answer_ended(struct conn *c)
{
    bool close_it = c->answer.close;
    count_answer(c);
    streaming--;
    c->stage = READY;
    if (o.once)
        conn_close(c, FINISHED);
    else if (close_it)
        conn_close(c, CLOSED);
    else
        conn_ready(c);
}

/* Has a connection but no request. */
static void conn_ready(struct conn *c)
{
    c->stage = READY;
    want_writable(c, false);
    if (o.rate > 0) {
        c->next = ready;
        ready = c;
    } else if (!ended) {
        request_begin(c, now_ns);
    }
}

static void cancel(struct conn *c)
{
    cancels[stats.cancelled++] = (struct cancel){ c->id, bench_now_ns() };
    streaming--;
    conn_close(c, FINISHED);
}

static void conn_receive(struct conn *c)
{
    ssize_t n = recv(c->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || (c->stage != RECEIVING && c->stage != SENDING)) {
        conn_lost(c);
        return;
    }
    now_ns = bench_now_ns();
    if (c->stage == SENDING) { /* an answer before the request has ended: a refusal, most likely */
        c->stage = RECEIVING;
        streaming++;
        c->answer.close = true;
    }
    int ending = load_answer_feed(&c->answer, buffer, (size_t)n);
    if (ending < 0)
        conn_lost(c);
    else if (ending > 0)
        answer_ended(c);
    else if (o.cancel_after > 0 && c->answer.events >= o.cancel_after)
        cancel(c);
}

static void conn_step(struct conn *c)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (c->stage != CONNECTING) {
        if (c->stage == SENDING)
            conn_send(c);
        return;
    }
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error)
        conn_lost(c);
    else
        conn_ready(c);
}

/* ---- the course of the run ---- */

static int64_t open_due(void)
{
    return start_ns + o.ramp_ns * (int64_t)opened / (int64_t)o.connections;
}

static int64_t request_due(void)
{
    return start_ns + o.ramp_ns + (int64_t)((double)started * 1e9 / o.rate);
}

static void window_begin(void)
{
    stats.rss_begin = bench_rss_kb(o.watch);
    stats.open_begin = streaming;
    stats.begin_ns = bench_now_ns();
    stats.cpu_begin = bench_cpu_ns(o.watch);
    counting = true;
}

static void window_end(void)
{
    stats.cpu_end = bench_cpu_ns(o.watch);
    stats.end_ns = bench_now_ns();
    counting = false;
    ended = true;
    while (o.rate > 0 && request_due() < end_ns) { /* their latency is at least this */
        histogram_add(&latency, stats.end_ns - request_due());
        started++;
        stats.unsent++;
    }
    stats.open_end = streaming;
    stats.rss_end = bench_rss_kb(o.watch); /* last: it takes milliseconds */
    stop_ns = bench_now_ns() + o.grace_ns;
}

/* Does what is due and returns when it next wants to be called. */
static int64_t course(void)
{
    int64_t next = stop_ns;
    while (opened < o.connections && open_due() <= now_ns)
        conn_open(&conns[opened++]);
    if (opened < o.connections)
        next = open_due();
    if (closed_count > o.connections - opened && !ended) { /* some were lost */
        for (unsigned i = 0; i < opened; i++)
            if (conns[i].stage == CLOSED && conns[i].retry_ns <= now_ns)
                conn_open(&conns[i]);
        if (now_ns + RETRY_NS / 10 < next)
            next = now_ns + RETRY_NS / 10;
    }
    if (!counting && !ended && now_ns >= begin_ns)
        window_begin();
    if (counting && (now_ns >= end_ns || (o.requests > 0 && stats.answers >= o.requests)))
        window_end();
    if (o.rate > 0 && !ended) {
        while (ready && request_due() <= now_ns) {
            struct conn *c = ready;
            ready = c->next;
            request_begin(c, request_due());
            started++;
        }
        if (ready && request_due() < next)
            next = request_due();
    }
    int64_t mark = counting ? end_ns : ended ? stop_ns : begin_ns;
    return mark < next ? mark : next;
}

static bool is_over(void)
{
    if (now_ns >= stop_ns)
        return true;
    return o.once ? finished == o.connections && (ended || o.cancel_after > 0) : ended && streaming == 0;
}

static void report(void)
{
    double span = (double)(stats.end_ns - stats.begin_ns) / 1e9;
    printf(
        "{\"seconds\":%.4f,\"answers\":%llu,\"all_answers\":%llu,\"bytes\":%llu,\"events\":%llu,\"errors\":%llu,\"non_200\":%llu,"
        "\"status\":%d,\"connect_errors\":%llu,\"reconnects\":%llu,\"unfinished\":%u,\"unsent\":%llu,\"open_begin\":%u,\"open_end\":%u,",
        span, (unsigned long long)stats.answers, (unsigned long long)stats.all, (unsigned long long)stats.bytes,
        (unsigned long long)stats.events, (unsigned long long)stats.errors, (unsigned long long)stats.non_200,
        stats.status, (unsigned long long)stats.connect_errors, (unsigned long long)stats.reconnects, stats.unfinished,
        (unsigned long long)stats.unsent, stats.open_begin, stats.open_end);
    if (o.watch > 0)
        printf("\"cpu_ns\":%lld,\"rss_begin_kb\":%lld,\"rss_end_kb\":%lld,",
               (long long)(stats.cpu_end - stats.cpu_begin), (long long)stats.rss_begin, (long long)stats.rss_end);
    printf("\"latency_us\":");
    histogram_print(&latency, stdout);
    printf(",\"lateness_us\":");
    histogram_print(&lateness, stdout);
    printf(",\"cancels\":[");
    for (size_t i = 0; i < stats.cancelled; i++)
        printf("%s[%u,%lld]", i ? "," : "", cancels[i].id, (long long)cancels[i].at_ns);
    printf("]}\n");
}

int main(int argc, char **argv)
{
    struct epoll_event events[512];
    bench_prepare();
    load_options_parse(&o, argc, argv);
    conns = calloc(o.connections, sizeof *conns);
    cancels = calloc(o.connections, sizeof *cancels);
    for (unsigned i = 0; i < o.connections; i++)
        conns[i].id = i;
    closed_count = o.connections;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    now_ns = start_ns = bench_now_ns();
    begin_ns = start_ns + o.ramp_ns + o.warmup_ns;
    end_ns = begin_ns + o.window_ns;
    stop_ns = end_ns + o.grace_ns;

    while (!is_over()) {
        int64_t until = course();
        if (is_over())
            break;
        int n = bench_wait(epoll, events, 512, until);
        now_ns = bench_now_ns();
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                conn_step(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) && c->stage != CLOSED && c->stage != FINISHED &&
                c->stage != CONNECTING)
                conn_receive(c);
        }
        now_ns = bench_now_ns();
    }
    if (counting)
        window_end();
    for (unsigned i = 0; i < o.connections; i++)
        stats.unfinished += conns[i].stage == SENDING || conns[i].stage == RECEIVING;
    report();
    return 0;
}
