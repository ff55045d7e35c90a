/* test_failure.c - what a failed attempt means: status, code and words for the client, and whether another target may be tried. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "check.h"
#include "flow/way.h"

static struct request req;
static struct attempt attempt;
static struct route_target target;
static struct config_provider provider;

static void begin(void)
{
    memset(&req, 0, sizeof req);
    memset(&attempt, 0, sizeof attempt);
    memset(&provider, 0, sizeof provider);
    arena_init(&req.arena, NULL, 0, 1 << 20);
    buf_init(&req.body, 1 << 16);
    buf_init(&attempt.whole, 1 << 16);
    provider.name = TEXT("p");
    target = (struct route_target){ .provider = &provider, .model = TEXT("m") };
    attempt.req = &req;
    attempt.target = &target;
    attempt.retry_after_s = -1;
    attempt.should_retry = -1;
}

static void end(void)
{
    buf_free(&attempt.whole);
    buf_free(&req.body);
    arena_fini(&req.arena);
}

/* ---- a status that no event explains ---- */

Test(failure, means_what_its_status_means)
{
    static const struct {
        int status;
        bool elsewhere;
        int to_client;
        const char *code, *text;
        int should_retry;
    } rows[] = {
        { 400, false, 400, "invalid_request", "the provider \"p\" refused the request with status 400", 0 },
        { 401, true, 502, "upstream_auth",
          "the provider \"p\" refuses the gateway's own credential (status 401): the operator must check it", 0 },
        { 403, true, 502, "upstream_auth",
          "the provider \"p\" refuses the gateway's own credential (status 403): the operator must check it", 0 },
        { 404, true, 404, "invalid_request", "the provider \"p\" refused the request with status 404", 0 },
        { 408, true, 504, "upstream_timeout", "the provider \"p\" took too long (status 408)", 0 },
        { 413, true, 413, "invalid_request", "the provider \"p\" refused the request with status 413", 0 },
        { 422, false, 422, "invalid_request", "the provider \"p\" refused the request with status 422", 0 },
        { 429, true, 429, "upstream_rate_limited", "the provider \"p\" limits the gateway's rate", 1 },
        { 499, false, 499, "invalid_request", "the provider \"p\" refused the request with status 499", 0 },
        { 500, true, 502, "upstream_unavailable", "the provider \"p\" failed (status 500)", 1 },
        { 503, true, 503, "server_is_overloaded", "the provider \"p\" is overloaded (status 503)", 1 },
        { 504, true, 504, "upstream_timeout", "the provider \"p\" took too long (status 504)", 0 },
        { 508, true, 508, "loop_detected",
          "the provider \"p\" leads back to this gateway (status 508): the operator must correct its base_url", 0 },
        { 529, true, 529, "server_is_overloaded", "the provider \"p\" is overloaded (status 529)", 1 },
        { 599, true, 502, "upstream_unavailable", "the provider \"p\" failed (status 599)", 1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        attempt.status = rows[i].status;
        cr_assert_eq(failure_judge(&attempt), rows[i].elsewhere, "%d", rows[i].status);
        cr_assert(attempt_has_failed(&attempt));
        cr_assert_eq(attempt.error.status, rows[i].to_client, "%d", rows[i].status);
        cr_assert_str_eq(attempt.error.code, rows[i].code);
        cr_assert_str_eq(attempt.error.text, rows[i].text);
        cr_assert_eq(attempt.error.should_retry, rows[i].should_retry, "%d", rows[i].status);
        cr_assert_eq(attempt.outcome, OUTCOME_STATUS);
        cr_assert_eq(attempt.outcome_status, rows[i].status);
        end();
    }
}

Test(failure, lets_the_client_come_again_when_the_upstream_does)
{
    static const struct {
        int status, after, should_retry;
        int retry_after, retry;
    } rows[] = {
        { 429, 7, -1, 7, 1 },    { 429, 60, -1, 60, 1 }, { 429, 61, -1, 60, 1 }, { 429, 3600, 0, 3600, 0 },
        { 429, 0, -1, 0, 1 },    { 429, -1, -1, 0, 1 },  { 503, 9, -1, 9, 1 },   { 503, -1, -1, 2, 1 },
        { 503, 100, 0, 100, 0 }, { 500, 9, -1, 0, 1 },   { 500, 9, 0, 0, 0 },    { 408, 9, -1, 0, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        attempt.status = rows[i].status;
        attempt.retry_after_s = rows[i].after;
        attempt.should_retry = (int8_t)rows[i].should_retry;
        failure_judge(&attempt);
        cr_assert_eq(attempt.error.retry_after_s, rows[i].retry_after, "%zu: %d", i, attempt.error.retry_after_s);
        cr_assert_eq(attempt.error.should_retry, rows[i].retry, "%zu", i);
        end();
    }
}

/* ---- an error in the upstream's own words ---- */

static gw_event error_event(uint32_t status, uint32_t fault, const char *text)
{
    return (gw_event){ .size = sizeof(gw_event),
                       .type = GW_EVENT_ERROR,
                       .status = status,
                       .fault = fault,
                       .text = call_str(text_of(text)) };
}

Test(failure, passes_on_words_that_the_client_can_act_on)
{
    static const struct {
        int status; /* of the answer */
        uint32_t event, fault;
        const char *code;
        int to_client;
        const char *client_code, *text;
        bool elsewhere, is_status;
    } rows[] = {
        { 400, 400, GW_FAULT_BY_STATUS, "bad_thing", 400, "bad_thing", "words", false, true },
        { 400, 0, GW_FAULT_BY_STATUS, NULL, 400, "invalid_request", "words", false, true },
        { 400, 400, GW_FAULT_BY_STATUS, "", 400, "", "words", false, true },
        { 400, 400, GW_FAULT_CONTEXT, "string_above_max", 400, "context_length_exceeded", "words", false, true },
        { 400, 400, GW_FAULT_FILTER, "jailbreak", 400, "content_filter", "words", false, true },
        { 400, 400, GW_FAULT_FILTER, "content_policy_violation", 400, "content_policy_violation", "words", false,
          true },
        { 403, 403, GW_FAULT_REQUEST, "no", 403, "no",
          "the provider \"p\" does not let the gateway's account do this: words", true, true },
        { 404, 404, GW_FAULT_BY_STATUS, "no", 404, "no", "words", true, true },
        { 400, 400, GW_FAULT_QUOTA, "x", 429, "insufficient_quota",
          "the gateway's account with the provider \"p\" has no quota left: the operator must look after it", true,
          true },
        { 200, 0, GW_FAULT_BY_STATUS, "x", 502, "upstream_unavailable", "the provider \"p\" failed (status 502)", true,
          false },
        { 200, 529, GW_FAULT_BY_STATUS, "x", 529, "server_is_overloaded",
          "the provider \"p\" is overloaded (status 529)", true, false },
        { 200, 399, GW_FAULT_BY_STATUS, "x", 502, "upstream_unavailable", "the provider \"p\" failed (status 502)",
          true, false },
        { 200, 600, GW_FAULT_BY_STATUS, "x", 502, "upstream_unavailable", "the provider \"p\" failed (status 502)",
          true, false },
        { 500, 400, GW_FAULT_BY_STATUS, "x", 400, "x", "words", false, true },
        { 500, 0, GW_FAULT_REQUEST, "x", 400, "x", "words", false, true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gw_event event = error_event(rows[i].event, rows[i].fault, "words");
        begin();
        if (rows[i].code != NULL)
            event.code = call_str(text_of(rows[i].code));
        attempt.status = rows[i].status;
        failure_from_event(&attempt, &event);
        cr_assert_eq(attempt.error.status, rows[i].to_client, "%zu: %d", i, attempt.error.status);
        cr_assert_str_eq(attempt.error.code, rows[i].client_code);
        cr_assert(text_is(error_text(&attempt.error), rows[i].text), "%zu: %s", i, attempt.error.text);
        cr_assert_eq(attempt.outcome, rows[i].is_status ? OUTCOME_STATUS : OUTCOME_ERROR, "%zu", i);
        cr_assert_eq(attempt.error_from, rows[i].is_status ? ERROR_FROM_STATUS : ERROR_FROM_EVENT, "%zu", i);
        cr_assert_eq(attempt.outcome_status, attempt.error_status);
        cr_assert_eq(failure_judge(&attempt), rows[i].elsewhere, "%zu", i);
        cr_assert(text_is(attempt.said, "words"));
        cr_assert(text_is(attempt.said_code, rows[i].code != NULL ? rows[i].code : ""));
        end();
    }
}

Test(failure, keeps_the_first_error_and_what_is_beside_it)
{
    gw_event event = error_event(400, GW_FAULT_BY_STATUS, "first"),
             second = error_event(500, GW_FAULT_BY_STATUS, "second");
    begin();
    event.param = (gw_str)GW_LIT("messages.0");
    event.data = (gw_str)GW_LIT("{\"hint\":1}");
    failure_from_event(&attempt, &event);
    failure_from_event(&attempt, &second);
    cr_assert_eq(attempt.error.status, 400);
    cr_assert_str_eq(attempt.error.param, "messages.0");
    cr_assert_not_null(attempt.error.more);
    cr_assert_eq(json_int(json_member(attempt.error.more, "hint"), 0), 1);
    end();
    begin();
    event.data = (gw_str)GW_LIT("[1]");
    failure_from_event(&attempt, &event);
    cr_assert_null(attempt.error.more, "no object");
    end();
    static char large[(16 << 10) + 1];
    for (size_t len = sizeof large - 1; len <= sizeof large; len++) {
        memset(large, ' ', sizeof large);
        large[0] = '{';
        large[1] = '}';
        begin();
        event.data = (gw_str){ large, len };
        failure_from_event(&attempt, &event);
        cr_assert_eq(attempt.error.more != NULL, len < sizeof large, "%zu", len);
        end();
    }
    begin();
    attempt.mode = MODE_LOCAL;
    failure_from_event(&attempt, &second);
    cr_assert_eq(attempt.error_from, ERROR_FROM_STATUS, "of a provider that answers by itself");
    end();
}

/* ---- connections, redirects, nothing ---- */

Test(failure, of_a_connection_is_named)
{
    static const struct {
        enum transfer_failure failure;
        int status;
        const char *text;
    } rows[] = {
        { TRANSFER_CONNECT, 502, "the provider \"p\" could not be reached" },
        { TRANSFER_TIME_CONNECT, 502,
          "the provider \"p\" could not be reached (no connection within timeout.connect_s, 5 s: the operator can raise it)" },
        { TRANSFER_TIME_FIRST, 504,
          "the provider \"p\" did not answer in time (no token within timeout.first_token_s, 600 s: the operator can raise it)" },
        { TRANSFER_TIME_IDLE, 504,
          "the provider \"p\" did not answer in time (silent for longer than timeout.idle_s, 120 s: the operator can raise it)" },
        { TRANSFER_TIME_TOTAL, 504,
          "the provider \"p\" did not answer in time (not complete within timeout.total_s, 600 s: the operator can raise it)" },
        { TRANSFER_SILENT, 504, "the provider \"p\" did not answer in time (failed)" },
        { TRANSFER_SLOW, 504, "the provider \"p\" did not answer in time (failed)" },
        { TRANSFER_TOO_LARGE, 502, "the answer of the provider \"p\" is larger than limits.answer_mb allows" },
        { TRANSFER_RESET, 502, "the provider \"p\" broke off (failed)" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        req.timeouts.total_ns = 600 * CLOCK_S;
        attempt.failure = rows[i].failure;
        cr_assert(failure_judge(&attempt));
        cr_assert_eq(attempt.error.status, rows[i].status, "%zu", i);
        cr_assert_str_eq(attempt.error.text, rows[i].text, "%s", attempt.error.text);
        cr_assert_eq(attempt.outcome, OUTCOME_TRANSFER);
        end();
    }
}

Test(failure, follows_no_redirect)
{
    static struct transfer_header head[] = { { { "x", 1 }, { "y", 1 } },
                                             { { "Location", 8 }, { "https://other.example/v1?key=secret", 35 } } };
    for (int status = 299; status <= 400; status += 1) {
        begin();
        attempt.status = status;
        attempt.head = head;
        attempt.head_count = 2;
        bool elsewhere = failure_judge(&attempt);
        bool redirect = status >= 300 && status < 400;
        cr_assert_eq(elsewhere, status != 400);
        cr_assert_eq(strcmp(attempt.error.code, "upstream_redirect") == 0, redirect, "%d", status);
        cr_assert_eq(attempt.outcome, status == 299 ? OUTCOME_JUNK : OUTCOME_STATUS);
        cr_assert_eq(attempt.outcome_status, status == 299 ? 0 : status);
        if (redirect)
            cr_assert(text_is(attempt.said, "https://other.example/v1"), "without what it asks");
        if (status == 299)
            cr_assert_str_eq(attempt.error.text, "the provider \"p\" answered with nothing that is an answer");
        end();
    }
}

/* ---- the upstream's words in the log ---- */

Test(failure, keeps_its_words_for_the_log)
{
    static char words[600];
    begin();
    failure_said(&attempt, TEXT("  "), TEXT("c"));
    cr_assert_eq(attempt.said.len, 0u);
    memset(words, 'w', sizeof words);
    failure_said(&attempt, (struct text){ words, sizeof words }, (struct text){ words, sizeof words });
    cr_assert_eq(attempt.said.len, 500u);
    cr_assert_eq(attempt.said_code.len, 64u);
    failure_said(&attempt, TEXT("other"), TEXT("other"));
    cr_assert_eq(attempt.said.len, 500u, "the first ones count");
    end();
    begin();
    attempt.ask.secret = (gw_str)GW_LIT("secret-of-ours");
    buf_str(&req.body, "{\"content\":\"a prompt of the client\"}");
    failure_said(&attempt, TEXT(" key secret-of-ours for a prompt of the client! "), TEXT_NONE);
    cr_assert(text_is(attempt.said, "key *** for ***!"), "%.*s", TEXT_ARG(attempt.said));
    end();
    static const struct {
        int status;
        enum attempt_form form;
        const char *body, *event, *said;
    } rows[] = {
        { 502, FORM_WHOLE, " <html>bad gateway</html> ", NULL, "<html>bad gateway</html>" },
        { 502, FORM_FRAMES, "<html>bad gateway</html>", NULL, "" },
        { 502, FORM_WHOLE, "<html>bad gateway</html>", "no answer", "<html>bad gateway</html>" },
        { 502, FORM_WHOLE, " {\"error\":\"x\"}", "x", "x" },
        { 502, FORM_WHOLE, "{\"error\":\"x\"}", "", "{\"error\":\"x\"}" },
        { 200, FORM_WHOLE, "<html>", "no answer", "no answer" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        attempt.status = rows[i].status;
        attempt.form = rows[i].form;
        buf_str(&attempt.whole, rows[i].body);
        if (rows[i].event != NULL) {
            gw_event event = error_event(502, GW_FAULT_BY_STATUS, rows[i].event);
            failure_from_event(&attempt, &event);
        } else {
            failure_judge(&attempt);
        }
        cr_assert(text_is(attempt.said, rows[i].said), "%zu: %.*s", i, TEXT_ARG(attempt.said));
        end();
    }
}

Test(outcome, has_a_name_for_each)
{
    static const struct {
        enum outcome outcome;
        const char *name;
    } rows[] = {
        { OUTCOME_NONE, "" },
        { OUTCOME_OK, "ok" },
        { OUTCOME_CANCELLED, "cancelled" },
        { OUTCOME_FAILED, "failed" },
        { OUTCOME_REFUSED, "refused" },
        { OUTCOME_BROKEN, "broken" },
        { OUTCOME_STATUS, "status_418" },
        { OUTCOME_ERROR, "error_418" },
        { OUTCOME_TRANSFER, "failed" },
        { OUTCOME_JUNK, "junk" },
        { OUTCOME_PROTOCOL, "protocol" },
        { OUTCOME_TOO_LARGE, "too_large" },
        { OUTCOME_ENCODED, "encoded" },
        { OUTCOME_INCOMPLETE, "incomplete" },
        { OUTCOME_LOSSY, "lossy" },
        { OUTCOME_GUARDED, "guarded" },
        { OUTCOME_SWITCHED_OFF, "switched_off" },
        { OUTCOME_PLUGIN_ERROR, "plugin_error" },
        { OUTCOME_NO_MEMORY, "no_memory" },
        { OUTCOME_FILTERED, "content_filter" },
        { OUTCOME_DROPPED, "dropped" },
    };
    begin();
    cr_assert_eq(sizeof rows / sizeof *rows, (size_t)OUTCOMES);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        attempt.outcome = rows[i].outcome;
        attempt.outcome_status = 418;
        attempt.failure = TRANSFER_CONNECT;
        const char *name = attempt_outcome_name(&attempt);
        cr_assert_str_eq(name != NULL ? name : "", rows[i].name);
    }
    end();
}
