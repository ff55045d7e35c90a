/* test_owned.c - what of a request or an answer lives in one account. */
#include "face/owned.h"

#include <stdio.h>

#include "base/buf.h"
#include "check.h"

static const char *found(const struct owned *o)
{
    static char text[300];
    size_t n = (size_t)snprintf(text, sizeof text, "%s", o->count > 0 ? o->member : "");
    for (unsigned i = 0; i < o->count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, " %.*s", TEXT_ARG(o->ids[i]));
    return text;
}

Test(owned, finds_what_a_request_names)
{
    static const struct {
        const char *body, *found;
    } rows[] = {
        { "{\"previous_response_id\" : \"resp_1\",\"input\":\"x\"}", "previous_response_id resp_1" },
        { "{\"previous_response_id\":null}", "" },
        { "{\"conversation\":\"conv_1\"}", "conversation conv_1" },
        { "{\"conversation\":{ \"id\": \"conv_2\" }}", "conversation conv_2" },
        { "{\"input\":[{\"content\":[{\"type\":\"input_file\",\"file_id\":\"file-1\"},{\"file_id\":\"file-2\"}]}]}",
          "file_id file-1 file-2" },
        { "{\"messages\":[{\"content\":[{\"source\":{\"type\":\"file\",\"file_id\":\"file_011C\"}}]}]}",
          "file_id file_011C" },
        { "{\"tools\":[{\"type\":\"file_search\",\"vector_store_ids\":[\"vs_1\"]}]}", "vector_store_ids vs_1" },
        { "{\"tools\":[{\"type\":\"code_interpreter\",\"container\":{\"type\":\"auto\"}}]}", "" },
        { "{\"tools\":[{\"type\":\"code_interpreter\",\"container\":\"cntr_1\"}]}", "container cntr_1" },
        { "{\"container\":{\"id\":\"container_1\"}}", "container container_1" },
        { "{\"cachedContent\":\"cachedContents/1\"}", "cachedContent cachedContents/1" },
        { "{\"input\":[{\"type\":\"reasoning\",\"encrypted_content\":\"gAA1\"},{\"type\":\"reasoning\",\"encrypted_content\":\"gAA2\"}]}",
          "encrypted_content gAA2" },
        { "{\"messages\":[{\"type\":\"web_search_result\",\"encrypted_content\":\"gAA1\"}]}", "" },
        { "{\"input\":\"look at \\\"file_id\\\":\\\"file-1\\\"\"}", "" }, /* words */
        { "{\"tools\":[{\"parameters\":{\"properties\":{\"file_id\":{\"type\":\"string\"}},\"required\":[\"file_id\"]}}]}",
          "" },
        { "{\"previous_response_id\":\"resp_1", "" },
        { "{\"file_id\":", "" },
        { "", "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct owned o;
        owned_find(text_of(rows[i].body), &o);
        cr_assert_str_eq(found(&o), rows[i].found, "%s: %s", rows[i].body, found(&o));
    }
}

Test(owned, finds_what_an_answer_keeps)
{
    static const struct {
        const char *name, *data, *found; /* name NULL: a whole answer */
    } rows[] = {
        { NULL, "{\"id\":\"resp_1\",\"object\":\"response\",\"output\":[]}", "id resp_1" },
        { NULL, "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\"}", "" },
        { NULL, "{\"id\":\"resp_1\",\"object\":\"response\",\"conversation\":{\"id\":\"conv_1\"}}",
          "id resp_1 conv_1" },
        { NULL, "{\"id\":\"msg_1\",\"type\":\"message\",\"container\":{\"id\":\"container_1\",\"expires_at\":\"x\"}}",
          "container container_1" },
        { NULL,
          "{\"id\":\"resp_1\",\"object\":\"response\",\"output\":[{\"type\":\"reasoning\",\"encrypted_content\":\"gAA\"}]}",
          "encrypted_content gAA resp_1" },
        { NULL, "no JSON", "" },
        { "response.created",
          "{\"type\":\"response.created\",\"response\":{\"object\":\"response\",\"id\":\"resp_2\"}}", "id resp_2" },
        { "", "{\"type\":\"response.created\",\"response\":{\"object\":\"response\",\"id\":\"resp_3\"}}", "id resp_3" },
        { "", "{\"type\":\"response.completed\",\"response\":{\"object\":\"response\",\"id\":\"resp_3\"}}", "" },
        { "response.output_item.done",
          "{\"item\":{\"type\":\"reasoning\",\"id\":\"rs_1\",\"encrypted_content\":\"gAB\"}}",
          "encrypted_content gAB" },
        { "response.output_text.delta", "{\"delta\":\"x\",\"container_id\":\"cntr_1\"}", "" },
        { "message_delta", "{\"delta\":{\"container\":{\"id\":\"container_2\"}}}", "container container_2" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena;
        struct owned o;
        arena_init(&arena, NULL, 0, 1 << 20);
        owned_keep(&arena, rows[i].name != NULL, rows[i].name != NULL ? text_of(rows[i].name) : TEXT_NONE,
                   text_of(rows[i].data), &o);
        cr_assert_str_eq(found(&o), rows[i].found, "%s: %s", rows[i].data, found(&o));
        arena_fini(&arena);
    }
}
