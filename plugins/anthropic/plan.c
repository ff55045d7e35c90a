/* plan.c - decides what a request becomes before the first byte is written: tool choice, the shape of the answer,
 * its length. They depend on each other and on the model. Thinking has a file of its own, think.c, and cache markers
 * have one, cache.c. */
#include "anthropic.h"

/* Without a limit of the request's own. Anthropic's SDKs refuse a plain request that could take more than ten
 * minutes at 128000 tokens an hour, which is 21333 tokens. */
enum { DEFAULT_TOKENS = 20000 };

static bool has_calls(const struct request_writer *b)
{
    const gw_json *messages = get(b->h, b->body, "messages");
    for (size_t i = 0; i < length(b->h, messages); i++)
        if (length(b->h, get(b->h, b->h->json->at(messages, i), "tool_calls")) > 0)
            return true;
    return false;
}

/* {"type":"function","function":{"name":...}} and its kin. */
static gw_str chosen_name(const struct request_writer *b, const gw_json *choice)
{
    gw_str type = get_str(b->h, choice, "type");
    const gw_json *inner = get(b->h, choice, anthropic_is(type, "custom") ? "custom" : "function");
    return get_str(b->h, is_null(b->h, inner) ? choice : inner, "name");
}

static void plan_allowed(struct request_writer *b, const gw_json *choice)
{
    const gw_json *inner = get(b->h, choice, "allowed_tools");
    if (is_null(b->h, inner))
        inner = choice;
    const gw_json *tools = get(b->h, inner, "tools");
    b->plan.only_allowed = true;
    for (size_t i = 0; i < length(b->h, tools); i++) {
        gw_str name = chosen_name(b, b->h->json->at(tools, i));
        if (name.len > 0 && !ids_find(&b->plan.allowed, name, NULL))
            ids_add(b->h, b->call, &b->plan.allowed, name, i);
    }
    b->plan.choice = anthropic_is(get_str(b->h, inner, "mode"), "required") ? "any" : "auto";
}

static void plan_choice(struct request_writer *b)
{
    const gw_json *choice = get(b->h, b->body, "tool_choice");
    gw_str word = b->h->json->str(choice), type = get_str(b->h, choice, "type");
    struct plan *p = &b->plan;

    if (is_null(b->h, choice))
        p->choice = NULL;
    else if (anthropic_is(word, "auto") || anthropic_is(type, "auto"))
        p->choice = "auto";
    else if (anthropic_is(word, "none") || anthropic_is(type, "none"))
        p->choice = "none";
    else if (anthropic_is(word, "required") || anthropic_is(word, "any") || anthropic_is(type, "any"))
        p->choice = "any";
    else if (anthropic_is(type, "allowed_tools"))
        plan_allowed(b, choice);
    else if (chosen_name(b, choice).len > 0) {
        p->choice = "tool";
        p->choice_name = chosen_name(b, choice);
    } else {
        anthropic_refuse(b, "tool_choice is none of none, auto, required, a named tool and allowed_tools");
    }
    if (b->h->json->boolean(get(b->h, b->body, "parallel_tool_calls"), 1) == 0)
        p->one_call = true;
    if (!p->has_tools) {
        if (p->choice != NULL && (!strcmp(p->choice, "any") || !strcmp(p->choice, "tool")))
            anthropic_drop(b, LOSS_CHOICE);
        p->choice = p->past_tools && is_null(b->h, get(b->h, b->body, "web_search_options")) ? "none" : NULL;
    }
}

static bool is_forced(const struct plan *p)
{
    return p->choice != NULL && (!strcmp(p->choice, "any") || !strcmp(p->choice, "tool"));
}

/* A model that knows no schemas is given a tool that must be called, and its arguments are the answer. Beside
 * tools of the client's the model may call any, but must call one. */
static void plan_shape_tool(struct request_writer *b)
{
    struct plan *p = &b->plan;
    bool mine_only = !p->has_tools || (p->choice != NULL && !strcmp(p->choice, "none"));

    if (p->choice != NULL && !strcmp(p->choice, "tool")) {
        anthropic_drop(b, LOSS_STRUCTURED_OUTPUT);
        p->structured_output = NULL;
        return;
    }
    p->choice = mine_only ? "tool" : "any";
    p->choice_name = p->output_name;
    p->one_call = p->one_call || mine_only;
    b->state->output_name = anthropic_keep(b->h, b->call, p->output_name);
}

static void plan_shape(struct request_writer *b)
{
    const gw_json *format = get(b->h, b->body, "response_format"), *schema = get(b->h, format, "json_schema");
    gw_str type = get_str(b->h, format, "type");
    struct plan *p = &b->plan;

    if (is_null(b->h, format) || anthropic_is(type, "text"))
        return;
    if (anthropic_is(type, "json_object")) {
        p->json_hint = true;
        anthropic_drop(b, LOSS_JSON_OBJECT);
        return;
    }
    if (!anthropic_is(type, "json_schema")) {
        anthropic_refuse(b, "response_format.type is none of text, json_object and json_schema");
        return;
    }
    p->structured_output = get(b->h, schema, "schema");
    p->output_name = get_str(b->h, schema, "name");
    p->output_about = get_str(b->h, schema, "description");
    if (!is_type(b->h, p->structured_output, GW_JSON_OBJECT)) {
        anthropic_refuse(b, "response_format.json_schema.schema is missing");
        return;
    }
    if (p->output_name.len == 0)
        p->output_name = GW_LIT("answer");
    p->output_native = (b->model->can & CAN_STRUCTURE) != 0;
    if (!p->output_native)
        plan_shape_tool(b);
}

/* max_completion_tokens is the newer name. */
static void plan_length(struct request_writer *b)
{
    const gw_json *asked = get(b->h, b->body, "max_completion_tokens");
    const char *name = "max_completion_tokens";
    struct plan *p = &b->plan;

    if (is_null(b->h, asked)) {
        asked = get(b->h, b->body, "max_tokens");
        name = "max_tokens";
    }
    if (is_null(b->h, asked)) {
        p->max_tokens = b->anthropic->max_tokens > 0 ? b->anthropic->max_tokens : DEFAULT_TOKENS;
        if (b->model->most > 0 && p->max_tokens > b->model->most)
            p->max_tokens = b->model->most;
        return;
    }
    p->max_tokens = b->h->json->integer(asked, -1);
    if (p->max_tokens < 0)
        anthropic_refuse(b, "%s is not a whole number", name);
    if (b->model->most > 0 && p->max_tokens > b->model->most) {
        p->max_tokens = b->model->most;
        anthropic_drop_of(b, LOSS_LENGTH, name);
    }
}

void anthropic_plan(struct request_writer *b)
{
    struct plan *p = &b->plan;

    p->has_tools = length(b->h, get(b->h, b->body, "tools")) > 0;
    p->past_tools = !p->has_tools && has_calls(b);
    plan_choice(b);
    plan_shape(b);
    if (is_forced(p) && (b->model->can & CAN_FORCE) == 0) {
        p->choice = "auto";
        anthropic_drop(b, LOSS_FORCE);
    }
    plan_length(b);
    anthropic_plan_names(b);
    anthropic_plan_thinking(b, is_forced(p));
    if (b->status == GW_OK)
        anthropic_plan_cache(b);
}
