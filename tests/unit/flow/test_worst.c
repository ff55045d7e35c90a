/* test_worst.c - what an attempt can cost at most, the limit of output tokens that a sum buys, and that limit put into the body. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "flow/guard.h"
#include "flow/hold.h"
#include "flow/way.h"
#include "money/book.h"
#include "money/estimates.h"
#include "money/nano.h"
#include "money/tariff.h"

static struct request req;
static struct attempt attempt;
static struct route_target target;
static struct config_provider provider;
static struct plugin plugin;
static struct tariff tariff;
static struct config_model model;
static struct gateway gateway;
static struct worker worker;
static struct config config;
static struct arena scratch;
static struct text whole;

static void begin(const char *body)
{
    memset(&req, 0, sizeof req);
    memset(&attempt, 0, sizeof attempt);
    memset(&tariff, 0, sizeof tariff);
    memset(&model, 0, sizeof model);
    memset(&gateway, 0, sizeof gateway);
    arena_init(&req.arena, NULL, 0, 1 << 20);
    arena_init(&scratch, NULL, 0, 1 << 20);
    buf_init(&req.body, 1 << 20);
    buf_str(&req.body, body);
    plugin.name = "openai";
    provider = (struct config_provider){ .name = TEXT("p"), .plugin = &plugin };
    target = (struct route_target){ .provider = &provider, .model = TEXT("m"), .price = &tariff };
    worker.gateway = &gateway;
    req.worker = &worker;
    req.config = &config;
    req.face = &face_chat;
    req.operation = GW_OP_CHAT;
    req.ask.body = whole = buf_view(&req.body);
    req.ask.choices = 1;
    cr_assert_eq(scan_object(&req.arena, whole, SCAN_MAX_DEPTH, &req.ask.scan), 0, "%s", body);
    req.pieces = &whole;
    req.piece_count = 1;
    attempt.req = &req;
    attempt.target = &target;
    req.attempt = &attempt;
}

static void end(void)
{
    arena_fini(&scratch);
    buf_free(&req.body);
    arena_fini(&req.arena);
}

static void price(const char *name, const char *usd)
{
    cr_assert_null(tariff_set(&tariff, text_of(name), text_of(usd)), "%s", name);
}

Test(worst, costs_its_fixed_part_and_each_token_of_each_answer)
{
    static const struct {
        int64_t fixed, price, choices, prediction, limit, cost;
    } rows[] = {
        { 0, 1000000, 1, 0, 7, 7 },
        { 5, 1000000, 1, 0, 7, 12 },
        { 5, 1000000, 3, 0, 7, 26 },
        { 5, 1000000, 3, 10, 7, 36 },
        { 0, 1, 1, 0, 1, 1 }, /* rounded up */
        { 0, 1500000, 1, 0, 1, 2 },
        { 0, 1500000, 1, 0, 2, 3 },
        { 0, 0, 1, 0, 1000, 0 },
        { 0, 1000000, 2, 0, INT64_MAX, INT64_C(100000) * NANO_PER_USD },
        { 0, 1000000, 1, 10, INT64_MAX, INT64_C(100000) * NANO_PER_USD },
        { INT64_C(100000) * NANO_PER_USD, 1000000, 1, 0, 1, INT64_C(100000) * NANO_PER_USD },
        { INT64_C(100000) * NANO_PER_USD - 1, 1000000, 1, 0, 1, INT64_C(100000) * NANO_PER_USD },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct worst worst = { .bound = { .choices = rows[i].choices, .prediction = rows[i].prediction },
                               .fixed = rows[i].fixed,
                               .output_price = rows[i].price };
        cr_assert_eq(worst_with(&worst, rows[i].limit), rows[i].cost, "%zu: %lld", i,
                     (long long)worst_with(&worst, rows[i].limit));
    }
}

