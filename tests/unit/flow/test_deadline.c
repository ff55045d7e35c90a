/* test_deadline.c - x-gw-timeout, and what is left of a request's time. */
#include "check.h"

#include "base/clock.h"
#include "flow/deadline.h"
#include "flow/way.h"

#define S CLOCK_S

/* An attempt 4 s after the head of its request, at a target whose provider may set times. */
struct sent {
    struct request req;
    struct config_provider provider;
    struct route_target targets[2];
    struct attempt a;
};

static void sent_init(struct sent *s, bool streams)
{
    memset(s, 0, sizeof *s);
    s->targets[0] = s->targets[1] = (struct route_target){ .provider = &s->provider };
    s->req.targets = s->targets;
    s->req.target_count = s->req.target_next = s->req.attempts_made = s->req.attempts_max = 1;
    s->req.begun_ns = 100 * S;
    s->provider.name = TEXT("p");
    s->a = (struct attempt){ .req = &s->req, .target = &s->targets[0], .streams = streams };
    arena_init(&s->req.arena, NULL, 0, 1 << 16);
}

Test(deadline, is_seconds_with_decimals)
{
    static const struct {
        const char *value;
        int64_t ms;
    } rows[] = { { "1", 1000 },   { "2.5", 2500 },   { "0.05", 50 },  { "0.125", 125 }, { "86400", 86400000 },
                 { "0.049", -1 }, { "86400.1", -1 }, { "0", -1 },     { "", -1 },       { ".5", -1 },
                 { "1.", -1 },    { "-1", -1 },      { "1e3", -1 },   { "1.2345", -1 }, { "100000", -1 },
                 { "1,5", -1 },   { "nan", -1 },     { "2.5 s", -1 }, { "+1", -1 } };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t wanted = rows[i].ms < 0 ? -1 : rows[i].ms * 1000000;
        cr_assert_eq(deadline_parse(text_of(rows[i].value)), wanted, "\"%s\"", rows[i].value);
    }
}

Test(deadline, is_the_models_and_the_client_only_shortens_it)
{
    static struct request req;
    const int64_t s = 1000000000;
    req.begun_ns = 100 * s;
    req.timeouts.total_ns = 10 * s;
    cr_assert_eq(deadline_left_ns(&req, 103 * s), 7 * s);
    cr_assert_not(deadline_is_clients(&req));
    deadline_header(&req, TEXT(" 4 "));
    cr_assert_eq(deadline_left_ns(&req, 103 * s), s);
    cr_assert_eq(deadline_left_ns(&req, 105 * s), -s);
    cr_assert(deadline_is_clients(&req));
    deadline_header(&req, TEXT("60")); /* twice: the shorter one */
    cr_assert_eq(deadline_left_ns(&req, 103 * s), s);
    req.client_timeout_ns = 60 * s;
    cr_assert_eq(deadline_left_ns(&req, 103 * s), 7 * s);
    cr_assert_not(deadline_is_clients(&req));
    req.client_timeout_ns = 10 * s;
    cr_assert_not(deadline_is_clients(&req), "it shortens nothing");
    cr_assert_null(req.whose.header);
    deadline_header(&req, TEXT("soon"));
    cr_assert_str_eq(req.whose.header, "x-gw-timeout");
}

Test(deadline, leaves_room_for_another_attempt)
{
    static struct request req;
    const int64_t s = 1000000000;
    req.begun_ns = 100 * s;
    req.timeouts.total_ns = 10 * s;
    cr_assert(deadline_allows_another(&req, 108 * s));
    cr_assert_not(deadline_allows_another(&req, 108 * s + 1), "2 s at least");
    req.client_timeout_ns = 4 * s;
    cr_assert(deadline_allows_another(&req, 103 * s));
    cr_assert_not(deadline_allows_another(&req, 103 * s + 1), "a quarter of a short one");
}

Test(deadline, the_models_times_stand_above_the_providers)
{
    struct config_provider p = { .timeouts = { .connect_ns = 1 * S, .first_token_ns = 2 * S } };
    struct config_timeouts model = { .first_token_ns = 3 * S, .total_ns = 9 * S }, t = config_timeouts_of(&model, &p);
    cr_assert_eq(t.connect_ns, 1 * S);
    cr_assert_eq(t.first_token_ns, 3 * S);
    cr_assert_eq(t.idle_ns, 120 * S);
    cr_assert_eq(t.total_ns, 9 * S);
    t = config_timeouts_of(&(struct config_timeouts){ 0 }, &(struct config_provider){ .index = 0 });
    cr_assert_eq(t.connect_ns, 5 * S);
    cr_assert_eq(t.first_token_ns, 600 * S);
    cr_assert_eq(t.total_ns, 600 * S);
}

Test(deadline, without_the_models_the_longest_of_its_targets_counts)
{
    static struct sent s;
    struct config_provider other = { .timeouts.total_ns = 7 * S };
    sent_init(&s, false);
    cr_assert_eq(deadline_left_ns(&s.req, 100 * S), 600 * S);
    s.provider.timeouts.total_ns = 5 * S;
    cr_assert_eq(deadline_left_ns(&s.req, 100 * S), 5 * S);
    s.targets[1].provider = &other;
    s.req.target_count = 2;
    cr_assert_eq(deadline_left_ns(&s.req, 100 * S), 7 * S);
    s.req.timeouts.total_ns = 4 * S;
    cr_assert_eq(deadline_left_ns(&s.req, 100 * S), 4 * S);
    arena_fini(&s.req.arena);
}

