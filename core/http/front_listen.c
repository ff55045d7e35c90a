/* front_listen.c - listening sockets: made, and recognized. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/front.h"
#include "http/inside.h"

enum { OWN_PORTS = 256 };

struct place {
    struct sockaddr_storage addr;
    socklen_t len;
};

static int read_address(struct text address, uint16_t port, struct place *place, struct fail *fail)
{
    char name[INET6_ADDRSTRLEN + 1];
    struct sockaddr_in *in = (struct sockaddr_in *)&place->addr;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&place->addr;

    memset(place, 0, sizeof *place);
    if (address.len > 2 && address.ptr[0] == '[' && address.ptr[address.len - 1] == ']')
        address = (struct text){ address.ptr + 1, address.len - 2 };
    if (text_is(address, "localhost"))
        address = TEXT("127.0.0.1");
    if (address.len < sizeof name) {
        memcpy(name, address.ptr, address.len);
        name[address.len] = '\0';
        if (inet_pton(AF_INET, name, &in->sin_addr) == 1) {
            in->sin_family = AF_INET;
            in->sin_port = htons(port);
            place->len = sizeof *in;
            return 0;
        }
        if (inet_pton(AF_INET6, name, &in6->sin6_addr) == 1) {
            in6->sin6_family = AF_INET6;
            in6->sin6_port = htons(port);
            place->len = sizeof *in6;
            return 0;
        }
    }
    return fail_set(
        fail, FAIL_OPERATOR,
        "cannot listen on \"%.*s\": an address is wanted, such as 127.0.0.1, ::1, 0.0.0.0 or ::", TEXT_ARG(address));
}

static int bind_failed(int fd, struct text address, uint16_t port, struct fail *fail)
{
    int why = errno;
    bool bare6 = address.len > 0 && address.ptr[0] != '[' && memchr(address.ptr, ':', address.len) != NULL;
    char place[INET6_ADDRSTRLEN + 16];

    snprintf(place, sizeof place, bare6 ? "[%.*s]:%u" : "%.*s:%u", TEXT_ARG(address), (unsigned)port);
    if (fd >= 0)
        close(fd);
    if (why == EADDRINUSE)
        return fail_set(fail, FAIL_OPERATOR,
                        "cannot listen on %s: address in use; another process listens there (ss -ltnp shows which), "
                        "end it or choose another port with --listen",
                        place);
    if (why == EACCES)
        return fail_set(fail, FAIL_OPERATOR,
                        "cannot listen on %s: ports below 1024 need the right CAP_NET_BIND_SERVICE; choose another "
                        "port with --listen",
                        place);
    if (why == EADDRNOTAVAIL)
        return fail_set(fail, FAIL_OPERATOR, "cannot listen on %s: this machine does not have that address", place);
    return fail_set(fail, FAIL_OPERATOR, "cannot listen on %s: %s", place, strerror(why));
}

/* Ports this process has listened on: with SO_REUSEPORT a second gateway of the same user would get half of
 * the connections of the first instead of a complaint, so the first socket of a port looks first. */
static pthread_mutex_t own_lock = PTHREAD_MUTEX_INITIALIZER;
static uint16_t own_ports[OWN_PORTS];
static unsigned own_count;

static bool is_own(uint16_t port, bool remember)
{
    bool own = false;

    pthread_mutex_lock(&own_lock);
    for (unsigned i = 0; i < own_count && !own; i++)
        own = own_ports[i] == port;
    if (remember && !own && own_count < OWN_PORTS)
        own_ports[own_count++] = port;
    pthread_mutex_unlock(&own_lock);
    return own;
}

/* 0 when nobody listens there, else -1 with errno. */
static int look_for_others(const struct place *place)
{
    int on = 1, result, saved;
    int fd = socket(place->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    result = bind(fd, (const struct sockaddr *)&place->addr, place->len);
    saved = errno;
    close(fd);
    errno = saved;
    return result;
}

static uint16_t port_of(const struct place *place)
{
    return ntohs(place->addr.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&place->addr)->sin6_port
                                                   : ((const struct sockaddr_in *)&place->addr)->sin_port);
}

int front_listen(struct text address, uint16_t port, uint16_t *bound_port, struct fail *fail)
{
    struct place place;
    int fd, on = 1, off = 0;

    if (read_address(address, port, &place, fail) < 0)
        return -1;
    if (port != 0 && !is_own(port, false) && look_for_others(&place) < 0)
        return bind_failed(-1, address, port, fail);
    fd = socket(place.addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return bind_failed(fd, address, port, fail);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (place.addr.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off); /* "::" is for IPv4 too */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0 ||
        bind(fd, (const struct sockaddr *)&place.addr, place.len) < 0 || listen(fd, FRONT_BACKLOG) < 0)
        return bind_failed(fd, address, port, fail);
    place.len = sizeof place.addr;
    if (getsockname(fd, (struct sockaddr *)&place.addr, &place.len) < 0)
        return bind_failed(fd, address, port, fail);
    *bound_port = port_of(&place);
    is_own(*bound_port, true);
    return fd;
}

bool front_listens_at(int fd, struct text address, uint16_t port, uint16_t *bound_port)
{
    struct place is = { .len = sizeof is.addr }, wanted;
    struct fail fail;
    if (getsockname(fd, (struct sockaddr *)&is.addr, &is.len) < 0)
        return false;
    *bound_port = port_of(&is);
    if (read_address(address, *bound_port, &wanted, &fail) < 0 || wanted.addr.ss_family != is.addr.ss_family ||
        (port != 0 && port != *bound_port))
        return false;
    if (is.addr.ss_family == AF_INET6 ? memcmp(&((struct sockaddr_in6 *)&is.addr)->sin6_addr,
                                               &((struct sockaddr_in6 *)&wanted.addr)->sin6_addr, 16) != 0
                                      : memcmp(&((struct sockaddr_in *)&is.addr)->sin_addr,
                                               &((struct sockaddr_in *)&wanted.addr)->sin_addr, 4) != 0)
        return false;
    is_own(*bound_port, true); /* another worker may listen there too */
    return true;
}
