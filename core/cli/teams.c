/* teams.c - llm-gateway teams: makes teams beside those of gateway.lua, and lists all. */
#include "boot/key_json.h"
#include "cli/keys_change.h"
#include "config/config.h"

static const struct cli_option options[] = {
    CLI_OPTION_CONFIG, { "name", 'n', "NAME", NULL, "create: how it is called" }, KEYS_OPTIONS, CLI_OPTION_JSON,
    CLI_OPTIONS_END,
};

static int write_team(const struct cli *cli, struct buf *out)
{
    struct text models[KEY_LINE_MODELS_MOST];
    struct key_line line;
    int code = keys_change_settings(cli, models, &line);
    if (code != CLI_OK)
        return code;
    buf_str(out, "models = ");
    if (line.has_models)
        key_line_models(&line, out);
    else
        buf_str(out, "{ \"*\" }");
    key_line_settings(&line, out);
    return CLI_OK;
}

static int create(struct cli *cli)
{
    const char *name = cli_option(cli, "name");
    struct keys_change change;
    struct buf settings;
    if (name == NULL)
        return cli_usage(cli->verb, "teams create takes --name NAME");
    int code = keys_change_begin(&change, cli);
    if (code != CLI_OK)
        return code;
    buf_init(&settings, 1 << 20);
    code = write_team(cli, &settings);
    if (code == CLI_OK) {
        keybook_add_team(change.book, text_of(name), buf_view(&settings));
        change.settings = buf_view(&settings);
        code = keys_change_apply(&change, "teams.create", text_of(name));
    }
    if (code == CLI_OK)
        cli_say("the team \"%s\" is made: llm-gateway keys create --team %s --name NAME makes its keys", name, name);
    buf_free(&settings);
    keys_change_end(&change);
    return code;
}

static void put_row(const struct config *config, const struct config_team *team, struct buf *out)
{
    buf_printf(out, "%-24.*s %6zu  ", TEXT_ARG(team->name), key_json_count(config, team));
    for (size_t i = 0; i < team->model_count; i++)
        buf_printf(out, "%s%.*s", i > 0 ? "," : "", TEXT_ARG(team->models[i]));
    buf_printf(out, "%s\n", team->models == NULL ? "*" : "");
}

static int list(struct cli *cli, const char *name)
{
    struct config *config = cli_load(cli, 0);
    bool as_json = cli_option(cli, "json") != NULL;
    struct json_writer w;
    struct buf out;
    size_t shown = 0;
    if (config == NULL)
        return CLI_CONFIG;
    buf_init(&out, 64 << 20);
    json_writer_init(&w, &out);
    if (as_json)
        json_array(&w);
    else
        buf_printf(&out, "%-24s %6s  %s\n", "TEAM", "KEYS", "MODELS");
    for (size_t i = 0; i < config->team_count; i++) {
        const struct config_team *team = &config->teams[i];
        if (name != NULL && !text_eq(team->name, text_of(name)))
            continue;
        shown++;
        if (!as_json) {
            put_row(config, team, &out);
            continue;
        }
        key_json_team(config, team, &w);
    }
    if (as_json) {
        json_close(&w);
        buf_str(&out, "\n");
    }
    config_unref(config);
    if (name == NULL || shown > 0)
        return cli_print(&out);
    buf_free(&out);
    cli_say("there is no team \"%s\": llm-gateway teams list shows all", name);
    return CLI_FAILED;
}

static int run(struct cli *cli)
{
    struct text word = text_of(cli->args[0]);
    json_start();
    if (text_is(word, "create") && cli->arg_count == 1)
        return create(cli);
    if (text_is(word, "list") && cli->arg_count == 1)
        return list(cli, NULL);
    if (text_is(word, "show") && cli->arg_count == 2)
        return list(cli, cli->args[1]);
    return cli_usage(cli->verb, "teams takes create --name NAME, list, or show NAME");
}

const struct cli_verb verb_teams = {
    .name = "teams",
    .summary = "make teams, and list them",
    .arguments = "create --name NAME | list | show NAME",
    .notes =
        "A team that is made here stands in keys.lua beside the ledger; those of gateway.lua are listed, too, and changed there.\n",
    .options = options,
    .words = "create list show",
    .least_args = 1,
    .most_args = 2,
    .run = run,
};
