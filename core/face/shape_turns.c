/* shape_turns.c - the system text and the tools of a body. */
#include <string.h>

#include "face/edit.h"
#include "face/shape.h"

static const char *no_system(const struct shape_body *b)
{
    return arena_printf(b->arena, "%s has no system text", b->shape != NULL ? b->shape->api : "this API");
}

static bool has_system(const struct shape_body *b)
{
    return b->shape != NULL && (b->shape->system != NULL || b->shape->system_messages);
}

/* Within a JSON string, without its quotes. */
static struct text inner(struct arena *arena, struct text t)
{
    struct text s = edit_string(arena, t);
    return (struct text){ s.ptr + 1, s.len - 2 };
}

/* More text into a content: a string or a list of parts. */
static void grow(struct edit *e, const struct json *content, struct text text, bool at_start)
{
    struct text v = json_text(content);
    if (json_type(content) == JSON_T_STR) {
        bool empty = v.len == 2;
        const char *at = at_start ? v.ptr + 1 : v.ptr + v.len - 1;
        const char *before = at_start || empty ? "" : "\\n\\n", *after = at_start && !empty ? "\\n\\n" : "";
        struct text with = inner(e->arena, text);
        edit_put(e, (struct text){ at, 0 }, text_of(arena_printf(e->arena, "%s%.*s%s", before, TEXT_ARG(with), after)));
    } else if (json_type(content) == JSON_T_ARRAY) {
        struct text s = edit_string(e->arena, text);
        bool empty = json_count(content) == 0;
        const char *at = at_start ? v.ptr + 1 : v.ptr + v.len - 1;
        edit_put(e, (struct text){ at, 0 },
                 text_of(arena_printf(e->arena, "%s{\"type\":\"text\",\"text\":%.*s}%s", at_start || empty ? "" : ",",
                                      TEXT_ARG(s), at_start && !empty ? "," : "")));
    } else { /* null */
        edit_put(e, v, edit_string(e->arena, text));
    }
}

static bool is_system(const struct json *message)
{
    struct text role = json_str(json_member(message, "role"));
    return text_is(role, "system") || text_is(role, "developer");
}

/* The first or the last of the system messages that open the talk; NULL: none does. */
static const struct json *opening_system(const struct json *turns, bool first)
{
    const struct json *found = NULL;
    for (size_t i = 0; json_type(turns) == JSON_T_ARRAY && i < json_count(turns); i++) {
        if (!is_system(json_at(turns, i)))
            break;
        found = json_at(turns, i);
        if (first)
            break;
    }
    return json_member(found, "content") != NULL ? found : NULL;
}

static void add_message(struct edit *e, const struct json *turns, struct text text)
{
    struct text s = edit_string(e->arena, text);
    edit_put(e, (struct text){ json_text(turns).ptr + 1, 0 },
             text_of(arena_printf(e->arena, "{\"role\":\"system\",\"content\":%.*s}%s", TEXT_ARG(s),
                                  json_count(turns) > 0 ? "," : "")));
}

const char *shape_add_system(struct shape_body *b, struct text text, bool at_start)
{
    struct edit e;
    if (!has_system(b))
        return no_system(b);
    edit_begin(&e, b->arena, b->text);
    if (b->shape->system != NULL) {
        const struct json *system = json_get(b->json, text_of(b->shape->system));
        if (system != NULL)
            grow(&e, system, text, at_start);
        else
            edit_add_member(&e, b->json, text_of(b->shape->system), edit_string(b->arena, text));
    } else {
        const struct json *turns = json_get(b->json, text_of(b->shape->turns));
        const struct json *message = opening_system(turns, at_start);
        if (message != NULL)
            grow(&e, json_member(message, "content"), text, at_start);
        else
            add_message(&e, turns, text);
    }
    b->text = edit_end(&e);
    return NULL;
}

/* The list without those that are not kept, as JSON. */
static struct text kept_of(struct arena *arena, const struct json *list, const bool *keeps)
{
    struct buf out;
    buf_init(&out, json_text(list).len + 16);
    buf_str(&out, "[");
    for (size_t i = 0; i < json_count(list); i++) {
        if (!keeps[i])
            continue;
        if (out.len > 1)
            buf_str(&out, ",");
        buf_text(&out, json_text(json_at(list, i)));
    }
    buf_str(&out, "]");
    struct text kept = arena_text(arena, buf_view(&out));
    buf_free(&out);
    return kept;
}

