/* members.c - what members decide, as data, and the one reader of it. */
#include "face/members.h"

#include <string.h>

#include "canon/error.h"

/* A caller may not choose where our credentials go (CVE-2024-6587 and its kin), nor bring deployments of its own. */
static const char *const forbidden[] = { "api_base",     "api_key",     "base_url",       "extra_headers",
                                         "organization", "user_config", "litellm_params", "model_list" };

enum choose {
    CHOOSE_NAMES,   /* a name, or a list of names or of objects with a "model" */
    CHOOSE_HIDDEN,  /* how it chooses is the service's own affair */
    CHOOSE_INSIDE,  /* objects whose members of these names choose */
    CHOOSE_GATEWAY, /* an object whose member "gateway" is such an object */
};

/* Members that choose another model than "model", where they are read:
 * OpenRouter: openrouter.ai/docs/guides/routing/model-fallbacks, /docs/guides/features/presets, plugins (2026-11);
 * LiteLLM: docs.litellm.ai/docs/proxy/client_side_fallbacks, /docs/completion/reliable_completions (2026-11);
 * Vercel: vercel.com/docs/ai-gateway/models-and-providers/model-fallbacks (2026-11);
 * OpenAI: the tool image_generation of responses has a model (platform.openai.com/docs/guides/tools-image-generation, 2026-11). */
static const struct chooser {
    const char *member;
    enum choose how;
} choosers[] = {
    { "models", CHOOSE_NAMES },                        /* OpenRouter, Vercel */
    { "route", CHOOSE_HIDDEN },                        /* OpenRouter */
    { "preset", CHOOSE_HIDDEN },                       /* OpenRouter */
    { "plugins", CHOOSE_INSIDE },                      /* OpenRouter */
    { "fallbacks", CHOOSE_NAMES },                     /* LiteLLM; on messages a list of objects */
    { "default_fallbacks", CHOOSE_NAMES },             /* LiteLLM */
    { "context_window_fallbacks", CHOOSE_NAMES },      /* LiteLLM */
    { "content_policy_fallbacks", CHOOSE_NAMES },      /* LiteLLM */
    { "context_window_fallback_dict", CHOOSE_HIDDEN }, /* LiteLLM */
    { "router_settings_override", CHOOSE_HIDDEN },     /* LiteLLM */
    { "custom_llm_provider", CHOOSE_HIDDEN },          /* LiteLLM */
    { "providerOptions", CHOOSE_GATEWAY },             /* Vercel */
    { "tools", CHOOSE_INSIDE },                        /* OpenAI */
};

/* What an object inside of such a member names its models with. */
static const char *const inside[] = { "model", "models", "fallbacks", "allowed_models", "analysis_models" };

/* Names of the dialects, so that one in capitals is noticed. */
/* clang-format off */
static const char *const known[] = {
    "model", "messages", "input", "prompt", "stream", "stream_options", "max_tokens", "max_completion_tokens",
    "max_output_tokens", "n", "temperature", "top_p", "top_k", "min_p", "stop", "stop_sequences", "system", "instructions",
    "tool_choice", "functions", "function_call", "parallel_tool_calls", "response_format", "text", "output_config",
    "reasoning", "reasoning_effort", "thinking", "metadata", "user", "store", "service_tier", "background",
    "previous_response_id", "conversation", "include", "seed", "logprobs", "top_logprobs", "logit_bias", "presence_penalty",
    "frequency_penalty", "modalities", "audio", "prediction", "web_search_options", "verbosity", "safety_identifier",
    "prompt_cache_key", "container", "context_management", "mcp_servers", "provider", "transforms", "extra_body",
    "include_usage", "dimensions", "encoding_format", "best_of", "echo", "suffix", "query", "documents", "top_n", "image",
    "mask", "size", "quality", "style", "file", "voice", "speed", "language", "timestamp_granularities", "partial_images"
};
/* clang-format on */

/* As servers do that ignore case: Go's encoding/json takes U+017F for an s and U+212A for a k, too. Returns the bytes read. */
static size_t fold(struct text t, char *out)
{
    unsigned char c = (unsigned char)*t.ptr;
    bool upper = c >= 'A' && c <= 'Z';
    *out = (char)(upper ? c + ('a' - 'A') : c);
    if (text_starts(t, TEXT("\xc5\xbf"))) {
        *out = 's';
        return 2;
    }
    if (text_starts(t, TEXT("\xe2\x84\xaa"))) {
        *out = 'k';
        return 3;
    }
    return 1;
}

static bool is_same_folded(struct text name, const char *want)
{
    struct text w = text_of(want);
    while (name.len > 0 && w.len > 0) {
        char a, b;
        size_t step = fold(name, &a);
        fold(w, &b);
        if (a != b)
            return false;
        name = (struct text){ name.ptr + step, name.len - step };
        w = (struct text){ w.ptr + 1, w.len - 1 };
    }
    return name.len == 0 && w.len == 0;
}

