/* test_messages_recorded.c - requests that real programs sent to Anthropic, in the canonical shape: nothing of their
 * content is lost. What must be there is collected from the recording in another way than the face does it. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "messages_help.h"

/* The content of a request, in order. */
enum { MOST = 400 };
struct said {
    struct text texts[MOST], thinking[MOST], signatures[MOST], call_ids[MOST], inputs[MOST], result_ids[MOST],
        media[MOST];
    size_t text_count, thinking_count, signature_count, call_count, result_count, media_count;
};

static void add(struct text *list, size_t *count, struct text value)
{
    if (value.len == 0)
        return;
    cr_assert_lt(*count, (size_t)MOST);
    list[(*count)++] = value;
}

static bool is(const struct json *v, const char *type)
{
    return text_is(json_str(json_member(v, "type")), type);
}

/* The source of a picture or a document: its text, or what it is found by. */
static void add_source(struct said *s, const struct json *block)
{
    const struct json *source = json_member(block, "source");
    static const char *const by[] = { "data", "url", "file_id" };
    for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
        struct text value = json_str(json_get(source, text_of(by[i])));
        if (is(source, "text"))
            add(s->texts, &s->text_count, value);
        else
            add(s->media, &s->media_count, value);
    }
}

static void collect(struct said *s, const struct json *content, bool results)
{
    if (!results)
        add(s->texts, &s->text_count, json_str(content));
    for (size_t i = 0; i < json_count(content); i++) {
        const struct json *block = json_at(content, i);
        if (is(block, "tool_result") != results)
            continue;
        if (results) {
            add(s->result_ids, &s->result_count, json_str(json_member(block, "tool_use_id")));
            collect(s, json_member(block, "content"), false);
        } else if (text_starts(json_str(json_member(block, "text")), TEXT("x-anthropic-billing-header"))) {
            cr_assert(help_dropped("system.x-anthropic-billing-header")); /* not for a model, and reported */
        } else if (is(block, "text")) {
            add(s->texts, &s->text_count, json_str(json_member(block, "text")));
        } else if (is(block, "image") || is(block, "document")) {
            add_source(s, block);
        } else if (is(block, "tool_use")) {
            s->inputs[s->call_count] = json_text(json_member(block, "input"));
            add(s->call_ids, &s->call_count, json_str(json_member(block, "id")));
        } else if (is(block, "thinking") || is(block, "redacted_thinking")) {
            add(s->thinking, &s->thinking_count, json_str(json_member(block, "thinking")));
            add(s->signatures, &s->signature_count, json_str(json_member(block, "signature")));
            add(s->signatures, &s->signature_count, json_str(json_member(block, "data")));
        }
    }
}

static void collect_source(struct said *s, const struct json *body)
{
    const struct json *turns = json_member(body, "messages");
    memset(s, 0, sizeof *s);
    collect(s, json_member(body, "system"), false);
    for (size_t i = 0; i < json_count(turns); i++) {
        collect(s, json_member(json_at(turns, i), "content"), true);
        collect(s, json_member(json_at(turns, i), "content"), false);
    }
}

/* All strings of the canonical messages that a model reads, in order. */
static void collect_canonical(struct said *s, const struct json *messages)
{
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < json_count(messages); i++) {
        const struct json *m = json_at(messages, i), *content = json_member(m, "content"),
                          *calls = json_member(m, "tool_calls");
        const struct json *details = json_member(m, "reasoning_details");
        add(s->result_ids, &s->result_count, json_str(json_member(m, "tool_call_id")));
        add(s->texts, &s->text_count, json_str(content));
        for (size_t k = 0; k < json_count(content); k++) {
            const struct json *part = json_at(content, k);
            add(s->texts, &s->text_count, json_str(json_member(part, "text")));
            add(s->media, &s->media_count, json_str(help_at(part, "image_url.url")));
            add(s->media, &s->media_count, json_str(help_at(part, "file.file_data")));
            add(s->media, &s->media_count, json_str(help_at(part, "file.file_id")));
        }
        for (size_t k = 0; k < json_count(calls); k++) {
            s->inputs[s->call_count] = json_str(help_at(json_at(calls, k), "function.arguments"));
            add(s->call_ids, &s->call_count, json_str(json_member(json_at(calls, k), "id")));
        }
        add(s->thinking, &s->thinking_count, json_str(json_member(m, "reasoning_content")));
        for (size_t k = 0; k < json_count(details); k++) {
            add(s->signatures, &s->signature_count, json_str(json_member(json_at(details, k), "signature")));
            add(s->signatures, &s->signature_count, json_str(json_member(json_at(details, k), "data")));
        }
    }
}

/* Each of `want` is the end of one of `got` (data URLs), in the same order. */
static void all_there(const char *name, const char *what, const struct text *want, size_t wanted,
                      const struct text *got, size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < wanted; i++) {
        while (at < count && !text_ends(got[at], want[i]))
            at++;
        cr_assert_lt(at, count, "%s: %s %zu is lost or in another place: %.*s", name, what, i,
                     (int)(want[i].len < 80 ? want[i].len : 80), want[i].ptr);
        at++;
    }
}

