/* test_line.c - the line of the access log and the headers of an answer, member by member. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "check.h"
#include "flow/access.h"
#include "flow/answer_head.h"
#include "flow/way.h"
#include "money/nano.h"
#include "script/script.h"

static struct request req;
static struct attempt first, last;
static struct route_target targets[2];
static struct config_provider providers[2];
static struct config_team team;
static struct config_key key;
static struct gateway gateway;
static struct worker worker;
static struct config config = { .digest = "0123456789abcdef" };
static struct line_sums sums;

static void begin(void)
{
    memset(&req, 0, sizeof req);
    memset(&first, 0, sizeof first);
    memset(&last, 0, sizeof last);
    memset(&gateway, 0, sizeof gateway);
    arena_init(&req.arena, NULL, 0, 1 << 20);
    providers[0].name = TEXT("one");
    providers[1].name = TEXT("two");
    targets[0] = (struct route_target){ .provider = &providers[0], .model = TEXT("up/1") };
    targets[1] = (struct route_target){ .provider = &providers[1], .model = TEXT("up 2%") };
    team.name = TEXT("t");
    key.name = TEXT("k");
    worker.gateway = &gateway;
    req.worker = &worker;
    req.config = &config;
    req.face = &face_chat;
    req.operation = GW_OP_CHAT;
    req.team = &team;
    req.ask.model = TEXT("m");
    req.peer = TEXT("127.0.0.1");
    req.first_token_ns = -1;
    req.cost.known = true;
    snprintf(req.id, sizeof req.id, "id-1");
    first.req = last.req = &req;
    first.target = &targets[0];
    last.target = &targets[1];
    first.times.connection_ns = last.times.connection_ns = -1;
    first.started_ns = last.started_ns = CLOCK_S;
    first.ended_ns = last.ended_ns = CLOCK_S + 250 * CLOCK_MS;
    sums = (struct line_sums){ .status = 200, .duration_ns = 1234567890, .overhead_ns = 5999 };
}

/* The line, without the time in front. */
static const char *line(void)
{
    static char text[1 << 16];
    int fds[2];
    cr_assert_eq(pipe(fds), 0);
    gateway.access = access_new(fds[1], 1);
    line_write(&req, &sums);
    access_free(gateway.access);
    close(fds[1]);
    size_t len = 0;
    for (ssize_t got; (got = read(fds[0], text + len, sizeof text - 1 - len)) > 0;)
        len += (size_t)got;
    close(fds[0]);
    text[len] = '\0';
    cr_assert_eq(strncmp(text, "{\"time\":\"20", 11), 0, "%s", text);
    cr_assert_eq(text[len - 1], '\n');
    text[len - 1] = '\0';
    char *id = strstr(text, "\"id\":");
    cr_assert_not_null(id);
    return id;
}

static void end(void)
{
    buf_free(&req.body_out);
    buf_free(&req.tail_bytes);
    arena_fini(&req.arena);
}

Test(line, of_a_request_that_asked_nobody)
{
    begin();
    req.failed_row = "auth";
    error_set(&req.fail, E_KEY, "no \"key\"");
    req.refused_key = &key;
    req.key_refused = "expired";
    sums.status = 401;
    cr_assert_str_eq(
        line(),
        "\"id\":\"id-1\",\"key\":\"k\",\"key_refused\":\"expired\",\"team\":\"t\",\"peer\":\"127.0.0.1\","
        "\"face\":\"chat\",\"operation\":\"chat\",\"model\":\"m\",\"stream\":false,\"status\":401,"
        "\"error\":{\"code\":\"invalid_api_key\",\"text\":\"no \\\"key\\\"\"},\"attempts\":[],"
        "\"fallback\":false,\"usage\":{\"source\":\"none\"},\"cost_usd\":\"0\",\"finish\":null,\"first_token_ms\":null,"
        "\"duration_ms\":1234,\"overhead_us\":5,\"bytes_in\":0,\"bytes_out\":0,\"config\":\"0123456789ab\",\"row\":\"auth\"}");
    end();
}

