/* check.c - llm-gateway check: is the configuration right, and what does it come to? */
#include <stdio.h>

#include "boot/banner.h"
#include "boot/dump.h"
#include "boot/start.h"
#include "boot/words.h"
#include "cli/cli.h"
#include "cli/policy.h"

static const struct cli_option options[] = {
    CLI_OPTION_CONFIG,
    { "listen", 'l', "ADDR:PORT", "GW_LISTEN", "check for this address, as serve --listen would take it" },
    { "insecure", 0, NULL, NULL, "check for serve --insecure: others may connect although no key is declared" },
    { "strict", 0, NULL, NULL, "a warning fails too, with exit code 78" },
    { "dump", 'T', NULL, NULL, "print the effective configuration, secrets masked" },
    { "words", 0, NULL, NULL, "print every word of gateway.lua: type, unit, default, help" },
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

static void say_all_right(const struct config *config)
{
    struct buf out;
    cli_say("%s is all right (providers: %zu, models: %zu, teams: %zu, keys: %zu)",
            config->file != NULL ? config->file : "the built-in configuration", config->provider_count,
            config->model_count, config->team_count, config->key_count);
    buf_init(&out, 64 << 10);
    banner_write_providers(config, &out);
    fprintf(stderr, "%.*s", TEXT_ARG(buf_view(&out)));
    buf_free(&out);
}

/* The tests of the policies. 0, or CLI_CONFIG after what failed was reported. */
static int test_policies(const struct config *config)
{
    struct rehearsal_sum sum = { 0 };
    struct buf out;
    buf_init(&out, 16 << 20);
    policy_test_configured(config, false, &out, &sum);
    fprintf(stderr, "%.*s", TEXT_ARG(buf_view(&out)));
    if (sum.passed + sum.failed > 0)
        cli_say("tests of policies: %u passed, %u failed", sum.passed, sum.failed);
    buf_free(&out);
    return sum.failed > 0 ? CLI_CONFIG : CLI_OK;
}

static int run(struct cli *cli)
{
    struct buf out;
    struct fail fail;

    if (cli_option(cli, "words") != NULL)
        return print_words(cli);
    if (cli_option(cli, "json") != NULL)
        return cli_usage(cli->verb, "--json goes with --words");
    if (cli->arg_count > 0 && cli_option(cli, "config") != NULL && cli_option_from(cli, "config") == NULL)
        return cli_usage(cli->verb, "it takes one file: -c FILE, or FILE alone");
    if (cli->arg_count > 0)
        cli_set(cli, "config", cli->args[0]);
    struct config *config = cli_load(cli, CLI_LOAD_NOTES | (cli_option(cli, "strict") != NULL ? CLI_LOAD_STRICT : 0));
    if (config == NULL)
        return CLI_CONFIG;

    int code = CLI_OK;
    if (start_check_address(config, cli_option(cli, "insecure") != NULL, &fail) < 0) {
        cli_say("%s", fail.text);
        code = CLI_CONFIG;
    } else if (cli_option(cli, "dump") != NULL) {
        buf_init(&out, 64 << 20);
        dump_config(config, &out);
        code = cli_print(&out);
    } else if ((code = test_policies(config)) == CLI_OK) {
        say_all_right(config);
    }
    config_unref(config);
    return code;
}

const struct cli_verb verb_check = {
    .name = "check",
    .summary = "say what is wrong with the configuration",
    .arguments = "[FILE]",
    .options = options,
    .notes =
        "Loads the plugins too, and refuses what serve would refuse. What is wrong is reported as FILE:LINE: on\n"
        "stderr, and the exit code is 78. What is allowed and most likely a slip is a warning.\n"
        "The tests beside the policies run too, as policy test runs them: one that fails is reported, and fails.\n",
    .most_args = 1,
    .run = run,
};
