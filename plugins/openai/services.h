/* services.h - what is known of services that speak OpenAI chat completions: where they are, and which fields of a
 * request they take. The table is in services.c; it holds for requests that the gateway writes: a client that
 * speaks the service's own dialect is relayed as it is. */
#ifndef SERVICES_H
#define SERVICES_H

#include <gateway/provider.h>
#include <stdbool.h>

/* What becomes of a field. */
enum openai_how {
    OPENAI_CARRIED,    /* as it is */
    OPENAI_TRANSLATED, /* said in another way: `as` */
    OPENAI_DROPPED,    /* left out, and reported with `why` */
    OPENAI_REFUSED,    /* 400 with `why` */
};

/* Fields are members of the body, or one of these:
 *   role.developer  messages.reasoning_content  messages.reasoning_details  messages.is_error  messages.prefill
 *   messages.tool_ids  part.text_list  part.file  part.input_audio  cache_control  tools.custom  tool_choice.required
 *   tool_choice.allowed_tools  tool_choice.forced  response_format.json_schema
 * `as` is a member's other name, a value's other value, for reasoning_effort pairs "level=level", or a word for how. */
struct openai_rule {
    const char *field;
    enum openai_how how;
    const char *as, *why;
    const char *models; /* names it is about, blank-separated, each with a * at one end or none; NULL: all */
};

struct openai_service {
    gw_service preset;               /* preset.base_url may be NULL: the operator must say it */
    const struct openai_rule *rules; /* its own, ended by a NULL field */
    const struct openai_rule *base;  /* where its own have nothing; then a field is carried */
    bool is_openai;                  /* its models are OpenAI's: the family of a name tells more */
};

/* The services that are not OpenAI itself, for gw_provider_ops; NULL-terminated. */
extern const gw_service *const openai_presets[];
/* All of them, "openai" first, "azure" too; NULL-terminated. For tests and for the table in the README. */
extern const struct openai_service *const openai_services[];

/* By its name; NULL when there is none. */
const struct openai_service *openai_service(gw_str name);
/* By the host of an address; OpenAI where nothing is known of it. Never NULL. */
const struct openai_service *openai_service_at(gw_str base_url);
/* The rule for a field; one that carries it where nothing else is said. Never NULL. */
const struct openai_rule *openai_rule(const struct openai_service *service, gw_str model, gw_str field);

/* What the name of an OpenAI model tells. */
struct openai_family {
    bool known, reasons;
    unsigned version; /* of models that reason: 100 for o1, o3, o4; 500 for gpt-5, 504 for gpt-5.4 */
};
struct openai_family openai_family(gw_str model);
/* The rule that the family of the model has for a member; NULL: none. `effort` is the reasoning effort asked for,
 * `tools` whether there are any. */
const struct openai_rule *openai_family_rule(const struct openai_family *family, gw_str field, gw_str effort,
                                             bool tools);
/* The nearest reasoning effort that the family takes. */
gw_str openai_family_effort(const struct openai_family *family, gw_str effort);

#endif
