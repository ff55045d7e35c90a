/* members.c - members of a request written in a way of their own: how much to think, tools and their choice, the
 * shape of the answer, its length and where it stops. What becomes of them is in fields.c. */
#include "openai.h"

static void put(struct body_writer *w, const char *name, const gw_json *value)
{
    w->h->write->key(w->w, openai_lit(name));
    w->h->write->copy(w->w, value);
}

static void put_str(struct body_writer *w, const char *name, gw_str value)
{
    w->h->write->key(w->w, openai_lit(name));
    w->h->write->str(w->w, value);
}

/* Tells of a field that is sent changed. NULL: it is not. */
static const struct openai_rule *tell(struct body_writer *w, const char *field, enum openai_when on, gw_str level)
{
    const struct openai_rule *rule = openai_change(w->service, &w->asked, openai_lit(field), on, level);
    if (rule != NULL)
        openai_drop(w, &rule->row);
    return rule;
}

/* DeepSeek thinks unless a member of its own turns it off, and refuses a forced call while it does. */
static bool has_thinking(const struct body_writer *w)
{
    return openai_row_for(w, "tool_choice.forced")->how == GW_FIELD_TRANSLATED;
}

static void write_thinking(struct body_writer *w, bool on)
{
    w->h->write->key(w->w, GW_LIT("thinking"));
    w->h->write->object(w->w);
    put_str(w, "type", on ? GW_LIT("enabled") : GW_LIT("disabled"));
    w->h->write->close(w->w);
}

void openai_end_thinking(struct body_writer *w)
{
    const struct openai_rule *rule =
        w->asked.thinks && w->asked.tools
            ? openai_change(w->service, &w->asked, GW_LIT("reasoning_effort"), OPENAI_UNSAID_WITH_TOOLS, GW_LIT(""))
            : NULL;
    if (w->asked.forced && has_thinking(w))
        write_thinking(w, false);
    if (rule != NULL) /* what was asked for was dropped, and reported */
        put_str(w, "reasoning_effort", openai_lit(rule->row.as));
}

static void write_effort(struct body_writer *w, const gw_json *value)
{
    gw_str effort = w->h->json->str(value);
    bool left_out = openai_row_for(w, "reasoning_effort")->how == GW_FIELD_TRANSLATED; /* it is the default */

    if (effort.len == 0) {
        put(w, "reasoning_effort", value);
        return;
    }
    const struct openai_rule *rule = left_out ? NULL : tell(w, "reasoning_effort", OPENAI_LEVEL, effort);
    if (has_thinking(w) && !w->asked.forced) /* else it is written once, at the end */
        write_thinking(w, !left_out);
    if (!left_out)
        put_str(w, "reasoning_effort", rule != NULL ? openai_level(rule, effort) : effort);
}

/* Is it declared strict, with a schema that is not? That has been reported, then. */
static bool is_open(struct body_writer *w, const char *field, const gw_json *holder, const gw_json *schema)
{
    const gw_json *strict = w->h->json->get(holder, GW_LIT("strict"));
    return w->h->json->boolean(strict, 0) == 1 && !openai_is_strict(w, schema) &&
           tell(w, field, OPENAI_OPEN, GW_LIT("")) != NULL;
}

/* A function's parameters and whether they are strict, as the service takes them. */
static void write_function(struct body_writer *w, const gw_json *function)
{
    const gw_json *schema = w->h->json->get(function, GW_LIT("parameters"));
    enum openai_root root = openai_root(w, schema);
    bool open = is_open(w, "tools.function.strict", function, schema);

    w->h->write->object(w->w);
    for (size_t i = 0; i < w->h->json->count(function); i++) {
        gw_str name = w->h->json->key_at(function, i);
        const gw_json *value = w->h->json->at(function, i);
        if (openai_is_unclean(w, name))
            continue;
        w->h->write->key(w->w, name);
        if (openai_is(name, "parameters"))
            openai_write_schema(w, schema, root);
        else if (openai_is(name, "strict") && (open || root == ROOT_BAD))
            w->h->write->boolean(w->w, 0);
        else if (!openai_write_name(w, name, value))
            w->h->write->copy(w->w, value);
    }
    w->h->write->close(w->w);
}

/* For openai_copy_clean(): the holder of a schema that is none for OpenAI. */
static bool write_open(struct body_writer *w, gw_str name, const gw_json *value)
{
    if (!openai_is(name, "strict"))
        return openai_write_name(w, name, value);
    w->h->write->boolean(w->w, 0);
    return true;
}

static void write_tool(struct body_writer *w, const gw_json *tool)
{
    const gw_capability *custom = openai_row_for(w, "tools.custom");

    if (w->h->json->type(tool) != GW_JSON_OBJECT) {
        w->h->write->copy(w->w, tool);
        return;
    }
    if (custom->how == GW_FIELD_REFUSED && openai_is(w->h->json->str(w->h->json->get(tool, GW_LIT("type"))), "custom"))
        openai_refuse(w, custom);
    w->h->write->object(w->w);
    for (size_t i = 0; i < w->h->json->count(tool); i++) {
        gw_str name = w->h->json->key_at(tool, i);
        const gw_json *value = w->h->json->at(tool, i);
        if (openai_is_unclean(w, name))
            continue;
        openai_note_name(w, w->h->json->str(w->h->json->get(value, GW_LIT("name"))));
        w->h->write->key(w->w, name);
        if (openai_is(name, "function") && w->h->json->type(value) == GW_JSON_OBJECT)
            write_function(w, value);
        else if (openai_is(name, "function") || openai_is(name, "custom"))
            openai_copy_clean(w, value, openai_write_name);
        else
            w->h->write->copy(w->w, value);
    }
    w->h->write->close(w->w);
}

