/* import_litellm.c - reads model_list: which provider a deployment needs, and what it is called there.
 *
 * Source: docs.litellm.ai/docs/proxy/configs and /docs/providers (2026-10). */
#include "cli/import_litellm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct import_kind kinds[] = {
    { "openai", "openai", "plugin = \"openai\"", IMPORT_ORGANIZATION, NULL, NULL },
    { "text-completion-openai", "openai", "plugin = \"openai\"", IMPORT_ORGANIZATION, NULL, NULL },
    { "azure", "azure", "plugin = \"azure\"", IMPORT_ADDRESS | IMPORT_API_VERSION, NULL, NULL },
    { "azure_ai", "azure", "plugin = \"azure\"", IMPORT_ADDRESS | IMPORT_API_VERSION, NULL, NULL },
    { "anthropic", "anthropic", "plugin = \"anthropic\"", 0, NULL, NULL },
    { "bedrock", "bedrock", "plugin = \"bedrock\"", IMPORT_AWS, NULL, NULL },
    { "gemini", "gemini", "plugin = \"gemini\"", 0, NULL, NULL },
    { "cohere", "cohere", "plugin = \"openai\"", IMPORT_NO_NAME, "https://api.cohere.ai/compatibility/v1",
      "COHERE_API_KEY" },
    { "cohere_chat", "cohere", "plugin = \"openai\"", IMPORT_NO_NAME, "https://api.cohere.ai/compatibility/v1",
      "COHERE_API_KEY" },
    { "deepseek", "deepseek", "plugin = \"openai\", service = \"deepseek\"", 0, NULL, NULL },
    { "fireworks_ai", "fireworks", "plugin = \"openai\", service = \"fireworks\"", 0, NULL, NULL },
    { "groq", "groq", "plugin = \"openai\", service = \"groq\"", 0, NULL, NULL },
    { "huggingface", "huggingface", "plugin = \"openai\", service = \"huggingface\"", 0, NULL, NULL },
    { "hosted_vllm", "vllm", "plugin = \"openai\", service = \"vllm\"", 0, NULL, NULL },
    { "vllm", "vllm", "plugin = \"openai\", service = \"vllm\"", 0, NULL, NULL },
    { "lm_studio", "lmstudio", "plugin = \"openai\", service = \"lmstudio\"", 0, NULL, NULL },
    { "llamafile", "llamacpp", "plugin = \"openai\", service = \"llamacpp\"", 0, NULL, NULL },
    { "mistral", "mistral", "plugin = \"openai\", service = \"mistral\"", 0, NULL, NULL },
    { "moonshot", "moonshot", "plugin = \"openai\", service = \"moonshot\"", 0, NULL, NULL },
    { "ollama", "ollama", "plugin = \"openai\", service = \"ollama\"", IMPORT_V1, NULL, NULL },
    { "ollama_chat", "ollama", "plugin = \"openai\", service = \"ollama\"", IMPORT_V1, NULL, NULL },
    { "openrouter", "openrouter", "plugin = \"openai\", service = \"openrouter\"", 0, NULL, NULL },
    { "perplexity", "perplexity", "plugin = \"openai\", service = \"perplexity\"", 0, NULL, NULL },
    { "together_ai", "together", "plugin = \"openai\", service = \"together\"", 0, NULL, NULL },
    { "xai", "xai", "plugin = \"openai\", service = \"xai\"", 0, NULL, NULL },
    { "custom_openai", "other", "plugin = \"openai\"", IMPORT_ADDRESS | IMPORT_NO_NAME, NULL, NULL },
    { "openai_like", "other", "plugin = \"openai\"", IMPORT_ADDRESS | IMPORT_NO_NAME, NULL, NULL },
    { "litellm_proxy", "other", "plugin = \"openai\"", IMPORT_ADDRESS | IMPORT_NO_NAME, NULL, NULL },
};

