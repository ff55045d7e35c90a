/* rules.c - what Anthropic's API takes, whichever model answers: names, schemas, sources of images, betas. Each row
 * has the page or thread that it comes from, and when that was read. What differs between models is in models.c. */
#include "anthropic.h"

/* clang-format off */
static const struct rule rule_table[RULES] = {
    [RULE_TOOL_NAME] = {
        .most = 128, .letters = "_-",
        .source = "Anthropic: Tool use, \"name\" must match ^[a-zA-Z0-9_-]{1,128}$ (2026-11)"},
    [RULE_PROPERTY_NAME] = { /* the first level only: those inside are not looked at */
        .most = 64, .letters = "_.-",
        .source = "400 \"Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'\": ComposioHQ/composio 3500, "
                  "decocms/studio 6874 (2026-09)"},
    [RULE_CALL_ID] = {
        .letters = "_-",
        .source = "400 \"tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'\" (2026-11)"},
    [RULE_USER_ID] = {
        .most = 256,
        .source = "Anthropic: Messages, metadata.user_id (2026-11)"},
    [RULE_MARKERS] = {
        .most = 4,
        .source = "Anthropic: Prompt caching, \"up to 4 cache breakpoints\" (2026-11)"},
    [RULE_ROOT_REFUSED] = { /* of the schema of a tool */
        .words = "anyOf oneOf allOf",
        .source = "400 \"input_schema does not support oneOf, allOf, or anyOf at the top level\": anthropics/claude-code "
                  "5973, anomalyco/opencode 35516 (2026-07)"},
    [RULE_STRICT_CARRIED] = { /* schemas that are enforced: of the answer, and of strict tools */
        .words = "$ref title default enum const type required anyOf allOf items $defs definitions properties",
        .source = "Anthropic: Structured outputs, JSON Schema limitations; anthropic-sdk-python, transform_schema (2026-08)"},
    [RULE_STRICT_SILENT] = { /* written elsewhere, or, of a schema's own dialect, of no meaning to a model */
        .words = "$schema description additionalProperties",
        .source = "anthropic-sdk-python, transform_schema (2026-08)"},
    [RULE_STRICT_FORMATS] = {
        .words = "date-time time date duration email hostname uri ipv4 ipv6 uuid",
        .source = "Anthropic: Structured outputs, string formats (2026-11)"},
    [RULE_STRICT_ENUM] = { /* a list of types beside an enum is left out: the values have types of their own */
        .words = "enum const",
        .source = "400 \"Enum value 'a' does not match declared type\": BerriAI/litellm 37881, 37882 (2026-08)"},
    [RULE_EXTRAS] = { /* members of a tool that a chat has not, and clients put beside "function" */
        .words = "allowed_callers defer_loading eager_input_streaming input_examples",
        .source = "Anthropic: Messages, tools (2026-11)"},
};

/* Types of images and files: what a chat calls them, what Anthropic calls them, how their bytes begin in base64.
 * The bytes decide: 400 "The image was specified using the image/png media type, but the image appears to be a
 * image/jpeg image" (BerriAI/litellm 24900, 2026-05). */
static const struct media media_table[] = {
    {"image/jpeg",      "/9j/",         NULL},
    {"image/png",       "iVBORw0KGgo",  NULL},
    {"image/gif",       "R0lGOD",       NULL},
    {"image/webp",      "UklGR",        "RUJQ"}, /* RIFF, four bytes of length, WEBP */
    {"application/pdf", "JVBERi",       NULL},
};

/* Tools of Anthropic's own that need a name in anthropic-beta. The toolsets of 2026-08 need none.
 * anthropics/anthropic-quickstarts, computer_use_demo/tools/groups.py (2026-08). */
static const struct {
    const char *type, *beta;
} beta_table[] = {
    {"computer_20241022", "computer-use-2024-10-22"},
    {"computer_20250124", "computer-use-2025-01-24"},
    {"computer_20251124", "computer-use-2025-11-24"},
};
/* clang-format on */

const struct rule *anthropic_rule(enum rule_id id)
{
    return &rule_table[id];
}

bool anthropic_rule_has(enum rule_id id, gw_str word)
{
    const char *at = rule_table[id].words;

    while (word.len > 0 && at != NULL && *at != '\0') {
        size_t len = strcspn(at, " ");
        if (len == word.len && memcmp(at, word.ptr, len) == 0)
            return true;
        at += at[len] == ' ' ? len + 1 : len;
    }
    return false;
}

bool anthropic_rule_letter(enum rule_id id, char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(rule_table[id].letters, c) != NULL);
}

bool anthropic_rule_fits(enum rule_id id, gw_str name)
{
    bool fits = name.len > 0 && (rule_table[id].most == 0 || name.len <= rule_table[id].most);

    for (size_t i = 0; i < name.len && fits; i++)
        fits = anthropic_rule_letter(id, name.ptr[i]);
    return fits;
}

const char *anthropic_media_type(gw_str type, gw_str data)
{
    const char *named = anthropic_same(type, "image/jpg") ? media_table[0].type : NULL;

    for (size_t i = 0; i < sizeof media_table / sizeof *media_table; i++) {
        const struct media *m = &media_table[i];
        bool later = m->later == NULL || (data.len >= 16 && memcmp(data.ptr + 12, m->later, 4) == 0);
        if (anthropic_starts(data, m->begins) && later)
            return m->type;
        if (anthropic_same(type, m->type))
            named = m->type;
    }
    return named;
}

const char *anthropic_beta_of(gw_str tool_type)
{
    for (size_t i = 0; i < sizeof beta_table / sizeof *beta_table; i++)
        if (anthropic_is(tool_type, beta_table[i].type))
            return beta_table[i].beta;
    return NULL;
}
