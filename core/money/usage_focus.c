/* usage_focus.c - a report as CSV in the shape of FOCUS 1.0, the FinOps Open Cost and Usage Specification: a row for each day, team, key,
 * project, model and provider. What the specification has no column for begins with "x_", as it asks.
 *
 * Source: focus.finops.org, FOCUS specification 1.0 (2024-06). */
#include <inttypes.h>
#include <time.h>

#include "base/json.h"
#include "money/nano.h"
#include "money/usage_inside.h"

enum { DAY, TEAM, KEY, PROJECT, MODEL, PROVIDER };

void usage_focus_query(struct usage_query *query)
{
    static const enum usage_by by[] = { BY_DAY, BY_TEAM, BY_KEY, BY_PROJECT, BY_MODEL, BY_PROVIDER };
    memcpy(query->by, by, sizeof by);
    query->by_count = sizeof by / sizeof by[0];
}

/* The order of the values in put_row(). Those that no row has end the line: no unit prices, as a row has tokens of several prices; no
 * commitments, no regions. */
static const char head[] =
    "BilledCost,BillingAccountId,BillingAccountName,BillingCurrency,BillingPeriodEnd,BillingPeriodStart,ChargeCategory,"
    "ChargeClass,ChargeDescription,ChargeFrequency,ChargePeriodEnd,ChargePeriodStart,ConsumedQuantity,ConsumedUnit,"
    "ContractedCost,EffectiveCost,InvoiceIssuerName,ListCost,PricingCategory,PricingQuantity,PricingUnit,ProviderName,"
    "PublisherName,ResourceId,ResourceName,ResourceType,ServiceCategory,ServiceName,SkuId,SubAccountId,SubAccountName,Tags,"
    "x_Requests,x_InputTokens,x_OutputTokens,x_CacheReadTokens,x_CacheWriteTokens,x_ReasoningTokens,x_DoubtCost,"
    "x_UnpricedAttempts,x_EstimatedAttempts,"
    "AvailabilityZone,CommitmentDiscountCategory,CommitmentDiscountId,CommitmentDiscountName,CommitmentDiscountStatus,"
    "CommitmentDiscountType,ContractedUnitPrice,ListUnitPrice,RegionId,RegionName,SkuPriceId\n";
static const char absent[] = ",,,,,,,,,,,\n";

/* The first moment of a day, `days` later, or of its month, `months` later. */
static void put_moment(struct text day, bool of_month, int later, struct buf *out)
{
    char text[40];
    struct tm t = { 0 };
    snprintf(text, sizeof text, "%.*s", TEXT_ARG(day));
    if (strptime(text, "%Y-%m-%d", &t) == NULL) {
        buf_str(out, ",");
        return;
    }
    if (of_month) {
        t.tm_mday = 1;
        t.tm_mon += later;
    } else {
        t.tm_mday += later;
    }
    time_t at = timegm(&t);
    gmtime_r(&at, &t);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &t);
    buf_printf(out, "%s,", text);
}

static void put(struct text value, struct buf *out)
{
    usage_write_csv(value, out);
    buf_str(out, ",");
}

static void put_money(int64_t nano, struct buf *out)
{
    char text[NANO_TEXT];
    buf_printf(out, "%s,", nano_write(nano, 0, text));
}

static void put_tags(const struct text *values, struct buf *out)
{
    struct json_writer w;
    struct buf json;
    buf_init(&json, 64 << 10);
    json_writer_init(&w, &json);
    json_object(&w);
    json_name(&w, "key");
    json_put_str(&w, values[KEY]);
    json_name(&w, "project");
    json_put_str(&w, values[PROJECT]);
    json_close(&w);
    if (json_end(&w) < 0)
        buf_truncate(&json, 0);
    put(buf_view(&json), out);
    buf_free(&json);
}

static void put_row(const struct usage_row *row, struct buf *out)
{
    const struct text *v = row->values;
    const struct usage_sums *s = &row->sums;
    int64_t tokens = s->input + s->output + s->cache_read + s->cache_write + s->reasoning;
    struct text provider = v[PROVIDER].len > 0 ? v[PROVIDER] : TEXT("llm-gateway"); /* answered without one */
    struct text model = v[MODEL].len > 0 ? v[MODEL] : TEXT("none");
    put_money(s->cost, out);
    put(provider, out);
    put(provider, out);
    buf_str(out, "USD,");
    put_moment(v[DAY], true, 1, out);
    put_moment(v[DAY], true, 0, out);
    buf_printf(out, "Usage,,\"%" PRId64 " requests\",Usage-Based,", s->requests);
    put_moment(v[DAY], false, 1, out);
    put_moment(v[DAY], false, 0, out);
    buf_printf(out, "%" PRId64 ".0,Tokens,", tokens);
    put_money(s->cost, out);
    put_money(s->cost, out);
    put(provider, out);
    put_money(s->cost, out);
    buf_printf(out, "Standard,%" PRId64 ".0,Tokens,", tokens);
    put(provider, out);
    put(provider, out);
    put(model, out);
    put(model, out);
    buf_str(out, "Model,AI and Machine Learning,");
    put(provider, out);
    put(model, out);
    put(v[TEAM], out);
    put(v[TEAM], out);
    put_tags(v, out);
    buf_printf(out, "%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",", s->requests, s->input,
               s->output, s->cache_read, s->cache_write, s->reasoning);
    put_money(s->doubt, out);
    buf_printf(out, "%" PRId64 ",%" PRId64 "%s", s->unpriced, s->estimated, absent);
}

void usage_focus_write(const struct usage_report *r, struct buf *out)
{
    buf_str(out, head);
    for (size_t i = 0; i < r->row_count; i++)
        put_row(r->rows[i], out);
}
