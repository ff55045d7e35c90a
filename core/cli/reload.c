/* reload.c - llm-gateway reload: the running gateway loads its configuration anew, and how that ended. */
#include <stdlib.h>

#include "boot/control.h"
#include "cli/cli.h"
#include "cli/ledger_path.h"
#include "cli/record.h"

static const struct cli_option options[] = {
    CLI_OPTION_CONFIG,
    CLI_OPTION_LEDGER,
    CLI_OPTIONS_END,
};

static int show(const struct json *answer)
{
    const struct json *lines = json_member(answer, "lines");
    struct text digest = json_str(json_member(answer, "digest"));
    for (size_t i = 0; i < json_count(lines); i++)
        cli_say("%.*s", TEXT_ARG(json_str(json_at(lines, i))));
    if (!json_bool(json_member(answer, "accepted"), false)) {
        cli_say("it is refused: the configuration before stays in use (%.12s)", digest.ptr);
        return CLI_CONFIG;
    }
    cli_say("the new configuration is in use (%.12s)", digest.ptr);
    return CLI_OK;
}

static int run(struct cli *cli)
{
    const struct json *answer;
    struct arena arena;
    struct fail fail;
    char *path = ledger_path(cli);
    if (path == NULL) {
        cli_say(
            "the running gateway was not asked, and its configuration stays in use. One that has no ledger loads it when it gets the signal HUP: kill -HUP PID");
        return CLI_CONFIG;
    }
    arena_init(&arena, NULL, 0, 4 << 20);
    int code = CLI_FAILED, result;
    record_change(path, "config.reload", TEXT("gateway.lua"), TEXT_NONE);
    result = control_reload(path, &arena, &answer, &fail);
    if (result == CONTROL_NOBODY)
        cli_say("no gateway runs that keeps its ledger in %s: the next one starts with the new configuration", path);
    else if (result < 0)
        cli_say("%s", fail.text);
    else
        code = show(answer);
    arena_fini(&arena);
    free(path);
    return code;
}

const struct cli_verb verb_reload = {
    .name = "reload",
    .summary = "let the running gateway use the changed configuration",
    .arguments = "",
    .notes =
        "Requests under way end with the one before. A file with a mistake is refused whole: exit code 78, and what is wrong\n"
        "as FILE:LINE:. Where -c names the file, it is its ledger's folder that finds the gateway, which loads the file that\n"
        "it was started with. The signal HUP does the same, and the log has how it ended.\n",
    .options = options,
    .run = run,
};
