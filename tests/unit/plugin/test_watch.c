/* test_watch.c - a call into a plugin that does not return is named on stderr. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "plugin/watch.h"

enum { LIMIT_MS = 100 };

static char said[4096];

static int pipe_fds[2], stderr_before;

static void begin(void)
{
    stderr_before = dup(STDERR_FILENO);
    cr_assert_eq(pipe2(pipe_fds, O_NONBLOCK | O_CLOEXEC), 0);
    dup2(pipe_fds[1], STDERR_FILENO);
    cr_assert_eq(watch_start(LIMIT_MS), 0);
}

/* What it has reported since. */
static void hear(void)
{
    ssize_t len = read(pipe_fds[0], said, sizeof said - 1);
    said[len > 0 ? len : 0] = '\0';
}

static void end(void)
{
    watch_stop();
    watch_stop(); /* does nothing */
    dup2(stderr_before, STDERR_FILENO);
    close(stderr_before);
    hear();
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

/* What the watch reports while a call runs for `ms`, and after it. */
static void run(unsigned ms)
{
    begin();
    struct watch_seat *seat = watch_begin("sleeper", "read()");
    usleep(ms * 1000);
    watch_end(seat);
    usleep(2 * LIMIT_MS * 1000);
    end();
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

/* Signals are for other threads: one that it took would end its wait early, or run a handler there. */
Test(watch, takes_no_signals)
{
    char path[300], line[200];
    unsigned long long blocked = 0;
    sigset_t before, after;

    pthread_sigmask(SIG_SETMASK, NULL, &before);
    begin();
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    cr_assert_eq(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM), "of the caller nothing has changed");
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; blocked == 0 && (task = readdir(tasks)) != NULL;) {
        snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
        FILE *file = atoi(task->d_name) == gettid() ? NULL : fopen(path, "r");
        while (file != NULL && fgets(line, sizeof line, file) != NULL)
            if (sscanf(line, "SigBlk: %llx", &blocked) == 1 && (blocked & 1ull << (SIGTERM - 1)) == 0)
                blocked = 0;
        if (file != NULL)
            fclose(file);
    }
    closedir(tasks);
    end();
    cr_assert_neq(blocked, 0u);
}

Test(watch, begins_again_with_each_call)
{
    begin();
    for (int i = 0; i < 16; i++) { /* together far over the limit */
        struct watch_seat *seat = watch_begin("quick", "read()");
        cr_assert_eq(seat, watch_seat(), "a thread has one");
        usleep(LIMIT_MS / 4 * 1000);
        watch_end(seat);
    }
    hear();
    cr_assert_eq(said[0], '\0', "%s", said);
    usleep(5 * LIMIT_MS * 1000);
    hear();
    cr_assert_eq(said[0], '\0', "a thread that calls nothing: %s", said);
    for (int i = 0; i < 2; i++) { /* each one that stands still is named */
        struct watch_seat *seat = watch_begin(i == 0 ? "one" : "two", "build()");
        usleep(5 * LIMIT_MS * 1000);
        watch_end(seat);
        usleep(2 * LIMIT_MS * 1000);
    }
    end();
    const char *one = strstr(said, "error: the plugin \"one\" has not returned from build() for 0.");
    cr_assert_not_null(one, "%s", said);
    cr_assert_not_null(
        strstr(one, " s: its thread stands still, and every request on it; only a restart ends that, and whoever "
                    "wrote the plugin must mend it\n"),
        "%s", said);
    const char *back = strstr(one, "a call into a plugin that was reported has returned after 1 s at most\n");
    cr_assert_not_null(back, "%s", said);
    const char *two = strstr(back, "the plugin \"two\" has not returned from build()");
    cr_assert_not_null(two, "%s", said);
    cr_assert_null(strstr(strchr(two, '\n'), "has not returned"), "%s", said);
}
