/* seat.c - a worker, its thread and its front. */
#include "boot/seat.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"

/* How often a draining worker looks whether it is done. */
#define LOOK_NS (10 * CLOCK_MS)

#define SEAT_OF(ptr, member) ((struct seat *)(void *)((char *)(ptr)-offsetof(struct seat, member)))

static void *run(void *arg);
static void on_drain(struct loop_message *message);
static void on_cut(struct loop_message *message);
static void on_stop(struct loop_message *message);
static void on_look(struct loop_timer *timer);

int seat_open(struct seat *seat, unsigned index, struct gateway *gateway, struct config *config, int listen_fd,
              int idle_fd, struct fail *fail)
{
    *seat = (struct seat){ .idle_fd = idle_fd,
                           .drain.on_message = on_drain,
                           .cut.on_message = on_cut,
                           .stop.on_message = on_stop,
                           .look.on_time = on_look };
    if (worker_init(&seat->worker, index, gateway, config) < 0) {
        close(listen_fd);
        return fail_set(fail, FAIL_OPERATOR, "cannot set up worker %u: %s", index, strerror(errno));
    }
    seat->front = front_new(&seat->worker, listen_fd, fail);
    if (seat->front != NULL)
        return 0;
    worker_fini(&seat->worker);
    return -1;
}

int seat_start(struct seat *seat)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* for the new thread */
    int error = pthread_create(&seat->thread, NULL, run, seat);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        errno = error;
        return -1;
    }
    seat->started = true;
    char name[16];
    snprintf(name, sizeof name, "gw-worker-%u", seat->worker.index % 10000);
    pthread_setname_np(seat->thread, name);
    return 0;
}

static void *run(void *arg)
{
    struct seat *seat = arg;
    loop_run(&seat->worker.loop);
    front_free(seat->front);
    crypto_thread_end();
    return NULL;
}

void seat_drain(struct seat *seat)
{
    loop_post(&seat->worker.loop, &seat->drain);
}

static void on_drain(struct loop_message *message)
{
    struct seat *seat = SEAT_OF(message, drain);
    front_drain(seat->front);
    on_look(&seat->look);
}

static void on_look(struct loop_timer *timer)
{
    struct seat *seat = SEAT_OF(timer, look);
    if (front_idle(seat->front) && seat->worker.requests == 0) {
        uint64_t one = 1;
        ssize_t wrote = write(seat->idle_fd, &one, sizeof one);
        (void)wrote; /* an eventfd takes it */
        return;
    }
    loop_timer_set(&seat->worker.loop, &seat->look, clock_ns() + LOOK_NS);
}

void seat_cut(struct seat *seat)
{
    loop_post(&seat->worker.loop, &seat->cut);
}

static void on_cut(struct loop_message *message)
{
    front_cut(SEAT_OF(message, cut)->front);
}

void seat_stop(struct seat *seat)
{
    if (!seat->started)
        return;
    loop_post(&seat->worker.loop, &seat->stop);
    pthread_join(seat->thread, NULL);
}

static void on_stop(struct loop_message *message)
{
    loop_stop(&SEAT_OF(message, stop)->worker.loop);
}

/* A thread that never ran leaves its front to us. */
void seat_close(struct seat *seat)
{
    if (!seat->started)
        front_free(seat->front);
    worker_fini(&seat->worker);
}
