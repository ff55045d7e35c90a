/* test_dial.c - which addresses no upstream may have. */
#include "check.h"

#include <arpa/inet.h>
#include <string.h>

#include "upstream/dial.h"

static bool is_forbidden(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return dial_is_forbidden((struct sockaddr *)&v4);
    cr_assert_eq(inet_pton(AF_INET6, text, &v6.sin6_addr), 1, "%s", text);
    return dial_is_forbidden((struct sockaddr *)&v6);
}

Test(dial, refuses_link_local_and_metadata_addresses_in_every_spelling)
{
    static const char *const refused[] = {
        "169.254.169.254", "169.254.0.0",   "169.254.255.255",        "169.254.170.2",     "fe80::1",
        "febf::1",         "fd00:ec2::254", "::ffff:169.254.169.254", "::169.254.169.254", "64:ff9b::169.254.169.254",
    };
    static const char *const allowed[] = {
        "127.0.0.1", "10.0.0.1", "192.168.1.1", "169.253.255.255", "169.255.0.0",      "1.1.1.1",
        "::1",       "fec0::1",  "fd00::1",     "2606:4700::1111", "::ffff:127.0.0.1",
    };

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        cr_assert(is_forbidden(refused[i]), "%s", refused[i]);
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        cr_assert_not(is_forbidden(allowed[i]), "%s", allowed[i]);
}
