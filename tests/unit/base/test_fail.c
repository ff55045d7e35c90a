/* test_fail.c - one way to fail, and one way to stop. */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/text.h"
#include "check.h"

Test(fail, says_what_is_wrong)
{
    struct fail fail;

    memset(&fail, 0x55, sizeof fail);
    cr_assert_eq(fail_set(&fail, FAIL_OPERATOR, "line %d: %s", 7, "no such word"), -1);
    cr_assert_eq(fail.kind, FAIL_OPERATOR);
    cr_assert_str_eq(fail.text, "line 7: no such word");
    cr_assert_eq(fail.status, 0);
    cr_assert_null(fail.code);
    cr_assert_eq(fail.should_retry, -1);
    cr_assert_str_eq(fail.param, "");
    cr_assert_not(fail.close);
}

Test(fail, may_be_told_to_nobody)
{
    cr_assert_eq(fail_set(NULL, FAIL_US, "%d", 1), -1);
}

Test(fail, cuts_long_texts_between_characters)
{
    for (int ascii = 470; ascii < 482; ascii++) {
        struct fail fail;
        fail_set(&fail, FAIL_CLIENT, "%0*d\xf0\x9f\x98\x80\xe2\x82\xac\xc3\xa4tail of the text", ascii, 0);
        size_t len = strlen(fail.text);
        cr_assert(text_is_utf8((struct text){ fail.text, len }), "%d", ascii);
        cr_assert_gt(len, sizeof fail.text - 5);
        cr_assert_lt(len, sizeof fail.text);
    }
}

static void break_promise(int fd)
{
    struct rlimit no_core = { 0, 0 };
    int answer = 41;

    signal(SIGABRT, SIG_DFL);
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(fd, STDERR_FILENO);
    BUG_IF(answer < 40);
    BUG_IF(answer != 42);
    _exit(0);
}

Test(fail, stops_at_a_broken_promise_and_says_where)
{
    int ends[2], status;
    char said[512];

    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0)
        break_promise(ends[1]);
    close(ends[1]);
    ssize_t len = read(ends[0], said, sizeof said - 1);
    close(ends[0]);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_gt(len, 0);
    said[len] = '\0';
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    cr_assert_not_null(strstr(said, "test_fail.c:"), "%s", said);
    cr_assert_not_null(strstr(said, "answer != 42"), "%s", said);
}
