/* test_arena.c - memory that dies together. */
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "check.h"

/* The sanitizers stop the program when malloc() is asked for too much. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MALLOC_MAY_FAIL 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MALLOC_MAY_FAIL 0
#endif
#endif
#ifndef MALLOC_MAY_FAIL
#define MALLOC_MAY_FAIL 1
#endif

struct note {
    int *order;
    int *next;
    int me;
};

static void write_note(void *arg)
{
    struct note *note = arg;
    note->order[(*note->next)++] = note->me;
}

Test(arena, gives_zeroed_aligned_memory_of_any_size)
{
    struct arena a;
    unsigned char *given[200];
    size_t size[200];

    arena_init(&a, NULL, 0, 64 << 20);
    for (size_t i = 0; i < 200; i++) {
        size[i] = i * i * 3;
        given[i] = arena_alloc(&a, size[i]);
        cr_assert_eq((uintptr_t)given[i] % 16, 0);
        for (size_t j = 0; j < size[i]; j++)
            cr_assert_eq(given[i][j], 0);
        memset(given[i], (int)(i + 1), size[i]);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t j = 0; j < size[i]; j++)
            cr_assert_eq(given[i][j], (unsigned char)(i + 1), "allocation %zu was overwritten", i);
    cr_assert_not(a.full);
    arena_fini(&a);
    cr_assert_null(a.blocks);
}

Test(arena, takes_from_the_callers_memory_first)
{
    char first[256];
    struct arena a;

    arena_init(&a, first + 1, sizeof first - 1, 1 << 20); /* an odd address is as good */
    for (int i = 0; i < 10; i++) {
        char *p = arena_alloc(&a, 16);
        cr_assert(p > first && p + 16 <= first + sizeof first);
    }
    cr_assert_null(a.blocks);
    arena_alloc(&a, 300);
    cr_assert_not_null(a.blocks);
    arena_fini(&a);
    memset(first, 1, sizeof first); /* ours again */
}

Test(arena, copes_with_too_little_of_the_callers_memory)
{
    char first[15];
    struct arena a;

    arena_init(&a, first, sizeof first, 1 << 20);
    cr_assert_not_null(arena_alloc(&a, 1));
    arena_fini(&a);
}

Test(arena, says_full_past_its_limit_but_still_gives)
{
    struct arena a;

    arena_init(&a, NULL, 0, 100);
    cr_assert_not_null(arena_alloc(&a, 90));
    cr_assert_not(a.full);
    cr_assert_not_null(arena_alloc(&a, 16));
    cr_assert(a.full);
    cr_assert_null(arena_try(&a, 1));
    arena_fini(&a);
}

Test(arena, try_refuses_what_passes_the_limit)
{
    struct arena a;

    arena_init(&a, NULL, 0, 100);
    cr_assert_not_null(arena_try(&a, 48));
    cr_assert_null(arena_try(&a, 64));
    cr_assert_null(arena_try(&a, SIZE_MAX));
    cr_assert_null(arena_try(&a, SIZE_MAX - 7));
    cr_assert_not(a.full);
    cr_assert_not_null(arena_try(&a, 48));
    cr_assert_null(arena_try(&a, 1));
    arena_fini(&a);
}

Test(arena, try_refuses_what_the_machine_does_not_have)
{
    struct arena a;

    arena_init(&a, NULL, 0, SIZE_MAX);
    if (MALLOC_MAY_FAIL)
        cr_assert_null(arena_try(&a, SIZE_MAX / 2 - 64));
    cr_assert_not_null(arena_try(&a, 64));
    arena_fini(&a);
}

Test(arena, runs_deferred_calls_newest_first)
{
    struct arena a;
    int order[4], next = 0;
    struct note notes[4];

    arena_init(&a, NULL, 0, 1 << 20);
    for (int i = 0; i < 4; i++) {
        notes[i] = (struct note){ order, &next, i };
        arena_defer(&a, write_note, &notes[i]);
    }
    cr_assert_eq(next, 0);
    arena_fini(&a);
    cr_assert_eq(next, 4);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(order[i], 3 - i);
}

struct chain {
    struct arena *arena;
    int left;
};

static void defer_again(void *arg)
{
    struct chain *chain = arg;
    arena_alloc(chain->arena, 100);
    if (chain->left-- > 0)
        arena_defer(chain->arena, defer_again, chain);
}

Test(arena, lets_a_deferred_call_use_it)
{
    struct arena a;
    struct chain chain = { &a, 3 };

    arena_init(&a, NULL, 0, 1 << 20);
    arena_defer(&a, defer_again, &chain);
    arena_fini(&a);
    cr_assert_eq(chain.left, -1);
}

Test(arena, copies_texts)
{
    struct arena a;
    const char bytes[] = { 'a', '\0', 'b' };

    arena_init(&a, NULL, 0, 1 << 20);
    cr_assert_str_eq(arena_str(&a, TEXT("hello")), "hello");
    cr_assert_str_eq(arena_str(&a, TEXT_NONE), "");
    struct text copy = arena_text(&a, (struct text){ bytes, 3 });
    cr_assert(copy.ptr != bytes && copy.len == 3 && memcmp(copy.ptr, bytes, 3) == 0);
    cr_assert_null(arena_text(&a, TEXT_NONE).ptr);
    cr_assert_not_null(arena_text(&a, TEXT("")).ptr);
    arena_fini(&a);
}

Test(arena, prints_short_and_long)
{
    struct arena a;

    arena_init(&a, NULL, 0, 1 << 20);
    cr_assert_str_eq(arena_printf(&a, "%d of %s", 3, "four"), "3 of four");
    for (int len = 250; len < 262; len++) {
        char *text = arena_printf(&a, "%0*d", len, 7);
        cr_assert_eq(strlen(text), (size_t)len);
        cr_assert_eq(text[len - 1], '7');
    }
    arena_fini(&a);
}

Test(arena, can_be_used_again_after_its_end)
{
    struct arena a;

    arena_init(&a, NULL, 0, 64);
    arena_alloc(&a, 100);
    cr_assert(a.full);
    arena_fini(&a);
    cr_assert_not(a.full);
    cr_assert_not_null(arena_try(&a, 64));
    arena_fini(&a);
}
