/* test_relayed.c - what the providers find in answers that are relayed: usage, finish and errors of the recorded
 * responses, embeddings and text completions, and of rerank, images and audio. What is expected is computed here. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "replay.h"

static struct replay r;

/* A relayed request of this kind, so that read() knows what it reads. */
static void ask(const gw_plugin *plugin, uint32_t operation, uint32_t dialect, bool stream)
{
    struct gw_http http;
    gw_request req = { .size = sizeof req,
                       .operation = operation,
                       .dialect = dialect,
                       .stream = stream,
                       .model = GW_LIT("m"),
                       .base_url = GW_LIT("http://127.0.0.1:1/v1"),
                       .path = GW_LIT("/some/thing") };
    replay_begin(&r, plugin, NULL);
    call_http_init(&http, &r.call, 1 << 20);
    cr_assert_eq(r.ops->build(r.instance, &r.call, &req, &http), GW_OK, "%.*s", TEXT_ARG(r.call.explain));
    call_http_fini(&http);
}

static int64_t told(int64_t n)
{
    return n > 0 ? n : 0;
}

static void check_sums(const char *name, const struct json *usage)
{
    const gw_tokens *t = &r.tokens;
    int64_t input = json_int(json_member(usage, "input_tokens"), json_int(json_member(usage, "prompt_tokens"), -1));
    int64_t output =
        json_int(json_member(usage, "output_tokens"), json_int(json_member(usage, "completion_tokens"), 0));
    int64_t total = json_int(json_member(usage, "total_tokens"), -1);
    int64_t cached = json_int(json_member(json_member(usage, "input_tokens_details"), "cached_tokens"), -1);
    int64_t reasoning = json_int(json_member(json_member(usage, "output_tokens_details"), "reasoning_tokens"), -1);
    int64_t in = told(t->input) + told(t->cache_read) + told(t->cache_write_5m) + told(t->audio_in) + told(t->image_in);
    int64_t out = told(t->output) + told(t->reasoning) + told(t->audio_out) + told(t->image_out);

    cr_assert_eq(r.usages, 1u, "%s", name);
    cr_assert_eq(in, input >= 0 ? input : total, "%s: %lld in", name, (long long)in);
    cr_assert_eq(in + out, total >= 0 ? total : input + output, "%s: %lld in all", name, (long long)(in + out));
    if (cached >= 0)
        cr_assert_eq(t->cache_read, cached, "%s", name);
    if (reasoning >= 0)
        cr_assert_eq(t->reasoning, reasoning, "%s", name);
    cr_assert(text_eq(buf_view(&r.raw), json_text(usage)), "%s", name);
}

/* The response of the event that ends a stream, as the recording has it. */
static const struct json *last_response(struct arena *arena, struct text body)
{
    const struct json *found = NULL;
    while (body.ptr != NULL) {
        struct text line = text_trim(text_cut(&body, '\n'));
        if (!text_starts(line, TEXT("data:")) || text_find(line, TEXT("[DONE]")) >= 0)
            continue;
        const struct json *event = json_parse(arena, (struct text){ line.ptr + 5, line.len - 5 }, NULL);
        const struct json *response = json_member(event, "response");
        struct text type = json_str(json_member(event, "type"));
        if (text_is(type, "response.completed") || text_is(type, "response.incomplete") ||
            text_is(type, "response.failed"))
            found = response;
    }
    return found;
}

static const char *finish_of(const struct json *response)
{
    const struct json *output = json_member(response, "output");
    const struct json *why = json_member(json_member(response, "incomplete_details"), "reason");
    if (text_is(json_str(json_member(response, "status")), "incomplete"))
        return text_is(json_str(why), "content_filter") ? "content_filter" : "length";
    for (size_t i = 0; i < json_count(output); i++) {
        struct text type = json_str(json_member(json_at(output, i), "type"));
        if (text_is(type, "function_call") || text_is(type, "custom_tool_call"))
            return "tool_calls";
    }
    return "stop";
}

