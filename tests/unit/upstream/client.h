/* client.h - our side of the tests: a loop with a pool, and exchanges that note what was reported to them. */
#ifndef UNIT_UPSTREAM_CLIENT_H
#define UNIT_UPSTREAM_CLIENT_H

#include <stdbool.h>

#include "base/buf.h"
#include "loop/loop.h"
#include "upstream/dial.h"
#include "upstream/transfer.h"

struct client {
    struct loop loop;
    struct dialer *dialer;
    struct pool *pool;
    struct loop_timer limit, nap;
    bool late;
    int running; /* exchanges that were started and are not done */
};

enum moment { NEVER, AT_HEAD, AT_BODY, AT_DONE };

/* One exchange. Fill the first part, then client_start(). */
struct exchange {
    struct transfer_request request;
    char url[256];
    enum moment cancel_at, pause_at;
    bool has_content; /* its first bytes are what it waits for */
    bool keep_body;   /* in `body`, else only counted and summed */

    struct client *client;
    struct transfer *transfer; /* NULL when done or cancelled */
    int heads, dones, status;
    struct buf headers; /* "name=value\n" */
    struct buf body;
    size_t received;
    uint32_t sum;
    enum transfer_failure failure;
    char why[256];
    bool ended; /* by report, or cancelled: nothing may come any more */
};

/* `threads` of the dialer. The loop's time limit is 30 s for the whole test. */
struct client *client_new(unsigned threads, const struct pool_settings *settings);
void client_free(struct client *c);
/* A GET of `url` + `path` with time-outs of 10 s. */
void exchange_init(struct exchange *e, struct client *c, const char *url, const char *path);
void exchange_fini(struct exchange *e);
void client_start(struct exchange *e);
/* Runs the loop until no exchange is running. */
void client_run(struct client *c);
/* Runs the loop for so long. */
void client_nap(struct client *c, int ms);
/* init, start, run. */
void client_get(struct exchange *e, struct client *c, const char *url, const char *path);
/* The sum that exchanges make of bytes. */
uint32_t client_sum(uint32_t sum, const char *bytes, size_t len);

#endif
