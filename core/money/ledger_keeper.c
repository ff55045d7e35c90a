/* ledger_keeper.c - the process that keeps the ledger answers one that drains: a thread, which takes its messages in order. */
#include "money/ledger_keeper.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "money/ledger_link.h"

enum { ARENA_MOST = 4 << 20 };

/* One that waits in the queue for the other process. */
struct guest {
    struct ledger_wait queue;
    struct ledger_keeper *keeper;
    struct guest *next;      /* of all: the thread's */
    struct guest *next_done; /* of those whose wait is over */
    uint64_t id;
    struct record record;
    struct arena arena; /* what the record points to */
};

struct ledger_keeper {
    struct ledger *ledger;
    int fd, wake_fd;
    pthread_t thread;
    atomic_bool over, stopping;
    struct ledger_hold **handles; /* that the other process holds */
    size_t count, room;
    struct guest *guests;
    pthread_mutex_t mutex; /* of this: */
    struct guest *done;
    char bytes[LINK_MOST];
};

bool ledger_keeper_speaks(uint32_t version)
{
    return version == LEDGER_LINK_VERSION;
}

uint32_t ledger_keeper_version(void)
{
    return LEDGER_LINK_VERSION;
}

static void add_handle(struct ledger_keeper *k, struct ledger_hold *handle)
{
    if (k->count == k->room) {
        k->room = k->room > 0 ? 2 * k->room : 64;
        k->handles = reallocarray((void *)k->handles, k->room, sizeof *k->handles);
        BUG_IF(k->handles == NULL);
    }
    k->handles[k->count++] = handle;
}

/* NULL: there is none of that number. */
static struct ledger_hold *take_handle(struct ledger_keeper *k, uint64_t number)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->handles[i]->number == number) {
            struct ledger_hold *handle = k->handles[i];
            k->handles[i] = k->handles[--k->count];
            return handle;
        }
    return NULL;
}

/* What becomes of one that asked. */
static void answer(struct ledger_keeper *k, uint64_t id, struct ledger_hold *handle, const struct ledger_refusal *why,
                   const struct fail *fail)
{
    struct link_head head = { .kind = LINK_GRANTED, .id = id };
    struct link_refusal refusal = { .answer = why->answer,
                                    .kind = why->kind,
                                    .period = why->period,
                                    .clamps = why->clamps,
                                    .waiting = why->waiting,
                                    .left = why->left,
                                    .hard = why->hard,
                                    .ends_s = why->ends_s,
                                    .room = why->room,
                                    .after = why->after };
    struct text bytes = TEXT_NONE;
    if (handle != NULL) {
        head.number = handle->number;
        add_handle(k, handle);
    } else if (why->answer != ACCOUNT_FITS) {
        head.kind = LINK_REFUSED;
        snprintf(refusal.id, sizeof refusal.id, "%s", why->id);
        bytes = (struct text){ (const char *)&refusal, sizeof refusal };
    } else {
        head.kind = LINK_FAILED;
        bytes = text_of(fail->text);
    }
    ledger_link_send(k->fd, &head, bytes); /* where it is gone, the next take says so */
}

/* Any thread, with the ledger's mutex. */
static void on_over(struct ledger_wait *queue)
{
    struct guest *g = (struct guest *)(void *)((char *)queue - offsetof(struct guest, queue));
    struct ledger_keeper *k = g->keeper;
    uint64_t one = 1;
    pthread_mutex_lock(&k->mutex);
    struct guest **at = &k->done;
    while (*at != NULL)
        at = &(*at)->next_done;
    g->next_done = NULL;
    *at = g;
    pthread_mutex_unlock(&k->mutex);
    (void)!write(k->wake_fd, &one, sizeof one); /* an eventfd takes it */
}

static void free_guest(struct guest *g)
{
    arena_fini(&g->arena);
    free(g);
}

static void forget_guest(struct ledger_keeper *k, struct guest *g)
{
    struct guest **at = &k->guests;
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    free_guest(g);
}

static void answer_done(struct ledger_keeper *k)
{
    uint64_t some;
    (void)!read(k->wake_fd, &some, sizeof some);
    pthread_mutex_lock(&k->mutex);
    struct guest *g = k->done;
    k->done = NULL;
    pthread_mutex_unlock(&k->mutex);
    while (g != NULL) {
        struct guest *next = g->next_done;
        answer(k, g->id, g->queue.hold, &g->queue.refusal, &g->queue.why);
        forget_guest(k, g);
        g = next;
    }
}

static int take_hold(struct ledger_keeper *k, const struct link_head *head, struct record *record)
{
    struct ledger_refusal refusal;
    struct fail fail = { .kind = FAIL_NONE };
    if (record->hard < 0 || record->soft < 0 || record->soft > record->hard)
        return -1;
    struct ledger_hold *handle = ledger_hold(k->ledger, record, (head->flags & 1) != 0, &refusal, &fail);
    answer(k, head->id, handle, &refusal, &fail);
    return 0;
}

static int take_wait(struct ledger_keeper *k, uint64_t id, struct text bytes)
{
    struct guest *g = calloc(1, sizeof *g);
    const char *why;
    BUG_IF(g == NULL);
    arena_init(&g->arena, NULL, 0, ARENA_MOST);
    if (record_read(arena_text(&g->arena, bytes), &g->arena, &g->record, &why) < 0 || g->record.type != RECORD_HOLD) {
        free_guest(g);
        return -1;
    }
    g->keeper = k;
    g->id = id;
    g->queue.on_over = on_over;
    g->next = k->guests;
    k->guests = g;
    ledger_wait(k->ledger, &g->queue, &g->record);
    return 0;
}

