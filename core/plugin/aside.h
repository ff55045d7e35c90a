/* aside.h - a cache plugin that may block, in a helper process of its own. A crash of it, a hang or wrong bytes cost answers, never the
 * gateway: the process is started again at once. It has the plugin's settings and no other secret.
 *
 * Each worker has lanes of its own to it and asks on its own loop, without a lock. Who asks has an answer within aside_patience_ms(), whatever the
 * plugin does; what is late then finishes alone. */
#ifndef PLUGIN_ASIDE_H
#define PLUGIN_ASIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "base/text.h"
#include "loop/loop.h"
#include "plugin/aside_frame.h"
#include "plugin/plugin.h"

#define ASIDE_ANSWER_MS 5

struct aside;
struct aside_pending;

/* One operation. All lent. */
struct aside_order {
    enum aside_op op;
    struct text team, space; /* whose it is */
    const struct text *keys; /* of a get: up to ASIDE_KEYS_MOST; else one */
    uint32_t key_count;
    struct text value; /* set */
    uint32_t ttl_s;    /* set, add */
    uint32_t mode;     /* set: GW_SET_*; add: GW_ADD_* */
    int64_t delta;     /* add */
    int64_t start;     /* add with GW_ADD_CREATE: what a counter that is not there begins with */
};

struct aside_answer {
    gw_status status;  /* GW_E_UNKNOWN: late, or the helper ended: it may have been done; GW_E_RETRY: it was not */
    int64_t total;     /* add */
    struct text bytes; /* get: aside_value() */
};

/* Who waits for an operation. Embedded in its owner; taken until on_answer() is called, or aside_forget() was. */
struct aside_ask {
    void (*on_answer)(struct aside_ask *ask,
                      const struct aside_answer *answer); /* the loop's thread; never in aside_ask() */
    /* of aside_lane.c */
    struct loop *loop;
    struct loop_timer timer;
    struct aside_pending *pending;
};

/* ASIDE_ANSWER_MS; in builds for tests what GW_CACHE_WAIT_MS says, as a busy machine is late. */
int aside_patience_ms(void);
/* Starts the helper, with `settings` (a JSON object), for `workers` workers. Given; NULL with `fail` (FAIL_OPERATOR): the plugin refuses its
 * settings, or the process cannot be started. Boot thread. */
struct aside *aside_open(const struct plugin *plugin, const char *settings, unsigned workers, struct fail *fail);
/* When no worker asks any more. */
void aside_close(struct aside *aside);

/* Sends an operation; `ask` NULL: nobody waits for it. False: the helper is away or late, nothing was sent and nothing is answered. The
 * worker's thread, whose loop it is. */
bool aside_ask(struct aside *aside, unsigned worker, struct loop *loop, const struct aside_order *order,
               struct aside_ask *ask);
/* Nobody waits for it any more. Nothing where it is not under way. */
void aside_forget(struct aside_ask *ask);
/* Takes the next value of a get from the front of `bytes`. False: there is none. */
bool aside_value(struct text *bytes, uint32_t *index, struct text *value);

/* What has become of the operations so far. Any thread. */
struct aside_figures {
    uint64_t answered, late, away; /* late: no answer in time; away: not sent */
    uint64_t wrong;                /* answered with GW_E_PROTOCOL */
    uint64_t restarts;             /* of the helper */
};
void aside_read_figures(const struct aside *aside, struct aside_figures *out);
/* The plugin's name. Static. */
const char *aside_name(const struct aside *aside);

#endif
