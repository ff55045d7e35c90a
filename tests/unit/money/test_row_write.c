/* test_row_write.c - a row as a line and as JSON, field by field; a copy of it. */
#include <string.h>

#include "money/row_write.h"
#include "written.h"

static const gw_store_line line_in = { .unit = GW_LIT("input"),
                                       .priced_as = GW_LIT("text"),
                                       .model = GW_LIT("m-2"),
                                       .tier = GW_LIT("flex"),
                                       .quantity = 11,
                                       .price = 1250000000,
                                       .cost = 13750 };
static const gw_store_line line_out = { .unit = GW_LIT("output"), .quantity = 22, .price = 10, .cost = -220 };
static const gw_store_line *const lines[] = { &line_in, &line_out };
static const gw_store_sums sums = { .requests = 1,
                                    .input = 101,
                                    .output = 202,
                                    .cache_read = 1003,
                                    .cache_write = 10004,
                                    .reasoning = 2005,
                                    .cost = 1500000007,
                                    .doubt = 30000000,
                                    .unpriced = 1,
                                    .estimated = 1 };
/* Each text differs from each other. 2026-08-24T10:11:12.345Z is 1787566272345. */
static const gw_store_row full = { .type = GW_STORE_END,
                                   .number = 42,
                                   .corrects = 41,
                                   .written_ms = 1787566272345,
                                   .admitted_ms = 1787566271000,
                                   .duration_ms = 1234,
                                   .attempt = 2,
                                   .request = GW_LIT("req-1"),
                                   .team = GW_LIT("blue"),
                                   .key = GW_LIT("k1"),
                                   .model = GW_LIT("smart"),
                                   .provider = GW_LIT("prov"),
                                   .project = GW_LIT("proj"),
                                   .tags = GW_LIT("a,b"),
                                   .user = GW_LIT("u1"),
                                   .session = GW_LIT("s1"),
                                   .client = GW_LIT("cli/1"),
                                   .face = GW_LIT("chat"),
                                   .upstream_model = GW_LIT("up-1"),
                                   .ending = GW_LIT("settled"),
                                   .source = GW_LIT("reported"),
                                   .outcome = GW_LIT("ok"),
                                   .price = GW_LIT("openai/up-1"),
                                   .sums = &sums,
                                   .lines = lines,
                                   .line_count = 2,
                                   .hard = 2000000000,
                                   .soft = 1000000001,
                                   .output_limit = 4096,
                                   .accounts = GW_LIT("[{\"id\":\"blue\"}]"),
                                   .raw = GW_LIT("{\"prompt_tokens\":5}"),
                                   .who = GW_LIT("ops"),
                                   .why = GW_LIT("bill") };
static const gw_store_sums no_sums;
static const gw_store_row bare = { .type = GW_STORE_ROW, .number = 1, .sums = &no_sums };

#define WHOSE                                                                                                          \
    "\"request\":\"req-1\",\"team\":\"blue\",\"key\":\"k1\",\"project\":\"proj\",\"tags\":\"a,b\",\"user\":\"u1\","    \
    "\"session\":\"s1\",\"client\":\"cli/1\",\"face\":\"chat\",\"model\":\"smart\",\"provider\":\"prov\","             \
    "\"upstream_model\":\"up-1\",\"ending\":\"settled\",\"outcome\":\"ok\",\"source\":\"reported\","                   \
    "\"price\":\"openai/up-1\","
#define HEAD                                                                                                           \
    "{\"type\":\"end\",\"number\":42,\"time\":\"2026-08-24T10:11:12.345Z\",\"admitted\":\"2026-08-24T10:11:11.000Z\","
#define USED                                                                                                           \
    "\"attempt\":2,\"final\":true,\"tokens\":{\"input\":101,\"output\":202,\"cache_read\":1003,\"cache_write\":10004," \
    "\"reasoning\":2005},\"cost_usd\":\"1.500000007\",\"doubt_usd\":\"0.03\",\"duration_ms\":1234"
#define LINES                                                                                                          \
    "\"lines\":[{\"unit\":\"input\",\"priced_as\":\"text\",\"model\":\"m-2\",\"tier\":\"flex\",\"quantity\":11,"       \
    "\"price_usd\":\"1.25\",\"cost_usd\":\"0.00001375\"},{\"unit\":\"output\",\"quantity\":22,"                        \
    "\"price_usd\":\"0.00000001\",\"cost_usd\":\"-0.00000022\"}]"
#define DECIDED                                                                                                        \
    ",\"hard_usd\":\"2\",\"soft_usd\":\"1.000000001\",\"output_limit\":4096,\"accounts\":[{\"id\":\"blue\"}]," LINES   \
    ",\"raw\":{\"prompt_tokens\":5}}"