/* Where a service has no tool_choice, "none" is sent as a request without tools. */
static bool has_no_tools(const struct body_writer *w)
{
    return openai_row_for(w, "tool_choice")->how == GW_FIELD_TRANSLATED;
}

static void write_tools(struct body_writer *w, const gw_json *tools)
{
    if (has_no_tools(w))
        return;
    w->h->write->key(w->w, GW_LIT("tools"));
    w->h->write->array(w->w);
    for (size_t i = 0; i < w->h->json->count(tools); i++)
        write_tool(w, w->h->json->at(tools, i));
    w->h->write->close(w->w);
}

static void write_tool_choice(struct body_writer *w, const gw_json *value)
{
    const gw_json *allowed = w->h->json->get(value, GW_LIT("allowed_tools"));
    const gw_capability *narrowed = openai_row_for(w, "tool_choice.allowed_tools");
    const gw_capability *required = openai_row_for(w, "tool_choice.required");
    gw_str word = w->h->json->str(value);

    if (has_no_tools(w))
        return;
    if (w->h->json->type(allowed) == GW_JSON_OBJECT && narrowed->how == GW_FIELD_DROPPED) {
        openai_drop(w, narrowed);
        word = w->h->json->str(w->h->json->get(allowed, GW_LIT("mode")));
    }
    if (openai_is(word, "required") && required->how == GW_FIELD_TRANSLATED)
        word = openai_lit(required->as);
    if (word.len > 0)
        put_str(w, "tool_choice", word);
    else {
        w->h->write->key(w->w, GW_LIT("tool_choice"));
        openai_copy_choice(w, value);
    }
}

/* A schema becomes "some JSON object" where the service knows no schemas. */
static void write_format(struct body_writer *w, const gw_json *value)
{
    const gw_capability *schema = openai_row_for(w, "response_format.json_schema");
    bool has_schema = openai_is(w->h->json->str(w->h->json->get(value, GW_LIT("type"))), "json_schema");

    const gw_json *held = w->h->json->get(value, GW_LIT("json_schema"));
    if (!has_schema) {
        put(w, "response_format", value);
        return;
    }
    if (schema->how != GW_FIELD_DROPPED) {
        bool open = is_open(w, "response_format.json_schema.strict", held, w->h->json->get(held, GW_LIT("schema")));
        w->h->write->key(w->w, GW_LIT("response_format"));
        w->h->write->object(w->w);
        put_str(w, "type", GW_LIT("json_schema"));
        w->h->write->key(w->w, GW_LIT("json_schema"));
        openai_copy_clean(w, held, open ? write_open : openai_write_name);
        w->h->write->close(w->w);
        return;
    }
    openai_drop(w, schema);
    w->h->write->key(w->w, GW_LIT("response_format"));
    w->h->write->object(w->w);
    put_str(w, "type", GW_LIT("json_object"));
    w->h->write->close(w->w);
}

/* max_tokens or max_completion_tokens, whose newer name goes before the other. */
static void write_limit(struct body_writer *w, const char *name, const gw_json *value)
{
    const gw_capability *row = openai_row_for(w, name);
    const char *sent = row->how == GW_FIELD_TRANSLATED ? row->as : name;
    int64_t most = w->asked.family.most;

    if (openai_is(openai_lit(name), "max_tokens") &&
        openai_is_said(w, openai_lit(name), value, "max_completion_tokens"))
        return;
    if (most > 0 && w->h->json->real(value, 0) > (double)most && tell(w, name, OPENAI_TOO_LONG, GW_LIT("")) != NULL) {
        w->h->write->key(w->w, openai_lit(sent));
        w->h->write->integer(w->w, most);
    } else {
        put(w, sent, value);
    }
}

static void write_stop(struct body_writer *w, const gw_json *value)
{
    enum { MOST = 4 };
    size_t count = w->h->json->type(value) == GW_JSON_ARRAY ? w->h->json->count(value) : 0;

    if (count <= MOST || tell(w, "stop", OPENAI_TOO_MANY, GW_LIT("")) == NULL) {
        put(w, "stop", value);
        return;
    }
    w->h->write->key(w->w, GW_LIT("stop"));
    w->h->write->array(w->w);
    for (size_t i = 0; i < MOST; i++)
        w->h->write->copy(w->w, w->h->json->at(value, i));
    w->h->write->close(w->w);
}

bool openai_write_special(struct body_writer *w, gw_str name, const gw_json *value)
{
    if (openai_is(name, "messages"))
        openai_write_messages(w, value);
    else if (openai_is(name, "tools"))
        write_tools(w, value);
    else if (openai_is(name, "tool_choice"))
        write_tool_choice(w, value);
    else if (openai_is(name, "reasoning_effort"))
        write_effort(w, value);
    else if (openai_is(name, "response_format"))
        write_format(w, value);
    else if (openai_is(name, "max_tokens"))
        write_limit(w, "max_tokens", value);
    else if (openai_is(name, "max_completion_tokens"))
        write_limit(w, "max_completion_tokens", value);
    else if (openai_is(name, "stop"))
        write_stop(w, value);
    else
        return false;
    return true;
}
