/* test_capability_models.c - which rows of the capability tables are given: by the name of an OpenAI model, by the
 * service that the settings or the address name, by Azure's version of the API; and the demo provider's one row. */
#include <string.h>

#include "../../../plugins/openai/services.h"
#include "check.h"
#include "replay.h"

static struct replay r;

static const gw_capability *row_at(const char *model, const char *base_url, uint32_t index)
{
    gw_request req = { .size = sizeof req,
                       .operation = GW_OP_CHAT,
                       .dialect = GW_DIALECT_CHAT,
                       .model = call_str(text_of(model)),
                       .base_url = call_str(text_of(base_url)) };
    return r.ops->capability(r.instance, &req, index);
}

/* "HOW", or "HOW as", of the rows of a field, each with "[when]" before it; "" where there are none. */
static const char *told(const char *model, const char *base_url, const char *field)
{
    static const char *const hows[] = { "?", "carried", "translated", "dropped", "refused" };
    static char list[1024];
    const gw_capability *row;
    list[0] = '\0';
    for (uint32_t i = 0; (row = row_at(model, base_url, i)) != NULL; i++) {
        size_t used = strlen(list);
        if (strcmp(row->field, field) == 0)
            snprintf(list + used, sizeof list - used, "%s%s%s%s%s%s%s", used > 0 ? "; " : "",
                     row->when != NULL ? "[" : "", row->when != NULL ? row->when : "", row->when != NULL ? "] " : "",
                     hows[row->how], row->as != NULL ? " " : "", row->as != NULL ? row->as : "");
    }
    return list;
}

#define WITH_TOOLS "[with tools, unless it is none] dropped; "
#define NEEDS_NONE WITH_TOOLS "[not there, with tools] translated none; "
#define UNLESS_NONE "[unless reasoning_effort is none] dropped"
#define NO_THINKING "[unless it is none] dropped; [none] translated nothing: the model does not reason"
#define OF_GPT_5 "[none] dropped; [xhigh or max] dropped"
#define OF_O "[none] dropped; [minimal, xhigh or max] dropped"
#define FOUR "[over four] dropped"

Test(capability_models, the_name_of_an_openai_model_tells_its_rows)
{
    static const struct {
        const char *model, *temperature, *stop, *effort;
    } cases[] = {
        { "gpt-4o", "", FOUR, NO_THINKING },
        { "gpt-4.1-mini", "", FOUR, NO_THINKING },
        { "gpt-35-turbo", "", FOUR, NO_THINKING },
        { "ft:gpt-4o-2024-08-06:mine::id", "", FOUR, NO_THINKING },
        { "chatgpt-4o-latest", "", FOUR, NO_THINKING },
        { "gpt-5-chat-latest", "", FOUR, NO_THINKING },
        { "gpt-5", "dropped", "dropped", OF_GPT_5 },
        { "gpt-5-2025-08-07", "dropped", "dropped", OF_GPT_5 },
        { "gpt-5.1", UNLESS_NONE, "dropped", "[minimal, xhigh or max] dropped" },
        { "gpt-5.2", UNLESS_NONE, "dropped", "[minimal or max] dropped" },
        { "gpt-5.4-mini", UNLESS_NONE, "dropped", WITH_TOOLS "[minimal or max] dropped" },
        { "gpt-5.6", UNLESS_NONE, "dropped", NEEDS_NONE "[minimal] dropped" },
        { "gpt-5.10", UNLESS_NONE, "dropped", NEEDS_NONE "[minimal] dropped" },
        { "gpt-6", UNLESS_NONE, "dropped", NEEDS_NONE "[minimal] dropped" },
        { "o3", "dropped", "dropped", OF_O },
        { "ft:o4-mini:mine", "dropped", "dropped", OF_O },
        { "o4-mini-2025-04-16", "dropped", "dropped", OF_O },
        { "gpt-oss-120b", "", FOUR, "" },
        { "gpt-image-1", "", FOUR, "" },
        { "gpt-2025", "", FOUR, "" },
        { "omni", "", FOUR, "" },
        { "my-deployment", "", FOUR, "" },
        { "", "", FOUR, "" },
    };
    replay_begin(&r, gw_plugin_entry_openai(), NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *model = cases[i].model, *url = "https://api.openai.com/v1";
        cr_assert_str_eq(told(model, url, "temperature"), cases[i].temperature, "%s", model);
        cr_assert_str_eq(told(model, url, "stop"), cases[i].stop, "%s", model);
        cr_assert_str_eq(told(model, url, "reasoning_effort"), cases[i].effort, "%s", model);
    }
    replay_end(&r);
}