/* Names without a provider, by how they begin; the last stands for all others. */
static const struct {
    const char *start, *prefix;
} families[] = { { "claude", "anthropic" }, { "gemini", "gemini" }, { "", "openai" } };

/* Members of litellm_params that are carried, or that mean nothing here. */
static const char *const known[] = { "model",
                                     "api_key",
                                     "api_base",
                                     "api_version",
                                     "base_url",
                                     "organization",
                                     "rpm",
                                     "tpm",
                                     "weight",
                                     "max_parallel_requests",
                                     "timeout",
                                     "stream_timeout",
                                     "region_name",
                                     "aws_region_name",
                                     "aws_access_key_id",
                                     "aws_secret_access_key",
                                     "aws_session_token",
                                     "input_cost_per_token",
                                     "output_cost_per_token",
                                     "cache_read_input_token_cost",
                                     "custom_llm_provider",
                                     "max_retries",
                                     NULL };

void import_litellm_note(struct import *m, const char *format, ...)
{
    char line[600];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (char *at = line; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 127)
            *at = ' ';
    buf_printf(&m->notes, "%s\n", line);
}

static struct text member(const struct json *of, const char *name)
{
    return json_str(json_get(of, text_of(name)));
}

static int64_t count_of(const struct json *of, const char *name)
{
    int64_t count = json_int(json_get(of, text_of(name)), 0);
    return count > 0 ? count : 0;
}

/* "os.environ/NAME" is a variable. A secret that stands in the file gets the name of one, and is not repeated. */
static struct text secret_of(struct import *m, struct text value, struct text group)
{
    static const struct text from = { "os.environ/", 11 };
    if (value.len == 0 || text_is(value, "none") || text_is(value, "None"))
        return TEXT_NONE;
    if (text_starts(value, from))
        return (struct text){ value.ptr + from.len, value.len - from.len };
    struct text name = text_of(arena_printf(m->arena, "LITELLM_KEY_%u", ++m->secrets));
    import_litellm_note(m, "model \"%.*s\": its api_key stands in the file: set the variable %s to it", TEXT_ARG(group),
                        name.ptr);
    return name;
}

static bool same(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* The one that is like it, or a new one under a name of its own. NULL: there are too many. */
static struct import_provider *share(struct import *m, const struct import_provider *wanted)
{
    unsigned alike = 1;
    for (size_t i = 0; i < m->provider_count; i++) {
        struct import_provider *p = m->providers[i];
        if (strcmp(p->kind->name, wanted->kind->name) != 0)
            continue;
        if (same(p->base_url, wanted->base_url) && same(p->api_version, wanted->api_version) &&
            same(p->region, wanted->region) && same(p->organization, wanted->organization) &&
            same(p->secret, wanted->secret) && same(p->access_key_id, wanted->access_key_id) &&
            same(p->secret_access_key, wanted->secret_access_key))
            return p;
        alike++;
    }
    if (m->provider_count == IMPORT_MOST)
        return NULL;
    struct import_provider *made = arena_new(m->arena, struct import_provider);
    *made = *wanted;
    made->name = alike == 1 ? wanted->kind->name : arena_printf(m->arena, "%s%u", wanted->kind->name, alike);
    m->providers[m->provider_count++] = made;
    return made;
}

/* The kind by the prefix, or by the family of a name without one. False: it is not known here. */
static bool find_kind(struct text *model, const struct json *params, struct import_provider *p)
{
    struct text rest = *model, prefix = text_cut(&rest, '/'), said = member(params, "custom_llm_provider");
    if (said.len > 0) {
        rest = *model;
        prefix = said;
    } else if (rest.len == 0) {
        rest = *model;
        size_t i = 0;
        while (!text_starts(*model, text_of(families[i].start)))
            i++;
        prefix = text_of(families[i].prefix);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (text_is(prefix, kinds[i].prefix)) {
            p->kind = &kinds[i];
            *model = rest;
            return true;
        }
    return false;
}

/* Shares of 1 become shares of 1,000: all of them of one group are of one kind. */
static int64_t weight_of(const struct json *params)
{
    double share = json_real(json_member(params, "weight"), 0);
    return share > 0 ? (int64_t)fmin(fmax(share * 1000, 1), 1e6) : count_of(params, "rpm");
}

static void note_unknown(struct import *m, const struct json *params, struct text group)
{
    for (size_t i = 0; i < json_count(params); i++) {
        struct text name = json_key_at(params, i);
        bool is_known = false;
        for (size_t k = 0; known[k] != NULL && !is_known; k++)
            is_known = text_is(name, known[k]);
        if (!is_known)
            import_litellm_note(m, "model \"%.*s\": litellm_params.%.*s is not carried", TEXT_ARG(group),
                                TEXT_ARG(name));
    }
    if (member(params, "aws_session_token").len > 0)
        import_litellm_note(m, "model \"%.*s\": aws_session_token is not carried", TEXT_ARG(group));
    if (count_of(params, "tpm") > 0)
        import_litellm_note(
            m, "model \"%.*s\": tpm of a deployment is no limit here: give teams and keys limits { tpm = }",
            TEXT_ARG(group));
}

/* As gateway.lua takes them. */
bool import_litellm_is_name(struct text name)
{
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] <= ' ' || name.ptr[i] == 127 || (name.ptr[i] == '*' && i + 1 < name.len))
            return false;
    return name.len <= 200;
}

