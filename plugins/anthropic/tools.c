/* tools.c - writes "tools" and "tool_choice": functions, custom tools (as functions of one string), Anthropic's own
 * tools, and the tool that stands for the schema of the answer where a model knows none. */
#include "anthropic.h"

/* What is read here, beside RULE_EXTRAS. */
static const char *const tool_members[] = { "type", "function", "custom", "cache_control", "prompt_cache_breakpoint",
                                            NULL };
static const char *const inner_members[] = { "name", "description", "cache_control", "prompt_cache_breakpoint", NULL };
static const char *const function_members[] = { "parameters", "strict", NULL };
static const char *const custom_members[] = { "format", NULL };

static gw_str name_of(const struct request_writer *b, const gw_json *tool)
{
    gw_str type = get_str(b->h, tool, "type");
    const gw_json *inner = get(b->h, tool, anthropic_is(type, "custom") ? "custom" : "function");
    return get_str(b->h, is_null(b->h, inner) ? tool : inner, "name");
}

static bool is_allowed(const struct request_writer *b, const gw_json *tool)
{
    return !b->plan.only_allowed || ids_find(&b->plan.allowed, name_of(b, tool), NULL);
}

static void write_extras(struct request_writer *b, const gw_json *tool, const gw_json *inner)
{
    for (size_t i = 0; i < b->h->json->count(tool); i++) {
        gw_str name = b->h->json->key_at(tool, i);
        if (!anthropic_rule_has(RULE_EXTRAS, name) || is_null(b->h, b->h->json->at(tool, i)))
            continue;
        b->h->write->key(b->w, name);
        b->h->write->copy(b->w, b->h->json->at(tool, i));
    }
    anthropic_write_marker(b, anthropic_has_marker(b, tool) ? tool : inner);
    anthropic_tell_others(b, "tools", tool, tool_members, NULL);
}

static void write_function(struct request_writer *b, const gw_json *tool)
{
    const gw_json *function = get(b->h, tool, "function");
    gw_str about = get_str(b->h, function, "description"), name = get_str(b->h, function, "name");
    bool strict = b->h->json->boolean(get(b->h, function, "strict"), 0) == 1;

    if (strict && (b->model->can & CAN_STRUCTURE) == 0) {
        strict = false;
        anthropic_drop(b, LOSS_STRICT);
    }
    b->h->write->object(b->w);
    put_str(b, "name", anthropic_wire_name(b, name));
    if (about.len > 0)
        put_str(b, "description", about);
    put_key(b, "input_schema");
    anthropic_write_root(b, name, get(b->h, function, "parameters"), strict);
    if (strict) {
        put_key(b, "strict");
        b->h->write->boolean(b->w, 1);
    }
    write_extras(b, tool, function);
    anthropic_tell_others(b, "tools.function", function, inner_members, function_members);
    put_close(b);
}

/* A custom tool takes free text. Its grammar cannot be enforced: the description shows it to the model. */
static void write_custom(struct request_writer *b, const gw_json *tool)
{
    const gw_json *custom = get(b->h, tool, "custom"), *format = get(b->h, custom, "format");
    const gw_json *grammar = get(b->h, format, "grammar");
    gw_str about = get_str(b->h, custom, "description");
    gw_str rules = get_str(b->h, is_null(b->h, grammar) ? format : grammar, "definition");

    b->h->write->object(b->w);
    put_str(b, "name", anthropic_wire_name(b, get_str(b->h, custom, "name")));
    if (about.len > 0)
        put_str(b, "description", about);
    put_object(b, "input_schema");
    put_word(b, "type", "object");
    put_object(b, "properties");
    put_object(b, "input");
    put_word(b, "type", "string");
    if (rules.len > 0) {
        gw_str parts[] = { GW_LIT("Text that this grammar accepts:\n"), rules };
        put_str(b, "description", anthropic_join(b->h, b->call, parts, 2));
        anthropic_drop(b, LOSS_GRAMMAR);
    }
    put_close(b);
    put_close(b);
    put_array(b, "required");
    b->h->write->str(b->w, GW_LIT("input"));
    put_close(b);
    put_close(b);
    write_extras(b, tool, custom);
    anthropic_tell_others(b, "tools.custom", custom, inner_members, custom_members);
    put_close(b);
}

