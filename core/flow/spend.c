/* spend.c - what the ledger is given of a request. */
#include "flow/spend.h"

#include "base/clock.h"
#include "flow/metrics.h"
#include "flow/policy.h"
#include "money/cost.h"
#include "money/estimates.h"
#include "money/ledger.h"
#include "money/nano.h"

/* A model whose bound is too low may pass it with each request: a thread logs one of them a minute. */
enum { EXCEEDED_QUIET_MS = 60000 };

static void describe_request(const struct request *req, struct record *record)
{
    record->request = text_of(req->id);
    record->team = req->team->name;
    record->key = req->key != NULL ? req->key->name : TEXT_NONE;
    record->project = req->whose.project;
    record->tags = req->whose.tags;
    record->user = req->whose.user;
    record->session = req->whose.session;
    record->client = text_of(req->whose.client);
    record->face = text_of(req->face->name);
    record->model = req->ask.model;
    record->admitted_ms = req->admitted_ms;
}

void spend_describe(const struct attempt *a, struct record *record)
{
    const struct request *req = a->req;
    describe_request(req, record);
    record->target_of = (struct record_list){ req->target_of, req->target_of_count };
    record->provider = a->target->provider->name;
    record->upstream_model = a->target->model;
}

enum ledger_charge spend_charge(const struct attempt *a)
{
    struct ledger *ledger = a->req->worker->gateway->ledger;
    struct record whose = { .type = RECORD_NONE };
    if (ledger == NULL || !ledger_has_budgets(ledger) || !price_is_charged(a))
        return LEDGER_UNCHARGED;
    spend_describe(a, &whose);
    return ledger_charge(ledger, &whose);
}

/* Whose budget, for who reads a refusal. */
static const char *whose(struct request *req, const struct ledger_refusal *refusal)
{
    static const char *const of[ACCOUNT_KINDS] = { "this gateway", "the team",    "the key",      "the project",
                                                   "the tag",      "the model",   "the provider", "this end user",
                                                   "this session", "this session" };
    bool named = refusal->kind != ACCOUNT_ALL && refusal->kind < ACCOUNT_USER;
    const char *day = period_name(refusal->period);
    const char *per = refusal->period == PERIOD_TOTAL ? "in total" : arena_printf(&req->arena, "per %s", day);
    return named
               ? arena_printf(&req->arena, "of %s \"%.*s\" %s", of[refusal->kind], TEXT_ARG(text_of(refusal->id)), per)
               : arena_printf(&req->arena, "of %s %s", of[refusal->kind], per);
}

/* When there is money again: never, or the second in UTC. */
static const char *again(struct request *req, int64_t ends_s)
{
    char stamp[32];
    if (ends_s == INT64_MAX)
        return "It does not begin anew. Ask the operator to raise it";
    clock_rfc3339(ends_s * 1000, stamp);
    return arena_printf(&req->arena, "It begins anew at %.19sZ; the operator can raise it", stamp);
}

void spend_refuse(struct request *req, const struct ledger_refusal *refusal)
{
    char left[NANO_TEXT];
    const char *of = whose(req, refusal);
    nano_write(refusal->left, 2, left);
    req->refusal = (struct request_refusal){ of, refusal->hard, refusal->left, refusal->after };
    switch (refusal->answer) {
    case ACCOUNT_WAIT:
        error_set(
            &req->fail, E_BUDGET_IN_FLIGHT,
            "The budget %s has room for this request when those in flight are over (%s USD are left). Try again in a few seconds",
            of, left);
        return;
    case ACCOUNT_TOO_LARGE:
        error_set(
            &req->fail, E_BUDGET_REQUEST,
            "The budget %s has %s USD left, and this request may cost more. Send less, or a lower limit of output tokens",
            of, left);
        return;
    case ACCOUNT_SPENT:
    case ACCOUNT_FITS:
        break;
    }
    error_set(&req->fail, E_BUDGET, "The budget %s is spent. %s", of, again(req, refusal->ends_s));
    req->spent = (struct budget_spent){ true, refusal->period, refusal->ends_s };
    int64_t wait_s = refusal->ends_s - clock_unix_ms() / 1000;
    if (req->face->dialect->waits_long && refusal->ends_s != INT64_MAX && wait_s > 0)
        req->fail.retry_after_s = wait_s < INT32_MAX ? (int)wait_s : INT32_MAX;
}

enum next spend_cannot(struct request *req, const char *why)
{
    log_line(LOG_ERROR, "request %s is refused: %s", req->id, why);
    error_set(&req->fail, E_LEDGER,
              "The gateway cannot write down what this request costs. Try again later, and tell the operator");
    return FAIL;
}

