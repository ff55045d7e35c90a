/* tariff.h - the prices that gateway.lua gives a target or a provider. Never changed once it is filled. */
#ifndef MONEY_TARIFF_H
#define MONEY_TARIFF_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/text.h"
#include "money/book.h"
#include "money/cost.h"

/* What it names counts in place of the price book's; what it does not name stays the book's. */
struct tariff {
    bool free;                       /* price = "free": nothing is charged, whatever is used */
    bool given[UNITS];               /* which of `prices` it names */
    struct book_price prices[UNITS]; /* without tiers */
};

/* Takes `name` = `usd` as gateway.lua writes them: "input_usd_per_mtok" = "2.5", "request_usd" = "0.07". Returns NULL, or
 * what is wrong, static, to go on after the name. */
const char *tariff_set(struct tariff *tariff, struct text name, struct text usd);
/* The names it takes, NULL-terminated. Static; boot thread only, as it is filled at the first call. */
const char *const *tariff_names(void);
/* Puts its prices into `list` in place of what stands there. `list` points into `tariff` then. Any thread. */
void tariff_apply(const struct tariff *tariff, struct price_list *list);
/* As gateway.lua writes it: { input_usd_per_mtok = 2.5 }. Appended. Boot thread. */
void tariff_write(const struct tariff *tariff, struct buf *out);

#endif
