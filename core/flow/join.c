/* join.c - who joins a flight: its wait, and how it gets the bytes. */
#include "flow/join.h"

#include "base/clock.h"
#include "base/large.h"
#include "cache/answers.h"
#include "flow/deadline.h"
#include "flow/way.h"

enum {
    TURN_MOST = 256 << 10, /* bytes in one turn of the loop */
    NAMED_LOOKS = 16
};

/* Of one attempt. Arena. */
struct join {
    struct flights_seat seat;
    struct attempt *attempt;
    struct loop_timer timer; /* it takes too long */
    struct loop_timer more;  /* the next turn */
    uint32_t wait;           /* for the answer to begin */
    enum { JOIN_WAITS, JOIN_LATE, JOIN_OVER, JOIN_READS } state;
    bool feeds;     /* on the stack: the bytes are lent meanwhile */
    bool leaves;    /* when it is not */
    bool events;    /* a stream comes */
    bool renews;    /* its bytes pass to the client: with an id of their own */
    unsigned named; /* pieces in which no id was found; NAMED_LOOKS: one was, or it is given up */
    struct entry_names names;
    struct buf held; /* until an event is complete */
};

static struct join *join_of(const struct attempt *a)
{
    return a->cached != NULL ? a->cached->join : NULL;
}

static void rise(struct join *j)
{
    struct loop *loop = &j->attempt->req->worker->loop;
    loop_timer_clear(loop, &j->timer);
    loop_timer_clear(loop, &j->more);
    j->leaves = j->feeds;
    if (!j->feeds)
        flights_leave(&j->seat);
}

void join_leave(struct attempt *a)
{
    struct join *j = join_of(a);
    if (j != NULL)
        rise(j);
}

/* --- the wait --- */

static bool call_off(struct request *req)
{
    join_leave(req->attempt);
    return true;
}

static const struct wait_kind for_flight = { .name = "flight", .cancel = call_off };

static void feed(struct join *j);

static void on_news(struct flights_seat *seat)
{
    struct join *j = (struct join *)(void *)((char *)seat - offsetof(struct join, seat));
    struct flights_head head;
    CHECK(j->attempt->req, REQUEST);
    if (j->state == JOIN_READS)
        feed(j);
    else if (j->state == JOIN_WAITS && flights_state(seat, &head) != FLIGHTS_COMES)
        wait_end(j->attempt->req, j->wait);
}

static void on_time(struct loop_timer *timer)
{
    struct join *j = (struct join *)(void *)((char *)timer - offsetof(struct join, timer));
    struct attempt *a = j->attempt;
    int64_t ends = a->started_ns + a->send.total_ns;
    if (j->state == JOIN_WAITS) {
        j->state = JOIN_LATE;
        wait_end(a->req, j->wait);
    } else if (a->send.total_ns > 0 && ends > clock_ns()) { /* it has got more time since it began to speak */
        loop_timer_set(&a->req->worker->loop, timer, ends);
    } else if (a->send.total_ns > 0) {
        attempt_leave(a, TRANSFER_TIME_TOTAL);
    }
}

static void on_more(struct loop_timer *timer)
{
    feed((struct join *)(void *)((char *)timer - offsetof(struct join, more)));
}

/* Answers in events that every client's API can be made of are given in both ways; others as they were asked for. */
unsigned join_form(const struct attempt *a)
{
    const struct request *req = a->req;
    bool both = req->face->canonical != NULL && a->target->provider->plugin->provider.framing == GW_FRAMING_SSE;
    return both ? 0 : 1 + a->streams;
}

static void on_heard(struct flights_leader *leader)
{
    struct request *req = (struct request *)(void *)((char *)leader - offsetof(struct request, flight));
    CHECK(req, REQUEST);
    if (req->paused && req->attempt->transfer != NULL) /* its own client is slow, and others wait */
        transfer_resume(req->attempt->transfer);
}

