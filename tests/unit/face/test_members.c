/* test_members.c - what members decide beside the answer: names in capitals, other models, addresses. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "face/members.h"
#include "messages_help.h"

static int decode(const char *body)
{
    help.ask = (struct ask){ 0 };
    help.fail = (struct fail){ .kind = FAIL_NONE };
    return face_responses.decode(&help.arena, text_of(body), &help.ask, &help.fail);
}

Test(members, know_their_names_in_capitals)
{
    static const char *const misspelt[][2] = {
        { "Model", "model" },
        { "MODEL", "model" },
        { "sTREAM", "stream" },
        { "\xc5\xbftream", "stream" },
        { "to\xc5\xbfls", NULL },
        { "tool\xc5\xbf", "tools" },
        { "top_\xe2\x84\xaa", "top_k" },
        { "Models", "models" },
        { "Fallbacks", "fallbacks" },
        { "API_BASE", "api_base" },
        { "Model_List", "model_list" },
        { "provideroptions", "providerOptions" },
        { "ProviderOptions", "providerOptions" },
        { "providerOptions", NULL },
        { "model", NULL },
        { "Mode", NULL },
        { "Models2", NULL },
        { "", NULL },
        { "X", NULL },
        { "\xc5", NULL },
        { "prompt", NULL },
        { "Extra_Body", "extra_body" },
    };

    for (size_t i = 0; i < sizeof misspelt / sizeof *misspelt; i++) {
        const char *as = members_misspelt(text_of(misspelt[i][0]));

        cr_assert_str_eq(as != NULL ? as : "", misspelt[i][1] != NULL ? misspelt[i][1] : "", "%s", misspelt[i][0]);
    }
}

Test(members, are_refused_in_capitals_and_where_they_choose_an_address)
{
    static const char *const rows[][2] = {
        { "{\"model\":\"a\",\"Model\":\"b\"}", "Model" },
        { "{\"STREAM\":true,\"model\":\"a\"}", "STREAM" },
        { "{\"model\":\"a\",\"m\\u004fdel\":\"b\"}", "mOdel" },
        { "{\"model\":\"a\",\"model_list\":[]}", "model_list" },
        { "{\"model\":\"a\",\"litellm_params\":{}}", "litellm_params" },
        { "{\"model\":\"a\",\"fallbacks\":[{\"model\":\"b\",\"api_base\":\"http://x\"}]}", "api_base" },
        { "{\"model\":\"a\",\"tools\":[{\"type\":\"x\",\"model\":{\"api_base\":\"http://x\"}}]}", "api_base" },
        { "{\"model\":\"a\",\"tools\":[{\"type\":\"x\",\"parameters\":{\"model\":{\"api_key\":\"x\"}}}]}", "api_key" },
        { "{\"model\":\"a\",\"providerOptions\":{\"gateway\":{\"models\":[{\"base_url\":\"x\"}]}}}", "base_url" },
        { "{\"model\":\"a\",\"extra_body\":{\"api_key\":\"x\"}}", "api_key" },
        { "{\"model\":\"a\",\"extra_body\":{\"Model\":\"x\"}}", "Model" },
        { "{\"model\":\"a\",\"extra_body\":{\"b\":}}", "extra_body" },
        { "{\"model\":\"a\",\"extra_body\":{\"extra_body\":{\"model\":\"x\"}}}", "extra_body" },
        { "{\"model\":\"a\",\"extra_body\":[{\"model\":\"x\"}]}", "extra_body" },
        { "{\"model\":\"a\",\"extra_body\":\"{}\"}", "extra_body" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        help_begin();
        cr_assert_eq(decode(rows[i][0]), -1, "%s", rows[i][0]);
        cr_assert_eq(help.fail.status, 400);
        cr_assert_str_eq(help.fail.param, rows[i][1]);
        help_end();
    }
}

/* Each name that the gateway or an upstream looks for, with one letter in capitals. */
Test(members, are_known_whichever_letter_is_a_capital)
{
    static const char names[] =
        "model messages input prompt stream stream_options max_tokens max_completion_tokens max_output_tokens n temperature "
        "top_p top_k min_p stop stop_sequences system instructions tool_choice functions function_call parallel_tool_calls "
        "response_format text output_config reasoning reasoning_effort thinking metadata user store service_tier background "
        "previous_response_id conversation include seed logprobs top_logprobs logit_bias presence_penalty frequency_penalty "
        "modalities audio prediction web_search_options verbosity safety_identifier prompt_cache_key container "
        "context_management mcp_servers provider transforms extra_body include_usage dimensions encoding_format best_of echo "
        "suffix query documents top_n image mask size quality style file voice speed language timestamp_granularities "
        "partial_images models route preset plugins fallbacks default_fallbacks context_window_fallbacks "
        "content_policy_fallbacks context_window_fallback_dict router_settings_override custom_llm_provider tools api_base "
        "api_key base_url extra_headers organization user_config litellm_params model_list";
    char name[64];
    size_t count = 0;
    for (struct text rest = text_of(names); rest.len > 0; count++) {
        struct text one = text_cut(&rest, ' ');
        for (size_t i = 0; i<one.len; i += one.len> 1 ? one.len - 1 : 1) { /* the first and the last letter */
            memcpy(name, one.ptr, one.len);
            name[i] = (char)(name[i] - ('a' - 'A'));
            const char *as = members_misspelt((struct text){ name, one.len });
            cr_assert_not_null(as, "%.*s", (int)one.len, name);
            cr_assert(text_is(one, as), "%s", as);
        }
        cr_assert_null(members_misspelt(one));
    }
    cr_assert_eq(count, 95u, "%zu", count);
}

