/* test_queue.c - slots of targets that have a limit, and who waits for one; the clock is the test's. */
#include "check.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "health/queue.h"

#define S INT64_C(1000000000)
#define WAITERS 64

struct waiter {
    struct queue_wait wait;
    struct queue_place place;
    unsigned over;
};

static struct gate gate;
static struct slots target, other;
static struct queue line, second;
static struct waiter waiters[WAITERS];
static int64_t now;

static void begin(void)
{
    gate_init(&gate);
    slots_init(&target, &gate);
    slots_init(&other, &gate);
    queue_init(&line, &gate);
    queue_init(&second, &gate);
    memset(waiters, 0, sizeof waiters);
    now = 1000 * S;
}

static void take(struct slots *s, unsigned n, unsigned most, enum slots_class of)
{
    for (unsigned i = 0; i < n; i++)
        cr_assert(slots_take(s, most, of, now), "%u of %u", i, most);
}

static void on_over(struct queue_wait *wait)
{
    ((struct waiter *)(void *)wait)->over++;
}

static enum queue_answer enter(struct queue *q, unsigned i, struct slots *s, unsigned most, enum slots_class of)
{
    struct waiter *w = &waiters[i];
    w->place = (struct queue_place){ s, most };
    w->wait = (struct queue_wait){ .places = &w->place, .count = 1, .of = of, .on_over = on_over };
    w->over = 0;
    now++;
    return queue_enter(q, &w->wait, QUEUE_LEAST, now);
}

static void wait_for(unsigned i, enum slots_class of)
{
    cr_assert_eq(enter(&line, i, &target, 4, of), QUEUE_WAITS, "%u", i);
}

static bool has_slot(unsigned i)
{
    return waiters[i].over == 1 && waiters[i].wait.granted != NULL;
}

static bool had_to_go(unsigned i)
{
    return waiters[i].over == 1 && waiters[i].wait.granted == NULL;
}

/* All who wait leave, all slots are free again. */
static void end(void)
{
    for (unsigned i = 0; i < WAITERS; i++)
        if (waiters[i].wait.queue != NULL)
            cr_assert(queue_leave(&waiters[i].wait));
    cr_assert(queue_waiting(&line) <= 0 && queue_waiting(&second) <= 0);
    gate_fini(&gate);
}

/* A limit is the target's: who asks with the one of a configuration before has the new one. */
Test(queue, a_new_limit_serves_who_waits)
{
    begin();
    take(&target, 4, 4, SLOTS_NORMAL);
    for (unsigned i = 0; i < 3; i++)
        wait_for(i, SLOTS_NORMAL);
    slots_rule(&other, 9, now);
    cr_assert_not(has_slot(0), "it is another target's");
    slots_rule(&target, 6, now);
    cr_assert(has_slot(0) && has_slot(1) && !has_slot(2));
    cr_assert_eq(slots_in_flight(&target), 6u);
    slots_rule(&target, 2, now);
    slots_give(&target, SLOTS_NORMAL, now);
    cr_assert_not(has_slot(2), "there are 5 of 2");
    cr_assert_not(slots_has_room(&target, 9, SLOTS_NORMAL, now), "whoever asks");
    slots_rule(&target, SLOTS_UNLIMITED, now);
    cr_assert(has_slot(2));
    while (slots_in_flight(&target) > 0)
        slots_give(&target, SLOTS_NORMAL, now);
    end();
}

Test(queue, a_target_has_no_more_slots_than_its_limit)
{
    begin();
    take(&target, 4, 4, SLOTS_NORMAL);
    cr_assert_not(slots_has_room(&target, 4, SLOTS_NORMAL, now));
    cr_assert_not(slots_take(&target, 4, SLOTS_CRITICAL, now), "critical requests do not pass the limit either");
    cr_assert(slots_has_room(&target, 5, SLOTS_NORMAL, now), "a limit that was raised counts at once");
    slots_give(&target, SLOTS_NORMAL, now);
    cr_assert(slots_take(&target, 4, SLOTS_LOW, now));
    cr_assert_eq(slots_in_flight(&target), 4u);
    end();
}

