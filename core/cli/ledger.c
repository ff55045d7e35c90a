/* ledger.c - llm-gateway ledger: checks the journal of what was spent, and shows its records. */
#include <inttypes.h>

#include "cli/ledger_path.h"
#include "cli/ledger_resolve.h"
#include "money/nano.h"
#include "money/verify.h"

enum { SHOWN_MOST = 100, FLUSH = 1 << 20 };

static const struct cli_option options[] = { CLI_OPTION_CONFIG, CLI_OPTION_LEDGER, CLI_OPTION_JSON, CLI_OPTIONS_RESOLVE,
                                             CLI_OPTIONS_END };

struct problems {
    uint64_t count;
};

static void show_problem(void *owner, const char *what)
{
    struct problems *problems = owner;
    if (problems->count++ < SHOWN_MOST)
        cli_say("%s", what);
}

static void put_usd(struct buf *out, const char *name, int64_t nano)
{
    char text[NANO_TEXT];
    buf_printf(out, "%-10s %s USD\n", name, nano_write(nano, 2, text));
}

static void write_text(const struct verify_report *r, const char *path, struct buf *out)
{
    buf_printf(out, "%s: %" PRIu64 " records in %" PRIu64 " segments, %" PRIu64 " bytes\n", path, r->history.records,
               r->history.segments, r->history.bytes);
    put_usd(out, "spent", r->spent);
    put_usd(out, "held", r->held);
    put_usd(out, "in doubt", r->doubt);
    buf_printf(
        out, "attempts   %" PRIu64 ": %" PRIu64 " settled, %" PRIu64 " free, %" PRIu64 " in doubt, %" PRIu64 " open\n",
        r->holds, r->settled, r->free_of_cost, r->doubtful, r->open);
    buf_printf(out, "local      %" PRIu64 " answers that asked no upstream\n", r->rows);
    if (r->unpriced > 0)
        buf_printf(out, "unpriced   %" PRIu64 " have no price: what they cost is unknown, and in none of these sums\n",
                   r->unpriced);
    if (r->history.torn > 0)
        buf_printf(out, "torn       %" PRIu64 " segments end in the middle of a record, which nobody was promised\n",
                   r->history.torn);
    if (r->history.repeated > 0)
        buf_printf(out, "repeated   %" PRIu64 " records stand in two segments, and count once\n", r->history.repeated);
    if (r->accepted > 0)
        buf_printf(out, "accepted   %" PRIu64 " problems stand before a gap that `serve --accept-gap` accepted\n",
                   r->accepted);
    if (r->broken == 0)
        buf_str(out, "ok         every rule holds\n");
    else
        buf_printf(out, "BROKEN     %" PRIu64 " problems\n", r->broken);
}

static void write_json(const struct verify_report *r, struct buf *out)
{
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        { "records", r->history.records },
        { "segments", r->history.segments },
        { "holds", r->holds },
        { "settled", r->settled },
        { "void", r->free_of_cost },
        { "doubt", r->doubtful },
        { "open", r->open },
        { "rows", r->rows },
        { "unpriced", r->unpriced },
        { "torn", r->history.torn },
        { "repeated", r->history.repeated },
        { "problems", r->broken },
        { "accepted", r->accepted },
    };
    const struct {
        const char *name;
        int64_t nano;
    } sums[] = { { "spent_usd", r->spent }, { "held_usd", r->held }, { "doubt_usd", r->doubt } };
    struct json_writer w;
    char text[NANO_TEXT];

    json_writer_init(&w, out);
    json_object(&w);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        json_key_plain(&w, text_of(counts[i].name));
        json_put_int(&w, (int64_t)counts[i].value);
    }
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        json_key_plain(&w, text_of(sums[i].name));
        json_put_str(&w, text_of(nano_write(sums[i].nano, 0, text)));
    }
    json_close(&w);
    json_end(&w);
    buf_str(out, "\n");
}

static int verify(const struct cli *cli, const char *path)
{
    struct problems problems = { 0 };
    struct verify_report report;
    struct fail fail;
    struct buf out;

    if (verify_ledger(path, show_problem, &problems, &report, &fail) < 0) {
        cli_say("%s", fail.text);
        return CLI_FAILED;
    }
    if (problems.count > SHOWN_MOST)
        cli_say("and %" PRIu64 " more", problems.count - SHOWN_MOST);
    buf_init(&out, 1 << 20);
    if (cli_option(cli, "json") != NULL)
        write_json(&report, &out);
    else
        write_text(&report, path, &out);
    int code = cli_print(&out);
    return code == CLI_OK && report.broken > 0 ? CLI_FAILED : code;
}

struct cat {
    struct buf out;
    int code;
};

static bool cat_record(void *owner, const struct record *record, struct text bytes)
{
    struct cat *cat = owner;
    struct json_writer w;
    (void)bytes;
    json_writer_init(&w, &cat->out);
    record_write_json(record, &w);
    json_end(&w);
    buf_str(&cat->out, "\n");
    if (cat->out.len >= FLUSH)
        cat->code = cli_print(&cat->out);
    return cat->code == CLI_OK;
}

static int cat(const char *path)
{
    struct cat cat = { .code = CLI_OK };
    struct history_visitor visitor = { cat_record, NULL, &cat };
    struct history_report report;
    struct fail fail;

    buf_init(&cat.out, 2 * FLUSH + (1 << 20));
    int result = history_read(path, &visitor, &report, &fail);
    if (cat.code == CLI_OK)
        cat.code = cli_print(&cat.out);
    else
        buf_free(&cat.out);
    if (result < 0)
        cli_say("%s", fail.text);
    if (report.problems > 0)
        cli_say("the journal is damaged in %" PRIu64 " places: llm-gateway ledger verify", report.problems);
    return result < 0 || report.problems > 0 ? CLI_FAILED : cat.code;
}

static int run(struct cli *cli)
{
    bool is_verify = strcmp(cli->args[0], "verify") == 0, is_resolve = strcmp(cli->args[0], "resolve") == 0;
    if (!is_verify && !is_resolve && strcmp(cli->args[0], "cat") != 0)
        return cli_usage(cli->verb, "it takes `verify`, `cat` or `resolve`, not \"%s\"", cli->args[0]);
    if (!is_resolve && (cli->arg_count > 1 || ledger_resolve_is_asked(cli)))
        return cli_usage(cli->verb, "`%s` takes no request, and none of the options of `resolve`", cli->args[0]);
    json_start();
    char *path = ledger_path(cli);
    if (path == NULL)
        return CLI_CONFIG;
    int code = is_verify ? verify(cli, path) : is_resolve ? ledger_resolve_verb(cli, path) : cat(path);
    free(path);
    return code;
}

const struct cli_verb verb_ledger = {
    .name = "ledger",
    .summary = "check the ledger, show its records, or end doubt",
    .arguments = "verify | cat | resolve REQUEST|--all --free|--full|--cost USD",
    .options = options,
    .notes =
        "verify reads the whole journal and checks it: each attempt was held and ended once, costs are the sums of\n"
        "their lines, no record is missing. It prints what was spent, is held for requests in flight, and is in\n"
        "doubt. The exit status is 1 when a rule is broken. cat prints each record as a line of JSON, money as\n"
        "decimal strings in USD. resolve ends the doubt of a request, or of all: the gateway that runs writes that\n"
        "down, with who knew it and why; without one the command does. All work beside a running gateway.\n",
    .words = "verify cat resolve",
    .least_args = 1,
    .most_args = 2,
    .run = run,
};