Test(line, of_a_request_with_all_that_it_can_have)
{
    static struct ask_dropped unshown = { .member = { "answer.media", 12 } };
    static struct call_dropped dropped[2] = { { .member = { "seed", 4 } }, { .member = { "n", 1 } } };
    begin();
    req.client_id = TEXT("c-1");
    req.key = &key;
    req.whose = (struct whose){
        .project = TEXT("p"), .tags = TEXT("a=1"), .user = TEXT("u"), .session = TEXT("s"), .client = "curl"
    };
    req.refusal = (struct request_refusal){ .of = "team \"t\"", .hard = 1500000000, .left = 20, .after = 7 };
    req.attempt = &last;
    last.previous = &first;
    req.ask.stream = false;
    last.streams = true;
    first.status = 503;
    first.outcome = OUTCOME_STATUS;
    first.outcome_status = 503;
    first.url = TEXT("http://one/v1");
    first.secret_from = "env \"X\"";
    first.times = (struct transfer_times){ .connection_ns = 30 * CLOCK_MS, .fresh = true };
    first.head_ns = CLOCK_S + 100 * CLOCK_MS;
    first.usage = (struct usage){ .source = USAGE_REPORTED, .input = 3 };
    first.price = (struct price){ .known = true, .nano = 1500000000, .entry = TEXT("book/1") };
    first.ending = ATTEMPT_DOUBT;
    first.failure_text = "why";
    first.said = TEXT("words");
    first.said_code = TEXT("code");
    first.request_id = TEXT("r-1");
    last.status = 200;
    last.outcome = OUTCOME_OK;
    last.times = (struct transfer_times){ .connection_ns = 20 * CLOCK_MS, .fresh = false };
    last.usage = (struct usage){ .source = USAGE_REPORTED, .input = 9 };
    last.ending = ATTEMPT_FREE;
    last.finish = TEXT("stop");
    req.usage = (struct usage){ .source = USAGE_REPORTED, .input = 9, .output = 2 };
    req.cost = (struct price){ .known = false };
    req.answer.unshown = &unshown;
    dropped[0].next = &dropped[1];
    last.call.dropped = dropped;
    req.first_token_ns = 5999999;
    req.bytes_in = 11;
    req.bytes_out = 100;
    buf_init(&req.body_out, 100);
    buf_str(&req.body_out, "12345");
    buf_init(&req.tail_bytes, 100);
    buf_str(&req.tail_bytes, "123");
    sums.fallback = true;
    const char *got = line();
    const char *usage = strstr(got, "\"usage\":");
    cr_assert_not_null(usage);
    cr_assert_str_eq(
        got,
        "\"id\":\"id-1\",\"client_id\":\"c-1\",\"key\":\"k\",\"team\":\"t\",\"project\":\"p\",\"tags\":\"a=1\",\"user\":\"u\","
        "\"session\":\"s\",\"client\":\"curl\",\"peer\":\"127.0.0.1\",\"face\":\"chat\",\"operation\":\"chat\",\"model\":\"m\","
        "\"stream\":true,\"status\":200,\"budget\":{\"of\":\"team \\\"t\\\"\",\"most_usd\":\"1.5\",\"left_usd\":\"0.00000002\","
        "\"after_record\":7},\"attempts\":[{\"provider\":\"one\",\"model\":\"up/1\",\"url\":\"http://one/v1\",\"secret\":\"env "
        "\\\"X\\\"\",\"status\":503,\"outcome\":\"status_503\",\"ms\":250,\"connect_ms\":30,\"queue_ms\":0,\"first_byte_ms\":70,"
        "\"usage\":{\"source\":\"reported\",\"input\":3},\"cost_usd\":\"1.5\",\"price\":\"book/1\",\"ending\":\"doubt\",\"why\":\"why\","
        "\"said\":\"words\",\"code\":\"code\",\"upstream_id\":\"r-1\"},{\"provider\":\"two\",\"model\":\"up 2%\",\"status\":200,"
        "\"outcome\":\"ok\",\"ms\":250,\"connect_ms\":0,\"queue_ms\":20,\"ending\":\"free\"}],\"fallback\":true,\"usage\":{"
        "\"source\":\"reported\",\"input\":9,\"output\":2},\"cost_usd\":null,\"finish\":\"stop\",\"first_token_ms\":5,"
        "\"duration_ms\":1234,\"overhead_us\":5,\"bytes_in\":11,\"bytes_out\":108,\"config\":\"0123456789ab\",\"row\":\"finish\",\"dropped\":["
        "\"answer.media\",\"seed\",\"n\"]}",
        "%s", got);
    end();
}

