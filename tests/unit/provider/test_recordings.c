/* test_recordings.c - the openai provider reads what real services sent: every recorded chat answer of an
 * OpenAI-shaped service. What is expected is computed here, from the recording, in another way. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "replay.h"

static const char *const services[] = { "azure",          "deepseek", "gemini", "groq",       "huggingface", "llamacpp",
                                        "mistral",        "ollama",   "openai", "openrouter", "perplexity",  "together",
                                        "vercel-gateway", "vllm",     "xai",    "zai",        NULL };

/* The content of the recording, put together without looking at how the provider does it. */
struct expected_choice {
    struct buf text, reasoning, refusal;
    struct {
        int64_t key;
        struct buf name, args;
    } tools[REPLAY_TOOLS];
    unsigned tool_count;
    struct text finish;
};

struct expected {
    struct arena arena;
    struct expected_choice choices[REPLAY_CHOICES];
    const struct json *usage;
    bool done, error;
};

static void add_tool(struct expected_choice *e, const struct json *call, bool whole)
{
    const struct json *function = json_member(call, "function");
    int64_t key = json_int(json_member(call, "index"), -1);
    unsigned at = e->tool_count;

    for (unsigned i = 0; !whole && key >= 0 && i < e->tool_count; i++)
        if (e->tools[i].key == key)
            at = i;
    cr_assert_lt(at, (unsigned)REPLAY_TOOLS);
    if (at == e->tool_count) {
        e->tool_count++;
        e->tools[at].key = key;
        buf_init(&e->tools[at].name, 1 << 20);
        buf_init(&e->tools[at].args, 1 << 20);
        buf_text(&e->tools[at].name, json_str(json_member(function, "name")));
    }
    buf_text(&e->tools[at].args, json_str(json_member(function, "arguments")));
}

static void add_message(struct expected_choice *e, const struct json *message, bool whole)
{
    const struct json *content = json_member(message, "content"), *calls = json_member(message, "tool_calls");
    struct text reasoning = json_str(json_member(message, "reasoning_content"));

    buf_text(&e->text, json_str(content));
    for (size_t i = 0; i < json_count(content); i++) {
        const struct json *part = json_at(content, i), *thinking = json_member(part, "thinking");
        buf_text(&e->text, json_str(json_member(part, "text")));
        for (size_t k = 0; k < json_count(thinking); k++)
            buf_text(&e->reasoning, json_str(json_member(json_at(thinking, k), "text")));
    }
    buf_text(&e->refusal, json_str(json_member(message, "refusal")));
    if (reasoning.len == 0)
        reasoning = json_str(json_member(message, "reasoning"));
    if (reasoning.len == 0) {
        const struct json *details = json_member(message, "reasoning_details");
        for (size_t i = 0; i < json_count(details); i++) {
            buf_text(&e->reasoning, json_str(json_member(json_at(details, i), "text")));
            buf_text(&e->reasoning, json_str(json_member(json_at(details, i), "summary")));
        }
    }
    buf_text(&e->reasoning, reasoning);
    for (size_t i = 0; i < json_count(calls); i++)
        add_tool(e, json_at(calls, i), whole);
    if (json_type(json_member(message, "function_call")) == JSON_T_OBJECT) {
        const struct json *call = json_member(message, "function_call");
        if (e->tool_count == 0) {
            e->tool_count = 1;
            buf_init(&e->tools[0].name, 1 << 20);
            buf_init(&e->tools[0].args, 1 << 20);
            buf_text(&e->tools[0].name, json_str(json_member(call, "name")));
        }
        buf_text(&e->tools[0].args, json_str(json_member(call, "arguments")));
    }
}

