/* prices.h - what the files of the verb `prices` share. */
#ifndef CLI_PRICES_H
#define CLI_PRICES_H

#include "base/arena.h"
#include "cli/cli.h"

/* The path of the price book in use: --book, GW_PRICES, or the one that came with the program. Arena, or lent. */
const char *prices_path(const struct cli *cli, struct arena *arena);
/* llm-gateway prices update FILE; the exit code. */
int prices_update(struct cli *cli);

struct book;
struct config;
struct json_writer;

/* One target of what the configuration calls by a name. */
struct prices_target {
    struct text seller, model; /* as the price book has them; lent from the configuration or the name */
    bool own;                  /* gateway.lua has prices for it */
    bool direct;               /* the name was PROVIDER/MODEL */
};

/* The i-th target of `asked`, a model of the configuration or PROVIDER/MODEL; where gateway.lua has prices for it, they are
 * appended to `out`, or to `w` where that is not NULL, with the book's for what it does not name. False: there is none. */
bool prices_configured(const struct config *config, const struct book *book, struct text asked,
                       struct prices_target *target, size_t i, struct buf *out, struct json_writer *w);

#endif
