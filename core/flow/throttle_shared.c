/* throttle_shared.c - limits that are counted on a server: it is asked for a batch, and who needs one waits, some milliseconds at most. One ask
 * for each window at a time: the others that need it wait for the same answer. */
#include <stdlib.h>

#include "base/clock.h"
#include "flow/throttle_inside.h"
#include "flow/way.h"

/* Of one request that waits. Arena. */
struct throttle_seat {
    struct loop_message message;
    struct request *req;
    struct window *window; /* NULL: the message is under way */
    uint32_t wait;
    struct throttle_seat *next;
};

static const struct text space = { "limits", 6 };
#define TOTAL_MOST (INT64_C(1) << 50)

struct window *throttle_window(struct throttle *t, const char *owner, char what)
{
    struct window *w = calloc(1, sizeof *w);
    BUG_IF(w == NULL);
    w->throttle = t;
    w->what = what;
    memcpy(w->name, owner, sizeof w->name);
    return w;
}

/* --- the server --- */

static void got(struct window *w, const struct aside_answer *answer);

/* From 0 where it is not there: nobody knows more of it. */
static bool send_on(struct window *w, unsigned worker, struct loop *loop, int64_t minute, int64_t delta, int64_t start,
                    uint32_t mode, struct aside_ask *ask)
{
    char room[COUNTER_NAME];
    struct text key = throttle_counter(room, w->name, w->what, minute);
    const struct aside_order order = { .op = ASIDE_ADD,
                                       .space = space,
                                       .keys = &key,
                                       .key_count = 1,
                                       .ttl_s = KEEP_S,
                                       .mode = mode,
                                       .delta = delta,
                                       .start = start };
    return aside_ask(w->throttle->aside, worker, loop, &order, ask);
}

static bool send(struct window *w, int64_t minute, int64_t delta, int64_t start, uint32_t mode, struct aside_ask *ask)
{
    return send_on(w, w->worker, w->loop, minute, delta, start, mode, ask);
}

/* On the thread of that worker: what was taken on the server and is not used goes back. */
static void give_back(struct window *w, struct worker *worker, int64_t minute, int64_t units)
{
    if (units > 0)
        send_on(w, worker->index, &worker->loop, minute, -units, 0, GW_ADD_EXISTING, NULL);
}

static void on_answer(struct aside_ask *ask, const struct aside_answer *answer)
{
    struct window *w = (struct window *)(void *)((char *)ask - offsetof(struct window, ask));
    struct throttle *t = w->throttle;
    pthread_mutex_lock(&t->mutex);
    got(w, answer);
    pthread_mutex_unlock(&t->mutex);
}

static void take_batch(struct window *w)
{
    struct share *s = &w->share;
    w->for_what = WINDOW_TAKES;
    w->batch = share_batch(s, &w->wanted);
    /* Enough for all who wait, where there is so much: else each of them would ask for its own. */
    int64_t room = share_room(s, w->wanted.limit, w->wanted.second) - s->seen, all = (int64_t)w->seats * w->wanted.more;
    if (w->batch < all && room > w->batch)
        w->batch = all < room ? all : room;
    w->owed = s->owed;
    if (!send(w, w->minute, w->batch + w->owed, s->seen - s->owed, GW_ADD_CREATE, &w->ask))
        got(w, &(struct aside_answer){ .status = GW_E_RETRY });
}

static void wake_all(struct window *w)
{
    w->asks = false;
    w->seats = 0;
    while (w->first != NULL) {
        w->seats++;
        struct throttle_seat *seat = w->first;
        w->first = seat->next;
        seat->window = NULL;
        loop_post(&seat->req->worker->loop, &seat->message);
    }
}

static void got(struct window *w, const struct aside_answer *answer)
{
    struct share *s = &w->share;
    bool sane = answer->total >= 0 && answer->total <= TOTAL_MOST; /* a server can say anything */
    bool good = answer->status == GW_OK && sane;
    w->away = false;
    if (s->minute != w->minute) { /* nobody uses what was taken of a minute that is over */
        if (good && w->for_what == WINDOW_TAKES)
            send(w, w->minute, -w->batch, 0, GW_ADD_EXISTING, NULL);
        wake_all(w);
        return;
    }
    if (w->for_what == WINDOW_BEFORE) {
        s->before = good && answer->total > s->own ? answer->total : s->own;
        if (good || answer->status == GW_MISS) {
            if (share_look(s, &w->wanted) == SHARE_LACKS)
                take_batch(w);
            else
                wake_all(w);
            return;
        }
        w->batch = share_batch(s, &w->wanted); /* the server is away */
        w->owed = 0;
    }
    enum share_end end = w->for_what == WINDOW_BEFORE                                ? SHARE_AWAY
                         : good                                                      ? SHARE_ADDED
                         : answer->status == GW_E_UNKNOWN || answer->status == GW_OK ? SHARE_UNKNOWN
                                                                                     : SHARE_AWAY;
    w->away = end == SHARE_AWAY;
    int64_t above = share_add(s, &w->wanted, w->batch, w->owed, end, answer->total);
    if (above > 0)
        send(w, w->minute, -above, 0, GW_ADD_EXISTING, NULL);
    wake_all(w);
}

/* Its answer may be there at once. */
static void start(struct window *w, struct request *req, const struct share_ask *wanted)
{
    w->asks = true;
    w->worker = req->worker->index;
    w->loop = &req->worker->loop;
    w->ask.on_answer = on_answer;
    w->wanted = *wanted;
    w->minute = w->share.minute;
    w->for_what = WINDOW_BEFORE;
    if (w->share.before >= 0)
        take_batch(w);
    else if (!send(w, w->minute - 1, 0, 0, GW_ADD_EXISTING, &w->ask))
        got(w, &(struct aside_answer){ .status = GW_E_RETRY });
}

