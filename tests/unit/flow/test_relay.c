/* test_relay.c - what an upstream sends and what the client gets for it, when: without a socket. */
#include <string.h>

#include "check.h"
#include "fake_transfer.h"
#include "fixture.h"
#include "flow/way.h"

#define PLAIN "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define BY_PROVIDER "{\"model\":\"p0/x\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define STREAM "{\"model\":\"m\",\"max_tokens\":9,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define EVENTS "text/event-stream"

#define ROLE                                                                                                           \
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n"
#define WORD(word)                                                                                                     \
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" word "\"},\"finish_reason\":null}]}\n\n"
#define STOP "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define MARK "data: [DONE]\n\n"

static const char *const openai[] = { "openai", "openai" };
static const char *const anthropic[] = { "anthropic" };

static bool said(const struct fixture *f, const char *needle)
{
    return text_find(buf_view(&f->body), text_of(needle)) >= 0;
}

static void over(struct fixture *f, struct request *req)
{
    request_end(req);
    fixture_close(f);
}

Test(relay, holds_what_only_opens_the_answer)
{
    struct fixture f;
    fixture_open_upstream(&f, openai, 1);
    struct request *req = fixture_begin(&f, STREAM);
    fake_head(200, EVENTS);
    fake_body(TEXT(ROLE));
    cr_assert_not(f.begun);
    fake_body(TEXT(WORD("Hel")));
    cr_assert(f.begun);
    cr_assert(text_eq(buf_view(&f.body), TEXT(ROLE WORD("Hel"))));
    fake_body(TEXT(WORD("lo") STOP MARK));
    cr_assert_not(f.ended);
    cr_assert_not(said(&f, "[DONE]"), "the end waits until the request is settled");
    fake_done(TRANSFER_OK);
    cr_assert(f.ended && f.settled_before_end);
    cr_assert(text_eq(buf_view(&f.body), TEXT(ROLE WORD("Hel") WORD("lo") STOP MARK)));
    over(&f, req);
}

Test(relay, asks_another_before_the_first_event)
{
    static const struct {
        const char *body;
        enum transfer_failure end;
    } rows[] = { { ROLE, TRANSFER_CUT },
                 { ROLE "data: {\"error\":{\"message\":\"no\",\"type\":\"server_error\"}}\n\n", TRANSFER_OK },
                 { "", TRANSFER_OK },
                 { "data: <html>\n\n", TRANSFER_OK } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f;
        fixture_open_upstream(&f, openai, 2);
        struct request *req = fixture_begin(&f, STREAM);
        unsigned begun = fake_begun();
        fake_head(200, EVENTS);
        fake_body(text_of(rows[i].body));
        if (fake_begun() == begun)
            fake_done(rows[i].end);
        cr_assert_eq(fake_begun(), begun + 1, "%zu", i);
        cr_assert_not(f.begun);
        fake_answer(200, EVENTS, TEXT(WORD("good") STOP MARK), 7);
        cr_assert(f.ended);
        cr_assert(text_eq(buf_view(&f.body), TEXT(WORD("good") STOP MARK)));
        over(&f, req);
    }
}

Test(relay, ends_with_an_error_what_broke_off)
{
    struct fixture f;
    fixture_open_upstream(&f, openai, 2);
    struct request *req = fixture_begin(&f, STREAM);
    unsigned begun = fake_begun();
    fake_head(200, EVENTS);
    fake_body(TEXT(WORD("Hel")));
    fake_done(TRANSFER_CUT);
    cr_assert_eq(fake_begun(), begun, "the client has seen a word");
    cr_assert(f.ended);
    cr_assert(said(&f, "\"stream_interrupted\""));
    cr_assert_str_eq(req->attempt->failure_text, "told by the test");
    cr_assert_not(said(&f, "[DONE]"));
    over(&f, req);
}

Test(relay, ends_with_an_error_what_was_not_finished)
{
    struct fixture f;
    fixture_open_upstream(&f, openai, 1);
    struct request *req = fixture_begin(&f, STREAM);
    fake_answer(200, EVENTS, TEXT(WORD("Hel")), 1000);
    cr_assert(said(&f, "\"stream_incomplete\""));
    over(&f, req);
}

