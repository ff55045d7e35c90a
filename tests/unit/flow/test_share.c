/* test_share.c - several gateways and one limit: never more than it is admitted, nearly all of it is, and how often the server is asked. The
 * server is a number. */
#include "check.h"
#include "flow/share.h"

enum { GATEWAYS = 3, MINUTES = 12 };

struct server {
    int64_t total, before; /* -1: it is lost */
    bool away;
};

struct sums {
    int64_t admitted, requests, hops, most; /* most: of one minute */
};

static uint64_t state;
static double chance(void)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(state >> 11) / (double)(UINT64_C(1) << 53);
}

/* One ask, as throttle_shared.c does it. */
static void ask_server(struct share *s, const struct share_ask *ask, struct server *server, int64_t *hops)
{
    if (s->before < 0) {
        s->before = !server->away && server->before > s->own ? server->before : s->own;
        *hops += 1;
        if (share_look(s, ask) != SHARE_LACKS)
            return;
    }
    int64_t batch = share_batch(s, ask), owed = s->owed;
    if (server->away) {
        share_add(s, ask, batch, 0, SHARE_AWAY, 0);
        return;
    }
    *hops += 1;
    server->total = server->total < 0 ? s->seen - owed + batch + owed : server->total + batch + owed;
    int64_t above = share_add(s, ask, batch, owed, SHARE_ADDED, server->total);
    server->total -= above;
    *hops += above > 0;
}

static bool admit(struct share *s, const struct share_ask *ask, int64_t minute, struct server *server, int64_t *hops)
{
    share_turn(s, minute);
    for (int i = 0; i < 4 && share_look(s, ask) == SHARE_LACKS; i++)
        ask_server(s, ask, server, hops);
    if (share_look(s, ask) != SHARE_HAS)
        return false;
    s->left -= ask->more;
    return true;
}

/* Every second minute has load: the one before it does not count then, and all of the limit can be used. `skew`: how much less each next gateway has. */
static struct sums play(int64_t limit, double load, double skew, int64_t flush_at)
{
    struct share shares[GATEWAYS] = { { 0 } };
    struct server server = { 0 };
    struct sums sums = { 0 };
    state = 7;
    for (int64_t minute = 2; minute < 2 * MINUTES; minute += 2) {
        int64_t n = (int64_t)((double)limit * load), admitted = 0;
        server = (struct server){ 0 };
        for (int64_t i = 0; i < n; i++) {
            const struct share_ask ask = { limit, 1, i * SHARE_MINUTE / n, GATEWAYS };
            double all = 1 + skew + skew * skew, at = chance() * all;
            int g = at < 1 ? 0 : at < 1 + skew ? 1 : 2;
            if (flush_at > 0 && i == flush_at)
                server.total = -1;
            admitted += admit(&shares[g], &ask, minute, &server, &sums.hops);
        }
        sums.requests += n;
        sums.admitted += admitted;
        sums.most = admitted > sums.most ? admitted : sums.most;
    }
    return sums;
}

static const int64_t limits[] = { 10, 60, 600, 6000 };

Test(share, admits_never_more_than_the_limit_and_nearly_all_of_it)
{
    static const double skews[] = { 1, 0.2 };
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 2; k++) {
            struct sums s = play(limits[i], 1.5, skews[k], 0);
            cr_assert_leq(s.most, limits[i], "%lld of %lld", (long long)s.most, (long long)limits[i]);
            cr_assert_geq((double)s.admitted, 0.96 * (double)limits[i] * (MINUTES - 1), "%lld: %lld",
                          (long long)limits[i], (long long)s.admitted);
        }
}

Test(share, asks_less_often_the_larger_the_limit_is)
{
    static const double most[] = { 1.8, 0.5, 0.06, 0.006 };
    for (size_t i = 0; i < 4; i++) {
        struct sums s = play(limits[i], 0.5, 1, 0);
        double hops = (double)s.hops / (double)s.requests;
        cr_assert_leq(hops, most[i], "limit %lld: %.4f hops a request", (long long)limits[i], hops);
        cr_assert_eq(s.admitted, s.requests);
    }
}

Test(share, loses_to_a_flush_only_what_others_took)
{
    struct sums s = play(600, 1.5, 1, 300);
    cr_assert_leq(s.most, 600 + 300 * 2 / 3 + 60, "%lld", (long long)s.most);
}

Test(share, counts_the_minute_before_by_its_part)
{
    struct share s = { 0 };
    struct server server = { .before = 60 };
    struct share_ask ask = { 60, 1, 0, 1 };
    int64_t hops = 0;
    cr_assert_not(admit(&s, &ask, 5, &server, &hops));
    ask.second = 30;
    int64_t admitted = 0;
    for (int i = 0; i < 60; i++)
        admitted += admit(&s, &ask, 5, &server, &hops);
    cr_assert_eq(admitted, 30);
}

Test(share, goes_on_alone_and_tells_the_server_later)
{
    struct share s = { 0 };
    struct server server = { .away = true };
    const struct share_ask ask = { 100, 1, 0, 3 };
    int64_t hops = 0, admitted = 0;
    for (int i = 0; i < 40; i++)
        admitted += admit(&s, &ask, 5, &server, &hops);
    cr_assert_eq(admitted, 40);
    server = (struct server){ .total = 50 }; /* of others */
    for (int i = 0; i < 100; i++)
        admitted += admit(&s, &ask, 5, &server, &hops);
    cr_assert_geq(server.total, 90);
    cr_assert_leq(admitted, 60);
}

Test(share, takes_an_unknown_answer_as_added)
{
    struct share s = { .minute = 5 };
    const struct share_ask ask = { 10, 1, 0, 1 };
    share_add(&s, &ask, 4, 0, SHARE_UNKNOWN, 0);
    cr_assert_eq(s.seen, 4);
    cr_assert_eq(s.left, 4);
    cr_assert_eq(s.owed, 0);
    share_add(&s, &ask, 8, 0, SHARE_UNKNOWN, 0);
    cr_assert_eq(s.left, 10);
    cr_assert_eq(share_look(&s, &(struct share_ask){ 10, 11, 0, 1 }), SHARE_FULL);
}

/* What was taken and not used of a minute that is over goes back, and does not count in the next one. */
Test(share, gives_back_what_was_not_used_of_a_minute)
{
    struct share s = { 0 };
    struct server server = { 0 };
    const struct share_ask ask = { 20000, 20000, 0, 1 };
    int64_t hops = 0;
    cr_assert(admit(&s, &ask, 5, &server, &hops));
    s.left += 19900;                    /* it used 100 */
    cr_assert_eq(share_turn(&s, 4), 0); /* a clock that is set back a little */
    cr_assert_eq(s.left, 19900);
    server = (struct server){ .before = server.total - share_turn(&s, 6) };
    cr_assert_eq(server.before, 100);
    cr_assert_eq(s.own, 100);
    struct share_ask next = { 20000, 19000, 30, 1 };
    cr_assert(admit(&s, &next, 6, &server, &hops));
}

/* A request that does not fit takes nothing from those that do. */
Test(share, takes_nothing_for_who_is_refused)
{
    struct share s = { 0 };
    struct server server = { .total = 10000 };
    struct share_ask large = { 20000, 16000, 0, 3 }, small = { 20000, 100, 0, 3 };
    int64_t hops = 0;
    cr_assert_not(admit(&s, &large, 5, &server, &hops));
    cr_assert_eq(server.total, 10000);
    cr_assert(admit(&s, &small, 5, &server, &hops));
}
