/* family.c - what the name of an OpenAI model shows: its line, its version as a number, so that the next one of a line
 * gets the rows of the newest in fields.c without a change here, and how much it writes at most. */
#include "openai.h"

/* By the beginning of the name; the first that fits. */
static const struct {
    const char *beginning;
    unsigned line;
    unsigned version; /* 0: in the name */
} beginnings[] = {
    { "chatgpt-", OPENAI_CHAT, 0 }, { "gpt-5-chat", OPENAI_CHAT, 0 },
    { "gpt-35", OPENAI_GPT, 305 }, /* Azure's name for 3.5 */
    { "gpt-", OPENAI_GPT, 0 },      { "o", OPENAI_O, 0 },
};

/* The most tokens that a model writes: max_output_tokens of litellm's list of 2026-06-04, in shared/prices; where
 * Azure's number is another one, OpenAI's own. By the beginning of the name, up to its end or a "-" or ":"; the first
 * that fits. A newer model has no row until its number is known. */
static const struct {
    const char *beginning;
    int64_t most;
} lengths[] = {
    { "chatgpt-4o", 4096 },
    { "gpt-3.5", 4096 },
    { "gpt-35", 4096 },
    { "gpt-4", 4096 },
    { "gpt-4.1", 32768 },
    { "gpt-4.5", 16384 },
    { "gpt-4o-2024-05-13", 4096 },
    { "gpt-4o", 16384 },
    { "gpt-5-chat", 16384 },
    { "gpt-5.1-chat", 16384 },
    { "gpt-5.2-chat", 16384 },
    { "gpt-5.3-chat", 16384 },
    { "gpt-5-pro", 272000 },
    { "gpt-5", 128000 },
    { "gpt-5.1", 128000 },
    { "gpt-5.2", 128000 },
    { "gpt-5.3", 128000 },
    { "gpt-5.4", 128000 },
    { "gpt-5.5", 128000 },
    { "o1-mini", 65536 },
    { "o1-preview", 32768 },
    { "o1", 100000 },
    { "o3", 100000 },
    { "o4", 100000 },
};

static int64_t most_of(gw_str model)
{
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        if (!openai_starts(model, lengths[i].beginning))
            continue;
        size_t len = openai_lit(lengths[i].beginning).len;
        if (model.len == len || model.ptr[len] == '-' || model.ptr[len] == ':')
            return lengths[i].most;
    }
    return 0;
}

/* A number of at most two digits at the front; they are cut off. */
static bool take_number(gw_str *s, unsigned *number)
{
    size_t digits = 0;
    *number = 0;
    for (; digits < s->len && s->ptr[digits] >= '0' && s->ptr[digits] <= '9'; digits++)
        *number = digits < 2 ? *number * 10 + (unsigned)(s->ptr[digits] - '0') : 100;
    *s = (gw_str){ s->ptr + digits, s->len - digits };
    return digits > 0 && *number < 100;
}

/* "5.4-mini", "4o": a version at the front. */
static unsigned version_of(gw_str s)
{
    unsigned major, minor;
    if (!take_number(&s, &major))
        return 0;
    if (s.len == 0 || s.ptr[0] != '.')
        return major * 100;
    s = (gw_str){ s.ptr + 1, s.len - 1 };
    return take_number(&s, &minor) ? major * 100 + minor : major * 100;
}

/* "1", "3-mini": a number, and then the end of a word. */
static bool is_numbered(gw_str s)
{
    unsigned number;
    return take_number(&s, &number) && (s.len == 0 || s.ptr[0] == '-');
}

struct openai_family openai_family(gw_str model)
{
    if (openai_starts(model, "ft:")) /* fine-tuned: what follows is what it was made from */
        model = (gw_str){ model.ptr + 3, model.len - 3 };
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        struct openai_family family = { .line = beginnings[i].line, .version = beginnings[i].version };
        if (!openai_starts(model, beginnings[i].beginning))
            continue;
        size_t len = openai_lit(beginnings[i].beginning).len;
        gw_str rest = { model.ptr + len, model.len - len };
        if (family.line == OPENAI_O && !is_numbered(rest))
            break;
        if (family.line == OPENAI_GPT && family.version == 0 && (family.version = version_of(rest)) == 0)
            break; /* gpt-oss, gpt-image */
        family.most = most_of(model);
        return family;
    }
    return (struct openai_family){ .line = 0 };
}