int spend_prepare(struct attempt *a, struct spend_hold *hold)
{
    struct request *req = a->req;

    if (req->worker->gateway->ledger == NULL || !price_is_charged(a))
        return 0;
    *hold = (struct spend_hold){ .record = { .attempt = req->attempts_made } };
    spend_describe(a, &hold->record);
    bool priced = worst_price(a);
    hold->record.hard = a->hard;
    hold->record.soft = a->soft;
    hold->record.output_limit = a->worst != NULL ? (uint64_t)a->worst->bound.limit : 0;
    if (!priced && req->operation != GW_OP_COUNT_TOKENS && a->worst != NULL)
        return error_set(
            &req->fail, E_NOT_PRICED,
            "The model \"%.*s\" of the provider \"%s\" has no price, so it cannot be charged to a budget. The operator can give it one: price = { ... } (llm-gateway prices show)",
            TEXT_ARG(a->target->model), a->target->provider->name.ptr);
    bool strict = a->worst != NULL && a->worst->strict;
    if (strict)
        a->send.replay = false; /* what is sent twice may be charged twice: that takes another hold */
    if (strict && a->worst->no_most != NULL && a->hard > 0)
        return error_set(
            &req->fail, E_UNBOUNDED,
            "A budget of this request is strict, and nothing bounds the cost of %s. Leave it out, or ask the operator for a budget that is not strict",
            a->worst->no_most);
    return 1;
}

bool spend_hold(struct attempt *a, struct spend_hold *hold, bool overtakes, struct ledger_refusal *refusal)
{
    struct fail why;
    a->hold = ledger_hold(a->req->worker->gateway->ledger, &hold->record, overtakes, refusal, &why);
    a->booked = a->hold != NULL ? BOOKED_HOLD : BOOKED_NONE;
    if (a->hold == NULL && refusal->answer == ACCOUNT_FITS)
        spend_cannot(a->req, why.text);
    return a->hold != NULL;
}

static uint32_t source_of(enum usage_source source)
{
    switch (source) {
    case USAGE_REPORTED:
        return SOURCE_REPORTED;
    case USAGE_COUNTED:
        return SOURCE_COUNTED;
    case USAGE_ESTIMATED:
        return SOURCE_ESTIMATED;
    case USAGE_NONE:
    case USAGE_SOURCES:
        break;
    }
    return SOURCE_NONE;
}