enum flights_place join_enter(struct attempt *a, uint64_t turn)
{
    struct request *req = a->req;
    struct flights *flights = answers_flights(req->worker->gateway->answers);
    struct join *j = arena_new(&req->arena, struct join);
    if (req->arena.full || req->flight.flight != NULL || req->attempts_earlier > 0 ||
        req->parent_id[0] != '\0') /* a policy's question may wait for the request that it is about */
        return FLIGHTS_ALONE;
    *j = (struct join){ .attempt = a, .seat = { .loop = &req->worker->loop, .on_news = on_news } };
    j->timer.on_time = on_time;
    j->more.on_time = on_more;
    buf_init(&j->held, req->config->limits.answer_bytes + req->config->limits.event_bytes);
    req->flight.loop = &req->worker->loop;
    req->flight.on_heard = on_heard;
    /* A new answer is asked for: one under way does not do. A deadline of the client's own would be that of the others, too. */
    const struct flights_who who = { a->cached->key, join_form(a), req->worker->index, turn };
    enum flights_place place = flights_enter(flights, &who, req->wish.no_read ? NULL : &j->seat,
                                             deadline_is_clients(req) ? NULL : &req->flight);
    if (place != FLIGHTS_LISTENS)
        return place;
    arena_defer(&req->arena, buf_free_any, &j->held);
    a->cached->join = j;
    a->cached->state = CACHED_JOINED;
    choose_call_off(a);
    slot_give(req); /* nothing is sent */
    if (a->streams)
        answer_ping_start(req);
    j->wait = wait_begin(req, &for_flight);
    loop_timer_set(&req->worker->loop, &j->timer, clock_ns() + deadline_left_ns(req, clock_ns()));
    return place;
}

/* The target that has answered, where it is one of this request's. */
static bool take_target(struct attempt *a, const struct flights_head *head)
{
    struct request *req = a->req;
    for (size_t i = 0; i < req->target_count; i++) {
        const struct route_target *t = &req->targets[i];
        if (!text_eq(t->provider->name, head->provider) || !text_eq(t->model, head->model))
            continue;
        if (t != a->target) {
            struct route_target *copy = arena_new(&req->arena, struct route_target);
            *copy = *t;
            a->target = copy;
            a->secret = 0; /* an index of the first one's */
        }
        return true;
    }
    return false;
}

static enum next share_fail(struct join *j)
{
    struct request *req = j->attempt->req;
    struct text more;
    flights_why(&j->seat, &req->fail, &more);
    req->fail.code = arena_str(&req->arena, text_of(req->fail.code));
    req->fail.words = req->fail.words != NULL ? arena_str(&req->arena, text_of(req->fail.words)) : NULL;
    req->fail.more = more.len > 0 ? json_parse_quick(&req->arena, arena_text(&req->arena, more)) : NULL;
    j->attempt->outcome = OUTCOME_FAILED;
    rise(j);
    return FAIL;
}

static enum next be_late(struct attempt *a)
{
    a->failure = TRANSFER_TIME_TOTAL;
    error_set(&a->req->fail, E_UPSTREAM_TIMEOUT, "the provider \"%.*s\" did not answer in time (%s)",
              TEXT_ARG(a->target->provider->name), deadline_text(a));
    a->outcome = OUTCOME_TRANSFER;
    join_leave(a);
    return FAIL;
}

/* Row "cache.join": what came of waiting. */
enum next join_result(struct request *req)
{
    struct attempt *a = req->attempt;
    struct join *j = join_of(a);
    struct flights_head head;
    if (j == NULL || j->state > JOIN_LATE)
        return NEXT;
    if (j->state == JOIN_LATE)
        return be_late(a);
    j->state = JOIN_OVER;
    loop_timer_clear(&req->worker->loop, &j->timer);
    enum flights_state state = flights_state(&j->seat, &head);
    if (state == FLIGHTS_FAIL)
        return share_fail(j);
    if (state == FLIGHTS_OPEN && take_target(a, &head))
        return NEXT;
    rise(j);
    choose_resume(a);
    a->cached->state = CACHED_MISS;
    a->cached->join = NULL;
    if (state != FLIGHTS_OPEN)
        req->row -= 3; /* row "cache.ask" comes again: another one leads, or this one */
    return NEXT;
}

/* --- the bytes --- */

