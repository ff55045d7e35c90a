/* policy_replay.h - llm-gateway policy replay: a policy on the requests of the ledger. */
#ifndef CLI_POLICY_REPLAY_H
#define CLI_POLICY_REPLAY_H

#include "cli/cli.h"

/* Its options, for the verb's table. */
#define CLI_OPTIONS_REPLAY                                                                                             \
    { "since", 's', "TIME", NULL, "replay: requests from then on; 7d unless said" },                                   \
        { "as", 0, "NAME", NULL, "replay: in the place of that policy of the configuration, with its block" },         \
        CLI_OPTION_LEDGER, CLI_OPTION_JSON

int policy_replay(struct cli *cli, const char *file);

#endif
