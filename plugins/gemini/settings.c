/* settings.c - the members of a chat beside its messages, as generationConfig, tools and toolConfig. */
#include "gemini.h"

#define STOPS_MAX 5u

static void config_key(struct gemini_out *o, const char *name)
{
    if (!o->in_config++) {
        gemini_key(o, "generationConfig");
        o->h->write->object(o->w);
    }
    gemini_key(o, name);
}

static gw_str model_of(gw_str model)
{
    return gemini_begins(model, "models/") ? (gw_str){ model.ptr + 7, model.len - 7 } : model;
}

static int has(gw_str text, const char *word)
{
    for (size_t i = 0; i + strlen(word) <= text.len; i++)
        if (memcmp(text.ptr + i, word, strlen(word)) == 0)
            return 1;
    return 0;
}

int settings_has_levels(gw_str model)
{
    model = model_of(model);
    return gemini_begins(model, "gemini-") && !gemini_begins(model, "gemini-1") && !gemini_begins(model, "gemini-2");
}

static gw_str sent_name(const struct gemini_out *o, gw_str name)
{
    return names_sent(o->h, o->call, name);
}

static void write_seed(struct gemini_out *o, const gw_json *value)
{
    int64_t seed = o->h->json->integer(value, INT64_MAX);
    if (seed < INT32_MIN || seed > INT32_MAX) {
        capability_drop(o, GW_LIT("seed"));
        return;
    }
    config_key(o, "seed");
    o->h->write->integer(o->w, seed);
}

static void write_stop(struct gemini_out *o, const gw_json *value)
{
    size_t count = o->h->json->count(value);
    config_key(o, "stopSequences");
    o->h->write->array(o->w);
    if (o->h->json->type(value) == GW_JSON_STR)
        o->h->write->copy(o->w, value);
    for (size_t i = 0; i < count && i < STOPS_MAX; i++)
        o->h->write->copy(o->w, o->h->json->at(value, i));
    o->h->write->close(o->w);
    if (count > STOPS_MAX)
        capability_drop(o, GW_LIT("stop"));
}

static int has_functions(const struct gemini_out *o)
{
    for (size_t i = 0; i < o->h->json->count(o->state->tools); i++)
        if (gemini_get(o->h, o->h->json->at(o->state->tools, i), "function") != NULL)
            return 1;
    return 0;
}

static void write_format(struct gemini_out *o, const gw_json *value)
{
    gw_str type = gemini_text(o->h, value, "type");
    const gw_json *named = gemini_get(o->h, value, "json_schema"), *schema = gemini_get(o->h, named, "schema");
    if (!gemini_is(type, "json_object") && !gemini_is(type, "json_schema"))
        return;
    if (has_functions(o) && !settings_has_levels(o->req->model)) { /* 400: "unsupported" */
        capability_drop(o, GW_LIT("response_format"));
        return;
    }
    config_key(o, "responseMimeType");
    o->h->write->str(o->w, GW_LIT("application/json"));
    if (o->h->json->type(schema) == GW_JSON_OBJECT) {
        config_key(o, "responseJsonSchema");
        o->h->write->copy(o->w, schema);
    }
}

/* Tokens of thinking for an effort, within what Gemini 2.5's models take. */
static int64_t budget_of(const struct gemini_out *o, gw_str effort, int64_t most)
{
    int pro = has(o->req->model, "pro"), lite = has(o->req->model, "lite");
    int64_t least = pro ? 128 : lite ? 512 : 1, budget = 24576;
    if (gemini_is(effort, "none"))
        return pro ? least : 0;
    if (gemini_is(effort, "minimal"))
        budget = 512;
    else if (gemini_is(effort, "low"))
        budget = 1024;
    else if (gemini_is(effort, "medium"))
        budget = 8192;
    else if (pro && !gemini_is(effort, "high"))
        budget = 32768;
    if (most > 0 && budget >= most) /* it counts against the limit of the answer */
        budget = most / 2;
    return budget > least ? budget : least;
}

