/* test_cidr.c - ranges of addresses. */
#include "base/cidr.h"
#include "check.h"

static bool has(const char *range, const char *address)
{
    struct cidr a, b;
    cr_assert_eq(cidr_parse(text_of(range), &a), 0, "%s", range);
    cr_assert_eq(cidr_parse(text_of(address), &b), 0, "%s", address);
    return cidr_has(&a, &b);
}

Test(cidr, has_the_addresses_of_its_range)
{
    cr_assert(has("10.0.0.0/8", "10.255.1.2"));
    cr_assert_not(has("10.0.0.0/8", "11.0.0.0"));
    cr_assert(has("192.0.2.128/25", "192.0.2.200"));
    cr_assert_not(has("192.0.2.128/25", "192.0.2.127"));
    cr_assert(has("0.0.0.0/0", "203.0.113.1"));
    cr_assert_not(has("0.0.0.0/0", "2001:db8::1"));
    cr_assert(has("::/0", "203.0.113.1"));
    cr_assert(has("2001:db8::/33", "2001:db8:7fff::1"));
    cr_assert_not(has("2001:db8::/33", "2001:db8:8000::1"));
    cr_assert(has("192.0.2.7", "192.0.2.7"));
    cr_assert_not(has("192.0.2.7", "192.0.2.6"));
    cr_assert(has("192.0.2.7", "::ffff:192.0.2.7"));
}

Test(cidr, is_no_other_text)
{
    static const char *const none[] = { "",
                                        "x",
                                        "10.0.0.0/33",
                                        "::1/129",
                                        "10.0.0.0/",
                                        "10.0.0.0/-1",
                                        "10.0.0/8",
                                        "/8",
                                        "10.0.0.1:80",
                                        "0123456789012345678901234567890123456789012345678901" };
    struct cidr out;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        cr_assert_eq(cidr_parse(text_of(none[i]), &out), -1, "%s", none[i]);
}
