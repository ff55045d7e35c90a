/* test_flights.c - who leads, who listens, what each gets of the bytes, and what is left of a flight. One loop stands for two workers. */
#include "check.h"

#include <string.h>

#include "base/buf.h"
#include "cache/flights.h"
#include "canon/error.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct ear {
    struct flights_seat seat;
    struct flights_seat *other; /* rises when this one is called */
    unsigned news;
};

struct sky {
    struct loop loop;
    struct flights *all;
    struct flights_leader leader;
    unsigned heard;
};

static void on_news(struct flights_seat *seat)
{
    struct ear *ear = (struct ear *)(void *)((char *)seat - offsetof(struct ear, seat));
    ear->news++;
    if (ear->other != NULL)
        flights_leave(ear->other);
}

static void on_heard(struct flights_leader *leader)
{
    ((struct sky *)(void *)((char *)leader - offsetof(struct sky, leader)))->heard++;
}

struct stop {
    struct loop_timer timer;
    struct loop *loop;
};

static void on_time(struct loop_timer *timer)
{
    loop_stop(((struct stop *)(void *)timer)->loop);
}

/* All messages that are on their way. */
static void run(struct sky *s)
{
    struct stop stop = { .timer.on_time = on_time, .loop = &s->loop };
    loop_timer_set(&s->loop, &stop.timer, 0);
    loop_run(&s->loop);
}

static void begin(struct sky *s)
{
    memset(s, 0, sizeof *s);
    cr_assert_eq(loop_init(&s->loop), 0);
    s->all = flights_new(2);
    s->leader = (struct flights_leader){ .loop = &s->loop, .on_heard = on_heard };
}

/* flights_free() finds what was not given back. */
static void end(struct sky *s)
{
    run(s);
    flights_free(s->all);
    loop_fini(&s->loop);
}

static enum flights_place enter(struct sky *s, unsigned worker, struct ear *ear, struct flights_leader *leader)
{
    const struct flights_who who = { KEY, 0, worker, flights_turn(s->all) };
    if (ear != NULL)
        *ear = (struct ear){ .seat = { .loop = &s->loop, .on_news = on_news } };
    return flights_enter(s->all, &who, ear != NULL ? &ear->seat : NULL, leader);
}

static void open(struct sky *s)
{
    flights_open(s->leader.flight, &(struct flights_head){ TEXT("up"), TEXT("real"), TEXT("text/event-stream") });
}

/* All that is there for it now. */
static void hears(struct ear *ear, const char *want, bool want_over, bool want_good)
{
    struct text bytes;
    struct buf all;
    bool over, good;
    buf_init(&all, 1 << 20);
    while (flights_take(&ear->seat, &bytes, &over, &good))
        buf_text(&all, bytes);
    cr_assert(text_is(buf_view(&all), want));
    cr_assert_eq(over, want_over);
    cr_assert_eq(good, want_good);
    buf_free(&all);
}

Test(cache_flights, each_listener_gets_all_of_the_attempt_that_answers)
{
    struct sky s;
    struct ear early, late;
    struct flights_head head;
    begin(&s);
    cr_assert_eq(enter(&s, 0, &early, &s.leader), FLIGHTS_LEADS);
    cr_assert_eq(enter(&s, 1, &early, &s.leader), FLIGHTS_LISTENS);
    flights_write(s.leader.flight, TEXT("of an attempt that fails"));
    flights_done(s.leader.flight, false);
    flights_restart(s.leader.flight);
    flights_write(s.leader.flight, TEXT("one "));
    run(&s);
    cr_assert_eq(s.heard, 1);
    cr_assert_eq(early.news, 0, "there is no answer yet");
    open(&s);
    run(&s);
    cr_assert_eq(early.news, 1);
    cr_assert_eq(flights_state(&early.seat, &head), FLIGHTS_OPEN);
    cr_assert(text_is(head.model, "real"));
    hears(&early, "one ", false, false);
    flights_write(s.leader.flight, TEXT("two"));
    flights_write(s.leader.flight, TEXT(" three"));
    cr_assert_eq(enter(&s, 0, &late, &s.leader), FLIGHTS_LISTENS);
    flights_done(s.leader.flight, true);
    flights_end(&s.leader, FLIGHTS_COMPLETE, NULL);
    cr_assert_null(s.leader.flight);
    run(&s);
    cr_assert_eq(early.news, 2, "one wake for all of it");
    hears(&early, "two three", true, true);
    hears(&late, "one two three", true, true);
    flights_leave(&early.seat);
    flights_leave(&late.seat);
    flights_leave(&late.seat);
    cr_assert_eq(flights_listeners(s.all), 0);
    end(&s);
}

