/* test_deadline.c - x-gw-timeout, and what is left of a request's time. */
#include "check.h"

#include "flow/deadline.h"
#include "flow/way.h"

Test(deadline, is_seconds_with_decimals)
{
    static const struct {
        const char *value;
        int64_t ms;
    } rows[] = { { "1", 1000 },   { "2.5", 2500 },   { "0.05", 50 },  { "0.125", 125 }, { "86400", 86400000 },
                 { "0.049", -1 }, { "86400.1", -1 }, { "0", -1 },     { "", -1 },       { ".5", -1 },
                 { "1.", -1 },    { "-1", -1 },      { "1e3", -1 },   { "1.2345", -1 }, { "100000", -1 },
                 { "1,5", -1 },   { "nan", -1 },     { "2.5 s", -1 }, { "+1", -1 } };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t wanted = rows[i].ms < 0 ? -1 : rows[i].ms * 1000000;
        cr_assert_eq(deadline_parse(text_of(rows[i].value)), wanted, "\"%s\"", rows[i].value);
    }
}

Test(deadline, is_the_models_and_the_client_only_shortens_it)
{
    static struct request req;
    const int64_t s = 1000000000;
    req.begun_ns = 100 * s;
    req.timeouts.total_ns = 10 * s;
    cr_assert_eq(deadline_left_ns(&req, 103 * s), 7 * s);
    cr_assert_not(deadline_is_clients(&req));
    deadline_header(&req, TEXT(" 4 "));
    cr_assert_eq(deadline_left_ns(&req, 103 * s), s);
    cr_assert_eq(deadline_left_ns(&req, 105 * s), -s);
    cr_assert(deadline_is_clients(&req));
    deadline_header(&req, TEXT("60")); /* twice: the shorter one */
    cr_assert_eq(deadline_left_ns(&req, 103 * s), s);
    req.client_timeout_ns = 60 * s;
    cr_assert_eq(deadline_left_ns(&req, 103 * s), 7 * s);
    cr_assert_not(deadline_is_clients(&req));
    cr_assert_null(req.whose.header);
    deadline_header(&req, TEXT("soon"));
    cr_assert_str_eq(req.whose.header, "x-gw-timeout");
}

Test(deadline, leaves_room_for_another_attempt)
{
    static struct request req;
    const int64_t s = 1000000000;
    req.begun_ns = 100 * s;
    req.timeouts.total_ns = 10 * s;
    cr_assert(deadline_allows_another(&req, 108 * s));
    cr_assert_not(deadline_allows_another(&req, 108 * s + 1), "2 s at least");
    req.client_timeout_ns = 4 * s;
    cr_assert(deadline_allows_another(&req, 103 * s));
    cr_assert_not(deadline_allows_another(&req, 103 * s + 1), "a quarter of a short one");
}
