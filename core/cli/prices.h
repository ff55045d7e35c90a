/* prices.h - what the files of the verb `prices` share. */
#ifndef CLI_PRICES_H
#define CLI_PRICES_H

#include "base/arena.h"
#include "cli/cli.h"

/* The path of the price book in use: --book, GW_PRICES, or the one that came with the program. Arena, or lent. */
const char *prices_path(const struct cli *cli, struct arena *arena);
/* llm-gateway prices update FILE; the exit code. */
int prices_update(struct cli *cli);

#endif
