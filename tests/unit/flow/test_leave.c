/* test_leave.c - a client that leaves: what the request ends with, and when the rest of its answer is read for nobody. */
#include <stdio.h>

#include "check.h"
#include "fake_transfer.h"
#include "fixture.h"
#include "flow/drain.h"
#include "flow/way.h"
#include "flow/worst.h"

#define STREAM "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define WORD "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n"

static const char *const openai[] = { "openai" };

static bool counted(struct fixture *f, const char *event)
{
    char line[80];
    struct buf text = fixture_metrics(f);
    snprintf(line, sizeof line, "gw_events_total{event=\"%s\"} 1\n", event);
    bool found = text_find(buf_view(&text), text_of(line)) >= 0;
    buf_free(&text);
    return found;
}

static void badly_framed(struct request *req)
{
    request_body_refused(req, 431);
}

Test(leave, ends_with_what_the_front_found)
{
    static const struct {
        void (*leave)(struct request *req);
        int status;
        const char *event, *code, *text;
    } rows[] = {
        { request_client_gone, 499, "client_gone", "client_gone", "" },
        { request_client_stuck, 499, "client_stuck", "client_stuck", "" },
        { badly_framed, 431, "bad_body", "bad_request",
          "the body is not framed as HTTP/1.1 has it: the size of a chunk, its extension or its end" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f;
        fixture_open_upstream(&f, openai, 1);
        struct request *req = fixture_head(&f, 10);
        cr_assert_not(req->gone);
        rows[i].leave(req);
        fixture_settle(&f);
        cr_assert(req->gone && req->finished, "%zu", i);
        cr_assert_eq(req->fail.kind, FAIL_CLIENT, "%zu", i);
        cr_assert_eq(req->fail.status, rows[i].status, "%zu: %d", i, req->fail.status);
        cr_assert_str_eq(req->fail.code, rows[i].code);
        cr_assert_str_eq(req->fail.text, rows[i].text);
        cr_assert(counted(&f, rows[i].event), "%s", rows[i].event);
        rows[i == 0].leave(req);
        cr_assert_str_eq(req->fail.code, rows[i].code, "it leaves once");
        cr_assert_not(f.answered || f.begun);
        request_end(req);
        fixture_close(&f);
    }
}

Test(leave, ends_the_attempt_that_runs)
{
    static const int64_t ended[] = { 0, 7 };
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        fixture_open_upstream(&f, openai, 1);
        struct request *req = fixture_begin(&f, STREAM);
        struct attempt *a = req->attempt;
        fake_head(200, "text/event-stream");
        fake_body(TEXT(WORD));
        a->ended_ns = ended[i];
        request_client_gone(req);
        fixture_settle(&f);
        cr_assert_not(fake_runs());
        cr_assert_eq(a->outcome, OUTCOME_CANCELLED);
        if (ended[i] == 0)
            cr_assert_geq(a->ended_ns, a->started_ns);
        else
            cr_assert_eq(a->ended_ns, ended[i], "when it ended is known");
        request_end(req);
        fixture_close(&f);
    }
}

/* What is asked for, one condition at a time. */
struct wish {
    bool stays, unbound, lax, no_transfer, unsent, failed, reported, partial, draining, drains;
    unsigned others;
    bool wanted;
};

static bool wants(struct fixture *f, struct request *req, const struct wish *wish)
{
    static int drain;
    struct worst worst = { .strict = !wish->lax };
    struct attempt a = *req->attempt;
    a.worst = wish->unbound ? NULL : &worst;
    a.transfer = wish->no_transfer ? NULL : a.transfer;
    a.state = wish->failed ? ATTEMPT_FAILED : a.state;
    a.drains = wish->drains ? (struct drain *)(void *)&drain : NULL;
    fake_unsent(wish->unsent);
    req->usage.source = wish->reported ? USAGE_REPORTED : USAGE_NONE;
    req->usage.partial = wish->partial;
    req->gone = !wish->stays;
    atomic_store(&f->gateway.drains, wish->others);
    atomic_store(&f->gateway.draining, wish->draining);
    bool wanted = drain_wants(&a);
    req->gone = false;
    req->usage = (struct usage){ .source = USAGE_NONE };
    atomic_store(&f->gateway.drains, 0);
    atomic_store(&f->gateway.draining, false);
    return wanted;
}

Test(leave, the_rest_is_read_where_a_strict_budget_wants_its_usage)
{
    static const struct wish rows[] = {
        { .wanted = true },
        { .stays = true },
        { .unbound = true },
        { .lax = true },
        { .no_transfer = true },
        { .unsent = true },
        { .failed = true },
        { .reported = true },
        { .reported = true, .partial = true, .wanted = true },
        { .partial = true, .wanted = true },
        { .draining = true },
        { .others = 63, .wanted = true },
        { .others = 64 },
        { .others = 65 },
        { .others = 64, .drains = true, .wanted = true }, /* it is one of them */
    };
    struct fixture f;
    fixture_open_upstream(&f, openai, 1);
    struct request *req = fixture_begin(&f, STREAM);
    cr_assert_not_null(req->attempt->transfer);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(wants(&f, req, &rows[i]), rows[i].wanted, "%zu", i);
    request_client_gone(req);
    request_end(req);
    fixture_close(&f);
}

Test(leave, the_rest_is_read_for_nobody)
{
    static struct worst worst = { .strict = true, .bound = { .choices = 1 } };
    struct fixture f;
    fixture_open_upstream(&f, openai, 1);
    struct request *req = fixture_begin(&f, STREAM);
    fake_head(200, "text/event-stream");
    fake_body(TEXT(WORD));
    cr_assert(f.begun);
    size_t written = f.body.len;
    req->attempt->worst = &worst;
    request_client_gone(req);
    cr_assert(fake_runs(), "its usage comes at the end");
    cr_assert_eq(atomic_load(&f.gateway.drains), 1u);
    cr_assert_not(req->finished);
    fake_body(TEXT(WORD WORD));
    cr_assert_eq(f.body.len, written, "the client has left");
    fake_done(TRANSFER_OK);
    fixture_settle(&f);
    cr_assert(req->finished);
    cr_assert_eq(atomic_load(&f.gateway.drains), 0u);
    cr_assert_str_eq(req->fail.code, "client_gone");
    request_end(req);
    fixture_close(&f);
}

Test(leave, the_body_is_kept_until_it_is_sent)
{
    for (int sent = 0; sent < 2; sent++) {
        struct fixture f;
        fixture_open_upstream(&f, openai, 1);
        struct request *req = fixture_begin(&f, STREAM);
        fake_body_done(sent != 0);
        fake_head(200, "text/event-stream");
        fake_body(TEXT(WORD));
        cr_assert(f.begun);
        cr_assert_eq(req->body_held == 0, sent != 0, "%d", sent);
        cr_assert_eq(req->ask.body.len == 0, sent != 0, "%d", sent);
        cr_assert_eq(req->ask.scan.count == 0, sent != 0, "%d", sent);
        request_client_gone(req);
        request_end(req);
        fixture_close(&f);
    }
}