static void add_object(struct expected *e, struct text json, bool whole)
{
    struct fail fail = { .kind = FAIL_NONE };
    const struct json *root = json_parse(&e->arena, json, &fail);
    cr_assert_not_null(root, "%s: %.*s", fail.text, TEXT_ARG(json));
    if (json_type(root) == JSON_T_ARRAY)
        root = json_at(root, 0);
    const struct json *choices = json_member(root, "choices");
    const struct json *x_groq = json_member(root, "x_groq");

    for (size_t i = 0; i < json_count(choices); i++) {
        const struct json *choice = json_at(choices, i);
        int64_t index = json_int(json_member(choice, "index"), 0);
        cr_assert(index >= 0 && index < REPLAY_CHOICES);
        add_message(&e->choices[index], whole ? json_member(choice, "message") : json_member(choice, "delta"), whole);
        if (e->choices[index].finish.len == 0)
            e->choices[index].finish = json_str(json_member(choice, "finish_reason"));
    }
    if (json_type(json_member(x_groq, "usage")) == JSON_T_OBJECT)
        e->usage = json_member(x_groq, "usage");
    if (json_type(json_member(root, "usage")) == JSON_T_OBJECT)
        e->usage = json_member(root, "usage");
    if (json_type(json_member(root, "error")) == JSON_T_OBJECT)
        e->error = true;
}

