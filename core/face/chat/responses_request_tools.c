/* responses_request_tools.c - the tools of a Responses-shaped body, and which of them may be called. */
#include "face/chat/responses_request.h"

/* The word when the tool, or the choice of one, is of a kind that a chat has; else absent. */
static struct text kind_of(const struct json *tool)
{
    struct text type = json_str(json_member(tool, "type"));
    return text_is(type, "function") || text_is(type, "custom") ? type : TEXT_NONE;
}

/* The grammar of a custom tool stands one level deeper. */
static void write_format(struct responses_request *in, const struct json *format)
{
    static const char *const but[] = { "type", NULL };
    json_name(&in->w, "format");
    if (!text_is(json_str(json_member(format, "type")), "grammar") || json_member(format, "grammar") != NULL) {
        json_put_json(&in->w, format);
        return;
    }
    json_object(&in->w);
    responses_request_put(in, TEXT("type"), TEXT("grammar"));
    json_name(&in->w, "grammar");
    json_object(&in->w);
    responses_request_copy(in, format, but);
    json_close(&in->w);
    json_close(&in->w);
}

/* Flat tools, and names of tools, get their "function" or "custom". */
static void write_tool(struct responses_request *in, const struct json *tool)
{
    static const char *const but[] = { "type", "format", NULL };
    struct text kind = kind_of(tool);
    if (json_type(json_get(tool, kind)) == JSON_T_OBJECT) { /* already as a chat has it */
        json_put_json(&in->w, tool);
        return;
    }
    json_object(&in->w);
    responses_request_put(in, TEXT("type"), kind);
    json_key(&in->w, kind);
    json_object(&in->w);
    responses_request_copy(in, tool, but);
    if (json_type(json_member(tool, "format")) == JSON_T_OBJECT)
        write_format(in, json_member(tool, "format"));
    json_close(&in->w);
    json_close(&in->w);
}

/* Those that a chat has, as a member. False when there are none. */
static bool write_tools(struct responses_request *in, const struct json *tools, const char *dropped)
{
    size_t left = 0;
    for (size_t i = 0; i < json_count(tools); i++) {
        if (kind_of(json_at(tools, i)).len > 0)
            left++;
        else
            responses_request_drop(in, text_of(dropped));
    }
    if (left == 0)
        return false;
    json_name(&in->w, "tools");
    json_array(&in->w);
    for (size_t i = 0; i < json_count(tools); i++)
        if (kind_of(json_at(tools, i)).len > 0)
            write_tool(in, json_at(tools, i));
    json_close(&in->w);
    return true;
}

static void write_allowed(struct responses_request *in, const struct json *choice)
{
    json_name(&in->w, "tool_choice");
    if (json_type(json_member(choice, "allowed_tools")) == JSON_T_OBJECT) {
        json_put_json(&in->w, choice);
        return;
    }
    json_object(&in->w);
    responses_request_put(in, TEXT("type"), TEXT("allowed_tools"));
    json_name(&in->w, "allowed_tools");
    json_object(&in->w);
    json_name(&in->w, "mode");
    json_put_json(&in->w, json_member(choice, "mode"));
    write_tools(in, json_member(choice, "tools"), "tool_choice");
    json_close(&in->w);
    json_close(&in->w);
}

static void write_choice(struct responses_request *in, const struct json *choice)
{
    struct text kind = kind_of(choice);
    if (text_is(json_str(json_member(choice, "type")), "allowed_tools")) {
        write_allowed(in, choice);
    } else if (kind.len > 0) {
        json_name(&in->w, "tool_choice");
        write_tool(in, choice);
    } else if (json_type(choice) == JSON_T_OBJECT) {
        responses_request_drop(in, TEXT("tool_choice"));
    } else {
        json_name(&in->w, "tool_choice");
        json_put_json(&in->w, choice);
    }
}

void responses_request_tools(struct responses_request *in, const struct json *body)
{
    const struct json *tools = json_member(body, "tools"), *choice = json_member(body, "tool_choice");
    bool any = write_tools(in, tools, "tools");
    if (choice == NULL || json_type(choice) == JSON_T_NULL)
        return;
    if (any || json_count(tools) == 0)
        write_choice(in, choice);
    else if (!text_is(json_str(choice), "auto") && !text_is(json_str(choice), "none"))
        responses_request_drop(in, TEXT("tool_choice"));
}
