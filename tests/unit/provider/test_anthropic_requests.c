/* test_anthropic_requests.c - chats, each with the request that Anthropic must get for it: the files of
 * tests/provider/anthropic/requests. A row has a model, a chat, and the expected "messages" (compared by meaning;
 * "model" is not repeated, "max_tokens" where it matters) with the members that are "dropped", or the beginning of
 * the client's error where the chat is "refused". */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "anthropic_case.h"
#include "check.h"

static void check_member(struct arena *arena, const char *where, const struct json *got, const struct json *wanted)
{
    struct text a = case_canonical(arena, got), b = case_canonical(arena, wanted);
    cr_assert(text_eq(a, b), "%s is\n%.*s\nand not\n%.*s", where, TEXT_ARG(a), TEXT_ARG(b));
}

static void check_body(struct arena *arena, const char *where, const struct json *body, const struct json *wanted)
{
    for (size_t i = 0; i < json_count(wanted); i++) {
        struct text name = json_key_at(wanted, i);
        char place[600];
        snprintf(place, sizeof place, "%s: %.*s", where, TEXT_ARG(name));
        check_member(arena, place, json_get(body, name), json_at(wanted, i));
    }
    for (size_t i = 0; i < json_count(body); i++) {
        struct text name = json_key_at(body, i);
        bool is_free = text_is(name, "model") || text_is(name, "max_tokens");
        cr_assert(is_free || json_get(wanted, name) != NULL, "%s: %.*s is not expected", where, TEXT_ARG(name));
    }
}

static void check_row(const char *file, const struct json *row)
{
    static struct replay r;
    static struct built built;
    char model[100], where[500];
    struct text about = json_str(json_member(row, "about")), name = json_str(json_member(row, "model"));
    struct text refused = json_str(json_member(row, "refused")), dropped = json_str(json_member(row, "dropped"));

    snprintf(where, sizeof where, "%s: %.*s", file, TEXT_ARG(about));
    snprintf(model, sizeof model, "%.*s", TEXT_ARG(name));
    replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
    built_begin(&built, &r, GW_OP_CHAT, model, json_member(row, "chat"), json_bool(json_member(row, "stream"), false));
    if (refused.len > 0) {
        cr_assert_eq(built.status, GW_E_REQUEST, "%s: status %d", where, built.status);
        cr_assert(memmem(r.call.explain.ptr, r.call.explain.len, refused.ptr, refused.len) != NULL, "%s: %.*s", where,
                  TEXT_ARG(r.call.explain));
    } else {
        cr_assert_eq(built.status, GW_OK, "%s: status %d: %.*s", where, built.status, TEXT_ARG(r.call.explain));
        cr_assert(text_eq(json_str(json_member(built.body, "model")), name), "%s", where);
        cr_assert_gt(json_int(json_member(built.body, "max_tokens"), 0), 0, "%s", where);
        check_body(&r.keep, where, built.body, json_member(row, "messages"));
        struct text got = built_dropped(&r);
        cr_assert(text_eq(got, dropped.ptr != NULL ? dropped : TEXT("")), "%s: dropped %.*s and not %.*s", where,
                  TEXT_ARG(got), TEXT_ARG(dropped));
    }
    built_end(&built);
    replay_end(&r);
}

static void check_file(const char *name)
{
    char path[1024];
    struct arena arena;

    snprintf(path, sizeof path, "%s/tests/provider/anthropic/requests/%s.json", GW_SOURCE_DIR, name);
    arena_init(&arena, NULL, 0, 16 << 20);
    const struct json *rows = case_parse(&arena, replay_file(&arena, path));
    cr_assert_gt(json_count(rows), 0u);
    for (size_t i = 0; i < json_count(rows); i++)
        check_row(name, json_at(rows, i));
    arena_fini(&arena);
}

Test(anthropic_requests, turns)
{
    check_file("turns");
}

Test(anthropic_requests, parts)
{
    check_file("parts");
}

Test(anthropic_requests, tools)
{
    check_file("tools");
}

Test(anthropic_requests, options)
{
    check_file("options");
}

Test(anthropic_requests, thinking)
{
    check_file("thinking");
}

Test(anthropic_requests, history)
{
    check_file("history");
}

Test(anthropic_requests, shapes)
{
    check_file("shape");
}

Test(anthropic_requests, models_by_family_and_version)
{
    check_file("models");
}

Test(anthropic_requests, cache_markers)
{
    check_file("cache");
}

Test(anthropic_requests, members_that_nobody_reads)
{
    check_file("members");
}

/* A chat with deep nesting, and one cut anywhere, must not do more than be refused. */
Test(anthropic_requests, survive_values_of_every_type_everywhere)
{
    static const char *const values[] = { "null", "true",   "7",  "-1.5",   "\"x\"",
                                          "[]",   "[null]", "{}", "[[{}]]", "[\"x\"]" };
    static const char *const members[] = {
        "messages",
        "tools",
        "tool_choice",
        "response_format",
        "reasoning",
        "reasoning_effort",
        "thinking",
        "stop",
        "user",
        "metadata",
        "web_search_options",
        "modalities",
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "n",
        "cache_control",
        "service_tier",
        "prompt_cache_options",
        "stream_options",
        "functions",
        "audio",
        "logprobs",
        "parallel_tool_calls",
    };
    static struct replay r;
    static struct built built;
    char chat[1024];

    for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            snprintf(chat, sizeof chat, "{\"%s\":%s%s}", members[m], values[v],
                     m == 0 ? "" : ",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]");
            replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
            built_begin(&built, &r, GW_OP_CHAT, "claude-haiku-4-5", case_parse(&r.keep, text_of(chat)), false);
            cr_assert(built.status == GW_OK || built.status == GW_E_REQUEST, "%s: %d", chat, built.status);
            cr_assert(built.status == GW_OK || r.call.explain.len > 0, "%s", chat);
            built_end(&built);
            replay_end(&r);
        }
    }
}

Test(anthropic_requests, survive_values_of_every_type_in_messages)
{
    static const char *const values[] = { "null",
                                          "true",
                                          "7",
                                          "\"x\"",
                                          "[]",
                                          "[null]",
                                          "{}",
                                          "[[{}]]",
                                          "[\"x\"]",
                                          "[{}]",
                                          "[{\"type\":\"text\"}]",
                                          "[{\"type\":\"image_url\"}]",
                                          "[{\"type\":7}]" };
    static const char *const members[] = {
        "role",     "content", "tool_calls",    "tool_call_id", "name", "reasoning_details", "thinking_blocks",
        "x_origin", "refusal", "cache_control", "audio"
    };
    static const char *const roles[] = { "system", "user", "assistant", "tool" };
    static struct replay r;
    static struct built built;
    char chat[1024];

    for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            for (size_t k = 0; k < 4; k++) {
                snprintf(chat, sizeof chat,
                         "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{%s%s%s\"%s\":%s},7,null]}",
                         m == 0 ? "" : "\"role\":\"", m == 0 ? "" : roles[k], m == 0 ? "" : "\",", members[m],
                         values[v]);
                replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
                built_begin(&built, &r, GW_OP_CHAT, "claude-opus-5", case_parse(&r.keep, text_of(chat)), false);
                cr_assert_eq(built.status, GW_E_REQUEST, "%s", chat);
                built_end(&built);
                replay_end(&r);
            }
        }
    }
}

Test(anthropic_requests, rules)
{
    check_file("rules");
}
