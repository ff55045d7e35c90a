/* worker_thread.h - a worker, its thread and its front. Boot thread. */
#ifndef BOOT_WORKER_THREAD_H
#define BOOT_WORKER_THREAD_H

#include <pthread.h>
#include <semaphore.h>

#include "base/fail.h"
#include "flow/worker.h"
#include "http/front.h"

struct worker_thread {
    struct worker worker;
    struct front *front;
    pthread_t thread;
    bool started;
    int idle_fd; /* an eventfd, kept: 1 is added once when the worker has drained */
    struct loop_message drain, cut, stop, use;
    struct config *next; /* of `use` */
    struct script_worker *next_scripts;
    sem_t *used;
    struct loop_timer look; /* while draining */
};

/* `listen_fd` is taken, also on failure; the rest is kept. 0, or -1 with `fail`. */
int worker_thread_open(struct worker_thread *thread, unsigned index, struct gateway *gateway, struct config *config,
                       int listen_fd, int idle_fd, struct fail *fail);
/* Runs the worker's loop in a thread of its own, which no signal reaches. 0, or -1 with errno. */
int worker_thread_start(struct worker_thread *thread);
/* Its new requests begin with `config` and its policies (taken); `used` is posted when they do. Lent until then. One at a time. */
void worker_thread_use(struct worker_thread *thread, struct config *config, struct script_worker *scripts, sem_t *used);
/* No new connections; idle_fd decides when none is left. */
void worker_thread_drain(struct worker_thread *thread);
/* Ends the requests in flight. After worker_thread_drain(). */
void worker_thread_cut(struct worker_thread *thread);
/* The loop ends; the thread is joined. */
void worker_thread_stop(struct worker_thread *thread);
/* Frees what worker_thread_open() took. After worker_thread_stop(). */
void worker_thread_close(struct worker_thread *thread);

#endif
