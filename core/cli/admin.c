/* admin.c - llm-gateway admin: credentials of the admin API, made and revoked on the machine itself. */
#include "admin/credentials.h"
#include "base/crypto.h"
#include "base/json.h"
#include "cli/ledger_path.h"
#include "cli/record.h"

static const struct cli_option options[] = {
    CLI_OPTION_CONFIG,
    CLI_OPTION_LEDGER,
    { "role", 'r', "ROLE", NULL, "create: viewer, key_maker, operator or owner" },
    { "name", 'n', "NAME", NULL, "create: how the audit log calls it; the role unless given" },
    { "team", 't', "TEAM", NULL, "create: the one team that a key_maker has, and that a viewer sees" },
    { "budget", 'b', "USD", NULL, "create: most that a key of this key_maker's making may spend in a month" },
    { "models", 'm', "NAMES", NULL, "create: what its keys may ask for, \"small,claude-*\"" },
    { "expires", 0, "DATE", NULL, "create: \"2026-12-31\"; no key of its making outlives it" },
    CLI_OPTION_JSON,
    CLI_OPTIONS_END,
};

enum { LIST_MOST = 8 << 20, MODELS_MOST = 64 << 10 };

/* "a,b" as a JSON array; NULL where the option is not there. */
static const struct json *read_models(const struct cli *cli, struct arena *arena)
{
    struct text rest = text_of(cli_option(cli, "models"));
    struct json_writer w;
    struct buf out;
    struct fail fail;
    if (rest.ptr == NULL)
        return NULL;
    buf_init(&out, MODELS_MOST);
    json_writer_init(&w, &out);
    json_array(&w);
    while (rest.len > 0)
        json_put_str(&w, text_trim(text_cut(&rest, ',')));
    json_close(&w);
    const struct json *models = json_end(&w) == 0 ? json_parse(arena, arena_text(arena, buf_view(&out)), &fail) : NULL;
    buf_free(&out);
    return models;
}

static int create(const struct cli *cli, const char *folder, struct arena *arena)
{
    const char *role = cli_option(cli, "role"), *name = cli_option(cli, "name");
    char secret[CREDENTIALS_SECRET];
    struct fail fail;
    if (role == NULL)
        return cli_usage(cli->verb, "admin tokens create takes --role viewer, key_maker, operator or owner");
    struct credential n = { .name = text_of(name != NULL ? name : role),
                            .role = text_of(role),
                            .team = text_of(cli_option(cli, "team")),
                            .budget = text_of(cli_option(cli, "budget")),
                            .expires = text_of(cli_option(cli, "expires")),
                            .models = read_models(cli, arena) };
    if (text_is(n.name, "owner")) /* the one that admin.key has */
        n.name = TEXT("owner-2");
    if (credentials_check(folder, &n, &fail) < 0) {
        cli_say("%s", fail.text);
        return CLI_FAILED;
    }
    const char *settings = arena_printf(arena, "role %s, team %.*s, budget %.*s, expires %.*s, models %s", role,
                                        TEXT_ARG(n.team), TEXT_ARG(n.budget), TEXT_ARG(n.expires),
                                        cli_option(cli, "models") != NULL ? cli_option(cli, "models") : "");
    if (!record_change(folder, "credentials.create", n.name, text_of(settings)))
        return CLI_FAILED;
    if (credentials_create(folder, &n, secret, &fail) < 0) {
        cli_say("%s", fail.text);
        return CLI_FAILED;
    }
    bool good = printf("%s\n", secret) > 0 && fflush(stdout) == 0;
    crypto_wipe(secret, sizeof secret);
    if (!good)
        cli_say("the credential could not be printed: revoke \"%.*s\" and make another one", TEXT_ARG(n.name));
    return good ? CLI_OK : CLI_FAILED;
}

static int list(const struct cli *cli, const char *folder)
{
    struct json_writer w;
    struct buf out;
    struct fail fail;
    struct arena arena;
    buf_init(&out, LIST_MOST);
    json_writer_init(&w, &out);
    if (credentials_write(folder, &w, &fail) < 0 || json_end(&w) < 0) {
        cli_say("%s", fail.text);
        buf_free(&out);
        return CLI_FAILED;
    }
    if (cli_option(cli, "json") != NULL) {
        buf_str(&out, "\n");
        return cli_print(&out);
    }
    arena_init(&arena, NULL, 0, LIST_MOST);
    const struct json *rows = json_parse(&arena, arena_text(&arena, buf_view(&out)), &fail);
    buf_truncate(&out, 0);
    buf_printf(&out, "%-24s %-10s %-16s %s\n", "NAME", "ROLE", "TEAM", "EXPIRES");
    for (size_t i = 0; i < json_count(rows); i++) {
        const struct json *row = json_at(rows, i);
        struct text expires = json_str(json_member(row, "expires"));
        buf_printf(&out, "%-24.*s %-10.*s %-16.*s %.*s\n", TEXT_ARG(json_str(json_member(row, "name"))),
                   TEXT_ARG(json_str(json_member(row, "role"))), TEXT_ARG(json_str(json_member(row, "team"))),
                   TEXT_ARG(expires.ptr != NULL ? expires : TEXT("never")));
    }
    arena_fini(&arena);
    return cli_print(&out);
}

static int revoke(const char *folder, const char *name)
{
    struct fail fail;
    if (credentials_has(folder, text_of(name)))
        record_change(folder, "credentials.revoke", text_of(name), TEXT_NONE); /* it is revoked all the same */
    if (credentials_revoke(folder, text_of(name), &fail) < 0) {
        cli_say("%s: llm-gateway admin tokens list shows all", fail.text);
        return CLI_FAILED;
    }
    cli_say("the credential \"%s\" is revoked", name);
    return CLI_OK;
}

static int run(struct cli *cli)
{
    struct text word = text_of(cli->arg_count > 1 ? cli->args[1] : NULL);
    bool is_revoke = text_is(word, "revoke"), is_list = text_is(word, "list");
    struct arena arena;
    json_start();
    if (!text_is(text_of(cli->args[0]), "tokens") || (!is_revoke && !is_list && !text_is(word, "create")) ||
        cli->arg_count != (is_revoke ? 3 : 2))
        return cli_usage(cli->verb, "admin takes tokens create --role ROLE, tokens list, or tokens revoke NAME");
    char *folder = ledger_path(cli);
    if (folder == NULL)
        return CLI_CONFIG;
    arena_init(&arena, NULL, 0, LIST_MOST);
    int code = is_revoke ? revoke(folder, cli->args[2]) : is_list ? list(cli, folder) : create(cli, folder, &arena);
    arena_fini(&arena);
    free(folder);
    return code;
}

const struct cli_verb verb_admin = {
    .name = "admin",
    .summary = "make credentials of the admin API, list and revoke them",
    .arguments = "tokens create --role ROLE | tokens list | tokens revoke NAME",
    .options = options,
    .notes =
        "create prints the credential, alone, on stdout: it is shown this once. The running gateway takes it, and no longer takes one that\n"
        "is revoked, at once. The owner's own is the file admin.key beside the ledger, which is made at the first start with\n"
        "admin { address = ... } in gateway.lua.\n",
    .words = "tokens",
    .least_args = 2,
    .most_args = 3,
    .run = run,
};
