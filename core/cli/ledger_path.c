/* ledger_path.c - the ledger that a verb reads. */
#include "cli/ledger_path.h"

char *ledger_path(struct cli *cli)
{
    const char *path = cli_option(cli, "path");
    char *copy = NULL;

    if (path != NULL) {
        copy = strdup(path);
        BUG_IF(copy == NULL);
        return copy;
    }
    struct config *config = cli_load(cli, 0);
    if (config == NULL)
        return NULL;
    if (config->ledger.path != NULL) {
        copy = strdup(config->ledger.path);
        BUG_IF(copy == NULL);
    } else {
        cli_say("%s has no ledger: nothing that was used is written down. Add ledger { path = \"ledger\" } to it and start the gateway again",
                config->file != NULL ? config->file : "the built-in configuration");
    }
    config_unref(config);
    return copy;
}
