/* plain.c - runs tests without Criterion: in one process, in the order of the files, one after another.
 * Built with GW_PLAIN only; see check.h. Arguments, if any, are what to run: SUITE or SUITE::NAME; --list prints the
 * names instead. */
#include "check.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum outcome { PASSED, FAILED, SKIPPED };

static struct plain_test *first;
static struct plain_test **last = &first;
static struct plain_test *running;
static pthread_t test_thread;
static jmp_buf test_end;

void plain_add(struct plain_test *test)
{
    *last = test;
    last = &test->next;
}

/* Leaves the running test. Another thread cannot: the test's own frames are not below it. */
__attribute__((noreturn)) static void leave(enum outcome outcome)
{
    fflush(stderr);
    if (!pthread_equal(pthread_self(), test_thread))
        abort();
    longjmp(test_end, (int)outcome);
}

void plain_fail(const char *file, int line, const char *what, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s:%d: %s::%s: expected %s", file, line, running->suite, running->name, what);
    if (format[1] != '\0') {
        fputc(':', stderr);
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
    }
    fputc('\n', stderr);
    leave(FAILED);
}

void check_skip(const char *why)
{
    fprintf(stderr, "SKIPPED %s::%s: %s\n", running->suite, running->name, why);
    leave(SKIPPED);
}

static bool is_named(const struct plain_test *test, const char *word)
{
    size_t len = strlen(test->suite);

    if (strncmp(word, test->suite, len) != 0)
        return false;
    return word[len] == '\0' || (strncmp(word + len, "::", 2) == 0 && strcmp(word + len + 2, test->name) == 0);
}

static bool is_wanted(const struct plain_test *test, char **words)
{
    if (*words == NULL)
        return true;
    for (; *words != NULL; words++)
        if (is_named(test, *words))
            return true;
    return false;
}

static int list(void)
{
    for (struct plain_test *test = first; test != NULL; test = test->next)
        printf("%s::%s\n", test->suite, test->name);
    return 0;
}

/* Runs one test; setjmp comes back with the outcome when the test was left early. */
static enum outcome run(struct plain_test *test)
{
    running = test;
    switch (setjmp(test_end)) {
    case 0:
        test->run();
        return PASSED;
    case SKIPPED:
        return SKIPPED;
    default:
        return FAILED;
    }
}

int main(int argc, char **argv)
{
    unsigned count[3] = { 0, 0, 0 };

    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return list();
    test_thread = pthread_self();
    for (struct plain_test *test = first; test != NULL; test = test->next)
        if (is_wanted(test, argv + 1)) {
            enum outcome outcome = run(test);

            count[outcome]++;
            if (outcome == FAILED) /* also here: a test may have sent stderr elsewhere */
                printf("FAILED %s::%s\n", test->suite, test->name);
        }
    printf("%u passed, %u failed, %u skipped\n", count[PASSED], count[FAILED], count[SKIPPED]);
    return count[FAILED] > 0 || count[PASSED] + count[SKIPPED] == 0;
}
