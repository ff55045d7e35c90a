/* test_chat_events.c - every event that has a place in a chat completion is written in it, streamed and whole: custom
 * calls, media, log probabilities; and what a provider garbles does not garble the answer. */
#include "check.h"
#include "messages_help.h"

static struct buf out;

static gw_event event(uint32_t type, uint32_t index, const char *text, const char *data)
{
    gw_event e = help_event(type, 0, NULL, text, data);
    e.index = index;
    return e;
}

static gw_event call(uint32_t item, const char *id, const char *name)
{
    return help_event(GW_EVENT_TOOL_CALL, item, id, name, NULL);
}

static gw_event args(uint32_t type, uint32_t item, const char *text)
{
    return help_event(type, item, NULL, text, NULL);
}

/* The chunks of the stream as one JSON array. */
static const struct json *streamed(const gw_event *events, size_t count)
{
    struct buf list;
    size_t chunks = 0;
    help_answer(HELP_REQUEST);
    buf_init(&out, 1 << 20);
    buf_init(&list, 1 << 20);
    for (size_t i = 0; i < count; i++)
        face_chat.stream_event(&help.answer, &events[i], &out);
    face_chat.stream_end(&help.answer, &out);
    buf_str(&list, "[");
    for (struct text rest = buf_view(&out), line; rest.len > 0;) {
        line = text_cut(&rest, '\n');
        if (line.len == 0)
            continue;
        cr_assert(text_starts(line, TEXT("data: ")), "%.*s", TEXT_ARG(line));
        line = (struct text){ line.ptr + 6, line.len - 6 };
        if (text_is(line, "[DONE]"))
            continue;
        buf_str(&list, chunks++ > 0 ? "," : "");
        buf_text(&list, line);
    }
    buf_str(&list, "]");
    const struct json *v = help_json(arena_text(&help.arena, buf_view(&list)));
    buf_free(&list);
    buf_free(&out);
    return v;
}

static const struct json *whole(const gw_event *events, size_t count)
{
    help_answer(HELP_REQUEST);
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < count; i++)
        face_chat.fold_event(&help.answer, &events[i]);
    face_chat.fold_end(&help.answer, &out);
    const struct json *v = help_json(arena_text(&help.arena, buf_view(&out)));
    buf_free(&out);
    return v;
}

#define COUNT(events) (sizeof(events) / sizeof *(events))

static void is(const struct json *v, const char *path, const char *want)
{
    const struct json *got = help_at(v, path);
    cr_assert(got != NULL && help_equal(got, help_json(text_of(want))), "%s of %.*s", path, TEXT_ARG(json_text(v)));
}

Test(chat_events, streams_custom_calls)
{
    const gw_event events[] = {
        call(0, "a", "patch"), args(GW_EVENT_CUSTOM_ARGS, 0, "*** "),    args(GW_EVENT_CUSTOM_ARGS, 0, "Begin"),
        call(1, "b", "f"),     args(GW_EVENT_TOOL_ARGS, 1, "{\"n\":1}"), event(GW_EVENT_FINISH, 0, "tool_calls", NULL)
    };
    help_begin();
    const struct json *v = streamed(events, COUNT(events));
    is(v, "0.choices.0.delta", "{\"role\":\"assistant\",\"content\":\"\"}");
    is(v, "1.choices.0.delta.tool_calls.0",
       "{\"index\":0,\"id\":\"a\",\"type\":\"custom\",\"custom\":{\"name\":\"patch\",\"input\":\"\"}}");
    is(v, "2.choices.0.delta.tool_calls.0", "{\"index\":0,\"custom\":{\"input\":\"*** \"}}");
    is(v, "3.choices.0.delta.tool_calls.0", "{\"index\":0,\"custom\":{\"input\":\"Begin\"}}");
    is(v, "4.choices.0.delta.tool_calls.0",
       "{\"index\":1,\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}");
    is(v, "5.choices.0.delta.tool_calls.0", "{\"index\":1,\"function\":{\"arguments\":\"{\\\"n\\\":1}\"}}");
    is(v, "6.choices.0.finish_reason", "\"tool_calls\"");
    cr_assert_eq(json_count(v), 7u);
    help_end();
}

