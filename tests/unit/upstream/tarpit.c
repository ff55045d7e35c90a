/* tarpit.c - a listener that accepts nothing. */
#include "tarpit.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

void tarpit_fill(struct tarpit *t)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr = { htonl(INADDR_LOOPBACK) },
                                   .sin_port = htons((uint16_t)t->port) };

    for (int i = 0; i < 8; i++) {
        t->fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(t->fill[i], (struct sockaddr *)&address, sizeof address);
    }
}

void tarpit_open(struct tarpit *t, bool fill)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof address;

    t->fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(t->fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(t->fd, 0), 0);
    getsockname(t->fd, (struct sockaddr *)&address, &len);
    t->port = ntohs(address.sin_port);
    snprintf(t->url, sizeof t->url, "http://127.0.0.1:%d", t->port);
    for (int i = 0; i < 8; i++)
        t->fill[i] = -1;
    if (fill)
        tarpit_fill(t);
}

void tarpit_close(struct tarpit *t)
{
    for (int i = 0; i < 8; i++)
        if (t->fill[i] >= 0)
            close(t->fill[i]);
    close(t->fd);
}
