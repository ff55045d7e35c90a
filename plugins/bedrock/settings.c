/* settings.c - what stands beside the messages: inferenceConfig, toolConfig, and what a model takes beyond Converse. */
#include "bedrock.h"

/* How models get their measure of thinking. The first row whose text is in the name counts; each has a source and date. */
enum thinking { THINKS_NOT, THINKS_BUDGET, THINKS_EFFORT, THINKS_LEVEL };
static const struct rule {
    const char *model;
    enum thinking how;
} rules[] = {
    /* docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html, 2026-11 */
    { "claude-3-7-", THINKS_BUDGET },
    { "claude-sonnet-4-6", THINKS_EFFORT },
    { "claude-opus-4-6", THINKS_EFFORT },
    { "claude-opus-4-7", THINKS_EFFORT },
    { "claude-opus-4-8", THINKS_EFFORT },
    { "claude-sonnet-4", THINKS_BUDGET },
    { "claude-opus-4", THINKS_BUDGET },
    { "claude-haiku-4", THINKS_BUDGET },
    { "claude-3", THINKS_NOT },
    { "claude-", THINKS_EFFORT }, /* newer than those */
    /* docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html, 2026-11 */
    { "openai.gpt-oss", THINKS_LEVEL },
};

static int has(gw_str model, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= model.len; i++)
        if (memcmp(model.ptr + i, word, len) == 0)
            return 1;
    return 0;
}

static enum thinking thinking_of(gw_str model)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (has(model, rules[i].model))
            return rules[i].how;
    return THINKS_NOT;
}

/* What is asked of the model beside the messages. */
struct settings {
    const gw_json *limit, *effort;
    enum thinking thinking;
    int64_t budget; /* of THINKS_BUDGET; 0: it does not think */
};

static const gw_json *member(const struct bedrock_out *o, const char *name)
{
    const gw_json *value = gw_get(o->h, o->req->body, name);
    return o->h->json->type(value) == GW_JSON_NULL ? NULL : value;
}

static void put(const struct bedrock_out *o, const char *name, const gw_json *value)
{
    if (value == NULL)
        return;
    gw_put_key(o->h, o->w, name);
    o->h->write->copy(o->w, value);
}

/* Half of the limit at most, as what is thought counts against it; under 1,024 tokens there is no thinking. */
static struct settings settings_of(const struct bedrock_out *o)
{
    struct settings s = { member(o, "max_completion_tokens"), member(o, "reasoning_effort"), thinking_of(o->req->model),
                          0 };
    gw_str effort = o->h->json->str(s.effort);
    if (s.limit == NULL)
        s.limit = member(o, "max_tokens");
    int64_t wish = gw_is(effort, "low") || gw_is(effort, "minimal") ? 1024 : gw_is(effort, "medium") ? 8192 : 24576;
    int64_t limit = o->h->json->integer(s.limit, 2 * wish);
    if (effort.len > 0 && !gw_is(effort, "none") && s.thinking == THINKS_BUDGET && limit >= 2048)
        s.budget = wish < limit / 2 ? wish : limit / 2;
    return s;
}

static void write_stop(const struct bedrock_out *o, const gw_json *stop)
{
    if (stop == NULL || (o->h->json->type(stop) == GW_JSON_ARRAY && o->h->json->count(stop) == 0))
        return;
    gw_put_key(o->h, o->w, "stopSequences");
    if (o->h->json->type(stop) != GW_JSON_ARRAY)
        o->h->write->array(o->w);
    o->h->write->copy(o->w, stop);
    if (o->h->json->type(stop) != GW_JSON_ARRAY)
        o->h->write->close(o->w);
}

