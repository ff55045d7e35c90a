/* ledger_resolve.h - llm-gateway ledger resolve: the operator ends doubt. */
#ifndef CLI_LEDGER_RESOLVE_H
#define CLI_LEDGER_RESOLVE_H

#include "cli/cli.h"

/* Its options, for the verb's table. */
#define CLI_OPTIONS_RESOLVE                                                                                            \
    { "all", 0, NULL, NULL, "resolve: all that is in doubt" },                                                         \
        { "free", 0, NULL, NULL, "resolve: it cost nothing more" },                                                    \
        { "full", 0, NULL, NULL, "resolve: it cost all that is in doubt" },                                            \
        { "cost", 0, "USD", NULL, "resolve: it cost so much more" },                                                   \
        { "who", 0, "NAME", NULL, "resolve: for the record; your login name unless given" },                           \
    {                                                                                                                  \
        "why", 0, "TEXT", NULL, "resolve: for the record"                                                              \
    }

/* On the ledger in `path`: by the gateway that keeps it, or else itself. The exit code. */
int ledger_resolve_verb(const struct cli *cli, const char *path);
/* Are its options there although the verb is another one? */
bool ledger_resolve_is_asked(const struct cli *cli);

#endif
