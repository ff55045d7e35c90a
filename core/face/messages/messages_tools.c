/* messages_tools.c - the tools of an Anthropic request and which of them may be called, in the canonical shape. */
#include "canon/error.h"
#include "face/messages/messages_inside.h"

static bool is_function(const struct json *tool)
{
    struct text type = json_str(json_member(tool, "type"));
    return type.ptr == NULL || text_is(type, "custom");
}

static bool is_web_search(const struct json *tool)
{
    return text_starts(json_str(json_member(tool, "type")), TEXT("web_search_"));
}

static void copy(struct messages_request *r, const char *to, const struct json *value)
{
    if (json_type(value) == JSON_T_ABSENT || json_type(value) == JSON_T_NULL)
        return;
    json_key(&r->w, text_of(to));
    json_put_json(&r->w, value);
}

static void write_function(struct messages_request *r, const struct json *tool)
{
    static const char *const known[] = {
        "type", "name", "description", "input_schema", "strict", "cache_control", NULL
    };
    json_object(&r->w);
    json_name(&r->w, "type");
    json_put_str(&r->w, TEXT("function"));
    json_name(&r->w, "function");
    json_object(&r->w);
    copy(r, "name", json_member(tool, "name"));
    copy(r, "description", json_member(tool, "description"));
    copy(r, "parameters", json_member(tool, "input_schema"));
    copy(r, "strict", json_member(tool, "strict"));
    json_close(&r->w);
    copy(r, "cache_control", json_member(tool, "cache_control"));
    json_close(&r->w);
    messages_drop_others(r, "tools", tool, known);
}

static void write_web_search(struct messages_request *r, const struct json *tool)
{
    static const char *const known[] = { "type", "name", "user_location", NULL };
    const struct json *location = json_member(tool, "user_location");
    json_name(&r->w, "web_search_options");
    json_object(&r->w);
    if (json_type(location) == JSON_T_OBJECT) {
        json_name(&r->w, "user_location");
        json_object(&r->w);
        json_name(&r->w, "type");
        json_put_str(&r->w, TEXT("approximate"));
        json_name(&r->w, "approximate");
        json_object(&r->w);
        copy(r, "city", json_member(location, "city"));
        copy(r, "country", json_member(location, "country"));
        copy(r, "region", json_member(location, "region"));
        copy(r, "timezone", json_member(location, "timezone"));
        json_close(&r->w);
        json_close(&r->w);
    }
    json_close(&r->w);
    messages_drop_others(r, "tools.web_search", tool, known);
}

int messages_write_tools(struct messages_request *r, const char *name, const struct json *tools)
{
    const struct json *search = NULL;
    size_t functions = 0;
    if (json_type(tools) != JSON_T_ARRAY)
        return error_param(r->fail, E_PARAMETER, TEXT("tools"), "tools must be an array");
    for (size_t i = 0; i < json_count(tools); i++) {
        const struct json *tool = json_at(tools, i);
        if (json_type(tool) != JSON_T_OBJECT)
            return error_param(r->fail, E_PARAMETER, TEXT("tools"), "tools[%zu] must be an object", i);
        if (is_function(tool))
            functions++;
        else if (is_web_search(tool) && search == NULL)
            search = tool;
        else
            messages_drop(r, "tools.%.*s", TEXT_ARG(json_str(json_member(tool, "type"))));
    }
    if (functions > 0) {
        json_key(&r->w, text_of(name));
        json_array(&r->w);
        for (size_t i = 0; i < json_count(tools); i++)
            if (is_function(json_at(tools, i)))
                write_function(r, json_at(tools, i));
        json_close(&r->w);
    }
    if (search != NULL)
        write_web_search(r, search);
    return 0;
}

/* Is it one of the tools that became functions? With no name: is there any? */
static bool has_function(const struct messages_request *r, struct text name)
{
    const struct json *tools = json_member(r->body, "tools");
    for (size_t i = 0; i < json_count(tools); i++)
        if (is_function(json_at(tools, i)) &&
            (name.ptr == NULL || text_eq(json_str(json_member(json_at(tools, i), "name")), name)))
            return true;
    return false;
}

static void write_named(struct messages_request *r, const char *member, const struct json *choice)
{
    const struct json *name = json_member(choice, "name");
    if (json_type(name) != JSON_T_STR || !has_function(r, json_str(name))) {
        messages_drop(r, "tool_choice");
        return;
    }
    json_key(&r->w, text_of(member));
    json_object(&r->w);
    json_name(&r->w, "type");
    json_put_str(&r->w, TEXT("function"));
    json_name(&r->w, "function");
    json_object(&r->w);
    json_name(&r->w, "name");
    json_put_json(&r->w, name);
    json_close(&r->w);
    json_close(&r->w);
}

int messages_write_tool_choice(struct messages_request *r, const char *name, const struct json *choice)
{
    static const struct {
        const char *type, *word;
    } words[] = { { "auto", "auto" }, { "any", "required" }, { "none", "none" } };
    static const char *const known[] = { "type", "name", "disable_parallel_tool_use", NULL };
    struct text type = json_str(json_member(choice, "type"));
    if (type.len == 0)
        return error_param(r->fail, E_PARAMETER, TEXT("tool_choice"), "tool_choice must be an object with a type");
    if (!has_function(r, TEXT_NONE)) {
        messages_drop(r, "tool_choice");
        return 0;
    }
    size_t i = 0;
    while (i < sizeof words / sizeof *words && !text_is(type, words[i].type))
        i++;
    if (i < sizeof words / sizeof *words) {
        json_key(&r->w, text_of(name));
        json_put_str(&r->w, text_of(words[i].word));
    } else if (text_is(type, "tool")) {
        write_named(r, name, choice);
    } else {
        messages_drop(r, "tool_choice.type");
    }
    messages_drop_others(r, "tool_choice", choice, known);
    if (json_bool(json_member(choice, "disable_parallel_tool_use"), false)) {
        json_name(&r->w, "parallel_tool_calls");
        json_put_bool(&r->w, false);
    }
    return 0;
}