static void write_inference(const struct bedrock_out *o, const struct settings *s)
{
    const gw_json *heat = member(o, "temperature"), *top = member(o, "top_p");
    gw_put_key(o->h, o->w, "inferenceConfig");
    o->h->write->object(o->w);
    if (s->budget > 0 && s->limit == NULL) { /* the model's own limit may be under the budget */
        gw_put_key(o->h, o->w, "maxTokens");
        o->h->write->integer(o->w, 2 * s->budget);
    }
    put(o, "maxTokens", s->limit);
    if (s->budget > 0 && heat != NULL && o->h->json->real(heat, 0) != 1)
        capability_drop(o, "temperature");
    else
        put(o, "temperature", heat);
    if (s->budget > 0 && top != NULL)
        capability_drop(o, "top_p");
    else
        put(o, "topP", top);
    write_stop(o, member(o, "stop"));
    o->h->write->close(o->w);
}

static void write_additional(const struct bedrock_out *o, const struct settings *s)
{
    const gw_json *top = member(o, "top_k");
    gw_str effort = o->h->json->str(s->effort);
    int thinks = effort.len > 0 && !gw_is(effort, "none");

    gw_put_key(o->h, o->w, "additionalModelRequestFields");
    o->h->write->object(o->w);
    if (top != NULL && (!has(o->req->model, "claude-") || s->budget > 0))
        capability_drop(o, "top_k");
    else
        put(o, "top_k", top);
    if (s->budget > 0) {
        gw_put_key(o->h, o->w, "thinking");
        o->h->write->object(o->w);
        gw_put_str(o->h, o->w, "type", GW_LIT("enabled"));
        gw_put_key(o->h, o->w, "budget_tokens");
        o->h->write->integer(o->w, s->budget);
        o->h->write->close(o->w);
    } else if (thinks && s->thinking == THINKS_EFFORT) {
        gw_put_key(o->h, o->w, "thinking");
        o->h->write->raw(o->w, GW_LIT("{\"type\":\"adaptive\"}"));
        gw_put_key(o->h, o->w, "output_config");
        o->h->write->object(o->w);
        gw_put_str(o->h, o->w, "effort",
                   gw_is(effort, "minimal") ? GW_LIT("low")
                   : gw_is(effort, "xhigh") ? GW_LIT("max")
                                            : effort);
        o->h->write->close(o->w);
    } else if (thinks && s->thinking == THINKS_LEVEL && gw_is_one_of(effort, "low medium high")) {
        gw_put_str(o->h, o->w, "reasoning_effort", effort);
    } else if (s->effort != NULL && (thinks || effort.len == 0)) {
        capability_drop(o, "reasoning_effort");
    }
    o->h->write->close(o->w);
}

static void write_tool(const struct bedrock_out *o, const gw_json *function)
{
    const gw_json *schema = gw_get(o->h, function, "parameters");
    o->h->write->object(o->w);
    gw_put_key(o->h, o->w, "toolSpec");
    o->h->write->object(o->w);
    gw_put_str(o->h, o->w, "name", gw_get_str(o->h, function, "name"));
    if (gw_get_str(o->h, function, "description").len > 0)
        put(o, "description", gw_get(o->h, function, "description"));
    gw_put_key(o->h, o->w, "inputSchema");
    o->h->write->object(o->w);
    gw_put_key(o->h, o->w, "json");
    if (o->h->json->count(schema) > 0)
        o->h->write->copy(o->w, schema);
    else
        o->h->write->raw(o->w, GW_LIT("{\"type\":\"object\",\"properties\":{}}"));
    o->h->write->close(o->w);
    o->h->write->close(o->w);
    o->h->write->close(o->w);
    capability_rest(o, function, "tools.", "name description parameters");
}

static int has_calls(const struct bedrock_out *o)
{
    const gw_json *messages = member(o, "messages");
    for (size_t i = 0; i < o->h->json->count(messages); i++)
        if (o->h->json->count(gw_get(o->h, o->h->json->at(messages, i), "tool_calls")) > 0)
            return 1;
    return 0;
}