Test(capability_models, the_longest_answer_is_told_where_it_is_known)
{
    static const struct {
        const char *model;
        int64_t most;
    } cases[] = {
        { "gpt-3.5-turbo-0125", 4096 },
        { "gpt-35-turbo", 4096 },
        { "gpt-4-0613", 4096 },
        { "gpt-4-turbo", 4096 },
        { "gpt-4o", 16384 },
        { "gpt-4o-mini", 16384 },
        { "gpt-4o-2024-05-13", 4096 },
        { "ft:gpt-4o:mine", 16384 },
        { "gpt-4.1-nano", 32768 },
        { "gpt-5-chat-latest", 16384 },
        { "gpt-5-mini", 128000 },
        { "gpt-5.3-chat-latest", 16384 },
        { "gpt-5.5", 128000 },
        { "o1-mini", 65536 },
        { "o3", 100000 },
        { "o4-mini-2025-04-16", 100000 },
        { "gpt-4.10", 0 },
        { "gpt-5.50", 0 },
        { "gpt-5.6", 0 },
        { "o5", 0 },
        { "gpt-4omni", 0 },
        { "my-deployment", 0 },
    };
    replay_begin(&r, gw_plugin_entry_openai(), NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *limit = told(cases[i].model, "https://api.openai.com/v1", "max_completion_tokens");
        cr_assert_eq(openai_family(call_str(text_of(cases[i].model))).most, cases[i].most, "%s", cases[i].model);
        cr_assert_str_eq(limit, cases[i].most > 0 ? "[more than the model writes] dropped" : "", "%s", cases[i].model);
    }
    cr_assert_str_eq(told("gpt-4o", "https://api.groq.com/openai/v1", "max_completion_tokens"), "carried");
    replay_end(&r);
}

Test(capability_models, the_settings_or_the_address_say_whose_rows)
{
    replay_begin(&r, gw_plugin_entry_openai(), NULL);
    cr_assert_str_eq(told("gpt-5", "https://api.groq.com/openai/v1", "temperature"), "");
    cr_assert_str_eq(told("m", "https://api.groq.com/openai/v1", "n"), "dropped");
    cr_assert_str_eq(told("m", "https://api.groq.com/openai/v1", "api.embeddings"), "refused");
    cr_assert_str_eq(told("m", "https://example.com/v1", "api.embeddings"), "");
    cr_assert_str_eq(told("m", "https://example.com/v1", "top_k"), "dropped");
    replay_end(&r);
    replay_begin(&r, gw_plugin_entry_openai(), "{\"service\":\"perplexity\"}");
    cr_assert_str_eq(told("m", "https://api.groq.com/openai/v1", "tools"), "refused");
    cr_assert_str_eq(told("m", "https://api.groq.com/openai/v1", "tools.custom"), "", "tools are refused already");
    cr_assert_str_eq(told("m", "https://api.groq.com/openai/v1", "tool_choice.allowed_tools"), "");
    cr_assert_str_eq(told("m", "https://api.groq.com/openai/v1", "stream_options"),
                     "translated nothing: usage is told anyway");
    replay_end(&r);
}

