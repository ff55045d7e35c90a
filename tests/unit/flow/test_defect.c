/* test_defect.c - what a plugin does wrong: the error of the client, the outcome, and whose doing it is. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "flow/guard.h"
#include "flow/way.h"

static struct request req;
static struct attempt attempt;
static struct route_target target;
static struct config_provider provider;
static struct plugin plugin;

static void begin(enum request_reply reply)
{
    memset(&req, 0, sizeof req);
    memset(&attempt, 0, sizeof attempt);
    arena_init(&req.arena, NULL, 0, 1 << 20);
    plugin.name = "mine";
    provider = (struct config_provider){ .name = TEXT("p"), .plugin = &plugin };
    target = (struct route_target){ .provider = &provider, .model = TEXT("m") };
    req.face = &face_chat;
    req.reply = reply;
    attempt.req = &req;
    attempt.target = &target;
    attempt.call.keep = &req.arena;
}

static void end(void)
{
    buf_free(&req.tail_bytes);
    arena_fini(&req.arena);
}

Test(defect, of_what_it_emits)
{
    static const struct {
        enum request_reply reply;
        const char *code;
        int status;
    } rows[] = { { REPLY_NONE, "internal_error", 500 },
                 { REPLY_BEGUN, "internal_error", 500 },
                 { REPLY_RELAYING, "stream_interrupted", 502 },
                 { REPLY_BROKEN, "stream_interrupted", 502 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].reply);
        defect_refused(&attempt, "nonsense");
        cr_assert(attempt_has_failed(&attempt));
        cr_assert_str_eq(attempt.error.text, "the provider \"p\" failed: the plugin \"mine\" emits nonsense");
        cr_assert_str_eq(attempt.error.code, rows[i].code);
        cr_assert_eq(attempt.error.status, rows[i].status);
        cr_assert_eq(attempt.error_status, 500);
        cr_assert_eq(attempt.error_fault, GW_FAULT_SERVER);
        cr_assert_eq(attempt.outcome, OUTCOME_PLUGIN_ERROR);
        cr_assert_str_eq(attempt.failure_text, "the plugin \"mine\" emits nonsense");
        cr_assert_str_eq(attempt.defect, "emits nonsense");
        defect_refused(&attempt, "more");
        cr_assert_str_eq(attempt.failure_text, "the plugin \"mine\" emits nonsense", "the first one counts");
        end();
    }
    begin(REPLY_NONE);
    defect_mended(&attempt, "oddly");
    defect_mended(&attempt, "again");
    cr_assert_str_eq(attempt.defect, "emits oddly");
    cr_assert_not(attempt_has_failed(&attempt));
    end();
}

Test(defect, of_a_function_that_fails)
{
    static const struct {
        const char *function;
        gw_status status;
        enum request_reply reply;
        const char *explain;
        bool starved;
        const char *code, *text, *why;
        enum outcome outcome;
        uint32_t fault;
    } rows[] = {
        { "build()", GW_E_PROTOCOL, REPLY_NONE, "odd", false, "internal_error",
          "the provider \"p\" could not build the request", "build() of the plugin \"mine\" failed (protocol): odd",
          OUTCOME_PLUGIN_ERROR, GW_FAULT_BY_STATUS },
        { "read()", GW_E_RETRY, REPLY_NONE, NULL, false, "internal_error",
          "the provider \"p\" could not go on with its answer",
          "read() of the plugin \"mine\" failed (retry): it does not explain why", OUTCOME_PLUGIN_ERROR,
          GW_FAULT_BY_STATUS },
        { "read()", GW_E_RETRY, REPLY_RELAYING, NULL, false, "stream_interrupted",
          "the provider \"p\" could not go on with its answer",
          "read() of the plugin \"mine\" failed (retry): it does not explain why", OUTCOME_PLUGIN_ERROR,
          GW_FAULT_BY_STATUS },
        { "build()", GW_E_REQUEST, REPLY_NONE, "n is wrong", false, "invalid_request", "n is wrong",
          "build() of the plugin \"mine\" failed (request): n is wrong", OUTCOME_REFUSED, GW_FAULT_REQUEST },
        { "build()", GW_E_REQUEST, REPLY_NONE, NULL, false, "invalid_request", "it gave no reason",
          "build() of the plugin \"mine\" failed (request): it does not explain why", OUTCOME_REFUSED,
          GW_FAULT_REQUEST },
        { "build()", GW_E_NOMEM, REPLY_NONE, "x", true, "server_is_overloaded",
          "memory for this request is missing: try again shortly; the operator may lower limits.bodies_mb, or raise limits.memory_mb or what the process may use",
          "build() of the plugin \"mine\" failed (nomem): x", OUTCOME_NO_MEMORY, GW_FAULT_BY_STATUS },
        { "build()", GW_E_NOMEM, REPLY_NONE, "x", false, "internal_error",
          "the provider \"p\" could not build the request", "build() of the plugin \"mine\" failed (nomem): x",
          OUTCOME_PLUGIN_ERROR, GW_FAULT_BY_STATUS },
        { "read()", GW_E_NOMEM, REPLY_RELAYING, "x", true, "stream_interrupted",
          "the provider \"p\" could not go on with its answer", "read() of the plugin \"mine\" failed (nomem): x",
          OUTCOME_PLUGIN_ERROR, GW_FAULT_BY_STATUS },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].reply);
        attempt.call.explain = text_of(rows[i].explain);
        attempt.call.starved = rows[i].starved;
        defect_status(&attempt, rows[i].function, rows[i].status);
        cr_assert(attempt_has_failed(&attempt));
        cr_assert_str_eq(attempt.error.code, rows[i].code);
        cr_assert_str_eq(attempt.error.text, rows[i].text);
        cr_assert_str_eq(attempt.failure_text, rows[i].why);
        cr_assert_eq(attempt.outcome, rows[i].outcome, "%zu", i);
        cr_assert_eq(attempt.error_fault, rows[i].fault, "%zu", i);
        end();
    }
}

Test(defect, of_an_answer_that_cannot_be_read)
{
    begin(REPLY_NONE);
    defect_unread(&attempt, GW_E_PROTOCOL);
    cr_assert_not(attempt_has_failed(&attempt));
    cr_assert_str_eq(attempt.failure_text, "read() of the plugin \"mine\" failed (protocol): it does not explain why");
    defect_unread(&attempt, GW_E_RETRY);
    cr_assert_str_eq(attempt.failure_text, "read() of the plugin \"mine\" failed (protocol): it does not explain why");
    defect_unread(&attempt, GW_E_REQUEST);
    cr_assert(attempt_has_failed(&attempt), "the client must act");
    cr_assert_eq(attempt.outcome, OUTCOME_REFUSED);
    defect_unread(&attempt, GW_E_RETRY);
    cr_assert_eq(attempt.outcome, OUTCOME_REFUSED);
    end();
}

/* A relayed stream that passes its limit ends in its client's own dialect. */
Test(guard, ends_a_relayed_stream_as_one_that_kept_its_limit)
{
    begin(REPLY_RELAYING);
    req.ask.model = TEXT("asked");
    req.admitted_ms = 1700000000999;
    snprintf(req.id, sizeof req.id, "id-1");
    attempt.mode = MODE_RELAY;
    attempt.finishes = 1;
    buf_init(&req.tail_bytes, 1 << 16);
    guard_end(&attempt, TEXT("{}"));
    cr_assert(text_is(attempt.finish, "length"));
    cr_assert_eq(attempt.finishes, 2u);
    cr_assert_eq(attempt.outcome, OUTCOME_GUARDED);
    cr_assert(attempt.saw_end_mark);
    cr_assert(
        text_is(buf_view(&req.tail_bytes),
                "data: {\"id\":\"chatcmpl-id-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":"
                "\"asked\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n"),
        "%.*s", TEXT_ARG(buf_view(&req.tail_bytes)));
    end();
    begin(REPLY_RELAYING);
    req.face = &face_embeddings;
    attempt.mode = MODE_RELAY;
    guard_end(&attempt, TEXT("{}"));
    cr_assert_eq(req.tail_bytes.len, 0u, "a dialect without streams");
    end();
}