static void check_response(const char *name, const gw_plugin *plugin, struct arena *arena, struct text body)
{
    bool stream = text_starts(body, TEXT("event:")) || text_starts(body, TEXT("data:")) || text_starts(body, TEXT(":"));
    const struct json *response = stream ? last_response(arena, body) : json_parse(arena, body, NULL);
    ask(plugin, GW_OP_CHAT, GW_DIALECT_RESPONSES, stream);
    replay_body(&r, 200, stream ? GW_FRAMING_SSE : GW_FRAMING_WHOLE, body, body.len / 3);
    cr_assert_eq(r.status, GW_OK, "%s", name);
    if (response == NULL) { /* one recording stops in the middle */
        cr_assert_eq(r.choices[0].finish_count, 0u, "%s", name);
    } else {
        cr_assert_eq(r.errors, 0u, "%s", name);
        cr_assert_str_eq(r.choices[0].finish, finish_of(response), "%s", name);
        check_sums(name, json_member(response, "usage"));
    }
    replay_end(&r);
}

static void check_refusal(const char *name, const gw_plugin *plugin, uint32_t dialect, uint32_t status,
                          struct text body)
{
    ask(plugin, dialect == GW_DIALECT_RESPONSES ? GW_OP_CHAT : GW_OP_EMBEDDINGS, dialect, false);
    replay_body(&r, status, GW_FRAMING_WHOLE, body, 0);
    cr_assert_eq(r.events, 1u, "%s: one event and no other", name);
    cr_assert_eq(r.errors, 1u, "%s", name);
    cr_assert_eq(r.error_status, status, "%s", name);
    bool about_model = text_find(body, TEXT("from this model")) >= 0; /* which another model or account may not meet */
    bool about_us = status == 401 || (status == 403 && !about_model);
    cr_assert_eq(r.error_fault, about_us ? GW_FAULT_AUTH : GW_FAULT_REQUEST, "%s", name);
    cr_assert_gt(r.error_text.len, 8u, "%s", name);
    replay_end(&r);
}

static void check_plain(const char *name, const gw_plugin *plugin, struct arena *arena, struct text body)
{
    ask(plugin, GW_OP_EMBEDDINGS, GW_DIALECT_EMBEDDINGS, false);
    replay_body(&r, 200, GW_FRAMING_WHOLE, body, 0);
    cr_assert_eq(r.errors, 0u, "%s", name);
    check_sums(name, json_member(json_parse(arena, body, NULL), "usage"));
    cr_assert_eq(told(r.tokens.output), 0, "%s", name);
    replay_end(&r);
}

static bool check_recording(const char *name, const char *path, const gw_plugin *plugin)
{
    struct arena arena;
    arena_init(&arena, NULL, 0, 256 << 20);
    const struct json *root = json_parse(&arena, replay_file(&arena, path), NULL);
    const struct json *response = json_member(root, "response");
    struct text api = json_str(json_member(root, "api")), body = json_str(json_member(response, "body"));
    uint32_t status = (uint32_t)json_int(json_member(response, "status"), 0);
    bool responses = text_is(api, "responses"), embeddings = text_is(api, "embeddings");

    if ((responses || embeddings) && status >= 400)
        check_refusal(name, plugin, responses ? GW_DIALECT_RESPONSES : GW_DIALECT_EMBEDDINGS, status, body);
    else if (responses)
        check_response(name, plugin, &arena, body);
    else if (embeddings)
        check_plain(name, plugin, &arena, body);
    arena_fini(&arena);
    return responses || embeddings;
}

static void check_service(const char *service, const gw_plugin *plugin, unsigned least)
{
    char folder[512], name[512], path[1200];
    unsigned count = 0;
    snprintf(name, sizeof name, "recordings/%s", service);
    snprintf(folder, sizeof folder, "%s", check_shared(name));
    DIR *dir = opendir(folder);
    cr_assert_not_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (!text_ends(text_of(entry->d_name), TEXT(".json")))
            continue;
        snprintf(name, sizeof name, "%.100s/%.300s", service, entry->d_name);
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        count += check_recording(name, path, plugin);
    }
    closedir(dir);
    cr_assert_geq(count, check_least(least), "%s has %u recordings", service, count);
}

Test(relayed, responses_and_embeddings_of_openai_are_metered)
{
    check_service("openai", gw_plugin_entry_openai(), 45);
}

Test(relayed, responses_and_embeddings_of_azure_are_metered)
{
    check_service("azure", gw_plugin_entry_azure(), 9);
}

Test(relayed, responses_and_embeddings_of_other_services_are_metered)
{
    check_service("bedrock-mantle", gw_plugin_entry_openai(), 4);
    check_service("deepseek", gw_plugin_entry_openai(), 1);
    check_service("mistral", gw_plugin_entry_openai(), 1);
    check_service("vllm", gw_plugin_entry_openai(), 1);
    check_service("voyage", gw_plugin_entry_openai(), 2);
    check_service("xai", gw_plugin_entry_openai(), 2);
}

