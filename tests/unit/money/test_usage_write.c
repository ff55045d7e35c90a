/* test_usage_write.c - a report as a table, as JSON and as CSV, byte for byte. */
#include <string.h>

#include "money/usage_inside.h"
#include "written.h"

static struct usage_row green = { .values = { TEXT("gr\xc3\xbc"
                                                   "ne"),
                                              TEXT("gpt-5") },
                                  .sums = { .requests = 12,
                                            .input = 34567890,
                                            .output = 7,
                                            .cache_read = 8,
                                            .cache_write = 9,
                                            .reasoning = 10,
                                            .cost = 1234500000,
                                            .held = 20000000,
                                            .doubt = 5 } };
/* No team; a model with what a terminal takes for commands: ESC, DEL and U+009B. Nothing that was used has a price. */
static struct usage_row strange = { .values = { TEXT(""), TEXT("\x1b[1m\x7f\xc2\x9bz\xc2\xa0") },
                                    .sums = { .requests = 3, .input = 1, .unpriced = 3, .estimated = 2 } };
static struct usage_row *both[] = { &green, &strange };
static struct usage_row plain = { .values = { TEXT("a") }, .sums = { .requests = 1, .cost = 1000000000 } };
static struct usage_row *one[] = { &plain };

static const struct usage_report report = {
    .query = { .by = { BY_TEAM, BY_MODEL }, .by_count = 2 },
    .rows = both,
    .row_count = 2,
    .total = { .requests = 15,
               .input = 34567891,
               .output = 7,
               .cache_read = 8,
               .cache_write = 9,
               .reasoning = 10,
               .cost = 1234500000,
               .held = 20000000,
               .doubt = 5,
               .unpriced = 3,
               .estimated = 2 },
};

static void check(const struct usage_report *r, enum usage_format format, const char *expected)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    cr_assert_eq(usage_report_write(r, format, &out), 0);
    written(&out, expected);
    buf_free(&out);
}

Test(usage_write, a_table_has_columns_as_wide_as_what_is_in_them)
{
    check(
        &report, USAGE_TABLE,
        "team   model     requests     input  output  cache_read  cache_write  reasoning  spent_usd  held_usd    doubt_usd\n"
        "gr\xc3\xbcne  gpt-5           12  34567890       7           8            9         10     1.2345      0.02  0.000000005\n"
        "-      ?[1m??z\xc2\xa0         3         1       0           0            0          0    unknown      0.00         0.00\n"
        "total                  15  34567891       7           8            9         10     1.2345      0.02  0.000000005\n"
        "3 attempts have no price: what they cost is not in these sums (llm-gateway prices show MODEL)\n"
        "2 attempts were counted or estimated by the gateway: their upstream did not report the usage\n");
}

Test(usage_write, a_table_of_one_row_is_its_own_total)
{
    struct usage_report r = {
        .query = { .by = { BY_KEY }, .by_count = 1 }, .rows = one, .row_count = 1, .total = plain.sums
    };
    check(&r, USAGE_TABLE,
          "key    requests  input  output  cache_read  cache_write  reasoning  spent_usd  held_usd  doubt_usd\n"
          "a             1      0       0           0            0          0       1.00      0.00       0.00\n");
    r.row_count = 0;
    r.total = (struct usage_sums){ .estimated = 1 };
    check(&r, USAGE_TABLE,
          "key    requests  input  output  cache_read  cache_write  reasoning  spent_usd  held_usd  doubt_usd\n"
          "total         0      0       0           0            0          0       0.00      0.00       0.00\n"
          "1 attempts were counted or estimated by the gateway: their upstream did not report the usage\n");
}

/* Without words there is one row, of all: it is shown as it is, and as the total. */
Test(usage_write, a_table_of_no_words_has_a_total)
{
    struct usage_row all = { .sums = { .requests = 123456789, .cost = -1500000000, .held = 1234567890000000000 } };
    struct usage_row *rows[] = { &all };
    struct usage_report r = { .rows = rows, .row_count = 1, .total = all.sums };
    r.total.unpriced = 1; /* some had no price, others cost something: it is known in part */
    check(&r, USAGE_TABLE,
          " requests  input  output  cache_read  cache_write  reasoning  spent_usd       held_usd  doubt_usd\n"
          "123456789      0       0           0            0          0      -1.50  1234567890.00       0.00\n"
          "123456789      0       0           0            0          0      -1.50  1234567890.00       0.00\n"
          "1 attempts have no price: what they cost is not in these sums (llm-gateway prices show MODEL)\n");
}

