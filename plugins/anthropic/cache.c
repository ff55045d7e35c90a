/* cache.c - cache markers, of Anthropic's form ("cache_control") and of OpenAI's ("prompt_cache_breakpoint"). Anthropic
 * takes four: of more the last four that are written are sent. */
#include "anthropic.h"

static bool has_control(const struct request_writer *b, const gw_json *holder)
{
    return is_type(b->h, get(b->h, holder, "cache_control"), GW_JSON_OBJECT);
}

static bool has_breakpoint(const struct request_writer *b, const gw_json *holder)
{
    return is_type(b->h, get(b->h, holder, "prompt_cache_breakpoint"), GW_JSON_OBJECT);
}

bool anthropic_has_marker(const struct request_writer *b, const gw_json *holder)
{
    return has_control(b, holder) || has_breakpoint(b, holder);
}

void anthropic_write_marker(struct request_writer *b, const gw_json *holder)
{
    if (!anthropic_has_marker(b, holder) || ++b->markers <= b->plan.cache_skip)
        return;
    if (has_control(b, holder)) {
        put_copy(b, "cache_control", get(b->h, holder, "cache_control"));
        return;
    }
    put_object(b, "cache_control");
    put_word(b, "type", "ephemeral");
    if (b->plan.cache_hour)
        put_word(b, "ttl", "1h");
    put_close(b);
}

void anthropic_lose_marker(struct request_writer *b, const gw_json *holder)
{
    if (anthropic_has_marker(b, holder))
        anthropic_drop(b, LOSS_MARKER_PLACE);
}

void anthropic_copy_block(struct request_writer *b, const gw_json *block, const gw_json *mark)
{
    gw_str type = get_str(b->h, block, "type");
    bool is_result = anthropic_is(type, "tool_result"), own = has_control(b, block);

    if (anthropic_is(type, "thinking") || anthropic_is(type, "redacted_thinking")) { /* takes none */
        anthropic_lose_marker(b, mark);
        mark = NULL;
    }
    if (own)
        mark = block;
    if (!is_type(b->h, block, GW_JSON_OBJECT) || (!is_result && !anthropic_has_marker(b, mark))) {
        b->h->write->copy(b->w, block);
        return;
    }
    b->h->write->object(b->w);
    for (size_t i = 0; i < b->h->json->count(block); i++) {
        gw_str name = b->h->json->key_at(block, i);
        const gw_json *value = b->h->json->at(block, i);
        if (anthropic_is(name, "cache_control"))
            continue;
        b->h->write->key(b->w, name);
        if (!is_result || !anthropic_is(name, "content") || !is_type(b->h, value, GW_JSON_ARRAY)) {
            b->h->write->copy(b->w, value);
            continue;
        }
        b->h->write->array(b->w);
        for (size_t k = 0; k < length(b->h, value); k++)
            anthropic_copy_block(b, b->h->json->at(value, k), NULL);
        put_close(b);
    }
    anthropic_write_marker(b, mark);
    put_close(b);
}

struct found {
    unsigned all, breakpoints;
};

static void find_markers(const struct request_writer *b, const gw_json *holder, struct found *found)
{
    found->all += anthropic_has_marker(b, holder);
    found->breakpoints += has_breakpoint(b, holder);
}

static void find_each(const struct request_writer *b, const gw_json *holders, struct found *found)
{
    for (size_t i = 0; i < length(b->h, holders); i++)
        find_markers(b, b->h->json->at(holders, i), found);
}

/* All that there are, of which not each is written. */
static struct found find_all(const struct request_writer *b)
{
    const gw_json *tools = get(b->h, b->body, "tools"), *messages = get(b->h, b->body, "messages");
    struct found found = { .all = has_control(b, b->body) };

    find_each(b, tools, &found);
    for (size_t i = 0; i < length(b->h, tools); i++) {
        find_markers(b, get(b->h, b->h->json->at(tools, i), "function"), &found);
        find_markers(b, get(b->h, b->h->json->at(tools, i), "custom"), &found);
    }
    find_each(b, messages, &found);
    for (size_t i = 0; i < length(b->h, messages); i++) {
        const gw_json *message = b->h->json->at(messages, i);
        const gw_json *origin = get(b->h, get(b->h, message, "x_origin"), "content");
        find_each(b, get(b->h, message, "content"), &found);
        find_each(b, get(b->h, message, "tool_calls"), &found);
        find_each(b, origin, &found);
        for (size_t k = 0; k < length(b->h, origin); k++)
            find_each(b, get(b->h, b->h->json->at(origin, k), "content"), &found);
    }
    return found;
}

/* How many are written, when none is skipped: the body is written to nowhere. */
static unsigned count_written(const struct request_writer *b)
{
    struct request_writer trial = *b;

    trial.is_trial = true;
    trial.w = b->h->writer(b->call);
    anthropic_write(&trial);
    return trial.markers + has_control(b, b->body);
}

void anthropic_plan_cache(struct request_writer *b)
{
    const gw_json *caching = get(b->h, b->body, "prompt_cache_options");
    gw_str life = get_str(b->h, caching, "ttl");
    struct found found = find_all(b);

    b->plan.cache_hour = anthropic_is(life, "1h");
    if (found.breakpoints == 0 && b->h->json->count(caching) > 0)
        anthropic_drop(b, LOSS_CACHE_OPTIONS);
    else if (found.breakpoints > 0 && life.len > 0 && !b->plan.cache_hour && !anthropic_is(life, "5m"))
        anthropic_drop(b, LOSS_CACHE_LIFE);
    unsigned written = found.all > anthropic_rule(RULE_MARKERS)->most ? count_written(b) : 0;
    if (written > anthropic_rule(RULE_MARKERS)->most) {
        b->plan.cache_skip = written - anthropic_rule(RULE_MARKERS)->most;
        anthropic_drop(b, LOSS_MARKERS);
    }
}
