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
#include "http/client.h"
#include "http/reply.h"

enum { STALLS = 4 }; /* a client is looked at this often per write_ns */

static void head_late(struct client *c);
static void body_late(struct client *c);
static void write_late(struct client *c);
static void rest_late(struct client *c);
static void last_late(struct client *c);
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
        [LANE_IDLE] = { .span_ns = idle_ns, .late = client_dismiss },
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

void deadline_clear(struct client *c)
{
    struct lane *lane = c->lane;

    if (lane == NULL)
        return;
    if (c->lane_next != NULL)
        c->lane_next->lane_prev = c->lane_prev;
    else
        lane->last = c->lane_prev;
    if (c->lane_prev != NULL)
        c->lane_prev->lane_next = c->lane_next;
    else
        lane->first = c->lane_next;
    c->lane = NULL;
}

void deadline_set(struct client *c, enum lane_name name)
{
    struct lane *lane = &c->front->lanes[name];

    deadline_clear(c);
    c->lane = lane;
    c->due_ns = c->front->loop->now_ns + lane->span_ns;
    c->lane_next = NULL;
    c->lane_prev = lane->last;
    if (lane->last != NULL)
        lane->last->lane_next = c;
    else
        lane->first = c;
    lane->last = c;
    if (lane->timer.slot == 0)
        loop_timer_set(c->front->loop, &lane->timer, c->due_ns);
}

/* ---- what happens then ---- */

static void lane_time(struct loop_timer *timer)
{
    struct lane *lane = CONTAINER(timer, struct lane, timer);
    struct loop *loop = lane->front->loop;
    struct client *c;

    while ((c = lane->first) != NULL && c->due_ns <= loop->now_ns) {
        deadline_clear(c);
        lane->late(c);
    }
    if (lane->first != NULL)
        loop_timer_set(loop, timer, lane->first->due_ns); /* also when one that joined again has set it */
}

static void count(struct client *c, const char *event)
{
    struct worker *w = c->front->worker;

    metrics_count_event(w->gateway->metrics, w->index, event);
}

/* Its first event comes at the next look at the loop's epoll, and only if the bytes are still there by then: MHD may have
 * read them in the round that accepted, woken by a neighbour. */
bool deadline_head_begun(const struct client *c)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof info;

    if (c->byte_seen || c->hup || c->taken > 0)
        return c->byte_seen;
    return getsockopt(c->socket.fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_bytes_received > 0;
}

/* What the kernel knows of the connection; false over TLS, whose bytes are not those of HTTP. */
static bool look(const struct client *c, struct tcp_info *info)
{
    socklen_t len = sizeof *info;

    memset(info, 0, sizeof *info);
    return !front_has_tls(c->front) && getsockopt(c->socket.fd, IPPROTO_TCP, TCP_INFO, info, &len) == 0;
}

/* How many bytes MHD has read that belong to no request so far; -1 where it cannot be known: after a chunked body. */
static int64_t beyond(const struct client *c, const struct tcp_info *info)
{
    int unread = 0;

    if (!c->uncounted && info->tcpi_bytes_received == c->taken)
        return 0; /* as after nearly every request: there is nothing that could be unread */
    if (c->uncounted || ioctl(c->socket.fd, FIONREAD, &unread) < 0)
        return -1;
    return (int64_t)info->tcpi_bytes_received - unread - (int64_t)c->taken;
}

static int64_t bytes_beyond(const struct client *c)
{
    struct tcp_info info;

    return look(c, &info) ? beyond(c, &info) : -1;
}

/* All bytes that the kernel was given for the client. */
static uint64_t written(const struct tcp_info *info)
{
    return info->tcpi_bytes_sent - info->tcpi_bytes_retrans + info->tcpi_notsent_bytes;
}

/* An empty line before a request is skipped (RFC 9112, 2.2); older clients send one behind a body. It counts to the request. */
enum { EMPTY_LINE = 2 };

void deadline_take_counts(struct client *c)
{
    struct tcp_info info;
    int64_t more;

    if (!look(c, &info))
        return;
    c->written = written(&info);
    more = beyond(c, &info);
    c->untaken++;
    if (more < 0 || more > EMPTY_LINE * (int64_t)c->untaken)
        return; /* the next request has begun */
    c->taken += (uint64_t)more;
    c->untaken = 0;
}

enum { ESTABLISHED = 1 }; /* TCP_ESTABLISHED of netinet/tcp.h, which cannot be had beside linux/tcp.h */

bool deadline_is_unanswered(const struct client *c)
{
    struct tcp_info info;

    return !c->is_last && !c->cut && !c->hup && look(c, &info) && info.tcpi_state == ESTABLISHED &&
           written(&info) == c->written;
}

bool deadline_is_long(const struct client *c)
{
    int unread = 0;

    return bytes_beyond(c) > (int64_t)c->front->limits.header_bytes && ioctl(c->socket.fd, FIONREAD, &unread) == 0 &&
           unread > 0;
}

static bool has_more(const struct client *c)
{
    return bytes_beyond(c) > EMPTY_LINE;
}

/* Only an empty line has come behind the last request? */
static bool is_rest(const struct client *c)
{
    return c->taken > 0 && bytes_beyond(c) >= 0 && !has_more(c);
}

static void head_late(struct client *c)
{
    if (is_rest(c)) {
        c->phase = PHASE_IDLE;
        deadline_set(c, LANE_IDLE);
        return;
    }
    count(c, "late_head");
    /* To a client that has sent nothing, an answer would be one to its next request. */
    if (deadline_head_begun(c) && !front_has_tls(c->front))
        reply_refusal_raw(c->socket.fd, E_TOO_SLOW, "the head of the request did not come in time");
    client_cut(c);
}

static void body_late(struct client *c)
{
    count(c, "late_body");
    if (c->req == NULL || c->answered) {
        client_cut(c);
        return;
    }
    deadline_set(c, LANE_BODY); /* in case the answer takes its time */
    request_body_late(c->req);
    if (c->answered && !c->cut)
        client_cut(c); /* over TLS nothing can be sent beside MHD */
}

/* What MHD has read beyond a request shows up nowhere: it is looked for when the time for a head has passed. */
static void rest_late(struct client *c)
{
    if (has_more(c)) {
        c->byte_seen = true;
        head_late(c);
    } else {
        deadline_set(c, LANE_IDLE);
    }
}

/* Has the client's TCP taken anything since the last look? */
static bool is_moving(struct client *c)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof info;
    bool moving;

    if (getsockopt(c->socket.fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return false;
    moving = info.tcpi_bytes_acked != c->acked;
    c->acked = info.tcpi_bytes_acked;
    return moving;
}

static void write_late(struct client *c)
{
    c->stalls = is_moving(c) ? 0 : (uint8_t)(c->stalls + 1);
    if (c->stalls < STALLS) {
        deadline_set(c, LANE_WRITE);
        return;
    }
    if (c->req != NULL && !c->told) {
        c->told = true;
        request_client_stuck(c->req);
    }
    client_cut(c);
}

static void last_late(struct client *c)
{
    if (!c->cut) {
        client_dismiss(c);
        return;
    }
    deadline_set(c, LANE_LAST);
    shutdown(c->socket.fd, SHUT_RDWR);
    client_visit(c);
}
