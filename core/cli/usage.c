/* usage.c - llm-gateway usage: what was used and spent, by team, key, model and so on. */
#include "base/clock.h"
#include "boot/date.h"
#include "cli/ledger_path.h"
#include "money/usage_report.h"

static const struct cli_option options[] = {
    CLI_OPTION_CONFIG,
    CLI_OPTION_LEDGER,
    {"by",     'b', "WORDS", NULL, "what to sum by, commas between: " USAGE_BY_WORDS},
    {"since",  's', "TIME",  NULL, "from then on: 7d, 12h, 30m, 2026-12-31 or 2026-12-31T18:00:00Z"},
    {"until",  'u', "TIME",  NULL, "before then"},
    {"format", 'f', "FORM",  NULL, "table, json or csv"},
    CLI_OPTION_JSON,
    CLI_OPTIONS_END,
};

/* "7d": so long ago. -1: it is no length of time. */
static int parse_ago(struct text said, int64_t *unix_ms)
{
    static const struct {
        char letter;
        int64_t ms;
    } units[] = {{'d', 86400000}, {'h', 3600000}, {'m', 60000}, {'s', 1000}};
    int64_t count;

    for (size_t i = 0; said.len > 1 && i < sizeof units / sizeof units[0]; i++)
        if (said.ptr[said.len - 1] == units[i].letter &&
            text_parse_u63((struct text){said.ptr, said.len - 1}, &count) == 0 && count < 1000000) {
            *unix_ms = clock_unix_ms() - count * units[i].ms;
            return 0;
        }
    return -1;
}

/* A day is its beginning. */
static int parse_time(const struct cli *cli, const char *option, int64_t *unix_ms)
{
    const char *said = cli_option(cli, option);
    char moment[40];

    if (said == NULL || parse_ago(text_of(said), unix_ms) == 0)
        return 0;
    snprintf(moment, sizeof moment, "%.25s%s", said, strlen(said) == 10 ? "T00:00:00Z" : "");
    if (strlen(said) <= 25 && date_parse(text_of(moment), unix_ms) == 0)
        return 0;
    return cli_usage(cli->verb, "--%s takes 7d, 12h, 30m, 2026-12-31 or 2026-12-31T18:00:00Z, not \"%s\"", option, said);
}

static int parse(const struct cli *cli, struct usage_query *query, enum usage_format *format)
{
    const char *by = cli_option(cli, "by"), *form = cli_option(cli, "format");
    struct text bad;

    *query = (struct usage_query){.since_ms = INT64_MIN, .until_ms = INT64_MAX};
    if (usage_parse_by(text_of(by != NULL ? by : "team,model"), query, &bad) < 0)
        return cli_usage(cli->verb, "--by takes up to %d different words of %s: \"%.*s\" is one too many or none of them", USAGE_BY_MOST,
                         USAGE_BY_WORDS, TEXT_ARG(bad));
    *format = cli_option(cli, "json") != NULL ? USAGE_JSON : USAGE_TABLE;
    if (form != NULL && strcmp(form, "json") == 0)
        *format = USAGE_JSON;
    else if (form != NULL && strcmp(form, "csv") == 0)
        *format = USAGE_CSV;
    else if (form != NULL && strcmp(form, "table") != 0)
        return cli_usage(cli->verb, "--format takes table, json or csv, not \"%s\"", form);
    int code = parse_time(cli, "since", &query->since_ms);
    return code != CLI_OK ? code : parse_time(cli, "until", &query->until_ms);
}

static int run(struct cli *cli)
{
    struct usage_query query;
    enum usage_format format = USAGE_TABLE;
    struct fail fail;
    struct buf out;

    json_start();
    int code = parse(cli, &query, &format);
    if (code != CLI_OK)
        return code;
    char *path = ledger_path(cli);
    if (path == NULL)
        return CLI_CONFIG;
    struct usage_report *report = usage_report_read(path, &query, &fail);
    free(path);
    if (report == NULL) {
        cli_say("%s", fail.text);
        return CLI_FAILED;
    }
    buf_init(&out, 1u << 30);
    int result = usage_report_write(report, format, &out);
    uint64_t problems = usage_report_history(report)->problems;
    usage_report_free(report);
    if (problems > 0)
        cli_say("the journal is damaged in %llu places, and these sums lack what cannot be read: llm-gateway ledger verify", (unsigned long long)problems);
    if (result == 0) {
        int printed = cli_print(&out);
        return problems > 0 ? CLI_FAILED : printed;
    }
    buf_free(&out);
    cli_say("the report does not fit into memory; ask for fewer words, or for a shorter time");
    return CLI_FAILED;
}

const struct cli_verb verb_usage = {
    .name = "usage",
    .summary = "show what was used and spent",
    .arguments = "",
    .options = options,
    .notes = "Reads the ledger of the configuration, also beside a running gateway. Without --by it sums by team and\n"
             "model. spent_usd is what upstreams charge for what they reported or the gateway counted; held_usd is for\n"
             "requests in flight; doubt_usd is what an upstream may charge for attempts that were cut off. A request\n"
             "counts once, where its last attempt went.\n",
    .run = run,
};