Test(deadline, a_whole_answer_has_no_time_to_its_first_token)
{
    static struct sent s;
    sent_init(&s, false);
    s.req.timeouts.first_token_ns = 1 * S;
    deadline_begin(&s.a, 104 * S);
    cr_assert_eq(s.a.send.content_ns, 0);
    cr_assert_eq(s.a.send.total_ns, 596 * S);
    cr_assert_eq(s.a.send.idle_ns, 120 * S);
    cr_assert_eq(s.a.send.connect_ns, 5 * S);
    deadline_spoke(&s.a);
    cr_assert_eq(s.a.send.total_ns, 596 * S, "nothing of it was given away");
    arena_fini(&s.req.arena);
}

Test(deadline, the_time_to_the_first_token_grows_with_the_input_and_leaves_some_for_others)
{
    static struct sent s;
    sent_init(&s, true);
    s.a.input_guess = 20000;
    s.provider.timeouts.first_token_ns = 60 * S;
    deadline_begin(&s.a, 104 * S);
    cr_assert_eq(s.a.send.content_ns, 80 * S);
    cr_assert_not(s.a.hurried);
    s.req.timeouts.total_ns = 60 * S;
    deadline_begin(&s.a, 104 * S);
    cr_assert_eq(s.a.send.content_ns, 80 * S, "there is no other target: all of its time is this one's");
    s.req.target_count = s.req.attempts_max = 2;
    deadline_begin(&s.a, 104 * S);
    cr_assert_eq(s.a.send.content_ns, 56 * S - 2 * S - S / 10);
    cr_assert(s.a.hurried);
    s.a.failure = TRANSFER_TIME_FIRST;
    cr_assert_str_eq(deadline_text(&s.a),
                     "no token in time for another attempt within timeout.total_s, 60 s: the operator can raise it");
    cr_assert_not(deadline_was_clients(&s.a));
    s.req.client_timeout_ns = 5 * S; /* another one needs a quarter of it */
    deadline_begin(&s.a, 101 * S);
    cr_assert_eq(s.a.send.content_ns, 4 * S - 5 * S / 4 - S / 10);
    cr_assert(deadline_was_clients(&s.a));
    s.req.attempts_made = 2;
    deadline_begin(&s.a, 101 * S);
    cr_assert_eq(s.a.send.content_ns, 80 * S, "it is the last attempt");
    cr_assert_not(deadline_was_clients(&s.a));
    arena_fini(&s.req.arena);
}

Test(deadline, a_stream_with_content_ends_by_total_s_where_somebody_set_it)
{
    static struct sent s;
    for (int who = 0; who < 4; who++) {
        sent_init(&s, true);
        if (who == 1)
            s.req.timeouts.total_ns = 600 * S;
        if (who == 2)
            s.provider.timeouts.total_ns = 600 * S;
        if (who == 3)
            s.req.client_timeout_ns = 600 * S - 1;
        deadline_begin(&s.a, 100 * S);
        deadline_spoke(&s.a);
        cr_assert_eq(s.a.send.content_ns, 0);
        cr_assert_eq(s.a.send.total_ns, who == 0 ? 0 : who == 3 ? 600 * S - 1 : 600 * S, "%d", who);
        arena_fini(&s.req.arena);
    }
    sent_init(&s, true);
    s.req.client_timeout_ns = 700 * S; /* no sooner than by default, but the client named an end */
    deadline_begin(&s.a, 104 * S);
    deadline_spoke(&s.a);
    cr_assert_eq(s.a.send.total_ns, 696 * S);
    arena_fini(&s.req.arena);
}

Test(deadline, its_text_names_the_setting_and_who_can_change_it)
{
    static struct sent s;
    static const struct {
        enum transfer_failure failure;
        const char *text;
    } rows[] = {
        { TRANSFER_TIME_CONNECT, "no connection within timeout.connect_s, 5 s: the operator can raise it" },
        { TRANSFER_TIME_FIRST, "no token within timeout.first_token_s, 0.5 s: the operator can raise it" },
        { TRANSFER_TIME_IDLE, "silent for longer than timeout.idle_s, 120 s: the operator can raise it" },
        { TRANSFER_TIME_TOTAL, "not complete within timeout.total_s, 600 s: the operator can raise it" },
        { TRANSFER_RESET, "failed" },
    };
    sent_init(&s, true);
    s.provider.timeouts.first_token_ns = S / 2;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        s.a.failure = rows[i].failure;
        cr_assert_str_eq(deadline_text(&s.a), rows[i].text);
    }
    s.req.client_timeout_ns = S;
    s.a.failure = TRANSFER_TIME_TOTAL;
    cr_assert_str_eq(deadline_text(&s.a), "not complete within the request's x-gw-timeout");
    arena_fini(&s.req.arena);
}
