/* transfer.c - one exchange: get a connection, send, read, give it back or close it.
 *
 * Who calls whom matters here: an owner may cancel inside any of its events, so while one runs (`busy`)
 * nothing is freed; and no event comes from inside a call of the owner, so what such a call brings about
 * is put off until after the batch. The bytes are in exchange.c. */
#include "upstream/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/fail.h"
#include "upstream/exchange.h"
#include "upstream/exchange_head.h"

static void on_event(struct pool_conn *conn, uint32_t events);
static void on_time(struct loop_timer *timer);
static void on_after(struct loop_after *after);
static void on_conn(struct pool_want *want, struct pool_conn *conn, const char *why, bool timed_out);
static void connect_it(struct transfer *t, bool fresh);
static void use(struct transfer *t, struct pool_conn *conn, bool kept);

const char *transfer_failure_name(enum transfer_failure failure)
{
    static const char *const names[] = {
        [TRANSFER_OK] = "ok",
        [TRANSFER_CONNECT] = "connect",
        [TRANSFER_SEND] = "send",
        [TRANSFER_RESET] = "reset",
        [TRANSFER_CUT] = "cut",
        [TRANSFER_MALFORMED] = "malformed",
        [TRANSFER_TOO_LARGE] = "too_large",
        [TRANSFER_TIME_CONNECT] = "time_connect",
        [TRANSFER_TIME_FIRST] = "time_first",
        [TRANSFER_TIME_IDLE] = "time_idle",
        [TRANSFER_TIME_TOTAL] = "time_total",
        [TRANSFER_SILENT] = "silent",
        [TRANSFER_SLOW] = "slow",
    };

    return (size_t)failure < sizeof names / sizeof *names ? names[failure] : "unknown";
}

const char *transfer_failure_text(enum transfer_failure failure)
{
    static const char *const texts[] = {
        [TRANSFER_OK] = "nothing failed",
        [TRANSFER_CONNECT] = "no connection",
        [TRANSFER_SEND] = "the request could not be sent",
        [TRANSFER_RESET] = "the connection was closed before an answer",
        [TRANSFER_CUT] = "the connection was closed within the answer",
        [TRANSFER_MALFORMED] = "the answer is not HTTP",
        [TRANSFER_TOO_LARGE] = "the answer is too large",
        [TRANSFER_TIME_CONNECT] = "no connection within connect_s",
        [TRANSFER_TIME_FIRST] = "no token of a stream within first_token_s",
        [TRANSFER_TIME_IDLE] = "silence for longer than idle_s",
        [TRANSFER_TIME_TOTAL] = "not complete within total_s",
        [TRANSFER_SILENT] = "no answer in three times the usual time, as to others there",
        [TRANSFER_SLOW] = "fewer tokens a second than slow.tokens_per_s",
    };

    return (size_t)failure < sizeof texts / sizeof *texts ? texts[failure] : "unknown";
}

static int64_t now(const struct transfer *t)
{
    return t->pool->loop->now_ns;
}

/* Goes on after this batch of events. */
void transfer_put_off(struct transfer *t)
{
    if (!t->after.queued)
        loop_after(t->pool->loop, &t->after);
}

static void put_off_failure(struct transfer *t, enum transfer_failure failure, const char *why)
{
    t->failure = (uint8_t)failure;
    t->why = why;
    transfer_put_off(t);
}

struct transfer *transfer_start(struct pool *pool, const struct transfer_request *request,
                                const struct transfer_events *events, void *owner)
{
    struct transfer *t = calloc(1, sizeof *t);
    const char *why = NULL;
    ssize_t head_len = -1;

    BUG_IF(t == NULL);
    t->magic = TRANSFER_MAGIC;
    t->pool = pool;
    t->request = request;
    t->events = events;
    t->owner = owner;
    t->timer.on_time = on_time;
    t->after.on_after = on_after;
    t->want.on_conn = on_conn;
    t->start_ns = t->mark_ns = now(t);
    t->connection_ns = -1;
    http1_init(&t->answer, text_is(request->method, "HEAD"), &exchange_events, t);
    if (address_parse(request->url, &t->address, &why) == 0)
        head_len = exchange_head_write(pool->head, request, &t->address, &why);
    pool->head_of = t;
    if (head_len < 0) {
        put_off_failure(t, TRANSFER_SEND, why);
        return t;
    }
    t->head_len = (size_t)head_len;
    connect_it(t, false);
    return t;
}

/* Whatever comes after a complete answer was not asked for: such a connection is not used again. */
static bool is_quiet(struct pool_conn *conn)
{
    char byte;

    if (conn->hung_up)
        return false;
    if (conn->readable && (dial_wire_recv(&conn->wire, &byte, 1) >= 0 || errno != EAGAIN))
        return false;
    conn->readable = false;
    return true;
}

