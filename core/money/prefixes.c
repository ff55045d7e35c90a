/* prefixes.c - hashes of conversations, message by message. */
#include "money/prefixes.h"

#include "base/map.h"
#include "money/bound.h"

/* What a provider may add for a message. */
enum { MESSAGE = 64 };

static uint64_t join(uint64_t hash, struct text text)
{
    uint64_t both[2] = { hash, map_hash(text.ptr, text.len) };
    return map_hash(both, sizeof both) | 1;
}

static bool is_one_of(struct text name, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++)
        if (text_is(name, names[i]))
            return true;
    return false;
}

static const struct json *messages_of(const struct json *body)
{
    static const char *const names[] = { "messages", "input", "contents" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (json_type(json_get(body, text_of(names[i]))) == JSON_T_ARRAY)
            return json_get(body, text_of(names[i]));
    return NULL;
}

/* All but the messages, and what does not change the input. */
static uint64_t settings_of(const struct json *body, struct text seller, struct text model)
{
    static const char *const other[] = { "messages",
                                         "input",
                                         "contents",
                                         "stream",
                                         "stream_options",
                                         "max_tokens",
                                         "max_completion_tokens",
                                         "max_output_tokens",
                                         "temperature",
                                         "top_p",
                                         "seed",
                                         "user",
                                         "metadata",
                                         "n",
                                         NULL };
    uint64_t hash = join(join(1, seller), model);
    for (size_t i = 0, count = json_count(body); i < count; i++)
        if (!is_one_of(json_key_at(body, i), other))
            hash = join(join(hash, json_key_at(body, i)), json_text(json_at(body, i)));
    return hash;
}

void prefix_read(const struct json *body, struct text seller, struct text model, bool by_bytes, struct prefix *out)
{
    const struct json *messages = messages_of(body);
    size_t count = json_count(messages);
    uint64_t hashes[PREFIX_TURNS + 1];
    *out = (struct prefix){ .whole = 0 };
    if (count == 0)
        return;
    uint64_t hash = settings_of(body, seller, model);
    size_t first = count > PREFIX_TURNS ? count - PREFIX_TURNS : 0; /* cuts before are not kept */
    for (size_t i = 0; i < count; i++) {
        hash = join(hash, json_text(json_at(messages, i)));
        if (i >= first)
            hashes[i - first] = hash;
    }
    out->whole = hash;
    int64_t rest = 0;
    for (size_t i = count; i > first + 1; i--) { /* the cut before message i - 1, counted from 0 */
        struct text text = json_text(json_at(messages, i - 1));
        rest += (int64_t)text.len + (by_bytes ? 0 : nfkc_growth(text)) + MESSAGE;
        out->cuts[out->count++] = (struct prefix_cut){ hashes[i - 2 - first], rest };
    }
}

static struct prefix_entry *entry_of(const struct prefixes *p, uint64_t hash)
{
    size_t count = sizeof p->entries / sizeof p->entries[0];
    return (struct prefix_entry *)&p->entries[(hash >> 1) % count];
}

void prefixes_put(struct prefixes *p, uint64_t hash, int64_t tokens)
{
    struct prefix_entry *entry = entry_of(p, hash);
    if (entry->hash != hash || tokens > entry->tokens)
        *entry = (struct prefix_entry){ hash, tokens };
}

int64_t prefixes_bound(const struct prefixes *p, const struct prefix *prefix)
{
    const struct prefix_entry *whole = entry_of(p, prefix->whole);
    if (prefix->whole != 0 && whole->hash == prefix->whole)
        return whole->tokens + MESSAGE;
    for (size_t i = 0; i < prefix->count; i++) {
        const struct prefix_entry *entry = entry_of(p, prefix->cuts[i].hash);
        if (entry->hash == prefix->cuts[i].hash)
            return entry->tokens + prefix->cuts[i].rest + MESSAGE;
    }
    return INT64_MAX;
}
