/* fuzz.h - what the fuzz targets share. An input is a few bytes that set how (mode, cuts) and then the bytes that
 * are read, so that a mutation of the one leaves the other alone. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A find: reports what is broken and aborts, so that the input is kept. */
#define MUST(cond, ...)                                                                                                \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            fprintf(stderr, "%s:%d: %s does not hold: ", __FILE__, __LINE__, #cond);                                   \
            fprintf(stderr, "" __VA_ARGS__);                                                                           \
            fputc('\n', stderr);                                                                                       \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* What is left of an input. */
struct fuzz {
    const uint8_t *at, *end;
};

static inline struct fuzz fuzz_begin(const uint8_t *data, size_t size)
{
    return (struct fuzz){ data, data + size };
}

/* The next byte; 0 at the end. */
static inline uint8_t fuzz_byte(struct fuzz *f)
{
    return f->at < f->end ? *f->at++ : 0;
}

/* At most `most` bytes, lent. */
static inline struct text fuzz_take(struct fuzz *f, size_t most)
{
    size_t left = (size_t)(f->end - f->at);
    struct text t = { (const char *)f->at, left < most ? left : most };
    if (t.ptr == NULL)
        t.ptr = "";
    f->at += t.len;
    return t;
}

static inline struct text fuzz_rest(struct fuzz *f)
{
    return fuzz_take(f, SIZE_MAX);
}

/* Bytes in memory of their own that ends with them: reading further is seen. free() it. */
static inline char *fuzz_copy(struct text t)
{
    char *copy = malloc(t.len > 0 ? t.len : 1);
    MUST(copy != NULL, "out of memory");
    for (size_t i = 0; i < t.len; i++)
        copy[i] = t.ptr[i];
    return copy;
}

/* Cuts `rest` into pieces of random length. The same seed gives the same cuts; 0: all at once. */
struct fuzz_cuts {
    struct text rest;
    uint32_t state;
};

static inline struct fuzz_cuts fuzz_cut(struct text t, uint8_t seed)
{
    return (struct fuzz_cuts){ t, seed * 2654435761u };
}

/* False when nothing is left. */
static inline bool fuzz_piece(struct fuzz_cuts *c, struct text *piece)
{
    size_t len = c->rest.len;
    if (len == 0)
        return false;
    if (c->state != 0) {
        c->state = c->state * 1664525u + 1013904223u;
        size_t most = (c->state >> 28) == 0 ? 4096 : (c->state >> 28) < 6 ? 1 : 40;
        size_t want = 1 + (c->state >> 8) % most;
        len = want < len ? want : len;
    }
    *piece = (struct text){ c->rest.ptr, len };
    c->rest.ptr += len;
    c->rest.len -= len;
    return true;
}

#endif
