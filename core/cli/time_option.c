/* time_option.c - options that name a moment. */
#include "cli/time_option.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "boot/date.h"

/* "7d": so long ago. -1: it is no length of time. */
static int parse_ago(struct text said, int64_t *unix_ms)
{
    static const struct {
        char letter;
        int64_t ms;
    } units[] = { { 'd', 86400000 }, { 'h', 3600000 }, { 'm', 60000 }, { 's', 1000 } };
    int64_t count;

    for (size_t i = 0; said.len > 1 && i < sizeof units / sizeof units[0]; i++)
        if (said.ptr[said.len - 1] == units[i].letter &&
            text_parse_u63((struct text){ said.ptr, said.len - 1 }, &count) == 0 && count < 1000000) {
            *unix_ms = clock_unix_ms() - count * units[i].ms;
            return 0;
        }
    return -1;
}

int time_option(const struct cli *cli, const char *option, const struct zone *zone, int64_t *unix_ms)
{
    const char *said = cli_option(cli, option);
    char moment[40];

    if (said == NULL || parse_ago(text_of(said), unix_ms) == 0)
        return 0;
    snprintf(moment, sizeof moment, "%.25s%s", said, strlen(said) == 10 ? "T00:00:00Z" : "");
    if (strlen(said) <= 25 && date_parse(text_of(moment), unix_ms) == 0) {
        if (strlen(said) == 10)
            *unix_ms = zone_day_begins(zone, *unix_ms / 86400000) * 1000;
        return 0;
    }
    return cli_usage(cli->verb, "--%s takes 7d, 12h, 30m, 2026-12-31 or 2026-12-31T18:00:00Z, not \"%s\"", option,
                     said);
}
