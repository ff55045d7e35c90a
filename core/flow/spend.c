/* spend.c - what the ledger is given of a request. */
#include "flow/spend.h"

#include "base/clock.h"
#include "money/cost.h"
#include "money/ledger.h"

static void describe(const struct attempt *a, struct record *record)
{
    const struct request *req = a->req;
    record->request = text_of(req->id);
    record->team = req->team->name;
    record->key = req->key != NULL ? req->key->name : TEXT_NONE;
    record->face = text_of(req->face->name);
    record->model = req->ask.model;
    record->provider = a->target->provider->name;
    record->upstream_model = a->target->model;
    record->admitted_ms = req->admitted_ms;
}

int spend_hold(struct attempt *a)
{
    struct request *req = a->req;
    struct ledger *ledger = req->worker->gateway->ledger;
    struct record hold = { .attempt = req->attempts_made };
    struct fail why;

    if (ledger == NULL || a->mode == MODE_LOCAL)
        return 0;
    describe(a, &hold);
    price_hold(a, &hold.hard, &hold.soft);
    a->hold = ledger_hold(ledger, &hold, &why);
    if (a->hold != NULL)
        return 0;
    log_line(LOG_ERROR, "request %s is refused: %s", req->id, why.text);
    return error_set(&req->fail, E_LEDGER, "The gateway cannot write down what this request costs. Try again later, and tell the operator");
}

static uint32_t source_of(enum usage_source source)
{
    switch (source) {
    case USAGE_TOLD:
        return SOURCE_REPORTED;
    case USAGE_COUNTED:
        return SOURCE_COUNTED;
    case USAGE_ESTIMATED:
        return SOURCE_ESTIMATED;
    case USAGE_NONE:
        break;
    }
    return SOURCE_NONE;
}

/* Where the price is not known the quantities are written all the same: they can be priced later. */
static void put_lines(struct attempt *a, const struct cost *cost, struct record *record)
{
    int64_t quantity[UNITS];
    struct record_line *lines = arena_array(&a->req->arena, struct record_line, UNITS);
    size_t n = 0;

    record->lines.items = lines;
    if (a->price.known && cost->known && cost->line_count > 0) {
        for (; n < cost->line_count; n++) {
            const struct cost_line *line = &cost->lines[n];
            lines[n] = (struct record_line){ .unit = unit_info(line->unit)->name, .quantity = line->quantity, .price = line->price_nano, .cost = line->nano };
            if (line->priced_as != line->unit)
                lines[n].priced_as = unit_info(line->priced_as)->name;
        }
    } else {
        cost_quantities(&a->usage, quantity);
        for (enum unit unit = 0; unit < UNITS; unit++)
            if (quantity[unit] > 0)
                lines[n++] = (struct record_line){ .unit = unit_info(unit)->name, .quantity = quantity[unit] };
    }
    record->lines.count = n;
}

/* Surely free, known, or open: an attempt that was cut before it told anything may have been answered all the same. */
static void judge(const struct attempt *a, struct record *end)
{
    if (a->price.free) {
        end->ending = ENDING_VOID;
    } else if (a->usage.source != USAGE_NONE) {
        end->ending = ENDING_SETTLED;
        end->unpriced = !a->price.known;
        end->cost = a->price.nano;
    } else {
        end->ending = ENDING_DOUBT;
        end->unpriced = a->price.entry.ptr == NULL;
        price_hold_of(a, &end->doubt, &end->soft_doubt);
    }
}

void spend_end(struct attempt *a, bool final)
{
    struct request *req = a->req;
    struct ledger *ledger = req->worker->gateway->ledger;
    struct record end = { .final = final, .source = source_of(a->usage.source) };
    struct cost cost = { .known = false };

    if (ledger == NULL || (a->mode != MODE_LOCAL && a->hold == NULL))
        return;
    price_lines(a, &cost);
    judge(a, &end);
    if (end.ending == ENDING_SETTLED || a->mode == MODE_LOCAL)
        put_lines(a, &cost, &end);
    end.price = a->price.entry;
    end.outcome = text_of(a->outcome);
    end.raw = a->usage.raw;
    end.duration_ms = ((a->ended_ns != 0 ? a->ended_ns : clock_ns()) - a->started_ns) / CLOCK_MS;
    if (a->mode == MODE_LOCAL) {
        end.ending = ENDING_NONE;
        describe(a, &end);
        ledger_row(ledger, &end);
    } else {
        ledger_end(ledger, a->hold, &end);
        a->hold = NULL;
    }
}
