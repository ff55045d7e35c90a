/* audit.c - llm-gateway audit: what was changed of keys, teams and credentials, by whom; whether a row is gone or was changed. */
#include "boot/audit.h"

#include "base/json.h"
#include "cli/ledger_path.h"

enum { AUDIT_MOST = 1 << 30, ROW_MOST = 4 << 20 };

static const struct cli_option options[] = { CLI_OPTION_CONFIG, CLI_OPTION_LEDGER, CLI_OPTION_JSON, CLI_OPTIONS_END };

static int verify(const char *folder)
{
    struct audit_verdict verdict;
    struct fail fail;
    struct buf out;
    if (audit_verify(folder, &verdict, &fail) < 0) {
        cli_say("%s", fail.text);
        return CLI_FAILED;
    }
    if (verdict.problem[0] != '\0') {
        cli_say("%s/" AUDIT_FILE ": %s", folder, verdict.problem);
        return CLI_FAILED;
    }
    buf_init(&out, 4096);
    buf_printf(&out, "%llu rows, none changed, none missing", (unsigned long long)verdict.lines);
    if (verdict.lines > 0)
        buf_printf(&out, "; the last one is %s", verdict.head);
    buf_str(&out, "\n");
    return cli_print(&out);
}

static void put_row(struct text line, struct buf *out)
{
    static const char *const names[] = { "time", "who", "role", "address", "action", "target" };
    struct arena arena;
    struct fail fail;
    arena_init(&arena, NULL, 0, ROW_MOST);
    const struct json *row = json_parse(&arena, line, &fail);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        buf_printf(out, "%s%.*s", i > 0 ? "  " : "", TEXT_ARG(json_str(json_get(row, text_of(names[i])))));
    if (json_type(json_member(row, "to")) == JSON_T_OBJECT)
        buf_printf(out, "  %.*s", TEXT_ARG(json_text(json_member(row, "to"))));
    buf_str(out, "\n");
    arena_fini(&arena);
}

static int show(const char *folder, bool as_json)
{
    struct buf all, out;
    struct fail fail;
    buf_init(&all, AUDIT_MOST);
    buf_init(&out, AUDIT_MOST);
    if (audit_read(folder, &all, &fail) < 0) {
        cli_say("%s", fail.text);
        buf_free(&all);
        return CLI_FAILED;
    }
    bool first = true;
    buf_str(&out, as_json ? "[" : "");
    for (struct text rest = buf_view(&all); rest.len > 0; first = false) {
        struct text line = text_cut(&rest, '\n');
        if (!as_json) {
            put_row(line, &out);
            continue;
        }
        buf_str(&out, first ? "" : ",\n ");
        buf_text(&out, line);
    }
    buf_str(&out, as_json ? "]\n" : "");
    buf_free(&all);
    return cli_print(&out);
}

static int run(struct cli *cli)
{
    json_start();
    if (cli->arg_count == 1 && !text_is(text_of(cli->args[0]), "verify"))
        return cli_usage(cli->verb, "audit takes verify, or nothing, not \"%s\"", cli->args[0]);
    char *folder = ledger_path(cli);
    if (folder == NULL)
        return CLI_CONFIG;
    int code = cli->arg_count == 1 ? verify(folder) : show(folder, cli_option(cli, "json") != NULL);
    free(folder);
    return code;
}

const struct cli_verb verb_audit = {
    .name = "audit",
    .summary = "show what was changed of keys, teams and credentials, by whom",
    .arguments = "[verify]",
    .options = options,
    .notes =
        "Commands and the admin API write a row before each change, in audit.jsonl beside the ledger. Each row has the digest of the row\n"
        "before it, and audit.head that of the last one. verify finds a row that was changed or is gone; exit code 1 then. Who can write\n"
        "both files can make both anew: note the digest that verify prints elsewhere, and compare it later.\n",
    .words = "verify",
    .least_args = 0,
    .most_args = 1,
    .run = run,
};
