/* worker_thread.c - a worker, its thread and its front. */
#include "boot/worker_thread.h"

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

#define WORKER_THREAD_OF(ptr, member)                                                                                  \
    ((struct worker_thread *)(void *)((char *)(ptr)-offsetof(struct worker_thread, member)))

static void *run(void *arg);
static void on_drain(struct loop_message *message);
static void on_cut(struct loop_message *message);
static void on_stop(struct loop_message *message);
static void on_use(struct loop_message *message);
static void use(struct worker_thread *thread);
static void on_look(struct loop_timer *timer);

int worker_thread_open(struct worker_thread *thread, unsigned index, struct gateway *gateway, struct config *config,
                       int listen_fd, int idle_fd, struct fail *fail)
{
    *thread = (struct worker_thread){ .idle_fd = idle_fd,
                                      .drain.on_message = on_drain,
                                      .cut.on_message = on_cut,
                                      .stop.on_message = on_stop,
                                      .use.on_message = on_use,
                                      .look.on_time = on_look };
    if (worker_init(&thread->worker, index, gateway, config) < 0) {
        close(listen_fd);
        return fail_set(fail, FAIL_OPERATOR, "cannot set up worker %u: %s", index, strerror(errno));
    }
    thread->front = front_new(&thread->worker, listen_fd, fail);
    if (thread->front != NULL)
        return 0;
    worker_fini(&thread->worker);
    return -1;
}

int worker_thread_start(struct worker_thread *thread)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* for the new thread */
    int error = pthread_create(&thread->thread, NULL, run, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        errno = error;
        return -1;
    }
    thread->started = true;
    char name[16];
    snprintf(name, sizeof name, "gw-worker-%u", thread->worker.index % 10000);
    pthread_setname_np(thread->thread, name);
    return 0;
}

static void *run(void *arg)
{
    struct worker_thread *thread = arg;
    loop_run(&thread->worker.loop);
    front_free(thread->front);
    crypto_thread_end();
    return NULL;
}

void worker_thread_use(struct worker_thread *thread, struct config *config, struct script_worker *scripts, sem_t *used)
{
    thread->next = config;
    thread->next_scripts = scripts;
    thread->used = used;
    if (thread->started)
        loop_post(&thread->worker.loop, &thread->use);
    else
        use(thread);
}

static void on_use(struct loop_message *message)
{
    use(WORKER_THREAD_OF(message, use));
}

static void use(struct worker_thread *thread)
{
    worker_use(&thread->worker, thread->next, thread->next_scripts);
    front_reload(thread->front);
    sem_post(thread->used);
}

void worker_thread_drain(struct worker_thread *thread)
{
    loop_post(&thread->worker.loop, &thread->drain);
}

static void on_drain(struct loop_message *message)
{
    struct worker_thread *thread = WORKER_THREAD_OF(message, drain);
    front_drain(thread->front);
    on_look(&thread->look);
}

static void on_look(struct loop_timer *timer)
{
    struct worker_thread *thread = WORKER_THREAD_OF(timer, look);
    if (front_idle(thread->front) && thread->worker.requests == 0) {
        uint64_t one = 1;
        ssize_t wrote = write(thread->idle_fd, &one, sizeof one);
        (void)wrote; /* an eventfd takes it */
        return;
    }
    loop_timer_set(&thread->worker.loop, &thread->look, clock_ns() + LOOK_NS);
}

void worker_thread_cut(struct worker_thread *thread)
{
    loop_post(&thread->worker.loop, &thread->cut);
}

static void on_cut(struct loop_message *message)
{
    front_cut(WORKER_THREAD_OF(message, cut)->front);
}

void worker_thread_stop(struct worker_thread *thread)
{
    if (!thread->started)
        return;
    loop_post(&thread->worker.loop, &thread->stop);
    pthread_join(thread->thread, NULL);
}

static void on_stop(struct loop_message *message)
{
    loop_stop(&WORKER_THREAD_OF(message, stop)->worker.loop);
}

/* A thread that never ran leaves its front to us. */
void worker_thread_close(struct worker_thread *thread)
{
    if (!thread->started)
        front_free(thread->front);
    worker_fini(&thread->worker);
}