/* False: what the edit has made is no JSON. */
static bool read_again(struct shape_body *b, struct edit *e)
{
    edit_again(e, &b->json);
    b->text = e->body;
    return b->json != NULL;
}

const char *shape_set_system(struct shape_body *b, struct text text)
{
    struct edit e;
    if (!has_system(b))
        return no_system(b);
    edit_begin(&e, b->arena, b->text);
    const struct json *turns = json_get(b->json, text_of(b->shape->turns));
    if (b->shape->system_messages && json_type(turns) == JSON_T_ARRAY) {
        size_t count = json_count(turns), gone = 0;
        bool *keeps = arena_array(b->arena, bool, count + 1);
        for (size_t i = 0; i < count; i++) {
            keeps[i] = !is_system(json_at(turns, i));
            gone += !keeps[i];
        }
        if (gone > 0)
            edit_put(&e, json_text(turns), kept_of(b->arena, turns, keeps));
    }
    if (b->shape->system != NULL) {
        const struct json *system = json_get(b->json, text_of(b->shape->system));
        if (system != NULL)
            edit_put(&e, json_text(system), edit_string(b->arena, text));
        else
            edit_add_member(&e, b->json, text_of(b->shape->system), edit_string(b->arena, text));
    } else {
        if (!read_again(b, &e))
            return "the body cannot be read";
        add_message(&e, json_get(b->json, text_of(b->shape->turns)), text);
    }
    b->text = edit_end(&e);
    return NULL;
}

static struct text tool_name(const struct json *tool)
{
    const struct json *function = json_member(tool, "function");
    struct text name = json_str(json_member(function != NULL ? function : tool, "name"));
    return name.ptr != NULL ? name : json_str(json_member(tool, "type"));
}

/* Does the choice name one that has gone? */
static bool names_one(const struct json *choice, const struct json *tools, const bool *keeps)
{
    if (json_type(choice) == JSON_T_STR) {
        for (size_t i = 0; i < json_count(tools); i++)
            if (!keeps[i] && text_eq(json_str(choice), tool_name(json_at(tools, i))))
                return true;
        return false;
    }
    for (size_t i = 0; json_type(choice) >= JSON_T_ARRAY && i < json_count(choice); i++)
        if (names_one(json_at(choice, i), tools, keeps))
            return true;
    return false;
}

static const char *const lists[] = { "tools", "functions" }, *const choices[] = { "tool_choice", "function_call" };

const char *shape_keep_tools(struct shape_body *b, const bool *keeps, size_t count)
{
    struct edit e;
    size_t from = 0;
    if (b->shape == NULL || b->shape->auto_choice == NULL)
        return arena_printf(b->arena, "%s has no tools", b->shape != NULL ? b->shape->api : "this API");
    for (size_t k = 0; k < 2; k++) {
        const struct json *tools = json_get(b->json, text_of(lists[k]));
        const struct json *choice = json_get(b->json, text_of(choices[k]));
        size_t n = json_type(tools) == JSON_T_ARRAY ? json_count(tools) : 0, left = 0;
        const bool *mine = keeps + from;
        BUG_IF(from + n > count);
        from += n;
        for (size_t i = 0; i < n; i++)
            left += mine[i];
        if (left == n)
            continue;
        bool named = names_one(choice, tools, mine);
        edit_begin(&e, b->arena, b->text);
        if (left > 0) {
            edit_put(&e, json_text(tools), kept_of(b->arena, tools, mine));
            if (named)
                edit_put(&e, json_text(choice), k == 0 ? text_of(b->shape->auto_choice) : TEXT("\"auto\""));
            if (!read_again(b, &e))
                return "the body cannot be read";
            continue;
        }
        edit_remove_member(&e, b->json, text_of(lists[k])); /* no API takes an empty list, nor a choice without tools */
        if (!read_again(b, &e))
            return "the body cannot be read";
        edit_remove_member(&e, b->json, text_of(choices[k]));
        if (!read_again(b, &e))
            return "the body cannot be read";
        if (k == 0)
            edit_remove_member(&e, b->json, TEXT("parallel_tool_calls"));
        if (!read_again(b, &e))
            return "the body cannot be read";
    }
    return NULL;
}
