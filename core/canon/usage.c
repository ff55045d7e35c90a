/* usage.c - takes what a provider reported, checks that it sums, writes it for clients and the log. */
#include "canon/usage.h"

#include <string.h>

#include "base/scan.h"

#define TIER_MOST 64 /* bytes of a tier's name with its quotes */

/* Of one attempt: a thousand times what the largest window holds. Sums of so many, and products with prices and seconds, do not overflow. */
#define TOKENS_MOST INT64_C(1000000000)

static int64_t told(int64_t n)
{
    return n > 0 ? n : 0;
}

bool usage_take(struct usage *usage, const gw_tokens *tokens, struct arena *arena)
{
    const int64_t buckets[] = { tokens->input,    tokens->cache_read, tokens->cache_write_5m, tokens->cache_write_1h,
                                tokens->output,   tokens->reasoning,  tokens->audio_in,       tokens->audio_out,
                                tokens->image_in, tokens->image_out };
    int64_t sum = 0;
    bool fits = true;
    for (size_t i = 0; i < sizeof buckets / sizeof *buckets; i++) {
        if (buckets[i] < -1 || buckets[i] > TOKENS_MOST)
            fits = false;
        else
            sum += told(buckets[i]);
    }
    if (sum > TOKENS_MOST || tokens->server_tool_calls > TOKENS_MOST || (tokens->total >= 0 && tokens->total != sum))
        fits = false;
    if (!fits) {
        usage->refused = true;
        return false;
    }
    if (sum == 0 && told(tokens->server_tool_calls) == 0)
        return true; /* a request has tokens: who reports none does not count them */

    struct text raw = usage->raw;
    if (tokens->raw.len > 0 && (raw.len != tokens->raw.len || memcmp(raw.ptr, tokens->raw.ptr, raw.len) != 0))
        raw = arena_text(arena, (struct text){ tokens->raw.ptr, tokens->raw.len });
    *usage = (struct usage){
        .source = USAGE_REPORTED,
        .input = told(tokens->input),
        .cache_read = told(tokens->cache_read),
        .cache_write_5m = told(tokens->cache_write_5m),
        .cache_write_1h = told(tokens->cache_write_1h),
        .output = told(tokens->output),
        .reasoning = told(tokens->reasoning),
        .audio_in = told(tokens->audio_in),
        .audio_out = told(tokens->audio_out),
        .image_in = told(tokens->image_in),
        .image_out = told(tokens->image_out),
        .server_tool_calls = told(tokens->server_tool_calls),
        .partial = tokens->output < 0 && tokens->reasoning < 0 && tokens->total < 0,
        .refused = usage->refused,
        .raw = raw,
        .tier = usage->tier,
        .speed = usage->speed,
    };
    return true;
}

/* The plain word that is the member's value, in lower case. */
static struct text word_of(struct text json, const char *name, struct arena *arena)
{
    struct text value = json.len > 0 ? scan_peek(json, name) : TEXT_NONE;
    if (value.len < 3 || value.len > TIER_MOST || value.ptr[0] != '"' || memchr(value.ptr, '\\', value.len) != NULL)
        return TEXT_NONE;
    char *word = arena_array(arena, char, value.len - 2);
    for (size_t i = 0; i + 2 < value.len; i++)
        word[i] =
            (char)(value.ptr[i + 1] >= 'A' && value.ptr[i + 1] <= 'Z' ? value.ptr[i + 1] | 0x20 : value.ptr[i + 1]);
    return (struct text){ word, value.len - 2 };
}

/* OpenAI and Anthropic have service_tier, Gemini's API serviceTier, Vertex trafficType, whose words are its own. */
static struct text tier_in(struct text json, struct arena *arena)
{
    static const char *const names[] = { "service_tier", "serviceTier" };
    struct text tier;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        tier = word_of(json, names[i], arena);
        if (tier.len > 0 && !text_is(tier, "auto"))
            return tier;
    }
    tier = word_of(json, "trafficType", arena);
    if (text_is(tier, "on_demand_priority"))
        return TEXT("priority");
    if (text_is(tier, "on_demand_flex"))
        return TEXT("flex");
    return tier.len > 0 ? TEXT("standard") : TEXT_NONE;
}

