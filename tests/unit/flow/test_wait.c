/* test_wait.c - a request goes on when what it waits for comes, once, or when it is called off: on a way of the test's own. */
#include "check.h"
#include "fixture.h"
#include "flow/way.h"

/* What the rows of the test's way do. */
static struct {
    uint32_t id; /* of the last wait */
    unsigned first, second, cancelled;
    bool can_cancel;    /* what cancel() answers */
    bool ends_inside;   /* the first row ends its own wait before it returns WAIT */
    bool leaves_inside; /* the client leaves while the first row runs */
    bool fails;         /* the second row does */
} plan;

static bool cancel(struct request *req)
{
    (void)req;
    plan.cancelled++;
    return plan.can_cancel;
}

static const struct wait_kind kind = { .name = "test", .cancel = cancel };

static enum next first_row(struct request *req)
{
    plan.first++;
    plan.id = wait_begin(req, &kind);
    if (plan.ends_inside)
        wait_end(req, plan.id);
    if (plan.leaves_inside)
        request_client_gone(req);
    return WAIT;
}

static enum next second_row(struct request *req)
{
    plan.second++;
    plan.id = wait_begin(req, &kind);
    return WAIT;
}

static enum next last_row(struct request *req)
{
    (void)req;
    if (plan.fails)
        error_set(&req->fail, E_INTERNAL, "the test's");
    else
        buf_str(&req->body_out, "{}");
    return plan.fails ? FAIL : answer_own(req);
}

static const struct step rows[] = {
    { "first", first_row },   { "second", second_row },    { "last", last_row },
    { "settle", settle_run }, { "finish", answer_finish },
};
static const struct way test_way = { rows, sizeof rows / sizeof *rows };

static const char *const none[] = { "end", NULL };

/* A request that has just entered the test's way. */
static struct request *enter(struct fixture *f)
{
    fixture_open(f, (const char *const *const[]){ none }, 1);
    struct request *req = fixture_head(f, 5); /* it waits for its body: the first of the product's waits */
    cr_assert_str_eq(req->wait.kind->name, "body");
    uint32_t body = req->body_wait;
    req->way = &test_way;
    req->row = 0;
    wait_end(req, body);
    wait_end(req, body); /* twice: one row has run all the same */
    cr_assert_eq(plan.first, 1u);
    return req;
}

static void leave(struct fixture *f, struct request *req)
{
    request_end(req);
    fixture_close(f);
}

Test(wait, goes_on_once_whatever_comes_late_or_twice)
{
    struct fixture f;
    plan = (__typeof__(plan)){ .can_cancel = true };
    struct request *req = enter(&f);
    uint32_t first = plan.id;
    wait_end(req, 0);
    wait_end(req, first + 1);
    cr_assert_eq(plan.second, 0u);
    wait_end(req, first);
    cr_assert_eq(plan.second, 1u);
    cr_assert_neq(plan.id, first);
    wait_end(req, first); /* late: the request waits for another thing */
    cr_assert_eq(plan.second, 1u);
    cr_assert_not(f.answered);
    wait_end(req, plan.id);
    cr_assert(f.answered);
    cr_assert_eq(f.status, 200);
    wait_end(req, plan.id); /* it has ended */
    wait_end(req, first);
    cr_assert_eq(plan.cancelled, 0u);
    leave(&f, req);
}

Test(wait, ends_while_its_step_still_runs)
{
    struct fixture f;
    plan = (__typeof__(plan)){ .ends_inside = true };
    struct request *req = enter(&f);
    cr_assert_eq(plan.second, 1u);
    wait_end(req, plan.id);
    cr_assert(f.answered);
    leave(&f, req);
}

Test(wait, is_called_off_at_every_point)
{
    for (unsigned point = 0; point < 2; point++) { /* in the first wait, in the second */
        struct fixture f;
        plan = (__typeof__(plan)){ .can_cancel = true };
        struct request *req = enter(&f);
        uint32_t first = plan.id;
        if (point == 1)
            wait_end(req, first);
        request_client_gone(req);
        cr_assert_eq(plan.cancelled, 1u);
        cr_assert(req->finished);
        cr_assert_eq(req->fail.status, 499);
        cr_assert_eq(plan.second, point);
        wait_end(req, first); /* what was called off comes all the same */
        wait_end(req, plan.id);
        request_client_gone(req);
        cr_assert_eq(plan.cancelled, 1u);
        cr_assert_not(f.answered);
        leave(&f, req);
    }
}

Test(wait, is_called_off_while_its_step_still_runs)
{
    for (unsigned ends = 0; ends < 2; ends++) {
        struct fixture f;
        plan = (__typeof__(plan)){ .can_cancel = true, .leaves_inside = true, .ends_inside = ends == 1 };
        struct request *req = enter(&f);
        cr_assert(req->finished);
        cr_assert_eq(plan.cancelled, ends == 1 ? 0u : 1u);
        cr_assert_eq(plan.second, 0u);
        leave(&f, req);
    }
}

Test(wait, for_what_cannot_be_called_off_keeps_the_request)
{
    for (unsigned inside = 0; inside < 2; inside++) {
        struct fixture f;
        plan = (__typeof__(plan)){ .leaves_inside = inside == 1 };
        struct request *req = enter(&f);
        if (inside == 0)
            request_client_gone(req);
        cr_assert_eq(plan.cancelled, 1u);
        cr_assert_not(req->finished);
        request_end(req); /* the front has forgotten it */
        fixture_settle(&f);
        cr_assert_eq(f.worker.requests, 1u);
        wait_end(req, plan.id);
        cr_assert(req->finished);
        cr_assert_eq(plan.second, 0u);
        cr_assert_eq(req->fail.status, 499);
        fixture_settle(&f);
        cr_assert_eq(f.worker.requests, 0u);
        fixture_close(&f);
    }
}

Test(wait, goes_on_to_a_row_that_fails)
{
    struct fixture f;
    plan = (__typeof__(plan)){ .fails = true };
    struct request *req = enter(&f);
    wait_end(req, plan.id);
    wait_end(req, plan.id);
    cr_assert_eq(f.status, 500);
    leave(&f, req);
}