static void write_choice(const struct bedrock_out *o, const struct settings *s, const gw_json *choice)
{
    gw_str word = o->h->json->str(choice), name = gw_get_str(o->h, gw_get(o->h, choice, "function"), "name");
    int forced = name.len > 0 || gw_is(word, "required");
    if (choice == NULL || gw_is(word, "auto"))
        return;
    if (!forced || s->budget > 0) { /* Claude chooses by itself while it thinks */
        capability_drop(o, "tool_choice");
        return;
    }
    gw_put_key(o->h, o->w, "toolChoice");
    o->h->write->object(o->w);
    gw_put_key(o->h, o->w, name.len > 0 ? "tool" : "any");
    o->h->write->object(o->w);
    if (name.len > 0)
        gw_put_str(o->h, o->w, "name", name);
    o->h->write->close(o->w);
    o->h->write->close(o->w);
}

/* Without earlier calls a choice of none is a request without tools; with them Converse needs the tools. */
static void write_tools(const struct bedrock_out *o, const struct settings *s)
{
    const gw_json *tools = member(o, "tools"), *choice = member(o, "tool_choice");
    size_t count = o->h->json->type(tools) == GW_JSON_ARRAY ? o->h->json->count(tools) : 0, functions = 0;
    for (size_t i = 0; i < count; i++)
        functions += gw_get_str(o->h, gw_get(o->h, o->h->json->at(tools, i), "function"), "name").len > 0;
    if (functions < count)
        capability_drop(o, "tools.custom");
    if (functions == 0 || (gw_is(o->h->json->str(choice), "none") && !has_calls(o))) {
        if (choice != NULL && functions == 0)
            capability_drop(o, "tool_choice");
        return;
    }
    gw_put_key(o->h, o->w, "toolConfig");
    o->h->write->object(o->w);
    gw_put_key(o->h, o->w, "tools");
    o->h->write->array(o->w);
    for (size_t i = 0; i < count; i++) {
        const gw_json *tool = o->h->json->at(tools, i), *function = gw_get(o->h, tool, "function");
        if (gw_get_str(o->h, function, "name").len == 0)
            continue;
        write_tool(o, function);
        if (o->h->json->type(gw_get(o->h, tool, "cache_control")) == GW_JSON_OBJECT)
            o->h->write->raw(o->w, GW_LIT("{\"cachePoint\":{\"type\":\"default\"}}"));
        capability_rest(o, tool, "tools.", "type function cache_control");
    }
    o->h->write->close(o->w);
    write_choice(o, s, choice);
    o->h->write->close(o->w);
}

/* The schema goes as a text of JSON. */
static void write_format(const struct bedrock_out *o, const gw_json *format)
{
    const gw_json *schema = gw_get(o->h, format, "json_schema");
    gw_str json = o->h->json->text(gw_get(o->h, schema, "schema"));
    if (format == NULL || gw_is(gw_get_str(o->h, format, "type"), "text"))
        return;
    if (json.len == 0) {
        capability_drop(o, "response_format");
        return;
    }
    static const char *const keys[] = { "outputConfig", "textFormat", "structure", "jsonSchema" };
    for (size_t i = 0; i < 4; i++) {
        gw_put_key(o->h, o->w, keys[i]);
        o->h->write->object(o->w);
        if (i == 1)
            gw_put_str(o->h, o->w, "type", GW_LIT("json_schema"));
    }
    if (gw_get_str(o->h, schema, "name").len > 0)
        gw_put_str(o->h, o->w, "name", gw_get_str(o->h, schema, "name"));
    gw_put_str(o->h, o->w, "schema", json);
    for (size_t i = 0; i < 4; i++)
        o->h->write->close(o->w);
}

gw_status settings_write(const struct bedrock_out *o)
{
    const struct settings s = settings_of(o);
    write_inference(o, &s);
    write_additional(o, &s);
    write_tools(o, &s);
    write_format(o, member(o, "response_format"));
    capability_rest(
        o, o->req->body, "",
        "model messages stream stream_options max_completion_tokens max_tokens temperature top_p top_k stop tools "
        "tool_choice reasoning_effort response_format");
    return GW_OK;
}
