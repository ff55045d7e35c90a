/* scarce.c - stands before the C library. */
#include "scarce.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

struct scarce accepts, epolls, watches, binds;

static bool is_lacking(struct scarce *s)
{
    if (atomic_load(&s->error) == 0 || atomic_fetch_sub(&s->succeed, 1) > 0 || atomic_fetch_sub(&s->fail, 1) <= 0)
        return false;
    errno = atomic_load(&s->error);
    return true;
}

void lack_some(struct scarce *s, int succeed, int fail, int error)
{
    atomic_store(&s->error, 0);
    atomic_store(&s->succeed, succeed);
    atomic_store(&s->fail, fail);
    atomic_store(&s->error, error);
}

void lack(struct scarce *s, int succeed, int error)
{
    lack_some(s, succeed, 1, error);
}

#define REAL(name_, type_)                                                                                             \
    static _Atomic(type_ *) real;                                                                                      \
    type_ *name_ = atomic_load(&real);                                                                                 \
    if (name_ == NULL) {                                                                                               \
        void *next = dlsym(RTLD_NEXT, __func__);                                                                       \
        memcpy(&name_, &next, sizeof name_);                                                                           \
        atomic_store(&real, name_);                                                                                    \
    }

typedef int accept4_fn(int fd, struct sockaddr *from, socklen_t *len, int flags);
int __attribute__((visibility("default"))) accept4(int fd, struct sockaddr *from, socklen_t *len, int flags)
{
    REAL(call, accept4_fn)
    return is_lacking(&accepts) ? -1 : call(fd, from, len, flags);
}

typedef int epoll_create1_fn(int flags);
int __attribute__((visibility("default"))) epoll_create1(int flags)
{
    REAL(call, epoll_create1_fn)
    return is_lacking(&epolls) ? -1 : call(flags);
}

typedef int epoll_ctl_fn(int fd, int what, int of, struct epoll_event *event);
int __attribute__((visibility("default"))) epoll_ctl(int fd, int what, int of, struct epoll_event *event)
{
    REAL(call, epoll_ctl_fn)
    return what == EPOLL_CTL_ADD && is_lacking(&watches) ? -1 : call(fd, what, of, event);
}

typedef int bind_fn(int fd, const struct sockaddr *to, socklen_t len);
int __attribute__((visibility("default"))) bind(int fd, const struct sockaddr *to, socklen_t len)
{
    REAL(call, bind_fn)
    return is_lacking(&binds) ? -1 : call(fd, to, len);
}
