/* ledger_away.c - the process that drains after an upgrade: another one keeps the ledger, and is asked for each hold.
 *
 * The handles stay here, with their accounts, so that what this process shows of a budget is nearly right; who may be let in is
 * decided there, where all is known. An END is sent and not answered: the socket keeps it when this process ends. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "money/ledger_keeper.h"
#include "money/ledger_link.h"

struct ledger_away {
    int fd;
    bool lost, ending;
    uint64_t last_id;
    pthread_t listener;
    bool listens;
    char room[LINK_MOST];
};

enum { TRIES = 6 }; /* each waits for LINK_PATIENCE_S */

static const char silent_text[] = "the process that keeps the ledger does not answer in time: ask again";
static const char lost_text[] = "the process that took over the ledger has ended, and this one is about to end";

static void fail_wait(struct ledger_wait *wait, struct text why)
{
    wait->refusal = (struct ledger_refusal){ .answer = ACCOUNT_FITS };
    fail_set(&wait->why, FAIL_OPERATOR, "%.*s", TEXT_ARG(why));
    ledger_free_hold(wait->hold);
    wait->hold = NULL;
    wait->on_over(wait);
}

/* What waits there can only fail. What is in flight goes on: the next start finds its holds, as doubt. */
static void is_lost(struct ledger *l)
{
    if (!l->away->lost)
        log_line(
            LOG_ERROR,
            "ledger: the process that took it over has ended: what ends here from now on is in doubt, new requests are refused");
    l->away->lost = true;
    for (struct ledger_wait *wait; (wait = l->queue) != NULL;) {
        ledger_remove_wait(l, wait);
        fail_wait(wait, text_of(lost_text));
    }
}

static void take_answer(struct ledger *l, const struct link_head *head, struct text bytes);