Test(usage_write, a_value_on_a_terminal_holds_no_command)
{
    static const struct {
        const char *value, *shown;
    } cases[] = {
        { "\x1f\x20\x7e\x7f\t\n", "? ~???" },
        { "\xc2\x80|\xc2\x9f|\xc2\xa0", "?|?|\xc2\xa0" },
        { "\xc2", "\xc2" },
        { "\xc3\x9b", "\xc3\x9b" },
        { "a\xc2", "a\xc2" },
        { "\xe2\x82\xac", "\xe2\x82\xac" },
        { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct usage_row row = { .values = { text_of(cases[i].value) } };
        struct usage_row *rows[] = { &row };
        struct usage_report r = { .query = { .by = { BY_TAG }, .by_count = 1 }, .rows = rows, .row_count = 1 };
        struct buf out;
        buf_init(&out, 4096);
        cr_assert_eq(usage_report_write(&r, USAGE_TABLE, &out), 0);
        const char *line = memchr(buf_view(&out).ptr, '\n', out.len);
        cr_assert_eq(strncmp(line + 1, cases[i].shown, strlen(cases[i].shown)), 0, "%zu: %s", i, line + 1);
        cr_assert_eq(strncmp(line + 1 + strlen(cases[i].shown), "  ", 2), 0, "%zu: %s", i, line + 1);
        buf_free(&out);
    }
}

Test(usage_write, json_has_all_sums_and_money_as_texts)
{
    check(&report, USAGE_JSON,
          "[{\"team\":\"gr\xc3\xbcne\",\"model\":\"gpt-5\",\"requests\":12,"
          "\"tokens\":{\"input\":34567890,\"output\":7,\"cache_read\":8,\"cache_write\":9,\"reasoning\":10},"
          "\"cost_usd\":\"1.2345\",\"held_usd\":\"0.02\",\"doubt_usd\":\"0.000000005\",\"unpriced\":0,\"estimated\":0},"
          "{\"team\":\"\",\"model\":\"\\u001b[1m\x7f\xc2\x9bz\xc2\xa0\",\"requests\":3,"
          "\"tokens\":{\"input\":1,\"output\":0,\"cache_read\":0,\"cache_write\":0,\"reasoning\":0},"
          "\"cost_usd\":null,\"held_usd\":\"0\",\"doubt_usd\":\"0\",\"unpriced\":3,\"estimated\":2}]\n");
    struct usage_report none = report;
    none.row_count = 0;
    check(&none, USAGE_JSON, "[]\n");
}

Test(usage_write, what_cost_something_is_not_unknown)
{
    struct usage_row row = { .values = { TEXT("a") }, .sums = { .unpriced = 1, .cost = 1 } };
    struct usage_row *rows[] = { &row };
    struct usage_report r = { .query = { .by = { BY_DAY }, .by_count = 1 }, .rows = rows, .row_count = 1 };
    static const char form[] = "[{\"day\":\"a\",\"requests\":0,\"tokens\":{\"input\":0,\"output\":0,\"cache_read\":0,"
                               "\"cache_write\":0,\"reasoning\":0},\"cost_usd\":%s,\"held_usd\":\"0\","
                               "\"doubt_usd\":\"0\",\"unpriced\":%d,\"estimated\":0}]\n";
    char expected[512];
    snprintf(expected, sizeof expected, form, "\"0.000000001\"", 1);
    check(&r, USAGE_JSON, expected);
    row.sums.cost = 0;
    snprintf(expected, sizeof expected, form, "null", 1);
    check(&r, USAGE_JSON, expected);
    row.sums.unpriced = 0; /* free */
    snprintf(expected, sizeof expected, form, "\"0\"", 0);
    check(&r, USAGE_JSON, expected);
}

Test(usage_write, csv_is_quoted_and_no_formula)
{
    check(&report, USAGE_CSV,
          "team,model,requests,input,output,cache_read,cache_write,reasoning,cost_usd,held_usd,doubt_usd\n"
          "\"gr\xc3\xbcne\",\"gpt-5\",12,34567890,7,8,9,10,1.2345,0.02,0.000000005\n"
          "\"\",\"\x1b[1m\x7f\xc2\x9bz\xc2\xa0\",3,1,0,0,0,0,,0.00,0.00\n");
    static const struct {
        const char *value, *shown;
    } cases[] = {
        { "=1+1", "\"'=1+1\"" }, { "+1", "\"'+1\"" },
        { "-1", "\"'-1\"" },     { "@a", "\"'@a\"" },
        { "\ta", "\"'\ta\"" },   { "\ra", "\"'\ra\"" },
        { "a=1", "\"a=1\"" },    { "\"", "\"\"\"\"" },
        { "=\"", "\"'=\"\"\"" }, { "a\"b\",c", "\"a\"\"b\"\",c\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[256];
        struct usage_row row = { .values = { text_of(cases[i].value) } };
        struct usage_row *rows[] = { &row };
        struct usage_report r = { .query = { .by = { BY_USER }, .by_count = 1 }, .rows = rows, .row_count = 1 };
        snprintf(expected, sizeof expected,
                 "user,requests,input,output,cache_read,cache_write,reasoning,cost_usd,held_usd,doubt_usd\n"
                 "%s,0,0,0,0,0,0,0.00,0.00,0.00\n",
                 cases[i].shown);
        check(&r, USAGE_CSV, expected);
    }
}

Test(usage_write, what_has_no_room_is_no_report)
{
    for (int format = USAGE_TABLE; format <= USAGE_CSV; format++) {
        struct buf out;
        buf_init(&out, 100);
        cr_assert_eq(usage_report_write(&report, (enum usage_format)format, &out), -1, "%d", format);
        buf_free(&out);
    }
}

/* The first row may be the widest, and only a row for which there is no other is its own total. */
Test(usage_write, a_table_is_as_wide_as_its_first_row)
{
    static struct usage_row wide = { .values = { TEXT("a_long_name") },
                                     .sums = { .requests = 123456789012, .cost = 1000000000 } };
    static struct usage_row *rows[] = { &wide, &plain };
    struct usage_report r = { .query = { .by = { BY_TEAM }, .by_count = 1 },
                              .rows = rows,
                              .row_count = 2,
                              .total = { .requests = 1, .cost = 2000000000 } };
    check(
        &r, USAGE_TABLE,
        "team             requests  input  output  cache_read  cache_write  reasoning  spent_usd  held_usd  doubt_usd\n"
        "a_long_name  123456789012      0       0           0            0          0       1.00      0.00       0.00\n"
        "a                       1      0       0           0            0          0       1.00      0.00       0.00\n"
        "total                   1      0       0           0            0          0       2.00      0.00       0.00\n");
}

/* Each value stands under the name of its column. */
Test(usage_write, focus_has_each_value_in_its_column)
{
    static const char *const pairs[][2] = {
        { "BilledCost", "1.2345" },
        { "BillingAccountId", "prov" },
        { "BillingAccountName", "prov" },
        { "BillingCurrency", "USD" },
        { "BillingPeriodEnd", "2027-01-01T00:00:00Z" },
        { "BillingPeriodStart", "2026-12-01T00:00:00Z" },
        { "ChargeCategory", "Usage" },
        { "ChargeClass", "" },
        { "ChargeDescription", "12 requests" },
        { "ChargeFrequency", "Usage-Based" },
        { "ChargePeriodEnd", "2027-01-01T00:00:00Z" },
        { "ChargePeriodStart", "2026-12-31T00:00:00Z" },
        { "ConsumedQuantity", "34567924.0" },
        { "ConsumedUnit", "Tokens" },
        { "ContractedCost", "1.2345" },
        { "EffectiveCost", "1.2345" },
        { "InvoiceIssuerName", "prov" },
        { "ListCost", "1.2345" },
        { "PricingCategory", "Standard" },
        { "PricingQuantity", "34567924.0" },
        { "PricingUnit", "Tokens" },
        { "ProviderName", "prov" },
        { "PublisherName", "prov" },
        { "ResourceId", "gpt" },
        { "ResourceName", "gpt" },
        { "ResourceType", "Model" },
        { "ServiceCategory", "AI and Machine Learning" },
        { "ServiceName", "prov" },
        { "SkuId", "gpt" },
        { "SubAccountId", "blue" },
        { "SubAccountName", "blue" },
        { "Tags", "{\"\"key\"\":\"\"k\"\",\"\"project\"\":\"\"p\"\"}" },
        { "x_Requests", "12" },
        { "x_InputTokens", "34567890" },
        { "x_OutputTokens", "7" },
        { "x_CacheReadTokens", "8" },
        { "x_CacheWriteTokens", "9" },
        { "x_ReasoningTokens", "10" },
        { "x_DoubtCost", "0.000000005" },
        { "x_UnpricedAttempts", "0" },
        { "x_EstimatedAttempts", "0" },
    };
    struct usage_row row = { .values = { TEXT("2026-12-31"), TEXT("blue"), TEXT("k"), TEXT("p"), TEXT("gpt"),
                                         TEXT("prov") },
                             .sums = green.sums };
    struct usage_row *rows[] = { &row };
    struct usage_report r = { .rows = rows, .row_count = 1 };
    usage_focus_query(&r.query);
    struct buf out;
    buf_init(&out, 1 << 16);
    cr_assert_eq(usage_report_write(&r, USAGE_FOCUS, &out), 0);
    struct text values = buf_view(&out), names = text_cut(&values, '\n');
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct text name = text_cut(&names, ','), value;
        if (text_starts(values, TEXT("\""))) { /* up to the quote that is not doubled */
            size_t end = 1;
            while (values.ptr[end] != '"' || values.ptr[end + 1] == '"')
                end += values.ptr[end] == '"' ? 2 : 1;
            value = (struct text){ values.ptr + 1, end - 1 };
            values = (struct text){ values.ptr + end + 2, values.len - end - 2 };
        } else {
            value = text_cut(&values, ',');
        }
        cr_assert(text_is(name, pairs[i][0]), "%zu: %.*s", i, TEXT_ARG(name));
        cr_assert(text_is(value, pairs[i][1]), "%s: %.*s", pairs[i][0], TEXT_ARG(value));
    }
    cr_assert(text_is(
        names, "AvailabilityZone,CommitmentDiscountCategory,CommitmentDiscountId,CommitmentDiscountName,"
               "CommitmentDiscountStatus,CommitmentDiscountType,ContractedUnitPrice,ListUnitPrice,RegionId,RegionName,"
               "SkuPriceId"));
    cr_assert(text_is(values, ",,,,,,,,,,\n"), "%.*s", TEXT_ARG(values));
    buf_free(&out);
}
