/* check.c - llm-gateway check: is the configuration right, and what does it come to? */
#include "boot/dump.h"
#include "boot/start.h"
#include "boot/words.h"
#include "cli/cli.h"

static const struct cli_option options[] = {
    CLI_OPTION_CONFIG,
    {"dump",  'T', NULL, NULL, "print the effective configuration, secrets masked"         },
    {"words", 0,   NULL, NULL, "print every word of gateway.lua: type, unit, default, help"},
    CLI_OPTION_JSON,
    CLI_OPTIONS_END,
};

static int print_words(const struct cli *cli)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    words_write(cli_option(cli, "json") != NULL, &out);
    return cli_print(&out);
}

static int run(struct cli *cli)
{
    struct buf out;
    struct fail fail;

    if (cli_option(cli, "words") != NULL)
        return print_words(cli);
    if (cli_option(cli, "json") != NULL)
        return cli_usage(cli->verb, "--json goes with --words");
    struct config *config = cli_load(cli, CLI_LOAD_NOTES);
    if (config == NULL)
        return CLI_CONFIG;
    if (start_check_address(config, false, &fail) < 0)
        cli_say("serve will refuse this: %s", fail.text);

    int code = CLI_OK;
    if (cli_option(cli, "dump") != NULL) {
        buf_init(&out, 64 << 20);
        dump_config(config, &out);
        code = cli_print(&out);
    } else {
        cli_say("%s is all right (providers: %zu, models: %zu, teams: %zu, keys: %zu)",
                config->file != NULL ? config->file : "the built-in configuration", config->provider_count,
                config->model_count, config->team_count, config->key_count);
    }
    config_unref(config);
    return code;
}

const struct cli_verb verb_check = {
    .name = "check",
    .summary = "say what is wrong with the configuration",
    .arguments = "",
    .options = options,
    .notes = "Loads the plugins too. What is wrong is said as FILE:LINE: on stderr, and the exit code is 78.\n",
    .run = run,
};
