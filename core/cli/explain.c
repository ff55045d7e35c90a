/* explain.c - llm-gateway explain: what the ledger knows of one request. */
#include "money/explain.h"

#include "capture/find.h"
#include "cli/ledger_path.h"

static const struct cli_option options[] = { CLI_OPTION_CONFIG, CLI_OPTION_LEDGER, CLI_OPTION_JSON, CLI_OPTIONS_END };

static int show(struct cli *cli, const char *folder, const struct explain *e)
{
    const char *captured[3];
    struct fail fail;
    struct buf out;
    if (explain_count(e) == 0) {
        cli_say(
            "the ledger has nothing of a request \"%.64s\": it was refused before an attempt was sent, by no policy (the access log has why), its rows were removed, or it is of another gateway",
            cli->args[0]);
        return CLI_FAILED;
    }
    buf_init(&out, 16 << 20);
    if (find_words(folder, text_of(cli->args[0]), captured, &fail) < 0)
        cli_say("%s", fail.text);
    if (explain_write(e, cli_option(cli, "json") != NULL, captured, &out) == 0)
        return cli_print(&out);
    buf_free(&out);
    cli_say("it does not fit into memory");
    return CLI_FAILED;
}

static int run(struct cli *cli)
{
    struct ledger_place place;
    struct fail fail;
    json_start();
    if (!ledger_place_begin(cli, &place))
        return CLI_CONFIG;
    struct explain *e = explain_read(place.path, ledger_place_store(&place), text_of(cli->args[0]), &fail);
    if (e == NULL)
        cli_say("%s", fail.text);
    int code = e == NULL ? CLI_FAILED : show(cli, place.path, e);
    if (e != NULL)
        explain_free(e);
    ledger_place_end(&place);
    return code;
}

const struct cli_verb verb_explain = {
    .name = "explain",
    .summary = "show what became of one request, and what it cost",
    .arguments = "ID",
    .options = options,
    .notes =
        "ID is what the answer's x-request-id is. Shows each attempt: its target, what was held for it and of which budgets, how\n"
        "it ended, where its usage came from, by which prices and what it cost, and what each policy decided. Where there was a choice\n"
        "it shows by which rule a target was chosen, and of the others why not: ejected or cooling and for how long, full, slow; how many\n"
        "were in flight, the weight, and what it was expected to take and to cost.\n"
        "It names what `capture` in gateway.lua has kept of the request, and shows nothing of that.\n"
        "Reads the store and the journal, also beside a running gateway; --json for programs, money as decimal strings in USD.\n",
    .least_args = 1,
    .most_args = 1,
    .run = run,
};
