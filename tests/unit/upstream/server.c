/* server.c - the upstream side of the tests. */
#include "server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static void *conn_main(void *arg)
{
    struct server_conn *conn = arg;

    conn->server->serve(conn);
    shutdown(conn->fd, SHUT_WR);
    pthread_mutex_lock(&conn->server->lock);
    close(conn->fd);
    conn->fd = -1;
    pthread_mutex_unlock(&conn->server->lock);
    return NULL;
}

static void *accept_main(void *arg)
{
    struct server *s = arg;

    for (;;) {
        int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC), one = 1;
        struct server_conn *conn;

        if (fd < 0) {
            if (errno == EINTR)
                continue;
            return NULL;
        }
        conn = calloc(1, sizeof *conn);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        pthread_mutex_lock(&s->lock);
        if (s->stopping || s->count == SERVER_CONNECTIONS) {
            close(fd);
            free(conn);
        } else {
            conn->server = s;
            conn->arg = s->arg;
            conn->fd = fd;
            conn->number = s->count;
            s->conns[s->count++] = conn;
            s->connections++;
            if (pthread_create(&conn->thread, NULL, conn_main, conn) != 0)
                abort();
        }
        pthread_mutex_unlock(&s->lock);
    }
}

struct server *server_start(void (*serve)(struct server_conn *conn), void *arg)
{
    struct server *s = calloc(1, sizeof *s);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof address;

    s->serve = serve;
    s->arg = arg;
    pthread_mutex_init(&s->lock, NULL);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(s->fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(s->fd, 4096), 0);
    cr_assert_eq(getsockname(s->fd, (struct sockaddr *)&address, &len), 0);
    s->port = ntohs(address.sin_port);
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d", s->port);
    cr_assert_eq(pthread_create(&s->thread, NULL, accept_main, s), 0);
    return s;
}

void server_stop(struct server *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    for (int i = 0; i < s->count; i++)
        if (s->conns[i]->fd >= 0)
            shutdown(s->conns[i]->fd, SHUT_RDWR);
    pthread_mutex_unlock(&s->lock);
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    for (int i = 0; i < s->count; i++) {
        pthread_join(s->conns[i]->thread, NULL);
        free(s->conns[i]->held);
        free(s->conns[i]);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* More bytes behind those held. False at the end. */
static bool read_more(struct server_conn *conn)
{
    char bytes[65536];
    ssize_t got;

    do
        got = recv(conn->fd, bytes, sizeof bytes, 0);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return false;
    conn->held = realloc(conn->held, conn->held_len + (size_t)got + 1);
    memcpy(conn->held + conn->held_len, bytes, (size_t)got);
    conn->held_len += (size_t)got;
    conn->held[conn->held_len] = '\0';
    return true;
}

static char *take(struct server_conn *conn, size_t len)
{
    char *out = malloc(len + 1);

    memcpy(out, conn->held, len);
    out[len] = '\0';
    conn->held_len -= len;
    memmove(conn->held, conn->held + len, conn->held_len + 1);
    return out;
}

bool server_read(struct server_conn *conn, char **head, char **body, size_t *body_len)
{
    char *end, *length, *text;
    size_t want;

    while (conn->held == NULL || (end = strstr(conn->held, "\r\n\r\n")) == NULL)
        if (!read_more(conn))
            return false;
    text = take(conn, (size_t)(end - conn->held) + 4);
    length = strcasestr(text, "\r\nContent-Length:");
    want = length != NULL ? strtoul(length + 17, NULL, 10) : 0;
    while (conn->held_len < want) {
        if (!read_more(conn)) {
            free(text);
            return false;
        }
    }
    conn->server->requests++;
    if (body_len != NULL)
        *body_len = want;
    if (body != NULL)
        *body = take(conn, want);
    else
        free(take(conn, want));
    if (head != NULL)
        *head = text;
    else
        free(text);
    return true;
}

bool server_skip(struct server_conn *conn)
{
    return server_read(conn, NULL, NULL, NULL);
}

bool server_send(struct server_conn *conn, struct text bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(conn->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return false;
        bytes.ptr += sent;
        bytes.len -= (size_t)sent;
    }
    return true;
}

bool server_say(struct server_conn *conn, const char *bytes)
{
    return server_send(conn, text_of(bytes));
}

void server_wait_close(struct server_conn *conn)
{
    char bytes[4096];
    ssize_t got;

    do
        got = recv(conn->fd, bytes, sizeof bytes, 0);
    while (got > 0 || (got < 0 && errno == EINTR));
}

void server_reset(struct server_conn *conn)
{
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };

    setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    pthread_mutex_lock(&conn->server->lock);
    int fd = conn->fd;
    conn->fd = dup(conn->server->fd); /* something that can be closed again */
    close(fd);
    pthread_mutex_unlock(&conn->server->lock);
}

void server_sleep(int ms)
{
    struct timespec nap = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

    nanosleep(&nap, NULL);
}
