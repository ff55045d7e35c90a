/* control_ask.c - the end that asks, and what both ends do with their socket. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "boot/control.h"
#include "boot/control_inside.h"

enum { LOCKS_MOST = 16 << 20, BETWEEN_MS = 5000, PAUSE_MS = 50 };

int control_address(const char *folder, struct sockaddr_un *address)
{
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/control", fd);
    return fd;
}

static bool wait_for(int fd, short events, int64_t until_ns)
{
    struct pollfd poll_fd = { .fd = fd, .events = events };
    int64_t left = (until_ns - clock_ns()) / CLOCK_MS;
    return left > 0 && poll(&poll_fd, 1, (int)left) > 0;
}

int control_read_line(int fd, struct buf *in, struct text *line)
{
    int64_t until = clock_ns() + CONTROL_WAIT_MS * CLOCK_MS;
    for (;;) {
        struct text held = buf_view(in);
        const char *end = held.len > 0 ? memchr(held.ptr, '\n', held.len) : NULL;
        if (end != NULL) {
            *line = (struct text){ held.ptr, (size_t)(end - held.ptr) };
            return 0;
        }
        size_t room;
        char *to = buf_room(in, 4096, &room);
        ssize_t got = to != NULL && wait_for(fd, POLLIN, until) ? recv(fd, to, room, MSG_DONTWAIT) : 0;
        buf_added(in, got > 0 ? (size_t)got : 0);
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
            return -1;
    }
}

int control_write_all(int fd, struct text bytes)
{
    int64_t until = clock_ns() + CONTROL_WAIT_MS * CLOCK_MS;
    while (bytes.len > 0) {
        ssize_t sent = wait_for(fd, POLLOUT, until) ? send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
        if (sent == 0 || (sent < 0 && errno != EINTR && errno != EAGAIN))
            return -1;
        bytes.ptr += sent > 0 ? sent : 0;
        bytes.len -= sent > 0 ? (size_t)sent : 0;
    }
    return 0;
}

static const struct json *ask_on(int fd, struct text ask, struct arena *arena, struct fail *fail)
{
    struct buf in;
    struct text line;
    const struct json *answer = NULL;

    buf_init(&in, CONTROL_LINE_MOST);
    if (control_write_all(fd, ask) == 0 && control_write_all(fd, TEXT("\n")) == 0 &&
        control_read_line(fd, &in, &line) == 0)
        answer = json_parse(arena, arena_text(arena, line), fail);
    else
        fail_set(fail, FAIL_OPERATOR,
                 "the gateway did not answer within %d s: whether it did what it was asked is not known",
                 CONTROL_WAIT_MS / 1000);
    buf_free(&in);
    return answer;
}

/* Does a process keep the ledger in that folder? Read from the system's list: to try the lock would be to take it, and a gateway that starts
 * at that moment would not get it. */
static bool is_kept(int folder_fd)
{
    struct stat st;
    struct buf locks;
    char wanted[64];
    if (fstatat(folder_fd, "lock", &st, 0) < 0)
        return false;
    int len = snprintf(wanted, sizeof wanted, ":%llu ", (unsigned long long)st.st_ino);
    buf_init(&locks, LOCKS_MOST);
    bool kept =
        file_read("/proc/locks", &locks) == 0 && text_find(buf_view(&locks), (struct text){ wanted, (size_t)len }) >= 0;
    buf_free(&locks);
    return kept;
}

/* While a program is upgraded there is a moment in which the one process no longer answers and the other one not yet. */
static int connect_to(const struct sockaddr_un *address, int folder_fd, int fd)
{
    int64_t until = clock_ns() + BETWEEN_MS * CLOCK_MS;
    for (;;) {
        if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0)
            return 0;
        int why = errno;
        bool again = (why == ENOENT || why == ECONNREFUSED) && clock_ns() < until && is_kept(folder_fd);
        errno = why;
        if (!again)
            return -1;
        poll(NULL, 0, PAUSE_MS);
    }
}

int control_ask(const char *folder, struct text ask, struct arena *arena, const struct json **answer, struct fail *fail)
{
    struct sockaddr_un address;
    int folder_fd = control_address(folder, &address);
    int fd = folder_fd >= 0 ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    int result = fd < 0 ? -1 : connect_to(&address, folder_fd, fd);
    int error = errno;

    *answer = NULL;
    if (result == 0)
        *answer = ask_on(fd, ask, arena, fail);
    if (fd >= 0)
        close(fd);
    if (folder_fd >= 0)
        close(folder_fd);
    if (result < 0 && (error == ENOENT || error == ECONNREFUSED))
        return CONTROL_NOBODY;
    if (result < 0)
        return fail_set(fail, FAIL_OPERATOR, "the gateway that keeps %s cannot be asked: %s", folder, strerror(error));
    if (*answer == NULL)
        return -1;
    if (json_bool(json_member(*answer, "ok"), false))
        return 0;
    return fail_set(fail, FAIL_OPERATOR, "%.*s", TEXT_ARG(json_str(json_member(*answer, "error"))));
}

int control_reload(const char *folder, struct arena *arena, const struct json **answer, struct fail *fail)
{
    enum { TRIES = 100 };
    int result = 0;
    bool moved = true;
    for (int i = 0; i < TRIES && moved; i++) {
        poll(NULL, 0, i > 0 ? PAUSE_MS : 0);
        result = control_ask(folder, TEXT("{\"verb\":\"config.reload\"}"), arena, answer, fail);
        moved = result == 0 && json_bool(json_member(*answer, "moved"), false);
    }
    return result;
}