Test(queue, a_slot_that_is_given_back_goes_to_who_waits)
{
    begin();
    take(&target, 4, 4, SLOTS_NORMAL);
    wait_for(0, SLOTS_NORMAL);
    wait_for(1, SLOTS_NORMAL);
    slots_give(&target, SLOTS_NORMAL, now);
    cr_assert(has_slot(0) && waiters[1].over == 0);
    cr_assert_eq(waiters[0].wait.granted, &target);
    cr_assert_eq(slots_in_flight(&target), 4u, "nobody else could take it");
    cr_assert_not(queue_leave(&waiters[0].wait), "it has it");
    cr_assert(queue_leave(&waiters[1].wait));
    cr_assert_not(queue_leave(&waiters[1].wait));
    slots_give(&target, SLOTS_NORMAL, now);
    cr_assert_eq(slots_in_flight(&target), 3u);
    cr_assert_eq(enter(&line, 2, &target, 4, SLOTS_NORMAL), QUEUE_GRANTED, "one became free since it looked");
    cr_assert_eq(waiters[2].over, 0u);
    end();
}

Test(queue, the_oldest_is_first_while_it_is_short_then_the_newest)
{
    begin();
    take(&target, 4, 4, SLOTS_NORMAL);
    for (unsigned i = 0; i < 6; i++) /* a quarter of 16 is 4 */
        wait_for(i, SLOTS_NORMAL);
    static const unsigned order[] = { 5, 4, 0, 1, 2, 3 };
    for (unsigned i = 0; i < 6; i++) {
        slots_give(&target, SLOTS_NORMAL, now);
        cr_assert(has_slot(order[i]), "%u", i);
    }
    end();
}

Test(queue, where_it_is_full_the_oldest_goes_and_low_priority_before_it)
{
    begin();
    take(&target, 4, 4, SLOTS_NORMAL);
    for (unsigned i = 0; i < QUEUE_LEAST; i++)
        wait_for(i, i == 3 || i == 5 ? SLOTS_LOW : SLOTS_NORMAL);
    wait_for(16, SLOTS_NORMAL);
    cr_assert(had_to_go(3));
    wait_for(17, SLOTS_LOW);
    cr_assert(had_to_go(5), "the oldest of low priority, also for another one");
    wait_for(18, SLOTS_NORMAL);
    cr_assert(had_to_go(17));
    cr_assert_eq(enter(&line, 19, &target, 4, SLOTS_LOW), QUEUE_FULL, "of those before it");
    cr_assert_eq(waiters[19].over, 0u);
    wait_for(20, SLOTS_NORMAL);
    cr_assert(had_to_go(0));
    cr_assert_eq(queue_waiting(&line), (int)QUEUE_LEAST);
    wait_for(21, SLOTS_CRITICAL); /* has a queue of its own */
    cr_assert_eq(queue_waiting(&line), (int)QUEUE_LEAST + 1);
    cr_assert_eq(queue_waiting(&second), -1);
    end();
}

Test(queue, critical_requests_are_served_first_and_low_priority_last)
{
    begin();
    take(&target, 4, 4, SLOTS_NORMAL);
    wait_for(0, SLOTS_LOW);
    wait_for(1, SLOTS_NORMAL);
    wait_for(2, SLOTS_CRITICAL);
    wait_for(3, SLOTS_CRITICAL);
    static const unsigned order[] = { 2, 3, 1, 0 };
    for (unsigned i = 0; i < 4; i++) {
        slots_give(&target, SLOTS_NORMAL, now);
        cr_assert(has_slot(order[i]), "%u", i);
    }
    cr_assert_eq(slots_in_flight(&target), 4u);
    end();
}

