/* bound_body.c - what of a request's body is not text: images, tools that the upstream runs, what it keeps. It reads all dialects
 * in one go: their names do not collide. */
#include <string.h>

#include "base/json.h"
#include "money/bound.h"

enum { NESTED_MOST = 8 };

static void unbounded(struct bound_body *b, const char *what)
{
    if (b->unbounded == NULL)
        b->unbounded = what;
}

static bool is_data(struct text url)
{
    return text_starts_nocase(url, TEXT("data:image/")) &&
           memmem(url.ptr, url.len < 128 ? url.len : 128, ";base64,", 8) != NULL;
}

static void add_image(struct bound_body *b, const struct json *data)
{
    b->images++;
    b->base64 += json_text(data).len;
}

/* "data:image/png;base64,..." in the body, or somewhere else. */
static void take_url(struct bound_body *b, const struct json *url)
{
    if (json_type(url) == JSON_T_OBJECT)
        url = json_member(url, "url");
    if (is_data(json_str(url)))
        add_image(b, url);
    else
        unbounded(b, "an image that is not in the request itself");
}

/* Which members an object has, roughly: most of those that are asked for are not there. */
static uint64_t key_bit(struct text key)
{
    return key.len == 0 ? 0 : UINT64_C(1) << (((unsigned char)key.ptr[0] * 7u + (unsigned)key.len) % 64u);
}

static uint64_t keys_of(const struct json *object)
{
    uint64_t keys = 0;
    for (size_t i = 0, count = json_count(object); i < count; i++)
        keys |= key_bit(json_key_at(object, i));
    return keys;
}

static const struct json *find(const struct json *object, uint64_t keys, struct text name)
{
    return (keys & key_bit(name)) != 0 ? json_get(object, name) : NULL;
}

static void take_parts(struct bound_body *b, const struct json *parts, int depth);

/* Anthropic's {"type":"base64","data":...} and Bedrock's {"bytes":...}. */
static void take_source(struct bound_body *b, const struct json *source, bool is_image, int depth)
{
    struct text type = json_str(json_member(source, "type"));
    const struct json *data = json_member(source, "data"), *bytes = json_member(source, "bytes");
    if (is_image && (text_is(type, "base64") || bytes != NULL))
        add_image(b, bytes != NULL ? bytes : data);
    else if (!is_image && text_is(type, "content"))
        take_parts(b, json_member(source, "content"), depth + 1);
    else if (is_image || !(text_is(type, "text") || json_member(source, "text") != NULL))
        unbounded(b, is_image ? "an image that is not in the request itself" : "a document");
    if (!is_image) {
        b->documents++;
        b->document_bytes += json_text(source).len;
    }
}

/* Gemini's {"mimeType":"image/png","data":...}. */
static void take_inline(struct bound_body *b, const struct json *data)
{
    struct text type = json_str(json_member(data, "mimeType"));
    if (type.ptr == NULL)
        type = json_str(json_member(data, "mime_type"));
    if (text_starts(type, TEXT("image/")))
        add_image(b, json_member(data, "data"));
    else if (!text_starts(type, TEXT("text/")))
        unbounded(b, "audio, video or a document");
}

/* Parts that name their type. */
static void take_typed(struct bound_body *b, const struct json *part, struct text type, int depth)
{
    static const char *const media[] = { "input_audio",
                                         "audio",
                                         "audio_url",
                                         "video",
                                         "video_url",
                                         "input_video",
                                         "file",
                                         "input_file",
                                         "document_url",
                                         "container_upload",
                                         "image_file",
                                         "image_generation_call",
                                         NULL };
    for (size_t i = 0; media[i] != NULL; i++)
        if (text_is(type, media[i]))
            unbounded(b, "audio, video or a document");
    if (text_is(type, "image_url") || text_is(type, "input_image"))
        take_url(b, json_member(part, "image_url"));
    else if (text_is(type, "image") && json_member(part, "image_url") != NULL)
        take_url(b, json_member(part, "image_url"));
    else if (text_is(type, "image") || text_is(type, "document"))
        take_source(b, json_member(part, "source"), text_is(type, "image"), depth);
    else if (text_is(type, "item_reference"))
        b->stored = true;
}