/* Types of Anthropic's own tools end with a date: "web_search_20250305". */
static bool is_dated(gw_str type)
{
    if (type.len < 10 || type.ptr[type.len - 9] != '_')
        return false;
    for (size_t i = type.len - 8; i < type.len; i++)
        if (type.ptr[i] < '0' || type.ptr[i] > '9')
            return false;
    return true;
}

static void write_tool(struct request_writer *b, const gw_json *tool, size_t index)
{
    gw_str type = get_str(b->h, tool, "type");
    bool is_function = is_type(b->h, get(b->h, tool, "function"), GW_JSON_OBJECT);

    if (is_dated(type)) {
        anthropic_copy_block(b, tool, NULL);
    } else if (name_of(b, tool).len == 0) {
        anthropic_refuse(b, "tools[%zu] has no name", index);
    } else if (is_function) {
        write_function(b, tool);
    } else if (anthropic_is(type, "custom")) {
        write_custom(b, tool);
    } else {
        anthropic_refuse(b, "tools[%zu] %s", index, anthropic_why(REFUSAL_TOOL));
    }
}

/* read() must know which calls are of custom tools: their input is no JSON for the client. */
static void remember_custom(struct request_writer *b, const gw_json *tools)
{
    size_t count = 0;
    for (size_t i = 0; i < length(b->h, tools); i++)
        count += anthropic_is(get_str(b->h, b->h->json->at(tools, i), "type"), "custom");
    gw_str *names = count > 0 ? b->h->alloc(b->call, count * sizeof *names, _Alignof(gw_str)) : NULL;
    if (names == NULL)
        return;
    count = 0;
    for (size_t i = 0; i < length(b->h, tools); i++)
        if (anthropic_is(get_str(b->h, b->h->json->at(tools, i), "type"), "custom"))
            names[count++] = anthropic_keep(b->h, b->call, name_of(b, b->h->json->at(tools, i)));
    b->state->custom = names;
    b->state->custom_count = count;
}

static void write_shape_tool(struct request_writer *b)
{
    b->h->write->object(b->w);
    put_str(b, "name", b->plan.output_name);
    put_str(b, "description", b->plan.output_about.len > 0 ? b->plan.output_about : GW_LIT("Gives the answer."));
    put_key(b, "input_schema");
    anthropic_write_root(b, b->plan.output_name, b->plan.structured_output, false);
    put_close(b);
}

static void write_search(struct request_writer *b, const gw_json *search)
{
    static const char *const places[] = { "city", "region", "country", "timezone" };
    const gw_json *location = get(b->h, search, "user_location"), *inner = get(b->h, location, "approximate");
    gw_str size = get_str(b->h, search, "search_context_size");

    if (size.len > 0 && !anthropic_is(size, "medium"))
        anthropic_drop(b, LOSS_SEARCH_SIZE);
    b->h->write->object(b->w);
    put_word(b, "type", "web_search_20250305");
    put_word(b, "name", "web_search");
    if (is_null(b->h, inner))
        inner = location;
    if (is_type(b->h, inner, GW_JSON_OBJECT)) {
        put_object(b, "user_location");
        put_word(b, "type", "approximate");
        for (size_t i = 0; i < sizeof places / sizeof *places; i++)
            if (get_str(b->h, inner, places[i]).len > 0)
                put_str(b, places[i], get_str(b->h, inner, places[i]));
        put_close(b);
    }
    put_close(b);
}

