/* lingering_close.c - the last seconds of connections that were answered before all of the request had come. */
#include "http/lingering_close.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { LINGERING_MOST = 64, PARTING_READS = 8 };
#define PARTING_NS (2 * CLOCK_S)
#define PARTING_BYTES (8u << 20)

struct lingering_close {
    struct loop_watch watch;
    struct loop_timer timer;
    struct front *front;
    struct lingering_close *prev, *next;
    size_t dropped;
};

static void end(struct lingering_close *p);
static void on_ready(struct loop_watch *watch, uint32_t events);
static void on_time(struct loop_timer *timer);

void lingering_close_begin(struct front *f, int fd)
{
    struct lingering_close *p;

    shutdown(fd, SHUT_WR);
    if (f->lingering_count >= LINGERING_MOST || f->freed || (p = calloc(1, sizeof *p)) == NULL) {
        close(fd);
        return;
    }
    p->front = f;
    p->watch.on_ready = on_ready;
    p->timer.on_time = on_time;
    if (loop_watch(f->loop, &p->watch, fd, EPOLLIN | EPOLLRDHUP) < 0) {
        close(fd);
        free(p);
        return;
    }
    loop_timer_set(f->loop, &p->timer, f->loop->now_ns + PARTING_NS);
    p->next = f->lingering;
    if (p->next != NULL)
        p->next->prev = p;
    f->lingering = p;
    f->lingering_count++;
}

void lingering_close_end(struct front *f)
{
    while (f->lingering != NULL)
        end(f->lingering);
}

static void end(struct lingering_close *p)
{
    struct front *f = p->front;

    loop_unwatch(f->loop, &p->watch);
    loop_timer_clear(f->loop, &p->timer);
    close(p->watch.fd);
    if (p->next != NULL)
        p->next->prev = p->prev;
    if (p->prev != NULL)
        p->prev->next = p->next;
    else
        f->lingering = p->next;
    f->lingering_count--;
    free(p);
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
    struct lingering_close *p = CONTAINER(watch, struct lingering_close, watch);
    char bytes[16384];

    (void)events;
    for (int i = 0; i < PARTING_READS; i++) {
        ssize_t n = recv(watch->fd, bytes, sizeof bytes, MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0 || (p->dropped += (size_t)n) > PARTING_BYTES) {
            end(p);
            return;
        }
    }
}

static void on_time(struct loop_timer *timer)
{
    end(CONTAINER(timer, struct lingering_close, timer));
}