Test(cache_flights, a_shared_failure_is_kept_for_a_second_and_a_leader_s_own_is_not)
{
    struct sky s;
    struct ear ear, late;
    struct flights_head head;
    struct fail fail, why;
    struct text more;
    char code[] = "of_an_arena";
    begin(&s);
    error_set(&fail, E_UPSTREAM, "it failed");
    fail.code = code;
    cr_assert_eq(enter(&s, 0, &ear, &s.leader), FLIGHTS_LEADS);
    flights_end(&s.leader, FLIGHTS_FAILED, &fail); /* nobody listens: nothing is kept */
    cr_assert_eq(enter(&s, 0, &ear, &s.leader), FLIGHTS_LEADS);
    cr_assert_eq(enter(&s, 0, &ear, &s.leader), FLIGHTS_LISTENS);
    flights_end(&s.leader, FLIGHTS_ABANDONED, NULL);
    cr_assert_eq(flights_state(&ear.seat, &head), FLIGHTS_LEFT);
    flights_leave(&ear.seat);
    cr_assert_eq(enter(&s, 0, &ear, &s.leader), FLIGHTS_LEADS);
    cr_assert_eq(enter(&s, 0, &ear, &s.leader), FLIGHTS_LISTENS);
    flights_end(&s.leader, FLIGHTS_FAILED, &fail);
    code[0] = 'X'; /* the leader's memory is gone */
    cr_assert_eq(enter(&s, 1, &late, &s.leader), FLIGHTS_LISTENS);
    run(&s);
    cr_assert_eq(late.news, 1);
    cr_assert_eq(flights_state(&late.seat, &head), FLIGHTS_FAIL);
    flights_why(&late.seat, &why, &more);
    cr_assert_str_eq(why.code, "of_an_arena");
    cr_assert_str_eq(why.text, "it failed");
    flights_leave(&ear.seat);
    flights_leave(&late.seat);
    end(&s);
}

Test(cache_flights, what_is_larger_than_its_bound_is_joined_no_more_and_let_go_as_it_is_taken)
{
    struct sky s;
    struct ear ear, late;
    static char piece[FLIGHTS_LEN_MOST / 4];
    struct text bytes;
    bool over, good;
    begin(&s);
    cr_assert_eq(enter(&s, 0, &ear, &s.leader), FLIGHTS_LEADS);
    cr_assert_eq(enter(&s, 0, &ear, &s.leader), FLIGHTS_LISTENS);
    open(&s);
    for (int i = 0; i < 6; i++)
        flights_write(s.leader.flight, (struct text){ piece, sizeof piece });
    cr_assert_eq(enter(&s, 0, &late, NULL), FLIGHTS_ALONE);
    for (int i = 0; i < 6; i++)
        cr_assert(flights_take(&ear.seat, &bytes, &over, &good));
    cr_assert_not(flights_take(&ear.seat, &bytes, &over, &good));
    flights_leave(&ear.seat);
    flights_write(s.leader.flight, (struct text){ piece, sizeof piece }); /* for nobody */
    flights_end(&s.leader, FLIGHTS_COMPLETE, NULL);
    end(&s);
}

Test(cache_flights, one_that_has_ended_since_it_looked_sends_it_to_the_cache_again)
{
    struct sky s;
    struct ear ear;
    begin(&s);
    const struct flights_who before = { KEY, 0, 0, flights_turn(s.all) };
    cr_assert_eq(enter(&s, 0, NULL, &s.leader), FLIGHTS_LEADS);
    cr_assert_eq(enter(&s, 0, NULL, &s.leader), FLIGHTS_ALONE); /* who may not listen */
    flights_end(&s.leader, FLIGHTS_COMPLETE, NULL);
    ear = (struct ear){ .seat = { .loop = &s.loop, .on_news = on_news } };
    cr_assert_eq(flights_enter(s.all, &before, &ear.seat, &s.leader), FLIGHTS_AGAIN);
    end(&s);
}

Test(cache_flights, a_listener_may_rise_in_the_call_of_another)
{
    struct sky s;
    struct ear ears[4];
    begin(&s);
    cr_assert_eq(enter(&s, 0, NULL, &s.leader), FLIGHTS_LEADS);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(enter(&s, 0, &ears[i], NULL), FLIGHTS_LISTENS);
    ears[3].other = &ears[2].seat; /* the newest one is called first */
    ears[1].other = &ears[3].seat;
    open(&s);
    run(&s);
    cr_assert_eq(ears[3].news + ears[1].news + ears[0].news, 3);
    cr_assert_eq(ears[2].news, 0);
    cr_assert_eq(flights_listeners(s.all), 2);
    flights_leave(&ears[0].seat);
    flights_leave(&ears[1].seat);
    cr_assert_not(flights_is_heard(s.leader.flight));
    flights_end(&s.leader, FLIGHTS_COMPLETE, NULL);
    end(&s);
}