/* A history with calls wants the tools that were called, though none may be called now. */
static void write_past_tools(struct request_writer *b)
{
    const gw_json *messages = get(b->h, b->body, "messages");
    struct ids names = { .count = 0 };

    for (size_t i = 0; i < length(b->h, messages); i++) {
        const gw_json *calls = get(b->h, b->h->json->at(messages, i), "tool_calls");
        for (size_t k = 0; k < length(b->h, calls); k++) {
            gw_str name = name_of(b, b->h->json->at(calls, k));
            if (name.len == 0 || ids_find(&names, name, NULL))
                continue;
            ids_add(b->h, b->call, &names, name, 0);
            b->h->write->object(b->w);
            put_str(b, "name", anthropic_wire_name(b, name));
            put_key(b, "input_schema");
            anthropic_write_root(b, name, NULL, false);
            put_close(b);
        }
    }
}

static void write_choice(struct request_writer *b, bool has_tools)
{
    const struct plan *p = &b->plan;
    const char *type = p->choice != NULL ? p->choice : p->one_call ? "auto" : NULL;

    if (type == NULL || !has_tools)
        return;
    put_object(b, "tool_choice");
    put_word(b, "type", type);
    if (!strcmp(type, "tool"))
        put_str(b, "name", anthropic_wire_name(b, p->choice_name));
    if (p->one_call && strcmp(type, "none") != 0) {
        put_key(b, "disable_parallel_tool_use");
        b->h->write->boolean(b->w, 1);
    }
    put_close(b);
}

/* Of the tools, and where there are none of the calls that were made. */
static void plan_names(struct request_writer *b, void (*take)(struct request_writer *b, gw_str name))
{
    const gw_json *tools = get(b->h, b->body, "tools"), *messages = get(b->h, b->body, "messages");

    for (size_t i = 0; i < length(b->h, tools); i++)
        take(b, name_of(b, b->h->json->at(tools, i)));
    for (size_t i = 0; b->plan.past_tools && i < length(b->h, messages); i++) {
        const gw_json *calls = get(b->h, b->h->json->at(messages, i), "tool_calls");
        for (size_t k = 0; k < length(b->h, calls); k++)
            take(b, name_of(b, b->h->json->at(calls, k)));
    }
    take(b, b->plan.output_native ? (gw_str){ NULL, 0 } : b->plan.output_name);
}

void anthropic_plan_names(struct request_writer *b)
{
    plan_names(b, anthropic_take_tool_name);
    plan_names(b, anthropic_name_tool);
}

void anthropic_write_tools(struct request_writer *b)
{
    const gw_json *tools = get(b->h, b->body, "tools"), *search = get(b->h, b->body, "web_search_options");
    bool has_output = b->plan.structured_output != NULL && !b->plan.output_native;
    bool searches = is_type(b->h, search, GW_JSON_OBJECT);

    if (searches && (b->model->can & CAN_SEARCH) == 0) {
        searches = false;
        anthropic_drop(b, LOSS_SEARCH);
    }
    bool any = b->plan.has_tools || b->plan.past_tools || has_output || searches;
    if (any)
        put_array(b, "tools");
    size_t written = 0;
    for (size_t i = 0; i < length(b->h, tools); i++) {
        if (!is_allowed(b, b->h->json->at(tools, i))) {
            anthropic_lose_marker(b, b->h->json->at(tools, i));
            anthropic_lose_marker(b, get(b->h, b->h->json->at(tools, i), "function"));
            continue;
        }
        write_tool(b, b->h->json->at(tools, i), i);
        written++;
    }
    if (b->plan.only_allowed && written == 0)
        anthropic_refuse(b, "tool_choice.allowed_tools names no tool of the request");
    if (b->plan.past_tools)
        write_past_tools(b);
    if (has_output)
        write_shape_tool(b);
    if (searches)
        write_search(b, search);
    if (any)
        put_close(b);
    remember_custom(b, tools);
    write_choice(b, any);
}