#define NOTHING                                                                                                        \
    "{\"type\":\"row\",\"number\":1,\"time\":\"1970-01-01T00:00:00.000Z\",\"admitted\":\"1970-01-01T00:00:00.000Z\","  \
    "\"final\":false,\"tokens\":{\"input\":0,\"output\":0,\"cache_read\":0,\"cache_write\":0,\"reasoning\":0},"        \
    "\"cost_usd\":\"0\",\"doubt_usd\":\"0\",\"duration_ms\":0"

static void as_json(const gw_store_row *row, bool whole, const char *expected)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, 1 << 16);
    json_writer_init(&w, &out);
    json_object(&w);
    row_write_json(row, whole, &w);
    json_close(&w);
    cr_assert_eq(json_end(&w), 0);
    written(&out, expected);
    buf_free(&out);
}

static void as_line(const gw_store_row *row, const char *expected)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    row_write_line(row, &out);
    written(&out, expected);
    buf_free(&out);
}

Test(row_write, json_names_each_field)
{
    as_json(&full, false, HEAD WHOSE USED "}");
    as_json(&full, true, HEAD WHOSE "\"who\":\"ops\",\"why\":\"bill\"," USED DECIDED);
}

Test(row_write, json_leaves_out_what_is_absent)
{
    as_json(&bare, false, NOTHING "}");
    as_json(&bare, true, NOTHING ",\"hard_usd\":\"0\",\"soft_usd\":\"0\",\"lines\":[]}");
    gw_store_row one = bare; /* a limit of one token is one */
    one.output_limit = one.attempt = 1;
    as_json(
        &one, true,
        "{\"type\":\"row\",\"number\":1,\"time\":\"1970-01-01T00:00:00.000Z\",\"admitted\":\"1970-01-01T00:00:00.000Z\","
        "\"attempt\":1,\"final\":false,\"tokens\":{\"input\":0,\"output\":0,\"cache_read\":0,\"cache_write\":0,"
        "\"reasoning\":0},\"cost_usd\":\"0\",\"doubt_usd\":\"0\",\"duration_ms\":0,\"hard_usd\":\"0\","
        "\"soft_usd\":\"0\",\"output_limit\":1,\"lines\":[]}");
}

Test(row_write, json_has_null_for_a_cost_that_is_unknown)
{
    gw_store_sums s = { .unpriced = 1 };
    gw_store_row row = { .type = GW_STORE_LATE, .sums = &s };
    static const char form[] =
        "{\"type\":\"%s\",\"number\":0,\"time\":\"1970-01-01T00:00:00.000Z\",\"admitted\":\"1970-01-01T00:00:00.000Z\","
        "\"final\":false,\"tokens\":{\"input\":0,\"output\":0,\"cache_read\":0,\"cache_write\":0,\"reasoning\":0},"
        "\"cost_usd\":%s,\"doubt_usd\":\"0\",\"duration_ms\":0}";
    char expected[512];
    snprintf(expected, sizeof expected, form, "late", "null");
    as_json(&row, false, expected);
    s.cost = -1; /* known in part */
    row.type = 0;
    snprintf(expected, sizeof expected, form, "open", "\"-0.000000001\"");
    as_json(&row, false, expected);
}

/* What the plugin gives as JSON stays that, or is a text. */
Test(row_write, json_that_is_none_is_a_text)
{
    gw_store_row row = bare;
    row.raw = GW_LIT("{\"a\":");
    row.accounts = GW_LIT("[1,2]");
    as_json(&row, true,
            NOTHING ",\"hard_usd\":\"0\",\"soft_usd\":\"0\",\"accounts\":[1,2],\"lines\":[],\"raw\":\"{\\\"a\\\":\"}");
}

Test(row_write, a_line_names_whose_what_and_how_much)
{
    as_line(&full, "2026-08-24T10:11:12.345Z req-1 blue k1 smart prov/up-1 settled ok in=11108 out=2207 "
                   "usd=1.500000007 doubt=0.03 1234ms\n");
    as_line(&bare, "1970-01-01T00:00:00.000Z - - - - -/- row - in=0 out=0 usd=0.00 0ms\n");
    gw_store_sums s = { .unpriced = 1, .doubt = -1000000000 };
    gw_store_row row = { .type = GW_STORE_LATE, .sums = &s, .ending = GW_LIT("settled") };
    as_line(&row, "1970-01-01T00:00:00.000Z - - - - -/- late - in=0 out=0 usd=unknown doubt=-1.00 0ms\n");
    row.type = 0;
    s.cost = 5;
    s.doubt = 0;
    as_line(&row, "1970-01-01T00:00:00.000Z - - - - -/- open - in=0 out=0 usd=0.000000005 0ms\n");
    row.type = GW_STORE_END;
    row.key = GW_LIT("k\x1b[2J");
    as_line(&row, "1970-01-01T00:00:00.000Z - - k?[2J - -/- settled - in=0 out=0 usd=0.000000005 0ms\n");
}

