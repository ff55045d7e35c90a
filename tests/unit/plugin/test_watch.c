/* test_watch.c - a call into a plugin that does not return is named on stderr. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "plugin/watch.h"

enum { LIMIT_MS = 100 };

static char said[4096];

/* What the watch reports while a call runs for `ms`, and after it. */
static void run(unsigned ms)
{
    int fds[2], before = dup(STDERR_FILENO);
    cr_assert_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    dup2(fds[1], STDERR_FILENO);
    cr_assert_eq(watch_start(LIMIT_MS), 0);
    struct watch_seat *seat = watch_begin("sleeper", "read()");
    usleep(ms * 1000);
    watch_end(seat);
    usleep(2 * LIMIT_MS * 1000);
    watch_stop();
    dup2(before, STDERR_FILENO);
    close(before);
    ssize_t len = read(fds[0], said, sizeof said - 1);
    said[len > 0 ? len : 0] = '\0';
    close(fds[0]);
    close(fds[1]);
}

Test(watch, names_the_plugin_that_does_not_return)
{
    run(5 * LIMIT_MS);
    const char *line = strstr(said, "the plugin \"sleeper\" has not returned from read()");
    cr_assert_not_null(line, "%s", said);
    cr_assert_null(strstr(line + 1, "the plugin \""), "once: %s", said);
    cr_assert_not_null(strstr(line, "has returned"), "%s", said);
}

Test(watch, has_nothing_to_say_of_who_returns)
{
    run(1);
    cr_assert_eq(said[0], '\0', "%s", said);
}