Test(queue, slots_are_kept_for_critical_requests_where_there_were_any)
{
    begin();
    take(&target, 40, 40, SLOTS_NORMAL);
    for (unsigned i = 0; i < 40; i++)
        slots_give(&target, SLOTS_NORMAL, now);
    take(&target, 2, 40, SLOTS_CRITICAL); /* 3 are kept */
    take(&target, 37, 40, SLOTS_NORMAL);
    cr_assert_not(slots_take(&target, 40, SLOTS_NORMAL, now));
    take(&target, 1, 40, SLOTS_CRITICAL); /* now 4, a tenth at most */
    slots_give(&target, SLOTS_NORMAL, now);
    cr_assert_not(slots_take(&target, 40, SLOTS_LOW, now));
    for (unsigned i = 0; i < 3; i++)
        slots_give(&target, SLOTS_CRITICAL, now);
    cr_assert_not(slots_take(&target, 40, SLOTS_NORMAL, now), "36 run, and 4 are kept");
    now += 70 * S;
    take(&target, 4, 40, SLOTS_NORMAL); /* forgotten after a minute */
    for (unsigned i = 0; i < 40; i++)
        slots_give(&target, SLOTS_NORMAL, now);
    now += 70 * S;
    take(&target, 1, 1, SLOTS_CRITICAL);
    slots_give(&target, SLOTS_CRITICAL, now);
    take(&target, 1, 1, SLOTS_NORMAL); /* the only one is not kept */
    slots_give(&target, SLOTS_NORMAL, now);
    take(&target, 1, 2, SLOTS_NORMAL);
    cr_assert_not(slots_take(&target, 2, SLOTS_NORMAL, now), "at least one is kept of two");
    end();
}

Test(queue, a_slot_goes_only_to_who_can_use_it)
{
    begin();
    take(&target, 4, 4, SLOTS_NORMAL);
    take(&other, 1, 1, SLOTS_NORMAL);
    cr_assert_eq(enter(&line, 0, &target, 4, SLOTS_NORMAL), QUEUE_WAITS);
    cr_assert_eq(enter(&second, 1, &other, 1, SLOTS_NORMAL), QUEUE_WAITS);
    cr_assert_eq(enter(&second, 2, &target, 4, SLOTS_NORMAL), QUEUE_WAITS);
    slots_give(&other, SLOTS_NORMAL, now);
    cr_assert(has_slot(1) && waiters[0].over == 0);
    slots_give(&target, SLOTS_NORMAL, now);
    cr_assert(has_slot(0) && waiters[2].over == 0, "of two models the one that waits for longer");
    slots_give(&target, SLOTS_NORMAL, now);
    cr_assert(has_slot(2));
    end();
}

Test(queue, is_hopeless_where_nearly_all_are_refused)
{
    begin();
    take(&target, 4, 4, SLOTS_NORMAL);
    take(&other, 1, 1, SLOTS_NORMAL);
    cr_assert_not(queue_is_hopeless(&gate, now));
    unsigned refused = 0;
    for (unsigned i = 0; !queue_is_hopeless(&gate, now); i++) {
        struct waiter *w = &waiters[i % WAITERS];
        if (w->wait.queue != NULL)
            queue_leave(&w->wait);
        enter(&line, i % WAITERS, &target, 4, SLOTS_NORMAL);
        refused += i >= QUEUE_LEAST;
    }
    cr_assert_eq(refused, QUEUE_HOPELESS_REFUSALS * QUEUE_LEAST);
    slots_give(&other, SLOTS_NORMAL, now);
    cr_assert_not(queue_is_hopeless(&gate, now), "another target has room: requests for it must not suffer");
    take(&other, 1, 1, SLOTS_NORMAL);
    cr_assert(queue_is_hopeless(&gate, now));
    slots_give(&target, SLOTS_NORMAL, now);
    cr_assert_not(queue_is_hopeless(&gate, now), "one has its slot");
    now += S;
    cr_assert_not(queue_is_hopeless(&gate, now));
    end();
}

