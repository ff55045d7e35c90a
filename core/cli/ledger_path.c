/* ledger_path.c - the ledger that a verb reads. */
#include "cli/ledger_path.h"

#include <stdlib.h>
#include <string.h>

bool ledger_place_begin(struct cli *cli, struct ledger_place *place)
{
    const char *path = cli_option(cli, "path");

    *place = (struct ledger_place){ .config = path == NULL ? cli_load(cli, 0) : NULL };
    if (path == NULL && place->config == NULL)
        return false;
    if (path == NULL && place->config->ledger.path == NULL) {
        cli_say(
            "%s has no ledger, which keeps what was used and the keys that commands make. Add ledger { path = \"ledger\" } to it and start the gateway again",
            place->config->file != NULL ? place->config->file : "the built-in configuration");
        config_unref(place->config);
        return false;
    }
    place->path = strdup(path != NULL ? path : place->config->ledger.path);
    BUG_IF(place->path == NULL);
    if (path == NULL)
        place->store = (struct usage_store){ place->config->store.plugin, place->config->store.instance };
    return true;
}

void ledger_place_end(struct ledger_place *place)
{
    free(place->path);
    config_unref(place->config);
}

const struct usage_store *ledger_place_store(const struct ledger_place *place)
{
    return place->store.plugin != NULL ? &place->store : NULL;
}

char *ledger_path(struct cli *cli)
{
    struct ledger_place place;
    if (!ledger_place_begin(cli, &place))
        return NULL;
    config_unref(place.config);
    return place.path;
}