/* Gives everything back but the struct itself. */
static void detach(struct transfer *t, bool keep)
{
    struct pool_conn *conn = t->conn;

    loop_timer_clear(t->pool->loop, &t->timer);
    pool_forget(t->pool, &t->want);
    http1_fini(&t->answer);
    t->conn = NULL;
    if (conn != NULL && keep && is_quiet(conn))
        pool_put(conn);
    else if (conn != NULL)
        pool_close(conn);
    t->phase = ENDED;
}

/* Now, or when what was put off comes by. */
static void free_transfer(struct transfer *t)
{
    if (t->after.queued)
        return;
    t->magic = 0;
    free(t->why_memory);
    free(t);
}

void transfer_drop(struct transfer *t)
{
    detach(t, t->phase == CONNECTING);
    free_transfer(t);
}

void transfer_finish(struct transfer *t, enum transfer_failure failure, const char *why)
{
    /* An answer that came before the request was sent leaves the rest of it unsaid. */
    bool keep = failure == TRANSFER_OK && t->answer.keep && t->phase != SENDING;

    /* The second try found no connection, but the first was sent. */
    if (t->any_sent && (failure == TRANSFER_CONNECT || failure == TRANSFER_TIME_CONNECT))
        failure = TRANSFER_RESET;
    detach(t, keep);
    t->events->on_done(t->owner, failure, why);
    free_transfer(t);
}

void transfer_cancel(struct transfer *t)
{
    CHECK(t, TRANSFER);
    if (t->phase == ENDED || t->cancelled)
        return; /* it is in on_done, or was reported before */
    t->cancelled = true;
    if (t->busy)
        return; /* exchange_receive() is on the stack */
    transfer_drop(t);
}

void transfer_pause(struct transfer *t)
{
    CHECK(t, TRANSFER);
    t->paused = true;
}

struct transfer_times transfer_times(const struct transfer *t)
{
    CHECK(t, TRANSFER);
    return (struct transfer_times){ .connection_ns = t->connection_ns, .fresh = !t->kept };
}

bool transfer_was_sent(const struct transfer *t)
{
    CHECK(t, TRANSFER);
    return t->any_sent;
}

/* Would the loss of this connection, now, lead to another try? */
static bool may_retry(const struct transfer *t)
{
    return t->kept && !t->retried && !t->any_received && (t->request->replay || t->sent == 0);
}

bool transfer_body_done(const struct transfer *t)
{
    CHECK(t, TRANSFER);
    return t->phase == ENDED || (t->phase > SENDING && !may_retry(t));
}

/* One limit of several: the earliest is due. */
static void limit(int64_t from_ns, int64_t limit_ns, enum transfer_failure which, int64_t *at_ns,
                  enum transfer_failure *failure)
{
    if (limit_ns <= 0 || from_ns + limit_ns >= *at_ns)
        return;
    *at_ns = from_ns + limit_ns;
    *failure = which;
}

/* When this phase has taken too long, and what is to be reported then. */
static int64_t due(const struct transfer *t, enum transfer_failure *failure)
{
    const struct transfer_request *r = t->request;
    int64_t at_ns = INT64_MAX;

    switch ((enum transfer_phase)t->phase) {
    case CONNECTING:
        limit(t->mark_ns, r->connect_ns, TRANSFER_TIME_CONNECT, &at_ns, failure);
        break;
    case SENDING:
        limit(t->mark_ns, r->idle_ns, TRANSFER_TIME_IDLE, &at_ns, failure);
        break;
    case WAITING:
        limit(t->sent_ns, r->first_byte_ns, TRANSFER_TIME_FIRST, &at_ns, failure);
        limit(t->sent_ns, r->content_ns, TRANSFER_TIME_FIRST, &at_ns, failure);
        break;
    case READING:
        if (t->paused)
            break;
        if (r->content_ns > 0) /* a model may think for longer than an answer may be silent */
            limit(t->sent_ns, r->content_ns, TRANSFER_TIME_FIRST, &at_ns, failure);
        else
            limit(t->mark_ns, r->idle_ns, TRANSFER_TIME_IDLE, &at_ns, failure);
        break;
    case ENDED:
        return at_ns;
    }
    limit(t->start_ns, r->total_ns, TRANSFER_TIME_TOTAL, &at_ns, failure);
    return at_ns;
}

/* After a change that can bring the deadline nearer. When it moves away, on_time() finds out. */
void transfer_arm(struct transfer *t)
{
    enum transfer_failure failure;
    int64_t at_ns = due(t, &failure);

    if (at_ns != INT64_MAX && (t->timer.slot == 0 || at_ns < t->timer.due_ns))
        loop_timer_set(t->pool->loop, &t->timer, at_ns);
}

