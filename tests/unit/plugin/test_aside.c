/* test_aside.c - a worker's side of a lane: what counts as an answer, what is late, and that nothing of a helper that is not to be believed
 * is used. The helper is the other end of a socket pair. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "check.h"
#include "plugin/aside_inside.h"

struct bench {
    struct aside *aside;
    struct loop loop;
    struct loop_timer limit;
    int helper; /* our end of it */
};

struct waiter {
    struct aside_ask ask;
    struct bench *bench;
    int answers;
    gw_status status;
    int64_t total;
    char bytes[64];
    size_t len;
};

static void stop(struct loop_timer *timer)
{
    struct bench *b = (struct bench *)(void *)((char *)timer - offsetof(struct bench, limit));
    loop_stop(&b->loop);
}

/* Lets the loop run for a while. */
static void run_ms(struct bench *b, int ms)
{
    b->limit.on_time = stop;
    loop_timer_set(&b->loop, &b->limit, clock_ns() + ms * CLOCK_MS);
    b->loop.stopping = false;
    loop_run(&b->loop);
}

static void begin(struct bench *b, int64_t patience_ms)
{
    int pair[2];
    memset(b, 0, sizeof *b);
    cr_assert_eq(loop_init(&b->loop), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    b->helper = pair[1];
    struct aside *a = calloc(1, sizeof *a + sizeof *a->lane);
    a->workers = a->lanes = 1;
    a->patience_ns = patience_ms * CLOCK_MS;
    a->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&a->lock, NULL);
    a->fresh[0] = pair[0];
    a->turn = 1;
    aside_lane_init(&a->lane[0], a);
    b->aside = a;
}

static void end(struct bench *b)
{
    aside_lane_fini(&b->aside->lane[0]);
    close(b->aside->wake_fd);
    close(b->helper);
    free(b->aside);
    loop_fini(&b->loop);
}

static void on_answer(struct aside_ask *ask, const struct aside_answer *answer)
{
    struct waiter *w = (struct waiter *)(void *)((char *)ask - offsetof(struct waiter, ask));
    w->answers++;
    w->status = answer->status;
    w->total = answer->total;
    w->len = answer->bytes.len < sizeof w->bytes ? answer->bytes.len : sizeof w->bytes;
    if (w->len > 0)
        memcpy(w->bytes, answer->bytes.ptr, w->len);
    loop_stop(&w->bench->loop);
}

/* The id that the helper must answer with; 0: it is not sent. */
static uint32_t send_ask(struct bench *b, enum aside_op op, struct waiter *w)
{
    static const struct text key = { "key", 3 };
    const struct aside_order order = {
        .op = op, .team = TEXT("red"), .space = TEXT("s"), .keys = &key, .key_count = 1
    };
    struct aside_ask_head head;
    char rest[256];
    *w = (struct waiter){ .ask = { .on_answer = on_answer }, .bench = b };
    if (!aside_ask(b->aside, 0, &b->loop, &order, &w->ask))
        return 0;
    cr_assert_eq(read(b->helper, &head, sizeof head), (ssize_t)sizeof head);
    size_t len = head.team_len + head.space_len + head.keys_len + head.value_len;
    cr_assert_eq(read(b->helper, rest, len), (ssize_t)len);
    cr_assert(memcmp(rest, "redskey\0", 8) == 0);
    return head.id;
}

static void reply(struct bench *b, const struct aside_answer_head *head, const void *bytes)
{
    cr_assert_eq(write(b->helper, head, sizeof *head), (ssize_t)sizeof *head);
    if (head->len > 0 && bytes != NULL)
        cr_assert_eq(write(b->helper, bytes, head->len), (ssize_t)head->len);
}

static bool is_distrusted(const struct bench *b)
{
    return atomic_load(&b->aside->bad_turn) == 1 && b->aside->lane[0].fd < 0;
}

