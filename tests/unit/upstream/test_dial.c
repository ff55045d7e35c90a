/* test_dial.c - which addresses no upstream may have. */
#include "check.h"

#include <arpa/inet.h>
#include <signal.h>
#include <string.h>

#include "upstream/dial.h"

static bool is_forbidden(const char *text)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return dial_is_forbidden((struct sockaddr *)&v4);
    cr_assert_eq(inet_pton(AF_INET6, text, &v6.sin6_addr), 1, "%s", text);
    return dial_is_forbidden((struct sockaddr *)&v6);
}

Test(dial, leaves_other_kinds_of_addresses_alone)
{
    cr_assert(dial_is_forbidden(&(struct sockaddr){ .sa_family = AF_UNIX }), "nothing but IP");
}

#ifndef GW_PLAIN /* dial_start() works once in a process: these two need one each */
/* TLS may write to a closed socket: that must not be the end of the process. */
Test(dial, ignores_sigpipe_unless_somebody_handles_it)
{
    struct sigaction now;

    signal(SIGPIPE, SIG_DFL);
    dial_start();
    sigaction(SIGPIPE, NULL, &now);
    cr_assert_eq(now.sa_handler, SIG_IGN);
}

static void on_pipe(int number)
{
    (void)number;
}

Test(dial, leaves_a_handler_of_sigpipe)
{
    struct sigaction now;

    signal(SIGPIPE, on_pipe);
    dial_start();
    sigaction(SIGPIPE, NULL, &now);
    cr_assert_eq(now.sa_handler, on_pipe);
}
#endif

Test(dial, refuses_link_local_and_metadata_addresses_in_every_spelling)
{
    static const char *const refused[] = {
        "169.254.169.254", "169.254.0.0",   "169.254.255.255",        "169.254.170.2",     "fe80::1",
        "febf::1",         "fd00:ec2::254", "::ffff:169.254.169.254", "::169.254.169.254", "64:ff9b::169.254.169.254"
    };
    static const char *const allowed[] = { "127.0.0.1",
                                           "10.0.0.1",
                                           "192.168.1.1",
                                           "169.253.255.255",
                                           "169.255.0.0",
                                           "1.1.1.1",
                                           "::1",
                                           "fec0::1",
                                           "fd00::1",
                                           "2606:4700::1111",
                                           "::ffff:127.0.0.1",
                                           "2001:db8::a9fe:a9fe",
                                           "::ffff:168.254.1.1",
                                           "64:ff9b::169.253.1.1",
                                           "64:ff9c::169.254.1.1",
                                           "fd00:ec2::253" };

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        cr_assert(is_forbidden(refused[i]), "%s", refused[i]);
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        cr_assert_not(is_forbidden(allowed[i]), "%s", allowed[i]);
}
