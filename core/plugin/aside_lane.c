/* aside_lane.c - a worker's side of a lane: asks go out, answers come back in the same order, and who has waited for 5 ms goes on without one. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "plugin/aside_inside.h"

enum {
    HANG_MS = 2000,    /* an operation of the plugin that takes longer does not end */
    WAITING_MOST = 64, /* operations on one lane: the last of more would be late anyway */
};

#define OUT_MOST ((size_t)8 << 20)

void aside_lane_init(struct aside_lane *lane, struct aside *aside)
{
    lane->aside = aside;
    lane->fd = -1;
    lane->last = &lane->first;
    buf_init(&lane->in, sizeof(struct aside_answer_head) + ASIDE_BYTES_MOST);
    buf_init(&lane->out, OUT_MOST);
}

/* Of the queue, which is not empty. */
static struct aside_pending *take_first(struct aside_lane *lane)
{
    struct aside_pending *p = lane->first;
    lane->first = p->next;
    if (lane->first == NULL)
        lane->last = &lane->first;
    lane->count--;
    return p;
}

void aside_lane_fini(struct aside_lane *lane)
{
    while (lane->first != NULL)
        free(take_first(lane));
    if (lane->fd >= 0)
        close(lane->fd);
    buf_free(&lane->in);
    buf_free(&lane->out);
}

/* The ask is its owner's again when on_answer() is called. */
static void answer(struct aside_pending *p, const struct aside_answer *answer)
{
    struct aside_ask *ask = p->ask;
    if (ask == NULL)
        return;
    p->ask = NULL;
    ask->pending = NULL;
    loop_timer_clear(ask->loop, &ask->timer);
    ask->on_answer(ask, answer);
}

/* The helper is gone, or not to be believed: what was sent to it may have been done. */
static void break_off(struct aside_lane *lane)
{
    static const struct aside_answer unknown = { .status = GW_E_UNKNOWN };
    struct aside_pending *first = lane->first;
    loop_unwatch(lane->loop, &lane->watch);
    loop_timer_clear(lane->loop, &lane->hang);
    close(lane->fd);
    lane->fd = -1;
    buf_free(&lane->in);
    buf_free(&lane->out);
    lane->first = NULL;
    lane->last = &lane->first;
    lane->count = 0;
    while (first != NULL) { /* who is answered may ask again */
        struct aside_pending *p = first;
        first = p->next;
        answer(p, &unknown);
        free(p);
    }
}

static void distrust(struct aside_lane *lane)
{
    aside_distrust(lane->aside, lane->turn);
    break_off(lane);
}

static void watch_hang(struct aside_lane *lane)
{
    if (lane->first != NULL)
        loop_timer_set(lane->loop, &lane->hang, lane->first->sent_ns + HANG_MS * CLOCK_MS);
    else
        loop_timer_clear(lane->loop, &lane->hang);
}

static void on_hang(struct loop_timer *timer)
{
    distrust((struct aside_lane *)(void *)((char *)timer - offsetof(struct aside_lane, hang)));
}

/* --- answers --- */

/* Are these the bytes of a get: values, each with its place? */
static bool is_values(struct text bytes)
{
    uint32_t index;
    struct text value;
    while (bytes.len > 0)
        if (!aside_value(&bytes, &index, &value) || index >= ASIDE_KEYS_MOST)
            return false;
    return true;
}

static bool is_answer(const struct aside_lane *lane, const struct aside_answer_head *h, struct text bytes)
{
    return h->id == lane->first->id && h->status <= GW_MISS && h->status >= GW_E_UNKNOWN &&
           (h->len == 0 || (lane->first->op == ASIDE_GET && h->status == GW_OK && is_values(bytes)));
}