/* A client that gathers a list of calls needs them in order, whenever their arguments come. */
Test(chat_events, opens_calls_in_order_and_once)
{
    const gw_event events[] = { call(0, "a", "f"), call(1, "b", "g"), call(1, "b", "g"),
                                args(GW_EVENT_TOOL_ARGS, 1, "{}"), event(GW_EVENT_FINISH, 0, "tool_calls", NULL) };
    help_begin();
    const struct json *v = streamed(events, COUNT(events));
    is(v, "1.choices.0.delta.tool_calls.0.id", "\"a\"");
    is(v, "2.choices.0.delta.tool_calls.0.id", "\"b\"");
    is(v, "3.choices.0.delta.tool_calls.0", "{\"index\":1,\"function\":{\"arguments\":\"{}\"}}");
    is(v, "4.choices.0.delta.tool_calls.0", "{\"index\":0,\"function\":{\"arguments\":\"{}\"}}");
    cr_assert_eq(json_count(v), 6u);
    help_end();
}

#define IMAGE "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,aGk=\"}}"
#define AUDIO "{\"id\":\"au\",\"data\":\"aGk=\"}"

Test(chat_events, tells_media)
{
    const gw_event events[] = { event(GW_EVENT_MEDIA, 0, NULL, IMAGE),
                                event(GW_EVENT_MEDIA, 0, NULL, "{\"type\":\"audio\",\"audio\":" AUDIO "}"),
                                event(GW_EVENT_FINISH, 0, "stop", NULL) };
    help_begin();
    const struct json *v = streamed(events, COUNT(events));
    is(v, "1.choices.0.delta", "{\"images\":[" IMAGE "]}");
    is(v, "2.choices.0.delta", "{\"audio\":" AUDIO "}");
    v = whole(events, COUNT(events));
    is(v, "choices.0.message.images", "[" IMAGE "]");
    is(v, "choices.0.message.audio", AUDIO);
    help_end();
}

Test(chat_events, begins_each_choice_with_its_role)
{
    const gw_event events[] = { event(GW_EVENT_LOGPROBS, 1, NULL, "[{\"token\":\"a\"}]"),
                                event(GW_EVENT_TEXT, 1, "a", NULL), event(GW_EVENT_TEXT, 0, "b", NULL),
                                event(GW_EVENT_FINISH, 0, "stop", NULL) };
    help_begin();
    const struct json *v = streamed(events, COUNT(events));
    is(v, "0.choices.0",
       "{\"index\":1,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,"
       "\"finish_reason\":null}");
    is(v, "1.choices.0.logprobs", "{\"content\":[{\"token\":\"a\"}]}");
    is(v, "3.choices.0.delta", "{\"role\":\"assistant\",\"content\":\"\"}");
    /* each choice has a finish reason: SDKs do not take an answer without one */
    is(v, "5.choices.0.finish_reason", "\"stop\"");
    is(v, "6.choices.0", "{\"index\":1,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}");
    cr_assert_eq(json_count(v), 7u);
    help_end();
}

Test(chat_events, has_a_finish_reason_in_every_whole_answer)
{
    const gw_event text[] = { event(GW_EVENT_TEXT, 0, "a", NULL) };
    const gw_event calls[] = { call(0, "a", "f") };
    help_begin();
    is(whole(text, COUNT(text)), "choices.0.finish_reason", "\"stop\"");
    is(whole(calls, COUNT(calls)), "choices.0.finish_reason", "\"tool_calls\"");
    help_end();
}

