/* test_log.c - talk for people, on stderr. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "check.h"

/* stderr goes into a pipe from here to end(). */
static int saved, reader;

static void begin(void)
{
    int ends[2];

    fflush(stderr);
    cr_assert_eq(pipe2(ends, O_NONBLOCK), 0);
    saved = dup(STDERR_FILENO);
    cr_assert_geq(dup2(ends[1], STDERR_FILENO), 0);
    close(ends[1]);
    reader = ends[0];
}

static void end(void)
{
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(reader);
    log_set_level(LOG_INFO);
}

static struct text said(void)
{
    static char text[8192];
    ssize_t len = read(reader, text, sizeof text);
    return (struct text){ text, len < 0 ? 0 : (size_t)len };
}

Test(log, writes_a_line_with_its_level)
{
    begin();
    log_line(LOG_WARN, "%d of %s", 3, "four");
    struct text line = said();
    end();
    cr_assert(text_is(line, "llm-gateway: warning: 3 of four\n"), "%.*s", TEXT_ARG(line));
}

Test(log, is_silent_over_its_level)
{
    begin();
    log_set_level(LOG_ERROR);
    log_line(LOG_WARN, "hidden");
    log_line(LOG_ERROR, "seen");
    log_set_level(LOG_DEBUG);
    log_line(LOG_DEBUG, "seen too");
    struct text lines = said();
    end();
    cr_assert(text_is(lines, "llm-gateway: error: seen\nllm-gateway: debug: seen too\n"), "%.*s", TEXT_ARG(lines));
}

Test(log, keeps_a_line_a_line)
{
    begin();
    log_line(LOG_INFO, "a\nb\tc\x1b[31m\x7f\xc2\x9b-\xc3\xa4");
    struct text line = said();
    end();
    cr_assert(text_is(line, "llm-gateway: info: a\\nb\\tc\\x1b[31m\\x7f\\xc2\\x9b-\xc3\xa4\n"), "%.*s", TEXT_ARG(line));
}

Test(log, escapes_what_is_not_utf8)
{
    begin();
    log_line(LOG_INFO, "\xc3\xa4\xff");
    struct text line = said();
    end();
    cr_assert(text_is(line, "llm-gateway: info: \\xc3\\xa4\\xff\n"), "%.*s", TEXT_ARG(line));
}

Test(log, shortens_a_long_line)
{
    char bytes[9000];

    begin();
    memset(bytes, 'x', sizeof bytes);
    bytes[sizeof bytes - 1] = '\0';
    log_line(LOG_INFO, "%s", bytes);
    size_t plain = said().len;
    memset(bytes, '\x01', sizeof bytes - 1);
    log_line(LOG_INFO, "%s", bytes);
    struct text escaped = said();
    end();
    cr_assert_gt(plain, 1900);
    cr_assert_leq(plain, 4096);
    cr_assert_leq(escaped.len, 4096, "more could block on a pipe");
    cr_assert(text_ends(escaped, TEXT("...\n")));
}

Test(log, loses_lines_rather_than_wait_and_says_so)
{
    char fill[4096];

    begin();
    memset(fill, 'x', sizeof fill);
    while (write(STDERR_FILENO, fill, sizeof fill) > 0)
        ;
    log_line(LOG_INFO, "lost");
    log_line(LOG_INFO, "lost");
    while (said().len > 0)
        ;
    log_line(LOG_INFO, "seen");
    struct text lines = said();
    end();
    cr_assert(
        text_is(
            lines,
            "llm-gateway: warning: 2 lines were lost: stderr was not read, or could not be written\nllm-gateway: info: seen\n"),
        "%.*s", TEXT_ARG(lines));
}
