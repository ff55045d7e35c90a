/* test_common.c - what several faces share, and seldom parts of a chat's. */
#include <string.h>

#include "check.h"
#include "face/face.h"
#include "messages_help.h"

/* The whole body that a provider makes goes out as it is. */
Test(common, passes_a_body_that_a_provider_made)
{
    static const struct face *const faces[] = { &face_completions, &face_embeddings };
    for (size_t i = 0; i < 2; i++) {
        struct buf out;
        gw_event body = help_event(GW_EVENT_BODY, 0, NULL, NULL, "{\"a\":1}");
        help_begin();
        buf_init(&out, 1 << 20);
        help.answer = (struct face_answer){ .arena = &help.arena };
        cr_assert(faces[i]->fold_end(&help.answer, &out), "nothing was made");
        cr_assert_eq(out.len, 0u);
        faces[i]->fold_event(&help.answer, &body);
        cr_assert(faces[i]->fold_end(&help.answer, &out));
        cr_assert(text_is(buf_view(&out), "{\"a\":1}"));
        buf_free(&out);
        help_end();
    }
}

static const char *refused(const struct face *face, const char *body)
{
    help.ask = (struct ask){ .body = text_of(body) };
    help.fail = (struct fail){ .kind = FAIL_NONE };
    cr_assert(face->decode(&help.arena, help.ask.body, &help.ask, &help.fail) < 0, "%s", body);
    return help.fail.text;
}

Test(common, refuses_in_words_that_help)
{
    help_begin();
    cr_assert_not_null(strstr(refused(&face_chat, "{\"model\":\"m\",\"messages\":[],\"n\":0}"),
                              "n must be a whole number from 1 to 128"));
    cr_assert_not_null(strstr(refused(&face_completions, "{\"model\":\"m\"}"), "prompt must be a string or an array"));
    cr_assert_not_null(strstr(refused(&face_completions, "{\"prompt\":\"x\"}"), "model"), "%s", help.fail.text);
    cr_assert_not_null(strstr(refused(&face_completions, "[]"), "object"), "%s", help.fail.text);
    cr_assert_eq(strncmp(refused(&face_chat, "{\"model\":"), "the request body is not valid JSON: ", 36), 0, "%s",
                 help.fail.text);
    help_end();
}

/* Whatever a chat has no word for is named, the first member too. */
Test(common, names_each_member_of_reasoning_that_is_dropped)
{
    help_begin();
    cr_assert_not_null(help_canonical(
        &face_chat,
        TEXT("{\"model\":\"m\",\"input\":\"hi\",\"reasoning\":{\"summary\":\"auto\",\"effort\":\"low\"}}")));
    cr_assert(help_dropped("reasoning.summary"));
    cr_assert_not(help_dropped("reasoning.effort"));
    help_end();
}

/* The container in which Anthropic ran code goes with the blocks of the turn. */
Test(common, gives_a_chat_the_container)
{
    gw_event events[] = { help_event(GW_EVENT_ORIGIN, 0, "messages", NULL, "{\"id\":\"container_1\"}"),
                          help_event(GW_EVENT_TEXT, 0, NULL, "a", NULL),
                          help_event(GW_EVENT_FINISH, 0, NULL, "stop", NULL) };
    struct buf out;
    help_begin();
    help_answer("{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
    help.answer.dialects = GW_DIALECT_MESSAGES;
    events[0].code = GW_LIT("container");
    for (size_t i = 0; i < 3; i++)
        face_chat.fold_event(&help.answer, &events[i]);
    buf_init(&out, 1 << 20);
    cr_assert(face_chat.fold_end(&help.answer, &out));
    cr_assert_str_eq(help_str(help_json(buf_view(&out)), "choices.0.message.x_origin.container.id"), "container_1");
    buf_free(&out);
    help_end();
}

/* No list of calls where none was made: clients would look for the first of it. */
Test(common, gives_a_chat_calls_only_where_there_are_some)
{
    for (int calls = 0; calls < 2; calls++) {
        gw_event events[] = { help_event(GW_EVENT_TEXT, 0, NULL, "a", NULL),
                              help_event(calls ? GW_EVENT_TOOL_CALL : GW_EVENT_TEXT, 0, "c0", "f", NULL),
                              help_event(GW_EVENT_FINISH, 0, NULL, calls ? "tool_calls" : "stop", NULL) };
        struct buf out;
        help_begin();
        help_answer("{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
        for (size_t i = 0; i < 3; i++)
            face_chat.fold_event(&help.answer, &events[i]);
        buf_init(&out, 1 << 20);
        cr_assert(face_chat.fold_end(&help.answer, &out));
        const struct json *list = help_at(help_json(buf_view(&out)), "choices.0.message.tool_calls");
        cr_assert_eq(list != NULL, calls == 1, "%.*s", TEXT_ARG(buf_view(&out)));
        buf_free(&out);
        help_end();
    }
}
