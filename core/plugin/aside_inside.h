/* aside_inside.h - what the files of aside.h share. */
#ifndef PLUGIN_ASIDE_INSIDE_H
#define PLUGIN_ASIDE_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base/buf.h"
#include "plugin/aside.h"

enum {
    ASIDE_FDS_MOST = 63, /* lanes of all workers; the control socket is one more */
    ASIDE_LANES_MOST = 2,
};

/* What was sent, in the order of its answers. Heap. */
struct aside_pending {
    struct aside_pending *next;
    struct aside_lane *lane;
    struct aside_ask *ask; /* NULL: nobody waits */
    enum aside_op op;
    uint32_t id;
    int64_t sent_ns;
};

/* One socket to the helper, and a thread of it at the other end. The worker's. */
struct aside_lane {
    struct aside *aside;
    struct loop *loop; /* NULL: not used yet */
    struct loop_watch watch;
    struct loop_timer hang;
    int fd;        /* -1: none */
    unsigned turn; /* of the helper that it leads to */
    uint32_t last_id;
    struct buf in, out;
    struct aside_pending *first, **last;
    unsigned count;
};

struct aside {
    const struct plugin *plugin;
    char *settings;
    int64_t patience_ns;
    unsigned workers, lanes; /* lanes of each worker */
    /* The helper; of the thread that keeps it up, and of aside_open() before it runs. */
    pid_t pid;
    int control_fd;
    pthread_t keeper;
    int wake_fd; /* eventfd: something is asked of the keeper */
    bool started;
    atomic_bool stopping;
    atomic_uint bad_turn; /* the helper of this turn is no use any more */
    /* New sockets for the lanes. */
    pthread_mutex_t lock;
    int fresh[ASIDE_FDS_MOST]; /* -1: taken */
    atomic_uint turn;          /* rises with each start; 0: none yet */
    atomic_ullong answered, late, away, wrong, restarts;
    struct aside_lane lane[];
};

void aside_lane_init(struct aside_lane *lane, struct aside *aside);
void aside_lane_fini(struct aside_lane *lane);
/* The helper hangs, or sends what is no answer: it is ended and started again. Any thread. */
void aside_distrust(struct aside *aside, unsigned turn);

#endif
