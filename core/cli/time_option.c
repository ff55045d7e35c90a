/* time_option.c - options that name a moment. */
#include "cli/time_option.h"

#include "boot/date.h"

int time_option(const struct cli *cli, const char *option, const struct zone *zone, int64_t *unix_ms)
{
    const char *said = cli_option(cli, option);
    if (said == NULL || date_parse_moment(text_of(said), zone, unix_ms) == 0)
        return 0;
    return cli_usage(cli->verb, "--%s takes 7d, 12h, 30m, 2026-12-31 or 2026-12-31T18:00:00Z, not \"%s\"", option,
                     said);
}