/* --- who waits --- */

static void on_message(struct loop_message *message)
{
    struct throttle_seat *seat =
        (struct throttle_seat *)(void *)((char *)message - offsetof(struct throttle_seat, message));
    CHECK(seat->req, REQUEST);
    wait_end(seat->req, seat->wait);
}

/* False: the message is under way, and ends the wait. */
static bool call_off(struct request *req)
{
    struct throttle *t = req->worker->gateway->throttle;
    struct throttle_seat *seat = req->taken.seat;
    pthread_mutex_lock(&t->mutex);
    struct window *w = seat->window;
    for (struct throttle_seat **at = w != NULL ? &w->first : NULL; at != NULL && *at != NULL; at = &(*at)->next)
        if (*at == seat) {
            *at = seat->next;
            break;
        }
    pthread_mutex_unlock(&t->mutex);
    return w != NULL;
}

static const struct wait_kind for_share = { .name = "limits", .is_ours = true, .cancel = call_off };

/* The first window that is asked for, and has not answered. full: nothing helps. */
static struct window *ask_for(struct request *req, const struct ask_one *ask, int64_t tokens, int64_t minute,
                              int64_t second, bool *full)
{
    const int64_t limits[] = { ask->rates->rpm, ask->rates->tpm };
    struct window *waits_for = NULL;
    for (int i = 0; i < 2 && !*full; i++) {
        struct window *w = ask->owner->windows[i];
        const struct share_ask wanted = { .limit = limits[i],
                                          .more = i == 0 ? 1 : throttle_at_most(tokens, limits[1]),
                                          .second = second,
                                          .gateways = req->worker->gateway->throttle->gateways };
        if (limits[i] == 0)
            continue;
        give_back(w, req->worker, minute - 1, share_turn(&w->share, minute));
        enum share_state state = share_look(&w->share, &wanted);
        if (state == SHARE_LACKS && !w->asks)
            start(w, req, &wanted);
        if (state == SHARE_LACKS && w->asks && waits_for == NULL)
            waits_for = w;
        *full = state == SHARE_FULL;
    }
    return waits_for;
}

enum next throttle_ask(struct request *req)
{
    struct throttle *t = req->worker->gateway->throttle;
    struct ask_one asks[THROTTLE_MOST];
    struct window *waits_for = NULL;
    bool full = false;
    if (t == NULL || t->aside == NULL || !throttle_counts(req) || req->taken.turns >= TURNS_MOST)
        return NEXT;
    size_t count = throttle_owners(req, asks);
    struct throttle_seat *seat = count > 0 ? arena_new(&req->arena, struct throttle_seat) : NULL;
    if (seat == NULL || req->arena.full)
        return NEXT;
    int64_t tokens = throttle_expected(req);
    throttle_lock(t, asks, count);
    int64_t now_s = clock_unix_ms() / 1000; /* behind the lock: another one may have turned the minute meanwhile */
    for (size_t i = 0; i < count && !full; i++) {
        struct window *w = ask_for(req, &asks[i], tokens, now_s / MINUTE, now_s % MINUTE, &full);
        waits_for = waits_for != NULL ? waits_for : w;
    }
    req->taken.turns++;
    if (waits_for != NULL && !full) {
        *seat = (struct throttle_seat){ .message = { .on_message = on_message },
                                        .req = req,
                                        .window = waits_for,
                                        .wait = wait_begin(req, &for_share),
                                        .next = waits_for->first };
        waits_for->first = seat;
        waits_for->seats++;
        req->taken.seat = seat;
    }
    pthread_mutex_unlock(&t->mutex);
    return waits_for != NULL && !full ? WAIT : NEXT;
}

/* --- what is used --- */

enum share_state throttle_share_look(struct window *w, struct worker *worker, int64_t limit, int64_t more,
                                     int64_t minute, int64_t second, bool last)
{
    const struct share_ask wanted = { limit, more, second, w->throttle->gateways };
    give_back(w, worker, minute - 1, share_turn(&w->share, minute));
    enum share_state state = share_look(&w->share, &wanted);
    if (state != SHARE_LACKS || !last)
        return state;
    if (!w->away) /* the server counts: others had what there was, turn for turn */
        return SHARE_FULL;
    if (w->share.before < 0)
        w->share.before = w->share.own;
    if (share_look(&w->share, &wanted) == SHARE_LACKS)
        share_add(&w->share, &wanted, more - w->share.left, 0, SHARE_AWAY, 0);
    return share_look(&w->share, &wanted) == SHARE_HAS ? SHARE_HAS : SHARE_FULL;
}

void throttle_share_give(struct window *w, unsigned worker, struct loop *loop, int64_t minute, int64_t units)
{
    int64_t now = clock_unix_ms() / 1000 / MINUTE, rest = share_turn(&w->share, now);
    if (rest > 0)
        send_on(w, worker, loop, now - 1, -rest, 0, GW_ADD_EXISTING, NULL);
    if (w->share.minute == minute) {
        w->share.left += units;
        return;
    }
    if (w->share.minute == minute + 1) {
        int64_t *before = w->share.before >= 0 ? &w->share.before : &w->share.own;
        *before = *before > units ? *before - units : 0;
    }
    send_on(w, worker, loop, minute, -units, 0, GW_ADD_EXISTING, NULL);
}
