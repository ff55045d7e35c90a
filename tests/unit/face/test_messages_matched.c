/* test_messages_matched.c - the same conversations, written by hand for Anthropic and for OpenAI by somebody else: what
 * we make of the one means the same as the other. Where it does not, a row of the table below has the reason; a row
 * that nothing needs any more fails too. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "messages_help.h"

/* A difference: in which file (or all), which member of the request, and the reason. */
static const struct {
    const char *file, *member, *why;
} differences[] = {
    { "*", "max_completion_tokens", "Anthropic requires max_tokens; the chat request was written without a limit" },
    { "chatCompletionsAssistantCacheControlParam", "messages",
      "cache_control is carried as written, with its ttl; the chat request has none, and OpenAI's breakpoint beside" },
    { "chatCompletionsSystemCacheControlParam", "messages",
      "cache_control is carried as written, with its ttl; the chat request has none, and OpenAI's breakpoint beside" },
    { "fableTemperatureParam", "temperature", "only the chat request was written with one" },
    { "instructionsParam", "messages", "the two system prompts are not the same text" },
    { "metadataParam", "metadata", "Anthropic has no metadata but user_id" },
    { "metadataParam", "store", "Anthropic stores nothing" },
    { "metadataParam", "safety_identifier", "the chat request was written without one" },
    { "multimodalRequest", "messages", "the chat request names the picture by its address, with a detail" },
    { "parallelToolCallsDisabledParam", "messages", "the two prompts are not the same text" },
    { "parallelToolCallsDisabledParam", "tools", "the chat tool was written as strict" },
    { "promptCacheKeyParam", "messages", "the system prompt and its cache marker stand only in Anthropic's request" },
    { "promptCacheKeyParam", "prompt_cache_key", "Anthropic caches by markers, not by key" },
    { "serviceTierParam", "service_tier", "written as auto for Anthropic and as default for OpenAI" },
    { "simpleRequest", "reasoning_effort", "only the chat request was written with one" },
    { "stopSequencesParam", "messages", "the two prompts are not the same text" },
    { "toolChoiceRequiredParam", "tools", "the chat tool was written as strict" },
};

static bool used[sizeof differences / sizeof *differences];

/* Members of a message that carry nothing. */
static bool is_idle(struct text key, const struct json *value)
{
    return text_is(key, "refusal") || text_is(key, "annotations") || json_type(value) == JSON_T_NULL;
}

static void put_sorted(struct json_writer *w, const struct json *v)
{
    if (json_type(v) == JSON_T_ARRAY) {
        json_array(w);
        for (size_t i = 0; i < json_count(v); i++)
            put_sorted(w, json_at(v, i));
        json_close(w);
        return;
    }
    if (json_type(v) != JSON_T_OBJECT) {
        if (json_type(v) == JSON_T_STR)
            json_put_str(w, json_str(v));
        else
            json_put_json(w, v);
        return;
    }
    json_object(w);
    struct text last = TEXT_NONE;
    for (size_t done = 0; done < json_count(v); done++) { /* the next key in order, each time */
        size_t best = json_count(v);
        for (size_t i = 0; i < json_count(v); i++) {
            const char *key = arena_str(&help.arena, json_key_at(v, i));
            bool after = last.ptr == NULL || strcmp(key, arena_str(&help.arena, last)) > 0;
            if (after && (best == json_count(v) || strcmp(key, arena_str(&help.arena, json_key_at(v, best))) < 0))
                best = i;
        }
        last = json_key_at(v, best);
        json_key(w, last);
        put_sorted(w, json_at(v, best));
    }
    json_close(w);
}

/* One part that is text only is the same as a string. */
static void put_content(struct json_writer *w, const struct json *content)
{
    const struct json *first = json_at(content, 0);
    bool plain = json_count(content) == 1 && json_count(first) == 2 && json_member(first, "text") != NULL;
    if (plain)
        json_put_str(w, json_str(json_member(first, "text")));
    else
        put_sorted(w, content);
}

/* Tool calls by their place instead of their id; arguments as JSON. */
static void put_call(struct json_writer *w, const struct json *call, int *number)
{
    json_object(w);
    json_name(w, "call");
    json_put_int(w, (*number)++);
    json_name(w, "name");
    json_put_str(w, json_str(help_at(call, "function.name")));
    json_name(w, "arguments");
    put_sorted(w, help_json(json_str(help_at(call, "function.arguments"))));
    json_close(w);
}