/* An address of the environment is written as it is now: without it another server would be asked. */
static bool from_environment(struct import *m, struct text *value, struct text group)
{
    if (!text_starts(*value, TEXT("os.environ/")))
        return true;
    const char *name = arena_str(m->arena, (struct text){ value->ptr + 11, value->len - 11 });
    const char *now = getenv(name);
    if (now == NULL || now[0] == '\0') {
        import_litellm_note(m, "model \"%.*s\": the variable %s is not set: set it, and import again", TEXT_ARG(group),
                            name);
        return false;
    }
    *value = text_of(arena_str(m->arena, text_of(now)));
    return true;
}

/* "converse/", "us-west-2/" before a model of Bedrock, "responses/" before one of OpenAI: how it is asked, or where. */
static void cut_infix(struct import_provider *p, struct text *model)
{
    static const char *const infixes[] = { "converse/", "invoke/", "responses/", "chat/" };
    for (size_t i = 0; i < sizeof infixes / sizeof infixes[0]; i++)
        if ((p->kind->takes & (IMPORT_AWS | IMPORT_ORGANIZATION)) != 0 && text_starts(*model, text_of(infixes[i])))
            *model = (struct text){ model->ptr + strlen(infixes[i]), model->len - strlen(infixes[i]) };
    ptrdiff_t slash = text_find(*model, TEXT("/"));
    if ((p->kind->takes & IMPORT_AWS) != 0 && slash > 0 && memchr(model->ptr, '.', (size_t)slash) == NULL) {
        p->region = (struct text){ model->ptr, (size_t)slash };
        *model = (struct text){ model->ptr + slash + 1, model->len - (size_t)slash - 1 };
    }
}