Test(line, has_of_an_attempt_what_is_known)
{
    static char model[300];
    begin();
    req.attempt = &last;
    last.mode = MODE_LOCAL;
    last.state = ATTEMPT_FAILED;
    last.error_status = 429;
    last.status = 200;
    cr_assert_not_null(strstr(line(), "\"status\":429,\"outcome\":\"ok\",\"ms\":250}]"));
    last.error_status = 0;
    cr_assert_not_null(strstr(line(), "\"model\":\"up 2%\",\"status\":200,"));
    last.mode = MODE_RELAY;
    last.error_status = 429;
    cr_assert_not_null(strstr(line(), "\"model\":\"up 2%\",\"status\":200,"));
    req.reply = REPLY_BROKEN;
    error_set(&req.fail, E_STREAM, "broken");
    cr_assert_not_null(strstr(line(), "\"error\":{\"code\":\"stream_interrupted\",\"text\":\"broken\"}"));
    memset(model, 'm', sizeof model);
    req.ask.model = (struct text){ model, sizeof model };
    const char *got = strstr(line(), "\"model\":\"m") + strlen("\"model\":\"");
    cr_assert_eq(strspn(got, "m"), 256u);
    end();
    struct attempt many[20];
    begin();
    for (size_t i = 0; i < 20; i++) {
        many[i] = last;
        many[i].previous = i > 0 ? &many[i - 1] : NULL;
        many[i].status = (int)i;
    }
    req.attempt = &many[19];
    const char *text = line();
    cr_assert_null(strstr(text, "\"status\":3,\"outcome\""), "the last sixteen");
    cr_assert_not_null(strstr(text, "\"attempts\":[{\"provider\":\"two\",\"model\":\"up 2%\",\"status\":4,"), "%s",
                       text);
    cr_assert_not_null(strstr(text, "\"status\":19,\"outcome\""));
    end();
}

/* ---- headers ---- */

static const char *head_of(void)
{
    static char text[8192];
    struct answer_head head = { .count = 0 };
    size_t n = 0;
    text[0] = '\0';
    answer_head_success(&req, &head);
    for (size_t i = 0; i < head.count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s: %s\n", head.all[i].name, head.all[i].value);
    return text;
}

Test(answer_head, names_who_answered)
{
    begin();
    cr_assert_str_eq(head_of(), "", "nobody");
    req.attempt = &last;
    req.attempts_made = 1;
    cr_assert_str_eq(head_of(), "x-gw-provider: two\nx-gw-model: up%202%25\nx-gw-attempts: 1\n");
    req.attempts_made = 12;
    last.request_id = TEXT("a\x7f!~\xc3\xa9");
    last.clamped = 300;
    cr_assert_str_eq(head_of(), "x-gw-provider: two\nx-gw-model: up%202%25\nx-gw-attempts: 12\n"
                                "x-gw-upstream-request-id: a%7F!~%C3%A9\nx-gw-clamped: max_tokens=300\n");
    static char model[600];
    memset(model, 'm', sizeof model);
    targets[1].model = (struct text){ model, sizeof model };
    const char *shown = strstr(head_of(), "x-gw-model: ") + strlen("x-gw-model: ");
    cr_assert_eq(strspn(shown, "m"), 512u);
    end();
}

Test(answer_head, names_what_was_dropped)
{
    static struct ask_dropped unshown = { .member = { "answer media", 12 } };
    static struct call_dropped dropped[100];
    static char names[100][40];
    begin();
    req.attempt = &last;
    req.attempts_made = 1;
    dropped[0] = (struct call_dropped){ .member = TEXT("seed"), .next = &dropped[1] };
    dropped[1] = (struct call_dropped){ .member = TEXT("n") };
    last.call.dropped = dropped;
    cr_assert_not_null(strstr(head_of(), "\nx-gw-dropped: seed, n\n"));
    req.answer.unshown = &unshown;
    cr_assert_not_null(strstr(head_of(), "\nx-gw-dropped: answer%20media, seed, n\n"));
    last.call.dropped = NULL;
    cr_assert_not_null(strstr(head_of(), "\nx-gw-dropped: answer%20media\n"));
    req.answer.unshown = NULL;
    for (size_t i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "a-name-of-thirty-eight-bytes-number-%02zu", i);
        dropped[i] = (struct call_dropped){ .member = text_of(names[i]), .next = i < 99 ? &dropped[i + 1] : NULL };
    }
    last.call.dropped = dropped;
    const char *list = strstr(head_of(), "x-gw-dropped: ") + strlen("x-gw-dropped: ");
    cr_assert_eq(strcspn(list, "\n"), 51 * 40 + strlen("others"), "%s", list);
    cr_assert_not_null(strstr(list, "number-50, others\n"));
    end();
}

/* A policy that puts a header again means the newer value. */
Test(answer_head, has_each_header_of_the_policies_once)
{
    struct script_put old = { .name = TEXT("x-team"), .value = TEXT("old") },
                      other = { .next = &old, .name = TEXT("x-other"), .value = TEXT("b") },
                      newer = { .next = &other, .name = TEXT("x-team"), .value = TEXT("new") };
    struct script_request policy = { .replies = &newer };
    begin();
    req.policy = &policy;
    struct answer_head head = { .count = 0 };
    answer_head_common(&req, &head);
    cr_assert_geq(head.count, 2u);
    cr_assert_str_eq(head.all[head.count - 2].name, "x-team");
    cr_assert_str_eq(head.all[head.count - 2].value, "new");
    cr_assert_str_eq(head.all[head.count - 1].name, "x-other");
    cr_assert_str_eq(head.all[head.count - 1].value, "b");
    end();
}
