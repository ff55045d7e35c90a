/* main.c - picks the verb. */
#include <signal.h>
#include <string.h>

#include "base/crypto.h"
#include "base/json.h"
#include "cli/cli.h"

int main(int argc, char **argv)
{
    const char *said = argc > 1 ? argv[1] : NULL;
    struct cli cli;

    if (said == NULL)
        return cli_usage(NULL, "say what to do: llm-gateway serve");
    if (strcmp(said, "--help") == 0 || strcmp(said, "-h") == 0)
        said = "help";
    else if (strcmp(said, "--version") == 0 || strcmp(said, "-V") == 0)
        said = "version";
    const struct cli_verb *verb = cli_need(said);
    if (verb == NULL)
        return CLI_USAGE;

    signal(SIGPIPE, SIG_IGN); /* a reader that left is an error of write() */
    json_start();
    crypto_start();
    int code = cli_parse(&cli, verb, argc - 1, argv + 1);
    if (code == CLI_OK)
        code = verb->run(&cli);
    crypto_thread_end();
    return code < 0 ? CLI_OK : code;
}
