/* rules.c - the tables. */
#include "cache/rules.h"

#include <gateway/provider.h>

#include "base/json.h"
#include "cache/seek.h"

/* Members at the top level of a request. */
enum rule {
    OUT,        /* they do not change what is answered */
    BARS,       /* a request that sets one is not kept */
    BARS_CHAT,  /* the same for chats; in the completions API it is the input */
    BARS_TOOLS, /* they offer tools */
};

static const struct {
    const char *name;
    enum rule rule;
    const char *why; /* the reason in one word; of OUT: why the answer does not depend on it */
} members[] = {
    { "model", OUT, "the target is in the key" },
    { "stream", OUT, "an entry is given in both ways" },
    { "stream_options", OUT, "usage is always asked for" },
    { "user", OUT, "names the end user for abuse reports" },
    { "safety_identifier", OUT, "the same" },
    { "metadata", OUT, "the same, and labels of stored answers" },
    { "prompt_cache_key", OUT, "where the upstream keeps a prompt" },
    { "prompt_cache_retention", OUT, "for how long" },
    { "prompt_cache_options", OUT, "and how" },
    { "service_tier", OUT, "how fast, and for what price: the ledger has it" },
    { "store", OUT, "who asks for a stored answer is barred before" },

    { "previous_response_id", BARS, "stored" },
    { "conversation", BARS, "stored" },
    { "background", BARS, "stored" },
    { "prompt", BARS_CHAT, "stored" },
    { "container", BARS, "stored" },
    { "cachedContent", BARS, "stored" },
    { "cached_content", BARS, "stored" },
    { "web_search_options", BARS, "search" },
    { "search_parameters", BARS, "search" },
    { "mcp_servers", BARS, "server_tools" },
    { "plugins", BARS, "server_tools" },
    { "extra_body", BARS, "extra_body" }, /* any of these may be in it */
    { "audio", BARS, "audio" },
    { "tools", BARS_TOOLS, "tools" },
    { "functions", BARS_TOOLS, "tools" },
};

/* Parts of the names of models that search the web for each answer. */
static const char *const searching[] = { "sonar", "search-preview", "search-api", "deep-research", ":online" };

/* Tools that the client runs; those without a type are described by a schema. All others are the upstream's. */
static const char *const own_tools[] = { "function", "custom", "bash_", "text_editor_", "computer_2", "memory_" };

/* Names that are looked for at any depth of the members that the key contains. */
static const struct {
    const char *name;
    bool unless_data; /* a string that is no data: URL */
    const char *why;
} deep[] = {
    { "url", true, "media_url" },       { "image_url", true, "media_url" }, { "video_url", true, "media_url" },
    { "audio_url", true, "media_url" }, { "file_url", true, "media_url" },  { "file_uri", true, "media_url" },
    { "fileUri", true, "media_url" },   { "file_id", false, "file" },       { "input_audio", false, "audio" },
};

enum { MEMBERS = sizeof members / sizeof *members, DEEP = sizeof deep / sizeof *deep };

static ptrdiff_t find(struct text name)
{
    for (size_t i = 0; i < MEMBERS; i++)
        if (text_is(name, members[i].name))
            return (ptrdiff_t)i;
    return -1;
}

bool rules_counts(struct text name)
{
    ptrdiff_t i = find(name);
    return i < 0 || members[i].rule != OUT;
}

static bool is_empty(const struct scan_member *m)
{
    struct text inside = m->value;
    if (m->type == 'n' || m->type == 'f')
        return true;
    if (m->type != '[' || inside.len < 2) /* {} switches a search on */
        return false;
    return text_trim((struct text){ inside.ptr + 1, inside.len - 2 }).len == 0;
}

static bool is_own(const struct json *tool)
{
    struct text type = json_str(json_member(tool, "type"));
    if (type.ptr == NULL)
        return json_member(tool, "input_schema") != NULL || json_member(tool, "parameters") != NULL;
    for (size_t i = 0; i < sizeof own_tools / sizeof *own_tools; i++)
        if (text_starts(type, text_of(own_tools[i])))
            return true;
    return false;
}

