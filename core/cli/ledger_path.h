/* ledger_path.h - the ledger that a verb reads. */
#ifndef CLI_LEDGER_PATH_H
#define CLI_LEDGER_PATH_H

#include "cli/cli.h"
#include "money/usage_report.h"

#define CLI_OPTION_LEDGER                                                                                              \
    {                                                                                                                  \
        "path", 0, "FOLDER", NULL, "the ledger's folder, instead of the one that the configuration names"              \
    }

/* The ledger that a verb asks, with its store. */
struct ledger_place {
    struct config *config; /* NULL: --path named a folder, which is read without its store */
    char *path;
    struct usage_store store; /* plugin NULL: none */
};

/* False after a message: the exit code is CLI_CONFIG. Else ledger_place_end() ends it. */
bool ledger_place_begin(struct cli *cli, struct ledger_place *place);
void ledger_place_end(struct ledger_place *place);
/* NULL where there is none. */
const struct usage_store *ledger_place_store(const struct ledger_place *place);

/* The folder, given: free(). NULL after a message: the exit code is CLI_CONFIG. */
char *ledger_path(struct cli *cli);

#endif
