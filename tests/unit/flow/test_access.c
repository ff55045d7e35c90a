/* test_access.c - the access log's file: lines are whole, and those that cannot be written are counted. */
#include "flow/access.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define LINES_MOST ((size_t)8 << 20) /* bytes that may wait */

static int new_file(void)
{
    char path[] = "/tmp/access-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    cr_assert_geq(fd, 0);
    unlink(path);
    return fd;
}

/* Waits until so many lines were lost, 4 s at most. */
static uint64_t lost(const struct access_log *log, uint64_t count)
{
    const struct timespec ms = { 0, 1000000 };
    for (int i = 0; i < 4000 && access_dropped(log) < count; i++)
        nanosleep(&ms, NULL);
    return access_dropped(log);
}

static const char *content(int fd)
{
    static char text[200];
    ssize_t len = pread(fd, text, sizeof text - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

Test(access, has_the_lines_of_each_worker)
{
    int fd = new_file();
    struct access_log *log = access_new(fd, 2);
    access_line(log, 1, TEXT("b1"));
    access_line(log, 0, TEXT("a1"));
    access_line(log, 1, TEXT("b2"));
    cr_assert_eq(access_dropped(log), 0u);
    access_free(log);
    const char *text = content(fd);
    cr_assert_eq(strlen(text), 9u, "%s", text);
    cr_assert(strstr(text, "a1\n") != NULL && strstr(text, "b1\n") != NULL, "%s", text);
    cr_assert(strstr(text, "b2\n") > strstr(text, "b1\n"), "%s", text);
    cr_assert_geq(fcntl(fd, F_GETFD), 0, "who opened it closes it");
    close(fd);
}

Test(access, leaves_a_shared_pipe_as_it_is)
{
    int fds[2];
    char got[8];
    cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
    struct access_log *log = access_new(fds[1], 1);
    access_line(log, 0, TEXT("abc"));
    access_free(log);
    cr_assert_eq(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
    cr_assert_eq(read(fds[0], got, sizeof got), 4);
    cr_assert_eq(memcmp(got, "abc\n", 4), 0);
    close(fds[1]);
    cr_assert_eq(read(fds[0], got, sizeof got), 0, "nobody else holds it open");
    close(fds[0]);
}

Test(access, takes_so_many_bytes_and_no_more)
{
    char *line = malloc(LINES_MOST);
    memset(line, 'x', LINES_MOST);
    for (int over = 0; over < 2; over++) {
        int fd = new_file();
        struct access_log *log = access_new(fd, 1);
        access_line(log, 0, (struct text){ line, LINES_MOST - 1 + (size_t)over });
        cr_assert_eq(access_dropped(log), (uint64_t)over);
        access_free(log);
        cr_assert_eq(lseek(fd, 0, SEEK_END), over ? 0 : (off_t)LINES_MOST);
        close(fd);
    }
    free(line);
}

Test(access, that_is_off_takes_nothing)
{
    struct access_log *log = access_new(-1, 1);
    access_line(log, 0, TEXT("abc"));
    cr_assert_eq(access_dropped(log), 0u);
    access_free(log);
}

Test(access, counts_the_lines_that_nobody_takes)
{
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    struct access_log *log = access_new(fds[1], 1);
    close(fds[0]);
    access_line(log, 0, TEXT("a"));
    access_line(log, 0, TEXT("b"));
    cr_assert_eq(lost(log, 2), 2u);
    access_line(log, 0, TEXT("c"));
    cr_assert_eq(lost(log, 3), 3u);
    access_free(log);
    close(fds[1]);
}

Test(access, goes_on_behind_a_line_that_was_cut)
{
    struct rlimit was, limit;
    int fd = new_file();
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &was);
    limit = (struct rlimit){ 5, was.rlim_max };
    struct access_log *log = access_new(fd, 1);
    setrlimit(RLIMIT_FSIZE, &limit);
    access_line(log, 0, TEXT("abcdefgh"));
    uint64_t cut = lost(log, 1);
    setrlimit(RLIMIT_FSIZE, &was);
    cr_assert_eq(cut, 1u);
    access_line(log, 0, TEXT("x"));
    access_line(log, 0, TEXT("y"));
    access_free(log);
    cr_assert_str_eq(content(fd), "abcde\nx\ny\n");
    signal(SIGXFSZ, before);
    close(fd);
}
