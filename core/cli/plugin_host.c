/* plugin_host.c - llm-gateway plugin-host: the helper process of a plugin. The gateway starts it; nobody else has a use for it, so no list of
 * verbs names it. */
#include <fcntl.h>

#include "cli/cli.h"
#include "plugin/aside_frame.h"
#include "plugin/aside_serve.h"

static int run(struct cli *cli)
{
    if (fcntl(ASIDE_CONTROL_FD, F_GETFD) < 0)
        return cli_usage(cli->verb, "the gateway alone starts this, with its sockets");
    aside_serve(cli->args[0]);
}

const struct cli_verb verb_plugin_host = {
    .name = "plugin-host",
    .summary = "runs a plugin in a process of its own, for the gateway that starts it",
    .arguments = "FILE.so",
    .least_args = 1,
    .most_args = 1,
    .run = run,
};
