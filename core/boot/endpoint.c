/* endpoint.c - reads and writes the address that is listened on. Names are not looked up: what a name means
 * can change, and with it who can reach the gateway. */
#include "boot/endpoint.h"

#include <arpa/inet.h>
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
        host = (struct text){t.ptr + 1, (size_t)end - 1};
        digits = (struct text){t.ptr + end + 2, t.len - (size_t)end - 2};
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
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    unsigned char ip[16];
    if (parse_ip(address, AF_INET, ip) == 0)
        return ip[0] == 127;
    if (parse_ip(address, AF_INET6, ip) < 0)
        return false;
    if (memcmp(ip, mapped, sizeof mapped) == 0)
        return ip[12] == 127;
    return memcmp(ip, &in6addr_loopback, sizeof in6addr_loopback) == 0;
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
