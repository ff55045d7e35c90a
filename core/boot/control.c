/* control.c - the end that answers. */
#include "boot/control.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "boot/control_inside.h"

#define CONTROL_MAGIC 0x6374726cu
enum { WAITING_MOST = 16, ARENA_MOST = 8 << 20 };

struct control {
    uint32_t magic;
    const struct control_verb *verbs;
    size_t verb_count;
    struct sockaddr_un address;
    int folder_fd, listen_fd, stop_fd;
    pthread_t thread;
    bool has_thread, handed_over;
};

static const struct control_verb *find(const struct control *c, struct text name)
{
    for (size_t i = 0; i < c->verb_count; i++)
        if (text_is(name, c->verbs[i].name))
            return &c->verbs[i];
    return NULL;
}

static int run_verb(const struct control *c, struct text line, struct json_writer *w, struct fail *fail)
{
    struct arena arena;
    int result = -1;

    arena_init(&arena, NULL, 0, ARENA_MOST);
    const struct json *ask = json_parse(&arena, line, fail);
    const struct control_verb *verb = ask != NULL ? find(c, json_str(json_member(ask, "verb"))) : NULL;
    if (verb != NULL)
        result = verb->run(verb->owner, ask, w, fail);
    else if (ask != NULL)
        fail_set(fail, FAIL_CLIENT,
                 "this gateway does not know the command \"%.*s\": the two programs are of different versions",
                 TEXT_ARG(json_str(json_member(ask, "verb"))));
    arena_fini(&arena);
    return result;
}

static void write_refusal(const struct fail *fail, struct buf *out)
{
    struct json_writer w;
    buf_truncate(out, 0);
    json_writer_init(&w, out);
    json_object(&w);
    json_name(&w, "ok");
    json_put_bool(&w, false);
    json_name(&w, "error");
    json_put_str(&w, text_of(fail->text));
    json_close(&w);
    json_end(&w);
}

static void write_answer(const struct control *c, struct text line, struct buf *out)
{
    struct json_writer w;
    struct fail fail = { .kind = FAIL_NONE };

    json_writer_init(&w, out);
    json_object(&w);
    json_name(&w, "ok");
    json_put_bool(&w, true);
    if (run_verb(c, line, &w, &fail) < 0) {
        write_refusal(&fail, out);
    } else {
        json_close(&w);
        if (json_end(&w) < 0) {
            fail_set(&fail, FAIL_US, "it is done, and the answer is too long to be shown");
            write_refusal(&fail, out);
        }
    }
    buf_str(out, "\n");
}

static void serve_one(const struct control *c, int fd)
{
    struct buf in, out;
    struct text line;

    buf_init(&in, CONTROL_LINE_MOST);
    buf_init(&out, CONTROL_LINE_MOST);
    if (control_read_line(fd, &in, &line) == 0) {
        write_answer(c, line, &out);
        control_write_all(fd, buf_view(&out));
    }
    buf_free(&in);
    buf_free(&out);
}

static void *serve(void *arg)
{
    const struct control *c = arg;
    struct pollfd fds[] = { { .fd = c->listen_fd, .events = POLLIN }, { .fd = c->stop_fd, .events = POLLIN } };
    while (fds[1].revents == 0) {
        if (poll(fds, 2, -1) < 0 || (fds[0].revents & POLLIN) == 0)
            continue;
        int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        serve_one(c, fd);
        close(fd);
    }
    return NULL;
}

/* The folder is its owner's alone, and so is the socket. */
static int listen_at(struct control *c, const char *folder)
{
    c->folder_fd = control_address(folder, &c->address);
    if (c->folder_fd < 0)
        return -1;
    c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->listen_fd < 0 || (unlink(c->address.sun_path) < 0 && errno != ENOENT))
        return -1;
    if (fchmod(c->listen_fd, 0600) < 0 ||
        bind(c->listen_fd, (const struct sockaddr *)&c->address, sizeof c->address) < 0)
        return -1;
    if (chmod(c->address.sun_path, 0600) < 0 || listen(c->listen_fd, WAITING_MOST) < 0)
        return -1;
    c->stop_fd = eventfd(0, EFD_CLOEXEC);
    return c->stop_fd < 0 ? -1 : 0;
}

struct control *control_open(const char *folder, const struct control_verb *verbs, size_t count, struct fail *fail)
{
    struct control *c = calloc(1, sizeof *c);
    BUG_IF(c == NULL);
    c->magic = CONTROL_MAGIC;
    c->verbs = verbs;
    c->verb_count = count;
    c->folder_fd = c->listen_fd = c->stop_fd = -1;
    if (listen_at(c, folder) == 0) {
        errno = pthread_create(&c->thread, NULL, serve, c);
        c->has_thread = errno == 0;
    }
    if (c->has_thread)
        return c;
    fail_set(fail, FAIL_OPERATOR, "commands cannot reach this gateway: the socket %s/control cannot be made: %s",
             folder, strerror(errno));
    control_close(c);
    return NULL;
}

void control_hand_over(struct control *c)
{
    CHECK(c, CONTROL);
    c->handed_over = true;
}

void control_close(struct control *c)
{
    CHECK(c, CONTROL);
    if (c->has_thread) {
        uint64_t one = 1;
        if (write(c->stop_fd, &one, sizeof one) != (ssize_t)sizeof one)
            log_line(LOG_ERROR, "the control thread cannot be stopped: %s", strerror(errno));
        pthread_join(c->thread, NULL);
        if (!c->handed_over)
            unlink(c->address.sun_path);
    }
    if (c->listen_fd >= 0)
        close(c->listen_fd);
    if (c->stop_fd >= 0)
        close(c->stop_fd);
    if (c->folder_fd >= 0)
        close(c->folder_fd);
    c->magic = 0;
    free(c);
}
