/* test_responses_write.c - an answer of OpenAI responses that the gateway makes of one text: streamed and whole, byte for byte. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "messages_help.h"

static struct buf out;

static void begin(void)
{
    help_begin();
    buf_init(&out, 1 << 21);
    help.answer = (struct face_answer){ .arena = &help.arena,
                                        .ask = &help.ask,
                                        .request_id = TEXT("id-1"),
                                        .model = TEXT("m"),
                                        .created = 1700000000,
                                        .usage = &help.usage };
}

static void end(void)
{
    buf_free(&out);
    help_end();
}

static void stream(uint32_t type, const char *text)
{
    gw_event event = help_event(type, 0, "", text, "");
    face_responses.stream_event(&help.answer, &event, &out);
}

static void fold(uint32_t type, const char *text)
{
    gw_event event = help_event(type, 0, "", text, "");
    face_responses.fold_event(&help.answer, &event);
}

static const char *written(void)
{
    static char text[8000];
    struct text view = buf_view(&out);
    cr_assert_lt(view.len, sizeof text);
    memcpy(text, view.ptr, view.len);
    text[view.len] = '\0';
    return text;
}

#define ITEM(status, content)                                                                                          \
    "{\"id\":\"msg_id-1\",\"type\":\"message\",\"role\":\"assistant\",\"status\":\"" status "\",\"content\":[" content \
    "]}"
#define PART(text) "{\"type\":\"output_text\",\"text\":\"" text "\",\"annotations\":[]}"
#define REFUSAL(text) "{\"type\":\"refusal\",\"refusal\":\"" text "\"}"
#define RESPONSE(status, details, output, usage)                                                                       \
    "{\"id\":\"resp_id-1\",\"object\":\"response\",\"created_at\":1700000000,\"model\":\"m\",\"status\":\"" status     \
    "\",\"error\":null,\"incomplete_details\":" details ",\"output\":[" output "],\"usage\":" usage "}"
#define NO_USAGE "{\"input_tokens\":0,\"output_tokens\":0,\"total_tokens\":0}"
#define EVENT(type, number, members)                                                                                   \
    "event: " type "\ndata: {\"type\":\"" type "\",\"sequence_number\":" number "," members "}\n\n"
#define OF_PART "\"item_id\":\"msg_id-1\",\"output_index\":0,\"content_index\":0,"

Test(responses_write, streams_a_text)
{
    begin();
    stream(GW_EVENT_START, "x");
    face_responses.stream_end(&help.answer, &out);
    cr_assert_str_eq(written(), "", "nothing was said");
    stream(GW_EVENT_TEXT, "a\"");
    stream(GW_EVENT_TEXT, "b");
    stream(GW_EVENT_FINISH, "stop");
    face_responses.stream_end(&help.answer, &out);
    cr_assert_str_eq(
        written(),
        EVENT("response.created", "0", "\"response\":" RESPONSE("in_progress", "null", "", "null"))
            EVENT("response.output_item.added", "1", "\"output_index\":0,\"item\":" ITEM("in_progress", ""))
                EVENT("response.content_part.added", "2", OF_PART "\"part\":" PART(""))
                    EVENT("response.output_text.delta", "3", OF_PART "\"delta\":\"a\\\"\"")
                        EVENT("response.output_text.delta", "4", OF_PART "\"delta\":\"b\"")
                            EVENT("response.output_text.done", "5", OF_PART "\"text\":\"a\\\"b\"")
                                EVENT("response.content_part.done", "6", OF_PART "\"part\":" PART("a\\\"b"))
                                    EVENT("response.output_item.done", "7",
                                          "\"output_index\":0,\"item\":" ITEM("completed", PART("a\\\"b")))
                                        EVENT("response.completed", "8",
                                              "\"response\":" RESPONSE("completed", "null",
                                                                       ITEM("completed", PART("a\\\"b")), NO_USAGE)));
    end();
}

Test(responses_write, streams_a_refusal)
{
    begin();
    stream(GW_EVENT_REFUSAL, "no");
    stream(GW_EVENT_FINISH, "length");
    face_responses.stream_end(&help.answer, &out);
    cr_assert_str_eq(
        written(),
        EVENT("response.created", "0", "\"response\":" RESPONSE("in_progress", "null", "", "null"))
            EVENT("response.output_item.added", "1", "\"output_index\":0,\"item\":" ITEM("in_progress", ""))
                EVENT("response.content_part.added", "2", OF_PART "\"part\":" REFUSAL(""))
                    EVENT("response.refusal.delta", "3", OF_PART "\"delta\":\"no\"")
                        EVENT("response.refusal.done", "4", OF_PART "\"refusal\":\"no\"")
                            EVENT("response.content_part.done", "5", OF_PART "\"part\":" REFUSAL("no"))
                                EVENT("response.output_item.done", "6",
                                      "\"output_index\":0,\"item\":" ITEM("completed", REFUSAL("no")))
                                    EVENT("response.incomplete", "7",
                                          "\"response\":" RESPONSE("incomplete", "{\"reason\":\"max_output_tokens\"}",
                                                                   ITEM("completed", REFUSAL("no")), NO_USAGE)));
    end();
}

Test(responses_write, folds_a_whole_answer)
{
    static const struct {
        uint32_t type;
        const char *finish, *body;
    } rows[] = {
        { GW_EVENT_TEXT, "stop", RESPONSE("completed", "null", ITEM("completed", PART("hi")), NO_USAGE) },
        { GW_EVENT_TEXT, "", RESPONSE("completed", "null", ITEM("completed", PART("hi")), NO_USAGE) },
        { GW_EVENT_TEXT, "length",
          RESPONSE("incomplete", "{\"reason\":\"max_output_tokens\"}", ITEM("completed", PART("hi")), NO_USAGE) },
        { GW_EVENT_REFUSAL, "content_filter",
          RESPONSE("incomplete", "{\"reason\":\"content_filter\"}", ITEM("completed", REFUSAL("hi")), NO_USAGE) },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        fold(rows[i].type, "h");
        fold(rows[i].type, "i");
        fold(GW_EVENT_REASONING, "not this");
        if (rows[i].finish[0] != '\0')
            fold(GW_EVENT_FINISH, rows[i].finish);
        cr_assert(face_responses.fold_end(&help.answer, &out));
        cr_assert_str_eq(written(), rows[i].body);
        end();
    }
}

/* A text that has no room is no answer. */
Test(responses_write, has_an_end_to_what_it_keeps)
{
    static char text[(1 << 20) + 2];

    for (size_t over = 0; over < 2; over++) {
        begin();
        memset(text, 'x', (1 << 20) + over);
        fold(GW_EVENT_TEXT, text);
        cr_assert_eq(face_responses.fold_end(&help.answer, &out), over == 0);
        end();
    }
    begin();
    buf_free(&out);
    buf_init(&out, 100);
    fold(GW_EVENT_TEXT, "hi");
    cr_assert_not(face_responses.fold_end(&help.answer, &out), "nor one that cannot be written");
    end();
}
