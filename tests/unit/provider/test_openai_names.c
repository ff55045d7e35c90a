/* test_openai_names.c - names of tools and ids of calls that are longer than a service takes: what is sent for them,
 * and what the answer's calls are named. */
#include <string.h>

#include "check.h"
#include "service_case.h"

/* 70 bytes each; they differ at the end. */
#define LONG_A "mcp__a_server_with_a_long_name__and_tools_whose_names_are_long_too_one"
#define LONG_B "mcp__a_server_with_a_long_name__and_tools_whose_names_are_long_too_two"
#define FITS "mcp__a_server_with_a_long_name__and_tools_whose_names_are_long_t" /* 64 */
#define ID_41 "call_678901234567890123456789012345678901"
#define ID_40 "call_67890123456789012345678901234567890"

static const char request[] =
    "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"tool_calls\":["
    "{\"id\":\"" ID_41 "\",\"type\":\"function\",\"function\":{\"name\":\"" LONG_A "\",\"arguments\":\"{}\"}},"
    "{\"id\":\"" ID_40 "\",\"type\":\"function\",\"function\":{\"name\":\"" LONG_B "\",\"arguments\":\"{}\"}}]},"
    "{\"role\":\"tool\",\"tool_call_id\":\"" ID_41 "\",\"content\":\"" LONG_A "\"},"
    "{\"role\":\"tool\",\"tool_call_id\":\"" ID_40 "\",\"content\":\"x\"}],"
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"" LONG_A "\",\"parameters\":{\"name\":\"" LONG_A
    "\"}}},"
    "{\"type\":\"function\",\"function\":{\"name\":\"" LONG_B
    "\",\"strict\":true,\"parameters\":{\"type\":\"object\"}}},"
    "{\"type\":\"function\",\"function\":{\"name\":\"" FITS "\"}}],"
    "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"" LONG_B "\"}}}";

static const struct json *sent(void)
{
    const struct json *body = json_parse(&service_replay.keep, buf_view(&service_http.body), NULL);
    cr_assert_not_null(body);
    return body;
}

static struct text text_at(const struct json *json, const char *path)
{
    char name[32];
    while (*path != '\0') {
        size_t len = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)len, path);
        json =
            name[0] >= '0' && name[0] <= '9' ? json_at(json, (size_t)(name[0] - '0')) : json_get(json, text_of(name));
        path += len + (path[len] == '.');
    }
    return json_str(json);
}

Test(openai_names, what_is_too_long_is_sent_short_and_the_same_everywhere)
{
    static const char *const services[] = { "openai", "azure", "vllm", "mistral" };
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        cr_assert_eq(service_build(services[i], "m", request), GW_OK);
        const struct json *body = sent();
        struct text a = text_at(body, "tools.0.function.name"), b = text_at(body, "tools.1.function.name");
        cr_assert_eq(a.len, 64u);
        cr_assert_eq(b.len, 64u);
        cr_assert(!text_eq(a, b), "%.*s", TEXT_ARG(a));
        cr_assert(text_starts(a, TEXT("mcp__a_server_with_a_long_name__and_tools_whose_names_a_")), "%.*s",
                  TEXT_ARG(a));
        cr_assert(text_is(text_at(body, "tools.2.function.name"), FITS));
        cr_assert(text_eq(text_at(body, "tool_choice.function.name"), b));
        cr_assert(text_eq(text_at(body, "messages.1.tool_calls.0.function.name"), a));
        cr_assert(text_eq(text_at(body, "messages.1.tool_calls.1.function.name"), b));
        cr_assert(text_is(text_at(body, "messages.2.content"), LONG_A), "that is no name");
        cr_assert(text_is(text_at(body, "tools.0.function.parameters.name"), LONG_A), "that is a schema");
        struct text id = text_at(body, "messages.1.tool_calls.0.id"),
                    other = text_at(body, "messages.1.tool_calls.1.id");
        cr_assert_eq(id.len, text_is(text_of(services[i]), "vllm") ? 41u : 9u, "%.*s", TEXT_ARG(id));
        cr_assert(text_eq(text_at(body, "messages.2.tool_call_id"), id));
        cr_assert(text_eq(text_at(body, "messages.3.tool_call_id"), other));
        cr_assert(text_is(other, ID_40) == !text_is(text_of(services[i]), "mistral"), "%.*s", TEXT_ARG(other));
        service_done();
    }
}

