/* ledger_path.h - the ledger that a verb reads. */
#ifndef CLI_LEDGER_PATH_H
#define CLI_LEDGER_PATH_H

#include "cli/cli.h"

#define CLI_OPTION_LEDGER {"path", 0, "FOLDER", NULL, "the ledger's folder, instead of the one that the configuration names"}

/* The folder, given: free(). NULL after a message: the exit code is CLI_CONFIG. */
char *ledger_path(struct cli *cli);

#endif
