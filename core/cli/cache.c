/* cache.c - llm-gateway cache purge: the running gateway gives no more what it has kept. */
#include <stdlib.h>

#include "boot/control.h"
#include "cli/cli.h"
#include "cli/ledger_path.h"
#include "cli/record.h"

static const struct cli_option options[] = {
    CLI_OPTION_CONFIG,
    CLI_OPTION_LEDGER,
    { "team", 't', "TEAM", NULL, "what was kept for this team" },
    { "model", 'm', "MODEL", NULL, "what was kept of this model" },
    { "entry", 'e', "ENTRY", NULL, "one answer, by `cache_entry` of the access log" },
    CLI_OPTIONS_END,
};

static void put(struct json_writer *w, const char *name, const char *value)
{
    if (value == NULL)
        return;
    json_key_plain(w, text_of(name));
    json_put_str(w, text_of(value));
}

static int ask(const struct cli *cli, const char *path)
{
    const struct json *answer;
    struct json_writer w;
    struct buf question;
    struct arena arena;
    struct fail fail;
    int code = CLI_FAILED;
    buf_init(&question, CONTROL_LINE_MOST);
    json_writer_init(&w, &question);
    json_object(&w);
    put(&w, "verb", "cache.purge");
    put(&w, "team", cli_option(cli, "team"));
    put(&w, "model", cli_option(cli, "model"));
    put(&w, "entry", cli_option(cli, "entry"));
    json_close(&w);
    json_end(&w);
    arena_init(&arena, NULL, 0, 1 << 20);
    record_change(path, "cache.purge", TEXT("cache"), buf_view(&question));
    int result = control_ask(path, buf_view(&question), &arena, &answer, &fail);
    if (result == CONTROL_NOBODY)
        cli_say("no gateway runs that keeps its ledger in %s: the next one begins with an empty cache", path);
    else if (result < 0)
        cli_say("%s", fail.text);
    else
        cli_say("purged: what was kept until now is given no more");
    if (result == 0)
        code = CLI_OK;
    arena_fini(&arena);
    buf_free(&question);
    return code;
}

static int run(struct cli *cli)
{
    if (strcmp(cli->args[0], "purge") != 0)
        return cli_usage(cli->verb, "cache takes \"purge\"");
    if (cli_option(cli, "entry") != NULL && (cli_option(cli, "team") != NULL || cli_option(cli, "model") != NULL))
        return cli_usage(cli->verb, "an entry belongs to one team and model: leave out --team and --model");
    char *path = ledger_path(cli);
    if (path == NULL) {
        cli_say(
            "the running gateway was not asked: commands reach it in its ledger's folder. Give it a ledger, or restart "
            "it: its cache is empty then");
        return CLI_CONFIG;
    }
    int code = ask(cli, path);
    free(path);
    return code;
}

const struct cli_verb verb_cache = {
    .name = "cache",
    .summary = "let the running gateway forget answers that it has kept",
    .arguments = "purge",
    .notes =
        "Without --team, --model or --entry: all of them. Answers under way are not kept under what was purged, either.\n",
    .options = options,
    .words = "purge",
    .least_args = 1,
    .most_args = 1,
    .run = run,
};