Test(aside, gives_an_answer_to_who_asked)
{
    struct bench b;
    struct waiter one, two;
    const struct {
        uint32_t index, len;
        char value[8];
    } value = { 0, 8, "a value" };
    begin(&b, 5000);
    uint32_t first = send_ask(&b, ASIDE_GET, &one), second = send_ask(&b, ASIDE_ADD, &two);
    cr_assert(first != 0 && second != 0 && first != second);
    reply(&b, &(struct aside_answer_head){ ASIDE_ANSWER_MAGIC, first, GW_OK, sizeof value, 0 }, &value);
    reply(&b, &(struct aside_answer_head){ ASIDE_ANSWER_MAGIC, second, GW_OK, 0, 42 }, NULL);
    run_ms(&b, 1000);
    run_ms(&b, 50);
    cr_assert(one.answers == 1 && one.status == GW_OK && one.len == sizeof value);
    struct text bytes = { one.bytes, one.len }, got;
    uint32_t index = 9;
    cr_assert(aside_value(&bytes, &index, &got) && index == 0 && text_is((struct text){ got.ptr, 7 }, "a value"));
    cr_assert_not(aside_value(&bytes, &index, &got));
    cr_assert(two.answers == 1 && two.status == GW_OK && two.total == 42);
    end(&b);
}

/* Each of these may come of a helper whose memory is broken. */
Test(aside, believes_nothing_that_is_no_answer)
{
    const uint32_t wrong_place[] = { ASIDE_KEYS_MOST, 0 }, too_long[] = { 0, 5 };
    const struct {
        struct aside_answer_head head; /* its id is added to that of the ask */
        const void *bytes;
        enum aside_op op;
    } cases[] = {
        { { ASIDE_ANSWER_MAGIC + 1, 0, GW_OK, 0, 0 }, NULL, ASIDE_GET },
        { { ASIDE_ANSWER_MAGIC, 1, GW_OK, 0, 0 }, NULL, ASIDE_GET },
        { { ASIDE_ANSWER_MAGIC, 0, GW_MISS + 1, 0, 0 }, NULL, ASIDE_GET },
        { { ASIDE_ANSWER_MAGIC, 0, GW_E_UNKNOWN - 1, 0, 0 }, NULL, ASIDE_GET },
        { { ASIDE_ANSWER_MAGIC, 0, GW_OK, ASIDE_BYTES_MOST + 1, 0 }, NULL, ASIDE_GET },
        { { ASIDE_ANSWER_MAGIC, 0, GW_OK, 8, 0 }, wrong_place, ASIDE_GET },
        { { ASIDE_ANSWER_MAGIC, 0, GW_OK, 8, 0 }, too_long, ASIDE_GET },
        { { ASIDE_ANSWER_MAGIC, 0, GW_OK, 3, 0 }, "odd", ASIDE_GET },
        { { ASIDE_ANSWER_MAGIC, 0, GW_MISS, 8, 0 }, "12345678", ASIDE_GET },
        { { ASIDE_ANSWER_MAGIC, 0, GW_OK, 8, 0 }, wrong_place, ASIDE_ADD },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench b;
        struct waiter w;
        struct aside_answer_head head = cases[i].head;
        begin(&b, 5000);
        head.id += send_ask(&b, cases[i].op, &w);
        reply(&b, &head, cases[i].bytes);
        run_ms(&b, 1000);
        cr_assert(w.answers == 1 && w.status == GW_E_UNKNOWN && w.len == 0, "case %zu", i);
        cr_assert(is_distrusted(&b), "case %zu", i);
        cr_assert_eq(send_ask(&b, ASIDE_GET, &w), 0, "case %zu", i);
        end(&b);
    }
}

