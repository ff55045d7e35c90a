/* delivery_batch.c - an END becomes a row with the dimensions of its HOLD, a ROW and a LATE with their own. */
#include "money/delivery_batch.h"

#include "money/usage_sums.h"

enum { BYTES_MOST = 8 << 20, RECORDS_MOST = 20000 };

void batch_init(struct batch *b)
{
    *b = (struct batch){ .row_count = 0 };
    arena_init(&b->arena, NULL, 0, 256 << 20);
}

void batch_fini(struct batch *b)
{
    arena_fini(&b->arena);
}

void batch_clear(struct batch *b)
{
    arena_reset(&b->arena);
    b->row_count = b->records = 0;
}

bool batch_is_full(const struct batch *b)
{
    return b->row_count == BATCH_ROWS_MOST || b->records >= RECORDS_MOST || b->arena.used > BYTES_MOST;
}

static gw_str keep(struct batch *b, struct text t)
{
    if (t.ptr != NULL)
        t = arena_text(&b->arena, t);
    return (gw_str){ t.ptr, t.len };
}

static gw_str keep_word(const char *word)
{
    struct text t = text_of(word);
    return (gw_str){ t.ptr, t.len };
}

static void put_whose(struct batch *b, const struct record *from, gw_store_row *row)
{
    row->request = keep(b, from->request);
    row->attempt = from->attempt;
    row->team = keep(b, from->team);
    row->key = keep(b, from->key);
    row->model = keep(b, from->model);
    row->provider = keep(b, from->provider);
    row->project = keep(b, from->project);
    row->tags = keep(b, from->tags);
    row->user = keep(b, from->user);
    row->session = keep(b, from->session);
    row->client = keep(b, from->client);
    row->face = keep(b, from->face);
    row->upstream_model = keep(b, from->upstream_model);
    row->admitted_ms = from->admitted_ms != 0 ? from->admitted_ms : from->unix_ms;
    row->hard = from->hard;
    row->soft = from->soft;
    row->output_limit = from->output_limit;
}

static gw_str keep_accounts(struct batch *b, const struct record *hold)
{
    struct json_writer w;
    struct buf out;
    buf_init(&out, 64 << 10);
    json_writer_init(&w, &out);
    record_write_accounts(hold, &w);
    gw_str kept = json_end(&w) == 0 && hold->accounts.count > 0 ? keep(b, buf_view(&out)) : GW_LIT("");
    buf_free(&out);
    return kept;
}

static void put_sums(struct batch *b, const struct record *record, gw_store_row *row)
{
    struct usage_sums sums = { 0 };
    gw_store_sums *out = arena_new(&b->arena, gw_store_sums);
    usage_sums_add_record(&sums, record);
    *out = (gw_store_sums){ .size = sizeof *out,
                            .requests = sums.requests,
                            .input = sums.input,
                            .output = sums.output,
                            .cache_read = sums.cache_read,
                            .cache_write = sums.cache_write,
                            .reasoning = sums.reasoning,
                            .cost = sums.cost,
                            .doubt = sums.doubt,
                            .unpriced = sums.unpriced,
                            .estimated = sums.estimated };
    row->sums = out;
}

static void put_lines(struct batch *b, const struct record *record, gw_store_row *row)
{
    const struct record_line *from = record->lines.items;
    size_t count = record->lines.count;
    gw_store_line *lines = arena_array(&b->arena, gw_store_line, count + 1);
    const gw_store_line **pointers = arena_array(&b->arena, const gw_store_line *, count + 1);
    for (size_t i = 0; i < count; i++) {
        lines[i] = (gw_store_line){ .size = sizeof lines[i],
                                    .unit = keep(b, from[i].unit),
                                    .priced_as = keep(b, from[i].priced_as),
                                    .model = keep(b, from[i].model),
                                    .tier = keep(b, from[i].tier),
                                    .quantity = from[i].quantity,
                                    .price = from[i].price,
                                    .cost = from[i].cost };
        pointers[i] = &lines[i];
    }
    row->lines = pointers;
    row->line_count = count;
}

static void put_row(struct batch *b, const struct follow_item *item, uint32_t type)
{
    const struct record *r = &item->record, *whose = item->has_hold ? &item->hold : r;
    gw_store_row *row = arena_new(&b->arena, gw_store_row);
    *row = (gw_store_row){ .size = sizeof *row,
                           .type = type,
                           .number = r->number,
                           .corrects = r->hold,
                           .written_ms = r->unix_ms,
                           .duration_ms = r->duration_ms };
    put_whose(b, whose, row);
    row->accounts = keep_accounts(b, whose);
    row->ending = keep_word(record_ending_name(r->ending));
    row->source = keep_word(record_source_name(r->source));
    row->outcome = keep(b, r->outcome);
    row->price = keep(b, r->price);
    row->raw = keep(b, r->raw);
    row->who = keep(b, r->who);
    row->why = keep(b, r->why);
    row->policies = keep(b, r->policies);
    put_sums(b, r, row);
    put_lines(b, r, row);
    b->rows[b->row_count++] = row;
}

void batch_add(struct batch *b, const struct follow_item *item)
{
    BUG_IF(b->row_count == BATCH_ROWS_MOST);
    b->records++;
    switch (item->record.type) {
    case RECORD_END:
        put_row(b, item, GW_STORE_END);
        break;
    case RECORD_ROW:
        put_row(b, item, GW_STORE_ROW);
        break;
    case RECORD_LATE:
        put_row(b, item, GW_STORE_LATE);
        break;
    default:
        break;
    }
}

void batch_add_open(struct batch *b, const struct follow_item *item)
{
    BUG_IF(b->row_count == BATCH_ROWS_MOST);
    put_row(b, item, 0);
}
