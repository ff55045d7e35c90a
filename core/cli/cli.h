/* cli.h - the verbs of llm-gateway: what they are called, what they take, how they end. One file per verb. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "boot/load.h"

/* How the program ends. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_UNREACHABLE = 69, /* no gateway answers */
    CLI_NOT_ALLOWED = 77,
    CLI_CONFIG = 78, /* the configuration is bad */
};

#define CLI_OPTIONS_MAX 16

struct cli_option {
    const char *name;  /* "config": --config */
    char letter;       /* 'c': -c; 0: none */
    const char *value; /* "FILE": it takes one; NULL: a switch */
    const char *env;   /* variable that sets it when the command line does not; NULL: none */
    const char *help;  /* one line */
};

/* What was given on the command line, or by a variable. */
struct cli {
    const struct cli_verb *verb;
    const char *values[CLI_OPTIONS_MAX]; /* by place in verb->options; "" for a switch; NULL: not set */
    bool from_env[CLI_OPTIONS_MAX];
    char **args; /* what is not an option */
    int arg_count;
};

struct cli_verb {
    const char *name;
    const char *summary;                  /* one line */
    const char *arguments;                /* "[-m MODEL] TEXT..."; "" for none */
    const char *notes;                    /* more lines for its --help; NULL */
    const struct cli_option *options;     /* ended by a NULL name; may be NULL */
    const char *words;                    /* arguments that completion offers, blank-separated; NULL */
    void (*write_words)(struct buf *out); /* the same where they are a table's, each with a blank before it; NULL */
    int least_args, most_args;            /* most -1: any number */
    int (*run)(struct cli *cli);          /* the exit code */
};

/* All of them, ended by NULL. */
extern const struct cli_verb *const cli_verbs[];
/* The verb of that name, NULL when there is none. */
const struct cli_verb *cli_find(const char *name);
/* The same; when there is none, it reports that and names the nearest on stderr. */
const struct cli_verb *cli_need(const char *name);
/* Reads the arguments after the verb. CLI_OK; CLI_USAGE after saying why; -1 when --help was asked for and given. */
int cli_parse(struct cli *cli, const struct cli_verb *verb, int argc, char **argv);
/* The option's value (see struct cli), NULL when it was not set. */
const char *cli_option(const struct cli *cli, const char *name);
/* Gives an option its value, as the command line would. `value` is kept. */
void cli_set(struct cli *cli, const char *name, const char *value);
/* The variable that given it, NULL when the command line did or nobody. */
const char *cli_option_from(const struct cli *cli, const char *name);
/* Reports on stderr what is wrong with the command line (verb NULL: before there was one). Always CLI_USAGE. */
int cli_usage(const struct cli_verb *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Writes to stdout. CLI_OK, or CLI_FAILED after saying why. The buffer is freed. */
int cli_print(struct buf *out);
/* `llm-gateway: text` on stderr. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The help of one verb, or of all (NULL), appended. */
void cli_write_help(const struct cli_verb *verb, struct buf *out);

/* The options that verbs which read the configuration share, in this order, then what is their own. */
#define CLI_OPTION_CONFIG                                                                                              \
    {                                                                                                                  \
        "config", 'c', "FILE", "GW_CONFIG", "the configuration; ./gateway.lua unless said, if it is there"             \
    }
#define CLI_OPTION_JSON                                                                                                \
    {                                                                                                                  \
        "json", 0, NULL, NULL, "as JSON"                                                                               \
    }
#define CLI_OPTIONS_END                                                                                                \
    {                                                                                                                  \
        NULL, 0, NULL, NULL, NULL                                                                                      \
    }

enum {
    CLI_LOAD_NOTES = 1,  /* warnings and notes too */
    CLI_LOAD_STRICT = 4, /* a warning is as bad as a complaint */
    CLI_LOAD_OFF = 2,    /* open providers that are off too, as far as they can be */
};
/* Where it comes from by -c, GW_CONFIG, --listen and GW_LISTEN; lent from `cli`. */
struct load_options cli_load_options(const struct cli *cli, unsigned how);
/* The snapshot that -c, GW_CONFIG, --listen and GW_LISTEN describe, given; complaints go to stderr, warnings
 * and notes when wanted. `how`: CLI_LOAD_*. NULL: exit with CLI_CONFIG. */
struct config *cli_load(const struct cli *cli, unsigned how);

extern const struct cli_verb verb_plugin_host; /* in no list */
extern const struct cli_verb verb_admin, verb_audit, verb_cache, verb_chat, verb_check, verb_completion, verb_connect,
    verb_explain, verb_help, verb_import, verb_keys, verb_kill, verb_logs, verb_models, verb_plugin, verb_policy,
    verb_ledger, verb_prices, verb_providers, verb_reload, verb_serve, verb_teams, verb_top, verb_usage, verb_version;

#endif