static void expect(struct expected *e, struct text body, bool is_stream)
{
    memset(e, 0, sizeof *e);
    arena_init(&e->arena, NULL, 0, 256 << 20);
    for (size_t i = 0; i < REPLAY_CHOICES; i++) {
        buf_init(&e->choices[i].text, 1 << 20);
        buf_init(&e->choices[i].reasoning, 1 << 20);
        buf_init(&e->choices[i].refusal, 1 << 20);
    }
    if (!is_stream) {
        add_object(e, body, true);
        return;
    }
    while (body.ptr != NULL) {
        struct text line = text_cut(&body, '\n');
        if (!text_starts(line, TEXT("data:")))
            continue;
        line = text_trim((struct text){ line.ptr + 5, line.len - 5 });
        while (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (text_is(line, "[DONE]"))
            e->done = true;
        else
            add_object(e, line, false);
    }
}

static void forget(struct expected *e)
{
    for (struct expected_choice *c = e->choices; c < e->choices + REPLAY_CHOICES; c++) {
        buf_free(&c->text);
        buf_free(&c->reasoning);
        buf_free(&c->refusal);
        for (unsigned i = 0; i < c->tool_count; i++) {
            buf_free(&c->tools[i].name);
            buf_free(&c->tools[i].args);
        }
    }
    arena_fini(&e->arena);
}

static void check_text(const char *path, const char *what, const struct buf *got, const struct buf *wanted)
{
    cr_assert(text_eq(buf_view(got), buf_view(wanted)), "%s: %s is '%.*s' and not '%.*s'", path, what,
              TEXT_ARG(buf_view(got)), TEXT_ARG(buf_view(wanted)));
}

static int64_t told(int64_t n)
{
    return n > 0 ? n : 0;
}

/* Prompt side and completion side apart, each against the recording. */
static void check_usage(const char *path, const struct replay *r, const struct json *usage)
{
    if (usage == NULL) {
        cr_assert_eq(r->usages, 0, "%s", path);
        return;
    }
    cr_assert_gt(r->usages, 0, "%s", path);
    const gw_tokens *t = &r->tokens;
    int64_t prompt = json_int(json_member(usage, "prompt_tokens"), 0);
    int64_t completion = json_int(json_member(usage, "completion_tokens"), 0);
    int64_t total = json_int(json_member(usage, "total_tokens"), -1);
    int64_t cached = json_int(json_member(json_member(usage, "prompt_tokens_details"), "cached_tokens"), -1);
    int64_t reasoning = json_int(json_member(json_member(usage, "completion_tokens_details"), "reasoning_tokens"), -1);
    int64_t in = told(t->input) + told(t->cache_read) + told(t->cache_write_5m) + told(t->cache_write_1h) +
                 told(t->audio_in) + told(t->image_in);
    int64_t out = told(t->output) + told(t->reasoning) + told(t->audio_out) + told(t->image_out);

    cr_assert(t->input >= 0 && t->output >= 0, "%s", path);
    cr_assert_eq(in, prompt, "%s: %lld of %lld", path, (long long)in, (long long)prompt);
    cr_assert_eq(t->total, total, "%s", path);
    cr_assert_eq(in + out, total, "%s: %lld of %lld", path, (long long)(in + out), (long long)total);
    if (total == prompt + completion)
        cr_assert_eq(out, completion, "%s", path);
    if (cached >=
        0) /* Azure's xAI models have more in the cache than in the prompt: no more than the prompt is taken */
        cr_assert_eq(t->cache_read, cached < prompt ? cached : prompt, "%s", path);
    if (reasoning >= 0) /* one OpenRouter recording has more reasoning than completion */
        cr_assert_eq(t->reasoning, total > prompt + completion || reasoning < completion ? reasoning : completion, "%s",
                     path);
    cr_assert(text_eq(buf_view(&r->raw), json_text(usage)), "%s: the raw usage", path);
}

static const char *finish_class(const struct expected_choice *e, bool done)
{
    if (text_is(e->finish, "length") || text_is(e->finish, "content_filter"))
        return text_is(e->finish, "length") ? "length" : "content_filter";
    if (text_is(e->finish, "tool_calls") || text_is(e->finish, "function_call") || e->tool_count > 0)
        return "tool_calls";
    return e->finish.len > 0 || (done && e->text.len > 0) ? "stop" : "";
}

static void check_choice(const char *path, const struct replay_choice *got, const struct expected_choice *e)
{
    check_text(path, "text", &got->text, &e->text);
    check_text(path, "reasoning", &got->reasoning, &e->reasoning);
    check_text(path, "refusal", &got->refusal, &e->refusal);
    cr_assert_eq(got->tool_count, e->tool_count, "%s: %u calls and not %u", path, got->tool_count, e->tool_count);
    for (unsigned i = 0; i < e->tool_count; i++) {
        check_text(path, "the name of a tool", &got->tools[i].name, &e->tools[i].name);
        check_text(path, "the arguments of a tool", &got->tools[i].args, &e->tools[i].args);
        cr_assert_gt(got->tools[i].id.len, 0u, "%s", path);
    }
    cr_assert_leq(got->finish_count, 1u, "%s", path);
}

static void check_answer(const char *path, struct text body, bool is_stream)
{
    static struct replay r;
    static struct expected e;

    expect(&e, body, is_stream);
    replay_begin(&r, gw_plugin_entry_openai(), NULL);
    replay_body(&r, 200, is_stream ? GW_FRAMING_SSE : GW_FRAMING_WHOLE, body, body.len / 2);
    cr_assert_eq(r.status, GW_OK, "%s: %.*s", path, TEXT_ARG(r.call.explain));
    cr_assert_eq(r.errors, e.error ? 1u : 0u, "%s", path);
    cr_assert_eq(r.starts, 1u, "%s", path);
    for (size_t i = 0; i < REPLAY_CHOICES; i++) {
        check_choice(path, &r.choices[i], &e.choices[i]);
        if (!e.error)
            cr_assert_str_eq(r.choices[i].finish, finish_class(&e.choices[i], e.done), "%s: choice %zu", path, i);
    }
    check_usage(path, &r, e.usage);
    replay_end(&r);
    forget(&e);
}

/* What the refusals among the recordings are about. */
static const struct {
    const char *name;
    uint32_t fault;
    const char *code, *param;
} refusals[] = {
    { "azure/chat-error-401-01.json", GW_FAULT_AUTH, "401", "" },
    { "azure/chat-error-404-01.json", GW_FAULT_REQUEST, "DeploymentNotFound", "" },
    { "azure/chat-error-429-01.json", GW_FAULT_RATE_LIMIT, "RateLimitReached", "" },
    { "deepseek/chat-error-400-01.json", GW_FAULT_CONTEXT, "invalid_request_error", "" },
    { "deepseek/chat-error-401-01.json", GW_FAULT_AUTH, "invalid_request_error", "" },
    { "groq/chat-error-400-01.json", GW_FAULT_REQUEST, "tool_use_failed", "" },
    { "groq/chat-error-404-01.json", GW_FAULT_REQUEST, "model_not_found", "" },
    { "mistral/chat-error-401-01.json", GW_FAULT_AUTH, "", "" },
    { "ollama/chat-error-400-01.json", GW_FAULT_CONTEXT, "", "" },
    { "ollama/chat-error-401-01.json", GW_FAULT_AUTH, "", "" },
    { "openai/chat-error-400-01.json", GW_FAULT_REQUEST, "empty_array", "messages" },
    { "openai/chat-error-400-02.json", GW_FAULT_REQUEST, "unsupported_value", "messages[0].role" },
    { "openai/chat-error-400-03.json", GW_FAULT_REQUEST, "invalid_image_url", "" },
    { "openai/chat-error-401-01.json", GW_FAULT_AUTH, "invalid_api_key", "" },
    { "openai/chat-error-401-02.json", GW_FAULT_AUTH, "invalid_api_key", "" },
    { "openai/chat-error-401-03.json", GW_FAULT_AUTH, "invalid_api_key", "" },
    { "openai/chat-error-404-01.json", GW_FAULT_REQUEST, "model_not_found", "" },
    { "openai/chat-error-404-02.json", GW_FAULT_REQUEST, "model_not_found", "" },
    { "openai/chat-error-404-03.json", GW_FAULT_REQUEST, "model_not_found", "" },
    { "openai/chat-error-own_400-01.json", GW_FAULT_REQUEST, "invalid_value", "temperature" },
    { "openai/chat-error-own_401-01.json", GW_FAULT_AUTH, "invalid_api_key", "" },
    { "openai/chat-error-own_404-01.json", GW_FAULT_REQUEST, "model_not_found", "model" },
    { "openrouter/chat-error-400-01.json", GW_FAULT_CONTEXT, "400", "" },
    { "openrouter/chat-error-401-01.json", GW_FAULT_AUTH, "401", "" },
    { "openrouter/chat-error-429-01.json", GW_FAULT_RATE_LIMIT, "429", "" },
    { "perplexity/chat-error-400-01.json", GW_FAULT_CONTEXT, "400", "" },
    { "perplexity/chat-error-401-01.json", GW_FAULT_AUTH, "401", "" },
};

static void check_refusal(const char *name, uint32_t status, struct text body)
{
    static struct replay r;
    size_t row = 0;

    while (row < sizeof refusals / sizeof *refusals && strcmp(refusals[row].name, name) != 0)
        row++;
    cr_assert_lt(row, sizeof refusals / sizeof *refusals, "%s is not in the table of refusals", name);
    replay_begin(&r, gw_plugin_entry_openai(), NULL);
    replay_body(&r, status, GW_FRAMING_WHOLE, body, 0);
    cr_assert_eq(r.status, GW_OK, "%s", name);
    cr_assert_eq(r.events, 1u, "%s: one event and no other", name);
    cr_assert_eq(r.errors, 1u, "%s", name);
    cr_assert_eq(r.error_status, status, "%s", name);
    cr_assert_eq(r.error_fault, refusals[row].fault, "%s: fault %u", name, r.error_fault);
    cr_assert(text_is(buf_view(&r.error_code), refusals[row].code), "%s: code %.*s", name,
              TEXT_ARG(buf_view(&r.error_code)));
    cr_assert(text_is(buf_view(&r.error_param), refusals[row].param), "%s: param", name);
    cr_assert_gt(r.error_text.len, 8u, "%s: there is a text", name);
    replay_end(&r);
}

/* True when it was a chat. */
static bool check_recording(const char *name, const char *path)
{
    struct arena arena;
    arena_init(&arena, NULL, 0, 256 << 20);
    struct fail fail = { .kind = FAIL_NONE };
    const struct json *root = json_parse(&arena, replay_file(&arena, path), &fail);
    cr_assert_not_null(root, "%s: %s", name, fail.text);
    const struct json *response = json_member(root, "response");
    bool is_chat = text_is(json_str(json_member(root, "api")), "chat");
    int64_t status = json_int(json_member(response, "status"), 0);
    struct text body = json_str(json_member(response, "body"));
    struct text type = json_str(json_member(json_member(response, "headers"), "content-type"));

    if (is_chat && status >= 400)
        check_refusal(name, (uint32_t)status, body);
    else if (is_chat)
        check_answer(name, body, text_starts(type, TEXT("text/event-stream")) || text_starts(body, TEXT("data:")));
    arena_fini(&arena);
    return is_chat;
}

static unsigned check_service(const char *service, unsigned least)
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
        count += check_recording(name, path);
    }
    closedir(dir);
    cr_assert_geq(count, check_least(least), "%s has %u recorded chats", service, count);
    return count;
}

Test(recordings, of_openai_are_read)
{
    check_service("openai", 50);
}

Test(recordings, of_azure_and_mistral_are_read)
{
    check_service("azure", 19);
    check_service("mistral", 19);
}

Test(recordings, of_every_service_are_read)
{
    unsigned count = 0;
    for (size_t i = 0; services[i] != NULL; i++)
        count += check_service(services[i], 1);
    cr_assert_geq(count, check_least(150), "%u recorded chats", count);
}