Test(worst, has_a_limit_for_what_there_is)
{
    static const struct {
        int64_t fixed, price, choices, prediction, room, limit;
    } rows[] = {
        { 0, 1000000, 1, 0, 7, 7 },   { 5, 1000000, 1, 0, 12, 7 },
        { 5, 1000000, 1, 0, 5, 0 },   { 5, 1000000, 1, 0, 4, 0 },
        { 5, 1000000, 1, 0, 6, 1 },   { 5, 1000000, 3, 0, 26, 7 },
        { 5, 1000000, 3, 0, 25, 6 },  { 0, 1000000, 1, 0, INT64_MAX / 2, INT32_MAX },
        { 0, 0, 1, 0, 100, 0 },       { 0, -1, 1, 0, 100, 0 },
        { 0, 1000000, 1, 50, 40, 0 }, { 0, 1500000, 1, 0, 2, 1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct worst worst = { .bound = { .choices = rows[i].choices, .prediction = rows[i].prediction },
                               .fixed = rows[i].fixed,
                               .output_price = rows[i].price };
        cr_assert_eq(worst_limit(&worst, rows[i].room), rows[i].limit, "%zu: %lld", i,
                     (long long)worst_limit(&worst, rows[i].room));
    }
    /* Whatever the prices are, what it buys fits, and is little less than what would fit. */
    for (int64_t room = 1000; room < 1000000000; room = room * 7 + 13)
        for (int64_t each = 1000; each < 100000000; each = each * 3 + 7) {
            struct worst worst = { .bound = { .choices = 2, .prediction = 100 }, .fixed = 999, .output_price = each };
            int64_t limit = worst_limit(&worst, room);
            cr_assert(limit == 0 || worst_with(&worst, limit) <= room);
            cr_assert(limit == INT32_MAX || worst_with(&worst, limit + limit / 32 + 102) > room || limit == 0);
        }
}

/* A body of 100 bytes with this member. */
static const char *padded(const char *member)
{
    static char body[101];
    snprintf(body, sizeof body, "{%s%*s", member, (int)(99 - strlen(member)), "}");
    return body;
}

Test(worst, is_read_from_what_is_sent)
{
    static const struct {
        uint32_t operation;
        const char *model, *member;
        int64_t output, limit, min_output;
        const char *no_most;
    } rows[] = {
        { GW_OP_CHAT, "m", "\"max_tokens\":50", 50, 50, 256, NULL },
        { GW_OP_CHAT, "m", "\"max_tokens\":50,\"n\":3", 150, 50, 256, NULL },
        { GW_OP_CHAT, "m", "", 128 << 10, 0, 256,
          "an answer without a limit of its tokens, where the price book does not know how many the model writes at most" },
        { GW_OP_EMBEDDINGS, "m", "", 0, 0, 256, NULL },
        { GW_OP_MODERATIONS, "m", "", 0, 0, 256, "what is not priced by tokens" },
        { GW_OP_CHAT, "m", "\"max_tokens\":50,\"reasoning_effort\":\"low\"", 50, 50, 4096, NULL },
        { GW_OP_CHAT, "o1-mini", "\"max_tokens\":50", 50, 50, 4096, NULL },
        { GW_OP_CHAT, "x/gpt-5.1", "\"max_tokens\":50", 50, 50, 4096, NULL },
        { GW_OP_CHAT, "deepseek-r1", "\"max_tokens\":50", 50, 50, 4096, NULL },
        { GW_OP_CHAT, "deepseek-reasoner", "\"max_tokens\":50", 50, 50, 4096, NULL },
        { GW_OP_CHAT, "kimi-thinking", "\"max_tokens\":50", 50, 50, 4096, NULL },
        { GW_OP_CHAT, "gpt-4o", "\"max_tokens\":50", 50, 50, 256, NULL },
        { GW_OP_CHAT, "o2", "\"max_tokens\":50", 50, 50, 256, NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(padded(rows[i].member));
        req.operation = rows[i].operation;
        target.model = text_of(rows[i].model);
        worst_read(&attempt, &scratch);
        const struct worst *w = attempt.worst;
        cr_assert_eq(w->bytes, 140u, "with room for a limit that is put in");
        cr_assert_eq(w->bound.input, 140 + 64, "%zu: %lld", i, (long long)w->bound.input);
        cr_assert_eq(w->bound.output, rows[i].output, "%zu: %lld", i, (long long)w->bound.output);
        cr_assert_eq(w->bound.limit, rows[i].limit, "%zu", i);
        cr_assert_eq(w->min_output, rows[i].min_output, "%s", rows[i].model);
        cr_assert_str_eq(w->no_most != NULL ? w->no_most : "", rows[i].no_most != NULL ? rows[i].no_most : "");
        cr_assert_not(w->strict || w->fixed_output);
        end();
    }
}

Test(worst, keeps_what_configuration_and_headers_ask_for)
{
    static struct door_header beta[] = { { "x", "interleaved-thinking" },
                                         { "Anthropic-Beta", "a,interleaved-thinking-2025" } };
    begin(padded("\"max_tokens\":50"));
    req.model = &model;
    model.min_output = 700;
    attempt.charge = LEDGER_CHARGED_STRICTLY;
    worst_read(&attempt, &scratch);
    cr_assert_eq(attempt.worst->min_output, 700);
    cr_assert(attempt.worst->strict);
    req.dialect_headers = beta;
    req.dialect_header_count = 1;
    worst_read(&attempt, &scratch);
    cr_assert_not(attempt.worst->fixed_output);
    req.dialect_header_count = 2;
    worst_read(&attempt, &scratch);
    cr_assert(attempt.worst->fixed_output, "the limit is the window then");
    req.dialect_header_count = 0;
    attempt.mode = MODE_LOCAL;
    worst_read(&attempt, &scratch);
    cr_assert(attempt.worst->fixed_output);
    cr_assert_eq(attempt.worst->bytes, 100u, "nothing is put in");
    end();
}

Test(worst, is_priced_at_the_dearest)
{
    static const struct {
        const char *names[3], *usd[3];
        int64_t hard, fixed, output;
    } rows[] = {
        /* 204 tokens in, 50 out */
        { { "input_usd_per_mtok", "output_usd_per_mtok" }, { "1", "2" }, 204000 + 100000, 204000, 2000000000 },
        { { "input_usd_per_mtok", "output_usd_per_mtok", "cache_write_usd_per_mtok" },
          { "1", "2", "3" },
          612000 + 100000,
          612000,
          2000000000 },
        { { "input_usd_per_mtok", "output_usd_per_mtok", "request_usd" },
          { "1", "2", "0.01" },
          204000 + 100000 + 10000000,
          10204000,
          2000000000 },
        { { "request_usd" }, { "0.01" }, 10000000, 10000000, 0 },
        { { "input_usd_per_mtok", "output_usd_per_mtok", "reasoning_usd_per_mtok" },
          { "1", "2", "5" },
          204000 + 250000,
          204000,
          5000000000 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(padded("\"max_tokens\":50"));
        for (size_t k = 0; k < 3 && rows[i].names[k] != NULL; k++)
            price(rows[i].names[k], rows[i].usd[k]);
        worst_read(&attempt, &scratch);
        cr_assert(worst_price(&attempt), "%zu", i);
        cr_assert_eq(attempt.hard, rows[i].hard, "%zu: %lld", i, (long long)attempt.hard);
        cr_assert_eq(attempt.worst->fixed, rows[i].fixed, "%zu: %lld", i, (long long)attempt.worst->fixed);
        cr_assert_eq(attempt.worst->output_price, rows[i].output, "%zu: %lld", i,
                     (long long)attempt.worst->output_price);
        cr_assert_eq(attempt.worst->only_fees, i == 3);
        cr_assert_eq(worst_with(attempt.worst, 50), attempt.hard, "%zu", i);
        end();
    }
}

Test(worst, costs_nothing_or_is_not_known)
{
    begin(padded(""));
    attempt.hard = attempt.soft = 5;
    req.operation = GW_OP_COUNT_TOKENS;
    cr_assert(worst_price(&attempt));
    cr_assert_eq(attempt.hard, 0);
    req.operation = GW_OP_CHAT;
    tariff.free = true;
    attempt.hard = attempt.soft = 5;
    cr_assert(worst_price(&attempt));
    cr_assert_eq(attempt.hard + attempt.soft, 0);
    target.price = NULL;
    cr_assert_not(worst_price(&attempt), "nobody knows a price");
    cr_assert_eq(attempt.hard, 0);
    end();
    begin(padded("\"max_tokens\":10")); /* where no budget asks: a token for each byte, and a frame */
    price("input_usd_per_mtok", "1");
    price("output_usd_per_mtok", "2");
    cr_assert(worst_price(&attempt));
    cr_assert_eq(attempt.hard, (100 + 2048) * 1000 + 10 * 2000);
    cr_assert_eq(attempt.soft, 100 * 2 / 7 * 1000 + 10 * 2000);
    cr_assert_null(attempt.worst);
    end();
    begin(padded("")); /* no limit: as much as models write at most */
    price("input_usd_per_mtok", "1");
    price("output_usd_per_mtok", "2");
    cr_assert(worst_price(&attempt));
    cr_assert_eq(attempt.hard, (100 + 2048) * 1000 + 131072 * 2000);
    cr_assert_eq(attempt.soft, 100 * 2 / 7 * 1000 + 4096 * 2000);
    req.operation = GW_OP_EMBEDDINGS;
    cr_assert(worst_price(&attempt));
    cr_assert_eq(attempt.hard, (100 + 2048) * 1000);
    cr_assert_eq(attempt.soft, 100 * 2 / 7 * 1000);
    end();
}

/* What the requests of one key were is nothing of another one's. */
Test(worst, expects_what_requests_of_the_key_were)
{
    static const struct config_key key = { .name = { "k", 1 } }, other = { .name = { "o", 1 } };
    begin(padded("\"max_tokens\":50"));
    price("input_usd_per_mtok", "1");
    price("output_usd_per_mtok", "2");
    gateway.estimates = estimates_new();
    for (int i = 0; i < ESTIMATE_SAMPLES; i++)
        estimates_add(gateway.estimates, TEXT("m"), TEXT("k"), &(struct estimate){ .input_per_kb = 0, .output = 1 });
    req.key = &other;
    worst_read(&attempt, &scratch);
    cr_assert(worst_price(&attempt));
    int64_t unlearned = attempt.soft;
    req.key = &key;
    cr_assert(worst_price(&attempt));
    cr_assert_lt(attempt.soft, unlearned);
    estimates_free(gateway.estimates);
    end();
}

Test(worst, is_what_the_operator_names_where_it_has_no_most)
{
    begin(padded(""));
    price("input_usd_per_mtok", "1");
    price("output_usd_per_mtok", "2");
    req.model = &model;
    worst_read(&attempt, &scratch);
    cr_assert(worst_price(&attempt));
    cr_assert_not_null(attempt.worst->no_most);
    cr_assert_eq(attempt.hard, 204000 + INT64_C(2000) * (128 << 10));
    model.most_nano = 77;
    cr_assert(worst_price(&attempt));
    cr_assert_null(attempt.worst->no_most);
    cr_assert(attempt.worst->fixed_output);
    cr_assert_eq(attempt.hard, 77);
    cr_assert_eq(attempt.soft, 77, "it is expected to cost no more");
    end();
    begin(padded(""));
    price("request_usd", "0.01");
    worst_read(&attempt, &scratch);
    cr_assert(worst_price(&attempt));
    cr_assert_null(attempt.worst->no_most, "a fee is a fee");
    cr_assert_eq(attempt.hard, 10000000);
    end();
}

/* ---- what passes its limit ---- */

Test(guard, ends_what_is_far_over_its_limit)
{
    static const struct {
        int64_t limit, output, choices, clamped;
        uint64_t spoken;
        bool over;
    } rows[] = {
        { 100, 100, 1, 0, 1024 + 600, false }, { 100, 100, 1, 0, 1024 + 605, false },
        { 100, 100, 1, 0, 1024 + 606, true },  { 100, 300, 3, 0, 1024 + 1800, false },
        { 100, 300, 3, 0, 1024 + 1806, true }, { 100, 300, 3, 10, 1024 + 180, false },
        { 100, 300, 3, 10, 1024 + 186, true }, { 0, 100, 1, 0, 1 << 30, false },
        { 1, 0, 1, 0, 1024, false },           { 1, 0, 1, 0, 1025 + 5, true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct worst worst = { .bound = {
                                   .limit = rows[i].limit, .output = rows[i].output, .choices = rows[i].choices } };
        struct attempt a = { .worst = &worst, .clamped = rows[i].clamped, .spoken = rows[i].spoken };
        cr_assert_eq(guard_is_over(&a), rows[i].over, "%zu", i);
        a.outcome = OUTCOME_GUARDED;
        cr_assert_not(guard_is_over(&a), "once");
        a.worst = NULL;
        a.outcome = OUTCOME_OK;
        cr_assert_not(guard_is_over(&a), "no budget has its bound");
    }
}

/* 204 tokens of input are at most sent. */
Test(worst, is_priced_by_the_tiers_that_its_input_reaches)
{
    static const struct {
        const char *input, *output;
        int64_t fixed, price;
    } rows[] = {
        { "[1,[203,3]]", "[2,[203,5]]", 204 * 3000, 5000000000 },
        { "[1,[204,3]]", "[2,[204,5]]", 204 * 1000, 2000000000 },
        { "[1,[205,3]]", "[2,[203,5],[204,9]]", 204 * 1000, 5000000000 },
        { "[4,[100,3]]", "[6,[100,5],[200,6]]", 204 * 4000, 6000000000 }, /* the dearest, not the last */
        { "[1,[100,3],[200,2]]", "[1,[0,2]]", 204 * 3000, 2000000000 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fail fail;
        char book[400];
        snprintf(
            book, sizeof book,
            "{\"format\":1,\"date\":\"2026-11-27\",\"providers\":[{\"id\":\"openai\",\"names\":[\"openai\"],"
            "\"models\":[{\"id\":\"m\",\"match\":[\"=m\"],\"prices\":[{\"usd\":{\"input\":%s,\"output\":%s}}]}]}]}",
            rows[i].input, rows[i].output);
        begin(padded("\"max_tokens\":50"));
        target.price = NULL;
        config.book = book_parse(text_of(book), "test", &fail);
        cr_assert_not_null(config.book, "%zu: %s", i, fail.text);
        worst_read(&attempt, &scratch);
        cr_assert(worst_price(&attempt));
        cr_assert_eq(attempt.worst->fixed, rows[i].fixed, "%zu: %lld", i, (long long)attempt.worst->fixed);
        cr_assert_eq(attempt.worst->output_price, rows[i].price, "%zu: %lld", i,
                     (long long)attempt.worst->output_price);
        book_free(config.book);
        config.book = NULL;
        end();
    }
}