static void take_part(struct bound_body *b, const struct json *part, int depth)
{
    uint64_t keys = keys_of(part);
    struct text type = json_str(find(part, keys, TEXT("type")));
    const struct json *image = find(part, keys, TEXT("image")), *document = find(part, keys, TEXT("document")),
                      *cache = find(part, keys, TEXT("cache_control"));
    if (text_is(json_str(json_member(cache, "ttl")), "1h"))
        b->hour = true;
    if (type.ptr != NULL)
        take_typed(b, part, type, depth);
    if (json_type(image) == JSON_T_OBJECT)
        take_source(b, json_member(image, "source"), true, depth);
    if (type.ptr == NULL && json_type(document) == JSON_T_OBJECT)
        take_source(b, json_member(document, "source"), false, depth);
    if (find(part, keys, TEXT("video")) != NULL || find(part, keys, TEXT("fileData")) != NULL ||
        find(part, keys, TEXT("file_data")) != NULL)
        unbounded(b, "audio, video or a document");
    if (find(part, keys, TEXT("inlineData")) != NULL)
        take_inline(b, find(part, keys, TEXT("inlineData")));
    if (find(part, keys, TEXT("inline_data")) != NULL)
        take_inline(b, find(part, keys, TEXT("inline_data")));
    take_parts(b, find(part, keys, TEXT("content")), depth + 1);
    take_parts(b, find(part, keys, TEXT("parts")), depth + 1);
    take_parts(b, find(part, keys, TEXT("output")), depth + 1);
    take_parts(b, json_member(find(part, keys, TEXT("toolResult")), "content"), depth + 1);
    take_parts(b, json_member(find(part, keys, TEXT("functionResponse")), "parts"), depth + 1);
}

/* A list of messages, items or parts; of a message's images too. What is nested deeper than any API has it, is not known. */
static void take_parts(struct bound_body *b, const struct json *parts, int depth)
{
    if (json_type(parts) != JSON_T_ARRAY)
        return;
    if (depth > NESTED_MOST)
        unbounded(b, "content that is nested too deeply");
    for (size_t i = 0, count = json_count(parts); depth <= NESTED_MOST && i < count; i++) {
        const struct json *part = json_at(parts, i), *images = json_member(part, "images");
        if (json_type(part) != JSON_T_OBJECT)
            continue;
        for (size_t k = 0; k < json_count(images); k++)
            add_image(b, json_at(images, k));
        take_part(b, part, depth);
    }
}

/* Does the type begin with one of these, blank-separated? */
static bool begins(struct text type, const char *list)
{
    for (const char *at = list; *at != '\0';) {
        size_t len = strcspn(at, " ");
        if (type.len >= len && memcmp(type.ptr, at, len) == 0)
            return true;
        at += len + (at[len] == ' ');
    }
    return false;
}

/* What the upstream runs by itself: each run may read the whole context again. */
static void take_server_tool(struct bound_body *b, const struct json *tool, int64_t calls)
{
    int64_t most = json_int(json_member(tool, "max_uses"), calls);
    if (most <= 0 || most > 1000) {
        unbounded(b, "a tool that the provider runs, without max_uses");
        return;
    }
    b->rounds += most;
    b->searches += most;
}

