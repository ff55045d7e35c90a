/* test_anthropic_names.c - tools and properties that Anthropic gets under other names come back under the client's: in
 * a whole answer and in a stream, wherever its pieces are cut. */
#include <stdio.h>
#include <string.h>

#include "anthropic_case.h"
#include "check.h"

static const char chat[] =
    "{\"messages\":[{\"role\":\"user\",\"content\":\"1\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
    "\"a.b\",\"parameters\":{\"type\":\"object\",\"properties\":{\"$top\":{\"type\":\"integer\"},\"quo\\\"te\":{},"
    "\"plain\":{}}}}},{\"type\":\"custom\",\"custom\":{\"name\":\"c.d\"}},{\"type\":\"function\",\"function\":{"
    "\"name\":\"e\",\"parameters\":{\"type\":\"object\",\"properties\":{\"$top\":{}}}}}]}";

/* What the model writes, and what the client must get. */
static const struct {
    const char *tool, *name, *sent, *wanted;
} calls[] = {
    { "a_b", "a.b", "{\"_top\":1}", "{\"$top\":1}" },
    { "a_b", "a.b",
      "{ \"_top\" : {\"_top\":[\"_top\",{\"_top\":2}]} , \"quo_te\":\"_top\",\"plain\":\"a\\\"_top\\\\\" }",
      "{ \"$top\" : {\"_top\":[\"_top\",{\"_top\":2}]} , \"quo\\\"te\":\"_top\",\"plain\":\"a\\\"_top\\\\\" }" },
    { "a_b", "a.b", "{\"x\":{},\"_top\":[{\"_top\":1},\"}\"],\"oth\\\"er\":1,\"_top\":null}",
      "{\"x\":{},\"$top\":[{\"_top\":1},\"}\"],\"oth\\\"er\":1,\"$top\":null}" },
    { "a_b", "a.b", "{}", "{}" },
    { "e", "e", "{\"_top\":\"\",\"a.b\":1}", "{\"$top\":\"\",\"a.b\":1}" },
    { "unknown", "unknown", "{\"_top\":1}", "{\"_top\":1}" },
};

static struct replay r;
static struct built built;
static struct buf body;

static void begin(void)
{
    replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
    built_begin(&built, &r, GW_OP_CHAT, "claude-haiku-4-5", case_parse(&r.keep, text_of(chat)), false);
    cr_assert_eq(built.status, GW_OK);
    buf_init(&body, 1 << 20);
}

static void end(void)
{
    buf_free(&body);
    built_end(&built);
    replay_end(&r);
}

static void check_call(const char *name, const char *args, bool custom)
{
    cr_assert_eq(r.status, GW_OK);
    cr_assert_eq(r.choices[0].tool_count, 1u);
    struct replay_tool *tool = &r.choices[0].tools[0];
    cr_assert_eq(tool->custom, custom);
    cr_assert(text_is(buf_view(&tool->name), name), "%.*s", TEXT_ARG(buf_view(&tool->name)));
    cr_assert(text_is(buf_view(&tool->args), args), "%.*s and not %s", TEXT_ARG(buf_view(&tool->args)), args);
}

Test(anthropic_names, come_back_whole)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        begin();
        buf_printf(
            &body,
            "{\"type\":\"message\",\"content\":[{\"type\":\"tool_use\",\"id\":\"i\",\"name\":\"%s\",\"input\":%s}],"
            "\"stop_reason\":\"tool_use\"}",
            calls[i].tool, calls[i].sent);
        replay_body(&r, 200, GW_FRAMING_WHOLE, buf_view(&body), body.len);
        check_call(calls[i].name, calls[i].wanted, false);
        end();
    }
}

static void put_event(const char *type, const char *members)
{
    buf_printf(&body, "event: %s\ndata: {\"type\":\"%s\"%s}\n\n", type, type, members);
}

static void put_piece(const char *from, size_t len)
{
    buf_str(&body,
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
            "\"input_json_delta\",\"partial_json\":\"");
    for (size_t i = 0; i < len; i++) {
        if (from[i] == '"' || from[i] == '\\')
            buf_str(&body, "\\");
        buf_printf(&body, "%c", from[i]);
    }
    buf_str(&body, "\"}}\n\n");
}

/* In pieces of `step` bytes. */
static void stream_call(const char *tool, const char *input, size_t step)
{
    char start[300];
    size_t len = strlen(input);

    snprintf(start, sizeof start,
             ",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"i\",\"name\":\"%s\",\"input\":{}}", tool);
    put_event("message_start", ",\"message\":{\"id\":\"m\",\"content\":[]}");
    put_event("content_block_start", start);
    for (size_t at = 0; at < len; at += step)
        put_piece(input + at, len - at < step ? len - at : step);
    put_event("content_block_stop", ",\"index\":0");
    put_event("message_delta", ",\"delta\":{\"stop_reason\":\"tool_use\"}");
    put_event("message_stop", "");
    replay_body(&r, 200, GW_FRAMING_SSE, buf_view(&body), body.len);
}

Test(anthropic_names, come_back_in_a_stream_cut_anywhere)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        for (size_t step = 1; step <= strlen(calls[i].sent); step++) {
            begin();
            stream_call(calls[i].tool, calls[i].sent, step);
            check_call(calls[i].name, calls[i].wanted, false);
            end();
        }
    }
}

Test(anthropic_names, of_a_custom_tool)
{
    begin();
    stream_call("c_d", "{\"input\":\"text\"}", 3);
    check_call("c.d", "text", true);
    end();
}

static bool fits(struct text name)
{
    for (size_t i = 0; i < name.len; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", name.ptr[i]) == NULL)
            return false;
    return name.len > 0 && name.len <= 128;
}

/* Many tools that all must have other names: each gets one, and no two the same. */
Test(anthropic_names, no_two_are_the_same)
{
    struct json_writer w;
    struct buf many;
    char name[40];

    replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
    buf_init(&many, 16 << 20);
    json_writer_init(&w, &many);
    json_object(&w);
    json_name(&w, "messages");
    json_array(&w);
    json_close(&w);
    json_name(&w, "tools");
    json_array(&w);
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "t%u%c", i / 4, "._:/"[i % 4]);
        json_object(&w);
        json_name(&w, "type");
        json_put_str(&w, TEXT("function"));
        json_name(&w, "function");
        json_object(&w);
        json_name(&w, "name");
        json_put_str(&w, text_of(name));
        json_close(&w);
        json_close(&w);
    }
    json_close(&w);
    json_close(&w);
    cr_assert_eq(json_end(&w), 0);
    built_begin(&built, &r, GW_OP_CHAT, "claude-haiku-4-5", case_parse(&r.keep, buf_view(&many)), false);
    cr_assert_eq(built.status, GW_OK, "%.*s", TEXT_ARG(r.call.explain));
    const struct json *tools = json_member(built.body, "tools");
    cr_assert_eq(json_count(tools), 2000u);
    for (size_t i = 0; i < 2000; i++) {
        struct text one = json_str(json_member(json_at(tools, i), "name"));
        cr_assert(fits(one), "%.*s", TEXT_ARG(one));
        for (size_t k = i + 1; k < 2000 && k < i + 8; k++)
            cr_assert(!text_eq(one, json_str(json_member(json_at(tools, k), "name"))), "%.*s", TEXT_ARG(one));
    }
    buf_free(&many);
    built_end(&built);
    replay_end(&r);
}