/* Whatever type is stated for it. */
Test(relay, knows_a_stream_by_its_first_byte)
{
    struct fixture f;
    fixture_open_upstream(&f, openai, 1);
    struct request *req = fixture_begin(&f, STREAM);
    fake_head(200, "text/plain");
    fake_body(TEXT("\r\n "));
    cr_assert_eq(req->attempt->form, FORM_UNDECIDED);
    fake_body(TEXT(WORD("one")));
    cr_assert(f.begun && said(&f, "one"));
    fake_body(TEXT(STOP MARK));
    fake_done(TRANSFER_OK);
    cr_assert(f.ended);
    over(&f, req);
}

Test(relay, sends_the_address_and_the_mark_of_this_gateway)
{
    for (int marked = 0; marked < 2; marked++) {
        bool has_mark = false;
        struct fixture f;
        fixture_open_upstream(&f, openai, 1);
        if (marked)
            memcpy(f.gateway.hop, "0123456789abcdef", sizeof f.gateway.hop);
        struct request *req = fixture_begin(&f, marked ? BY_PROVIDER : PLAIN);
        const struct transfer_request *sent = fake_request();
        cr_assert(text_is(sent->url, "http://up.test/v1/chat/completions"), "%.*s", TEXT_ARG(sent->url));
        for (size_t i = 0; i < sent->header_count; i++)
            has_mark |=
                text_is(sent->headers[i].name, "x-gw-hop") && text_is(sent->headers[i].value, "0123456789abcdef");
        cr_assert_eq(has_mark, marked == 1);
        request_client_gone(req);
        over(&f, req);
    }
}

Test(relay, shows_what_the_upstream_refuses)
{
    static const char *const refusals[] = {
        "{\"error\":{\"message\":\"n is not taken\",\"type\":\"invalid_request_error\",\"param\":\"n\",\"code\":\"odd\"}}",
        "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"n is not taken\"}}",
        "{\"error\":{\"message\":\"n is not taken\"}}",
    };
    for (size_t i = 0; i < 3; i++) {
        struct fixture f;
        fixture_open_upstream(&f, i == 0 ? openai : anthropic, 1);
        struct request *req = fixture_begin(&f, PLAIN);
        fake_answer(400, "application/json", text_of(refusals[i]), 1000);
        cr_assert(f.answered);
        cr_assert_eq(f.status, 400);
        cr_assert(said(&f, "n is not taken"), "%.*s", TEXT_ARG(buf_view(&f.body)));
        if (i == 0)
            cr_assert(said(&f, "\"odd\"") && said(&f, "\"param\":\"n\""), "%.*s", TEXT_ARG(buf_view(&f.body)));
        over(&f, req);
    }
}

/* Something of it is lost then: only a model that refuses loss minds. */
Test(relay, sends_what_a_translation_can_carry)
{
    for (int refuses = 0; refuses < 2; refuses++) {
        struct fixture f;
        fixture_open_upstream(&f, anthropic, 1);
        f.config->models->lossy_refuse = refuses == 1;
        struct request *req =
            fixture_begin(&f, "{\"model\":\"m\",\"seed\":7,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}");
        cr_assert_eq(fake_runs(), refuses == 0);
        cr_assert_eq(f.answered, refuses == 1);
        cr_assert(refuses == 0 || said(&f, "\"param\":\"seed\""), "%.*s", TEXT_ARG(buf_view(&f.body)));
        request_client_gone(req);
        over(&f, req);
    }
}

Test(relay, stops_the_upstream_while_the_client_is_slow)
{
    struct fixture f;
    fixture_open_upstream(&f, openai, 1);
    struct request *req = fixture_begin(&f, STREAM);
    fake_head(200, EVENTS);
    f.waiting = DOOR_HIGH_MARK + 1;
    fake_body(TEXT(WORD("one")));
    cr_assert(fake_is_paused());
    fake_body(TEXT(WORD("two"))); /* was under way */
    cr_assert_not(said(&f, "two"));
    f.waiting = 0;
    request_drained(req);
    cr_assert_not(fake_is_paused());
    cr_assert(said(&f, "two"));
    fixture_settle(&f);
    cr_assert(fake_runs(), "nothing else is due");
    fake_body(TEXT(STOP MARK));
    fake_done(TRANSFER_OK);
    cr_assert(text_eq(buf_view(&f.body), TEXT(WORD("one") WORD("two") STOP MARK)));
    over(&f, req);
}