/* Where the price is not known the quantities are written all the same: they can be priced later. */
static void put_lines(struct attempt *a, struct record *record)
{
    const struct cost *cost = a->price.cost;
    int64_t quantity[UNITS];
    bool is_priced = a->price.known && cost != NULL && cost->line_count > 0;
    struct record_line *lines =
        arena_array(&a->req->arena, struct record_line, is_priced ? cost->line_count : (size_t)UNITS);
    size_t n = 0;

    record->lines.items = lines;
    if (is_priced) {
        for (; n < cost->line_count; n++) {
            const struct cost_line *line = &cost->lines[n];
            lines[n] = (struct record_line){ .unit = unit_info(line->unit)->name,
                                             .quantity = line->quantity,
                                             .price = line->price_nano,
                                             .cost = line->nano };
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

/* What of a hold is left above what was counted. */
static int64_t rest(int64_t held, int64_t cost)
{
    return held > cost ? held - cost : 0;
}

/* Is the rest of what was held in doubt? An attempt that was cut may have been answered all the same. One whose client left costs what
 * was counted, and in a strict budget nothing but what was reported is all. */
static bool is_doubtful(const struct attempt *a)
{
    const struct request *req = a->req;
    bool left = req->gone && !atomic_load(&req->worker->gateway->draining);
    if (a->worst != NULL && a->worst->strict && a->usage.source != USAGE_REPORTED)
        return true;
    return a->ending == ATTEMPT_DOUBT && !left;
}

/* Surely free, known, or open. */
static void judge(const struct attempt *a, struct record *end)
{
    if (a->ending == ATTEMPT_FREE) {
        end->ending = ENDING_VOID;
        return;
    }
    end->cost = a->price.nano;
    if (is_doubtful(a)) {
        end->ending = ENDING_DOUBT;
        end->unpriced = a->price.entry.ptr == NULL;
        end->doubt = rest(a->hard, end->cost);
        end->soft_doubt = a->ending == ATTEMPT_DOUBT && !a->req->gone ? rest(a->soft, end->cost) : 0;
    } else {
        end->ending = ENDING_SETTLED;
        end->unpriced = !a->price.known;
    }
}

/* For the last record of the request. */
static struct text take_policies(struct request *req)
{
    req->policies_kept = true;
    return policy_record(req);
}

/* The last attempt that was sent did not know that it was the last: another one was not sent, or a policy refused to try one. The request
 * counts all the same. */
static void end_request(const struct attempt *a)
{
    struct record row = { .final = 1 };
    bool is_good = a->booked == BOOKED_END && a->req->failed_row == NULL; /* it was to be dropped, and went out */
    row.outcome = is_good                   ? TEXT("ok")
                  : a->booked == BOOKED_END ? text_of(a->req->fail.code)
                                            : text_of(attempt_outcome_name(a));
    spend_describe(a, &row);
    row.policies = take_policies(a->req);
    ledger_row(a->req->worker->gateway->ledger, &row);
}

/* What it used teaches what the next one may be expected to cost, and where a bound was too low. */
static void learn(const struct attempt *a)
{
    const struct cost *cost = a->price.cost;
    const struct request *req = a->req;
    const struct gateway *gateway = req->worker->gateway;
    const struct worst *worst = a->worst;
    int64_t in = 0, tokens = usage_total_in(&a->usage);
    if (worst == NULL || gateway->estimates == NULL || a->usage.source != USAGE_REPORTED || cost == NULL ||
        !cost->known)
        return;
    for (size_t i = 0; i < cost->line_count; i++)
        in += unit_is_input(cost->lines[i].unit) ? cost->lines[i].nano : 0;
    struct estimate seen = { .output = usage_total_out(&a->usage) / worst->bound.choices };
    seen.input_per_kb = worst->bytes > 0 && in < INT64_MAX / 1000 ? in * 1000 / (int64_t)worst->bytes : in;
    estimates_add(gateway->estimates, a->target->model, req->key != NULL ? req->key->name : TEXT_NONE, &seen);
    if (worst->prefix != 0)
        estimates_put_prefix(gateway->estimates, worst->prefix, tokens);
    if (tokens > worst->bound.input && worst->no_most == NULL)
        estimates_exceeded(gateway->estimates, a->target->model, tokens - worst->bound.input);
    if (a->price.nano <= a->hard)
        return;
    metrics_count_exceeded(gateway->metrics, req->worker->index,
                           a->target->configured ? a->target->model : TEXT("other"));
    int64_t now_ms = clock_unix_ms();
    if (now_ms - req->worker->exceeded_ms < EXCEEDED_QUIET_MS && now_ms >= req->worker->exceeded_ms)
        return;
    req->worker->exceeded_ms = now_ms;
    log_line(
        LOG_WARN,
        "request %s cost more than was held for it: the bound of the model \"%.*s\" was too low (%lld input tokens, %lld output tokens). The next minute's are only counted (gw_hold_exceeded_total)",
        req->id, TEXT_ARG(a->target->model), (long long)tokens, (long long)usage_total_out(&a->usage));
}

void spend_end(struct attempt *a, bool final)
{
    struct request *req = a->req;
    struct ledger *ledger = req->worker->gateway->ledger;
    struct record end = { .final = final, .source = source_of(a->usage.source) };

    if (ledger == NULL || a->booked == BOOKED_LAST)
        return;
    bool charged = price_is_charged(a);
    if (a->booked == BOOKED_END || (charged && a->hold == NULL)) {
        const struct attempt *before = a;
        while (before != NULL && before->booked == BOOKED_NONE)
            before = before->previous;
        if (!final || before == NULL)
            return;
        end_request(a);
        a->booked = BOOKED_LAST;
        return;
    }
    judge(a, &end);
    learn(a);
    if (end.ending != ENDING_VOID || !charged)
        put_lines(a, &end);
    end.price = a->price.entry;
    end.outcome = text_of(attempt_outcome_name(a));
    if (final)
        end.policies = take_policies(req);
    end.raw = a->usage.raw;
    end.duration_ms = ((a->ended_ns != 0 ? a->ended_ns : clock_ns()) - a->started_ns) / CLOCK_MS;
    if (attempt_is_hit(a)) {
        end.cached = 1;
        end.saved = a->cached->saved;
    }
    if (!charged) {
        end.ending = ENDING_NONE;
        spend_describe(a, &end);
        ledger_row(ledger, &end);
    } else {
        ledger_end(ledger, a->hold, &end);
        a->hold = NULL;
    }
    a->booked = final ? BOOKED_LAST : BOOKED_END;
}

void spend_policies(struct request *req)
{
    struct ledger *ledger = req->worker->gateway->ledger;
    if (ledger == NULL || req->policies_kept || !policy_has_decided(req))
        return;
    bool good = req->failed_row == NULL;
    struct record row = { .final = good, .outcome = good ? TEXT("ok") : text_of(req->fail.code) };
    describe_request(req, &row);
    row.policies = take_policies(req);
    ledger_row(ledger, &row);
}
