/* test_rows.c - a wait, a hold and the answer of a cache as rows of a way: at each of them the client may leave at every point,
 * and an answer that comes late or twice does nothing. The rows are as those of the product are to be: one asks, the next
 * one takes the answer. */
#include "check.h"
#include "fixture.h"
#include "flow/way.h"

enum thing { BACK_OFF, HOLD, CACHE, THINGS };

/* When a test does something to the request. */
enum point {
    IN_THE_STEP, /* that asks, after it has asked */
    WAITING,
    IN_THE_NEXT, /* the answer has come: in the step that takes it */
    AFTER,       /* that step has run: the next thing is waited for, or the request is over */
    POINTS,
};

/* A timer, money that is set aside, a session of a cache: each works for the request from its row on. */
static struct {
    uint32_t id; /* of the wait for it */
    unsigned asked, taken, cancelled;
    bool works; /* its answer will come */
    bool stays; /* it cannot be called off */
} things[THINGS];

static unsigned held; /* money that nobody has given back */

static struct {
    enum thing thing;
    enum point point;
    void (*act)(struct request *req, enum thing thing);
} plan;

static void reach(struct request *req, enum thing thing, enum point point)
{
    if (plan.thing == thing && plan.point == point && plan.act != NULL)
        plan.act(req, thing);
}

static bool call_off(enum thing thing)
{
    things[thing].cancelled++;
    things[thing].works = things[thing].works && things[thing].stays;
    return !things[thing].stays;
}

static bool cancel_back_off(struct request *req)
{
    (void)req;
    return call_off(BACK_OFF);
}

static bool cancel_hold(struct request *req)
{
    (void)req;
    return call_off(HOLD);
}

static bool cancel_cache(struct request *req)
{
    (void)req;
    return call_off(CACHE);
}

static const struct wait_kind kinds[THINGS] = {
    [BACK_OFF] = { .name = "back-off", .cancel = cancel_back_off },
    [HOLD] = { .name = "hold", .cancel = cancel_hold },
    [CACHE] = { .name = "cache", .cancel = cancel_cache },
};

static enum next ask(struct request *req, enum thing thing)
{
    things[thing].id = wait_begin(req, &kinds[thing]);
    things[thing].asked++;
    things[thing].works = true;
    reach(req, thing, IN_THE_STEP);
    return WAIT;
}

static enum next take(struct request *req, enum thing thing)
{
    things[thing].taken++;
    reach(req, thing, IN_THE_NEXT);
    return NEXT;
}

static enum next back_off(struct request *req)
{
    return ask(req, BACK_OFF);
}

static enum next back_off_over(struct request *req)
{
    return take(req, BACK_OFF);
}

static enum next hold_ask(struct request *req)
{
    held++;
    return ask(req, HOLD);
}

static enum next hold_granted(struct request *req)
{
    return take(req, HOLD);
}

static enum next cache_ask(struct request *req)
{
    return ask(req, CACHE);
}

static enum next cache_answered(struct request *req)
{
    take(req, CACHE);
    buf_str(&req->body_out, "{}");
    return answer_own(req);
}

/* However the request ends. */
static enum next give_back(struct request *req)
{
    (void)req;
    held -= things[HOLD].asked;
    return NEXT;
}

static const struct step rows[] = {
    { "back-off", back_off },         { "back-off.over", back_off_over }, { "hold.ask", hold_ask },
    { "hold.granted", hold_granted }, { "cache.ask", cache_ask },         { "cache.answered", cache_answered },
    { "settle", settle_run },         { "give back", give_back },         { "finish", answer_finish },
};
static const struct way test_way = { rows, sizeof rows / sizeof *rows };

static void answer(struct request *req, enum thing thing)
{
    things[thing].works = false;
    wait_end(req, things[thing].id);
}

/* The answers that are over, and those that never were: none of them moves the request. */
static void answer_again(struct request *req, enum thing thing)
{
    unsigned row = req->row;
    const struct wait_kind *kind = req->wait.kind;
    for (unsigned id = 0; id < 8; id++)
        if (id != req->wait.id || kind == NULL)
            wait_end(req, id);
    if (kind != &kinds[thing])
        wait_end(req, things[thing].id);
    cr_assert_eq(req->row, row);
    cr_assert_eq(req->wait.kind, kind);
}