static const char *tools_bar(struct arena *scratch, const struct scan_member *m, bool tools)
{
    if (!tools)
        return "tools";
    const struct json *list = json_parse_quick(scratch, m->value);
    for (size_t i = 0; i < json_count(list); i++)
        if (!is_own(json_at(list, i)))
            return "server_tools";
    return json_type(list) == JSON_T_ARRAY ? NULL : "tools";
}

static const char *deep_bars(void *owner, const struct seek_member *m)
{
    (void)owner;
    for (size_t i = 0; i < DEEP; i++)
        if (text_is(m->name, deep[i].name) &&
            (!deep[i].unless_data || (m->is_string && !text_starts(m->value, TEXT("data:")))))
            return deep[i].why;
    return NULL;
}

static const char *member_bars(struct arena *scratch, const struct cache_ask *ask, const struct scan_member *m)
{
    ptrdiff_t i = find(m->key);
    bool odd = false;
    enum rule rule = i >= 0 ? members[i].rule : OUT;
    if (rule != OUT && is_empty(m))
        return NULL;
    if (rule == BARS || (rule == BARS_CHAT && (ask->operation & GW_OP_CHAT) != 0))
        return members[i].why;
    if (rule == BARS_TOOLS)
        return tools_bar(scratch, m, ask->tools);
    if (i >= 0 && rule == OUT)
        return NULL;
    const char *why =
        m->type == '{' || m->type == '[' || m->type == '"' ? seek_each(m->value, deep_bars, NULL, &odd) : NULL;
    return why == NULL && odd ? "odd" : why;
}

/* The responses API stores its answers unless the request has "store": false. It is the only chat API with "input". */
static bool is_stored(const struct cache_ask *ask)
{
    const struct scan_member *store = scan_get(ask->scan, "store");
    return (ask->operation & GW_OP_CHAT) != 0 && scan_get(ask->scan, "input") != NULL &&
           (store == NULL || store->type != 'f');
}

static bool is_searching(struct text model)
{
    for (size_t i = 0; i < sizeof searching / sizeof *searching; i++)
        if (text_find(model, text_of(searching[i])) >= 0)
            return true;
    return false;
}

const char *rules_bar_ask(struct arena *scratch, const struct cache_ask *ask)
{
    if ((ask->operation & (GW_OP_CHAT | GW_OP_COMPLETIONS)) == 0)
        return "operation";
    if (is_stored(ask))
        return "stored";
    if (is_searching(ask->model))
        return "search";
    for (size_t i = 0; i < ask->scan->count; i++) {
        const char *why = member_bars(scratch, ask, &ask->scan->members[i]);
        if (why != NULL)
            return why;
    }
    return NULL;
}

/* --- answers --- */

struct answer_rules {
    bool tools, one_secret;
};

static bool is_one_of(struct text value, const char *const *list)
{
    for (; *list != NULL; list++)
        if (text_is(value, *list))
            return true;
    return false;
}

static bool is_null(const struct seek_member *m)
{
    return !m->is_string && text_starts(m->value, TEXT("null"));
}

static const char *answer_member_bars(void *owner, const struct seek_member *m)
{
    static const char *const ends[] = { "stop", "end_turn", "stop_sequence", "STOP", NULL };
    static const char *const calls[] = { "tool_calls", "function_call", "tool_use", NULL };
    static const char *const finish[] = { "finish_reason", "stop_reason", "finishReason", NULL };
    static const char *const errors[] = { "error", "incomplete_details", NULL };
    const struct answer_rules *rules = owner;
    if (is_one_of(m->name, finish) && !is_null(m) && !(m->is_string && is_one_of(m->value, ends)))
        return m->is_string && is_one_of(m->value, calls) ? (rules->tools ? NULL : "tools") : "finish";
    if (text_is(m->name, "refusal") && !is_null(m) && !(m->is_string && m->value.len == 0))
        return "refusal";
    if (is_one_of(m->name, errors) && !is_null(m))
        return "error";
    if (text_is(m->name, "encrypted_content") && !is_null(m) && !rules->one_secret)
        return "encrypted";
    return NULL;
}

const char *rules_bar_answer(struct text bytes, bool tools, bool one_secret)
{
    struct answer_rules rules = { tools, one_secret };
    bool odd = false;
    return seek_each(bytes, answer_member_bars, &rules, &odd);
}
