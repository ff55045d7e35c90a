/* throttle_inside.h - what the files of throttle.h share. */
#ifndef FLOW_THROTTLE_INSIDE_H
#define FLOW_THROTTLE_INSIDE_H

#include <pthread.h>

#include "flow/share.h"
#include "flow/throttle.h"
#include "plugin/aside.h"

enum {
    MINUTE = SHARE_MINUTE,
    KEEP_S = 3 * MINUTE, /* a counter: its minute, the next, and what may still be corrected */
    NAME_HEX = 16,
    COUNTER_NAME = 64, /* most bytes of a counter's name */
    TURNS_MOST = 16,   /* that a request waits for a server; then it goes on with what is known */
};

struct worker;

/* A limit that is counted on a server. Heap, and stays. */
struct window {
    struct throttle *throttle;
    char name[NAME_HEX + 2]; /* of its owner */
    char what;               /* 'r', 't' */
    struct share share;
    /* While the server is asked: */
    bool asks;
    enum { WINDOW_BEFORE, WINDOW_TAKES } for_what;
    unsigned worker;
    struct loop *loop;
    struct aside_ask ask;
    struct share_ask wanted;
    int64_t minute, batch, owed;
    struct throttle_seat *first; /* who waits for it */
    unsigned seats;              /* how many they are, and were at the last answer */
    bool away;                   /* the last ask ended so */
};

/* Limits of somebody. */
struct throttle_owner {
    char name[NAME_HEX + 2]; /* in the names of counters */
    unsigned in_flight;
    struct window *windows[2]; /* requests, tokens; NULL: they are counted in this process */
};

struct throttle {
    pthread_mutex_t mutex;
    struct counters *counters; /* one of the two */
    struct aside *aside;
    unsigned gateways;
    struct throttle_owner *owners; /* by config_rates.index; they stay */
    size_t owner_count;
};

/* What is asked of one owner. */
struct ask_one {
    struct throttle_owner *owner;
    const struct config_rates *rates;
    const char *kind; /* "key", "team", "gateway" */
    struct text name;
    int64_t requests, requests_before, tokens, tokens_before;
};

/* throttle.c */
size_t throttle_owners(const struct request *req, struct ask_one out[THROTTLE_MOST]);
/* With the mutex held until throttle_unlock(). */
void throttle_lock(struct throttle *t, struct ask_one *asks, size_t count);
int64_t throttle_at_most(int64_t tokens, int64_t limit);
struct text throttle_counter(char room[COUNTER_NAME], const char *owner, char what, int64_t minute);
/* The tokens that the request may use. */
int64_t throttle_expected(struct request *req);
bool throttle_counts(const struct request *req);

/* throttle_shared.c, with the mutex held: */
struct window *throttle_window(struct throttle *t, const char *owner, char what);
/* Is there room for `more`? SHARE_LACKS: the server must be asked. `last`: it is asked no more; where it is away this gateway goes on alone, else
 * there is no room. On the thread of `worker`. */
enum share_state throttle_share_look(struct window *w, struct worker *worker, int64_t limit, int64_t more,
                                     int64_t minute, int64_t second, bool last);
/* Gives `units` back that were used of `minute`; below 0: so many more were used. */
void throttle_share_give(struct window *w, unsigned worker, struct loop *loop, int64_t minute, int64_t units);

#endif