Test(members, are_refused_in_words)
{
    help_begin();
    cr_assert_eq(decode("{\"model\":\"a\",\"Model\":\"b\"}"), -1);
    cr_assert_str_eq(help.fail.text,
                     "\"Model\" differs from \"model\" only by case, which some servers ignore: write \"model\"");
    cr_assert_eq(decode("{\"model\":\"a\",\"api_base\":\"b\"}"), -1);
    cr_assert_str_eq(help.fail.text,
                     "api_base is not accepted in a request: upstream addresses and credentials come from "
                     "the gateway's configuration");
    cr_assert_eq(decode("{\"model\":\"a\",\"extra_body\":[]}"), -1);
    cr_assert_str_eq(help.fail.text, "extra_body is one object of members, and not within another");
    cr_assert_eq(decode("{\"model\":\"a\",\"extra_body\":{1}}"), -1);
    cr_assert_eq(strncmp(help.fail.text, "extra_body is not a valid object: ", 34), 0, "%s", help.fail.text);
    cr_assert_eq(members_check_field(&help.arena, &help.ask, TEXT("extra_body"), TEXT("{}"), &help.fail), -1);
    cr_assert_str_eq(help.fail.text, "extra_body is not accepted in a form: send its members as fields");
    help_end();
}

/* "member:model member:?", the last one first. */
static const char *choices(void)
{
    static char out[400];
    size_t n = 0;

    out[0] = '\0';
    for (const struct ask_choice *c = help.ask.choice; c != NULL; c = c->next)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s:%.*s", n > 0 ? " " : "", c->member,
                              c->model.ptr != NULL ? (int)c->model.len : 1, c->model.ptr != NULL ? c->model.ptr : "?");
    return out;
}