Test(relay, waits_for_the_client_before_it_settles)
{
    struct fixture f;
    fixture_open_upstream(&f, openai, 1);
    struct request *req = fixture_begin(&f, STREAM);
    fake_head(200, EVENTS);
    f.waiting = DOOR_HIGH_MARK + 1;
    fake_body(TEXT(WORD("one")));
    fake_body(TEXT(WORD("two") STOP MARK));
    fake_done(TRANSFER_OK);
    cr_assert_not(f.ended);
    f.waiting = 0;
    request_drained(req);
    cr_assert(f.ended && f.settled_before_end);
    cr_assert(text_eq(buf_view(&f.body), TEXT(WORD("one") WORD("two") STOP MARK)));
    over(&f, req);
}

Test(relay, ends_a_client_that_leaves_while_bytes_wait)
{
    struct fixture f;
    fixture_open_upstream(&f, openai, 1);
    struct request *req = fixture_begin(&f, STREAM);
    fake_head(200, EVENTS);
    f.waiting = DOOR_HIGH_MARK + 1;
    fake_body(TEXT(WORD("one")));
    fake_body(TEXT(WORD("two") STOP MARK));
    fake_done(TRANSFER_OK);
    request_client_gone(req);
    struct buf text = fixture_metrics(&f);
    cr_assert_geq(text_find(buf_view(&text), TEXT("status=\"499\"")), 0);
    buf_free(&text);
    cr_assert_not(f.ended);
    over(&f, req);
}

Test(relay, does_not_wait_for_who_is_silent_after_the_end_mark)
{
    struct fixture f;
    fixture_open_upstream(&f, openai, 1);
    struct request *req = fixture_begin(&f, STREAM);
    fake_head(200, EVENTS);
    fake_body(TEXT(WORD("Hello") STOP MARK));
    cr_assert_not(f.ended);
    fixture_run(&f);
    cr_assert(f.ended && !f.timed_out);
    cr_assert_not(fake_runs());
    cr_assert(text_ends(buf_view(&f.body), TEXT(STOP MARK)));
    over(&f, req);
}

Test(relay, passes_whole_answers_as_they_come)
{
    static const char body[] =
        "{\"id\":\"c1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello\"},"
        "\"finish_reason\":\"stop\"}],  \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}";
    struct fixture f;
    fixture_open_upstream(&f, openai, 1);
    struct request *req = fixture_begin(&f, PLAIN);
    fake_answer(200, "application/json", text_of(body), 50);
    cr_assert_eq(f.status, 200);
    cr_assert(f.answered && text_eq(buf_view(&f.body), text_of(body)));
    struct buf text = fixture_metrics(&f);
    cr_assert_geq(text_find(buf_view(&text), TEXT("type=\"output\"} 2\n")), 0);
    buf_free(&text);
    over(&f, req);
}

/* How often "é" stands in the body: in texts of it alone, that many characters came whole. */
static size_t characters(const struct fixture *f)
{
    struct text body = buf_view(&f->body);
    size_t n = 0;
    for (size_t i = 0; i + 1 < body.len; i++)
        n += body.ptr[i] == '\xc3' && body.ptr[i + 1] == '\xa9';
    return n;
}

static void add_text(struct buf *b, size_t characters_)
{
    for (size_t i = 0; i < characters_; i++)
        buf_text(b, TEXT("\xc3\xa9"));
}