/* The next answer, if it has come whole. False: there is no more, or the lane is broken off. */
static bool take_answer(struct aside_lane *lane)
{
    struct text all = buf_view(&lane->in);
    struct aside_answer_head head;
    if (lane->fd < 0 || all.len < sizeof head)
        return false;
    memcpy(&head, all.ptr, sizeof head);
    if (head.magic != ASIDE_ANSWER_MAGIC || head.len > ASIDE_BYTES_MOST || lane->first == NULL) {
        distrust(lane);
        return false;
    }
    if (all.len - sizeof head < head.len)
        return false;
    struct text bytes = { all.ptr + sizeof head, head.len };
    if (!is_answer(lane, &head, bytes)) {
        distrust(lane);
        return false;
    }
    struct aside_pending *p = take_first(lane);
    struct buf lent = lane->in; /* what is answered may ask, and break the lane off */
    buf_init(&lane->in, sizeof head + ASIDE_BYTES_MOST);
    buf_append(&lane->in, bytes.ptr + head.len, all.len - sizeof head - head.len);
    if (p->ask != NULL)
        atomic_fetch_add(&lane->aside->answered, 1);
    if (head.status == GW_E_PROTOCOL)
        atomic_fetch_add(&lane->aside->wrong, 1);
    answer(p, &(struct aside_answer){ .status = head.status, .total = head.total, .bytes = bytes });
    free(p);
    buf_free(&lent);
    return true;
}

static bool flush(struct aside_lane *lane)
{
    while (lane->out.len > 0) {
        struct text rest = buf_view(&lane->out);
        ssize_t put = send(lane->fd, rest.ptr, rest.len, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno != EAGAIN)
            return false;
        if (put < 0)
            break;
        buf_consume(&lane->out, (size_t)put);
    }
    uint32_t events = EPOLLIN | (lane->out.len > 0 ? EPOLLOUT : 0);
    return events == lane->watch.events || loop_rewatch(lane->loop, &lane->watch, events) == 0;
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
    struct aside_lane *lane = (struct aside_lane *)(void *)((char *)watch - offsetof(struct aside_lane, watch));
    unsigned turn = lane->turn;
    bool ended = (events & EPOLLOUT) != 0 && !flush(lane);
    while (!ended) {
        size_t room;
        char *at = buf_room(&lane->in, 16 << 10, &room);
        ssize_t got = at != NULL ? recv(lane->fd, at, room, 0) : 0;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            break;
        buf_added(&lane->in, got > 0 ? (size_t)got : 0);
        ended = got <= 0;
        while (take_answer(lane))
            continue;
        if (lane->fd < 0 || lane->turn != turn) /* who was answered has asked again, and found another helper */
            return;
    }
    if (ended)
        distrust(lane);
    else
        watch_hang(lane);
}

bool aside_value(struct text *bytes, uint32_t *index, struct text *value)
{
    uint32_t head[2];
    if (bytes->len < sizeof head)
        return false;
    memcpy(head, bytes->ptr, sizeof head);
    if (head[1] > bytes->len - sizeof head)
        return false;
    *index = head[0];
    *value = (struct text){ bytes->ptr + sizeof head, head[1] };
    *bytes = (struct text){ value->ptr + value->len, bytes->len - sizeof head - value->len };
    return true;
}

/* --- asks --- */

/* The socket to the helper that runs now. False: there is none. Where the lane still has one of the helper before, its end comes as an event:
 * nobody is answered in here, as who asks may hold a lock that the answer takes. */
static bool is_open(struct aside_lane *lane, unsigned index, struct loop *loop)
{
    struct aside *a = lane->aside;
    unsigned turn = atomic_load(&a->turn);
    if (lane->turn == turn || lane->fd >= 0)
        return lane->turn == turn && lane->fd >= 0;
    lane->loop = loop;
    pthread_mutex_lock(&a->lock);
    lane->turn = atomic_load(&a->turn);
    lane->fd = a->fresh[index];
    a->fresh[index] = -1;
    pthread_mutex_unlock(&a->lock);
    lane->watch.on_ready = on_ready;
    lane->hang.on_time = on_hang;
    if (lane->fd >= 0 && loop_watch(loop, &lane->watch, lane->fd, EPOLLIN) < 0) {
        close(lane->fd);
        lane->fd = -1;
    }
    return lane->fd >= 0;
}

