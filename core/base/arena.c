/* arena.c - memory that dies together. Blocks double from 2 KB to 1 MB; what is large gets a
 * block of its own, so that it does not waste the rest of the one in use. */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/asan.h"
#include "base/fail.h"
#include "base/fault.h"
#include "base/large.h"

#ifdef GW_TINY
enum { BLOCK_FIRST = 64, BLOCK_LAST = 64, OWN_BLOCK = 32 };
#else
enum { BLOCK_FIRST = 2048, BLOCK_LAST = 1 << 20, OWN_BLOCK = 16 << 10 };
#endif
enum { ALIGN = 16, PRINTF_GUESS = 256, SMALL = 4096 };

struct arena_block {
    struct arena_block *older;
    size_t next_len; /* how large the block after this one is to be */
    size_t bytes;    /* of this one, with this head */
    size_t unused;
};

struct arena_defer {
    struct arena_defer *older;
    void (*fn)(void *arg);
    void *arg;
};

_Static_assert(sizeof(struct arena_block) % ALIGN == 0, "what follows the header is aligned");

static void *take(struct arena *a, size_t bytes, size_t size);
static void *take_from_new_block(struct arena *a, size_t bytes, size_t size);

void arena_init(struct arena *a, void *first, size_t first_len, size_t max)
{
    *a = (struct arena){ .max = max };
    if (first == NULL)
        return;
    uintptr_t from = ((uintptr_t)first + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1);
    uintptr_t to = ((uintptr_t)first + first_len) & ~(uintptr_t)(ALIGN - 1);
    if (from >= to)
        return;
    a->next = (char *)first + (from - (uintptr_t)first);
    a->end = a->next + (to - from);
    a->first = a->next;
    a->first_end = a->end;
    ASAN_POISON_MEMORY_REGION(a->next, (size_t)(a->end - a->next));
}

static void free_block(struct arena_block *block)
{
    size_t bytes = block->bytes;
    ASAN_UNPOISON_MEMORY_REGION(block, bytes);
    if (bytes >= LARGE_LEAST)
        large_free(block, bytes);
    else
        free(block);
}

void arena_fini(struct arena *a)
{
    while (a->defers != NULL) { /* one of them may add another */
        struct arena_defer *defer = a->defers;
        a->defers = defer->older;
        defer->fn(defer->arg);
    }
    while (a->blocks != NULL) {
        struct arena_block *block = a->blocks;
        a->blocks = block->older;
        free_block(block);
    }
    if (a->first != NULL)
        ASAN_UNPOISON_MEMORY_REGION(a->first, (size_t)(a->first_end - a->first));
    *a = (struct arena){ .max = a->max };
}

void arena_reset(struct arena *a)
{
    char *first = a->first, *end = a->first_end;

    if (a->blocks == NULL && a->defers == NULL && a->next == first)
        return; /* nothing was taken */
    arena_fini(a);
    arena_init(a, first, (size_t)(end - first), a->max);
}

/* What `bytes` take: a multiple of 16, and not nothing, so that each pointer is another one. */
static inline size_t size_of(size_t bytes)
{
    BUG_IF(bytes > SIZE_MAX / 2);
    return bytes == 0 ? ALIGN : (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    size_t size = size_of(bytes);
    void *memory = take(a, bytes, size);

    if (memory == NULL) {
        perror("llm-gateway: arena");
        abort();
    }
    a->used += size;
    if (__builtin_expect(a->used > a->max || fault_now(), 0))
        a->full = true;
    return memset(memory, 0, bytes);
}

void *arena_try(struct arena *a, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    size_t size = size_of(bytes);
    if (a->used > a->max || size > a->max - a->used || fault_now())
        return NULL;
    void *memory = take(a, bytes, size);
    if (memory != NULL)
        a->used += size;
    return memory;
}

static inline void *take(struct arena *a, size_t bytes, size_t size)
{
    if (__builtin_expect((size_t)(a->end - a->next) < size, 0))
        return take_from_new_block(a, bytes, size);
    char *memory = a->next;
    a->next += size;
    ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
    return memory;
}

/* With room for `len` bytes or more. */
static struct arena_block *new_block(size_t len)
{
    size_t bytes = sizeof(struct arena_block) + len;
    struct arena_block *block = bytes >= LARGE_LEAST ? large_alloc(bytes, &bytes) : malloc(bytes);
    if (block != NULL)
        block->bytes = bytes;
    return block;
}

/* When a whole block cannot be had, what was asked for may: the request fails (full), others go on. */
static void *take_from_new_block(struct arena *a, size_t bytes, size_t size)
{
    size_t len = a->blocks == NULL ? BLOCK_FIRST : a->blocks->next_len;
    bool own = size > OWN_BLOCK || size > len;
    struct arena_block *block = new_block(own ? size : len);

    if (block == NULL && !own && len > SMALL) {
        a->full = true;
        own = true;
        block = new_block(size);
    }
    if (block == NULL)
        return NULL;
    block->older = a->blocks;
    block->next_len = len;
    a->blocks = block;

    char *memory = (char *)(block + 1), *end = (char *)block + block->bytes;
    ASAN_POISON_MEMORY_REGION(memory + bytes, (size_t)(end - memory) - bytes);
    if (own)
        return memory;
    if (len < BLOCK_LAST)
        block->next_len = len * 2;
    a->next = memory + size;
    a->end = end - (size_t)(end - memory) % ALIGN;
    return memory;
}

char *arena_str(struct arena *a, struct text t)
{
    char *copy = arena_alloc(a, t.len + 1);
    if (t.len > 0)
        memcpy(copy, t.ptr, t.len);
    return copy;
}

struct text arena_text(struct arena *a, struct text t)
{
    if (t.ptr == NULL)
        return TEXT_NONE;
    return (struct text){ arena_str(a, t), t.len };
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(a, format, args);
    va_end(args);
    return text;
}

char *arena_vprintf(struct arena *a, const char *format, va_list args)
{
    char guess[PRINTF_GUESS];
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(guess, sizeof guess, format, args);
    BUG_IF(len < 0);

    char *text;
    if ((size_t)len < sizeof guess) {
        text = arena_str(a, (struct text){ guess, (size_t)len });
    } else {
        text = arena_alloc(a, (size_t)len + 1);
        vsnprintf(text, (size_t)len + 1, format, again);
    }
    va_end(again);
    return text;
}

void arena_defer(struct arena *a, void (*fn)(void *arg), void *arg)
{
    struct arena_defer *defer = arena_new(a, struct arena_defer);
    *defer = (struct arena_defer){ .older = a->defers, .fn = fn, .arg = arg };
    a->defers = defer;
}