void usage_take_tier(struct usage *usage, struct text answer, struct arena *arena)
{
    struct text tier = tier_in(usage->raw, arena), speed = word_of(usage->raw, "speed", arena);
    if (tier.len == 0)
        tier = tier_in(answer, arena);
    if (tier.len > 0)
        usage->tier = tier;
    if (speed.len > 0)
        usage->speed = speed;
}

int64_t usage_total_in(const struct usage *u)
{
    return u->input + u->cache_read + u->cache_write_5m + u->cache_write_1h + u->audio_in + u->image_in;
}

void usage_add(struct usage *u, const struct usage *more)
{
    u->source = more->source > u->source ? more->source : u->source;
    u->input += more->input;
    u->cache_read += more->cache_read;
    u->cache_write_5m += more->cache_write_5m;
    u->cache_write_1h += more->cache_write_1h;
    u->output += more->output;
    u->reasoning += more->reasoning;
    u->audio_in += more->audio_in;
    u->audio_out += more->audio_out;
    u->image_in += more->image_in;
    u->image_out += more->image_out;
    u->server_tool_calls += more->server_tool_calls;
}

int64_t usage_total_out(const struct usage *u)
{
    return u->output + u->reasoning + u->audio_out + u->image_out;
}

static const char *const source_names[USAGE_SOURCES] = {
    [USAGE_NONE] = "none",
    [USAGE_REPORTED] = "reported",
    [USAGE_COUNTED] = "counted",
    [USAGE_ESTIMATED] = "estimated",
};

const char *usage_source_name(enum usage_source source)
{
    return source_names[source];
}

int64_t usage_count_output(int64_t events, uint64_t bytes)
{
    int64_t by_bytes = (int64_t)((bytes + 2) / 3);
    return events > by_bytes ? events : by_bytes;
}

static void member(struct json_writer *w, struct text name, int64_t value)
{
    json_key_plain(w, name);
    json_put_int(w, value);
}

void usage_write_chat(const struct usage *u, struct json_writer *w)
{
    int64_t in = usage_total_in(u), out = usage_total_out(u);
    json_object(w);
    member(w, TEXT("prompt_tokens"), in);
    member(w, TEXT("completion_tokens"), out);
    member(w, TEXT("total_tokens"), in + out);
    json_name(w, "prompt_tokens_details");
    json_object(w);
    member(w, TEXT("cached_tokens"), u->cache_read);
    if (u->cache_write_5m + u->cache_write_1h > 0)
        member(w, TEXT("cache_write_tokens"), u->cache_write_5m + u->cache_write_1h);
    member(w, TEXT("audio_tokens"), u->audio_in);
    json_close(w);
    json_name(w, "completion_tokens_details");
    json_object(w);
    member(w, TEXT("reasoning_tokens"), u->reasoning);
    member(w, TEXT("audio_tokens"), u->audio_out);
    json_close(w);
    json_close(w);
}

void usage_write_log(const struct usage *u, struct json_writer *w)
{
    const struct {
        struct text name;
        int64_t value;
    } rows[] = {
        { TEXT("input"), u->input },
        { TEXT("cache_read"), u->cache_read },
        { TEXT("cache_write_5m"), u->cache_write_5m },
        { TEXT("cache_write_1h"), u->cache_write_1h },
        { TEXT("output"), u->output },
        { TEXT("reasoning"), u->reasoning },
        { TEXT("audio_in"), u->audio_in },
        { TEXT("audio_out"), u->audio_out },
        { TEXT("image_in"), u->image_in },
        { TEXT("image_out"), u->image_out },
        { TEXT("server_tool_calls"), u->server_tool_calls },
    };
    json_object(w);
    json_name(w, "source");
    json_put_str(w, text_of(usage_source_name(u->source)));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].value != 0)
            member(w, rows[i].name, rows[i].value);
    if (u->refused) {
        json_name(w, "refused");
        json_put_bool(w, true);
    }
    json_close(w);
}