static unsigned seen, thought, called, shown, counted;

static void check_request(const char *name, const struct json *body)
{
    static struct said want, got;
    const struct json *v = help_canonical(&face_count_tokens, json_text(body));
    cr_assert_not_null(v, "%s: %s", name, help.fail.text);
    collect_source(&want, body);
    collect_canonical(&got, json_member(v, "messages"));
    all_there(name, "text", want.texts, want.text_count, got.texts, got.text_count);
    all_there(name, "thinking", want.thinking, want.thinking_count, got.thinking, got.thinking_count);
    all_there(name, "signature", want.signatures, want.signature_count, got.signatures, got.signature_count);
    all_there(name, "media", want.media, want.media_count, got.media, got.media_count);
    all_there(name, "result", want.result_ids, want.result_count, got.result_ids, got.result_count);
    cr_assert_eq(want.result_count, got.result_count, "%s", name);
    cr_assert_eq(want.call_count, got.call_count, "%s", name);
    for (size_t i = 0; i < want.call_count; i++) {
        cr_assert(text_eq(want.call_ids[i], got.call_ids[i]), "%s", name);
        cr_assert(help_equal(help_json(want.inputs[i]), help_json(got.inputs[i])), "%s", name);
    }
    /* nothing of what only Anthropic has is left at the top */
    for (size_t i = 0; i < json_count(v); i++)
        cr_assert(!text_is(json_key_at(v, i), "max_tokens") && !text_is(json_key_at(v, i), "system") &&
                      !text_is(json_key_at(v, i), "thinking") && !text_is(json_key_at(v, i), "context_management"),
                  "%s", name);
    seen++;
    thought += want.signature_count > 0;
    called += want.call_count > 0;
    shown += want.media_count > 0;
}

static void check_recording(const char *name, const struct json *file)
{
    const struct json *body = help_at(file, "request.body");
    int64_t status = json_int(help_at(file, "response.status"), 0);
    if (status < 400)
        check_request(name, body);
}

Test(messages_recorded, requests_lose_nothing)
{
    seen = thought = called = shown = 0;
    help_each("recordings/anthropic", check_recording);
    cr_assert_geq(seen, check_least(60));
    cr_assert_geq(thought, check_least(2));
    cr_assert_geq(called, check_least(8));
    cr_assert_geq(shown, check_least(6));
}

static void check_matched(const char *name, const struct json *file)
{
    const struct json *anthropic = help_at(file, "formats.anthropic");
    if (json_member(anthropic, "request") != NULL)
        check_request(name, json_member(anthropic, "request"));
    if (json_member(anthropic, "followup_request") != NULL)
        check_request(name, json_member(anthropic, "followup_request"));
}

Test(messages_recorded, matched_conversations_lose_nothing)
{
    seen = 0;
    help_each("recordings/matched", check_matched);
    cr_assert_geq(seen, check_least(60));
}

/* The input tokens that Anthropic itself counted, all buckets; 0 when the answer has no count. */
static int64_t counted_by_anthropic(const struct json *file)
{
    struct text body = json_str(help_at(file, "response.body"));
    struct text input = scan_peek(body, "input_tokens"), read = scan_peek(body, "cache_read_input_tokens");
    struct text written = scan_peek(body, "cache_creation_input_tokens");
    int64_t n, sum = 0;
    sum += text_parse_u63(input, &n) == 0 ? n : 0;
    sum += text_parse_u63(read, &n) == 0 ? n : 0;
    sum += text_parse_u63(written, &n) == 0 ? n : 0;
    return sum;
}

/* Anthropic runs its own tools, and counts what they found. */
static bool has_own_tools(const struct json *body)
{
    const struct json *tools = json_member(body, "tools");
    for (size_t i = 0; i < json_count(tools); i++)
        if (json_str(json_member(json_at(tools, i), "type")).len > 0)
            return true;
    return false;
}

static unsigned low;

static void check_estimate(const char *name, const struct json *file)
{
    const struct json *body = help_at(file, "request.body");
    int64_t told = counted_by_anthropic(file);
    if (told == 0 || has_own_tools(body))
        return;
    help_canonical(&face_count_tokens, json_text(body));
    int64_t estimate = messages_estimate(&help.ask);
    counted++;
    if (estimate < told)
        low++;
    cr_assert_gt(estimate * 10, told * 7, "%s: %lld where Anthropic counted %lld", name, (long long)estimate,
                 (long long)told);
}

Test(messages_recorded, estimates_are_seldom_too_low_and_never_by_much)
{
    counted = low = 0;
    help_each("recordings/anthropic", check_estimate);
    cr_assert_geq(counted, check_least(40));
    cr_assert_leq(low * 10, counted, "%u of %u are too low", low, counted);
    fprintf(stderr, "estimates: %u of %u are lower than what Anthropic counted\n", low, counted);
}
