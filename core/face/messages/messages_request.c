/* messages_request.c - an Anthropic request in the canonical shape: everything but the turns. */
#include "base/crypto.h"
#include "canon/error.h"
#include "face/messages/messages_inside.h"

#define USER_MAX 64 /* bytes that OpenAI takes for safety_identifier */

static void copy_as(struct messages_request *r, const char *name, const struct json *value)
{
    json_key(&r->w, text_of(name));
    json_put_json(&r->w, value);
}

static void put_member(struct messages_request *r, const char *name, struct text value)
{
    json_key(&r->w, text_of(name));
    json_put_str(&r->w, value);
}

/* Members that mean the same under another name, or under the same. */
static int write_same(struct messages_request *r, const char *name, const struct json *value)
{
    copy_as(r, name, value);
    return 0;
}

static int write_stop(struct messages_request *r, const char *name, const struct json *value)
{
    if (json_type(value) != JSON_T_ARRAY)
        return error_param(r->fail, E_PARAMETER, TEXT("stop_sequences"), "stop_sequences must be an array");
    if (json_count(value) > 0)
        copy_as(r, name, value);
    return 0;
}

static int write_messages(struct messages_request *r, const char *name, const struct json *value)
{
    (void)value;
    json_key(&r->w, text_of(name));
    return messages_write_turns(r);
}

static int write_stream(struct messages_request *r, const char *name, const struct json *value)
{
    (void)name, (void)value;
    if (!r->ask->stream)
        return 0;
    json_name(&r->w, "stream");
    json_put_bool(&r->w, true);
    json_name(&r->w, "stream_options");
    json_object(&r->w);
    json_name(&r->w, "include_usage");
    json_put_bool(&r->w, true);
    json_close(&r->w);
    return 0;
}

static int write_metadata(struct messages_request *r, const char *name, const struct json *value)
{
    static const char *const known[] = { "user_id", NULL };
    struct text user = json_str(json_member(value, "user_id"));
    char hex[2 * CRYPTO_SHA256_LEN + 1];
    messages_drop_others(r, "metadata", value, known);
    if (user.len == 0)
        return 0;
    if (user.len > USER_MAX) {
        uint8_t digest[CRYPTO_SHA256_LEN];
        crypto_sha256(user, digest);
        crypto_hex(digest, sizeof digest, hex);
        user = text_of(hex);
    }
    put_member(r, name, user);
    return 0;
}

static int write_tier(struct messages_request *r, const char *name, const struct json *value)
{
    struct text tier = json_str(value);
    if (text_is(tier, "auto"))
        put_member(r, name, tier);
    else if (text_is(tier, "standard_only"))
        put_member(r, name, TEXT("default"));
    else
        messages_drop(r, "service_tier");
    return 0;
}

static int64_t budget_of(const struct json *thinking)
{
    return json_int(json_member(thinking, "budget_tokens"), 0);
}

/* How much of max_tokens may be thought: up to a quarter is little. Where there is no maximum (count_tokens), what
 * Google takes for these words. */
static const char *effort_of_budget(int64_t budget, int64_t max)
{
    if (max > 0)
        return budget <= max / 4 ? "low" : budget <= max / 5 * 3 ? "medium" : "high";
    return budget < 8192 ? "low" : budget < 24576 ? "medium" : "high";
}

/* Written once, for both members that speak of it. */
static void write_effort(struct messages_request *r)
{
    const struct json *thinking = json_member(r->body, "thinking");
    struct text type = json_str(json_member(thinking, "type"));
    struct text effort = json_str(json_member(json_member(r->body, "output_config"), "effort"));
    if (text_is(type, "disabled"))
        effort = TEXT("none");
    else if (effort.len == 0 && text_is(type, "enabled"))
        effort = text_of(effort_of_budget(budget_of(thinking), json_int(json_member(r->body, "max_tokens"), 0)));
    else if (effort.len == 0 && text_is(type, "adaptive"))
        effort = TEXT("high"); /* what Anthropic means by saying nothing more */
    if (effort.len > 0)
        put_member(r, "reasoning_effort", effort);
}

