/* time_option.h - options that name a moment: --since 7d. */
#ifndef CLI_TIME_OPTION_H
#define CLI_TIME_OPTION_H

#include "cli/cli.h"
#include "money/zone.h"

/* So long ago, or a day (its beginning by the clocks of `zone`, NULL: UTC), or a moment. CLI_OK, also where the option is not given and
 * *unix_ms stays; or CLI_USAGE after a message. */
int time_option(const struct cli *cli, const char *option, const struct zone *zone, int64_t *unix_ms);

#endif