/* The answer calls the second tool by the name that it was sent. */
static void answer(const char *format, uint32_t framing, const char *name, const char *whole)
{
    struct buf body;
    buf_init(&body, 1 << 16);
    buf_printf(&body, format, (int)strlen(name), name);
    for (size_t cut = 0; cut <= body.len; cut += framing == GW_FRAMING_WHOLE ? body.len + 1 : 7) {
        cr_assert_eq(service_build("openai", "gpt-4o", request), GW_OK);
        replay_body(&service_replay, 200, framing, buf_view(&body), cut);
        cr_assert_eq(service_replay.status, GW_OK);
        const struct replay_choice *choice = &service_replay.choices[0];
        cr_assert_eq(choice->tool_count, 1u);
        cr_assert(text_is(buf_view(&choice->tools[0].name), whole), "%.*s", TEXT_ARG(buf_view(&choice->tools[0].name)));
        cr_assert(text_is(buf_view(&choice->tools[0].args), "{\"a\":1}"));
        service_done();
    }
    buf_free(&body);
}

static const char whole_answer[] =
    "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"type\":"
    "\"function\","
    "\"function\":{\"name\":\"%.*s\",\"arguments\":\"{\\\"a\\\":1}\"}}]},\"finish_reason\":\"tool_calls\"}]}";
static const char streamed_answer[] =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"type\":\"function\","
    "\"function\":{\"name\":\"%.*s\",\"arguments\":\"\"}}]}}]}\n\n"
    "data: "
    "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":1}\"}}"
    "]}}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";

Test(openai_names, calls_have_the_names_that_the_client_declared)
{
    char name[65];
    cr_assert_eq(service_build("openai", "gpt-4o", request), GW_OK);
    snprintf(name, sizeof name, "%.*s", TEXT_ARG(text_at(sent(), "tools.1.function.name")));
    service_done();
    answer(whole_answer, GW_FRAMING_WHOLE, name, LONG_B);
    answer(streamed_answer, GW_FRAMING_SSE, name, LONG_B);
    answer(streamed_answer, GW_FRAMING_SSE, FITS, FITS);
    answer(whole_answer, GW_FRAMING_WHOLE, LONG_A, LONG_A); /* one that guesses right is right */
}

/* Arguments may be the object itself, and have a name in it. */
Test(openai_names, what_a_tool_is_told_is_no_name)
{
    cr_assert_eq(service_build("openai", "gpt-4o",
                               "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\","
                               "\"arguments\":{\"name\":\"" LONG_A "\"}}}]}]}"),
                 GW_OK);
    cr_assert(text_is(text_at(sent(), "messages.0.tool_calls.0.function.arguments.name"), LONG_A));
    service_done();
}

Test(openai_names, an_id_that_is_none_is_no_end)
{
    cr_assert_eq(service_build("mistral", "m",
                               "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":null}]},"
                               "{\"role\":\"tool\",\"tool_call_id\":null,\"content\":\"x\"}]}"),
                 GW_OK);
    cr_assert(text_eq(text_at(sent(), "messages.0.tool_calls.0.id"), text_at(sent(), "messages.1.tool_call_id")));
    service_done();
}

Test(openai_names, a_character_is_not_cut)
{
    /* Byte 55 is the second of an e with an accent. */
    char name[80];
    snprintf(name, sizeof name, "%.54s\xc3\xa9%.20s", LONG_A, LONG_A);
    char body[200];
    snprintf(body, sizeof body, "{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"%s\"}}]}", name);
    cr_assert_eq(service_build("openai", "gpt-4o", body), GW_OK);
    struct text got = text_at(sent(), "tools.0.function.name");
    cr_assert_eq(got.len, 63u, "%.*s", TEXT_ARG(got));
    cr_assert(text_starts(got, (struct text){ name, 54 }));
    service_done();
}