Test(members, tell_which_models_they_choose)
{
    static const char *const rows[][2] = {
        { "\"models\":[\"x/y\",\"z\"]", "models:z models:x/y" },
        { "\"models\":\"x\"", "models:x" },
        { "\"models\":null", "" },
        { "\"models\":[1]", "models:?" },
        { "\"models\":[b]", "models:?" },
        { "\"route\":\"fallback\"", "route:?" },
        { "\"route\":null", "" },
        { "\"preset\":\"p\"", "preset:?" },
        { "\"fallbacks\":[\"x\",{\"model\":\"y\"},{\"model\":\"z\",\"messages\":[]}]",
          "fallbacks:z fallbacks:y fallbacks:x" },
        { "\"fallbacks\":[{\"gpt-4\":[\"x\"]}]", "fallbacks:?" },
        { "\"fallbacks\":[{\"model\":\"x\",\"model\":\"y\"}]", "fallbacks:y fallbacks:x" },
        { "\"context_window_fallback_dict\":{}", "context_window_fallback_dict:?" },
        { "\"providerOptions\":{\"openai\":{\"models\":[\"no\"]},\"gateway\":{\"models\":[\"x\"],\"order\":[\"y\"]}}",
          "providerOptions:x" },
        { "\"tools\":[{\"type\":\"function\",\"parameters\":{\"properties\":{\"model\":{\"type\":\"string\"}}}}]", "" },
        { "\"tools\":[{\"type\":\"image_generation\",\"m\\u006fdel\":\"x\"},{\"Model\":\"y\"}]", "tools:y tools:x" },
        { "\"plugins\":[{\"id\":\"auto-router\",\"allowed_models\":[\"x\"]}]", "plugins:x" },
        { "\"extra_body\":{\"models\":[\"x\"],\"model\":\"y\"}", "extra_body:y models:x" },
        { "\"extra_body\":null", "" },
        { "\"tools\":[{\"type\":\"x\",\"mOdEl\":\"y\"},{\"FallBacks\":[\"z\"]}]", "tools:z tools:y" },
        { "\"tools\":{\"model\":\"x\"}", "tools:x" },
        { "\"tools\":[[{\"model\":\"x\"}]]", "tools:x" },
        { "\"tools\":[[[[[[{\"model\":\"x\"}]]]]]]", "tools:?" },
        { "\"tools\":[{\"type\":\"openrouter:advisor\",\"parameters\":{\"model\":\"x\"}}]", "tools:x" },
        { "\"tools\":[{\"type\":\"openrouter:fusion\",\"parameters\":{\"analysis_models\":[\"x\",\"y\"]}}]",
          "tools:y tools:x" },
        { "\"tools\":[{\"type\":\"function\",\"parameters\":{\"model\":\"a schema's own\"}}]", "" },
        { "\"providerOptions\":{\"Gateway\":{\"models\":[\"x\"]}}", "providerOptions:x" },
        { "\"metadata\":{\"models\":[\"x\"]},\"provider\":{\"order\":[\"x\"]}", "" },
    };
    char body[400], many[2000];
    size_t n = (size_t)snprintf(many, sizeof many, "{\"model\":\"m\",\"models\":[\"a\"");

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        help_begin();
        snprintf(body, sizeof body, "{\"model\":\"m\",%s}", rows[i][0]);
        cr_assert_eq(decode(body), 0, "%s: %s", body, help.fail.text);
        cr_assert_str_eq(choices(), rows[i][1], "%s", body);
        help_end();
    }
    for (int i = 0; i < 64; i++)
        n += (size_t)snprintf(many + n, sizeof many - n, ",\"b\"");
    snprintf(many + n, sizeof many - n, "]}");
    help_begin();
    cr_assert_eq(decode(many), -1);
    cr_assert_str_eq(help.fail.param, "models");
    cr_assert_str_eq(help.fail.text, "the request names more than 64 models");
    help_end();
}

Test(members, of_a_form_are_read_too)
{
    help_begin();
    help.ask = (struct ask){ 0 };
    cr_assert_eq(members_check_field(&help.arena, &help.ask, TEXT("Model"), TEXT("x"), &help.fail), -1);
    cr_assert_eq(members_check_field(&help.arena, &help.ask, TEXT("api_base"), TEXT("x"), &help.fail), -1);
    cr_assert_eq(members_check_field(&help.arena, &help.ask, TEXT("fallbacks[]"), TEXT("x"), &help.fail), 0);
    cr_assert_eq(members_check_field(&help.arena, &help.ask, TEXT("models"), TEXT("[\"y\",\"z\"]"), &help.fail), 0);
    cr_assert_eq(members_check_field(&help.arena, &help.ask, TEXT("language"), TEXT("en"), &help.fail), 0);
    cr_assert_str_eq(choices(), "models:z models:y fallbacks:x");
    cr_assert_eq(members_check_field(&help.arena, &help.ask, TEXT("extra_body[model]"), TEXT("x"), &help.fail), -1);
    cr_assert_eq(members_check_field(&help.arena, &help.ask, TEXT("extra_body"), TEXT("{}"), &help.fail), -1);
    help.ask.choice = NULL;
    cr_assert_eq(members_check_field(&help.arena, &help.ask, TEXT("model[0]"), TEXT("x"), &help.fail), 0);
    cr_assert_eq(members_check_field(&help.arena, &help.ask, TEXT("fallbacks[0][model]"), TEXT("y"), &help.fail), 0);
    cr_assert_str_eq(choices(), "fallbacks:? model:x");
    help_end();
}
