/* large.c - a short list of freed pieces, the oldest first. */
#include "base/large.h"

#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/asan.h"
#include "base/fail.h"

enum {
    PIECES = 64,
    TRIM = 8 << 20,  /* what each of malloc()'s arenas keeps at its end */
    LEFT = 16 << 20, /* of a limited address space, for small memory: without that the process ends */
};

struct piece {
    void *memory;
    size_t bytes;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct piece pieces[PIECES]; /* oldest first */
static unsigned count;
static size_t held;
static bool is_limited; /* RLIMIT_AS is set */

void large_start(void)
{
    struct rlimit limit;

    is_limited = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    mallopt(M_MMAP_THRESHOLD, (int)LARGE_LEAST);
    mallopt(M_TRIM_THRESHOLD, TRIM);
}

/* The lock is held. */
static struct piece remove_at(unsigned i)
{
    struct piece piece = pieces[i];
    memmove(&pieces[i], &pieces[i + 1], (--count - i) * sizeof *pieces);
    held -= piece.bytes;
    return piece;
}

/* The smallest that is large enough and not more than twice as large. */
static struct piece find(size_t least)
{
    struct piece found = { .memory = NULL };
    unsigned best = PIECES;

    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < count; i++)
        if (pieces[i].bytes >= least && pieces[i].bytes / 2 <= least &&
            (best == PIECES || pieces[i].bytes < pieces[best].bytes))
            best = i;
    if (best < PIECES)
        found = remove_at(best);
    pthread_mutex_unlock(&lock);
    return found;
}

/* malloc(), where that leaves enough for those who cannot do without. */
static void *allocate(size_t bytes)
{
    if (is_limited) {
        void *all = bytes < SIZE_MAX - LEFT
                        ? mmap(NULL, bytes + LEFT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                        : MAP_FAILED;
        if (all == MAP_FAILED)
            return NULL;
        munmap(all, bytes + LEFT);
    }
    return malloc(bytes);
}

void *large_alloc(size_t least, size_t *got)
{
    BUG_IF(least < LARGE_LEAST);
    struct piece piece = find(least);

    if (piece.memory != NULL) {
        ASAN_UNPOISON_MEMORY_REGION(piece.memory, piece.bytes);
        *got = piece.bytes;
        return piece.memory;
    }
    *got = least;
    void *memory = allocate(least);
    if (memory == NULL && large_held() > 0) {
        large_drop();
        memory = allocate(least);
    }
    return memory;
}

void large_free(void *memory, size_t bytes)
{
    struct piece gone[PIECES];
    unsigned n = 0;

    BUG_IF(memory == NULL || bytes < LARGE_LEAST);
    if (bytes > LARGE_KEPT) {
        free(memory);
        return;
    }
    ASAN_POISON_MEMORY_REGION(memory, bytes);
    pthread_mutex_lock(&lock);
    while (count == PIECES || held + bytes > LARGE_KEPT)
        gone[n++] = remove_at(0);
    pieces[count++] = (struct piece){ memory, bytes };
    held += bytes;
    pthread_mutex_unlock(&lock);
    while (n > 0) {
        ASAN_UNPOISON_MEMORY_REGION(gone[n - 1].memory, gone[n - 1].bytes);
        free(gone[--n].memory);
    }
}

void large_free_any(void *memory)
{
    size_t bytes = memory != NULL ? malloc_usable_size(memory) : 0;

    if (bytes >= LARGE_LEAST)
        large_free(memory, bytes);
    else
        free(memory);
}

void large_drop(void)
{
    struct piece piece;

    do {
        pthread_mutex_lock(&lock);
        piece = count > 0 ? remove_at(0) : (struct piece){ .memory = NULL };
        pthread_mutex_unlock(&lock);
        if (piece.memory != NULL)
            ASAN_UNPOISON_MEMORY_REGION(piece.memory, piece.bytes);
        free(piece.memory);
    } while (piece.memory != NULL);
}

size_t large_held(void)
{
    pthread_mutex_lock(&lock);
    size_t bytes = held;
    pthread_mutex_unlock(&lock);
    return bytes;
}
