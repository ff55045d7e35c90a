/* tariff.c - reads and writes the prices of gateway.lua. A name is that of the unit, and what it is a price for: a million
 * tokens, or one of what is counted singly. */
#include "money/tariff.h"

#include <stdio.h>
#include <string.h>

#include "money/nano.h"

enum { NAME_MAX_LEN = 40 };
/* A million dollars for a million tokens, or for one request: above it is most likely a slip. */
#define USD_MOST INT64_C(1000000)

static bool is_for_a_million(enum unit unit)
{
    return unit_info(unit)->per == 1000000 && unit != UNIT_CHARACTER;
}

static const char *name_of(enum unit unit, char out[NAME_MAX_LEN])
{
    snprintf(out, NAME_MAX_LEN, is_for_a_million(unit) ? "%.*s_usd_per_mtok" : "%.*s_usd",
             TEXT_ARG(unit_info(unit)->name));
    return out;
}

static enum unit find(struct text name)
{
    char own[NAME_MAX_LEN];
    enum unit unit = 0;
    while (unit < UNITS && !text_is(name, name_of(unit, own)))
        unit++;
    return unit;
}

const char *tariff_set(struct tariff *tariff, struct text name, struct text usd)
{
    enum unit unit = find(name);
    int64_t nano;
    if (unit == UNITS)
        return "is not the name of a price";
    if (nano_parse(usd, &nano) < 0)
        return "takes US dollars, 0 or more, with at most 9 digits after the point";
    if (nano > USD_MOST * NANO_PER_USD)
        return "is over 1,000,000 US dollars";
    if (!is_for_a_million(unit) && __builtin_mul_overflow(nano, unit_info(unit)->per, &nano))
        return "is too large";
    tariff->given[unit] = true;
    tariff->prices[unit] = (struct book_price){ .unit = unit, .nano = nano };
    return NULL;
}

const char *const *tariff_names(void)
{
    static char text[UNITS][NAME_MAX_LEN];
    static const char *names[UNITS + 1];
    for (enum unit unit = 0; unit < UNITS; unit++)
        names[unit] = name_of(unit, text[unit]);
    return names;
}

void tariff_apply(const struct tariff *tariff, struct price_list *list)
{
    for (enum unit unit = 0; unit < UNITS; unit++)
        if (tariff->given[unit])
            list->of[unit] = &tariff->prices[unit];
}

void tariff_write(const struct tariff *tariff, struct buf *out)
{
    char name[NAME_MAX_LEN], usd[NANO_TEXT];
    const char *before = "{ ";
    if (tariff->free) {
        buf_str(out, "\"free\"");
        return;
    }
    for (enum unit unit = 0; unit < UNITS; unit++) {
        if (!tariff->given[unit])
            continue;
        int64_t nano =
            is_for_a_million(unit) ? tariff->prices[unit].nano : tariff->prices[unit].nano / unit_info(unit)->per;
        buf_printf(out, "%s%s = %s", before, name_of(unit, name), nano_write(nano, 0, usd));
        before = ", ";
    }
    buf_str(out, before[0] == '{' ? "{}" : " }");
}
