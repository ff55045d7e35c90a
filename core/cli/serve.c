/* serve.c - llm-gateway serve: runs the gateway. */
#include <string.h>

#include "admin/admin.h"
#include "base/log.h"
#include "base/starter.h"
#include "boot/load.h"
#include "boot/start.h"
#include "cli/cli.h"
#include "cli/prices.h"

static const struct cli_option options[] = {
    CLI_OPTION_CONFIG,
    { "listen", 'l', "ADDR:PORT", "GW_LISTEN", "listen there, whatever the configuration says" },
    { "book", 'b', "FILE", "GW_PRICES", "the price book; the one that came with the program unless given" },
    { "accept-gap", 0, NULL, NULL, "start although records of the ledger are lost: `ledger verify` shows which" },
    { "insecure", 0, NULL, NULL, "accept anybody, although others can reach the address and no key is declared" },
    { "log-level", 0, "LEVEL", "GW_LOG_LEVEL", "error, warn, info or debug: what is said on stderr" },
    CLI_OPTIONS_END,
};

static const struct {
    const char *name;
    enum log_level level;
} levels[] = { { "error", LOG_ERROR }, { "warn", LOG_WARN }, { "info", LOG_INFO }, { "debug", LOG_DEBUG } };

static int set_level(const struct cli *cli, enum log_level *level)
{
    const char *said = cli_option(cli, "log-level");
    *level = LOG_INFO;
    for (size_t i = 0; said != NULL && i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(said, levels[i].name) == 0) {
            *level = levels[i].level;
            said = NULL;
        }
    if (said != NULL)
        return cli_usage(cli->verb, "--log-level takes error, warn, info or debug, not \"%s\"", said);
    log_set_level(*level);
    return CLI_OK;
}

static int serve(struct cli *cli, enum log_level level)
{
    struct arena arena;
    struct fail fail;
    struct config *config = cli_load(cli, level >= LOG_WARN ? CLI_LOAD_NOTES : 0);
    if (config == NULL)
        return CLI_CONFIG;
    arena_init(&arena, NULL, 0, 64 << 10);
    struct load_options load = cli_load_options(cli, 0);
    struct start_options start = { .insecure = cli_option(cli, "insecure") != NULL,
                                   .quiet = level < LOG_INFO,
                                   .load = &load,
                                   .book = prices_path(cli, &arena),
                                   .book_may_lack = cli_option(cli, "book") == NULL,
                                   .admin = &admin_extension,
                                   .accept_gap = cli_option(cli, "accept-gap") != NULL };
    int code = CLI_CONFIG;
    if (start_load_book(config, &start, &fail) < 0)
        cli_say("%s", fail.text);
    else
        code = start_serve(config, &start);
    config_unref(config);
    arena_fini(&arena);
    return code;
}

/* The starter is there before the configuration is read: so it has no secret of it, and no thread was ever beside it. */
static int run(struct cli *cli)
{
    enum log_level level;
    struct fail fail;
    if (set_level(cli, &level) != CLI_OK)
        return CLI_USAGE;
    if (starter_begin(&fail) < 0) {
        cli_say("%s", fail.text);
        return CLI_FAILED;
    }
    int code = serve(cli, level);
    starter_end();
    return code;
}

const struct cli_verb verb_serve = {
    .name = "serve",
    .summary = "run the gateway",
    .arguments = "",
    .options = options,
    .notes =
        "The access log goes to stdout, one JSON line a request. TERM or INT lets requests in flight end\n"
        "(limits.drain_s); a second one ends them. HUP loads the configuration anew, as `reload` does. USR2 starts the\n"
        "program at this path beside this process, which ends when that one serves. Without a configuration the model `demo` answers, and every\n"
        "provider whose key is in the environment.\n",
    .run = run,
};
