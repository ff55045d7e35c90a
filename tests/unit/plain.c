/* plain.c - runs tests without Criterion: in one process, in the order of the files, one after another.
 * Built with GW_PLAIN only; see check.h. Arguments, if any, are the suites to run. */
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

static bool is_wanted(const struct plain_test *test, char **suites)
{
    if (*suites == NULL)
        return true;
    for (; *suites != NULL; suites++)
        if (strcmp(*suites, test->suite) == 0)
            return true;
    return false;
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
    unsigned count[3] = {0, 0, 0};

    (void)argc;
    test_thread = pthread_self();
    for (struct plain_test *test = first; test != NULL; test = test->next)
        if (is_wanted(test, argv + 1))
            count[run(test)]++;
    printf("%u passed, %u failed, %u skipped\n", count[PASSED], count[FAILED], count[SKIPPED]);
    return count[FAILED] > 0 || count[PASSED] + count[SKIPPED] == 0;
}
