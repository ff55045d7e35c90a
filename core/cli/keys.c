/* keys.c - llm-gateway keys: makes keys, lists them, gives them another secret, takes them away. A key is shown once, when it is made. */
#include "base/clock.h"
#include "base/crypto.h"
#include "cli/keys_change.h"

static const struct cli_option options[] = {
    CLI_OPTION_CONFIG,
    { "team", 't', "TEAM", NULL, "create: whose it is; list: of this team alone" },
    { "name", 'n', "NAME", NULL, "create: how logs, reports and the other commands call it" },
    KEYS_OPTIONS,
    { "expires", 0, "DATE", NULL, "create: \"2026-12-31\" (to the end of that day, UTC) or \"2026-12-31T18:00:00Z\"" },
    { "project", 0, "NAME", NULL, "create: of its requests that name none in x-gw-project" },
    { "tags", 0, "TAGS", NULL, "create: \"env=prod,feature=search\", of its requests" },
    { "grace", 'g', "TIME", NULL, "rotate: how long the key before is taken too: 30s, 10m, 24h, 7d (at once not)" },
    CLI_OPTION_JSON,
    CLI_OPTIONS_END,
};

/* Alone on stdout, so that a script can take it; the buffer and the key are wiped. */
static int print_key(char key[KEY_LINE_SECRET])
{
    bool good = printf("%s\n", key) > 0 && fflush(stdout) == 0;
    crypto_wipe(key, KEY_LINE_SECRET);
    if (!good)
        cli_say("the key could not be printed: rotate it to get another one");
    return good ? CLI_OK : CLI_FAILED;
}

/* Also where it is not known whether the running gateway has it: the file has it, and nobody else knows the key. */
static int show_key(const struct keys_change *change, char key[KEY_LINE_SECRET], int code)
{
    int printed = change->saved ? print_key(key) : CLI_OK;
    return code != CLI_OK ? code : printed;
}

static int write_rest(const struct cli *cli, const char *team, struct buf *out)
{
    struct text models[KEY_LINE_MODELS_MOST];
    struct key_line line;
    struct fail fail;
    char now[25];
    int code = keys_change_settings(cli, models, &line);
    if (code != CLI_OK)
        return code;
    line.expires = text_of(cli_option(cli, "expires"));
    line.project = text_of(cli_option(cli, "project"));
    line.tags = text_of(cli_option(cli, "tags"));
    clock_rfc3339(clock_unix_ms(), now);
    if (key_line_rest(&line, text_of(team), text_of(now), out, &fail) < 0)
        return cli_usage(cli->verb, "--tags: %s", fail.text);
    return CLI_OK;
}

static bool is_taken(const struct keys_change *change, struct text name)
{
    const struct config *config = change->place.config;
    for (size_t i = 0; i < config->key_count; i++)
        if (text_eq(config->keys[i].name, name))
            return true;
    return false;
}

static int create(struct keys_change *change)
{
    const struct cli *cli = change->cli;
    const char *team = cli_option(cli, "team"), *name = cli_option(cli, "name");
    char key[KEY_LINE_SECRET], digest[KEY_LINE_DIGEST];
    struct buf rest;
    if (team == NULL || name == NULL || name[0] == '\0')
        return cli_usage(cli->verb, "keys create takes --team TEAM and --name NAME");
    if (is_taken(change, text_of(name)) || keybook_has(change->book, text_of(name))) {
        cli_say("there is a key \"%s\" already: take another name, or give it a new secret: llm-gateway keys rotate %s",
                name, name);
        return CLI_FAILED;
    }
    buf_init(&rest, 1 << 20);
    int code = write_rest(cli, team, &rest);
    if (code == CLI_OK) {
        key_line_make("sk-gw-", key, digest);
        struct keybook_key made = { .enabled = true, .sha256 = text_of(digest), .rest = buf_view(&rest) };
        keybook_put(change->book, text_of(name), &made);
        bool first = change->place.config->key_count == 0;
        change->settings = buf_view(&rest);
        code = keys_change_apply(change, "keys.create", text_of(name));
        if (code == CLI_OK && first)
            cli_say("it is the first key: from now on every request needs one");
    }
    buf_free(&rest);
    return show_key(change, key, code);
}

