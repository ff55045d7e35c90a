/* seat.h - a worker, its thread and its front. Boot thread. */
#ifndef BOOT_SEAT_H
#define BOOT_SEAT_H

#include <pthread.h>

#include "base/fail.h"
#include "flow/worker.h"
#include "http/front.h"

struct seat {
    struct worker worker;
    struct front *front;
    pthread_t thread;
    bool started;
    int idle_fd; /* an eventfd, kept: 1 is added once when the worker has drained */
    struct loop_message drain, cut, stop;
    struct loop_timer look; /* while draining */
};

/* `listen_fd` is taken, also on failure; the rest is kept. 0, or -1 with `fail`. */
int seat_open(struct seat *seat, unsigned index, struct gateway *gateway, struct config *config, int listen_fd,
              int idle_fd, struct fail *fail);
/* Runs the worker's loop in a thread of its own, which no signal reaches. 0, or -1 with errno. */
int seat_start(struct seat *seat);
/* No new connections; idle_fd decides when none is left. */
void seat_drain(struct seat *seat);
/* Ends the requests in flight. After seat_drain(). */
void seat_cut(struct seat *seat);
/* The loop ends; the thread is joined. */
void seat_stop(struct seat *seat);
/* Frees what seat_open() took. After seat_stop(). */
void seat_close(struct seat *seat);

#endif
