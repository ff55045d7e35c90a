/* test_chat_write.c - chat completions printed from events, streamed and whole. */
#include "base/json.h"
#include "check.h"
#include "face/face.h"

static struct arena arena;
static struct ask ask;
static struct usage usage;

static struct face_answer begin(bool wants_usage)
{
    arena_init(&arena, NULL, 0, 1 << 20);
    ask = (struct ask){ .wants_usage = wants_usage };
    usage = (struct usage){ .source = USAGE_REPORTED, .input = 4, .output = 2 };
    return (struct face_answer){
        .arena = &arena, .ask = &ask, .request_id = TEXT("R"), .model = TEXT("m"), .created = 9, .usage = &usage
    };
}

static gw_event event(uint32_t type, uint32_t item, const char *id, const char *text)
{
    struct text i = text_of(id), t = text_of(text);
    return (gw_event){
        .size = sizeof(gw_event), .type = type, .item = item, .id = { i.ptr, i.len }, .text = { t.ptr, t.len }
    };
}

#define HEAD                                                                                                           \
    "data: {\"id\":\"chatcmpl-R\",\"object\":\"chat.completion.chunk\",\"created\":9,\"model\":\"m\",\"choices\":["
#define TAIL(finish) "},\"logprobs\":null,\"finish_reason\":" finish "}]}\n\n"

static void stream(struct face_answer *a, gw_event e, struct buf *out)
{
    face_chat.stream_event(a, &e, out);
}

Test(chat_write, opens_the_choice_with_its_role)
{
    struct buf out;
    struct face_answer a = begin(false);
    buf_init(&out, 1 << 16);
    stream(&a, event(GW_EVENT_TEXT, 0, NULL, "hi"), &out);
    stream(&a, event(GW_EVENT_FINISH, 0, NULL, "stop"), &out);
    face_chat.stream_end(&a, &out);
    cr_assert(text_is(buf_view(&out), HEAD "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"" TAIL(
                                          "null") HEAD "{\"index\":0,\"delta\":{\"content\":\"hi\"" TAIL("null") HEAD
                      "{\"index\":0,\"delta\":{" TAIL("\"stop\"") "data: [DONE]\n\n"));
    buf_free(&out);
    arena_fini(&arena);
}

