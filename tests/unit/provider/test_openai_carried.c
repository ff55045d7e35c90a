/* test_openai_carried.c - what a service wants back reaches a client of the messages API, and comes back as it was: the entries
 * of reasoning. And calls that come as a choice of their own are of the one message. */
#include "check.h"
#include "face/face.h"
#include "replay.h"
#include "service_case.h"

static struct arena arena;
static struct ask ask;
static struct usage usage;
static struct face_answer answer;
static struct fail fail;

#define ASKED "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

static void emit(gw_call *call, const gw_event *event)
{
    (void)call;
    face_messages.fold_event(&answer, event);
}

/* The answer as a Messages client gets it. */
static const struct json *messages_of(const char *whole)
{
    static struct buf out;
    struct replay *r = &service_replay;
    gw_frame frame = {
        .size = sizeof frame, .end = 1, .status = 200, .framing = GW_FRAMING_WHOLE, .data = { whole, strlen(whole) }
    };
    buf_init(&out, 1 << 20);
    ask = (struct ask){ 0 };
    usage = (struct usage){ .source = USAGE_NONE };
    cr_assert_eq(face_messages.decode(&arena, TEXT(ASKED), &ask, &fail), 0);
    answer = (struct face_answer){
        .arena = &arena, .ask = &ask, .request_id = TEXT("r"), .model = TEXT("m"), .usage = &usage
    };
    cr_assert_eq(r->ops->read(r->instance, &r->call, &frame, emit), GW_OK);
    cr_assert(face_messages.fold_end(&answer, &out));
    struct text body = arena_text(&arena, buf_view(&out));
    buf_free(&out);
    return json_parse(&arena, body, &fail);
}

/* The assistant message of the canonical request in which that answer comes back. */
static const struct json *back(const struct json *message)
{
    struct text content = json_text(json_member(message, "content"));
    char *body = arena_printf(&arena,
                              "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"
                              "{\"role\":\"assistant\",\"content\":%.*s},{\"role\":\"user\",\"content\":\"go on\"}]}",
                              TEXT_ARG(content));
    ask = (struct ask){ 0 };
    cr_assert_eq(face_messages.decode(&arena, text_of(body), &ask, &fail), 0, "%s", fail.text);
    const struct json *request = face_messages.canonical(&arena, &ask, &fail);
    cr_assert_not_null(request);
    return json_at(json_member(request, "messages"), 1);
}

static void begin(const char *request)
{
    service_build("openai", "gemini-3-flash-preview", request);
    arena_init(&arena, NULL, 0, 64 << 20);
}

static void end(void)
{
    arena_fini(&arena);
    service_done();
}

#define MESSAGE(members)                                                                                               \
    "{\"id\":\"c\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\"," members                             \
    "},\"finish_reason\":\"stop\"}]}"
#define ONE_TURN "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

Test(openai_carried, entries_of_reasoning_come_back_as_they_were)
{
    static const char *const details[] = {
        "[{\"type\":\"reasoning.summary\",\"summary\":\"Hm \\u00e9\",\"format\":\"openai-responses-v1\",\"index\":0},"
        "{\"type\":\"reasoning.encrypted\",\"data\":\"gAAA\",\"id\":\"rs_1\",\"format\":\"openai-responses-v1\",\"index\":1}]",
        "[{\"type\":\"reasoning.summary\",\"summary\":\"Hm\",\"format\":\"openai-responses-v1\",\"index\":0},"
        "{\"type\":\"reasoning.encrypted\",\"data\":\"gAAA\",\"format\":\"openai-responses-v1\",\"index\":0}]",
        "[{\"format\":\"own-v1\",\"index\":0,\"type\":\"reasoning.text\",\"text\":\"Hm\"}]",
        "[{\"type\":\"reasoning.text\",\"text\":\"Hm\",\"signature\":\"s\",\"format\":\"own-v1\",\"index\":0}]",
    };
    for (size_t i = 0; i < sizeof details / sizeof *details; i++) {
        begin(ONE_TURN);
        const struct json *m =
            messages_of(arena_printf(&arena, MESSAGE("\"content\":\"a\",\"reasoning_details\":%s"), details[i]));
        struct text got = json_text(json_member(back(m), "reasoning_details"));
        cr_assert(text_is(got, details[i]), "%.*s", TEXT_ARG(got));
        end();
    }
}

#define TEXT_AND_CALL(finish)                                                                                                    \
    "{\"id\":\"c\",\"choices\":[{\"finish_reason\":\"" finish                                                                    \
    "\",\"message\":{\"role\":\"assistant\",\"content\":\"I look.\"}},"                                                          \
    "{\"finish_reason\":\"tool_calls\",\"message\":{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"t\",\"type\":\"function\"," \
    "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}"

Test(openai_carried, calls_in_a_choice_of_their_own_are_of_the_one_message)
{
    static const char *const answers[] = { TEXT_AND_CALL("tool_calls"), TEXT_AND_CALL("stop") };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        begin(ONE_TURN);
        const struct json *m = messages_of(answers[i]), *content = json_member(m, "content");
        cr_assert_eq(json_count(content), 2u);
        cr_assert(text_is(json_str(json_member(json_at(content, 1), "type")), "tool_use"));
        cr_assert(text_is(json_str(json_member(m, "stop_reason")), "tool_use"));
        end();
    }
    begin("{\"n\":2,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"); /* two were asked for */
    cr_assert_eq(json_count(json_member(messages_of(TEXT_AND_CALL("stop")), "content")), 1u);
    end();
}