/* Both may send more than a socket holds, each waiting for the other to read: then what is there is read first. */
static int tell(struct ledger *l, struct link_head head, struct record *record)
{
    struct ledger_away *away = l->away;
    int result = -1;
    for (int i = 0; i < TRIES && !away->lost; i++) {
        struct link_head answer;
        struct text bytes;
        result = record != NULL ? ledger_link_send_record(away->fd, &head, record)
                                : ledger_link_send(away->fd, &head, TEXT_NONE);
        if (result == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
            break;
        while (ledger_link_take(away->fd, false, away->room, &answer, &bytes) > 0)
            take_answer(l, &answer, bytes);
    }
    if (result < 0)
        is_lost(l);
    return result;
}

/* It is held there. Nobody wants it any more: its client left while the answer was on its way. */
static void give_back(struct ledger *l, uint64_t number)
{
    struct record end = { .type = RECORD_END, .hold = number, .ending = ENDING_VOID, .outcome = TEXT("not_sent") };
    tell(l, (struct link_head){ .kind = LINK_END, .number = number }, &end);
}

static void is_held(struct ledger *l, struct ledger_hold *handle, struct record *hold, uint64_t number)
{
    hold->number = number;
    for (size_t i = 0; i < handle->count; i++)
        handle->stakes[i].period = account_at(handle->stakes[i].account, hold->admitted_ms);
    ledger_is_held(l, handle, hold);
}

static void read_refusal(struct text bytes, struct ledger_refusal *refusal)
{
    struct link_refusal from = { .answer = ACCOUNT_FITS };
    if (bytes.len == sizeof from)
        memcpy(&from, bytes.ptr, sizeof from);
    *refusal = (struct ledger_refusal){ .answer = (enum account_answer)from.answer,
                                        .kind = (enum account_kind)from.kind,
                                        .period = (enum config_period)from.period,
                                        .clamps = from.clamps != 0,
                                        .waiting = from.waiting,
                                        .left = from.left,
                                        .hard = from.hard,
                                        .ends_s = from.ends_s,
                                        .room = from.room,
                                        .after = from.after };
    snprintf(refusal->id, sizeof refusal->id, "%.*s", (int)strnlen(from.id, sizeof from.id), from.id);
}

/* The answer for one that waits, or that waited. */
static void take_answer(struct ledger *l, const struct link_head *head, struct text bytes)
{
    struct ledger_wait *wait = l->queue;
    while (wait != NULL && wait->id != head->id)
        wait = wait->next;
    if (wait == NULL) {
        if (head->kind == LINK_GRANTED)
            give_back(l, head->number);
        return;
    }
    ledger_remove_wait(l, wait);
    if (head->kind == LINK_FAILED) {
        fail_wait(wait, bytes);
        return;
    }
    if (head->kind == LINK_GRANTED) {
        wait->refusal = (struct ledger_refusal){ .answer = ACCOUNT_FITS };
        is_held(l, wait->hold, wait->record, head->number);
    } else {
        read_refusal(bytes, &wait->refusal);
        ledger_free_hold(wait->hold);
        wait->hold = NULL;
    }
    wait->on_over(wait);
}

bool ledger_away_hold(struct ledger *l, struct ledger_hold *handle, struct record *hold, bool overtakes,
                      struct ledger_refusal *refusal, struct fail *fail)
{
    struct link_head head;
    struct text bytes;
    uint64_t id = ++l->away->last_id;
    int got = tell(l, (struct link_head){ .kind = LINK_HOLD, .flags = overtakes, .id = id }, hold);
    *refusal = (struct ledger_refusal){ .answer = ACCOUNT_FITS };
    while (got >= 0 && (got = ledger_link_take(l->away->fd, true, l->away->room, &head, &bytes)) > 0 && head.id != id)
        take_answer(l, &head, bytes);
    if (got < 0)
        is_lost(l);
    if (got <=
        0) { /* silent for so long it may be waiting for its disk; a late answer is given back by take_answer() */
        fail_set(fail, FAIL_OPERATOR, "%s", got < 0 ? lost_text : silent_text);
        return false;
    }
    if (head.kind == LINK_GRANTED)
        is_held(l, handle, hold, head.number);
    else if (head.kind == LINK_REFUSED)
        read_refusal(bytes, refusal);
    else
        fail_set(fail, FAIL_OPERATOR, "%.*s", TEXT_ARG(bytes));
    return head.kind == LINK_GRANTED;
}

void ledger_away_end(struct ledger *l, struct record *end)
{
    tell(l, (struct link_head){ .kind = LINK_END, .number = end->hold }, end);
}

void ledger_away_row(struct ledger *l, struct record *row)
{
    tell(l, (struct link_head){ .kind = LINK_ROW }, row);
}

void ledger_away_wait(struct ledger *l, struct ledger_wait *wait)
{
    wait->id = ++l->away->last_id;
    tell(l, (struct link_head){ .kind = LINK_WAIT, .id = wait->id }, wait->record);
}

void ledger_away_leave(struct ledger *l, const struct ledger_wait *wait)
{
    tell(l, (struct link_head){ .kind = LINK_LEAVE, .id = wait->id }, NULL);
}

/* Takes the answers for those that wait, whoever else has the mutex between. */
static void *listen_often(void *arg)
{
    struct ledger *l = arg;
    struct ledger_away *away = l->away;
    struct pollfd fd = { .fd = away->fd, .events = POLLIN };
    for (bool goes_on = true; goes_on;) {
        struct link_head head;
        struct text bytes;
        int got = 1;
        poll(&fd, 1, -1);
        journal_lock(l->journal);
        while (!away->ending && (got = ledger_link_take(away->fd, false, away->room, &head, &bytes)) > 0)
            take_answer(l, &head, bytes);
        if (!away->ending && got < 0)
            is_lost(l);
        goes_on = !away->ending && !away->lost;
        journal_unlock(l->journal);
    }
    return NULL;
}

int ledger_hand_over_begin(struct ledger *l, struct fail *fail)
{
    CHECK(l, LEDGER);
    journal_lock(l->journal);
    if (l->away != NULL)
        fail_set(fail, FAIL_OPERATOR, "the ledger has been given to another process already");
    else if (ledger_write_late(l, fail) == 0 && journal_hand_over(l->journal, fail) == 0)
        return 0;
    journal_unlock(l->journal);
    return -1;
}

void ledger_hand_over_end(struct ledger *l, int fd)
{
    CHECK(l, LEDGER);
    if (fd < 0) {
        journal_take_back(l->journal);
        journal_unlock(l->journal);
        return;
    }
    journal_give_lock(l->journal);
    l->fresh = NULL; /* what ends from here on is booked there: a reload that is under way fails */
    l->away = calloc(1, sizeof *l->away);
    BUG_IF(l->away == NULL);
    l->away->fd = fd;
    ledger_link_begin(fd);
    atomic_store(&l->ending, true); /* doubt is settled there */
    ledger_move_queue(l);
    l->away->listens = pthread_create(&l->away->listener, NULL, listen_often, l) == 0;
    if (!l->away->listens)
        is_lost(l);
    journal_unlock(l->journal);
}

bool ledger_is_lost(struct ledger *l)
{
    CHECK(l, LEDGER);
    journal_lock(l->journal);
    bool lost = l->away != NULL && l->away->lost;
    journal_unlock(l->journal);
    return lost;
}

int ledger_lock_fd(const struct ledger *l)
{
    CHECK(l, LEDGER);
    return journal_lock_fd(l->journal);
}

void ledger_end_away(struct ledger *l)
{
    struct ledger_away *away = l->away;
    if (away == NULL)
        return;
    journal_lock(l->journal);
    away->ending = true;
    journal_unlock(l->journal);
    shutdown(away->fd, SHUT_WR);
    shutdown(away->fd, SHUT_RD); /* wakes the listener */
    if (away->listens)
        pthread_join(away->listener, NULL);
    close(away->fd);
    free(away);
    l->away = NULL;
}
