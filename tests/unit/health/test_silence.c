/* test_silence.c - a target that answers nobody is suspect, an attempt that waits there is late; the clock is the test's. */
#include "check.h"

#include <stdint.h>

#include "health/silence.h"

#define S INT64_C(1000000000)

static struct silence row;
static int64_t now;

static void begin(void)
{
    silence_init(&row);
    now = 1000 * S;
}

/* `count` answers, each after `ns`. */
static void answer(unsigned count, bool whole, double tokens, int64_t ns)
{
    for (unsigned i = 0; i < count; i++) {
        struct silence_ticket ticket = { .row = NULL };
        silence_begin(&row, whole, tokens, now, &ticket);
        now += ns;
        silence_heard(&ticket, true, now);
    }
}

static void wait_there(struct silence_ticket *tickets, unsigned count, bool whole, double tokens)
{
    for (unsigned i = 0; i < count; i++)
        silence_begin(&row, whole, tokens, now, &tickets[i]);
}

static void leave(struct silence_ticket *tickets, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        silence_end(&tickets[i]);
    cr_assert(row.kinds[0].first == NULL && row.kinds[1].first == NULL && row.kinds[0].last == NULL);
    silence_fini(&row);
}

Test(silence, is_suspected_of_five_that_wait_and_not_of_four)
{
    struct silence_ticket tickets[5] = { 0 };
    begin();
    answer(30, false, 4000, S / 10);
    wait_there(tickets, 4, false, 4000);
    now += 3 * S;
    cr_assert(silence_is_late(&tickets[0], now));
    cr_assert(!silence_is_suspect(&row, now));
    now -= 3 * S;
    wait_there(tickets + 4, 1, false, 4000);
    now += 2 * S;
    cr_assert(!silence_is_suspect(&row, now), "2 s are not more than 2 s");
    cr_assert(silence_is_suspect(&row, now + 1));
    leave(tickets, 5);
}

Test(silence, ends_with_the_next_answer)
{
    struct silence_ticket tickets[6] = { 0 };
    begin();
    answer(30, false, 4000, S / 10);
    wait_there(tickets, 6, false, 4000);
    now += 3 * S;
    cr_assert(silence_is_suspect(&row, now));
    silence_heard(&tickets[2], false, now); /* an error is an answer, and no measure */
    cr_assert_eq(row.kinds[0].count, 30u);
    cr_assert(!silence_is_suspect(&row, now));
    cr_assert(!silence_is_suspect(&row, now + 2 * S - 1));
    cr_assert(silence_is_suspect(&row, now + 2 * S), "nothing came since, and five wait");
    leave(tickets, 6);
}

Test(silence, stays_while_they_go_elsewhere)
{
    struct silence_ticket tickets[6] = { 0 };
    begin();
    answer(30, false, 4000, S / 10);
    wait_there(tickets, 5, false, 4000);
    now += 3 * S;
    cr_assert(silence_is_suspect(&row, now));
    for (unsigned i = 0; i < 4; i++)
        silence_end(&tickets[i]);
    cr_assert(silence_is_suspect(&row, now), "the last one goes elsewhere too");
    silence_end(&tickets[4]);
    cr_assert(!silence_is_suspect(&row, now), "nobody waits: the next one is to see");
    wait_there(tickets + 5, 1, false, 4000);
    cr_assert(!silence_is_suspect(&row, now + 3 * S));
    leave(tickets, 6);
}

Test(silence, is_measured_by_what_is_usual)
{
    struct silence_ticket tickets[10] = { 0 };
    begin();
    answer(64, false, 4000, 2 * S); /* three times the 95th percentile: 6 s */
    wait_there(tickets, 5, false, 4000);
    wait_there(tickets + 5, 5, false, 40000); /* 8.65 times as much to read: 51.9 s */
    now += 6 * S;
    cr_assert(!silence_is_late(&tickets[0], now));
    cr_assert(!silence_is_suspect(&row, now));
    now += 1;
    cr_assert(silence_is_late(&tickets[0], now));
    cr_assert(!silence_is_late(&tickets[5], now));
    cr_assert(silence_is_suspect(&row, now));
    now += 45 * S;
    cr_assert(!silence_is_late(&tickets[5], now));
    now += S;
    cr_assert(silence_is_late(&tickets[5], now));
    leave(tickets, 10);
}

Test(silence, counts_the_newest_answers)
{
    struct silence_ticket tickets[1] = { 0 };
    begin();
    answer(64, false, 4000, 10 * S);
    answer(61, false, 4000, S);
    wait_there(tickets, 1, false, 4000);
    cr_assert(!silence_is_late(&tickets[0], now + 3 * S));
    cr_assert(silence_is_late(&tickets[0], now + 3 * S + 1), "3 of 64 are old: they are beyond the 95th percentile");
    leave(tickets, 1);
}

Test(silence, of_whole_answers_has_its_own_measure)
{
    struct silence_ticket tickets[5] = { 0 };
    begin();
    answer(30, false, 4000, S / 10);
    answer(30, true, 4000, 4 * S);
    wait_there(tickets, 5, true, 400000); /* whatever it has to read */
    now += 12 * S;
    cr_assert(!silence_is_suspect(&row, now));
    cr_assert(silence_is_suspect(&row, now + 1));
    leave(tickets, 5);

    begin();
    answer(30, true, 4000, S / 10);
    wait_there(tickets, 5, true, 4000);
    cr_assert(!silence_is_late(&tickets[0], now + 5 * S), "5 s at least");
    cr_assert(silence_is_late(&tickets[0], now + 5 * S + 1));
    leave(tickets, 5);
}

Test(silence, is_patient_where_nothing_is_known)
{
    struct silence_ticket tickets[5] = { 0 };
    begin();
    answer(19, false, 4000, S / 10);
    wait_there(tickets, 5, false, 4000);
    cr_assert(!silence_is_late(&tickets[0], now + 20 * S));
    cr_assert(silence_is_late(&tickets[0], now + 20 * S + 1));
    cr_assert(silence_is_suspect(&row, now + 20 * S + 1));
    leave(tickets, 5);
}

Test(silence, of_a_ticket_that_has_ended_is_nothing)
{
    struct silence_ticket ticket = { 0 };
    begin();
    answer(30, false, 0, S / 10);
    silence_begin(&row, false, 0, now, &ticket);
    silence_end(&ticket);
    silence_end(&ticket);
    silence_heard(&ticket, true, now + S);
    cr_assert_eq(row.kinds[0].count, 30u);
    cr_assert(!silence_is_late(&ticket, now + 100 * S));
    leave(&ticket, 1);
}