static int rotate(struct keys_change *change)
{
    struct text name = text_of(change->cli->args[1]);
    const char *grace = cli_option(change->cli, "grace");
    int64_t grace_ms = grace != NULL ? key_line_grace_ms(text_of(grace)) : 0;
    char key[KEY_LINE_SECRET], digest[KEY_LINE_DIGEST], until[25], previous[160];
    struct keybook_key line;
    struct fail fail;
    if (grace_ms < 0)
        return cli_usage(change->cli->verb, "--grace takes a time such as 30s, 10m, 24h or 7d");
    if (!keybook_find(change->book, name, &line, &fail)) {
        cli_say("%s", fail.text);
        return CLI_FAILED;
    }
    if (!line.enabled) {
        cli_say("the key \"%.*s\" is revoked: create another one", TEXT_ARG(name));
        return CLI_FAILED;
    }
    clock_rfc3339(clock_unix_ms() + grace_ms, until);
    snprintf(previous, sizeof previous, "{ sha256 = \"%.*s\", ends = \"%s\" }", TEXT_ARG(line.sha256), until);
    key_line_make("sk-gw-", key, digest);
    line.previous = grace_ms > 0 ? text_of(previous) : TEXT_NONE;
    line.sha256 = text_of(digest);
    keybook_put(change->book, name, &line);
    return show_key(change, key, keys_change_apply(change, "keys.rotate", name));
}

static int revoke(struct keys_change *change)
{
    struct text name = text_of(change->cli->args[1]);
    struct keybook_key line;
    struct fail fail;
    if (!keybook_find(change->book, name, &line, &fail)) {
        cli_say("%s", fail.text);
        return CLI_FAILED;
    }
    bool was = line.enabled;
    line.enabled = false;
    line.previous = TEXT_NONE;
    keybook_put(change->book, name, &line);
    int code =
        keys_change_revoke(change, name); /* also a second time: the first one may not have reached the gateway */
    if (code == CLI_OK)
        cli_say("the key \"%.*s\" is %s: no request with it is taken", TEXT_ARG(name),
                was ? "revoked" : "revoked already");
    return code;
}

static int run(struct cli *cli)
{
    static const struct {
        const char *word;
        int args;
        int (*run)(struct keys_change *change);
    } verbs[] = { { "create", 1, create }, { "rotate", 2, rotate }, { "revoke", 2, revoke } };
    const char *word = cli->args[0];
    json_start();
    if (text_is(text_of(word), "list") || text_is(text_of(word), "show")) {
        bool is_show = word[0] == 's';
        if (cli->arg_count != (is_show ? 2 : 1))
            return cli_usage(cli->verb, is_show ? "keys show takes a NAME" : "keys list takes no name");
        return keys_list(cli, is_show ? cli->args[1] : NULL);
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        struct keys_change change;
        if (!text_is(text_of(word), verbs[i].word))
            continue;
        if (cli->arg_count != verbs[i].args)
            return cli_usage(cli->verb, "keys %s takes %s", word,
                             verbs[i].args > 1 ? "the NAME of a key" : "its name as --name NAME");
        int code = keys_change_begin(&change, cli);
        if (code == CLI_CONFIG && verbs[i].run == revoke)
            cli_say(
                "nothing was revoked: llm-gateway kill key NAME --path LEDGER switches a key off without gateway.lua");
        if (code != CLI_OK)
            return code;
        code = verbs[i].run(&change);
        keys_change_end(&change);
        return code;
    }
    return cli_usage(cli->verb, "keys takes create, list, show, rotate or revoke, not \"%s\"", word);
}

const struct cli_verb verb_keys = {
    .name = "keys",
    .summary = "make keys for clients, list, rotate and revoke them",
    .arguments = "create --team TEAM --name NAME | list | show NAME | rotate NAME | revoke NAME",
    .notes =
        "create and rotate print the key, alone, on stdout: it is shown this once, as only its digest is kept, in keys.lua beside the\n"
        "ledger. A running gateway uses the change when the command ends; it loads gateway.lua anew with it. Keys that gateway.lua\n"
        "declares are listed, too, and changed there.\n",
    .options = options,
    .words = "create list show rotate revoke",
    .least_args = 1,
    .most_args = 2,
    .run = run,
};