static const char *level_of(gw_str model, gw_str effort)
{
    if (gemini_is(effort, "none") || gemini_is(effort, "minimal"))
        return has(model, "pro") ? "LOW" : "MINIMAL";
    return gemini_is(effort, "low") ? "LOW" : gemini_is(effort, "medium") ? "MEDIUM" : "HIGH";
}

static int64_t limit_of(const struct gemini_out *o)
{
    int64_t limit = o->h->json->integer(gemini_get(o->h, o->req->body, "max_completion_tokens"), 0);
    return limit > 0 ? limit : o->h->json->integer(gemini_get(o->h, o->req->body, "max_tokens"), 0);
}

static void write_effort(struct gemini_out *o, const gw_json *value)
{
    gw_str effort = o->h->json->str(value), model = model_of(o->req->model);
    const char *level = level_of(model, effort);
    if (effort.len == 0 || (!settings_has_levels(model) && !gemini_begins(model, "gemini-2.5")) ||
        has(model, "image")) {
        capability_drop(o, GW_LIT("reasoning_effort"));
        return;
    }
    config_key(o, "thinkingConfig");
    o->h->write->object(o->w);
    if (settings_has_levels(model)) {
        gemini_str(o, "thinkingLevel", (gw_str){ level, strlen(level) });
    } else {
        gemini_key(o, "thinkingBudget");
        o->h->write->integer(o->w, budget_of(o, effort, limit_of(o)));
    }
    gemini_key(o, "includeThoughts");
    o->h->write->boolean(o->w, !gemini_is(effort, "none"));
    o->h->write->close(o->w);
}

static void write_modalities(struct gemini_out *o, const gw_json *value)
{
    config_key(o, "responseModalities");
    o->h->write->array(o->w);
    for (size_t i = 0; i < o->h->json->count(value); i++) {
        gw_str word = o->h->json->str(o->h->json->at(value, i));
        o->h->write->str(o->w, gemini_is(word, "image")   ? GW_LIT("IMAGE")
                               : gemini_is(word, "audio") ? GW_LIT("AUDIO")
                                                          : GW_LIT("TEXT"));
    }
    o->h->write->close(o->w);
}

/* A member of the request, and what of generationConfig it is; `write` where it is not the same value. */
static const struct setting {
    const char *name, *as;
    void (*write)(struct gemini_out *o, const gw_json *value);
} settings[] = {
    { "max_completion_tokens", "maxOutputTokens", NULL },
    { "max_tokens", "maxOutputTokens", NULL },
    { "temperature", "temperature", NULL },
    { "top_p", "topP", NULL },
    { "top_k", "topK", NULL },
    { "n", "candidateCount", NULL },
    { "presence_penalty", "presencePenalty", NULL },
    { "frequency_penalty", "frequencyPenalty", NULL },
    { "seed", NULL, write_seed },
    { "stop", NULL, write_stop },
    { "response_format", NULL, write_format },
    { "reasoning_effort", NULL, write_effort },
    { "modalities", NULL, write_modalities },
};

static void write_function(struct gemini_out *o, const gw_json *function)
{
    const gw_json *about = gemini_get(o->h, function, "description"),
                  *schema = gemini_get(o->h, function, "parameters");
    if (o->h->json->boolean(gemini_get(o->h, function, "strict"), 0))
        capability_drop(o, GW_LIT("tools.strict"));
    o->h->write->object(o->w);
    gw_str given = gemini_text(o->h, function, "name"), name = sent_name(o, given);
    o->state->respelt |= name.ptr != given.ptr;
    gemini_str(o, "name", name);
    if (about != NULL) {
        gemini_key(o, "description");
        o->h->write->copy(o->w, about);
    }
    if (o->h->json->count(schema) > 0) {
        gemini_key(o, "parametersJsonSchema");
        o->h->write->copy(o->w, schema);
    }
    o->h->write->close(o->w);
}

