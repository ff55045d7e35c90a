/* test_price.c - which price holds for a request: that of its admission, whatever the time is when it ends, for the
 * tier that the answer reports; and that a request costs the sum of its attempts. */
#include <stdio.h>

#include "base/clock.h"
#include "check.h"
#include "fake_transfer.h"
#include "fixture.h"
#include "flow/way.h"
#include "money/book.h"
#include "money/tariff.h"

#define EVENTS "text/event-stream"
#define STREAM "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]%s}"
#define WORD "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n"
#define END(more)                                                                                                      \
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"                                  \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":0}" more "}\n\ndata: [DONE]\n\n"
/* 2026-12-01 begins another price, 22:00 to 06:00 of each day of it another one. */
#define BOOK                                                                                                                \
    "{\"format\":1,\"date\":\"2026-11-27\",\"providers\":[{\"id\":\"openai\",\"names\":[\"openai\"],\"models\":["           \
    "{\"id\":\"x\",\"match\":[\"=x\"],\"prices\":[{\"usd\":{\"input\":1}},{\"from\":\"2026-12-01\",\"usd\":{\"input\":2}}," \
    "{\"from\":\"2026-12-01\",\"between\":[\"22:00\",\"06:00\"],\"usd\":{\"input\":3}}],"                                   \
    "\"variants\":[{\"when\":{\"service_tier\":\"flex\"},\"usd\":{\"input\":5}},"                                           \
    "{\"when\":{\"speed\":\"fast\"},\"usd\":{\"input\":9}},"                                                                \
    "{\"when\":{\"service_tier\":\"priority\"},\"usd\":{\"input\":7}}]}]}]}"

static const char *const openai[] = { "openai", "openai" };

#define S INT64_C(1000)
#define DECEMBER (INT64_C(1796083200) * S) /* 2026-12-01T00:00:00Z */
#define HOUR (3600 * S)

static void at(int64_t unix_ms)
{
    clock_shift_unix(0);
    clock_shift_unix(unix_ms - clock_unix_ms());
}

static struct request *begin(struct fixture *f, size_t targets, const char *more, int64_t admitted)
{
    struct fail fail;
    char body[256];
    snprintf(body, sizeof body, STREAM, more);
    fixture_open_upstream(f, openai, targets);
    f->config->book = book_parse(text_of(BOOK), "test", &fail);
    f->worker.prices.book = f->config->book;
    f->config->free_book = book_free;
    cr_assert_not_null(f->config->book, "%s", fail.text);
    if (admitted != 0)
        at(admitted);
    return fixture_begin(f, body);
}

static void end(struct fixture *f, struct request *req)
{
    clock_shift_unix(0);
    request_end(req);
    fixture_close(f);
}

Test(price, is_of_the_time_of_admission)
{
    static const struct {
        int64_t admitted, ended, nano;
    } rows[] = {
        { DECEMBER - S, DECEMBER + S, 10000 },
        { DECEMBER - S, DECEMBER + 40 * 24 * HOUR, 10000 },
        { DECEMBER + S, DECEMBER + 2 * S, 30000 },
        { DECEMBER + 6 * HOUR - S, DECEMBER + 6 * HOUR + S, 30000 },
        { DECEMBER + 6 * HOUR + S, DECEMBER + 7 * HOUR, 20000 },
        { DECEMBER + 22 * HOUR - S, DECEMBER + 22 * HOUR + S, 20000 },
        { DECEMBER + S, DECEMBER - HOUR, 30000 }, /* a clock that goes back */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f;
        struct request *req = begin(&f, 1, "", rows[i].admitted);
        fake_head(200, EVENTS);
        fake_body(TEXT(WORD));
        at(rows[i].ended);
        fake_body(TEXT(END("")));
        fake_done(TRANSFER_OK);
        cr_assert(req->cost.known);
        cr_assert_eq(req->cost.nano, rows[i].nano, "%zu: %lld", i, (long long)req->cost.nano);
        end(&f, req);
    }
}

Test(price, is_of_the_tier_that_the_answer_reports)
{
    static const struct {
        const char *asked, *reported;
        int64_t nano;
    } rows[] = {
        { "", END(""), 10000 },
        { ",\"service_tier\":\"flex\"", END(""), 50000 },
        { ",\"service_tier\":\"flex\"", END(",\"service_tier\":\"default\""), 10000 },
        { ",\"service_tier\":\"flex\"", END(",\"service_tier\":\"auto\""), 50000 },
        { ",\"service_tier\":\"auto\"", END(",\"service_tier\":\"priority\""), 70000 },
        { "", END(",\"service_tier\":\"priority\""), 70000 },
        { ",\"speed\":\"fast\"", END(""), 90000 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f;
        struct request *req = begin(&f, 1, rows[i].asked, DECEMBER - HOUR);
        fake_answer(200, EVENTS, text_of(rows[i].reported), 50);
        cr_assert_eq(req->cost.nano, rows[i].nano, "%zu: %lld", i, (long long)req->cost.nano);
        end(&f, req);
    }
}

Test(price, of_a_request_is_the_sum_of_its_attempts)
{
    struct fixture f;
    struct request *req = begin(&f, 2, "", DECEMBER - HOUR);
    struct attempt *first = req->attempt;
    fake_done(TRANSFER_RESET); /* sent, and not answered: a fourth of the bytes that came */
    cr_assert_neq(req->attempt, first);
    fake_answer(200, EVENTS, TEXT(WORD END("")), 1000);
    cr_assert_eq(first->ending, ATTEMPT_DOUBT);
    cr_assert_eq(first->price.nano, (int64_t)(req->bytes_in + 3) / 4 * 1000);
    cr_assert_eq(req->cost.nano, first->price.nano + 10000);
    cr_assert(text_is(req->cost.entry, "openai/x"));
    cr_assert_gt(f.worker.prices.names.count, 0u, "what was found is remembered");
    first->price.entry = TEXT("gateway.lua"); /* another one than the last attempt's, which counts */
    price_request(req);
    cr_assert(text_is(req->cost.entry, "openai/x"), "%.*s", TEXT_ARG(req->cost.entry));
    req->cost.nano = INT64_C(2000000000);
    cr_assert_str_eq(price_header(req), "2");
    end(&f, req);
}

Test(price, has_the_name_of_what_it_came_from)
{
    static const struct {
        const char *tariff, *model, *entry; /* the tariff's input price; NULL: the operator names none */
    } rows[] = {
        { NULL, "x", "openai/x" },
        { "2", "x", "openai/x, gateway.lua" },
        { "2", "unknown", "gateway.lua" },
        { NULL, "unknown", NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f;
        struct tariff tariff = { .free = false };
        struct request *req = begin(&f, 1, "", DECEMBER - HOUR);
        struct route_target target = *req->attempt->target;
        if (rows[i].tariff != NULL)
            cr_assert_null(tariff_set(&tariff, TEXT("input_usd_per_mtok"), text_of(rows[i].tariff)));
        target.model = text_of(rows[i].model);
        target.price = rows[i].tariff != NULL ? &tariff : NULL;
        struct attempt a = { .req = req, .target = &target };
        const struct price_choice *choice = price_choose(&a);
        cr_assert_eq(choice != NULL, rows[i].entry != NULL, "%zu", i);
        if (choice != NULL)
            cr_assert(text_is(choice->entry, rows[i].entry), "%zu: %.*s", i, TEXT_ARG(choice->entry));
        fake_answer(200, EVENTS, TEXT(WORD END("")), 1000);
        cr_assert(text_is(req->cost.entry, "openai/x"));
        end(&f, req);
    }
}
