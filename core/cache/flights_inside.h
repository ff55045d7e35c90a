/* flights_inside.h - flights as their own files see them. Only cache/flights*.c include this. */
#ifndef CACHE_FLIGHTS_INSIDE_H
#define CACHE_FLIGHTS_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "cache/flights.h"

enum { BUCKETS = 1024 };
#define FLIGHTS_MAGIC 0x666c6768u

/* Each part has a reference from the one before it, and from the seats that stand at it. */
struct flights_part {
    atomic_uint refs;
    struct flights_part *next;
    struct flights *of;
    size_t len;
    char bytes[];
};

/* The listeners of one worker. */
struct flights_bus {
    struct loop_message message;
    struct flight *flight;
    bool posted;                /* under the lock */
    struct flights_seat *first; /* that worker's thread alone */
    struct loop *loop;
};

struct flight {
    struct flights *of;
    atomic_uint refs;
    atomic_uint heard; /* listeners */
    /* Under the lock. */
    enum flights_state state;
    bool over, good, full; /* nothing more comes; all of it was good; nobody may join any more */
    size_t len;
    struct flights_part *first, *last; /* `first`: before the first byte; NULL when full. References */
    struct flights_leader *leader;     /* NULL: it has ended */
    bool leader_posted;
    struct loop_message for_leader;
    struct flight *next; /* in its bucket */
    struct flight *later;
    int64_t until_ns; /* when it lingers */
    char *words, *more, *code, *provider, *model, *content_type;
    struct fail fail;
    char key[CACHE_KEY_LEN + 1];
    unsigned form;
    struct flights_bus buses[];
};

struct flights {
    uint32_t magic;
    unsigned workers;
    pthread_mutex_t lock;
    atomic_size_t held; /* bytes of all parts */
    atomic_uint listeners;
    _Atomic uint64_t turn;
    struct flight *buckets[BUCKETS];
    struct flight *linger_first, **linger_last; /* failed ones, in the order in which they go */
};

/* flights_bus.c */
/* A part with one reference; NULL: there is no memory for it. */
struct flights_part *flights_part_new(struct flights *of, struct text bytes);
/* And those that only it kept. NULL is nothing. */
void flights_part_unref(struct flights_part *part);
void flights_unref(struct flight *flight);
/* The lock is held. */
void flights_wake(struct flights_bus *bus);
void flights_wake_all(struct flight *flight);
/* loop_message.on_message of a bus, and of a flight's leader. */
void flights_on_bus(struct loop_message *message);
void flights_on_leader(struct loop_message *message);

#endif
