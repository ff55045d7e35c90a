/* peer.h - who has connected. Pure function, any thread. */
#ifndef HTTP_PEER_H
#define HTTP_PEER_H

#include <netinet/in.h>
#include <stdbool.h>

/* The address as text, "" when it is none of the Internet. An IPv4 address that came over an IPv6 socket is written as
 * IPv4. True when it is this machine: a loopback address. */
bool peer_name(const struct sockaddr_storage *addr, char out[INET6_ADDRSTRLEN]);

#endif
