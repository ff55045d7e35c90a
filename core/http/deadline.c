/* deadline.c - lists of connections that wait for the same thing for the same time, one timer for each list.
 *
 * Whoever joins is due last, so joining and leaving cost nothing to speak of; the timer is not moved when the
 * first one leaves, it finds the next one when it fires. */
#include "http/deadline.h"

#include <linux/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "flow/metrics.h"
#include "http/reply.h"
#include "http/watch.h"

enum { STALLS = 4 }; /* a client is looked at this often per write_ns */

static void head_late(struct watch *x);
static void body_late(struct watch *x);
static void write_late(struct watch *x);
static void rest_late(struct watch *x);
static void last_late(struct watch *x);
static void lane_time(struct loop_timer *timer);

void deadline_start(struct front *f)
{
    const struct config_limits *limits = &f->limits;
    int64_t rest_ns = limits->header_ns < limits->keep_alive_ns ? limits->header_ns : limits->keep_alive_ns;
    int64_t idle_ns = limits->keep_alive_ns - rest_ns;
    const struct lane lanes[LANES] = {
        [LANE_HEAD] = { .span_ns = limits->header_ns, .late = head_late },
        [LANE_BODY] = { .span_ns = limits->body_ns, .late = body_late },
        [LANE_WRITE] = { .span_ns = limits->write_ns / STALLS, .late = write_late },
        [LANE_REST] = { .span_ns = rest_ns, .late = rest_late },
        [LANE_IDLE] = { .span_ns = idle_ns, .late = watch_dismiss },
        [LANE_LAST] = { .span_ns = CLOCK_S, .late = last_late },
    };

    memcpy(f->lanes, lanes, sizeof lanes);
    for (int i = 0; i < LANES; i++) {
        f->lanes[i].front = f;
        f->lanes[i].timer.on_time = lane_time;
    }
}

void deadline_stop(struct front *f)
{
    for (int i = 0; i < LANES; i++)
        loop_timer_clear(f->loop, &f->lanes[i].timer);
}

void deadline_clear(struct watch *x)
{
    struct lane *lane = x->lane;

    if (lane == NULL)
        return;
    if (x->lane_next != NULL)
        x->lane_next->lane_prev = x->lane_prev;
    else
        lane->last = x->lane_prev;
    if (x->lane_prev != NULL)
        x->lane_prev->lane_next = x->lane_next;
    else
        lane->first = x->lane_next;
    x->lane = NULL;
}

void deadline_set(struct watch *x, enum lane_name name)
{
    struct lane *lane = &x->front->lanes[name];

    deadline_clear(x);
    x->lane = lane;
    x->due_ns = x->front->loop->now_ns + lane->span_ns;
    x->lane_next = NULL;
    x->lane_prev = lane->last;
    if (lane->last != NULL)
        lane->last->lane_next = x;
    else
        lane->first = x;
    lane->last = x;
    if (lane->timer.slot == 0)
        loop_timer_set(x->front->loop, &lane->timer, x->due_ns);
}

/* ---- what happens then ---- */

static void lane_time(struct loop_timer *timer)
{
    struct lane *lane = CONTAINER(timer, struct lane, timer);
    struct loop *loop = lane->front->loop;
    struct watch *x;

    while ((x = lane->first) != NULL && x->due_ns <= loop->now_ns) {
        deadline_clear(x);
        lane->late(x);
    }
    if (lane->first != NULL)
        loop_timer_set(loop, timer, lane->first->due_ns); /* also when one that joined again has set it */
}

static void count(struct watch *x, const char *event)
{
    struct worker *w = x->front->worker;

    metrics_count_event(w->gateway->metrics, w->index, event);
}

/* Its first event comes at the next look at the loop's epoll, and only if the bytes are still there by then: MHD may have
 * read them in the round that accepted, woken by a neighbour. */
bool deadline_head_begun(const struct watch *x)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof info;

    if (x->byte_seen || x->hup || x->taken > 0)
        return x->byte_seen;
    return getsockopt(x->socket.fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_bytes_received > 0;
}

/* What the kernel knows of the connection; false over TLS, whose bytes are not those of HTTP. */
static bool look(const struct watch *x, struct tcp_info *info)
{
    socklen_t len = sizeof *info;

    memset(info, 0, sizeof *info);
    return !front_has_tls(x->front) && getsockopt(x->socket.fd, IPPROTO_TCP, TCP_INFO, info, &len) == 0;
}

