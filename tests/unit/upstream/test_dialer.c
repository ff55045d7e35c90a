/* test_dialer.c - one dialling by itself: what it brings, why it fails, when it gives up, and the dialer's end. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/loop.h"
#include "server.h"
#include "tarpit.h"
#include "upstream/dial.h"

/* A loop that waits for one dialling. */
struct desk {
    struct loop loop;
    struct loop_timer limit;
    struct dialer *dialer;
    struct dial *dial; /* the one that is done; NULL: not yet */
    int64_t took_ns;
};

static void on_done(struct dial *dial)
{
    struct desk *desk = dial->owner;

    desk->dial = dial;
    loop_stop(&desk->loop);
}

static void on_limit(struct loop_timer *timer)
{
    loop_stop(&((struct desk *)((char *)timer - offsetof(struct desk, limit)))->loop);
}

static void desk_open(struct desk *desk)
{
    *desk = (struct desk){ .limit.on_time = on_limit };
    cr_assert_eq(loop_init(&desk->loop), 0);
    desk->dialer = dialer_new(2);
    cr_assert_not_null(desk->dialer);
}

static void desk_submit(struct desk *desk, const char *origin, int64_t connect_ns)
{
    struct dial *dial = dial_new(text_of(origin), NULL, connect_ns);

    dial->on_done = on_done;
    dial->owner = desk;
    desk->dial = NULL;
    dialer_submit(dial, desk->dialer, &desk->loop);
}

/* Dials, and waits until it is done: the dialling, which the caller frees. */
static struct dial *desk_dial(struct desk *desk, const char *origin, int64_t connect_ns)
{
    int64_t begin_ns = clock_ns();

    desk_submit(desk, origin, connect_ns);
    loop_timer_set(&desk->loop, &desk->limit, clock_ns() + 20 * CLOCK_S);
    loop_run(&desk->loop);
    loop_timer_clear(&desk->loop, &desk->limit);
    cr_assert_not_null(desk->dial, "it was not done in 20 s");
    desk->took_ns = clock_ns() - begin_ns;
    return desk->dial;
}

static void desk_close(struct desk *desk)
{
    dialer_free(desk->dialer);
    loop_fini(&desk->loop);
}