Test(chat_write, gives_parallel_calls_their_own_index)
{
    struct buf out;
    struct face_answer a = begin(false);
    buf_init(&out, 1 << 16);
    stream(&a, event(GW_EVENT_TOOL_CALL, 0, "c0", "f"), &out);
    stream(&a, event(GW_EVENT_TOOL_CALL, 1, "c1", "g"), &out);
    buf_free(&out);
    stream(&a, event(GW_EVENT_TOOL_ARGS, 1, NULL, "{\"a\":1}"), &out);
    cr_assert_geq(text_find(buf_view(&out),
                            TEXT("\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"{\\\"a\\\":1}\"}}]")),
                  0);
    buf_free(&out);
    arena_fini(&arena);
}

#define EXTRA_CONTENT "\"extra_content\":{\"google\":{\"thought_signature\":\"s\"}}"
#define EXTRA "{\"id\":\"x\"," EXTRA_CONTENT "}"
#define OPENED "[{\"index\":0,\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}"

/* What a call's service wants back with it stands beside the call's own members, which it cannot replace. */
Test(chat_write, a_call_has_the_members_that_its_service_gave_it)
{
    const char *const wrong[] = { "", "[1]", "{", "{\"index\":7}" };
    for (size_t i = 0; i <= sizeof wrong / sizeof *wrong; i++) {
        struct text data = i == 0 ? TEXT(EXTRA) : text_of(wrong[i - 1]);
        gw_event call = event(GW_EVENT_TOOL_CALL, 0, "c", "f"), end = event(GW_EVENT_FINISH, 0, NULL, "tool_calls");
        struct buf out;
        struct face_answer a = begin(false);
        call.data = (gw_str){ data.ptr, data.len };
        buf_init(&out, 1 << 16);
        stream(&a, call, &out);
        stream(&a, end, &out);
        cr_assert_geq(text_find(buf_view(&out), i == 0 ? TEXT(OPENED "," EXTRA_CONTENT "}]") : TEXT(OPENED "}]")), 0,
                      "%zu", i);
        buf_free(&out);
        arena_fini(&arena);

        a = begin(false);
        face_chat.fold_event(&a, &call);
        face_chat.fold_event(&a, &end);
        face_chat.fold_end(&a, &out);
        cr_assert_eq(text_find(buf_view(&out), TEXT("\"arguments\":\"{}\"},\"extra_content\":{\"google\":")) >= 0,
                     i == 0);
        cr_assert_lt(text_find(buf_view(&out), TEXT("\"id\":\"x\"")), 0);
        buf_free(&out);
        arena_fini(&arena);
    }
}

Test(chat_write, ends_with_a_usage_chunk_only_when_it_was_asked_for)
{
    struct buf out;
    struct face_answer a = begin(true);
    buf_init(&out, 1 << 16);
    stream(&a, event(GW_EVENT_TEXT, 0, NULL, "x"), &out);
    cr_assert_geq(text_find(buf_view(&out), TEXT("\"usage\":null}")), 0);
    buf_free(&out);
    face_chat.stream_end(&a, &out);
    cr_assert_geq(
        text_find(buf_view(&out), TEXT("\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":2,")), 0);
    buf_free(&out);
    arena_fini(&arena);
}

Test(chat_write, finishes_an_answer_of_nothing_that_a_chat_shows)
{
    struct buf out;
    struct face_answer a = begin(false);
    buf_init(&out, 1 << 16);
    stream(&a, event(GW_EVENT_ORIGIN, 0, NULL, "messages"), &out);
    face_chat.stream_end(&a, &out);
    cr_assert(text_is(buf_view(&out), HEAD "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"" TAIL(
                                          "null") HEAD "{\"index\":0,\"delta\":{" TAIL("\"stop\"") "data: [DONE]\n\n"));
    buf_free(&out);
    arena_fini(&arena);
}

Test(chat_write, folds_a_whole_answer)
{
    struct buf out;
    struct fail fail;
    struct face_answer a = begin(false);
    buf_init(&out, 1 << 16);
    const gw_event events[] = {
        event(GW_EVENT_START, 0, "up", "real-model"), event(GW_EVENT_REASONING, 0, NULL, "hm"),
        event(GW_EVENT_TEXT, 0, NULL, "Hel"),         event(GW_EVENT_TEXT, 0, NULL, "lo"),
        event(GW_EVENT_TOOL_CALL, 0, "c", "f"),       event(GW_EVENT_FINISH, 0, NULL, "tool_calls")
    };
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        face_chat.fold_event(&a, &events[i]);
    face_chat.fold_end(&a, &out);
    const struct json *v = json_parse(&arena, buf_view(&out), &fail);
    cr_assert_not_null(v);
    const struct json *choice = json_at(json_member(v, "choices"), 0), *m = json_member(choice, "message");
    cr_assert(text_is(json_str(json_member(v, "model")), "real-model"));
    cr_assert(text_is(json_str(json_member(m, "content")), "Hello"));
    cr_assert(text_is(json_str(json_member(m, "reasoning_content")), "hm"));
    cr_assert(text_is(json_str(json_member(choice, "finish_reason")), "tool_calls"));
    const struct json *call = json_at(json_member(m, "tool_calls"), 0);
    cr_assert(text_is(json_str(json_member(json_member(call, "function"), "arguments")), "{}"));
    cr_assert_eq(json_int(json_member(json_member(v, "usage"), "total_tokens"), 0), 6);
    buf_free(&out);
    arena_fini(&arena);
}
