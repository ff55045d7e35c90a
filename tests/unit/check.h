/* check.h - how a unit test is written: Test(module, reads_like_a_sentence) { cr_assert(...); }
 *
 * Normally this is Criterion. With GW_PLAIN the same words come from plain.c, which runs all tests in
 * one process, one after another: Criterion does not start under the thread sanitizer.
 *
 * Of Criterion's words, use only those that plain.c has too:
 *   cr_assert cr_assert_not                     (condition)
 *   cr_assert_eq neq lt gt leq geq              (numbers; left and right are evaluated once)
 *   cr_assert_str_eq                            (strings, neither NULL)
 *   cr_assert_null cr_assert_not_null           (pointers)
 * each with an optional printf message after its arguments (a literal). The first that fails ends its test.
 */
#ifndef CHECK_H
#define CHECK_H

#ifdef GW_PLAIN

#include <stdbool.h>
#include <string.h>

struct plain_test {
    const char *suite;
    const char *name;
    void (*run)(void);
    struct plain_test *next;
};

/* Registers a test; called by the constructor that Test() makes. `test` is kept. */
void plain_add(struct plain_test *test);

/* Reports a failure and ends the running test (aborts when called from a thread that is not the test's).
 * `format` begins with a space and is nothing else when the test gave no message. */
__attribute__((noreturn, format(printf, 4, 5))) void plain_fail(const char *file, int line, const char *what,
                                                                const char *format, ...);

#define Test(suite_, name_)                                                                                            \
    static void suite_##_##name_##_run(void);                                                                          \
    __attribute__((constructor)) static void suite_##_##name_##_add(void)                                              \
    {                                                                                                                  \
        static struct plain_test test = { .suite = #suite_, .name = #name_, .run = suite_##_##name_##_run };           \
        plain_add(&test);                                                                                              \
    }                                                                                                                  \
    static void suite_##_##name_##_run(void)

/* plain_check(holds, "what is wrong", [message, ...]) */
#define plain_check(holds_, what_, ...)                                                                                \
    do {                                                                                                               \
        if (!(holds_))                                                                                                 \
            plain_fail(__FILE__, __LINE__, what_, " " __VA_ARGS__);                                                    \
    } while (0)

#define cr_assert(a_, ...) plain_check((a_), #a_, __VA_ARGS__)
#define cr_assert_not(a_, ...) plain_check(!(a_), "not " #a_, __VA_ARGS__)
#define cr_assert_eq(a_, b_, ...) plain_check((a_) == (b_), #a_ " == " #b_, __VA_ARGS__)
#define cr_assert_neq(a_, b_, ...) plain_check((a_) != (b_), #a_ " != " #b_, __VA_ARGS__)
#define cr_assert_lt(a_, b_, ...) plain_check((a_) < (b_), #a_ " < " #b_, __VA_ARGS__)
#define cr_assert_gt(a_, b_, ...) plain_check((a_) > (b_), #a_ " > " #b_, __VA_ARGS__)
#define cr_assert_leq(a_, b_, ...) plain_check((a_) <= (b_), #a_ " <= " #b_, __VA_ARGS__)
#define cr_assert_geq(a_, b_, ...) plain_check((a_) >= (b_), #a_ " >= " #b_, __VA_ARGS__)
#define cr_assert_str_eq(a_, b_, ...) plain_check(strcmp((a_), (b_)) == 0, #a_ " is the string " #b_, __VA_ARGS__)
#define cr_assert_null(a_, ...) plain_check((a_) == NULL, #a_ " is NULL", __VA_ARGS__)
#define cr_assert_not_null(a_, ...) plain_check((a_) != NULL, #a_ " is not NULL", __VA_ARGS__)

#else

#include <criterion/criterion.h>

/* Fails the running test when it left memory that nothing points to. Criterion's test processes end
 * without running the leak sanitizer, so each test asks it. Nothing without the address sanitizer. */
void check_leaks(void);

/* Criterion's Test() with that question at the end and at most a minute for each test. */
#undef Test
#define Test(suite_, name_)                                                                                            \
    static void suite_##_##name_##_body(void);                                                                         \
    CR_TEST_BASE(suite_, name_, .timeout = 60, .sentinel_ = 0)                                                         \
    {                                                                                                                  \
        suite_##_##name_##_body();                                                                                     \
        check_leaks();                                                                                                 \
    }                                                                                                                  \
    __attribute__((noinline)) static void suite_##_##name_##_body(void)

#endif

/* Ends the running test as skipped, and prints the reason where nobody can miss it. For things that a machine
 * may lack, never for a test that does not work. Only from the test's own thread. */
__attribute__((noreturn)) void check_skip(const char *why);

/* The path of a file or folder of recordings and vectors, `name` being its path below $GW_SHARED (which
 * is, unless set, the folder "shared" beside the source tree). When it is not there, the test is skipped;
 * with GW_REQUIRE_SHARED=1 it fails. Lent until the next call. */
const char *check_shared(const char *name);
/* How many cases a test must at least have seen: `all`, or 1 with the small data of tests/goldens. */
unsigned check_least(unsigned all);

#endif