Test(capability_models, a_row_of_the_service_goes_before_a_common_one)
{
    replay_begin(&r, gw_plugin_entry_openai(), "{\"service\":\"xai\"}");
    cr_assert_str_eq(told("grok-4-fast-non-reasoning", "", "stop"), "carried");
    cr_assert_str_eq(told("grok-4", "", "stop"), "dropped");
    cr_assert_str_eq(told("grok-2", "", "stop"), "");
    cr_assert_str_eq(told("m", "", "safety_identifier"), "translated user; [beside another user] dropped");
    cr_assert_str_eq(told("m", "", "max_completion_tokens"), "carried");
    replay_end(&r);
    replay_begin(&r, gw_plugin_entry_openai(), "{\"service\":\"openrouter\"}");
    cr_assert_str_eq(told("m", "", "part.file"), "carried");
    cr_assert_str_eq(told("m", "", "part.file.file_id"), "refused");
    cr_assert_str_eq(told("m", "", "part.file.url"), "");
    cr_assert_str_eq(told("m", "", "messages.reasoning_details"), "carried");
    replay_end(&r);
}

Test(capability_models, levels_are_told_by_model)
{
    replay_begin(&r, gw_plugin_entry_openai(), "{\"service\":\"groq\"}");
    cr_assert_str_eq(told("qwen/qwen3-32b", "", "reasoning_effort"),
                     "[minimal, xhigh or max] dropped; [low, medium or high] dropped");
    cr_assert_str_eq(told("openai/gpt-oss-20b", "", "reasoning_effort"),
                     "[none] dropped; [minimal, xhigh or max] dropped");
    cr_assert_str_eq(told("m", "", "reasoning_effort"), "[minimal, xhigh or max] dropped");
    replay_end(&r);
    replay_begin(&r, gw_plugin_entry_openai(), "{\"service\":\"xai\"}");
    cr_assert_str_eq(told("grok-4", "", "reasoning_effort"), "dropped");
    cr_assert_str_eq(told("grok-3", "", "reasoning_effort"), NO_THINKING);
    cr_assert_str_eq(told("grok-3-mini", "", "reasoning_effort"),
                     "[none] dropped; [minimal, medium, xhigh or max] dropped");
    replay_end(&r);
}

Test(capability_models, azure_tells_the_rows_of_its_version)
{
    replay_begin(&r, gw_plugin_entry_azure(), NULL);
    cr_assert_str_eq(told("gpt-5", "", "temperature"), "dropped");
    cr_assert_str_eq(told("my-gpt", "", "temperature"), "");
    cr_assert_str_eq(told("my-gpt", "", "api.rerank"), "refused");
    cr_assert_str_eq(told("my-gpt", "", "role.developer"), "");
    replay_end(&r);
    replay_begin(&r, gw_plugin_entry_azure(), "{\"api_version\":\"2024-02-01\"}");
    cr_assert_str_eq(told("gpt-5", "", "temperature"), "");
    cr_assert_str_eq(told("my-gpt", "", "role.developer"), "translated system");
    cr_assert_str_eq(told("my-gpt", "", "stop"), FOUR);
    cr_assert_str_eq(told("my-gpt", "", "part.file.url"), "[by an address] refused");
    cr_assert_str_eq(told("gpt-4o", "", "max_completion_tokens"),
                     "translated max_tokens; [more than the model writes] dropped");
    replay_end(&r);
    replay_begin(&r, gw_plugin_entry_azure(), "{\"api_version\":\"2024-10-21\"}");
    cr_assert_str_eq(told("my-gpt", "", "role.developer"), "");
    replay_end(&r);
}

Test(capability_models, demo_has_no_probabilities_and_says_so)
{
    replay_begin(&r, gw_plugin_entry_demo(), NULL);
    const gw_capability *row = row_at("demo", "", 0);
    cr_assert_not_null(row);
    cr_assert_eq(row->size, sizeof *row);
    cr_assert_null(row_at("demo", "", 1));
    replay_produce(&r, "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"logprobs\":true}", false, 10);
    const struct call_dropped *d = r.call.dropped;
    cr_assert_not_null(d);
    cr_assert_eq(row->how, GW_FIELD_DROPPED);
    cr_assert(text_is(d->member, row->field) && text_is(d->why, row->why));
    cr_assert_null(d->next);
    replay_end(&r);
}
