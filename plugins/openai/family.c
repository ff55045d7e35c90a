/* family.c - what the name of an OpenAI model tells of the fields it takes. Only what is known: a deployment may have
 * any name, and then a field is sent and OpenAI says what it thinks of it. */
#include "openai.h"

static const char thinks[] = "the model reasons, and takes no sampling parameters";
static const char does_not_think[] = "the model does not reason";

/* "5.4-mini": 504. */
static unsigned version_of(gw_str s)
{
    unsigned major = 0, minor = 0;
    size_t at = 0;
    while (at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9' && at < 3)
        major = major * 10 + (unsigned)(s.ptr[at++] - '0');
    if (at + 1 < s.len && s.ptr[at] == '.' && s.ptr[at + 1] >= '0' && s.ptr[at + 1] <= '9')
        minor = (unsigned)(s.ptr[at + 1] - '0');
    return major * 100 + minor;
}

struct openai_family openai_family(gw_str model)
{
    static const char *const plain[] = {"gpt-3.5", "gpt-4", "chatgpt-4", "gpt-5-chat"};

    if (openai_starts(model, "ft:"))
        model = (gw_str){model.ptr + 3, model.len - 3};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (openai_starts(model, plain[i]))
            return (struct openai_family){.known = true};
    if (openai_starts(model, "gpt-5"))
        return (struct openai_family){
            .known = true, .reasons = true, .version = version_of((gw_str){model.ptr + 4, model.len - 4})};
    bool numbered = model.len >= 2 && model.ptr[0] == 'o' && (model.len == 2 || model.ptr[2] == '-');
    if (numbered && (model.ptr[1] == '1' || model.ptr[1] == '3' || model.ptr[1] == '4'))
        return (struct openai_family){.known = true, .reasons = true, .version = 100};
    return (struct openai_family){.known = false};
}

const struct openai_rule *openai_family_rule(const struct openai_family *family, gw_str field, gw_str effort,
                                             bool tools)
{
    static const struct openai_rule sampling[] = {
        {"temperature",       OPENAI_DROPPED, NULL, thinks, NULL},
        {"top_p",             OPENAI_DROPPED, NULL, thinks, NULL},
        {"presence_penalty",  OPENAI_DROPPED, NULL, thinks, NULL},
        {"frequency_penalty", OPENAI_DROPPED, NULL, thinks, NULL},
        {"logit_bias",        OPENAI_DROPPED, NULL, thinks, NULL},
        {"logprobs",          OPENAI_DROPPED, NULL, thinks, NULL},
        {"top_logprobs",      OPENAI_DROPPED, NULL, thinks, NULL},
    };
    static const struct openai_rule stop = {"stop", OPENAI_DROPPED, NULL,
                                            "the model reasons, and takes no stop strings", NULL};
    static const struct openai_rule old_name = {"max_tokens", OPENAI_TRANSLATED, "max_completion_tokens", NULL, NULL};
    static const struct openai_rule no_effort = {"reasoning_effort", OPENAI_DROPPED, NULL, does_not_think, NULL};
    static const struct openai_rule no_effort_with_tools = {
        "reasoning_effort", OPENAI_DROPPED, NULL,
        "with tools the model takes it in the responses API only; it reasons as it would by itself", NULL};

    if (!family->known)
        return NULL;
    if (!family->reasons)
        return openai_is(field, no_effort.field) ? &no_effort : NULL;
    if (openai_is(field, old_name.field))
        return &old_name;
    if (openai_is(field, stop.field))
        return &stop;
    /* 400 "Function tools with reasoning_effort are not supported for gpt-5.4-mini in /v1/chat/completions" */
    if (openai_is(field, no_effort_with_tools.field))
        return family->version >= 504 && tools && !openai_is(effort, "none") ? &no_effort_with_tools : NULL;
    if (family->version > 500 && openai_is(effort, "none"))
        return NULL; /* it does not reason this time */
    for (size_t i = 0; i < sizeof sampling / sizeof *sampling; i++)
        if (openai_is(field, sampling[i].field))
            return &sampling[i];
    return NULL;
}

gw_str openai_family_effort(const struct openai_family *family, gw_str effort)
{
    bool most = openai_is(effort, "max"), more = openai_is(effort, "xhigh");
    bool least = openai_is(effort, "none"), less = openai_is(effort, "minimal");

    if (!family->known || !family->reasons)
        return effort;
    if (family->version < 500) /* o1, o3, o4: low, medium, high */
        return most || more ? GW_LIT("high") : least || less ? GW_LIT("low") : effort;
    if (family->version == 500) /* minimal is the least */
        return most || more ? GW_LIT("high") : least ? GW_LIT("minimal") : effort;
    if (less) /* since 5.1 there is none instead of minimal */
        return GW_LIT("low");
    if (family->version == 501)
        return most || more ? GW_LIT("high") : effort;
    return most && family->version < 506 ? GW_LIT("xhigh") : effort;
}
