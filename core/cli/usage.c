/* usage.c - llm-gateway usage: what was used and spent, by team, key, model and so on. */
#include "base/clock.h"
#include "cli/ledger_path.h"
#include "cli/time_option.h"
#include "money/usage_report.h"

static const struct cli_option options[] = {
    CLI_OPTION_CONFIG,
    CLI_OPTION_LEDGER,
    { "by", 'b', "WORDS", NULL, "what to sum by, commas between: " USAGE_BY_WORDS },
    { "since", 's', "TIME", NULL, "from then on: 7d, 12h, 30m, 2026-12-31 or 2026-12-31T18:00:00Z" },
    { "until", 'u', "TIME", NULL, "before then" },
    { "zone", 'z', "NAME", NULL, "whose days: Europe/Berlin, UTC; of budget { zone } where there is one" },
    { "format", 'f', "FORM", NULL, "table, json, csv, or focus: FOCUS 1.0 as CSV" },
    CLI_OPTION_JSON,
    CLI_OPTIONS_END,
};

static int parse_times(const struct cli *cli, struct usage_query *query)
{
    int code = time_option(cli, "since", query->zone, &query->since_ms);
    return code != CLI_OK ? code : time_option(cli, "until", query->zone, &query->until_ms);
}

static int parse(const struct cli *cli, struct usage_query *query, enum usage_format *format)
{
    const char *by = cli_option(cli, "by"), *form = cli_option(cli, "format");
    struct text bad;

    *query = (struct usage_query){ .since_ms = INT64_MIN, .until_ms = INT64_MAX };
    if (usage_parse_by(text_of(by != NULL ? by : "team,model"), query, &bad) < 0)
        return cli_usage(cli->verb,
                         "--by takes up to %d different words of %s: \"%.*s\" is one too many or none of them",
                         USAGE_BY_MOST, USAGE_BY_WORDS, TEXT_ARG(bad));
    *format = cli_option(cli, "json") != NULL ? USAGE_JSON : USAGE_TABLE;
    if (form != NULL && strcmp(form, "json") == 0)
        *format = USAGE_JSON;
    else if (form != NULL && strcmp(form, "csv") == 0)
        *format = USAGE_CSV;
    else if (form != NULL && strcmp(form, "focus") == 0)
        *format = USAGE_FOCUS;
    else if (form != NULL && strcmp(form, "table") != 0)
        return cli_usage(cli->verb, "--format takes table, json, csv or focus, not \"%s\"", form);
    if (*format == USAGE_FOCUS && (by != NULL || cli_option(cli, "zone") != NULL))
        return cli_usage(cli->verb, "--format focus has its own columns, and days of UTC: leave --by and --zone out");
    if (*format == USAGE_FOCUS)
        usage_focus_query(query);
    return parse_times(cli, query);
}

/* That of the budgets of all requests, where they have one. */
static const struct zone *configured_zone(const struct config *config)
{
    const struct config_budgets *all = config != NULL ? &config->budgets : NULL;
    for (size_t i = 0; all != NULL && i < all->count; i++)
        if (all->items[i].zone != NULL)
            return all->items[i].zone;
    return NULL;
}

/* Days are of the zone that is asked for, else of the configured one. */
static int take_zone(const struct cli *cli, const struct config *config, struct arena *arena, struct usage_query *query)
{
    const char *name = cli_option(cli, "zone");
    struct fail fail;
    query->zone = name == NULL ? configured_zone(config) : NULL;
    if (name != NULL && strcmp(name, "UTC") != 0 &&
        (query->zone = zone_read(zone_folder(), text_of(name), arena, &fail)) == NULL)
        return cli_usage(cli->verb, "--zone: %s", fail.text);
    return parse_times(cli, query);
}

/* What the sums lack. Is anything damaged? */
static bool say_notes(const struct usage_notes *notes)
{
    char stamp[32];
    if (notes->store_failed[0] != '\0')
        cli_say("%s. The sums come from the journal", notes->store_failed);
    if (notes->first_record > 1)
        cli_say("the journal begins with record %llu: what was before is not in these sums",
                (unsigned long long)notes->first_record);
    if (notes->rows_since_ms != INT64_MIN) {
        clock_rfc3339(notes->rows_since_ms, stamp);
        cli_say(
            "single rows from before %.19sZ were removed (store { rows_days }), and only team, key, model, provider and day can be summed without them",
            stamp);
    }
    if (notes->problems > 0)
        cli_say(
            "the journal is damaged in %llu places, and these sums lack what cannot be read: llm-gateway ledger verify",
            (unsigned long long)notes->problems);
    return notes->problems > 0;
}

static int show(const struct usage_report *report, enum usage_format format)
{
    struct buf out;
    buf_init(&out, 1u << 30);
    int result = usage_report_write(report, format, &out);
    bool damaged = say_notes(usage_report_notes(report));
    if (result == 0) {
        int printed = cli_print(&out);
        return damaged ? CLI_FAILED : printed;
    }
    buf_free(&out);
    cli_say("the report does not fit into memory; ask for fewer words, or for a shorter time");
    return CLI_FAILED;
}

static int run(struct cli *cli)
{
    struct usage_query query;
    enum usage_format format = USAGE_TABLE;
    struct ledger_place place;
    struct arena arena;
    struct fail fail;

    json_start();
    int code = parse(cli, &query, &format);
    if (code != CLI_OK)
        return code;
    if (!ledger_place_begin(cli, &place))
        return CLI_CONFIG;
    arena_init(&arena, NULL, 0, 1 << 20);
    code = format == USAGE_FOCUS ? CLI_OK : take_zone(cli, place.config, &arena, &query);
    struct usage_report *report =
        code == CLI_OK ? usage_report_read(place.path, ledger_place_store(&place), &query, &fail) : NULL;
    if (code == CLI_OK && report == NULL)
        cli_say("%s", fail.text);
    if (code == CLI_OK)
        code = report == NULL ? CLI_FAILED : show(report, format);
    if (report != NULL)
        usage_report_free(report);
    arena_fini(&arena);
    ledger_place_end(&place);
    return code;
}

const struct cli_verb verb_usage = {
    .name = "usage",
    .summary = "show what was used and spent",
    .arguments = "",
    .options = options,
    .notes =
        "Reads the store of the ledger and what the journal has beyond it, also beside a running gateway; with --path\n"
        "the journal alone. Without --by it sums by team and model. Sums by team, key, model, provider and day come\n"
        "from rollups, and --since and --until are whole minutes there. Days, also those of --since and --until, are\n"
        "UTC's, unless --zone or the budgets of all requests (budget { zone = ... }) name another zone.\n"
        "spent_usd is what upstreams charge for what they reported or the gateway counted; held_usd is for requests\n"
        "in flight; doubt_usd is what an upstream may charge for attempts that were cut off. A request counts once,\n"
        "where its last attempt went.\n",
    .run = run,
};
