/* test_batch.c - records as rows of a store: each field where it belongs, and when a batch is full. */
#include "check.h"
#include "money/delivery_batch.h"

static bool is(gw_str str, const char *wanted)
{
    return str.len == strlen(wanted) && (str.len == 0 || memcmp(str.ptr, wanted, str.len) == 0);
}

static struct batch batch;

static const struct gw_store_row *added(const struct follow_item *item, bool open)
{
    size_t before = batch.row_count;
    if (open)
        batch_add_open(&batch, item);
    else
        batch_add(&batch, item);
    cr_assert_eq(batch.row_count, before + 1);
    return batch.rows[before];
}

Test(batch, an_end_has_the_dimensions_of_its_hold)
{
    struct record_line lines[] = {
        { .unit = TEXT("input"), .quantity = 100, .price = 3, .cost = 300 },
        { .unit = TEXT("audio_in"), .quantity = 7, .model = TEXT("m2"), .tier = TEXT("flex") },
        { .unit = TEXT("cache_read"), .priced_as = TEXT("input"), .quantity = 20 },
        { .unit = TEXT("cache_write"), .quantity = 30 },
        { .unit = TEXT("cache_write_1h"), .quantity = 4 },
        { .unit = TEXT("output"), .quantity = 50, .price = 5, .cost = 250 },
        { .unit = TEXT("reasoning"), .quantity = 6 },
        { .unit = TEXT("request"), .quantity = 1 },
    };
    struct record_account account = { .kind = TEXT("team"),
                                      .id = TEXT("blue"),
                                      .per = TEXT("day"),
                                      .limit = 1000000000,
                                      .ceiling = 2000000000,
                                      .number = 3 };
    struct follow_item item = {
        .has_hold = true,
        .hold = { .type = RECORD_HOLD,
                  .number = 11,
                  .unix_ms = 5,
                  .request = TEXT("r-1"),
                  .attempt = 2,
                  .team = TEXT("blue"),
                  .key = TEXT("k"),
                  .project = TEXT("x"),
                  .tags = TEXT("a=b"),
                  .user = TEXT("ann"),
                  .session = TEXT("s"),
                  .client = TEXT("curl"),
                  .face = TEXT("chat"),
                  .model = TEXT("fast"),
                  .provider = TEXT("openai"),
                  .upstream_model = TEXT("gpt-9"),
                  .accounts = { &account, 1 },
                  .hard = 900,
                  .soft = 500,
                  .output_limit = 64,
                  .admitted_ms = 77 },
        .record = { .type = RECORD_END,
                    .number = 12,
                    .unix_ms = 88,
                    .hold = 11,
                    .ending = ENDING_DOUBT,
                    .final = 1,
                    .unpriced = 1,
                    .source = SOURCE_ESTIMATED,
                    .lines = { lines, 8 },
                    .cost = 550,
                    .doubt = 40,
                    .price = TEXT("openai/gpt-9"),
                    .outcome = TEXT("cut"),
                    .raw = TEXT("{}"),
                    .policies = TEXT("[1]"),
                    .duration_ms = 1234 },
    };
    batch_init(&batch);
    const gw_store_row *row = added(&item, false);
    cr_assert(row->size == sizeof *row && row->type == GW_STORE_END && row->number == 12 && row->corrects == 11);
    cr_assert(row->written_ms == 88 && row->admitted_ms == 77 && row->duration_ms == 1234 && row->attempt == 2);
    cr_assert(is(row->request, "r-1") && is(row->team, "blue") && is(row->key, "k") && is(row->model, "fast"));
    cr_assert(is(row->provider, "openai") && is(row->project, "x") && is(row->tags, "a=b") && is(row->user, "ann"));
    cr_assert(is(row->session, "s") && is(row->client, "curl") && is(row->face, "chat"));
    cr_assert(is(row->upstream_model, "gpt-9") && is(row->ending, "doubt") && is(row->source, "estimated"));
    cr_assert(is(row->outcome, "cut") && is(row->price, "openai/gpt-9") && is(row->raw, "{}") &&
              is(row->policies, "[1]"));
    cr_assert(row->hard == 900 && row->soft == 500 && row->output_limit == 64);
    cr_assert(is(row->who, "") && is(row->why, ""));
    cr_assert(is(row->accounts,
                 "[{\"kind\":\"team\",\"id\":\"blue\",\"per\":\"day\",\"limit_usd\":\"1\",\"ceiling_usd\":\"2\","
                 "\"number\":3}]"),
              "%.*s", (int)row->accounts.len, row->accounts.ptr);
    const gw_store_sums *s = row->sums;
    cr_assert(s->size == sizeof *s && s->requests == 1 && s->input == 107 && s->output == 50);
    cr_assert(s->cache_read == 20 && s->cache_write == 34 && s->reasoning == 6);
    cr_assert(s->cost == 550 && s->doubt == 40 && s->unpriced == 1 && s->estimated == 1);
    cr_assert_eq(row->line_count, 8);
    for (size_t i = 0; i < 8; i++) {
        const gw_store_line *line = row->lines[i];
        struct text unit = lines[i].unit;
        cr_assert(line->size == sizeof *line && line->unit.len == unit.len);
        cr_assert_eq(memcmp(line->unit.ptr, unit.ptr, unit.len), 0);
        cr_assert(line->quantity == lines[i].quantity && line->price == lines[i].price && line->cost == lines[i].cost);
    }
    cr_assert(is(row->lines[1]->model, "m2") && is(row->lines[1]->tier, "flex") && is(row->lines[1]->priced_as, ""));
    cr_assert(is(row->lines[2]->priced_as, "input"));
    batch_fini(&batch);
}