Test(aside, believes_nothing_that_nobody_asked_for)
{
    struct bench b;
    struct waiter w;
    begin(&b, 5000);
    uint32_t id = send_ask(&b, ASIDE_ADD, &w);
    reply(&b, &(struct aside_answer_head){ ASIDE_ANSWER_MAGIC, id, GW_OK, 0, 1 }, NULL);
    reply(&b, &(struct aside_answer_head){ ASIDE_ANSWER_MAGIC, id, GW_OK, 0, 2 }, NULL);
    run_ms(&b, 1000);
    run_ms(&b, 50);
    cr_assert(w.answers == 1 && w.total == 1);
    cr_assert(is_distrusted(&b));
    end(&b);
}

Test(aside, tells_who_waits_that_it_is_late_and_asks_no_more_meanwhile)
{
    struct bench b;
    struct waiter w, other;
    begin(&b, 5);
    int64_t began = clock_ns();
    uint32_t id = send_ask(&b, ASIDE_GET, &w);
    run_ms(&b, 1000);
    cr_assert(w.answers == 1 && w.status == GW_E_UNKNOWN);
    cr_assert_geq(clock_ns() - began, 5 * CLOCK_MS);
    cr_assert_lt(clock_ns() - began, 500 * CLOCK_MS);
    usleep(6000);
    cr_assert_eq(send_ask(&b, ASIDE_GET, &other), 0);
    reply(&b, &(struct aside_answer_head){ ASIDE_ANSWER_MAGIC, id, GW_MISS, 0, 0 }, NULL);
    run_ms(&b, 50);
    cr_assert_eq(w.answers, 1);
    b.aside->patience_ns = 5000 * CLOCK_MS;
    cr_assert_neq(send_ask(&b, ASIDE_GET, &other), 0);
    struct aside_figures figures;
    aside_read_figures(b.aside, &figures);
    cr_assert(figures.late == 1 && figures.away == 1 && figures.answered == 0);
    end(&b);
}

Test(aside, forgets_who_has_left_and_notices_the_end)
{
    struct bench b;
    struct waiter gone, stays;
    begin(&b, 5000);
    cr_assert_neq(send_ask(&b, ASIDE_GET, &gone), 0);
    cr_assert_neq(send_ask(&b, ASIDE_GET, &stays), 0);
    aside_forget(&gone.ask);
    aside_forget(&gone.ask);
    shutdown(b.helper, SHUT_RDWR);
    run_ms(&b, 1000);
    cr_assert(gone.answers == 0 && stays.answers == 1 && stays.status == GW_E_UNKNOWN);
    cr_assert(is_distrusted(&b));
    end(&b);
}

Test(aside, distrusts_one_that_hangs)
{
    struct bench b;
    struct waiter w;
    begin(&b, 5);
    cr_assert_neq(send_ask(&b, ASIDE_GET, &w), 0);
    run_ms(&b, 100);
    cr_assert_not(is_distrusted(&b));
    run_ms(&b, 2500);
    cr_assert(is_distrusted(&b));
    end(&b);
}

/* The next helper's sockets are found when the end of the one before was seen. Nobody is answered by another one's ask: who asks may hold the
 * lock that an answer takes. */
Test(aside, finds_the_next_helper)
{
    struct bench b;
    struct waiter w;
    int pair[2];
    begin(&b, 5000);
    cr_assert_neq(send_ask(&b, ASIDE_GET, &w), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    b.aside->fresh[0] = pair[0];
    b.aside->turn = 2;
    close(b.helper);
    b.helper = pair[1];
    struct waiter next;
    cr_assert_eq(send_ask(&b, ASIDE_ADD, &next), 0);
    cr_assert_eq(w.answers, 0);
    run_ms(&b, 1000);
    cr_assert(w.answers == 1 && w.status == GW_E_UNKNOWN);
    uint32_t id = send_ask(&b, ASIDE_ADD, &next);
    cr_assert_neq(id, 0);
    reply(&b, &(struct aside_answer_head){ ASIDE_ANSWER_MAGIC, id, GW_OK, 0, 7 }, NULL);
    run_ms(&b, 1000);
    cr_assert(next.answers == 1 && next.total == 7);
    end(&b);
}
