/* test_policy_line.c - what policies did with a request, as its line of the access log and the ledger have it. */
#include <string.h>

#include "check.h"
#include "flow/policy.h"
#include "money/record.h"

static struct request req;
static struct script_request policy;
static struct config_policy one = { .name = "one" }, two = { .name = "two" };
static struct buf out;
static char text[4096];

static void begin(struct script_trace *traces)
{
    memset(&req, 0, sizeof req);
    memset(&policy, 0, sizeof policy);
    arena_init(&req.arena, NULL, 0, 1 << 20);
    policy.arena = &req.arena;
    policy.traces = traces;
    req.policy = &policy;
}

static void end(void)
{
    arena_fini(&req.arena);
}

/* The members that it adds to a line. */
static const char *line(void)
{
    struct json_writer w;
    buf_init(&out, sizeof text - 1);
    json_writer_init(&w, &out);
    json_object(&w);
    policy_line(&req, &w);
    json_close(&w);
    cr_assert_eq(json_end(&w), 0);
    struct text view = buf_view(&out);
    memcpy(text, view.ptr, view.len);
    text[view.len] = '\0';
    buf_free(&out);
    return text;
}

Test(policy_line, has_what_each_hook_did)
{
    struct script_note note = { .text = TEXT("a note") };
    struct script_call last = { .word = "llm", .what = "m", .took_ns = 7999999, .why = "timeout" },
                       first = { .next = &last, .word = "http", .what = "place", .took_ns = 3000000, .status = 204 };
    struct script_trace route = { .policy = &two, .hook = SCRIPT_ON_ROUTE, .attempt = 2, .cpu_ns = 999 },
                        request = { .next = &route,
                                    .policy = &one,
                                    .hook = SCRIPT_ON_REQUEST,
                                    .attempt = 9,
                                    .decision = "deny",
                                    .observed = true,
                                    .model = TEXT("m2"),
                                    .at = TEXT("x.lua:3"),
                                    .code = TEXT("c"),
                                    .reason = TEXT("why"),
                                    .edits = "cap",
                                    .notes = &note,
                                    .calls = &first,
                                    .cpu_ns = 5000,
                                    .wait_ns = 2999999 };
    begin(&request);
    policy.routed_by = "one";
    policy.asked_model = TEXT("asked");
    cr_assert_str_eq(
        line(),
        "{\"asked_model\":\"asked\",\"policies\":[{\"policy\":\"one\",\"hook\":\"on_request\",\"decision\":\"deny\",\"observed\":true,"
        "\"model\":\"m2\",\"at\":\"x.lua:3\",\"code\":\"c\",\"reason\":\"why\",\"edits\":\"cap\",\"cpu_us\":5,\"wait_ms\":2,"
        "\"calls\":[{\"word\":\"http\",\"what\":\"place\",\"ms\":3,\"status\":204},"
        "{\"word\":\"llm\",\"what\":\"m\",\"ms\":7,\"error\":\"timeout\"}],\"notes\":[\"a note\"]},"
        "{\"policy\":\"two\",\"hook\":\"on_route\",\"attempt\":2,\"cpu_us\":0}]}");
    end();
    begin(NULL);
    policy.asked_model = TEXT("asked");
    cr_assert_str_eq(line(), "{}", "no policy has routed it");
    end();
}

Test(policy_line, knows_whether_anything_was_decided)
{
    struct script_note note = { .text = TEXT("x") };
    struct script_trace last = { .policy = &two, .hook = SCRIPT_ON_ROUTE },
                        first = { .next = &last, .policy = &one, .hook = SCRIPT_ON_ROUTE };
    begin(&first);
    cr_assert_not(policy_has_decided(&req));
    last.notes = &note;
    cr_assert(policy_has_decided(&req));
    last.notes = NULL;
    last.decision = "order";
    cr_assert(policy_has_decided(&req));
    policy.traces = NULL;
    cr_assert_not(policy_has_decided(&req));
    req.policy = NULL;
    cr_assert_not(policy_has_decided(&req));
    end();
}

/* The ledger's record has room for so much: what does not fit is left out, calls first, then notes of those that decided nothing, then
 * all notes. */
Test(policy_line, leaves_out_what_a_record_has_no_room_for)
{
    static char long_text[RECORD_RAW_MOST];
    memset(long_text, 'x', sizeof long_text);
    struct script_note note = { .text = TEXT("small") }, large = { .text = { long_text, sizeof long_text } };
    struct script_call call = { .word = "http", .what = "place" };
    struct script_trace last = { .policy = &two, .hook = SCRIPT_ON_REQUEST }, first = {
        .next = &last, .policy = &one, .hook = SCRIPT_ON_REQUEST, .decision = "deny", .notes = &note, .calls = &call
    };
    begin(&first);
    struct text all = policy_record(&req);
    cr_assert(text_find(all, TEXT("\"calls\":")) > 0 && text_find(all, TEXT("\"two\"")) > 0, "%.*s", TEXT_ARG(all));
    call.why = long_text;
    long_text[sizeof long_text - 1] = '\0';
    struct text decided = policy_record(&req);
    cr_assert(text_is(decided, "[{\"policy\":\"one\",\"hook\":\"on_request\",\"decision\":\"deny\",\"cpu_us\":0,"
                               "\"notes\":[\"small\"]}]"),
              "%.*s", TEXT_ARG(decided));
    first.notes = &large;
    struct text bare = policy_record(&req);
    cr_assert(text_is(bare, "[{\"policy\":\"one\",\"hook\":\"on_request\",\"decision\":\"deny\",\"cpu_us\":0}]"),
              "%.*s", TEXT_ARG(bare));
    first.model = TEXT("m2");
    policy.asked_model = TEXT("m");
    bare = policy_record(&req);
    cr_assert(text_find(bare, TEXT("\"model\":\"m2\",\"asked_model\":\"m\"")) > 0, "%.*s", TEXT_ARG(bare));
    first.next = NULL;
    first.reason = (struct text){ long_text, sizeof long_text - 1 };
    cr_assert_null(policy_record(&req).ptr, "nothing of it fits");
    policy.traces = NULL;
    cr_assert_null(policy_record(&req).ptr);
    end();
}
