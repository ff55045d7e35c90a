/* test_chat_origin.c - blocks that a chat has no word for reach a client of chat completions in the message's x_origin, all
 * blocks of the answer in their order. */
#include "check.h"
#include "face/face.h"
#include "messages_help.h"

#define SEARCH "{\"type\":\"server_tool_use\",\"id\":\"s1\",\"name\":\"web_search\",\"input\":{\"query\":\"q\"}}"
#define FOUND "{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"s1\",\"content\":[]}"
#define WANTED                                                                                                         \
    "{\"dialect\":\"messages\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"Hm\",\"signature\":\"S1\"}," SEARCH  \
    "," FOUND                                                                                                          \
    ",{\"type\":\"text\",\"text\":\"Look:\"},{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"f\",\"input\":{\"k\":1}}]}"

static gw_event with_format(gw_event e)
{
    e.id = GW_LIT("anthropic-claude-v1");
    return e;
}

static gw_event origin(const char *json)
{
    return help_event(GW_EVENT_ORIGIN, 0, "messages", NULL, json);
}

/* The events of a turn with a search of Anthropic's and a call of the client's. */
static size_t events_of(gw_event *out)
{
    const gw_event all[] = {
        with_format(help_event(GW_EVENT_REASONING, 0, NULL, "Hm", NULL)),
        with_format(help_event(GW_EVENT_SIGNATURE, 0, NULL, "S1", NULL)),
        origin(SEARCH),
        origin(FOUND),
        help_event(GW_EVENT_TEXT, 0, NULL, "Look:", NULL),
        help_event(GW_EVENT_TOOL_CALL, 0, "toolu_1", "f", NULL),
        help_event(GW_EVENT_TOOL_ARGS, 0, NULL, "{\"k\":1}", NULL),
        help_event(GW_EVENT_FINISH, 0, NULL, "tool_calls", NULL),
    };
    memcpy(out, all, sizeof all);
    return sizeof all / sizeof *all;
}

#define CHAT "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

static struct text whole(const gw_event *events, size_t count, uint32_t dialects, struct buf *out)
{
    help_answer(CHAT);
    help.answer.dialects = dialects;
    for (size_t i = 0; i < count; i++)
        face_chat.fold_event(&help.answer, &events[i]);
    cr_assert(face_chat.fold_end(&help.answer, out));
    return buf_view(out);
}

Test(chat_origin, is_in_a_whole_message)
{
    gw_event events[16];
    struct buf out;
    help_begin();
    buf_init(&out, 1 << 20);
    const struct json *body = help_json(whole(events, events_of(events), GW_DIALECT_MESSAGES, &out));
    const struct json *message = help_at(body, "choices.0.message");
    cr_assert(help_equal(json_member(message, "x_origin"), help_json(TEXT(WANTED))), "%.*s", TEXT_ARG(buf_view(&out)));
    cr_assert_str_eq(help_str(message, "content"), "Look:");
    cr_assert_eq(json_count(json_member(message, "tool_calls")), 1u);
    buf_free(&out);
    help_end();
}

Test(chat_origin, is_told_before_the_finish_of_a_stream)
{
    gw_event events[16];
    size_t count = events_of(events);
    struct buf out;
    help_begin();
    buf_init(&out, 1 << 20);
    help_answer(CHAT);
    help.answer.dialects = GW_DIALECT_MESSAGES;
    for (size_t i = 0; i < count; i++)
        face_chat.stream_event(&help.answer, &events[i], &out);
    ptrdiff_t at = text_find(buf_view(&out), TEXT("\"x_origin\":"));
    cr_assert_geq(at, 0);
    cr_assert_lt(at, text_find(buf_view(&out), TEXT("\"finish_reason\":\"tool_calls\"")));
    struct text from = { buf_view(&out).ptr + at + 11, buf_view(&out).len - (size_t)at - 11 };
    cr_assert(text_starts(from, TEXT(WANTED)), "%.*s", TEXT_ARG(from));
    buf_free(&out);
    help_end();
}

Test(chat_origin, is_left_out_where_all_can_be_said)
{
    gw_event events[16];
    size_t count = events_of(events);
    struct buf out;
    help_begin();
    buf_init(&out, 1 << 20);
    cr_assert_lt(text_find(whole(events + 4, count - 4, GW_DIALECT_MESSAGES, &out), TEXT("x_origin")), 0);
    buf_free(&out);
    cr_assert_lt(text_find(whole(events, count, GW_DIALECT_CHAT, &out), TEXT("x_origin")), 0);
    buf_free(&out);
    help_end();
}