static void read_one(struct import *m, const struct json *entry)
{
    const struct json *params = json_member(entry, "litellm_params");
    struct text group = member(entry, "model_name"), model = member(params, "model");
    struct import_provider p = { .name = NULL };
    if (group.len == 0 || model.len == 0) {
        import_litellm_note(m, "an entry of model_list has no model_name or no litellm_params.model");
        return;
    }
    if (text_is(group, "*") || text_is(model, "*")) {
        import_litellm_note(m, "model \"%.*s\": clients ask for PROVIDER/MODEL here without any entry",
                            TEXT_ARG(group));
        return;
    }
    if (!import_litellm_is_name(group)) {
        import_litellm_note(m,
                            "model \"%.*s\": a name has no blanks here, at most 200 characters, and * only at its end",
                            TEXT_ARG(group));
        return;
    }
    if (!find_kind(&model, params, &p)) {
        import_litellm_note(m, "model \"%.*s\": no provider here is like that of \"%.*s\"", TEXT_ARG(group),
                            TEXT_ARG(model));
        return;
    }
    p.base_url = member(params, "api_base").len > 0 ? member(params, "api_base") : member(params, "base_url");
    if (p.base_url.len == 0 && p.kind->address != NULL)
        p.base_url = text_of(p.kind->address);
    if ((p.kind->takes & IMPORT_V1) != 0 && p.base_url.len > 0 && !text_ends(p.base_url, TEXT("/v1")))
        p.base_url = text_of(
            arena_printf(m->arena, "%.*s%s", TEXT_ARG(p.base_url), text_ends(p.base_url, TEXT("/")) ? "v1" : "/v1"));
    p.api_version = (p.kind->takes & IMPORT_API_VERSION) != 0 ? member(params, "api_version") : TEXT_NONE;
    p.organization = (p.kind->takes & IMPORT_ORGANIZATION) != 0 ? member(params, "organization") : TEXT_NONE;
    p.region = (p.kind->takes & IMPORT_AWS) != 0 ? member(params, "aws_region_name") : TEXT_NONE;
    cut_infix(&p, &model);
    struct text *const words[] = { &p.base_url, &p.api_version, &p.organization, &p.region };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!from_environment(m, words[i], group))
            return;
    if ((p.kind->takes & IMPORT_ADDRESS) != 0 && p.base_url.len == 0) {
        import_litellm_note(m, "model \"%.*s\": \"%.*s\" needs an api_base", TEXT_ARG(group), TEXT_ARG(model));
        return;
    }
    if (member(params, "aws_access_key_id").len > 0 &&
        !text_starts(member(params, "aws_access_key_id"), TEXT("os.environ/")))
        import_litellm_note(
            m, "model \"%.*s\": its AWS key stands in the file: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to it",
            TEXT_ARG(group));
    p.access_key_id = member(params, "aws_access_key_id");
    p.secret_access_key = member(params, "aws_secret_access_key");
    p.secret = secret_of(m, member(params, "api_key"), group);
    if (p.secret.len == 0 && p.kind->variable != NULL)
        p.secret = text_of(p.kind->variable);
    note_unknown(m, params, group);
    struct import_provider *provider = share(m, &p);
    if (provider == NULL || m->deployment_count == IMPORT_MOST) {
        import_litellm_note(m, "model \"%.*s\": there are more than %d", TEXT_ARG(group), IMPORT_MOST);
        return;
    }
    struct import_deployment *d = arena_new(m->arena, struct import_deployment);
    *d = (struct import_deployment){
        .group = group,
        .provider = provider,
        .model = model,
        .weight = weight_of(params),
        .max_in_flight =
            count_of(params, "max_parallel_requests") < 1000000 ? count_of(params, "max_parallel_requests") : 1000000,
        .timeout_s = json_real(json_member(params, "timeout"), 0),
        .stream_timeout_s = json_real(json_member(params, "stream_timeout"), 0),
        .region = member(params, "region_name"),
        .input_cost = json_member(params, "input_cost_per_token"),
        .output_cost = json_member(params, "output_cost_per_token"),
        .cache_read_cost = json_member(params, "cache_read_input_token_cost"),
    };
    m->deployments[m->deployment_count++] = d;
}

void import_litellm_read(struct import *m)
{
    static const char *const roots[] = { "model_list",       "litellm_settings",      "router_settings",
                                         "general_settings", "environment_variables", NULL };
    const struct json *list = json_member(m->root, "model_list");
    for (size_t i = 0; i < json_count(m->root); i++) {
        struct text name = json_key_at(m->root, i);
        size_t k = 0;
        while (roots[k] != NULL && !text_is(name, roots[k]))
            k++;
        if (roots[k] == NULL)
            import_litellm_note(m, "%.*s is not carried", TEXT_ARG(name));
    }
    for (size_t i = 0; i < json_count(list); i++)
        read_one(m, json_at(list, i));
}
