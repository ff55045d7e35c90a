/* capability.c - what becomes of the members of a chat: the table that operators read, and the reasons that clients get. */
#include "gemini.h"

#define ROW(field_, how_, when_, as_, why_)                                                                            \
    {                                                                                                                  \
        .size = sizeof(gw_capability), .how = how_, .field = field_, .when = when_, .as = as_, .why = why_             \
    }
#define SENT_AS(field, as) ROW(field, GW_FIELD_TRANSLATED, NULL, as, NULL)
#define DROPPED(field, when, why) ROW(field, GW_FIELD_DROPPED, when, NULL, why)
#define REFUSED(field, when, why) ROW(field, GW_FIELD_REFUSED, when, NULL, why)

const gw_capability gemini_rows[] = {
    SENT_AS("messages.tool_calls", "functionCall, with the thought signature that came with it"),
    SENT_AS("messages.reasoning_content", "a part with thought: true"),
    SENT_AS("max_completion_tokens", "generationConfig.maxOutputTokens"),
    SENT_AS("max_tokens", "generationConfig.maxOutputTokens"),
    SENT_AS("temperature", "generationConfig.temperature"),
    SENT_AS("top_p", "generationConfig.topP"),
    SENT_AS("top_k", "generationConfig.topK"),
    SENT_AS("n", "generationConfig.candidateCount"),
    SENT_AS("presence_penalty", "generationConfig.presencePenalty"),
    SENT_AS("frequency_penalty", "generationConfig.frequencyPenalty"),
    SENT_AS("modalities", "generationConfig.responseModalities"),
    SENT_AS("tools", "functionDeclarations"),
    SENT_AS("tool_choice", "functionCallingConfig"),
    SENT_AS("stop", "generationConfig.stopSequences"),
    SENT_AS("seed", "generationConfig.seed"),
    SENT_AS("response_format", "responseMimeType, responseJsonSchema"),
    SENT_AS("reasoning_effort", "thinkingConfig: a level, or a budget before Gemini 3"),
    DROPPED("stop", "more than five", "Gemini takes five stop sequences"),
    DROPPED("seed", "beyond 32 bits", "Gemini's seed is a number of 32 bits"),
    DROPPED("response_format", "beside tools, before Gemini 3", "this model takes no response format beside tools"),
    DROPPED("reasoning_effort", "before Gemini 2.5, of image models", "this model has no thinking that can be set"),
    DROPPED("tools.strict", "true", "Gemini has no strict mode of a single function"),
    DROPPED("tools.custom", NULL, "Gemini takes functions only"),
    DROPPED("tools.cache_control", NULL, "Gemini caches what repeats by itself"),
    DROPPED("tool_choice", "without functions", "there is no function to choose"),
    DROPPED("parallel_tool_calls", "false", "Gemini decides how many functions it calls"),
    DROPPED("messages.cache_control", NULL, "Gemini caches what repeats by itself"),
    DROPPED("messages.name", NULL, "Gemini's turns have no names"),
    DROPPED("messages.filename", NULL, "Gemini's files have no names"),
    DROPPED("messages.detail", NULL, "Gemini sets the resolution of images by itself"),
    DROPPED("messages.reasoning_details", "of another service", "another service signed or encrypted it"),
    DROPPED("messages.*", NULL, "Gemini does not know it"),
    DROPPED("*", NULL, "Gemini does not know it"),
    REFUSED("messages.role", "another than system, developer, user, assistant, tool",
            "Gemini takes no message of this role"),
    REFUSED("messages.type", "another than text, image_url, video_url, input_audio, file",
            "Gemini takes no part of this type"),
    REFUSED("messages.image_url", "neither base64 nor an address", "a file must be base64 or have an address"),
    REFUSED("messages.input_audio", "without data or format", "audio needs its data and its format"),
    REFUSED("input", "tokens instead of texts", "Gemini embeds texts, not tokens"),
    REFUSED("messages.tool_calls", "of custom tools", "Gemini takes functions only"),
    REFUSED("messages.tool_call_id", "a call without a result, a result without a call",
            "each call needs one result, in the messages that follow it"),
};
const size_t gemini_row_count = sizeof gemini_rows / sizeof *gemini_rows;

static const gw_capability *row_of(gw_str field, uint32_t how)
{
    for (size_t i = 0; i < gemini_row_count; i++)
        if (gemini_rows[i].how == how && gemini_is(field, gemini_rows[i].field))
            return &gemini_rows[i];
    return NULL;
}

void capability_drop(const struct gemini_out *o, gw_str field)
{
    const gw_capability *row = row_of(field, GW_FIELD_DROPPED);
    if (row == NULL)
        row = row_of(gemini_begins(field, "messages.") ? GW_LIT("messages.*") : GW_LIT("*"), GW_FIELD_DROPPED);
    o->h->dropped(o->call, field, (gw_str){ row->why, strlen(row->why) });
}

gw_status capability_refuse(const struct gemini_out *o, const char *field)
{
    const gw_capability *row = row_of((gw_str){ field, strlen(field) }, GW_FIELD_REFUSED);
    o->h->explain(o->call, (gw_str){ row->why, strlen(row->why) });
    return GW_E_REQUEST;
}
