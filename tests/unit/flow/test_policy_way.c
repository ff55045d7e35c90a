/* test_policy_way.c - requests that pass a policy: what its hooks see, wait for and decide, from the first row to the last. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "fake_transfer.h"
#include "fixture.h"
#include "flow/policy.h"
#include "flow/way.h"

#define BODY "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define STREAM "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"

static const char *const first[] = { "text:one", "finish", "usage", "end", NULL };
static const char *const second[] = { "text:two", "finish", "usage", "end", NULL };
static const char *const fails[] = { "fail", NULL };

static bool said(const struct fixture *f, const char *needle)
{
    return text_find(buf_view(&f->body), text_of(needle)) >= 0;
}

/* Sends a request past the policy, to two targets. */
static struct request *send_past(struct fixture *f, const char *policy, const char *const *one, const char *body)
{
    fixture_open(f, (const char *const *const[]){ one, second }, 2);
    fixture_policy(f, policy, NULL, 0);
    struct request *req = fixture_send(f, body);
    cr_assert(f->answered || f->ended);
    return req;
}

static void over(struct fixture *f, struct request *req)
{
    request_end(req);
    fixture_close(f);
}

Test(policy_way, on_route_orders_the_targets)
{
    static const struct {
        const char *policy;
        const char *const *one;
        const char *answer;
    } rows[] = {
        { "return { on_route = function(req, targets) end }", first, "one" },
        { "return { on_route = function(req, targets) return { targets[2], targets[1] } end }", first, "two" },
        { "return { on_route = function(req, targets) return { targets[2] } end }", first, "two" },
        { "return { on_route = function(req, targets) gw.test_wait(5) return { targets[2] } end }", first, "two" },
        { "return { on_route = function(req, targets) gw.test_wait(5) end }", first, "one" },
        { "return { on_route = function(req, targets) gw.test_wait(5) end }", fails, "two" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f;
        struct request *req = send_past(&f, rows[i].policy, rows[i].one, BODY);
        cr_assert_eq(f.status, 200, "%zu: %.*s", i, TEXT_ARG(buf_view(&f.body)));
        cr_assert(said(&f, rows[i].answer), "%zu: %.*s", i, TEXT_ARG(buf_view(&f.body)));
        over(&f, req);
    }
}

Test(policy_way, on_route_refuses)
{
    static const char *const policies[] = {
        "return { on_route = function(req, targets) return gw.deny(403, 'region', 'nobody may answer') end }",
        "return { on_route = function(req, targets) gw.test_wait(5) return gw.deny(403, 'region', 'nobody may answer') end }",
        "return { on_route = function(req, targets)\n"
        "  if req.attempt > 1 and req.last_error then return gw.deny(403, 'region', 'nobody may answer') end end }",
    };
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        struct fixture f;
        struct request *req = send_past(&f, policies[i], i < 2 ? first : fails, BODY);
        cr_assert_eq(f.status, 403, "%zu: %.*s", i, TEXT_ARG(buf_view(&f.body)));
        cr_assert(said(&f, "\"region\"") && said(&f, "nobody may answer"));
        over(&f, req);
    }
}

Test(policy_way, on_request_routes_answers_and_waits)
{
    static const struct {
        const char *policy;
        int status;
        const char *answer;
    } rows[] = {
        { "return { on_request = function(req) return gw.route('p1/x', 'why') end }", 200, "two" },
        { "return { on_request = function(req) gw.test_wait(5) return gw.route('p1/x', 'why') end }", 200, "two" },
        { "return { on_request = function(req) return gw.answer('from the rule') end }", 200, "from the rule" },
        { "return { on_request = function(req) return gw.deny(429, 'slow_down', 'later', { retry_after_s = 3 }) end }",
          429, "later" },
        { "return { on_request = function(req) error('broken') end }", 500, "could not decide" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int streams = 0; streams < 2; streams++) {
            struct fixture f;
            struct request *req = send_past(&f, rows[i].policy, first, streams ? STREAM : BODY);
            cr_assert_eq(f.status, rows[i].status, "%zu: %.*s", i, TEXT_ARG(buf_view(&f.body)));
            cr_assert(said(&f, rows[i].answer), "%zu: %.*s", i, TEXT_ARG(buf_view(&f.body)));
            if (rows[i].status == 200 && streams)
                cr_assert(text_starts(buf_view(&f.head), TEXT("Content-Type: text/event-stream; charset=utf-8\n")),
                          "%.*s", TEXT_ARG(buf_view(&f.head)));
            over(&f, req);
        }
    }
}

Test(policy_way, on_response_sees_the_answer_and_replaces_it)
{
    static const struct {
        const char *policy, *answer;
    } rows[] = {
        { "return { on_response = function(req, resp) if resp.text ~= 'one' then error('text ' .. resp.text) end end }",
          "one" },
        { "return { on_response = function(req, resp) if resp.finish ~= 'stop' then error('finish ' .. resp.finish) end end }",
          "one" },
        { "return { on_response = function(req, resp) if resp.target ~= 'p0/x' then error(resp.target) end end }",
          "one" },
        { "return { on_response = function(req, resp) gw.test_wait(5) return gw.answer('instead') end }", "instead" },
        { "return { on_response = function(req, resp) return gw.answer('instead') end }", "instead" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int streams = 0; streams < 2; streams++) {
            struct fixture f;
            struct request *req = send_past(&f, rows[i].policy, first, streams ? STREAM : BODY);
            cr_assert_eq(f.status, 200, "%zu: %.*s", i, TEXT_ARG(buf_view(&f.body)));
            cr_assert(said(&f, rows[i].answer), "%zu: %.*s", i, TEXT_ARG(buf_view(&f.body)));
            over(&f, req);
        }
    }
}

