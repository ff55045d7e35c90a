/* keys_change.h - what the verbs `keys` and `teams` share: the file that they change, and how a change comes into use. */
#ifndef CLI_KEYS_CHANGE_H
#define CLI_KEYS_CHANGE_H

#include "boot/key_line.h"
#include "boot/keybook.h"
#include "cli/cli.h"
#include "cli/ledger_path.h"

struct keys_change {
    struct cli *cli;
    struct ledger_place place;
    struct keybook *book;
    struct text settings; /* of what is made, for the audit log; absent: none. Kept */
    bool saved;           /* the file has the change */
};

/* Reads the configuration and the file of keys, and keeps other commands from changing it. An exit code; other than CLI_OK after a message,
 * and then keys_change_end() is not due. */
int keys_change_begin(struct keys_change *change, struct cli *cli);
void keys_change_end(struct keys_change *change);
/* Checks the file with gateway.lua, records the change in the audit log, writes it, and lets the running gateway use it; an exit code, after a message where nothing was
 * changed. Where no gateway runs, the next one has it. */
int keys_change_apply(struct keys_change *change, const char *action, struct text target);
/* The same for a key that was switched off in the book: where the running gateway refuses its configuration for another reason, the key is
 * switched off as by `kill`. */
int keys_change_revoke(struct keys_change *change, struct text name);

/* The settings that both verbs take; `models` has KEY_LINE_MODELS_MOST places, and is kept. An exit code, CLI_USAGE after a message. */
int keys_change_settings(const struct cli *cli, struct text *models, struct key_line *line);
#define KEYS_OPTIONS                                                                                                   \
    { "budget", 'b', "USD", NULL, "what it may spend in a period: 25 or 0.50" },                                       \
        { "per", 0, "PERIOD", NULL, "the period: day, week, month (the default) or total" },                           \
        { "rpm", 0, "N", NULL, "requests per minute" }, { "tpm", 0, "N", NULL, "tokens per minute" },                  \
        { "in-flight", 0, "N", NULL, "requests at a time" },                                                           \
        { "models", 'm', "NAMES", NULL, "create: what it may ask for, \"small,claude-*\"; all unless given" },         \
    {                                                                                                                  \
        "priority", 0, "WORD", NULL, "critical, normal or low"                                                         \
    }

/* keys_list.c */
int keys_list(struct cli *cli, const char *name);

#endif
