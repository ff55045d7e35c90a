/* peer.c - the address of a client, as text. */
#include "http/peer.h"

#include <arpa/inet.h>

bool peer_name(const struct sockaddr_storage *addr, char out[INET6_ADDRSTRLEN])
{
    out[0] = '\0';
    if (addr->ss_family == AF_INET) {
        const struct in_addr *in = &((const struct sockaddr_in *)addr)->sin_addr;

        inet_ntop(AF_INET, in, out, INET6_ADDRSTRLEN);
        return ntohl(in->s_addr) >> 24 == 127;
    }
    if (addr->ss_family == AF_INET6) {
        const struct in6_addr *in6 = &((const struct sockaddr_in6 *)addr)->sin6_addr;

        if (IN6_IS_ADDR_V4MAPPED(in6)) {
            inet_ntop(AF_INET, in6->s6_addr + 12, out, INET6_ADDRSTRLEN);
            return in6->s6_addr[12] == 127;
        }
        inet_ntop(AF_INET6, in6, out, INET6_ADDRSTRLEN);
        return IN6_IS_ADDR_LOOPBACK(in6);
    }
    return false;
}
