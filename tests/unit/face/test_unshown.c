/* test_unshown.c - every kind of event, to each face, streamed and whole: it arrives, or is named among what the API cannot
 * show. */
#include "check.h"
#include "messages_help.h"

struct row {
    gw_event event;
    const char *chat, *messages; /* a piece of the answer; "!part": named as that; NULL: no part of an answer */
};

#define EVENT(kind, ...)                                                                                               \
    {                                                                                                                  \
        .size = sizeof(gw_event), .type = GW_EVENT_##kind, __VA_ARGS__                                                 \
    }
#define S(s)                                                                                                           \
    {                                                                                                                  \
        s, sizeof(s) - 1                                                                                               \
    }
#define CITED "{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"http://zebra/\",\"title\":\"t\"}}"
#define IMAGE "{\"type\":\"image_url\",\"image_url\":{\"url\":\"zebra\"}}"
#define BLOCK "{\"type\":\"server_tool_use\",\"id\":\"zebra\",\"name\":\"n\",\"input\":{}}"

static const struct row rows[] = {
    { EVENT(START, .text = S("zebra")), "zebra", NULL },
    { EVENT(TEXT, .text = S("zebra")), "zebra", "zebra" },
    { EVENT(TEXT, .text = S("zebra"), .index = 1), "zebra", "!answer.choices" },
    { EVENT(REFUSAL, .text = S("zebra")), "zebra", "zebra" },
    { EVENT(REASONING, .text = S("zebra")), "zebra", "zebra" },
    { EVENT(SIGNATURE, .id = S("anthropic-claude-v1"), .text = S("zebra")), "zebra", "zebra" },
    { EVENT(SIGNATURE, .text = S("zebra")), "!answer.signature", "gw1" },
    { EVENT(TOOL_CALL, .id = S("c1"), .text = S("zebra")), "zebra", "zebra" },
    { EVENT(TOOL_ARGS, .text = S("{\"zebra\":1}")), "zebra", "zebra" },
    { EVENT(CUSTOM_ARGS, .text = S("zebra")), "zebra", "zebra" },
    { EVENT(CITATION, .data = S(CITED)), "zebra", "zebra" },
    { EVENT(CITATION, .data = S("{zebra")), "!answer.annotations", "!answer.annotations" },
    { EVENT(LOGPROBS, .data = S("[{\"token\":\"zebra\"}]")), "zebra", "!answer.logprobs" },
    { EVENT(LOGPROBS, .data = S("zebra")), "!answer.logprobs", "!answer.logprobs" },
    { EVENT(MEDIA, .data = S(IMAGE)), "zebra", "!answer.media" },
    { EVENT(MEDIA, .data = S("zebra")), "!answer.media", "!answer.media" },
    { EVENT(ORIGIN, .id = S("messages"), .data = S(BLOCK)), "zebra", "zebra" },
    { EVENT(ORIGIN, .id = S("messages"), .data = S(BLOCK), .index = 1), "!answer.origin", "!answer.choices" },
    { EVENT(ORIGIN, .id = S("gemini"), .data = S("{\"zebra\":1}")), "!answer.origin", "!answer.origin" },
    { EVENT(FINISH, .text = S("length")), "length", "max_tokens" },
};

static void check_row(size_t i, const struct face *face, bool stream, const char *wanted)
{
    struct buf out;
    gw_event finish = help_event(GW_EVENT_FINISH, 0, NULL, "stop", NULL);
    bool is_named = false;
    if (wanted == NULL)
        return;
    help_begin();
    help_answer(HELP_REQUEST);
    help.answer.dialects = GW_DIALECT_MESSAGES;
    buf_init(&out, 1 << 20);
    gw_event all[] = { help_event(GW_EVENT_TOOL_CALL, 0, "c0", "f", NULL), rows[i].event, finish };
    bool args = rows[i].event.type == GW_EVENT_TOOL_ARGS || rows[i].event.type == GW_EVENT_CUSTOM_ARGS;
    for (size_t k = args ? 0 : 1; k < (rows[i].event.type == GW_EVENT_FINISH ? 2 : 3); k++) {
        if (stream)
            face->stream_event(&help.answer, &all[k], &out);
        else
            face->fold_event(&help.answer, &all[k]);
    }
    if (stream)
        face->stream_end(&help.answer, &out);
    else
        cr_assert(face->fold_end(&help.answer, &out));
    for (const struct ask_dropped *d = help.answer.unshown; d != NULL; d = d->next)
        is_named = is_named || (wanted[0] == '!' && text_is(d->member, wanted + 1));
    cr_assert(wanted[0] == '!' ? is_named : text_find(buf_view(&out), text_of(wanted)) >= 0,
              "row %zu, %s, %s: %s is not in %.*s", i, face == &face_chat ? "chat" : "messages",
              stream ? "streamed" : "whole", wanted, TEXT_ARG(buf_view(&out)));
    buf_free(&out);
    help_end();
}

Test(unshown, every_event_arrives_or_is_named)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int stream = 0; stream < 2; stream++) {
            check_row(i, &face_chat, stream, rows[i].chat);
            check_row(i, &face_messages, stream, rows[i].messages);
        }
}