static void serve_word(struct server_conn *conn)
{
    server_say(conn, "word");
    server_wait_close(conn);
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;

    cr_assert_eq(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

Test(dialer, brings_a_socket_and_closes_what_nobody_takes)
{
    struct server *s = server_start(serve_word, NULL);
    struct desk desk;
    struct dial *d;
    char word[8] = "";

    desk_open(&desk);
    d = desk_dial(&desk, s->url, 5 * CLOCK_S);
    cr_assert_geq(d->wire.fd, 0);
    cr_assert_str_eq(d->why, "");
    cr_assert_not(d->timed_out);
    cr_assert_null(d->wire.tls, "a plain wire keeps nothing of libcurl's");
    cr_assert_eq(option(d->wire.fd, IPPROTO_TCP, TCP_NODELAY), 1, "small pieces go out at once");
    cr_assert_eq(option(d->wire.fd, SOL_SOCKET, SO_KEEPALIVE), 1, "an answer may take minutes: NAT must not forget it");
    cr_assert_eq(option(d->wire.fd, IPPROTO_TCP, TCP_KEEPIDLE), 60);
    cr_assert_eq(option(d->wire.fd, IPPROTO_TCP, TCP_KEEPINTVL), 30);
    while (dial_wire_recv(&d->wire, word, 4) < 0)
        server_sleep(5); /* it does not block */
    cr_assert_str_eq(word, "word");
    int fd = d->wire.fd;
    dial_free(d);
    cr_assert_eq(recv(fd, word, 1, 0), -1, "it is closed");

    d = desk_dial(&desk, s->url, 5 * CLOCK_S);
    struct wire wire = d->wire;
    d->wire = WIRE_CLOSED;
    dial_free(d);
    server_sleep(50);
    cr_assert_eq(dial_wire_recv(&wire, word, 1), 1, "who takes it has it");
    dial_wire_close(&wire);
    cr_assert_eq(wire.fd, -1);
    dial_wire_close(&wire);
    desk_close(&desk);
    server_stop(s);
}

static void check_gives_up(const char *origin, int64_t connect_ns)
{
    struct desk desk;
    struct dial *d;

    desk_open(&desk);
    d = desk_dial(&desk, origin, connect_ns);
    cr_assert(d->timed_out, "%s", d->why);
    cr_assert_neq(d->why[0], '\0');
    cr_assert_lt(d->wire.fd, 0);
    cr_assert_geq(desk.took_ns, connect_ns - CLOCK_MS);
    cr_assert_lt(desk.took_ns, connect_ns + 3 * CLOCK_S);
    dial_free(d);
    desk_close(&desk);
}

Test(dialer, gives_up_in_its_own_time)
{
    struct tarpit tarpit;

    tarpit_open(&tarpit, true);
    check_gives_up(tarpit.url, 400 * CLOCK_MS);
    check_gives_up(tarpit.url, CLOCK_MS);
    check_gives_up(tarpit.url, 1);
    check_gives_up(tarpit.url, 0);
    tarpit_close(&tarpit);
}

Test(dialer, says_why_it_failed)
{
    static const struct {
        const char *origin, *why;
    } cases[] = {
        { "http://127.0.0.1:1", "127.0.0.1" },
        { "http://no-such-host.invalid", "no-such-host" },
        { "https://no-such-host.invalid", "no-such-host" },
        { "http://169.254.169.254", "link-local" },
        { "http://[::ffff:169.254.1.1]", "link-local" },
        { "https://169.254.169.254", "link-local" },
    };
    struct desk desk;

    desk_open(&desk);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dial *d = desk_dial(&desk, cases[i].origin, 10 * CLOCK_S);

        cr_assert_lt(d->wire.fd, 0);
        cr_assert_not(d->timed_out, "%s: %s", cases[i].origin, d->why);
        cr_assert_not_null(strstr(d->why, cases[i].why), "%s: %s", cases[i].origin, d->why);
        dial_free(d);
    }
    desk_close(&desk);
}

static void serve_proxy(struct server_conn *conn)
{
    char *head;

    if (!server_read(conn, &head, NULL, NULL))
        return;
    snprintf(conn->arg, 200, "%s", head);
    free(head);
    server_say(conn, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
}

/* A proxy of the environment is a tunnel for TLS; plain HTTP would have to be spoken in another way, and goes direct. */
Test(dialer, uses_a_proxy_for_tls_and_none_for_plain_http)
{
    char head[200] = "";
    struct server *proxy = server_start(serve_proxy, head), *s = server_start(serve_word, NULL);
    struct desk desk;
    struct dial *d;

    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("https_proxy", proxy->url, 1);
    desk_open(&desk);
    d = desk_dial(&desk, s->url, 5 * CLOCK_S);
    cr_assert_geq(d->wire.fd, 0, "%s", d->why);
    dial_free(d);
    d = desk_dial(&desk, "https://model.invalid", 5 * CLOCK_S);
    cr_assert_lt(d->wire.fd, 0);
    cr_assert_not_null(strstr(d->why, "403"), "%s", d->why);
    cr_assert(text_starts(text_of(head), TEXT("CONNECT model.invalid:443 HTTP/1.1\r\n")), "%s", head);
    dial_free(d);
    unsetenv("http_proxy");
    unsetenv("https_proxy");
    desk_close(&desk);
    server_stop(proxy);
    server_stop(s);
}

/* 50 for one host that does not exist, and one for a server: each hears of its own end once. */
static int ended;

static void on_many(struct dial *dial)
{
    struct desk *desk = dial->owner;

    cr_assert_lt(dial->wire.fd, 0);
    cr_assert_not(dial->timed_out);
    cr_assert_not_null(strstr(dial->why, "no-such-host"), "%s", dial->why);
    dial_free(dial);
    if (++ended == 50)
        loop_stop(&desk->loop);
}

Test(dialer, looks_a_name_up_for_all_who_wait_for_it)
{
    struct desk desk;

    int input = dup(0), null = open("/dev/null", O_RDONLY);
    cr_assert_eq(dup2(null, 0), 0);
    desk_open(&desk);
    ended = 0;
    for (int i = 0; i < 50; i++) {
        struct dial *dial = dial_new(TEXT("http://no-such-host.invalid"), NULL, 10 * CLOCK_S);

        dial->on_done = on_many;
        dial->owner = &desk;
        dialer_submit(dial, desk.dialer, &desk.loop);
    }
    loop_timer_set(&desk.loop, &desk.limit, clock_ns() + 20 * CLOCK_S);
    loop_run(&desk.loop);
    loop_timer_clear(&desk.loop, &desk.limit);
    cr_assert_eq(ended, 50);
    cr_assert_geq(fcntl(0, F_GETFD), 0, "it closed a descriptor that is not its own");
    desk_close(&desk);
    dup2(input, 0);
    close(input);
    if (null > 0)
        close(null);
}

/* How many threads of this process have that name. */
static int count_threads(const char *name)
{
    DIR *folder = opendir("/proc/self/task");
    int count = 0;

    cr_assert_not_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[300], line[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "r");
        if (file == NULL)
            continue;
        if (fgets(line, sizeof line, file) != NULL)
            line[strcspn(line, "\n")] = '\0';
        count += strcmp(line, name) == 0;
        fclose(file);
    }
    closedir(folder);
    return count;
}

/* Each thread has its share. */
Test(dialer, gives_its_threads_work_in_turn)
{
    const struct dialer_thread *threads[4];
    struct desk desk;

    desk_open(&desk);
    for (int i = 0; i < 4; i++) {
        struct dial *d = desk_dial(&desk, "http://127.0.0.1:1", 5 * CLOCK_S);

        threads[i] = d->thread;
        dial_free(d);
    }
    cr_assert_neq(threads[0], threads[1]);
    cr_assert_eq(threads[0], threads[2]);
    cr_assert_eq(threads[1], threads[3]);
    desk_close(&desk);
}

/* What an operator sees in top -H. */
Test(dialer, runs_in_threads_that_bear_its_name)
{
    int before = count_threads("dial");
    struct dialer *dialer = dialer_new(3);

    cr_assert_not_null(dialer);
    cr_assert_eq(count_threads("dial"), before + 3);
    dialer_free(dialer);
}

Test(dialer, ends_at_once_with_what_it_dials)
{
    struct tarpit tarpit;
    struct desk desk;
    int64_t begin_ns;

    tarpit_open(&tarpit, true);
    desk_open(&desk);
    desk_submit(&desk, tarpit.url, 60 * CLOCK_S);
    server_sleep(100);
    begin_ns = clock_ns();
    dialer_free(desk.dialer);
    cr_assert_lt(clock_ns() - begin_ns, CLOCK_S);
    loop_run(&desk.loop); /* what was posted comes home */
    cr_assert_not_null(desk.dial);
    cr_assert_str_eq(desk.dial->why, "the gateway ends");
    cr_assert_not(desk.dial->timed_out);
    dial_free(desk.dial);
    loop_fini(&desk.loop);
    tarpit_close(&tarpit);
}