/* Where the last complete event ends. */
static size_t events_end(struct text t)
{
    for (size_t i = t.len; i > 1; i--)
        if (t.ptr[i - 1] == '\n' && (t.ptr[i - 2] == '\n' || (i > 2 && t.ptr[i - 2] == '\r' && t.ptr[i - 3] == '\n')))
            return i;
    return 0;
}

static void give_renewed(struct join *j, struct text bytes)
{
    struct attempt *a = j->attempt;
    struct request *req = a->req;
    struct arena *scratch = &req->worker->scratch;
    struct buf out;
    if (j->named < NAMED_LOOKS) { /* a comment, or an event without an id, may come first */
        const struct cache_entry entry = { .events = j->events, .bytes = bytes };
        struct entry_names names = entry_names_of(scratch, &entry);
        j->names.id = arena_text(&req->arena, names.id);
        j->names.created = arena_text(&req->arena, names.created);
        j->named = names.id.len > 0 ? NAMED_LOOKS : j->named + 1;
        arena_reset(scratch);
    }
    buf_init(&out, 2 * bytes.len + CACHE_ANSWER_MOST);
    bool good = entry_rename(scratch, &j->names, bytes, text_of(req->id), clock_unix_ms() / 1000, &out);
    arena_reset(scratch);
    attempt_arrivals.on_body(a, good ? buf_view(&out) : bytes);
    buf_free(&out);
}

/* `last`: nothing follows. */
static void give(struct join *j, struct text bytes, bool last)
{
    if (!j->renews) {
        if (bytes.len > 0)
            attempt_arrivals.on_body(j->attempt, bytes);
        return;
    }
    buf_text(&j->held, bytes);
    struct text all = buf_view(&j->held);
    size_t len = last ? all.len : j->events ? events_end(all) : 0;
    if (len == 0)
        return;
    size_t rest = all.len;
    char *memory = buf_take(&j->held, &rest); /* a step of the way may leave, and free, while it is lent */
    buf_text(&j->held, (struct text){ memory + len, all.len - len });
    give_renewed(j, (struct text){ memory, len });
    large_free_any(memory);
}

static bool may_feed(const struct join *j)
{
    return j->seat.flight != NULL && !j->leaves && !attempt_is_over(j->attempt) && !j->attempt->req->paused;
}

static void feed(struct join *j)
{
    struct attempt *a = j->attempt;
    struct text bytes;
    bool over = false, good = false;
    size_t fed = 0;
    if (j->feeds)
        return;
    j->feeds = true;
    while (fed < TURN_MOST && may_feed(j) && flights_take(&j->seat, &bytes, &over, &good)) {
        fed += bytes.len;
        give(j, bytes, false);
    }
    if (over && may_feed(j))
        give(j, TEXT(""), true);
    if (over && may_feed(j)) {
        rise(j);
        bool whole = good && !j->held.failed;
        attempt_arrivals.on_done(a, whole ? TRANSFER_OK : TRANSFER_CUT, whole ? NULL : "the answer that it shared");
    } else if (fed >= TURN_MOST && may_feed(j)) {
        loop_timer_set(&a->req->worker->loop, &j->more, clock_ns());
    }
    j->feeds = false;
    if (j->leaves)
        rise(j);
}

void join_read(struct attempt *a)
{
    struct join *j = join_of(a);
    struct flights_head head;
    int64_t now = clock_ns();
    BUG_IF(flights_state(&j->seat, &head) != FLIGHTS_OPEN);
    a->slow.state = SLOW_OVER;
    deadline_begin(a, now);
    a->send.total_ns += now - a->started_ns; /* on_time() counts from there */
    a->send.content_ns = 0;
    loop_timer_set(&a->req->worker->loop, &j->timer, a->started_ns + a->send.total_ns);
    j->state = JOIN_READS;
    j->events = text_starts_nocase(head.content_type, TEXT("text/event-stream"));
    j->renews = a->mode == MODE_RELAY;
    const struct transfer_header type = { TEXT("content-type"), arena_text(&a->req->arena, head.content_type) };
    attempt_arrivals.on_head(a, 200, &type, 1);
    feed(j);
}

void join_resume(struct attempt *a)
{
    struct join *j = join_of(a);
    if (j != NULL && j->state == JOIN_READS)
        feed(j);
}