/* In a follow-up the assistant's turn holds the real answers of two models, which need not be the same text. */
static struct text normal_messages(const struct json *messages, bool followup)
{
    struct json_writer w;
    struct buf out;
    int calls = 0, results = 0;
    buf_init(&out, 16 << 20);
    json_writer_init(&w, &out);
    json_array(&w);
    for (size_t i = 0; i < json_count(messages); i++) {
        const struct json *m = json_at(messages, i);
        bool answer =
            followup && text_is(json_str(json_member(m, "role")), "assistant") && i + 2 >= json_count(messages);
        json_object(&w);
        for (size_t k = 0; k < json_count(m); k++) {
            struct text key = json_key_at(m, k);
            const struct json *value = json_at(m, k);
            if (is_idle(key, value))
                continue;
            if (answer && (text_is(key, "reasoning_content") || text_is(key, "reasoning_details")))
                continue; /* OpenAI reports none in a chat */
            json_key(&w, key);
            if (text_is(key, "content") && answer)
                json_put_str(&w, TEXT("(what the model said)"));
            else if (text_is(key, "content"))
                put_content(&w, value);
            else if (text_is(key, "tool_call_id"))
                json_put_int(&w, results++);
            else if (!text_is(key, "tool_calls"))
                put_sorted(&w, value);
            else {
                json_array(&w);
                for (size_t c = 0; c < json_count(value); c++)
                    put_call(&w, json_at(value, c), &calls);
                json_close(&w);
            }
        }
        json_close(&w);
    }
    json_close(&w);
    cr_assert_eq(json_end(&w), 0);
    struct text once = arena_text(&help.arena, buf_view(&out)); /* members of messages in any order */
    buf_free(&out);
    json_writer_init(&w, &out);
    put_sorted(&w, help_json(once));
    struct text t = arena_text(&help.arena, buf_view(&out));
    buf_free(&out);
    return t;
}

/* A member of a request, so that equal texts mean the same; absent when it is the default. */
static struct text normal(const struct json *request, const char *member, bool followup)
{
    const struct json *v = json_get(request, text_of(member));
    struct json_writer w;
    struct buf out;
    if (strcmp(member, "messages") == 0)
        return normal_messages(v, followup);
    if (v == NULL || (strcmp(member, "tool_choice") == 0 && text_is(json_str(v), "auto")))
        return TEXT_NONE;
    buf_init(&out, 16 << 20);
    json_writer_init(&w, &out);
    if (strcmp(member, "response_format") == 0) { /* the schema's name is free, and its description */
        json_array(&w);
        put_sorted(&w, json_member(v, "type"));
        put_sorted(&w, help_at(v, "json_schema.schema"));
        put_sorted(&w, help_at(v, "json_schema.strict"));
        json_close(&w);
    } else {
        put_sorted(&w, v);
    }
    struct text t = arena_text(&help.arena, buf_view(&out));
    buf_free(&out);
    return t;
}

static bool is_explained(const char *file, const char *member)
{
    for (size_t i = 0; i < sizeof differences / sizeof *differences; i++) {
        size_t len = strlen(differences[i].file);
        bool here =
            strcmp(differences[i].file, "*") == 0 || (strncmp(file, differences[i].file, len) == 0 && file[len] == '.');
        if (here && strcmp(differences[i].member, member) == 0) {
            used[i] = true;
            return true;
        }
    }
    return false;
}

static unsigned compared, same, unexplained;

static void compare_member(const char *file, const char *member, const struct json *ours, const struct json *theirs,
                           bool followup)
{
    struct text a = normal(ours, member, followup), b = normal(theirs, member, followup);
    if (strcmp(member, "model") == 0 || text_eq(a, b)) {
        same++;
        return;
    }
    if (is_explained(file, member))
        return;
    unexplained++;
    fprintf(stderr, "%s: %s%s\n  ours   %.*s\n  theirs %.*s\n", file, member, followup ? " (follow-up)" : "",
            (int)(a.len < 600 ? a.len : 600), a.ptr, (int)(b.len < 600 ? b.len : 600), b.ptr);
}

static void compare(const char *file, const struct json *anthropic, const struct json *chat, bool followup)
{
    const struct json *ours;
    if (anthropic == NULL || chat == NULL)
        return;
    compared++;
    ours = help_canonical(&face_messages, json_text(anthropic));
    cr_assert_not_null(ours, "%s: %s", file, help.fail.text);
    for (size_t i = 0; i < json_count(ours); i++)
        compare_member(file, arena_str(&help.arena, json_key_at(ours, i)), ours, chat, followup);
    for (size_t i = 0; i < json_count(chat); i++)
        if (json_get(ours, json_key_at(chat, i)) == NULL)
            compare_member(file, arena_str(&help.arena, json_key_at(chat, i)), ours, chat, followup);
}

static void compare_file(const char *name, const struct json *file)
{
    const struct json *anthropic = help_at(file, "formats.anthropic"),
                      *chat = help_at(file, "formats.chat-completions");
    compare(name, json_member(anthropic, "request"), json_member(chat, "request"), false);
    compare(name, json_member(anthropic, "followup_request"), json_member(chat, "followup_request"), true);
}

Test(messages_matched, our_translation_means_the_same_as_the_one_by_hand)
{
    compared = same = unexplained = 0;
    help_each("recordings/matched", compare_file);
    cr_assert_geq(compared, check_least(50), "%u requests", compared);
    cr_assert_eq(unexplained, 0u, "%u differences are in no row of the table", unexplained);
    for (size_t i = 0; i < sizeof differences / sizeof *differences && check_least(2) > 1; i++)
        cr_assert(used[i], "the row %s %s is not needed", differences[i].file, differences[i].member);
    fprintf(stderr, "matched: %u requests, %u members the same\n", compared, same);
}