static void write_tools(struct gemini_out *o)
{
    size_t count = o->h->json->count(o->state->tools);
    if (has_functions(o)) {
        gemini_key(o, "tools");
        o->h->write->array(o->w);
        o->h->write->object(o->w);
        gemini_key(o, "functionDeclarations");
        o->h->write->array(o->w);
    }
    for (size_t i = 0; i < count; i++) {
        const gw_json *tool = o->h->json->at(o->state->tools, i), *function = gemini_get(o->h, tool, "function");
        if (gemini_get(o->h, tool, "cache_control") != NULL)
            capability_drop(o, GW_LIT("tools.cache_control"));
        if (function != NULL)
            write_function(o, function);
        else
            capability_drop(o, GW_LIT("tools.custom"));
    }
    for (int i = 0; i < 3 && has_functions(o); i++)
        o->h->write->close(o->w);
}

static void write_choice(struct gemini_out *o, const gw_json *choice)
{
    const gw_json *allowed = gemini_get(o->h, choice, "allowed_tools"), *tools = gemini_get(o->h, allowed, "tools");
    gw_str word = o->h->json->str(choice), name = gemini_text(o->h, gemini_get(o->h, choice, "function"), "name");
    gw_str mode = gemini_is(word, "none")       ? GW_LIT("NONE")
                  : gemini_is(word, "required") ? GW_LIT("ANY")
                                                : GW_LIT("AUTO");
    if (choice == NULL)
        return;
    if (!has_functions(o)) {
        capability_drop(o, GW_LIT("tool_choice"));
        return;
    }
    if (name.len > 0)
        mode = GW_LIT("ANY");
    else if (allowed != NULL)
        mode = gemini_is(gemini_text(o->h, allowed, "mode"), "required") ? GW_LIT("ANY") : GW_LIT("VALIDATED");
    gemini_key(o, "toolConfig");
    o->h->write->object(o->w);
    gemini_key(o, "functionCallingConfig");
    o->h->write->object(o->w);
    gemini_str(o, "mode", mode);
    if (name.len > 0 || allowed != NULL) {
        gemini_key(o, "allowedFunctionNames");
        o->h->write->array(o->w);
        if (name.len > 0)
            o->h->write->str(o->w, sent_name(o, name));
        for (size_t i = 0; i < o->h->json->count(tools); i++) {
            const gw_json *function = gemini_get(o->h, o->h->json->at(tools, i), "function");
            o->h->write->str(o->w, sent_name(o, gemini_text(o->h, function, "name")));
        }
        o->h->write->close(o->w);
    }
    o->h->write->close(o->w);
    o->h->write->close(o->w);
}

/* Members that are carried elsewhere, or whose value asks for nothing. */
static int is_known(const struct gemini_out *o, gw_str name, const gw_json *value)
{
    static const char *const known[] = { "model", "messages", "stream", "stream_options", "tools", "tool_choice" };
    uint32_t type = o->h->json->type(value);
    if (type == GW_JSON_NULL || (gemini_is(name, "parallel_tool_calls") && o->h->json->boolean(value, 0)) ||
        (gemini_is(name, "logprobs") && !o->h->json->boolean(value, 1)))
        return 1;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (gemini_is(name, known[i]))
            return 1;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (gemini_is(name, settings[i].name))
            return 1;
    return 0;
}

gw_status settings_write(struct gemini_out *o)
{
    const gw_json *body = o->req->body;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const struct setting *s = &settings[i];
        const gw_json *value = gemini_get(o->h, body, s->name);
        if (value == NULL || o->h->json->type(value) == GW_JSON_NULL ||
            (i == 1 && o->h->json->integer(gemini_get(o->h, body, settings[0].name), 0) > 0))
            continue;
        if (s->write != NULL) {
            s->write(o, value);
            continue;
        }
        config_key(o, s->as);
        o->h->write->copy(o->w, value);
    }
    if (o->in_config)
        o->h->write->close(o->w);
    write_tools(o);
    write_choice(o, gemini_get(o->h, body, "tool_choice"));
    for (size_t i = 0; i < o->h->json->count(body); i++)
        if (!is_known(o, o->h->json->key_at(body, i), o->h->json->at(body, i)))
            capability_drop(o, o->h->json->key_at(body, i));
    return GW_OK;
}
