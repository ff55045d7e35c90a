/* test_chat_reasoning.c - what an OpenAI client gets of an Anthropic upstream beyond text: reasoning that must come
 * back unchanged, and calls without arguments. */
#include "check.h"
#include "face/face.h"

static struct arena arena;
static struct ask ask;
static struct usage usage;
static struct buf out;

static struct face_answer begin(void)
{
    arena_init(&arena, NULL, 0, 1 << 20);
    ask = (struct ask){ .choices = 1 };
    usage = (struct usage){ .source = USAGE_NONE };
    buf_init(&out, 1 << 16);
    return (struct face_answer){
        .arena = &arena, .ask = &ask, .request_id = TEXT("R"), .model = TEXT("m"), .created = 9, .usage = &usage
    };
}

static void end(void)
{
    buf_free(&out);
    arena_fini(&arena);
}

static gw_event event(uint32_t type, uint32_t item, const char *id, const char *text, const char *data)
{
    struct text i = text_of(id), t = text_of(text), d = text_of(data);
    return (gw_event){ .size = sizeof(gw_event),
                       .type = type,
                       .item = item,
                       .id = { i.ptr, i.len },
                       .text = { t.ptr, t.len },
                       .data = { d.ptr, d.len } };
}

/* The delta of the only chunk that the event adds beside the one with the role. */
static void delta_is(struct face_answer *a, gw_event e, const char *want)
{
    buf_free(&out);
    face_chat.stream_event(a, &e, &out);
    struct text delta = text_of(arena_printf(&arena, "\"delta\":%s,\"logprobs\"", want));
    cr_assert_geq(text_find(buf_view(&out), delta), 0, "%.*s", TEXT_ARG(buf_view(&out)));
}

#define CLAUDE "anthropic-claude-v1"

Test(chat_reasoning, streams_details_beside_the_text)
{
    struct face_answer a = begin();
    delta_is(
        &a, event(GW_EVENT_REASONING, 1, CLAUDE, "hm", NULL),
        "{\"reasoning_content\":\"hm\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"hm\",\"index\":1,"
        "\"format\":\"anthropic-claude-v1\"}]}");
    delta_is(&a, event(GW_EVENT_SIGNATURE, 1, CLAUDE, "EqQB", NULL),
             "{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"signature\":\"EqQB\",\"index\":1,\"format\":"
             "\"anthropic-claude-v1\"}]}");
    delta_is(&a,
             event(GW_EVENT_SIGNATURE, 2, CLAUDE ":redacted", "zz", "{\"type\":\"redacted_thinking\",\"data\":\"zz\"}"),
             "{\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"zz\",\"index\":2,\"format\":"
             "\"anthropic-claude-v1\"}]}");
    delta_is(&a, event(GW_EVENT_SIGNATURE, 0, "other", "E", "{\"type\":\"reasoning.encrypted\",\"data\":\"E\"}"),
             "{\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"E\"}]}");
    delta_is(&a, event(GW_EVENT_REASONING, 0, NULL, "plain", NULL), "{\"reasoning_content\":\"plain\"}");
    buf_free(&out);
    gw_event bare = event(GW_EVENT_SIGNATURE, 0, NULL, "s", NULL);
    face_chat.stream_event(&a, &bare, &out);
    cr_assert_eq(out.len, 0u, "nobody knows what it is a signature of");
    end();
}

Test(chat_reasoning, folds_complete_entries)
{
    struct fail fail;
    struct face_answer a = begin();
    const gw_event events[] = { event(GW_EVENT_REASONING, 0, CLAUDE, "h", NULL),
                                event(GW_EVENT_REASONING, 0, CLAUDE, "m", NULL),
                                event(GW_EVENT_SIGNATURE, 0, CLAUDE, "EqQB", NULL),
                                event(GW_EVENT_SIGNATURE, 1, CLAUDE ":redacted", "zz", NULL),
                                event(GW_EVENT_REASONING, 2, CLAUDE, "more", NULL),
                                event(GW_EVENT_SIGNATURE, 3, "other", "E",
                                      "{\"type\":\"reasoning.encrypted\",\"data\":\"E\"}"),
                                event(GW_EVENT_TEXT, 0, NULL, "a", NULL),
                                event(GW_EVENT_FINISH, 0, NULL, "stop", NULL) };
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        face_chat.fold_event(&a, &events[i]);
    face_chat.fold_end(&a, &out);
    const struct json *v = json_parse(&arena, buf_view(&out), &fail);
    const struct json *m = json_member(json_at(json_member(v, "choices"), 0), "message");
    cr_assert(text_is(json_str(json_member(m, "reasoning_content")), "hmmore"));
    cr_assert(
        text_is(json_text(json_member(m, "reasoning_details")),
                "[{\"type\":\"reasoning.text\",\"text\":\"hm\",\"signature\":\"EqQB\",\"index\":0,\"format\":"
                "\"anthropic-claude-v1\"},"
                "{\"type\":\"reasoning.encrypted\",\"data\":\"zz\",\"index\":1,\"format\":\"anthropic-claude-v1\"},"
                "{\"type\":\"reasoning.text\",\"text\":\"more\",\"index\":2,\"format\":\"anthropic-claude-v1\"},"
                "{\"type\":\"reasoning.encrypted\",\"data\":\"E\"}]"),
        "%.*s", TEXT_ARG(json_text(json_member(m, "reasoning_details"))));
    end();
}

static unsigned count(const char *needle)
{
    struct text rest = buf_view(&out);
    unsigned n = 0;
    for (ptrdiff_t at; (at = text_find(rest, text_of(needle))) >= 0; n++) {
        rest.ptr += at + 1;
        rest.len -= (size_t)at + 1;
    }
    return n;
}

Test(chat_reasoning, gives_calls_without_arguments_empty_ones_before_the_finish)
{
    struct face_answer a = begin();
    const gw_event events[] = {
        event(GW_EVENT_TOOL_CALL, 0, "c0", "f", NULL), event(GW_EVENT_TOOL_ARGS, 0, NULL, "", NULL),
        event(GW_EVENT_TOOL_CALL, 1, "c1", "g", NULL), event(GW_EVENT_TOOL_ARGS, 1, NULL, "{\"a\":1}", NULL),
        event(GW_EVENT_TOOL_CALL, 2, "c2", "h", NULL), event(GW_EVENT_FINISH, 0, NULL, "tool_calls", NULL)
    };
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        face_chat.stream_event(&a, &events[i], &out);
    face_chat.stream_end(&a, &out);
    cr_assert_eq(count("\"arguments\":\"{}\""), 2u);
    cr_assert_geq(text_find(buf_view(&out), TEXT("{\"index\":0,\"function\":{\"arguments\":\"{}\"}}")), 0);
    cr_assert_geq(text_find(buf_view(&out), TEXT("{\"index\":2,\"function\":{\"arguments\":\"{}\"}}")), 0);
    cr_assert_lt(text_find(buf_view(&out), TEXT("{}\"}}")),
                 text_find(buf_view(&out), TEXT("\"finish_reason\":\"tool_calls\"")));
    end();
}