/* Those without a HOLD have their own dimensions, and of a record that has no admission its own time counts. */
Test(batch, others_have_their_own)
{
    struct follow_item item = {
        .record = { .type = RECORD_LATE,
                    .number = 9,
                    .unix_ms = 88,
                    .hold = 4,
                    .request = TEXT("r-2"),
                    .team = TEXT("t"),
                    .cost = -3,
                    .doubt = -5,
                    .who = TEXT("eve"),
                    .why = TEXT("the bill"),
                    .admitted_ms = 7 },
    };
    batch_init(&batch);
    const gw_store_row *row = added(&item, false);
    cr_assert(row->type == GW_STORE_LATE && row->number == 9 && row->corrects == 4 && row->admitted_ms == 7);
    cr_assert(is(row->request, "r-2") && is(row->team, "t") && is(row->who, "eve") && is(row->why, "the bill"));
    cr_assert(row->sums->cost == -3 && row->sums->doubt == -5 && row->sums->requests == 0 && row->sums->estimated == 0);
    cr_assert(is(row->accounts, "") && is(row->ending, "") && row->line_count == 0);
    item.record = (struct record){
        .type = RECORD_ROW, .number = 10, .unix_ms = 99, .request = TEXT("r-3"), .final = 1, .source = SOURCE_COUNTED
    };
    row = added(&item, false);
    cr_assert(row->type == GW_STORE_ROW && row->number == 10 && row->corrects == 0 && row->admitted_ms == 99);
    cr_assert(row->sums->requests == 1 && row->sums->estimated == 1 && row->attempt == 0);
    item.record.source = SOURCE_REPORTED;
    cr_assert_eq(added(&item, false)->sums->estimated, 0);
    item.record.type = RECORD_HOLD;
    row = added(&item, true); /* one in flight */
    cr_assert(row->type == 0 && row->number == 10);
    cr_assert(batch.row_count == 4 && batch.records == 3);
    /* What makes no row is counted all the same. */
    static const enum record_type no_rows[] = { RECORD_HOLD, RECORD_LEASE };
    for (size_t i = 0; i < 2; i++) {
        item.record.type = no_rows[i];
        batch_add(&batch, &item);
    }
    cr_assert(batch.row_count == 4 && batch.records == 5);
    batch_clear(&batch);
    cr_assert(batch.row_count == 0 && batch.records == 0 && !batch_is_full(&batch));
    batch_fini(&batch);
}

/* By its rows, its records, or its bytes. */
Test(batch, is_full)
{
    static char raw[2048];
    struct follow_item item = { .record = { .type = RECORD_ROW, .number = 1, .unix_ms = 1 } };
    batch_init(&batch);
    for (unsigned i = 0; i < BATCH_ROWS_MOST; i++) {
        cr_assert_not(batch_is_full(&batch), "%u", i);
        batch_add(&batch, &item);
    }
    cr_assert(batch_is_full(&batch));
    batch_clear(&batch);
    item.record.type = RECORD_HOLD;
    for (unsigned i = 0; i < 20000; i++) {
        cr_assert_not(batch_is_full(&batch), "%u", i);
        batch_add(&batch, &item);
    }
    cr_assert(batch_is_full(&batch));
    batch_clear(&batch);
    memset(raw, 'x', sizeof raw);
    struct record_line lines[32] = { { .quantity = 1 } };
    for (size_t i = 0; i < 32; i++)
        lines[i].unit = lines[i].model = (struct text){ raw, 512 };
    item.record = (struct record){ .type = RECORD_ROW, .number = 1, .unix_ms = 1, .lines = { lines, 32 } };
    unsigned rows = 0; /* each has 32 KiB of texts, and some hundred bytes for each line */
    for (; !batch_is_full(&batch); rows++)
        batch_add(&batch, &item);
    cr_assert(rows > 150 && rows <= 256, "%u", rows);
    batch_fini(&batch);
}