/* The lane of the worker on which least waits, and nothing is late. NULL: there is none. */
static struct aside_lane *choose(struct aside *a, unsigned worker, struct loop *loop)
{
    struct aside_lane *best = NULL;
    int64_t now = clock_ns();
    for (unsigned i = 0; i < a->lanes; i++) {
        unsigned index = worker * a->lanes + i;
        struct aside_lane *lane = &a->lane[index];
        if (!is_open(lane, index, loop) || lane->count >= WAITING_MOST ||
            (lane->first != NULL && now - lane->first->sent_ns > a->patience_ns))
            continue;
        if (best == NULL || lane->count < best->count)
            best = lane;
    }
    return best;
}

static bool write_ask(struct aside_lane *lane, const struct aside_order *o)
{
    struct aside_ask_head head = { .magic = ASIDE_ASK_MAGIC,
                                   .id = lane->last_id + 1,
                                   .op = o->op,
                                   .mode = o->mode,
                                   .ttl_s = o->ttl_s,
                                   .key_count = o->key_count,
                                   .delta = o->delta,
                                   .start = o->start,
                                   .team_len = (uint32_t)o->team.len,
                                   .space_len = (uint32_t)o->space.len,
                                   .value_len = (uint32_t)o->value.len };
    for (uint32_t i = 0; i < o->key_count; i++)
        head.keys_len += (uint32_t)o->keys[i].len + 1;
    size_t len = sizeof head + o->team.len + o->space.len + head.keys_len + o->value.len;
    if (len > ASIDE_BYTES_MOST || len > OUT_MOST - lane->out.len)
        return false;
    buf_append(&lane->out, &head, sizeof head);
    buf_text(&lane->out, o->team);
    buf_text(&lane->out, o->space);
    for (uint32_t i = 0; i < o->key_count; i++) {
        buf_text(&lane->out, o->keys[i]);
        buf_append(&lane->out, "", 1);
    }
    buf_text(&lane->out, o->value);
    return !lane->out.failed;
}

static void on_late(struct loop_timer *timer)
{
    static const struct aside_answer late = { .status = GW_E_UNKNOWN };
    struct aside_ask *ask = (struct aside_ask *)(void *)((char *)timer - offsetof(struct aside_ask, timer));
    struct aside_pending *p = ask->pending;
    p->ask = NULL; /* it finishes alone */
    ask->pending = NULL;
    atomic_fetch_add(&p->lane->aside->late, 1);
    ask->on_answer(ask, &late);
}

bool aside_ask(struct aside *a, unsigned worker, struct loop *loop, const struct aside_order *order,
               struct aside_ask *ask)
{
    struct aside_lane *lane = choose(a, worker, loop);
    struct aside_pending *p = lane != NULL ? malloc(sizeof *p) : NULL;
    BUG_IF(order->key_count == 0 || order->key_count > ASIDE_KEYS_MOST);
    bool good = p != NULL && write_ask(lane, order);
    if (!good) {
        free(p);
        if (lane != NULL && lane->out.failed) /* half of an ask; not here, as above */
            loop_timer_set(loop, &lane->hang, clock_ns());
        atomic_fetch_add(&a->away, 1);
        return false;
    }
    *p = (struct aside_pending){
        .lane = lane, .ask = ask, .op = order->op, .id = ++lane->last_id, .sent_ns = clock_ns()
    };
    if (ask != NULL) {
        ask->loop = loop;
        ask->pending = p;
        ask->timer = (struct loop_timer){ .on_time = on_late };
        loop_timer_set(loop, &ask->timer, p->sent_ns + a->patience_ns);
    }
    *lane->last = p;
    lane->last = &p->next;
    lane->count++;
    flush(lane); /* where the helper has gone, its end comes as an event */
    if (lane->count == 1)
        watch_hang(lane);
    return true;
}

void aside_forget(struct aside_ask *ask)
{
    if (ask->pending == NULL)
        return;
    loop_timer_clear(ask->loop, &ask->timer);
    ask->pending->ask = NULL;
    ask->pending = NULL;
}
