/* models.c - what each Claude takes, as data. Found by family and version, compared as numbers, so that the next
 * model of a line gets the newest row of it without a change here.
 *
 * Sources: Anthropic's models overview, "Effort", "Thinking", "Structured outputs" and the migration guides up to
 * Opus 5.5, Sonnet 5.5, Haiku 5.5 and Fable 5.1 (November 2026), and the recordings. Where they disagree the row
 * has "no": a system message inside messages is documented for Opus 4.8, and a recording shows it refused. */
#include "anthropic.h"

#define OLD (OLD_ONE | CAN_BOTH)
#define OLD_ONE (CAN_SAMPLE | CAN_FORCE | CAN_SEARCH | CAN_PREFILL)
#define NEW (CAN_STRUCTURE | CAN_SEARCH)
#define FIRST (CAN_SAMPLE | CAN_BOTH | CAN_FORCE | CAN_PREFILL)
#define LAST_SAMPLED (CAN_SAMPLE | CAN_FORCE | CAN_SEARCH | CAN_STRUCTURE)
#define TO_MAX "low medium high max"
#define ALL "low medium high xhigh max"

/* clang-format off */
/* Rising by `since`; the last row that fits counts. */
static const struct model models[] = {
    /* family, since, thinks, thinking_off, can, most, efforts, source */
    {"", 0, THINKS_NOT, THINKING_OFF_OMIT, FIRST, 4096, "", "Models overview (2026-11)"},
    {"", 305, THINKS_NOT, THINKING_OFF_OMIT, OLD, 8192, "", "Models overview; Web search (2026-11)"},
    {"", 307, THINKS_BY_BUDGET, THINKING_OFF_OMIT, OLD, 64000, "", "Extended thinking (2026-11)"},
    {"opus", 400, THINKS_BY_BUDGET, THINKING_OFF_OMIT, OLD, 32000, "", "Models overview (2026-11)"},
    {"opus", 401, THINKS_BY_BUDGET, THINKING_OFF_OMIT, OLD_ONE, 32000, "",
     "Migration guide: temperature or top_p, not both, from Opus 4.1 on (2026-11)"},
    {"", 405, THINKS_BY_BUDGET, THINKING_OFF_OMIT, OLD_ONE | CAN_STRUCTURE, 64000, "",
     "Structured outputs; Migration guide to 4.5 (2026-11)"},
    {"", 406, THINKS_BY_EFFORT, THINKING_OFF_OMIT, LAST_SAMPLED, 128000, TO_MAX,
     "Migration guide to 4.6: no prefill, adaptive thinking; Effort (2026-11)"},
    {"", 407, THINKS_BY_EFFORT, THINKING_OFF_OMIT, NEW | CAN_FORCE, 128000, ALL,
     "Migration guide to 4.7: no sampling parameters; Effort (2026-11)"},
    {"", 500, THINKS_BY_EFFORT, THINKING_OFF_NEVER, NEW | CAN_SYSTEM, 128000, ALL,
     "Models overview, Thinking, Fable 5.1; recordings (2026-11)"},
    {"opus", 500, THINKS_BY_EFFORT, THINKING_OFF_DISABLED, NEW | CAN_FORCE | CAN_SYSTEM, 128000, ALL,
     "Migration guide to 5 (2026-11)"},
    {"sonnet", 500, THINKS_BY_EFFORT, THINKING_OFF_DISABLED, NEW | CAN_FORCE, 128000, ALL,
     "Migration guide to 5; a recording of a system message refused (2026-11)"},
    {"haiku", 500, THINKS_BY_EFFORT, THINKING_OFF_DISABLED, NEW | CAN_SYSTEM, 128000, ALL, "Haiku 5.5 (2026-11)"},
    {"opus", 505, THINKS_BY_EFFORT, THINKING_OFF_NEVER, NEW | CAN_SYSTEM, 128000, ALL, "Opus 5.5; Thinking (2026-11)"},
    {"sonnet", 505, THINKS_BY_EFFORT, THINKING_OFF_BETWEEN_TOOLS, NEW | CAN_SYSTEM, 128000, ALL,
     "Sonnet 5.5; Thinking, between_tools (2026-11)"},
};
/* clang-format on */

/* Somebody else's model behind the same API (Kimi, GLM, DeepSeek, MiniMax ...). */
static const struct model foreign = {
    "", 0, THINKS_BY_BUDGET, THINKING_OFF_DISABLED, FIRST, 0, "", "their pages on Anthropic's API (2026-11)"
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What a name shows: "claude-opus-4-1-20250805", "claude-3-5-haiku@20241022", "anthropic/claude-opus-4.8" ... */
struct named {
    gw_str family;
    unsigned major, minor;
    bool has_version;
};

/* Takes a run of letters or digits off the front; what separates them goes first. */
static gw_str next_word(gw_str *rest)
{
    while (rest->len > 0 && !is_letter(rest->ptr[0]) && !is_digit(rest->ptr[0]))
        *rest = (gw_str){ rest->ptr + 1, rest->len - 1 };
    gw_str word = { rest->ptr, 0 };
    while (word.len < rest->len &&
           (is_digit(word.ptr[0]) ? is_digit(rest->ptr[word.len]) : is_letter(rest->ptr[word.len])))
        word.len++;
    *rest = (gw_str){ rest->ptr + word.len, rest->len - word.len };
    return word;
}

/* One or two digits are a part of a version, eight are a date. */
static bool version_part(gw_str word, unsigned *value)
{
    if (word.len == 0 || word.len > 2 || !is_digit(word.ptr[0]))
        return false;
    *value = 0;
    for (size_t i = 0; i < word.len; i++)
        *value = *value * 10 + (unsigned)(word.ptr[i] - '0');
    return true;
}

static bool parse_name(gw_str name, struct named *out)
{
    static const char *const no_family[] = { "claude", "latest", "preview", "v", "beta" };
    size_t at = 0;

    *out = (struct named){ .family = GW_LIT("") };
    while (at + 6 <= name.len && !anthropic_has((gw_str){ name.ptr + at, 6 }, "claude"))
        at++;
    if (at + 6 > name.len)
        return false;
    gw_str rest = { name.ptr + at, name.len - at };
    for (gw_str word = next_word(&rest); word.len > 0; word = next_word(&rest)) {
        if (!is_digit(word.ptr[0])) {
            bool counts = out->family.len == 0;
            for (size_t i = 0; i < sizeof no_family / sizeof *no_family; i++)
                counts = counts && !anthropic_is(word, no_family[i]);
            if (counts)
                out->family = word;
            continue;
        }
        if (out->has_version || !version_part(word, &out->major))
            continue;
        out->has_version = true;
        gw_str after = rest, minor = next_word(&after);
        if (version_part(minor, &out->minor))
            rest = after;
    }
    return true;
}

const struct model *anthropic_model(gw_str name)
{
    struct named named;
    const struct model *found = &models[0];

    if (!parse_name(name, &named))
        return &foreign;
    /* A name without a version points at the newest. */
    unsigned version = named.has_version ? named.major * 100 + named.minor : 9999;
    for (const struct model *m = models; m < models + sizeof models / sizeof *models; m++)
        if (m->since <= version && (m->family[0] == '\0' || anthropic_is(named.family, m->family)))
            found = m;
    return found;
}
