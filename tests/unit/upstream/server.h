/* server.h - an upstream inside the test: a listener on a free port, a thread for each connection, and a
 * function of the test that decides what happens on it. */
#ifndef UNIT_UPSTREAM_SERVER_H
#define UNIT_UPSTREAM_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

enum { SERVER_CONNECTIONS = 2048 };

struct server;

/* One accepted connection. */
struct server_conn {
    struct server *server;
    void *arg; /* of server_start() */
    pthread_t thread;
    int fd;
    int number; /* from 0, in the order of accepting */
    /* What was read and not yet taken. */
    char *held;
    size_t held_len;
};

struct server {
    int fd, port;
    char url[64]; /* http://127.0.0.1:port */
    void (*serve)(struct server_conn *conn);
    void *arg;
    pthread_t thread;
    pthread_mutex_t lock;
    struct server_conn *conns[SERVER_CONNECTIONS];
    int count;
    atomic_int connections, requests;
    atomic_bool stopping;
};

/* `serve` runs on a thread of its own for each connection; when it returns the connection is closed. */
struct server *server_start(void (*serve)(struct server_conn *conn), void *arg);
/* Ends every connection and waits for the threads. */
void server_stop(struct server *s);

/* Reads one request. Head with its empty line, and the body by its Content-Length; both malloc()ed, NUL
 * after them, and may be NULL pointers. False when the connection ended. */
bool server_read(struct server_conn *conn, char **head, char **body, size_t *body_len);
/* Reads a request and forgets it. */
bool server_skip(struct server_conn *conn);
bool server_send(struct server_conn *conn, struct text bytes);
bool server_say(struct server_conn *conn, const char *bytes);
/* Waits until the other end closes; what it still sends is thrown away. */
void server_wait_close(struct server_conn *conn);
/* The connection will end with RST. */
void server_reset(struct server_conn *conn);
void server_sleep(int ms);

#endif
