/* capability.c - what becomes of the members of a chat: the table that operators read, and the reasons that clients get.
 * docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, 2026-11. */
#include "bedrock.h"

#define ROW(field_, how_, when_, as_, why_)                                                                            \
    {                                                                                                                  \
        .size = sizeof(gw_capability), .how = how_, .field = field_, .when = when_, .as = as_, .why = why_             \
    }
#define SENT_AS(field, as) ROW(field, GW_FIELD_TRANSLATED, NULL, as, NULL)
#define DROPPED(field, when, why) ROW(field, GW_FIELD_DROPPED, when, NULL, why)
#define REFUSED(field, when, why) ROW(field, GW_FIELD_REFUSED, when, NULL, why)

const gw_capability bedrock_rows[] = {
    SENT_AS("messages.tool_calls", "toolUse"),
    SENT_AS("messages.reasoning_details", "reasoningContent, where it is signed or encrypted in Anthropic's form"),
    SENT_AS("messages.cache_control", "cachePoint"),
    SENT_AS("max_completion_tokens", "inferenceConfig.maxTokens"),
    SENT_AS("max_tokens", "inferenceConfig.maxTokens"),
    SENT_AS("temperature", "inferenceConfig.temperature"),
    SENT_AS("top_p", "inferenceConfig.topP"),
    SENT_AS("top_k", "additionalModelRequestFields.top_k, of Claude"),
    SENT_AS("stop", "inferenceConfig.stopSequences"),
    SENT_AS("tools", "toolConfig.tools"),
    SENT_AS("tool_choice", "toolConfig.toolChoice"),
    SENT_AS("reasoning_effort", "additionalModelRequestFields: a level or a budget, by model"),
    SENT_AS("response_format", "outputConfig.textFormat"),
    DROPPED("top_k", "of other models than Claude", "Converse has no top_k, and this model's own is not known"),
    DROPPED("temperature", "beside a budget of thinking, where it is not 1",
            "this model takes no temperature while it thinks"),
    DROPPED("top_p", "beside a budget of thinking", "this model takes no top_p while it thinks"),
    DROPPED("reasoning_effort", "of models without, or under 2,048 tokens",
            "this model has no thinking that can be set here"),
    DROPPED("response_format", "without a schema", "Converse takes a schema only"),
    DROPPED("tool_choice", "none with earlier calls, forced beside thinking, without functions",
            "Converse has no such choice here"),
    DROPPED("tools.custom", NULL, "Converse takes functions only"),
    DROPPED("messages.reasoning_details", "of another service", "another service signed or encrypted it"),
    DROPPED("messages.*", NULL, "Converse does not know it"),
    DROPPED("*", NULL, "Converse does not know it"),
    REFUSED("messages", "none", "a chat needs a message"),
    REFUSED("messages.role", "another than system, developer, user, assistant, tool",
            "Converse takes no message of this role"),
    REFUSED("messages.type", "another than text, image_url, file", "Converse takes no part of this type"),
    REFUSED("messages.image_url", "no base64", "an image must be base64: Converse fetches none"),
    REFUSED("messages.file", "no base64", "a file must be base64: Converse fetches none"),
    REFUSED("messages.tool_calls", "of custom tools", "Converse takes functions only"),
};
const size_t bedrock_row_count = sizeof bedrock_rows / sizeof *bedrock_rows;

static gw_str why_of(gw_str field, uint32_t how)
{
    for (size_t i = 0; i < bedrock_row_count; i++)
        if (bedrock_rows[i].how == how && gw_is(field, bedrock_rows[i].field))
            return gw_of(bedrock_rows[i].why);
    return gw_of("Converse does not know it");
}

void capability_drop(const struct bedrock_out *o, const char *field)
{
    o->h->dropped(o->call, gw_of(field), why_of(gw_of(field), GW_FIELD_DROPPED));
}

gw_status capability_refuse(const struct bedrock_out *o, const char *field)
{
    o->h->explain(o->call, why_of(gw_of(field), GW_FIELD_REFUSED));
    return GW_E_REQUEST;
}

void capability_rest(const struct bedrock_out *o, const gw_json *object, const char *field, const char *words)
{
    for (size_t i = 0; o->h->json->type(object) == GW_JSON_OBJECT && i < o->h->json->count(object); i++) {
        gw_str name = o->h->json->key_at(object, i);
        if (gw_is_one_of(name, words) || o->h->json->type(o->h->json->at(object, i)) == GW_JSON_NULL)
            continue;
        gw_str whole = gw_join(o->h, o->call, gw_of(field), name);
        o->h->dropped(o->call, whole, why_of(whole, GW_FIELD_DROPPED));
    }
}