/* Two threads take, wait, leave and give back: at the end no slot is lost. */
static void *hammer(void *owner)
{
    struct waiter *mine = owner;
    for (unsigned i = 0; i < 20000; i++) {
        enum slots_class of = (enum slots_class)(i % SLOTS_CLASSES);
        mine->place = (struct queue_place){ &target, 1 };
        mine->wait = (struct queue_wait){ .places = &mine->place, .count = 1, .of = of, .on_over = on_over };
        enum queue_answer answer = queue_enter(&line, &mine->wait, QUEUE_LEAST, now);
        if (answer == QUEUE_WAITS && queue_leave(&mine->wait))
            continue;
        slots_give(&target, of, now);
    }
    return NULL;
}

Test(queue, loses_no_slot_between_threads)
{
    pthread_t threads[2];
    begin();
    for (unsigned i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, hammer, &waiters[i]);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(slots_in_flight(&target), 0u);
    end();
}

/* One of its requests. */
struct asked {
    int64_t from, ends; /* when it was asked, when its answer is over, a second after it began */
    bool answered;
};

enum { ASKED_MOST = 1000 };
static struct asked asked[ASKED_MOST];
static int64_t free_at[ASKED_MOST]; /* the server's places */
static unsigned running;

/* As much as the limit lets through. */
static void ask_more(unsigned able)
{
    while (running < ASKED_MOST && slots_take(&target, SLOTS_ADAPTIVE, SLOTS_NORMAL, now)) {
        unsigned place = 0;
        for (unsigned k = 1; k < able; k++)
            place = free_at[k] < free_at[place] ? k : place;
        free_at[place] = (free_at[place] > now ? free_at[place] : now) + S;
        asked[running++] = (struct asked){ .from = now, .ends = free_at[place] };
    }
}

/* A server that does `able` at a time, a second each, and queues what comes above that. The limit after three minutes, and in *first the mean
 * time to the first event of the last minute. */
static unsigned adapt_to(unsigned able, double *first)
{
    unsigned samples = 0;
    double sum = 0;
    begin();
    memset(free_at, 0, sizeof free_at);
    running = 0;
    for (int64_t until = now + 180 * S; now < until; now += S / 100) {
        ask_more(able);
        for (unsigned i = 0; i < running; i++) {
            if (!asked[i].answered && asked[i].ends - 3 * S / 4 <= now) {
                double seconds = (double)(now - asked[i].from) / (double)S;
                slots_answered(&target, seconds, now);
                asked[i].answered = true;
                sum += now < until - 60 * S ? 0 : seconds;
                samples += now >= until - 60 * S;
                ask_more(able);
            }
            if (asked[i].ends > now)
                continue;
            slots_give(&target, SLOTS_NORMAL, now);
            asked[i--] = asked[--running];
            ask_more(able);
        }
    }
    *first = sum / samples;
    return slots_limit(&target, SLOTS_ADAPTIVE);
}

Test(queue, an_adaptive_limit_finds_what_the_server_is_able_to_do)
{
    static const unsigned able[] = { 8, 32,
                                     128 }; /* it begins with 32: four times too high, right, four times too low */
    for (size_t i = 0; i < sizeof able / sizeof *able; i++) {
        double first;
        unsigned limit = adapt_to(able[i], &first);
        cr_assert(limit >= able[i] && limit <= 5 * able[i] / 2, "%u: %u", able[i], limit);
        cr_assert(first < 1.5, "%u: %f s", able[i], first);
        cr_assert_eq(slots_limit(&target, 7), 7u);
    }
}

Test(queue, an_adaptive_limit_stays_where_nothing_is_full)
{
    begin();
    for (unsigned i = 0; i < 1000; i++)
        slots_answered(&target, .25, now);
    cr_assert_eq(slots_limit(&target, SLOTS_ADAPTIVE), 32u);
    for (unsigned i = 0; i < 10000; i++)
        slots_answered(&target, 30, now);
    cr_assert_geq(slots_limit(&target, SLOTS_ADAPTIVE), 4u);
    end();
}
