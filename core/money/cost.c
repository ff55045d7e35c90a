/* cost.c - chooses the prices of a request and multiplies. */
#include "money/cost.h"

#include <string.h>

#include "base/fail.h"

enum { DAY_S = 86400 };
__extension__ typedef unsigned __int128 wide;

static bool holds(const struct book_entry *entry, int64_t unix_s)
{
    int64_t of_day = unix_s % DAY_S;

    if (unix_s < entry->from_s)
        return false;
    if (entry->begin_s < 0)
        return true;
    if (entry->end_s < entry->begin_s)
        return of_day >= entry->begin_s || of_day < entry->end_s;
    return of_day >= entry->begin_s && of_day < entry->end_s;
}

/* `first_counts`: prices that are there stay. */
static void take_prices(const struct book_entry *entry, struct price_list *list, bool first_counts)
{
    for (size_t i = 0; i < entry->price_count; i++)
        if (!first_counts || list->of[entry->prices[i].unit] == NULL)
            list->of[entry->prices[i].unit] = &entry->prices[i];
}

static bool is_asked(const struct book_entry *variant, const struct price_context *context, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text_eq(context[i].name, variant->when))
            return text_eq(context[i].value, variant->value);
    return false;
}

void price_list_at(const struct book_model *model, int64_t unix_s, const struct price_context *context, size_t count,
                   struct price_list *list)
{
    const struct book_entry *standard = &model->entries[0];
    struct price_list special = { .of = { NULL } };

    *list = (struct price_list){ .of = { NULL } };
    for (size_t i = 0; i < model->entry_count; i++)
        if (holds(&model->entries[i], unix_s))
            standard = &model->entries[i];
    take_prices(standard, list, false);
    for (size_t i = 0; i < model->variant_count; i++)
        if (holds(&model->variants[i], unix_s) && is_asked(&model->variants[i], context, count))
            take_prices(&model->variants[i], &special, true);
    for (enum unit unit = 0; unit < UNITS; unit++)
        if (special.of[unit] != NULL)
            list->of[unit] = special.of[unit];
}

/* The unit whose price counts for `unit`; UNITS: none. */
static enum unit priced_as(const struct price_list *list, enum unit unit)
{
    const enum unit *instead = unit_info(unit)->instead;

    if (list->of[unit] != NULL)
        return unit;
    for (size_t i = 0; instead[i] != UNITS; i++)
        if (list->of[instead[i]] != NULL)
            return instead[i];
    return UNITS;
}

static int64_t price_for(const struct book_price *price, int64_t input)
{
    int64_t nano = price->nano;

    for (size_t i = 0; i < price->tier_count && input > price->tiers[i].above; i++)
        nano = price->tiers[i].nano;
    return nano;
}

static int64_t input_of(const int64_t quantity[UNITS])
{
    int64_t sum = 0;

    for (enum unit unit = 0; unit < UNITS; unit++)
        if (unit_is_input(unit) && __builtin_add_overflow(sum, quantity[unit], &sum))
            return INT64_MAX;
    return sum;
}

/* A line's exact cost: whole nano-dollars and what is left, in 1/FINE of one. FINE is a multiple of each `per`. */
#define FINE ((wide)9000000)

struct part {
    wide whole, rest;
};

static struct part exact(const struct cost_line *line)
{
    wide per = (wide)unit_info(line->priced_as)->per;
    wide product = (wide)line->quantity * (wide)line->price_nano;

    return (struct part){ product / per, product % per * (FINE / per) };
}

/* Gives the nano-dollars that rounding the lines down left over to those with the largest rests, the first of equals.
 */
static void share_out(struct cost *cost, struct part *parts, wide left)
{
    for (; left > 0; left--) {
        size_t best = 0;
        for (size_t i = 1; i < cost->line_count; i++)
            if (parts[i].rest > parts[best].rest)
                best = i;
        parts[best].rest = 0;
        cost->lines[best].nano++;
    }
}

