/* strangers.c - a small table of addresses; the one that was seen longest ago makes room. */
#include "admin/strangers.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"

enum { ROWS = 256, TRIES = 10, WINDOW_S = 60 };

struct row {
    char address[INET6_ADDRSTRLEN]; /* "": none */
    int64_t began_ns;               /* its minute */
    unsigned tries;
};

struct strangers {
    pthread_mutex_t lock;
    struct row rows[ROWS];
};

struct strangers *strangers_new(void)
{
    struct strangers *s = calloc(1, sizeof *s);
    BUG_IF(s == NULL);
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void strangers_free(struct strangers *s)
{
    pthread_mutex_destroy(&s->lock);
    free(s);
}

int strangers_wrong(struct strangers *s, const char *address, int64_t now_ns)
{
    struct row *row = &s->rows[0];
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(s->rows[i].address, address) == 0 && s->rows[i].tries > 0) {
            row = &s->rows[i];
            break;
        }
        if (s->rows[i].began_ns < row->began_ns)
            row = &s->rows[i];
    }
    if (row->tries == 0 || strcmp(row->address, address) != 0 || now_ns - row->began_ns >= WINDOW_S * CLOCK_S) {
        *row = (struct row){ .began_ns = now_ns };
        snprintf(row->address, sizeof row->address, "%s", address);
    }
    row->tries++;
    int wait = row->tries <= TRIES ? 0 : (int)((row->began_ns + WINDOW_S * CLOCK_S - now_ns) / CLOCK_S) + 1;
    pthread_mutex_unlock(&s->lock);
    return wait;
}