Test(relayed, a_text_completion_of_vllm_has_its_finish)
{
    struct arena arena;
    char path[512];
    arena_init(&arena, NULL, 0, 16 << 20);
    snprintf(path, sizeof path, "%s", check_shared("recordings/vllm/completions-truncated-stream-01.json"));
    const struct json *root = json_parse(&arena, replay_file(&arena, path), NULL);
    struct text body = json_str(json_member(json_member(root, "response"), "body"));

    ask(gw_plugin_entry_openai(), GW_OP_COMPLETIONS, GW_DIALECT_COMPLETIONS, true);
    replay_body(&r, 200, GW_FRAMING_SSE, body, body.len / 2);
    cr_assert_str_eq(r.choices[0].finish, "length");
    cr_assert_eq(r.usages, 0u, "it was not asked for usage");
    cr_assert(text_starts(buf_view(&r.choices[0].text), TEXT(".")));
    replay_end(&r);
    arena_fini(&arena);
}

static void read_whole(uint32_t operation, const char *body)
{
    ask(gw_plugin_entry_openai(), operation, GW_DIALECT_OTHER, false);
    replay_body(&r, 200, GW_FRAMING_WHOLE, text_of(body), 0);
    cr_assert_eq(r.status, GW_OK);
    cr_assert_eq(r.errors, 0u);
}

Test(relayed, rerank_counts_searches_or_tokens)
{
    read_whole(GW_OP_RERANK, "{\"digest\":true,\"meta\":{\"billed_units\":{\"search_units\":2}}}");
    cr_assert_eq(r.tokens.server_tool_calls, 2);
    cr_assert_eq(r.tokens.input, 0);
    replay_end(&r);
    read_whole(GW_OP_RERANK, "{\"digest\":true,\"usage\":{\"total_tokens\":31}}");
    cr_assert_eq(r.tokens.input, 31);
    cr_assert_eq(told(r.tokens.output), 0);
    replay_end(&r);
    read_whole(GW_OP_RERANK, "{\"digest\":true,\"meta\":{\"api_version\":{\"version\":\"2\"}}}");
    cr_assert_eq(r.usages, 0u);
    replay_end(&r);
}

Test(relayed, images_and_audio_have_their_own_buckets)
{
    read_whole(GW_OP_IMAGES,
               "{\"digest\":true,\"usage\":{\"total_tokens\":100,\"input_tokens\":50,\"output_tokens\":50,"
               "\"input_tokens_details\":{\"text_tokens\":10,\"image_tokens\":40}}}");
    cr_assert_eq(r.tokens.input, 10);
    cr_assert_eq(r.tokens.image_in, 40);
    cr_assert_eq(r.tokens.image_out, 50);
    cr_assert_eq(r.tokens.output, 0);
    replay_end(&r);
    read_whole(GW_OP_AUDIO,
               "{\"digest\":true,\"usage\":{\"type\":\"tokens\",\"input_tokens\":14,\"input_token_details\":"
               "{\"text_tokens\":0,\"audio_tokens\":14},\"output_tokens\":45,\"total_tokens\":59}}");
    cr_assert_eq(r.tokens.audio_in, 14);
    cr_assert_eq(r.tokens.input, 0);
    cr_assert_eq(r.tokens.output, 45);
    replay_end(&r);
    read_whole(GW_OP_AUDIO, "{\"digest\":true,\"usage\":{\"type\":\"duration\",\"seconds\":9}}");
    cr_assert_eq(r.usages, 0u, "seconds are no tokens");
    replay_end(&r);
}

Test(relayed, the_event_with_usage_ends_a_stream_of_images)
{
    const char *body = "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\"}\n\n"
                       "event: image_generation.completed\ndata: {\"type\":\"image_generation.completed\",\"usage\":"
                       "{\"total_tokens\":3,\"input_tokens\":1,\"output_tokens\":2}}\n\n";
    ask(gw_plugin_entry_openai(), GW_OP_IMAGES, GW_DIALECT_OTHER, true);
    replay_body(&r, 200, GW_FRAMING_SSE, text_of(body), 20);
    cr_assert_str_eq(r.choices[0].finish, "stop");
    cr_assert_eq(r.tokens.image_out, 2);
    replay_end(&r);
}