/* What it means is written by write_effort(). */
static int write_thinking(struct messages_request *r, const char *name, const struct json *value)
{
    static const char *const known[] = { "type", "budget_tokens", NULL };
    struct text type = json_str(json_member(value, "type"));
    if (!text_is(type, "enabled") && !text_is(type, "disabled") && !text_is(type, "adaptive"))
        messages_drop(r, "thinking.type");
    messages_drop_others(r, name, value, known);
    return 0;
}

static void write_format(struct messages_request *r, const struct json *format)
{
    if (!text_is(json_str(json_member(format, "type")), "json_schema")) {
        messages_drop(r, "output_config.format");
        return;
    }
    json_name(&r->w, "response_format");
    json_object(&r->w);
    put_member(r, "type", TEXT("json_schema"));
    json_name(&r->w, "json_schema");
    json_object(&r->w);
    put_member(r, "name", TEXT("output"));
    copy_as(r, "schema", json_member(format, "schema"));
    json_name(&r->w, "strict");
    json_put_bool(&r->w, true);
    json_close(&r->w);
    json_close(&r->w);
}

static int write_output_config(struct messages_request *r, const char *name, const struct json *value)
{
    static const char *const known[] = { "effort", "format", NULL };
    const struct json *format = json_member(value, "format");
    if (json_type(format) == JSON_T_OBJECT)
        write_format(r, format);
    messages_drop_others(r, name, value, known);
    return 0;
}

/* As the beta structured-outputs-2025-11-13 names what is output_config.format now, which counts where both are. */
static int write_output_format(struct messages_request *r, const char *name, const struct json *value)
{
    (void)name;
    if (json_type(json_member(json_member(r->body, "output_config"), "format")) != JSON_T_OBJECT)
        write_format(r, value);
    return 0;
}

/* What becomes of each member. Those that stand nowhere here are dropped, and reported. */
static const struct {
    const char *from, *to;
    int (*write)(struct messages_request *r, const char *name, const struct json *value);
} members[] = {
    { "model", "model", write_same },
    { "system", NULL, NULL }, /* with the messages */
    { "messages", "messages", write_messages },
    { "max_tokens", "max_completion_tokens", write_same },
    { "stop_sequences", "stop", write_stop },
    { "temperature", "temperature", write_same },
    { "top_p", "top_p", write_same },
    { "top_k", "top_k", write_same },
    { "stream", "stream", write_stream },
    { "tools", "tools", messages_write_tools },
    { "tool_choice", "tool_choice", messages_write_tool_choice },
    { "thinking", "thinking", write_thinking },
    { "output_config", "output_config", write_output_config },
    { "output_format", "output_format", write_output_format },
    { "metadata", "safety_identifier", write_metadata },
    { "service_tier", "service_tier", write_tier },
};

static int write_members(struct messages_request *r)
{
    const char *known[sizeof members / sizeof *members + 1] = { NULL };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        known[i] = members[i].from;
    for (size_t k = 0; k < json_count(r->body); k++) {
        const struct json *value = json_at(r->body, k);
        size_t i = 0;
        while (known[i] != NULL && !text_is(json_key_at(r->body, k), known[i]))
            i++;
        if (known[i] != NULL && members[i].write != NULL && json_type(value) != JSON_T_NULL &&
            members[i].write(r, members[i].to, value) < 0)
            return -1;
    }
    messages_drop_others(r, "", r->body, known);
    return 0;
}

const struct json *messages_canonical(struct arena *arena, struct ask *ask, struct fail *fail)
{
    if (ask->canonical != NULL)
        return ask->canonical;
    struct messages_request r = { .arena = arena, .ask = ask, .fail = fail, .body = ask_json(arena, ask, fail) };
    if (r.body == NULL)
        return NULL;
    struct buf *out = arena_new(arena, struct buf); /* not in the arena itself: a body may be many megabytes */
    buf_init(out, ask->body.len * 8 + (64u << 10));
    arena_defer(arena, buf_free_any, out);
    json_writer_init(&r.w, out);
    json_object(&r.w);
    if (write_members(&r) < 0)
        return NULL;
    write_effort(&r);
    json_close(&r.w);
    if (json_end(&r.w) == 0 && !out->failed)
        ask->canonical = json_parse_written(arena, buf_view(out));
    if (ask->canonical == NULL)
        error_set(fail, E_JSON,
                  "the request is nested too deeply or too large to be translated for this model's provider");
    return ask->canonical;
}