static void take_tool(struct bound_body *b, const struct json *tool, int64_t calls)
{
    uint64_t keys = keys_of(tool);
    static const char *const gemini[] = { "googleSearch",  "google_search",  "googleSearchRetrieval",
                                          "codeExecution", "code_execution", "urlContext",
                                          "url_context",   "googleMaps",     "google_maps",
                                          "fileSearch",    "file_search",    "computerUse",
                                          "computer_use",  "systemTool",     NULL };
    struct text type = json_str(find(tool, keys, TEXT("type")));
    if (text_is(json_str(json_member(find(tool, keys, TEXT("cache_control")), "ttl")), "1h"))
        b->hour = true;
    for (size_t i = 0; gemini[i] != NULL; i++)
        if (find(tool, keys, text_of(gemini[i])) != NULL)
            unbounded(b, "a tool that the provider runs, without max_uses");
    b->tools++;
    if (type.ptr == NULL || text_is(type, "function") || text_is(type, "custom") ||
        begins(type, "local_shell apply_patch shell"))
        return;
    if (begins(type, "bash_ text_editor_ computer_2 memory_"))
        b->builtin++;
    else if (begins(type, "web_search web_fetch file_search"))
        take_server_tool(b, tool, calls);
    else if (begins(type, "code_ image_generation"))
        unbounded(b, "code or images that the provider makes");
    else
        unbounded(b, "a tool that the gateway does not know");
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The limit of output tokens. Of another API's name for it the upstream knows nothing: only those count that it reads. */
static void take_limits(struct bound_body *b, const struct json *body, const char *const *limits)
{
    uint64_t keys = keys_of(body);
    static const char *const all[] = {
        "max_completion_tokens", "max_tokens", "max_output_tokens", "maxTokens", "max_gen_len",
        "max_tokens_to_sample",  NULL
    };
    const struct json *gemini = find(body, keys, TEXT("generationConfig")),
                      *bedrock = find(body, keys, TEXT("inferenceConfig"));
    for (size_t i = 0; (limits != NULL ? limits : all)[i] != NULL; i++)
        b->limit = larger(b->limit, json_int(find(body, keys, text_of((limits != NULL ? limits : all)[i])), 0));
    if (limits != NULL)
        return;
    b->limit = larger(b->limit, json_int(json_member(gemini, "maxOutputTokens"), 0));
    b->limit = larger(b->limit, json_int(json_member(bedrock, "maxTokens"), 0));
    b->limit = larger(b->limit, json_int(json_member(bedrock, "max_new_tokens"), 0));
    b->limit = larger(b->limit, json_int(json_member(find(body, keys, TEXT("options")), "num_predict"), 0));
}

/* How many answers are asked for, and what of them is foretold. */
static void take_choices(struct bound_body *b, const struct json *body)
{
    uint64_t keys = keys_of(body);
    const struct json *gemini = find(body, keys, TEXT("generationConfig"));
    b->choices =
        larger(1, larger(json_int(find(body, keys, TEXT("n")), 1), json_int(find(body, keys, TEXT("best_of")), 1)));
    b->choices = larger(b->choices, json_int(json_member(gemini, "candidateCount"), 1));
    enum json_type first = json_type(
        json_at(find(body, keys, TEXT("prompt")), 0)); /* several prompts; a list of numbers is one, as tokens */
    if (json_type(find(body, keys, TEXT("prompt"))) == JSON_T_ARRAY && (first == JSON_T_STR || first == JSON_T_ARRAY) &&
        __builtin_mul_overflow(b->choices, (int64_t)json_count(find(body, keys, TEXT("prompt"))), &b->choices))
        b->choices = INT64_MAX;
    b->prediction = (int64_t)json_text(find(body, keys, TEXT("prediction"))).len;
}

static bool lists(const struct json *list, const char *word)
{
    for (size_t i = 0; i < json_count(list); i++)
        if (text_is(json_str(json_at(list, i)), word))
            return true;
    return false;
}

static void take_settings(struct bound_body *b, const struct json *body)
{
    uint64_t keys = keys_of(body);
    static const char *const kept[] = { "previous_response_id", "conversation", "cachedContent",
                                        "cached_content",       "prompt_id",    NULL };
    const struct json *thinking = find(body, keys, TEXT("thinking")),
                      *edits = json_member(find(body, keys, TEXT("context_management")), "edits");
    struct text effort = json_str(find(body, keys, TEXT("reasoning_effort")));
    const struct json *tier = find(body, keys, TEXT("service_tier"));
    b->any_tier = tier == NULL || json_type(tier) == JSON_T_NULL || text_is(json_str(tier), "auto");
    for (size_t i = 0; kept[i] != NULL; i++)
        if (json_type(find(body, keys, text_of(kept[i]))) > JSON_T_NULL && find(body, keys, text_of(kept[i])) != NULL)
            b->stored = true;
    if (json_type(find(body, keys, TEXT("prompt"))) == JSON_T_OBJECT)
        b->stored = true;
    for (size_t i = 0; i < json_count(edits); i++)
        b->rounds += text_starts(json_str(json_member(json_at(edits, i), "type")), TEXT("compact"));
    if (find(body, keys, TEXT("web_search_options")) != NULL || json_count(find(body, keys, TEXT("plugins"))) > 0 ||
        json_count(find(body, keys, TEXT("mcp_servers"))) > 0)
        unbounded(b, "a tool that the provider runs, without max_uses");
    if (lists(find(body, keys, TEXT("modalities")), "audio") || lists(find(body, keys, TEXT("modalities")), "image") ||
        lists(json_member(find(body, keys, TEXT("generationConfig")), "responseModalities"), "IMAGE") ||
        lists(json_member(find(body, keys, TEXT("generationConfig")), "responseModalities"), "AUDIO"))
        unbounded(b, "an answer that is not text");
    b->reasons =
        (json_type(thinking) == JSON_T_OBJECT && !text_is(json_str(json_member(thinking, "type")), "disabled")) ||
        json_count(find(body, keys, TEXT("reasoning"))) > 0 || (effort.ptr != NULL && !text_is(effort, "none"));
}

void bound_read_body(struct text text, const char *const *limits, struct arena *arena, struct bound_body *b)
{
    const struct json *body = json_parse_quick(arena, text), *tools, *config;
    if (json_type(body) != JSON_T_OBJECT) {
        unbounded(b, "a body that is not JSON");
        return;
    }
    b->json = body;
    take_limits(b, body, limits);
    take_choices(b, body);
    take_settings(b, body);
    take_parts(b, json_member(body, "messages"), 0);
    take_parts(b, json_member(body, "input"), 0);
    take_parts(b, json_member(body, "contents"), 0);
    take_parts(b, json_member(body, "system"), 0);
    take_parts(b, json_member(json_member(body, "systemInstruction"), "parts"), 0);
    tools = json_member(body, "tools");
    config = json_member(json_member(body, "toolConfig"), "tools");
    int64_t calls = json_int(json_member(body, "max_tool_calls"), 0);
    for (size_t i = 0; i < json_count(tools); i++)
        take_tool(b, json_at(tools, i), calls);
    for (size_t i = 0; i < json_count(config); i++)
        take_tool(b, json_at(config, i), calls);
    b->tools += (int64_t)json_count(json_member(body, "functions"));
    if (arena->full)
        unbounded(b, "a body for which there is no memory");
}
