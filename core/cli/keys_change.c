/* keys_change.c - a change of the file of keys: checked first, then written, then in use. */
#include "cli/keys_change.h"

#include "boot/control.h"
#include "cli/record.h"

int keys_change_begin(struct keys_change *change, struct cli *cli)
{
    struct fail fail;
    *change = (struct keys_change){ .cli = cli };
    if (!ledger_place_begin(cli, &change->place))
        return CLI_CONFIG;
    change->book = keybook_open(change->place.path, &fail);
    if (change->book == NULL) {
        cli_say("%s", fail.text);
        ledger_place_end(&change->place);
        return CLI_FAILED;
    }
    ledger_place_end(&change->place); /* as it is under the lock: another command may have changed it */
    if (ledger_place_begin(cli, &change->place))
        return CLI_OK;
    keybook_close(change->book);
    return CLI_CONFIG;
}

void keys_change_end(struct keys_change *change)
{
    keybook_close(change->book);
    ledger_place_end(&change->place);
}

/* Would a gateway start with it? */
static bool check(const struct keys_change *change)
{
    struct load_options options = cli_load_options(change->cli, 0);
    struct load_report report;
    struct buf lines;
    options.keys = keybook_text(change->book);
    load_report_init(&report, &options);
    struct config *config = load_config(&options, &report);
    buf_init(&lines, 1 << 20);
    complain_write(&report.complaints, &lines);
    if (config != NULL)
        complain_write(&report.warnings, &lines);
    struct text rest = buf_view(&lines);
    while (rest.len > 0) {
        struct text line = text_cut(&rest, '\n');
        cli_say("%.*s", TEXT_ARG(line));
    }
    if (config == NULL)
        cli_say("nothing was changed");
    else
        config_unref(config);
    load_report_fini(&report);
    buf_free(&lines);
    return config != NULL;
}

static void say_lines(const struct json *answer)
{
    const struct json *lines = json_member(answer, "lines");
    for (size_t i = 0; i < json_count(lines); i++)
        cli_say("%.*s", TEXT_ARG(json_str(json_at(lines, i))));
}

/* The gateway refused it: the file as it was. */
static int take_back(struct keys_change *change)
{
    struct fail fail;
    keybook_undo(change->book);
    if (keybook_save(change->book, &fail) < 0) {
        cli_say("%s: the change is still written, and the next start has it", fail.text);
    } else {
        change->saved = false;
        cli_say("the running gateway refuses its configuration: nothing was changed");
    }
    return CLI_CONFIG;
}

/* Where what changed in gateway.lua needs a new process, a key is not left in use for that. */
static int switch_off(struct keys_change *change, struct text name)
{
    const struct json *answer;
    struct arena arena;
    struct fail fail;
    struct json_writer w;
    struct buf ask;
    arena_init(&arena, NULL, 0, 4 << 20);
    buf_init(&ask, 64 << 10);
    json_writer_init(&w, &ask);
    json_object(&w);
    json_name(&w, "verb");
    json_put_str(&w, TEXT("kill.set"));
    json_name(&w, "kind");
    json_put_str(&w, TEXT("key"));
    json_name(&w, "name");
    json_put_str(&w, name);
    json_name(&w, "off");
    json_put_bool(&w, true);
    json_close(&w);
    int result = json_end(&w) == 0 ? control_ask(change->place.path, buf_view(&ask), &arena, &answer, &fail) : -1;
    if (result == 0)
        cli_say(
            "the running gateway refuses its configuration, so the key is switched off there as by `llm-gateway kill`");
    else
        cli_say("the running gateway refuses its configuration: the key is revoked from its next start on");
    buf_free(&ask);
    arena_fini(&arena);
    return result == 0 ? CLI_OK : CLI_FAILED;
}

/* `off`: absent, or the key that is revoked, which must not fail for another's mistake. */
static int apply(struct keys_change *change, const char *action, struct text target, struct text off)
{
    const struct json *answer;
    struct arena arena;
    struct fail fail;
    if (off.ptr == NULL && !check(change))
        return CLI_CONFIG;
    if (!record_change(change->place.path, action, target, change->settings) &&
        off.ptr == NULL) /* a key is switched off all the same */
        return CLI_FAILED;
    if (keybook_save(change->book, &fail) < 0) {
        cli_say("%s", fail.text);
        return CLI_FAILED;
    }
    change->saved = true;
    arena_init(&arena, NULL, 0, 4 << 20);
    int code = CLI_OK;
    int result = control_reload(change->place.path, &arena, &answer, &fail);
    if (result == CONTROL_NOBODY) {
        cli_say("no gateway runs with this ledger: the next one has it");
    } else if (result < 0) {
        cli_say("%s", fail.text);
        cli_say("the change is written: llm-gateway reload shows whether the running gateway has it");
        code = CLI_FAILED;
    } else if (!json_bool(json_member(answer, "accepted"), false)) {
        say_lines(answer);
        code = off.ptr == NULL ? take_back(change) : switch_off(change, off);
    }
    arena_fini(&arena);
    return code;
}

int keys_change_apply(struct keys_change *change, const char *action, struct text target)
{
    return apply(change, action, target, TEXT_NONE);
}

int keys_change_revoke(struct keys_change *change, struct text name)
{
    return apply(change, "keys.revoke", name, name);
}

static bool take_count(const struct cli *cli, const char *option, int64_t *out)
{
    const char *value = cli_option(cli, option);
    if (value == NULL || text_parse_u63(text_of(value), out) == 0)
        return true;
    cli_usage(cli->verb, "--%s takes a whole number", option);
    return false;
}

int keys_change_settings(const struct cli *cli, struct text *models, struct key_line *line)
{
    struct text rest = text_of(cli_option(cli, "models"));
    *line = (struct key_line)KEY_LINE_NONE;
    line->usd = text_of(cli_option(cli, "budget"));
    line->per = text_of(cli_option(cli, "per"));
    line->priority = text_of(cli_option(cli, "priority"));
    if (line->usd.ptr == NULL && line->per.ptr != NULL)
        return cli_usage(cli->verb, "--per is the period of --budget USD");
    if (!take_count(cli, "rpm", &line->rpm) || !take_count(cli, "tpm", &line->tpm) ||
        !take_count(cli, "in-flight", &line->in_flight))
        return CLI_USAGE;
    line->models = models;
    line->has_models = rest.ptr != NULL;
    while (rest.len > 0) {
        if (line->model_count == KEY_LINE_MODELS_MOST)
            return cli_usage(cli->verb, "--models takes at most %d names", KEY_LINE_MODELS_MOST);
        models[line->model_count++] = text_trim(text_cut(&rest, ','));
    }
    if (line->has_models && line->model_count == 0)
        return cli_usage(cli->verb, "--models takes at least one name");
    return CLI_OK;
}