/* Where the answers of a client that asked for a stream come whole: all of it, in pieces, as fast as they are taken. */
static void check_large(const struct face *face, const char *const *plugins, struct text body, size_t wanted)
{
    struct fixture f;
    fixture_open_upstream(&f, plugins, 1);
    f.face = face;
    struct request *req = fixture_begin(&f, STREAM);
    f.waiting = DOOR_HIGH_MARK + 1;
    fake_answer(200, "application/json", body, 1 << 20);
    cr_assert(f.begun && !f.ended);
    cr_assert_leq(f.body.len, DOOR_HIGH_MARK, "nothing more than the client takes");
    for (unsigned i = 0; !f.ended && i < 10000; i++)
        request_drained(req);
    cr_assert(f.ended);
    cr_assert_leq(f.most_written, DOOR_HIGH_MARK);
    cr_assert_eq(characters(&f), wanted);
    cr_assert(said(&f, face == &face_chat ? "data: [DONE]\n\n" : "event: message_stop\n"));
    cr_assert_not(said(&f, "error"));
    over(&f, req);
}

#define MEGA ((size_t)1 << 20)

Test(relay, streams_a_large_whole_answer_in_pieces)
{
    struct buf b;
    buf_init(&b, 64 * MEGA);
    buf_str(&b,
            "{\"id\":\"m1\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"");
    add_text(&b, 9 * MEGA);
    buf_str(&b, "\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":3,\"output_tokens\":2}}");
    check_large(&face_chat, anthropic, buf_view(&b), 9 * MEGA);
    buf_free(&b);
    buf_str(&b, "{\"id\":\"c1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"");
    add_text(&b, 9 * MEGA);
    buf_str(&b, "\"},\"finish_reason\":\"stop\"}]}");
    check_large(&face_messages, openai, buf_view(&b), 9 * MEGA);
    check_large(&face_chat, openai, buf_view(&b), 9 * MEGA);
    buf_free(&b);
}

Test(relay, streams_many_large_choices_and_arguments)
{
    struct buf b;
    buf_init(&b, 64 * MEGA);
    buf_str(&b, "{\"id\":\"c1\",\"choices\":[");
    for (int i = 0; i < 4; i++) {
        buf_printf(&b, "%s{\"index\":%d,\"message\":{\"role\":\"assistant\",\"content\":\"", i > 0 ? "," : "", i);
        add_text(&b, 5 * MEGA / 2);
        buf_str(&b, "\"},\"finish_reason\":\"stop\"}");
    }
    buf_str(&b, "]}");
    check_large(&face_chat, openai, buf_view(&b), 10 * MEGA);
    buf_free(&b);
    buf_str(
        &b,
        "{\"id\":\"c1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[");
    for (int i = 0; i < 2; i++) {
        buf_printf(
            &b,
            "%s{\"id\":\"t%d\",\"type\":\"function\",\"function\":{\"name\":\"put\",\"arguments\":\"{\\\"a\\\":\\\"",
            i > 0 ? "," : "", i);
        add_text(&b, 9 * MEGA);
        buf_str(&b, "\\\"}\"}}");
    }
    buf_str(&b, "]},\"finish_reason\":\"tool_calls\"}]}");
    check_large(&face_messages, openai, buf_view(&b), 18 * MEGA);
    check_large(&face_chat, openai, buf_view(&b), 18 * MEGA);
    buf_free(&b);
}

Test(relay, fails_where_a_streamed_answer_is_over_the_limit)
{
    struct fixture f;
    struct buf b;
    buf_init(&b, 64 * MEGA);
    fixture_open_upstream(&f, openai, 1);
    f.config->limits.answer_bytes = MEGA;
    f.config->limits.event_bytes = MEGA;
    f.face = &face_messages;
    buf_str(&b, "{\"id\":\"c1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"tool_calls\":[");
    for (int i = 0; i < 20000; i++)
        buf_printf(&b, "%s{\"function\":{\"name\":\"f\"}}", i > 0 ? "," : "");
    buf_str(&b, "]},\"finish_reason\":\"tool_calls\"}]}");
    struct request *req = fixture_begin(&f, STREAM);
    fake_answer(200, "application/json", buf_view(&b), MEGA); /* becomes events of 6 MB */
    cr_assert(f.answered && !f.begun);
    cr_assert_eq(f.status, 502);
    cr_assert(said(&f, "limits.answer_mb"));
    buf_free(&b);
    over(&f, req);
}