/* What reason a provider reports is its own: one that no API has does no harm. */
Test(policy_way, on_response_sees_an_answer_with_any_finish)
{
    static const char *const openai[] = { "openai" };
    static const char *const rows[][2] = {
        { "\"stop\"", "stop" }, { "\"length\"", "length" }, { "\"odd\"", "stop" }, { "null", "" }
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[300], policy[200];
        struct fixture f;
        fixture_open_upstream(&f, openai, 1);
        snprintf(policy, sizeof policy,
                 "return { on_response = function(req, resp) return gw.answer('finish ' .. resp.finish) end }");
        fixture_policy(&f, policy, NULL, 0);
        struct request *req = fixture_begin(&f, BODY);
        snprintf(
            body, sizeof body,
            "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"x\"},\"finish_reason\":%s}]}",
            rows[i][0]);
        fake_answer(200, "application/json", text_of(body), 1000);
        fixture_settle(&f);
        cr_assert(f.answered);
        cr_assert_eq(f.status, 200, "%zu: %.*s", i, TEXT_ARG(buf_view(&f.body)));
        cr_assert(said(&f, "finish "), "%zu: %.*s", i, TEXT_ARG(buf_view(&f.body)));
        over(&f, req);
    }
}

Test(policy_way, hides_a_request_that_it_may_change)
{
    static const char *const rows[][2] = {
        { "return { on_request = function(req) end }", "hides" },
        { "return { on_route = function(req, targets) end }", "hides" },
        { "return { on_finish = function(req, done) end }", "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f;
        struct request *req = send_past(&f, rows[i][0], first, BODY);
        cr_assert_eq(policy_hides(req), rows[i][1][0] != '\0', "%zu", i);
        over(&f, req);
    }
}

/* ---- gw.http ---- */

Test(policy_way, asks_a_place)
{
    static struct config_place place = { .name = "db", .url = { "http://db.test", 14 } };
    for (int late = 0; late < 2; late++) {
        struct fixture f;
        fixture_open(&f, (const char *const *const[]){ first }, 1);
        fixture_policy(&f,
                       "return { on_request = function(req)\n local r, why = gw.http.get('db', { timeout_ms = 50 })\n"
                       " return gw.answer(r and 'it has ' .. r.text or 'nothing: ' .. why) end }",
                       &place, 1);
        struct request *req = fixture_begin(&f, BODY);
        cr_assert(fake_runs());
        cr_assert_not(f.answered);
        if (!late)
            fake_answer(200, "text/plain", TEXT("seven"), 100);
        while (!f.answered && !f.timed_out)
            fixture_run(&f);
        cr_assert_not(fake_runs());
        cr_assert(said(&f, late ? "nothing: timeout" : "it has seven"), "%.*s", TEXT_ARG(buf_view(&f.body)));
        over(&f, req);
    }
}

/* ---- gw.llm: a request of its own, behind a door of its own ---- */

#define ASKS                                                                                                           \
    "return { on_request = function(req)\n  local text, why = gw.llm.ask('p1/x', 'what?')\n"                           \
    "  return gw.answer(text and 'it was ' .. text or 'nothing: ' .. why)\nend }"

Test(policy_way, asks_a_model)
{
    static struct text llms[] = { { "p1/x", 4 } };
    for (int off = 0; off < 2; off++) {
        struct fixture f;
        fixture_open(&f, (const char *const *const[]){ first, off ? fails : second }, 2);
        fixture_policy(&f, ASKS, NULL, 0);
        f.config->policies->llms = llms;
        f.config->policies->llm_count = 1;
        struct request *req = fixture_send(&f, BODY);
        cr_assert_eq(f.status, 200, "%.*s", TEXT_ARG(buf_view(&f.body)));
        cr_assert(said(&f, off ? "nothing: status 500" : "it was two"), "%.*s", TEXT_ARG(buf_view(&f.body)));
        const char *line = fixture_line(&f);

        cr_assert_not_null(strstr(line, "policy=p"), "the question's own line, with its tag: %s", line);
        over(&f, req);
    }
}

Test(policy_way, calls_off_what_it_asks)
{
    static struct text llms[] = { { "p1/x", 4 } };
    static const char *const slow[] = { "wait:100000", "end", NULL };
    struct fixture f;
    fixture_open(&f, (const char *const *const[]){ first, slow }, 2);
    fixture_policy(&f, ASKS, NULL, 0);
    f.config->policies->llms = llms;
    f.config->policies->llm_count = 1;
    struct request *req = fixture_begin(&f, BODY);
    fixture_settle(&f);
    fixture_settle(&f);
    cr_assert_eq(f.worker.requests, 2u);
    request_client_gone(req);
    fixture_settle(&f);
    over(&f, req);
}
