/* test_peer.c - which clients are this machine. */
#include <arpa/inet.h>
#include <string.h>

#include "check.h"
#include "http/peer.h"

static void is(int family, const char *address, const char *text, bool loopback)
{
    struct sockaddr_storage addr = { .ss_family = (sa_family_t)family };
    char out[INET6_ADDRSTRLEN] = "?";
    void *to = family == AF_INET ? (void *)&((struct sockaddr_in *)&addr)->sin_addr
                                 : (void *)&((struct sockaddr_in6 *)&addr)->sin6_addr;

    if (address != NULL)
        cr_assert_eq(inet_pton(family, address, to), 1);
    cr_assert_eq(peer_name(&addr, out), loopback, "%s", address);
    cr_assert_str_eq(out, text);
}

Test(peer, is_named_and_known_as_loopback_or_not)
{
    is(AF_INET, "127.0.0.1", "127.0.0.1", true);
    is(AF_INET, "127.255.0.9", "127.255.0.9", true);
    is(AF_INET, "128.0.0.1", "128.0.0.1", false);
    is(AF_INET, "10.127.0.1", "10.127.0.1", false);
    is(AF_INET6, "::1", "::1", true);
    is(AF_INET6, "::2", "::2", false);
    is(AF_INET6, "fe80::1", "fe80::1", false);
    is(AF_INET6, "::ffff:127.0.0.1", "127.0.0.1", true);
    is(AF_INET6, "::ffff:127.9.9.9", "127.9.9.9", true);
    is(AF_INET6, "::ffff:10.0.0.1", "10.0.0.1", false);
    is(AF_INET6, "::ffff:192.168.127.127", "192.168.127.127", false);
    is(AF_UNIX, NULL, "", false);
}
