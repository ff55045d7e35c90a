/* arena.h - memory that dies together: one request, one configuration.
 *
 * Not thread-safe: an arena belongs to one thread at a time. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

struct arena_block;
struct arena_defer;

struct arena {
    struct arena_block *blocks; /* newest first */
    struct arena_defer *defers; /* newest first */
    char *next, *end;           /* free part of the block in use */
    char *first, *first_end;    /* the caller's memory */
    size_t used;                /* bytes handed out, for the limit */
    size_t max;
    bool full; /* the limit was passed: the owner must fail the request */
};

/* `max` in bytes; `first`/`first_len` is memory for the first allocations, kept (may be NULL). */
void arena_init(struct arena *a, void *first, size_t first_len, size_t max);
/* Runs the deferred calls, newest first, then frees everything. */
void arena_fini(struct arena *a);
/* The same, and ready for use again with the caller's first memory. */
void arena_reset(struct arena *a);

/* `bytes` zeroed, aligned to 16, arena. Never NULL: past `max` the memory is still given and
 * a->full is set, so that small helpers need no check; the way looks at it after each step.
 * When no block can be had it is set too and the bytes alone are taken; when they cannot either, abort. */
void *arena_alloc(struct arena *a, size_t bytes);
/* Like arena_alloc() but not zeroed, and NULL when it would pass `max` or malloc fails: for what a client or
 * an upstream sizes. Leaves a->full alone. */
void *arena_try(struct arena *a, size_t bytes);
#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (size_t)(n)))

/* A NUL-terminated copy, arena; "" when t is absent. */
char *arena_str(struct arena *a, struct text t);
/* The same as a text; absent when t is. */
struct text arena_text(struct arena *a, struct text t);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *format, va_list args);

/* Calls fn(arg) when the arena ends, `arg` kept. */
void arena_defer(struct arena *a, void (*fn)(void *arg), void *arg);

#endif
