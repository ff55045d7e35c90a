/* usage.c - sorts a usage object into buckets that do not overlap. What each server counts inside of what is
 * its own affair: OpenAI counts cached tokens and audio inside the prompt and reasoning inside the completion, xAI
 * reasoning beside it, Mistral audio. The rows of services.c state what may be beside; the total, where it is reported
 * and a sum, decides; each bucket takes no more than is left. */
#include "openai.h"

/* More is no count of tokens: what is added up of these fits. */
#define TOKENS_MOST (INT64_MAX / 4)

/* A list of names for count_of(). */
#define NAMES(...) ((const gw_str[]){ __VA_ARGS__, { NULL, 0 } })

/* The first of the names that is there, as a count; -1 when none is. */
static int64_t count_of(const struct reader *r, const gw_json *object, const gw_str *names)
{
    for (; object != NULL && names->ptr != NULL; names++) {
        int64_t value = r->h->json->integer(openai_get(r, object, *names), -1);
        if (value >= 0)
            return value;
    }
    return -1;
}

static const gw_json *either(const struct reader *r, const gw_json *object, gw_str a, gw_str b)
{
    const gw_json *value = openai_get(r, object, a);
    return r->h->json->type(value) == GW_JSON_OBJECT ? value : openai_get(r, object, b);
}

/* Moves the reported count out of *left, at most all of it; -1 stays -1. */
static int64_t take(int64_t *left, int64_t told)
{
    if (told < 0)
        return -1;
    if (told > *left)
        told = *left;
    *left -= told;
    return told;
}

/* Takes the audio of a prompt out of what the total has beside prompt and completion, or out of the prompt. */
static int64_t take_audio(const struct reader *r, int64_t audio, int64_t *prompt, int64_t *beside)
{
    bool may = (openai_beside(r->state->service) & OPENAI_BESIDE_AUDIO) != 0;
    return take(may && audio > 0 && audio == *beside ? beside : prompt, audio);
}

static void sort_prompt(const struct reader *r, const gw_json *usage, int64_t prompt, int64_t *beside, gw_tokens *t)
{
    const gw_json *details = either(r, usage, GW_LIT("prompt_tokens_details"), GW_LIT("input_tokens_details"));
    if (r->h->json->type(details) != GW_JSON_OBJECT)
        details = openai_get(r, usage, GW_LIT("input_token_details")); /* transcriptions */
    int64_t read = count_of(r, details, NAMES(GW_LIT("cached_tokens")));
    int64_t written = count_of(r, details, NAMES(GW_LIT("cache_write_tokens"), GW_LIT("cache_creation_tokens")));

    if (read < 0)
        read = count_of(r, usage,
                        NAMES(GW_LIT("prompt_cache_hit_tokens"), GW_LIT("num_cached_tokens"), GW_LIT("cached_tokens"),
                              GW_LIT("cache_read_input_tokens")));
    if (written < 0)
        written = count_of(r, usage, NAMES(GW_LIT("cache_creation_input_tokens")));
    t->cache_read = take(&prompt, read);
    t->cache_write_5m = take(&prompt, written);
    t->audio_in = take_audio(r, count_of(r, details, NAMES(GW_LIT("audio_tokens"))), &prompt, beside);
    t->image_in = take(&prompt, count_of(r, details, NAMES(GW_LIT("image_tokens"))));
    t->input = prompt;
}

/* `beside` is what the total has more than prompt, completion and audio. It is reasoning where as much reasoning is
 * reported (xAI), or none at all: so does Gemini's compatible endpoint count thoughts. A total that is no sum of these
 * (0, of some servers) is as good as none. */
static void sort_completion(const struct reader *r, const gw_json *usage, int64_t completion, int64_t beside,
                            gw_tokens *t)
{
    const gw_json *details = either(r, usage, GW_LIT("completion_tokens_details"), GW_LIT("output_tokens_details"));
    int64_t reasoning = count_of(r, details, NAMES(GW_LIT("reasoning_tokens")));
    bool may = (openai_beside(r->state->service) & OPENAI_BESIDE_REASONING) != 0;

    if (may && beside > 0 && (reasoning < 0 || reasoning == beside))
        t->reasoning = take(&beside, beside);
    else
        t->reasoning = take(&completion, reasoning);
    if (beside != 0)
        t->total = -1;
    t->audio_out = take(&completion, count_of(r, details, NAMES(GW_LIT("audio_tokens"))));
    t->image_out = take(&completion, count_of(r, details, NAMES(GW_LIT("image_tokens"))));
    if (r->state->operation == GW_OP_IMAGES && t->image_out < 0) /* all that it makes are images */
        t->image_out = take(&completion, completion);
    t->output = completion;
}

void openai_usage(struct reader *r, const gw_json *usage)
{
    int64_t prompt = count_of(r, usage, NAMES(GW_LIT("prompt_tokens"), GW_LIT("input_tokens")));
    int64_t completion = count_of(r, usage, NAMES(GW_LIT("completion_tokens"), GW_LIT("output_tokens")));
    gw_tokens tokens = {
        .size = sizeof tokens,
        .cache_write_1h = -1,
        .server_tool_calls =
            count_of(r, usage, NAMES(GW_LIT("num_search_queries"), GW_LIT("num_server_side_tools_used"))),
        .total = count_of(r, usage, NAMES(GW_LIT("total_tokens"))),
        .raw = r->h->json->text(usage),
    };

    if (prompt < 0 && completion < 0)
        prompt = tokens.total; /* Voyage, and most that rerank: there is nothing but input */
    if (prompt < 0 && completion < 0)
        return;
    if (tokens.server_tool_calls < 0)
        tokens.server_tool_calls =
            count_of(r, openai_get(r, usage, GW_LIT("server_tool_use")), NAMES(GW_LIT("web_search_requests")));
    prompt = prompt < 0 ? 0 : prompt;
    completion = completion < 0 ? 0 : completion;
    if (prompt > TOKENS_MOST || completion > TOKENS_MOST)
        return;
    int64_t beside = tokens.total - prompt - completion;
    sort_prompt(r, usage, prompt, &beside, &tokens);
    sort_completion(r, usage, completion, beside, &tokens);
    r->emit(r->call, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_USAGE, .tokens = &tokens });
}

/* Cohere's way: {"billed_units":{"search_units":1}}, for some models with tokens. A search is a call, not a token. */
void openai_billed(struct reader *r, const gw_json *meta)
{
    const gw_json *units = openai_get(r, meta, GW_LIT("billed_units"));
    int64_t searches = count_of(r, units, NAMES(GW_LIT("search_units")));
    int64_t input = count_of(r, units, NAMES(GW_LIT("input_tokens"), GW_LIT("total_tokens")));

    if (input < 0)
        input = count_of(r, openai_get(r, meta, GW_LIT("tokens")), NAMES(GW_LIT("input_tokens")));
    if (searches < 0 && input < 0)
        return;
    gw_tokens tokens = {
        .size = sizeof tokens,
        .input = input < 0 ? 0 : input,
        .cache_read = -1,
        .cache_write_5m = -1,
        .cache_write_1h = -1,
        .output = -1,
        .reasoning = -1,
        .audio_in = -1,
        .audio_out = -1,
        .image_in = -1,
        .image_out = -1,
        .server_tool_calls = searches,
        .total = -1,
        .raw = r->h->json->text(meta),
    };
    r->emit(r->call, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_USAGE, .tokens = &tokens });
}
