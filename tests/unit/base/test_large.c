/* test_large.c - freed large memory is kept within a bound and given to who needs such a piece. */
#include "check.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/large.h"

enum { MB = 1 << 20 };

static void *take(size_t least, size_t *got)
{
    char *memory = large_alloc(least, got);
    cr_assert_not_null(memory);
    cr_assert_geq(*got, least);
    memory[0] = memory[*got - 1] = 'x';
    return memory;
}

Test(large, is_given_again)
{
    size_t got;
    large_drop();
    void *first = take(3 * MB, &got);
    large_free(first, got);
    cr_assert_eq(large_held(), got);
    cr_assert_eq(take(2 * MB, &got), first, "a piece may be larger than was asked for");
    cr_assert_eq(got, (size_t)3 * MB);
    cr_assert_eq(large_held(), 0u);
    large_free(first, got);
    void *small = take(MB, &got); /* but not more than twice as large */
    cr_assert_neq(small, first);
    cr_assert_eq(got, (size_t)MB);
    void *larger = take(4 * MB, &got);
    cr_assert_neq(larger, first);
    large_free(small, MB);
    large_free(larger, 4 * MB);
    cr_assert_eq(take(2 * MB, &got), first, "the one that fits best");
    large_free(first, got);
    large_drop();
    cr_assert_eq(large_held(), 0u);
}

Test(large, is_kept_within_a_bound_and_the_oldest_goes)
{
    size_t got;
    void *oldest = malloc(10 * MB), *next = malloc(9 * MB);
    large_drop();
    large_free(oldest, 10 * MB);
    large_free(next, 9 * MB);
    for (size_t i = 0; i < 200; i++) {
        size_t bytes = LARGE_LEAST + i * 10000;
        large_free(malloc(bytes), bytes);
        cr_assert_leq(large_held(), LARGE_KEPT);
    }
    cr_assert_gt(large_held(), LARGE_KEPT / 4);
    void *again = take(9 * MB, &got); /* both are gone: it is as long as was asked for */
    cr_assert_eq(got, (size_t)9 * MB);
    large_free(again, got);
    large_free(malloc(LARGE_KEPT + 1), LARGE_KEPT + 1); /* larger than all that is kept */
    cr_assert_leq(large_held(), LARGE_KEPT);
    large_drop();
}

Test(large, takes_back_what_a_buffer_gave_away)
{
    struct buf b;
    size_t len;
    large_drop();
    buf_init(&b, 100 * MB);
    buf_str(&b, "small");
    large_free_any(buf_take(&b, &len));
    large_free_any(NULL);
    cr_assert_eq(large_held(), 0u);
    char *text = calloc(1, 2 * MB);
    buf_append(&b, text, 2 * MB);
    free(text);
    large_free_any(buf_take(&b, &len));
    cr_assert_geq(large_held(), (size_t)2 * MB);
    large_drop();
}

/* Appends until all of `text` is in, in pieces of `piece`, and compares. */
static void grow(struct text text, size_t piece, size_t reserved)
{
    struct buf b;
    size_t room;
    buf_init(&b, text.len);
    if (reserved > 0)
        cr_assert_not_null(buf_room(&b, reserved, &room));
    for (size_t at = 0; at < text.len; at += piece)
        cr_assert_eq(buf_append(&b, text.ptr + at, text.len - at < piece ? text.len - at : piece), 0);
    cr_assert(text_eq(buf_view(&b), text));
    cr_assert_eq(buf_append(&b, "x", 1), -1, "a piece that is larger than asked for does not move the maximum");
    buf_free(&b);
}

Test(large, holds_what_buffers_and_arenas_need)
{
    size_t len = 9 * MB + 17;
    char *bytes = malloc(len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 7 >> 3);
    for (int round = 0; round < 3; round++) { /* the later ones find what the first has left */
        grow((struct text){ bytes, len }, 12000, 0);
        grow((struct text){ bytes, len }, 100000, LARGE_LEAST);
        grow((struct text){ bytes, len }, 1000000, len);
        cr_assert_leq(large_held(), LARGE_KEPT);
        struct arena a;
        arena_init(&a, NULL, 0, 100 * MB);
        for (int i = 0; i < 40000; i++) {
            char *memory = arena_alloc(&a, 100);
            cr_assert(memory[0] == 0 && memory[99] == 0 && (uintptr_t)memory % 16 == 0);
            memset(memory, 'y', 100);
        }
        char *own = arena_alloc(&a, 2 * MB);
        cr_assert(own[0] == 0 && own[2 * MB - 1] == 0);
        memset(own, 'z', 2 * MB);
        arena_fini(&a);
    }
    free(bytes);
    large_drop();
}

static void *churn(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    for (int i = 0; i < 300; i++) {
        size_t got;
        void *memory = take(LARGE_LEAST + (size_t)(rand_r(&seed) % 1000) * 1000, &got);
        large_free(memory, got);
    }
    return NULL;
}

Test(large, is_for_any_thread)
{
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, churn, (void *)(i + 1));
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    cr_assert_leq(large_held(), LARGE_KEPT);
    large_drop();
}

Test(large, leaves_room_for_small_memory_in_a_limited_address_space)
{
    static void *taken[64];
    size_t got, pages = 0, count = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    struct rlimit before, limit;

    cr_assert_not_null(statm);
    cr_assert_eq(fscanf(statm, "%zu", &pages), 1);
    fclose(statm);
    large_drop();
    cr_assert_eq(getrlimit(RLIMIT_AS, &before), 0);
    limit = (struct rlimit){ pages * (size_t)sysconf(_SC_PAGESIZE) + 40 * MB, before.rlim_max };
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    large_start();
    while (count < 64 && (taken[count] = large_alloc(2 * MB, &got)) != NULL)
        count++;
    void *left = mmap(NULL, 12 * MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_eq(setrlimit(RLIMIT_AS, &before), 0);
    large_start();
    cr_assert(count > 4 && count < 20, "%zu", count);
    cr_assert_neq(left, MAP_FAILED);
    munmap(left, 12 * MB);
    while (count > 0)
        free(taken[--count]);
}
