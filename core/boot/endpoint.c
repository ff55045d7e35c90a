/* endpoint.c - reads and writes the address that is listened on. Names are not looked up: what a name means
 * can change, and with it who can reach the gateway. */
#include "boot/endpoint.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

static int wrong(struct fail *fail)
{
    return fail_set(fail, FAIL_OPERATOR,
                    "address takes ADDRESS:PORT with a numeric address: "
                    "\"127.0.0.1:8080\", \"[::1]:8080\" or \":8080\" for every address");
}

static int parse_ip(struct text host, int family, unsigned char out[16])
{
    char copy[INET6_ADDRSTRLEN];
    if (host.len >= sizeof copy || memchr(host.ptr, '\0', host.len) != NULL)
        return -1;
    memcpy(copy, host.ptr, host.len);
    copy[host.len] = '\0';
    return inet_pton(family, copy, out) == 1 ? 0 : -1;
}

int endpoint_parse(struct text t, struct arena *arena, struct text *address, uint16_t *port, struct fail *fail)
{
    unsigned char ip[16];
    struct text host = TEXT_NONE, digits = TEXT_NONE;
    int64_t number;

    if (text_starts(t, TEXT("["))) {
        ptrdiff_t end = text_find(t, TEXT("]:"));
        if (end < 0)
            return wrong(fail);
        host = (struct text){ t.ptr + 1, (size_t)end - 1 };
        digits = (struct text){ t.ptr + end + 2, t.len - (size_t)end - 2 };
        if (parse_ip(host, AF_INET6, ip) < 0)
            return wrong(fail);
    } else {
        digits = t;
        host = text_cut(&digits, ':');
        if (digits.ptr == NULL || digits.len == 0)
            return wrong(fail);
        if (host.len == 0)
            host = TEXT("0.0.0.0");
        else if (text_is(host, "localhost"))
            host = TEXT("127.0.0.1");
        else if (parse_ip(host, AF_INET, ip) < 0)
            return wrong(fail);
    }
    if (digits.len > 5 || text_parse_u63(digits, &number) < 0 || number > UINT16_MAX)
        return wrong(fail);
    *address = arena_text(arena, host);
    *port = (uint16_t)number;
    return 0;
}

bool endpoint_is_loopback(struct text address)
{
    static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    unsigned char ip[16];
    if (parse_ip(address, AF_INET, ip) == 0)
        return ip[0] == 127;
    if (parse_ip(address, AF_INET6, ip) < 0)
        return false;
    if (memcmp(ip, mapped, sizeof mapped) == 0)
        return ip[12] == 127;
    return memcmp(ip, &in6addr_loopback, sizeof in6addr_loopback) == 0;
}

/* The host and port of a URL; false when the host is a name. */
static bool read_url(struct text url, struct text *host, int64_t *port)
{
    unsigned char ip[16];
    bool tls = text_starts_nocase(url, TEXT("https://"));
    size_t scheme = tls ? 8 : 7;
    if (url.len < scheme)
        return false;
    struct text rest = { url.ptr + scheme, url.len - scheme }, digits;
    rest = text_cut(&rest, '/');
    if (text_starts(rest, TEXT("["))) {
        digits = (struct text){ rest.ptr + 1, rest.len - 1 };
        *host = text_cut(&digits, ']');
        text_cut(&digits, ':');
    } else {
        digits = rest;
        *host = text_cut(&digits, ':');
    }
    if (digits.len == 0)
        *port = tls ? 443 : 80;
    else if (text_parse_u63(digits, port) < 0)
        return false;
    if (text_eq_nocase(*host, TEXT("localhost")) || text_is(*host, "0.0.0.0"))
        *host = TEXT("127.0.0.1");
    else if (text_is(*host, "::"))
        *host = TEXT("::1");
    return parse_ip(*host, AF_INET, ip) == 0 || parse_ip(*host, AF_INET6, ip) == 0;
}

/* Is it an address of one of this machine's interfaces? */
static bool is_of_machine(struct text host)
{
    unsigned char ip[16];
    int family = parse_ip(host, AF_INET, ip) == 0 ? AF_INET : AF_INET6;
    struct ifaddrs *all = NULL;
    bool found = false;

    if ((family == AF_INET6 && parse_ip(host, AF_INET6, ip) < 0) || getifaddrs(&all) < 0)
        return false;
    for (const struct ifaddrs *i = all; i != NULL && !found; i = i->ifa_next) {
        if (i->ifa_addr == NULL || i->ifa_addr->sa_family != family)
            continue;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        if (family == AF_INET) {
            memcpy(&v4, i->ifa_addr, sizeof v4);
            found = memcmp(&v4.sin_addr, ip, 4) == 0;
        } else {
            memcpy(&v6, i->ifa_addr, sizeof v6);
            found = memcmp(&v6.sin6_addr, ip, 16) == 0;
        }
    }
    freeifaddrs(all);
    return found;
}

bool endpoint_leads_here(struct text url, struct text address, uint16_t port)
{
    struct text host;
    int64_t number;

    if (port == 0 || !read_url(url, &host, &number) || number != port)
        return false;
    if (text_eq(host, address))
        return true;
    if (!text_is(address, "0.0.0.0") && !text_is(address, "::"))
        return false;
    return endpoint_is_loopback(host) || is_of_machine(host);
}

void endpoint_write(struct text address, uint16_t port, bool reachable, struct buf *out)
{
    bool v6 = text_find(address, TEXT(":")) >= 0;
    if (reachable && text_is(address, "0.0.0.0"))
        address = TEXT("127.0.0.1");
    else if (reachable && text_is(address, "::"))
        address = TEXT("::1");
    buf_printf(out, v6 ? "[%.*s]:%u" : "%.*s:%u", TEXT_ARG(address), (unsigned)port);
}