static void take_leave(struct ledger_keeper *k, uint64_t id)
{
    struct guest *g = k->guests;
    while (g != NULL && g->id != id)
        g = g->next;
    if (g != NULL && ledger_call_off(k->ledger, &g->queue))
        forget_guest(k, g); /* else its answer is about to go out: the other process gives the hold back */
}

static int take_end(struct ledger_keeper *k, uint64_t number, struct record *end)
{
    struct ledger_hold *handle = take_handle(k, number);
    if (handle == NULL || end->ending == ENDING_NONE || end->cost < 0 || end->doubt < 0)
        return -1;
    ledger_end(k->ledger, handle, end);
    return 0;
}

/* -1: it is none that the other process would send. */
static int take(struct ledger_keeper *k, const struct link_head *head, struct text bytes)
{
    struct record record = { .type = RECORD_NONE };
    struct arena arena;
    const char *why;
    int result = -1;
    if (head->kind == LINK_WAIT)
        return take_wait(k, head->id, bytes);
    if (head->kind == LINK_LEAVE) {
        take_leave(k, head->id);
        return 0;
    }
    arena_init(&arena, NULL, 0, ARENA_MOST);
    if (record_read(bytes, &arena, &record, &why) == 0) {
        if (head->kind == LINK_HOLD && record.type == RECORD_HOLD)
            result = take_hold(k, head, &record);
        else if (head->kind == LINK_END && record.type == RECORD_END)
            result = take_end(k, head->number, &record);
        else if (head->kind == LINK_ROW && record.type == RECORD_ROW) {
            ledger_row(k->ledger, &record);
            result = 0;
        }
    }
    arena_fini(&arena);
    return result;
}

/* The other process has ended. What it did not end is as after a crash. */
static void clear_up(struct ledger_keeper *k)
{
    for (struct guest *g = k->guests, *next; g != NULL; g = next) {
        next = g->next;
        if (ledger_call_off(k->ledger, &g->queue))
            forget_guest(k, g);
    }
    answer_done(k); /* nobody reads it, and what is held is among the handles */
    if (k->count > 0)
        log_line(LOG_WARN, "ledger: the process before left %zu attempts open: what they may cost is in doubt",
                 k->count);
    while (k->count > 0) {
        struct ledger_hold *handle = k->handles[--k->count];
        ledger_end(k->ledger, handle,
                   &(struct record){ .ending = ENDING_DOUBT,
                                     .final = 1,
                                     .doubt = handle->hard,
                                     .soft_doubt = handle->soft,
                                     .outcome = TEXT("crash") });
    }
    atomic_store(&k->over, true);
}

static void *serve(void *arg)
{
    struct ledger_keeper *k = arg;
    struct pollfd fds[] = { { .fd = k->fd, .events = POLLIN }, { .fd = k->wake_fd, .events = POLLIN } };
    for (int got = 1; got >= 0 && !atomic_load(&k->stopping);) {
        struct link_head head;
        struct text bytes;
        poll(fds, 2, -1);
        if (fds[1].revents != 0)
            answer_done(k);
        while (!atomic_load(&k->stopping) && (got = ledger_link_take(k->fd, false, k->bytes, &head, &bytes)) > 0)
            if (take(k, &head, bytes) < 0) {
                log_line(LOG_ERROR, "ledger: the process before sent what is no message: it is not heard any more");
                got = -1;
                break;
            }
    }
    shutdown(k->fd, SHUT_RDWR);
    if (!atomic_load(&k->stopping))
        clear_up(k);
    return NULL;
}

struct ledger_keeper *ledger_keeper_start(struct ledger *l, int fd, struct fail *fail)
{
    struct ledger_keeper *k = calloc(1, sizeof *k);
    BUG_IF(k == NULL);
    CHECK(l, LEDGER);
    k->ledger = l;
    k->fd = fd;
    k->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&k->mutex, NULL);
    ledger_link_begin(fd);
    for (struct ledger_hold *h = l->handles; h != NULL; h = h->next) /* nobody else has one yet */
        add_handle(k, h);
    if (k->wake_fd >= 0 && ledger_watch_doubt(l) && pthread_create(&k->thread, NULL, serve, k) == 0)
        return k;
    fail_set(fail, FAIL_US, "the thread that answers the process before cannot be started");
    close(fd);
    if (k->wake_fd >= 0)
        close(k->wake_fd);
    pthread_mutex_destroy(&k->mutex);
    free((void *)k->handles);
    free(k);
    return NULL;
}

bool ledger_keeper_is_over(const struct ledger_keeper *k)
{
    return atomic_load(&k->over);
}

void ledger_keeper_stop(struct ledger_keeper *k)
{
    uint64_t one = 1;
    atomic_store(&k->stopping, true);
    (void)!write(k->wake_fd, &one, sizeof one);
    pthread_join(k->thread, NULL);
    for (struct guest *g = k->guests, *next; g != NULL; g = next) {
        next = g->next;
        ledger_call_off(k->ledger, &g->queue);
        free_guest(g);
    }
    close(k->fd);
    close(k->wake_fd);
    pthread_mutex_destroy(&k->mutex);
    free((void *)k->handles);
    free(k);
}