static const char *find(struct text name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_same_folded(name, names[i]))
            return text_is(name, names[i]) ? NULL : names[i];
    return NULL;
}
#define FIND(name, names) find((name), (names), sizeof(names) / sizeof *(names))

/* Nearly all names are small letters: only the others can differ by case. */
static bool is_plain(struct text name)
{
    for (size_t i = 0; i < name.len; i++)
        if ((name.ptr[i] >= 'A' && name.ptr[i] <= 'Z') || (unsigned char)name.ptr[i] >= 0x80)
            return false;
    return true;
}

const char *members_misspelt(struct text name)
{
    const char *as = NULL;
    if (is_plain(name) && !text_starts(name, TEXT("p"))) /* providerOptions is known with a capital */
        return NULL;
    for (size_t i = 0; i < sizeof choosers / sizeof *choosers && as == NULL; i++)
        as = FIND(name, ((const char *const[]){ choosers[i].member }));
    if (as == NULL)
        as = FIND(name, known);
    return as != NULL ? as : FIND(name, forbidden);
}

static int check_name(struct text name, struct fail *fail)
{
    const char *as = members_misspelt(name);
    if (as != NULL)
        return error_param(fail, E_PARAMETER, name,
                           "\"%.*s\" differs from \"%s\" only by case, which some servers ignore: write \"%s\"",
                           TEXT_ARG(name), as, as);
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
        if (text_is(name, forbidden[i]))
            return error_param(
                fail, E_PARAMETER, name,
                "%s is not accepted in a request: upstream addresses and credentials come from the gateway's "
                "configuration",
                forbidden[i]);
    return 0;
}

enum { CHOICES_MAX = 64 };

/* `model` is absent where it cannot be known. */
static int note(struct arena *arena, struct ask *ask, const char *member, struct text model, struct fail *fail)
{
    struct ask_choice *choice = arena_new(arena, struct ask_choice);
    unsigned count = ask->choice != NULL ? ask->choice->count + 1 : 1;
    if (count > CHOICES_MAX)
        return error_param(fail, E_PARAMETER, text_of(member), "the request names more than %d models", CHOICES_MAX);
    *choice = (struct ask_choice){ .next = ask->choice, .member = member, .model = model, .count = count };
    ask->choice = choice;
    return 0;
}

static int read_names(struct arena *arena, struct ask *ask, const char *member, const struct json *value,
                      struct fail *fail);

enum { INSIDE_DEPTH = 4 };

/* What the members of one object choose, or of each object of a list. Of a member that is repeated each is read. The
 * parameters of a tool are a schema where it is a function, and settings where it is the service's own. */
static int read_inside(struct arena *arena, struct ask *ask, const char *member, const struct json *object, int depth,
                       struct fail *fail)
{
    bool is_list = json_type(object) == JSON_T_ARRAY;
    bool is_function = text_is(json_str(json_member(object, "type")), "function");

    if (depth > INSIDE_DEPTH)
        return note(arena, ask, member, TEXT_NONE, fail);
    for (size_t i = 0; i < json_count(object); i++) {
        struct text key = json_key_at(object, i);
        bool are_settings = !is_list && !is_function && is_same_folded(key, "parameters");
        bool goes_on = is_list ? json_type(json_at(object, i)) >= JSON_T_ARRAY : are_settings;
        if (goes_on && read_inside(arena, ask, member, json_at(object, i), depth + 1, fail) < 0)
            return -1;
        for (size_t k = 0; k < sizeof inside / sizeof *inside; k++)
            if (is_same_folded(key, inside[k]) && read_names(arena, ask, member, json_at(object, i), fail) < 0)
                return -1;
    }
    return 0;
}

/* One name, or an object that names one; with more in it than that, it cannot be known what it chooses. */
static int read_name(struct arena *arena, struct ask *ask, const char *member, const struct json *value,
                     struct fail *fail)
{
    if (json_type(value) != JSON_T_OBJECT)
        return note(arena, ask, member, json_str(value), fail); /* absent unless it is a string */
    for (size_t i = 0; i < json_count(value); i++) {
        struct text key = json_key_at(value, i);
        if (check_name(key, fail) < 0)
            return -1;
        bool named = text_is(key, "model");
        if (!text_is(key, "messages") &&
            note(arena, ask, member, named ? json_str(json_at(value, i)) : TEXT_NONE, fail) < 0)
            return -1;
    }
    return 0;
}

static int read_names(struct arena *arena, struct ask *ask, const char *member, const struct json *value,
                      struct fail *fail)
{
    if (json_type(value) == JSON_T_NULL)
        return 0;
    if (json_type(value) != JSON_T_ARRAY)
        return read_name(arena, ask, member, value, fail);
    for (size_t i = 0; i < json_count(value); i++)
        if (read_name(arena, ask, member, json_at(value, i), fail) < 0)
            return -1;
    return 0;
}