static void add_up(struct cost *cost)
{
    struct part parts[UNITS];
    wide whole = 0, rest = 0;

    for (size_t i = 0; i < cost->line_count; i++) {
        parts[i] = exact(&cost->lines[i]);
        whole += parts[i].whole;
        rest += parts[i].rest;
    }
    wide left = (rest + FINE / 2) / FINE;
    if (whole + left > INT64_MAX) {
        cost->nano = cost->lines[0].nano = INT64_MAX; /* lines always add up */
        return;
    }
    for (size_t i = 0; i < cost->line_count; i++)
        cost->lines[i].nano = (int64_t)parts[i].whole;
    share_out(cost, parts, left);
    cost->nano = (int64_t)(whole + left);
}

void cost_of(const struct price_list *list, const int64_t quantity[UNITS], struct cost *cost)
{
    int64_t input = input_of(quantity);

    memset(cost, 0, sizeof *cost);
    cost->known = true;
    for (enum unit unit = 0; unit < UNITS; unit++) {
        bool is_request = unit == UNIT_REQUEST;
        int64_t n = is_request ? list->of[unit] != NULL : quantity[unit];
        BUG_IF(n < 0);
        if (n == 0)
            continue;
        enum unit as = priced_as(list, unit);
        if (as == UNITS && cost->known) {
            cost->known = false;
            cost->unpriced = unit;
        }
        if (as != UNITS)
            cost->lines[cost->line_count++] = (struct cost_line){
                .unit = unit, .priced_as = as, .quantity = n, .price_nano = price_for(list->of[as], input)
            };
    }
    add_up(cost);
}

/* Adds so many, in 1/FINE of a nano-dollar; what is beyond all money stays there. */
static void add_fine(const struct price_list *list, enum unit unit, int64_t count, int64_t input, wide *sum)
{
    wide product = (wide)count * (wide)price_for(list->of[unit], input);
    if (__builtin_mul_overflow(product, FINE / (wide)unit_info(unit)->per, &product) ||
        __builtin_add_overflow(*sum, product, sum))
        *sum = ~(wide)0 - FINE;
}

/* False: they have no price. */
static bool add_tokens(const struct price_list *list, enum unit unit, int64_t tokens, int64_t input, wide *sum)
{
    enum unit as = tokens > 0 ? priced_as(list, unit) : UNITS;
    if (as != UNITS)
        add_fine(list, as, tokens, input, sum);
    return as != UNITS || tokens == 0;
}

int64_t cost_of_tokens(const struct price_list *list, int64_t input, int64_t output)
{
    wide sum = 0;
    BUG_IF(input < 0 || output < 0);
    if (list->of[UNIT_REQUEST] != NULL)
        add_fine(list, UNIT_REQUEST, 1, input, &sum);
    if (!add_tokens(list, UNIT_INPUT, input, input, &sum) || !add_tokens(list, UNIT_OUTPUT, output, input, &sum))
        return -1;
    sum = (sum + FINE / 2) / FINE;
    return sum > INT64_MAX ? INT64_MAX : (int64_t)sum;
}

void cost_quantities(const struct usage *usage, int64_t quantity[UNITS])
{
    memset(quantity, 0, sizeof *quantity * UNITS);
    quantity[UNIT_INPUT] = usage->input;
    quantity[UNIT_CACHE_READ] = usage->cache_read;
    quantity[UNIT_CACHE_WRITE] = usage->cache_write_5m;
    quantity[UNIT_CACHE_WRITE_1H] = usage->cache_write_1h;
    quantity[UNIT_AUDIO_IN] = usage->audio_in;
    quantity[UNIT_IMAGE_IN] = usage->image_in;
    quantity[UNIT_OUTPUT] = usage->output;
    quantity[UNIT_REASONING] = usage->reasoning;
    quantity[UNIT_AUDIO_OUT] = usage->audio_out;
    quantity[UNIT_IMAGE_OUT] = usage->image_out;
    quantity[UNIT_WEB_SEARCH] = usage->server_tool_calls;
}