Test(chat_events, leaves_out_what_is_no_json)
{
    const gw_event events[] = { event(GW_EVENT_TEXT, 0, "a", NULL),          event(GW_EVENT_CITATION, 0, NULL, "{oops"),
                                event(GW_EVENT_CITATION, 0, NULL, "{}"),     event(GW_EVENT_LOGPROBS, 0, NULL, "[1"),
                                event(GW_EVENT_LOGPROBS, 0, NULL, "\"no\""), event(GW_EVENT_MEDIA, 0, NULL, "]"),
                                event(GW_EVENT_FINISH, 0, "stop", NULL) };
    help_begin();
    const struct json *v = streamed(events, COUNT(events));
    cr_assert_eq(json_count(v), 4u, "%.*s", TEXT_ARG(json_text(v)));
    v = whole(events, COUNT(events));
    is(v, "choices.0.message.content", "\"a\"");
    is(v, "choices.0.message.annotations", "[{}]");
    is(v, "choices.0.logprobs", "null");
    help_end();
}

/* An upstream's own JSON may stand on many lines; an event of a stream is one. */
Test(chat_events, keeps_each_event_on_its_line)
{
    gw_event signed_text = help_event(GW_EVENT_SIGNATURE, 0, "x-v1", "s", "{\n\"signature\":\r\n\"s\"}");
    const gw_event events[] = { event(GW_EVENT_CITATION, 0, NULL, "{\n \"type\":\"url_citation\",\r\n \"n\":1}"),
                                event(GW_EVENT_LOGPROBS, 0, NULL, "[\n{\"token\":\"a\"}\n]"),
                                event(GW_EVENT_MEDIA, 0, NULL, "{\n\"type\":\"image_url\"}"), signed_text };
    help_begin();
    const struct json *v = streamed(events, COUNT(events));
    is(v, "1.choices.0.delta.annotations.0.n", "1");
    is(v, "2.choices.0.logprobs.content", "[{\"token\":\"a\"}]");
    is(v, "3.choices.0.delta.images.0.type", "\"image_url\"");
    is(v, "4.choices.0.delta.reasoning_details", "[{\"signature\":\"s\"}]");
    help_end();
}

/* A list of a stream is gathered by "index": each citation has its place, unless it brings one. */
Test(chat_events, numbers_citations)
{
    const gw_event events[] = {
        event(GW_EVENT_CITATION, 0, NULL, " {\"a\":1} "), event(GW_EVENT_CITATION, 0, NULL, "{\"a\":1,\"index\":7}"),
        event(GW_EVENT_CITATION, 0, NULL, "[{\"a\":1}]"), event(GW_EVENT_CITATION, 0, NULL, "{}"),
        event(GW_EVENT_CITATION, 0, NULL, "{\"b\":2}"),   event(GW_EVENT_CITATION, 1, NULL, "{\"c\":3}")
    };
    help_begin();
    const struct json *v = streamed(events, COUNT(events));
    is(v, "1.choices.0.delta", "{\"annotations\":[{\"index\":0,\"a\":1}]}");
    is(v, "2.choices.0.delta", "{\"annotations\":[{\"a\":1,\"index\":7}]}");
    is(v, "3.choices.0.delta", "{\"annotations\":[[{\"a\":1}]]}");
    is(v, "4.choices.0.delta", "{\"annotations\":[{}]}");
    is(v, "5.choices.0.delta", "{\"annotations\":[{\"index\":4,\"b\":2}]}");
    is(v, "7.choices.0.delta", "{\"annotations\":[{\"index\":0,\"c\":3}]}");
    help_end();
}

/* pause_turn means: send this turn again to go on. Chat has no word for it, so it is reported beside "stop". */
Test(chat_events, tells_the_upstreams_own_reason_where_it_says_more)
{
    gw_event events[] = { event(GW_EVENT_TEXT, 0, "a", NULL), event(GW_EVENT_FINISH, 0, "stop", NULL) };
    help_begin();
    const struct json *v = streamed(events, COUNT(events));
    cr_assert_null(help_at(v, "2.choices.0.native_finish_reason"));
    events[1].code = GW_LIT("pause_turn");
    v = streamed(events, COUNT(events));
    is(v, "2.choices.0.finish_reason", "\"stop\"");
    is(v, "2.choices.0.native_finish_reason", "\"pause_turn\"");
    v = whole(events, COUNT(events));
    is(v, "choices.0.finish_reason", "\"stop\"");
    is(v, "choices.0.native_finish_reason", "\"pause_turn\"");
    help_end();
}