/* Is the word in it, whatever its case? Four letters at a time, so that the compiler makes vectors of it (core/CMakeLists.txt). */
static bool has_word(struct text t, const char word[4])
{
    unsigned found = 0;
    for (size_t i = 0; i + 4 <= t.len; i++)
        found |= (unsigned)((t.ptr[i] | 0x20) == word[0]) & (unsigned)((t.ptr[i + 1] | 0x20) == word[1]) &
                 (unsigned)((t.ptr[i + 2] | 0x20) == word[2]) & (unsigned)((t.ptr[i + 3] | 0x20) == word[3]);
    return found != 0;
}

/* Could there be one of `inside` in it? Tools are large, and nearly none has a model. */
static bool may_name(struct text value)
{
    return has_word(value, "odel") || has_word(value, "llba") || memmem(value.ptr, value.len, "\\u00", 4) != NULL;
}

static int read_chooser(struct arena *arena, struct ask *ask, const struct chooser *row, struct text raw,
                        struct fail *fail)
{
    if (row->how == CHOOSE_INSIDE && !may_name(raw))
        return 0;
    const struct json *value = json_parse_quick(arena, raw);
    if (json_type(value) == JSON_T_NULL)
        return 0;
    if (row->how == CHOOSE_HIDDEN || value == NULL)
        return note(arena, ask, row->member, TEXT_NONE, fail);
    if (row->how == CHOOSE_NAMES)
        return read_names(arena, ask, row->member, value, fail);
    if (row->how == CHOOSE_INSIDE)
        return read_inside(arena, ask, row->member, value, 0, fail);
    for (size_t i = 0; i < json_count(value); i++)
        if (is_same_folded(json_key_at(value, i), "gateway") &&
            read_inside(arena, ask, row->member, json_at(value, i), 0, fail) < 0)
            return -1;
    return 0;
}

static const struct chooser *chooser_of(struct text name)
{
    for (size_t i = 0; i < sizeof choosers / sizeof *choosers; i++)
        if (text_is(name, choosers[i].member))
            return &choosers[i];
    return NULL;
}

static int check_all(struct arena *arena, struct ask *ask, const struct scan *scan, bool nested, struct fail *fail)
{
    for (size_t i = 0; i < scan->count; i++) {
        const struct scan_member *m = &scan->members[i];
        const struct chooser *row = chooser_of(m->key);
        struct scan more;
        if (check_name(m->key, fail) < 0 || (row != NULL && read_chooser(arena, ask, row, m->value, fail) < 0))
            return -1;
        if (nested && text_is(m->key, "model")) { /* LiteLLM puts what is in extra_body beside the rest */
            struct text model = TEXT_NONE;
            scan_string(arena, m, &model);
            if (note(arena, ask, "extra_body", model, fail) < 0)
                return -1;
        }
        if (!text_is(m->key, "extra_body") || m->type == 'n')
            continue;
        if (nested || m->type != '{')
            return error_param(fail, E_PARAMETER, m->key,
                               "extra_body is one object of members, and not within another");
        if (scan_object(arena, m->value, SCAN_MAX_DEPTH, &more) < 0)
            return error_param(fail, E_PARAMETER, m->key, "extra_body is not a valid object: %s", more.problem);
        if (check_all(arena, ask, &more, true, fail) < 0)
            return -1;
    }
    return 0;
}

int members_check(struct arena *arena, struct ask *ask, struct fail *fail)
{
    return check_all(arena, ask, &ask->scan, false, fail);
}

int members_check_field(struct arena *arena, struct ask *ask, struct text name, struct text value, struct fail *fail)
{
    struct text rest = name,
                bare = text_cut(&rest, '['); /* how forms write lists and objects: name[], name[0][model] */
    bool is_list = text_is(rest, "]");
    if (text_is(bare, "extra_body"))
        return error_param(fail, E_PARAMETER, bare, "extra_body is not accepted in a form: send its members as fields");
    if (text_is(bare, "model") && rest.ptr != NULL)
        return note(arena, ask, "model", arena_text(arena, value), fail);
    const struct chooser *row = chooser_of(bare);
    if (check_name(bare, fail) < 0)
        return -1;
    if (row == NULL)
        return 0;
    if (rest.ptr != NULL && !is_list)
        return note(arena, ask, row->member, TEXT_NONE, fail);
    if (row->how == CHOOSE_NAMES && value.len > 0 && *value.ptr != '[' && *value.ptr != '{' && *value.ptr != '"')
        return note(arena, ask, row->member, arena_text(arena, value), fail);
    return read_chooser(arena, ask, row, arena_text(arena, value), fail);
}