/* How many bytes MHD has read that belong to no request so far; -1 where it cannot be known: after a chunked body. */
static int64_t beyond(const struct watch *x, const struct tcp_info *info)
{
    int unread = 0;

    if (!x->uncounted && info->tcpi_bytes_received == x->taken)
        return 0; /* as after nearly every request: there is nothing that could be unread */
    if (x->uncounted || ioctl(x->socket.fd, FIONREAD, &unread) < 0)
        return -1;
    return (int64_t)info->tcpi_bytes_received - unread - (int64_t)x->taken;
}

static int64_t bytes_beyond(const struct watch *x)
{
    struct tcp_info info;

    return look(x, &info) ? beyond(x, &info) : -1;
}

/* All bytes that the kernel was given for the client. */
static uint64_t written(const struct tcp_info *info)
{
    return info->tcpi_bytes_sent - info->tcpi_bytes_retrans + info->tcpi_notsent_bytes;
}

/* An empty line before a request is skipped (RFC 9112, 2.2); older clients send one behind a body. It counts to the request. */
enum { EMPTY_LINE = 2 };

void deadline_take_counts(struct watch *x)
{
    struct tcp_info info;
    int64_t more;

    if (!look(x, &info))
        return;
    x->written = written(&info);
    more = beyond(x, &info);
    x->untaken++;
    if (more < 0 || more > EMPTY_LINE * (int64_t)x->untaken)
        return; /* the next request has begun */
    x->taken += (uint64_t)more;
    x->untaken = 0;
}

enum { ESTABLISHED = 1 }; /* TCP_ESTABLISHED of netinet/tcp.h, which cannot be had beside linux/tcp.h */

bool deadline_is_unanswered(const struct watch *x)
{
    struct tcp_info info;

    return !x->is_last && !x->cut && !x->hup && look(x, &info) && info.tcpi_state == ESTABLISHED &&
           written(&info) == x->written;
}

bool deadline_is_long(const struct watch *x)
{
    int unread = 0;

    return bytes_beyond(x) > (int64_t)x->front->limits.header_bytes && ioctl(x->socket.fd, FIONREAD, &unread) == 0 &&
           unread > 0;
}

static bool has_more(const struct watch *x)
{
    return bytes_beyond(x) > EMPTY_LINE;
}

/* Only an empty line has come behind the last request? */
static bool is_rest(const struct watch *x)
{
    return x->taken > 0 && bytes_beyond(x) >= 0 && !has_more(x);
}

static void head_late(struct watch *x)
{
    if (is_rest(x)) {
        x->phase = PHASE_IDLE;
        deadline_set(x, LANE_IDLE);
        return;
    }
    count(x, "late_head");
    /* To a client that has sent nothing, an answer would be one to its next request. */
    if (deadline_head_begun(x) && !front_has_tls(x->front))
        reply_refusal_raw(x->socket.fd, E_TOO_SLOW, "the head of the request did not come in time");
    watch_cut(x);
}

static void body_late(struct watch *x)
{
    count(x, "late_body");
    if (x->req == NULL || x->answered) {
        watch_cut(x);
        return;
    }
    deadline_set(x, LANE_BODY); /* in case the answer takes its time */
    request_body_late(x->req);
    if (x->answered && !x->cut)
        watch_cut(x); /* over TLS nothing can be sent beside MHD */
}

/* What MHD has read beyond a request shows up nowhere: it is looked for when the time for a head has passed. */
static void rest_late(struct watch *x)
{
    if (has_more(x)) {
        x->byte_seen = true;
        head_late(x);
    } else {
        deadline_set(x, LANE_IDLE);
    }
}

/* Has the client's TCP taken anything since the last look? */
static bool is_moving(struct watch *x)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof info;
    bool moving;

    if (getsockopt(x->socket.fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return false;
    moving = info.tcpi_bytes_acked != x->acked;
    x->acked = info.tcpi_bytes_acked;
    return moving;
}

static void write_late(struct watch *x)
{
    x->stalls = is_moving(x) ? 0 : (uint8_t)(x->stalls + 1);
    if (x->stalls < STALLS) {
        deadline_set(x, LANE_WRITE);
        return;
    }
    if (x->req != NULL && !x->told) {
        x->told = true;
        request_client_stuck(x->req);
    }
    watch_cut(x);
}

static void last_late(struct watch *x)
{
    if (!x->cut) {
        watch_dismiss(x);
        return;
    }
    deadline_set(x, LANE_LAST);
    shutdown(x->socket.fd, SHUT_RDWR);
    watch_visit(x);
}
