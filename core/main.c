/* main.c - picks the verb. */
#include <signal.h>
#include <string.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"

static int unknown_verb(const char *said)
{
    const char *names[32];
    size_t count = 0;
    for (; cli_verbs[count] != NULL; count++)
        names[count] = cli_verbs[count]->name;
    names[count] = NULL;
    const char *nearest = text_nearest(text_of(said), names);
    if (nearest != NULL)
        return cli_usage(NULL, "there is no verb \"%s\" (did you mean \"%s\"?)", said, nearest);
    return cli_usage(NULL, "there is no verb \"%s\"", said);
}

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
    const struct cli_verb *verb = cli_find(said);
    if (verb == NULL)
        return unknown_verb(said);

    signal(SIGPIPE, SIG_IGN); /* a reader that left is an error of write() */
    json_start();
    crypto_start();
    int code = cli_parse(&cli, verb, argc - 1, argv + 1);
    if (code == CLI_OK)
        code = verb->run(&cli);
    crypto_thread_end();
    return code < 0 ? CLI_OK : code;
}