Test(row_write, text_of_others_holds_no_command)
{
    static const struct {
        const char *value, *shown;
    } cases[] = {
        { "", "-" },
        { "-", "-" },
        { "\x1f \x7e\x7f\t\n", "? ~???" },
        { "\xc2\x80|\xc2\x9f|\xc2\xa0", "?|?|\xc2\xa0" },
        { "a\xc2", "a\xc2" },
        { "\xc3\x9b", "\xc3\x9b" },
    };
    struct buf out;
    buf_init(&out, 4096);
    row_write_clean((gw_str){ NULL, 0 }, &out);
    written(&out, "-");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        row_write_clean((gw_str){ cases[i].value, strlen(cases[i].value) }, &out);
        written(&out, cases[i].shown);
    }
    row_write_clean((gw_str){ "\xc2\x80", 1 }, &out); /* the text ends before the second byte */
    written(&out, "\xc2");
    buf_free(&out);
}

static void cost(int64_t nano, int64_t unpriced, const char *expected)
{
    gw_store_sums s = { .cost = nano, .unpriced = unpriced };
    gw_store_row row = { .sums = &s };
    struct buf out;
    buf_init(&out, 4096);
    row_write_cost(&row, &out);
    written(&out, expected);
    buf_free(&out);
}

Test(row_write, a_cost_has_cents_and_may_be_unknown)
{
    cost(0, 0, "0.00");
    cost(1200000000, 0, "1.20");
    cost(1234000000, 0, "1.234");
    cost(-50000000, 0, "-0.05");
    cost(0, 1, "unknown");
    cost(1, 1, "0.000000001");
    cost(-1, 2, "-0.000000001");
}

/* Fills every text of a row with bytes that are then overwritten: the copy must not see it. */
Test(row_write, a_copy_stands_on_its_own)
{
    char text[32] = "first";
    gw_store_line line = line_in, second = line_out;
    const gw_store_line *const its[] = { &line, &second };
    gw_store_sums s = sums;
    gw_store_row row = full;
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 20);
    gw_str *const texts[] = { &row.request, &row.team,           &row.key,    &row.model,   &row.provider,
                              &row.project, &row.tags,           &row.user,   &row.session, &row.client,
                              &row.face,    &row.upstream_model, &row.ending, &row.source,  &row.outcome,
                              &row.price,   &row.accounts,       &row.raw,    &row.who,     &row.why,
                              &line.unit,   &line.priced_as,     &line.model, &line.tier,   &second.unit };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = (gw_str){ text, 5 };
    row.client = (gw_str){ NULL, 0 };
    row.sums = &s;
    row.lines = its;
    const gw_store_row *copy = row_keep(&arena, &row);
    memset(text, 'x', sizeof text);
    memset(&line, 0, sizeof line);
    memset(&second, 0, sizeof second);
    memset(&s, 0, sizeof s);
    memset(&row, 0, sizeof row);
    cr_assert(copy->number == 42 && copy->corrects == 41 && copy->duration_ms == 1234 && copy->line_count == 2);
    cr_assert_eq(memcmp(copy->sums, &sums, sizeof sums), 0);
    const gw_str kept[] = { copy->request,
                            copy->team,
                            copy->key,
                            copy->model,
                            copy->provider,
                            copy->project,
                            copy->tags,
                            copy->user,
                            copy->session,
                            copy->face,
                            copy->price,
                            copy->upstream_model,
                            copy->ending,
                            copy->source,
                            copy->outcome,
                            copy->accounts,
                            copy->raw,
                            copy->who,
                            copy->why,
                            copy->lines[0]->unit,
                            copy->lines[0]->priced_as,
                            copy->lines[0]->model,
                            copy->lines[0]->tier,
                            copy->lines[1]->unit };
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        cr_assert(kept[i].len == 5 && memcmp(kept[i].ptr, "first", 5) == 0, "%zu", i);
    cr_assert(copy->client.len == 0 && copy->client.ptr != NULL);
    cr_assert(copy->lines[1]->tier.len == 0 && copy->lines[1]->tier.ptr != NULL);
    cr_assert(copy->lines[0]->quantity == 11 && copy->lines[0]->price == 1250000000 && copy->lines[0]->cost == 13750);
    cr_assert(copy->lines[1]->quantity == 22 && copy->lines[1]->price == 10 && copy->lines[1]->cost == -220);
    arena_fini(&arena);
}
