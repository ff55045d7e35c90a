/* rules.h - what every model behind Anthropic's API takes: the tables of rules.c and how they are asked. */
#ifndef ANTHROPIC_RULES_H
#define ANTHROPIC_RULES_H

#include <gateway/host.h>
#include <stdbool.h>

/* A row of the table in rules.c. */
enum rule_id {
    RULE_TOOL_NAME,
    RULE_PROPERTY_NAME,
    RULE_CALL_ID,
    RULE_USER_ID,
    RULE_MARKERS,
    RULE_ROOT_REFUSED,
    RULE_STRICT_CARRIED,
    RULE_STRICT_SILENT,
    RULE_STRICT_FORMATS,
    RULE_STRICT_ENUM,
    RULE_EXTRAS,
    RULES
};
struct rule {
    unsigned most;       /* characters, or how many; 0: no limit */
    const char *letters; /* of a name, beside letters and digits */
    const char *words;   /* blank-separated */
    const char *source;  /* the page or thread, and when it was read */
};
struct media {
    const char *type, *begins, *later; /* base64; `later` from the 13th digit on, or NULL */
};
/* Never NULL. Any thread, as the others. */
const struct rule *anthropic_rule(enum rule_id id);
bool anthropic_rule_has(enum rule_id id, gw_str word); /* among its words */
bool anthropic_rule_letter(enum rule_id id, char c);
bool anthropic_rule_fits(enum rule_id id, gw_str name);
/* Anthropic's name for the type of an image or PDF with that base64, which is named `type`; NULL: it takes none such.
 */
const char *anthropic_media_type(gw_str type, gw_str data);
/* The name in anthropic-beta that a tool of that type needs; NULL: none. */
const char *anthropic_beta_of(gw_str tool_type);

#endif