static void on_time(struct loop_timer *timer)
{
    struct transfer *t = (struct transfer *)((char *)timer - offsetof(struct transfer, timer));
    enum transfer_failure failure = TRANSFER_OK;

    if (due(t, &failure) > now(t)) {
        transfer_arm(t);
        return;
    }
    transfer_finish(t, failure,
                    failure == TRANSFER_TIME_CONNECT ? "no connection in time"
                    : failure == TRANSFER_TIME_FIRST ? "no answer in time"
                    : failure == TRANSFER_TIME_IDLE  ? "the answer stalled"
                                                     : "the answer took too long");
}

void transfer_enter(struct transfer *t, enum transfer_phase phase)
{
    t->phase = (uint8_t)phase;
    t->mark_ns = now(t);
    transfer_arm(t);
}

void transfer_resume(struct transfer *t)
{
    CHECK(t, TRANSFER);
    if (!t->paused)
        return;
    t->paused = false;
    if (t->phase == READING)
        transfer_enter(t, READING);
    if (t->conn != NULL && t->conn->readable)
        transfer_put_off(t);
}

static void connect_it(struct transfer *t, bool fresh)
{
    struct pool_conn *conn = fresh ? NULL : pool_get(t->pool, &t->address);

    if (conn != NULL) {
        use(t, conn, true);
        return;
    }
    transfer_enter(t, CONNECTING);
    pool_want(t->pool, &t->want, &t->address, fresh, t->request->connect_ns);
}

static void on_conn(struct pool_want *want, struct pool_conn *conn, const char *why, bool timed_out)
{
    struct transfer *t = (struct transfer *)((char *)want - offsetof(struct transfer, want));

    if (conn == NULL) {
        t->why_memory = strdup(why);
        BUG_IF(t->why_memory == NULL);
        put_off_failure(t, timed_out ? TRANSFER_TIME_CONNECT : TRANSFER_CONNECT, t->why_memory);
        return;
    }
    t->conn = conn;
    conn->user = t;
    conn->on_event = on_event;
    transfer_put_off(t);
}

static void use(struct transfer *t, struct pool_conn *conn, bool kept)
{
    t->conn = conn;
    t->kept = kept;
    t->connection_ns = now(t) - t->start_ns;
    conn->user = t;
    conn->on_event = on_event;
    t->phase = SENDING;
    t->round = t->pool->loop->rounds;
    exchange_send(t);
}

/* The connection is gone, no answer is complete. */
void transfer_lose(struct transfer *t, const char *why)
{
    enum transfer_failure failure = t->answer.has_head ? TRANSFER_CUT : TRANSFER_RESET;

    if (!may_retry(t)) {
        transfer_finish(t, t->phase == SENDING && !t->any_received ? TRANSFER_SEND : failure, why);
        return;
    }
    pool_close(t->conn);
    t->conn = NULL;
    t->retried = true;
    t->send_broke = t->sends_on = false;
    t->sent = 0;
    connect_it(t, true);
}

static void on_after(struct loop_after *after)
{
    struct transfer *t = (struct transfer *)((char *)after - offsetof(struct transfer, after));

    if (t->phase == ENDED) {
        free_transfer(t);
        return;
    }
    if (t->failure != TRANSFER_OK) {
        transfer_finish(t, (enum transfer_failure)t->failure, t->why);
        return;
    }
    if (t->phase == CONNECTING) {
        if (t->conn == NULL)
            return; /* a retry, and its connection is still to come */
        t->kept = t->conn->exchanges > 0;
        if (t->kept && t->conn->readable) {
            transfer_lose(t, "the connection ended, or spoke, before the request");
            return;
        }
        use(t, t->conn, t->kept);
    } else if (t->phase == SENDING && t->sends_on) {
        exchange_send(t);
    }
    if (t->send_broke || (t->conn->readable && !t->paused))
        exchange_receive(t);
}

static void on_event(struct pool_conn *conn, uint32_t events)
{
    struct transfer *t = conn->user;

    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        conn->hung_up = true;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        conn->readable = true;
    if (t->phase == CONNECTING)
        return; /* it begins after this batch */
    if (t->kept && conn->readable && t->round == t->pool->loop->rounds) {
        /* The kernel reported this before the request was sent: no answer to it, whatever it looks like. */
        transfer_lose(t, "the connection ended, or spoke, before the request");
        return;
    }
    if (t->phase == SENDING && (events & EPOLLOUT) != 0 && !t->send_broke)
        exchange_send(t);
    if (conn->readable && !t->paused)
        exchange_receive(t);
}
