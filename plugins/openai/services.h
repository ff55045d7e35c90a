/* services.h - what is known of services that speak OpenAI chat completions: where they are (services.c), and what
 * becomes of each field of a request there (fields.c). It holds for requests that the gateway writes: a client that
 * speaks the service's own dialect is relayed as it is. */
#ifndef SERVICES_H
#define SERVICES_H

#include <gateway/provider.h>
#include <stdbool.h>

/* Lines of OpenAI's models, as bits. */
enum {
    OPENAI_CHAT = 1, /* chatgpt-*, gpt-5-chat-*: never reasons */
    OPENAI_GPT = 2,  /* gpt-4o, gpt-5.4-mini: has a version */
    OPENAI_O = 4,    /* o1, o3, o4-mini */
};

/* What the name of an OpenAI model shows. */
struct openai_family {
    unsigned line;    /* OPENAI_*; 0: nothing is known, as of a deployment with a name of its own */
    unsigned version; /* of OPENAI_GPT: 400 for gpt-4o, 504 for gpt-5.4 */
    int64_t most;     /* tokens it writes at most; 0: not known */
};

/* What of a request, beside the field itself, decides about it. */
enum openai_when {
    OPENAI_ALWAYS,
    OPENAI_THINKING,            /* reasoning_effort is not "none" */
    OPENAI_THINKING_OFF,        /* it is: the last row of its field */
    OPENAI_THINKING_WITH_TOOLS, /* and there are tools */
    OPENAI_THINKING_AND_FORCED, /* and tool_choice asks for a call */
    OPENAI_TOOLS_UNUSED,        /* tool_choice is "none", and nothing was called before */
    /* Rows of what is reported for a field that is sent changed: openai_change() finds them, openai_rule() does not. */
    OPENAI_LEVEL,             /* a reasoning effort of `levels` */
    OPENAI_TOO_LONG,          /* more tokens than the model writes */
    OPENAI_TOO_MANY,          /* more than four */
    OPENAI_LONG,              /* a name or an id that is longer than services take: names.c */
    OPENAI_OPEN,              /* a strict schema that is none */
    OPENAI_TWICE,             /* another value under the field's other name */
    OPENAI_BAD_ROOT,          /* a tool's schema that has at its root what OpenAI does not take there */
    OPENAI_BARE,              /* a tool's schema of an object that names no properties */
    OPENAI_UNSAID_WITH_TOOLS, /* reasoning_effort is not there, and there are tools: `as` is sent */
    OPENAI_LATER,             /* a system message that is not at the head */
    OPENAI_SILENT,            /* an assistant without text and calls: `levels` is sent for it */
    OPENAI_UNSIGNED_CALL,     /* a call that has no signature of Google's: `levels` is sent for it */
    OPENAI_UNREASONED,        /* an assistant's message without reasoning: `levels` is sent for it */
    OPENAI_UNREASONED_CALL,   /* the same, of one that calls tools */
};

/* A row of the table. What is about OpenAI's lines, versions and conditions is met when all of it is.
 *
 * Fields are members of the body, of a message ("messages.name") and of a part ("part.file"), or one of these:
 *   role.developer  messages.same_role (neighbours)
 *   messages.replies (neighbours of the assistant's)  messages.results (of tools, behind their calls)
 *   messages.user_after_tool  messages.prefill  messages.first (the assistant's)  messages.tool_ids  part.text_list
 *   part.reasoning (of another service's way)  part.file.file_id  part.file.url
 * tools.custom tool_choice.required  tool_choice.allowed_tools  tool_choice.forced  response_format.json_schema
 *   response_format.json_schema.strict  tools.function.strict  tools.function.name  tools.function.parameters
 *   cache_control, prompt_cache_breakpoint: wherever they stand    api.*: what else than a chat can be asked for
 * `as` is a member's other name, a value's other value, or words. */
struct openai_rule {
    gw_capability row;  /* what is reported for it; its field is NULL at the end of a table */
    const char *models; /* names it is about, blank-separated, each with a * at an end, at both or none; NULL: all */
    unsigned lines;     /* of OpenAI's models, OPENAI_*; 0: all, and names that show nothing */
    unsigned since, before; /* versions of OPENAI_GPT it is about; before 0: all that follow */
    enum openai_when on;    /* row.when has it in words */
    const char *levels;     /* of OPENAI_LEVEL: pairs "level=level" of what is sent for what was asked */
    const char *source;     /* whose documents, or which thread, and when that was looked up */
};

enum { OPENAI_TABLES = 3 };

struct openai_service {
    gw_service preset;                               /* preset.base_url may be NULL: the operator must set it */
    const struct openai_rule *tables[OPENAI_TABLES]; /* the first row that fits counts; then a field is carried */
};

/* fields.c: the tables. */
extern const struct openai_rule openai_rules[], openai_model_rules[], openai_compatible_rules[], openai_azure_rules[],
    openai_azure_2023_rules[], openai_deepseek_rules[], openai_fireworks_rules[], openai_groq_rules[],
    openai_huggingface_rules[], openai_llamacpp_rules[], openai_lmstudio_rules[], openai_mistral_rules[],
    openai_moonshot_rules[], openai_ollama_rules[], openai_openrouter_rules[], openai_perplexity_rules[],
    openai_sglang_rules[], openai_together_rules[], openai_vllm_rules[], openai_xai_rules[];

/* The services that are not OpenAI itself, for gw_provider_ops; NULL-terminated. */
extern const gw_service *const openai_presets[];
/* All of them, "openai" first, "azure" too; NULL-terminated. */
extern const struct openai_service *const openai_services[];

/* By its name; NULL when there is none. */
const struct openai_service *openai_service(gw_str name);
/* By the host of an address; OpenAI where nothing is known of it. Never NULL. */
const struct openai_service *openai_service_at(gw_str base_url);

/* The rows that are about a request, by their fields. */
struct openai_index;

/* A request, as far as the rows' conditions look at it. */
struct openai_asked {
    gw_str model;
    struct openai_family family;
    bool thinks, tools, forced, unused;
    const struct openai_index *index; /* of these conditions and the service; NULL: rows are looked for in the tables */
};

/* The row for a field of a request; one that carries it where there is no other. Never NULL. */
const gw_capability *openai_rule(const struct openai_service *service, const struct openai_asked *asked, gw_str field);
/* The row for what is changed of a field that is sent, OPENAI_LEVEL and those that follow; `level` is the effort that
 * was asked for. NULL: nothing is. */
const struct openai_rule *openai_change(const struct openai_service *service, const struct openai_asked *asked,
                                        gw_str field, enum openai_when on, gw_str level);
/* The level of a row that stands for `effort`; absent where it has none. */
gw_str openai_level(const struct openai_rule *rule, gw_str effort);
/* Row `index` of all that may hold for a model of the service; NULL: there are no more. */
const gw_capability *openai_row(const struct openai_service *service, gw_str model, uint32_t index);

/* What a service's usage may count beside the prompt or the completion, and not inside: only a total that is the sum
 * shows it. As bits. */
enum {
    OPENAI_BESIDE_REASONING = 1, /* beside the completion */
    OPENAI_BESIDE_AUDIO = 2,     /* beside the prompt */
};

/* OPENAI_BESIDE_* of a service; both where nothing is known of it. */
unsigned openai_beside(const struct openai_service *service);

/* family.c */
struct openai_family openai_family(gw_str model);

#endif