static void leave(struct request *req, enum thing thing)
{
    (void)thing;
    request_client_gone(req);
    request_client_gone(req);
    bool works = things[BACK_OFF].works || things[HOLD].works || things[CACHE].works;
    cr_assert(req->running || req->finished == !works); /* what cannot be called off keeps it */
}

/* The answer comes before the step that asked for it has returned. */
static void answer_at_once(struct request *req, enum thing thing)
{
    answer(req, thing);
    wait_end(req, things[thing].id);
}

static void leave_and_answer(struct request *req, enum thing thing)
{
    leave(req, thing);
    if (things[thing].works)
        answer(req, thing);
    wait_end(req, things[thing].id);
}

static void answer_and_leave(struct request *req, enum thing thing)
{
    if (things[thing].works)
        answer(req, thing);
    leave(req, thing);
}

/* Runs the way to its end, with what the plan does on it. */
static void run(bool stays)
{
    static const char *const none[] = { "end", NULL };
    struct fixture f;
    for (unsigned i = 0; i < THINGS; i++)
        things[i] = (__typeof__(*things)){ .stays = stays };
    held = 0;
    fixture_open(&f, (const char *const *const[]){ none }, 1);
    struct request *req = fixture_head(&f, 5);
    uint32_t body = req->body_wait;
    req->way = &test_way;
    req->row = 0;
    wait_end(req, body);
    for (enum thing thing = BACK_OFF; thing < THINGS; thing++) {
        if (things[thing].works)
            reach(req, thing, WAITING);
        if (things[thing].works)
            answer(req, thing);
        if (things[thing].asked > 0)
            reach(req, thing, AFTER);
    }
    cr_assert(req->finished, "thing %d, point %d", plan.thing, plan.point);
    for (unsigned i = 0; i < THINGS; i++) {
        cr_assert_leq(things[i].asked, 1u);
        cr_assert_leq(things[i].taken, things[i].asked);
        cr_assert_leq(things[i].cancelled, things[i].asked, "thing %d is called off twice", (int)i);
        cr_assert_not(things[i].works);
    }
    cr_assert_eq(held, 0u);
    bool left = req->client == NULL && !f.answered;
    cr_assert_eq(f.answered, !left);
    if (f.answered)
        cr_assert_eq(f.status, 200);
    else
        cr_assert_eq(req->fail.status, 499);
    request_end(req);
    fixture_settle(&f);
    cr_assert_eq(f.worker.requests, 0u);
    fixture_close(&f);
}

/* `act` at every point of every row, with things that can be called off and with such that cannot. */
static void everywhere(void (*act)(struct request *, enum thing), enum point from, enum point to)
{
    for (unsigned stays = 0; stays < 2; stays++)
        for (enum thing thing = BACK_OFF; thing < THINGS; thing++)
            for (enum point point = from; point <= to; point++) {
                plan = (__typeof__(plan)){ thing, point, act };
                run(stays == 1);
                if (act == leave &&
                    point <= WAITING) /* what came after is never asked, and its own row takes nothing */
                    cr_assert_eq(things[thing].cancelled, 1u, "thing %d, point %d", thing, point);
                if (act == leave && point <= IN_THE_NEXT)
                    cr_assert(thing == CACHE || things[thing + 1].asked == 0, "thing %d, point %d", thing, point);
                if (act == leave || act == leave_and_answer || act == answer_and_leave)
                    cr_assert(point >= IN_THE_NEXT || things[thing].taken <= (act == answer_and_leave),
                              "thing %d, point %d", thing, point);
                if (act == answer_again || act == answer_at_once)
                    cr_assert(things[BACK_OFF].taken + things[HOLD].taken + things[CACHE].taken == THINGS &&
                              things[thing].cancelled == 0);
            }
}

Test(rows, are_called_off_at_every_point)
{
    everywhere(leave, IN_THE_STEP, AFTER);
}

Test(rows, ignore_answers_that_are_late_or_of_nobody)
{
    everywhere(answer_again, IN_THE_STEP, AFTER);
}

Test(rows, take_an_answer_once_however_early_it_comes)
{
    everywhere(answer_at_once, IN_THE_STEP, WAITING);
}

Test(rows, take_no_answer_of_what_was_called_off)
{
    everywhere(leave_and_answer, IN_THE_STEP, AFTER);
}

Test(rows, may_be_left_as_the_answer_comes)
{
    everywhere(answer_and_leave, IN_THE_STEP, AFTER);
}
