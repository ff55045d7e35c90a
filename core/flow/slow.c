/* slow.c - the first words of a stream are held until its speed is known. */
#include "flow/slow.h"

#include "base/clock.h"
#include "flow/deadline.h"
#include "flow/policy.h"
#include "flow/way.h"

enum { TOKEN_BYTES = 4 };

/* May another target answer in its place, now? */
static bool has_another(struct attempt *a, int64_t now)
{
    struct request *req = a->req;
    return way_has_attempts(req) && deadline_allows_another(req, now) && choose_has_another(req, false);
}

static bool is_wanted(struct attempt *a, int64_t now)
{
    const struct request *req = a->req;
    bool is_counted = a->mode != MODE_RELAY || req->face->dialect->spoken != NULL;
    if (req->model == NULL || req->model->slow_tokens == 0 || !a->streams || a->transfer == NULL || !is_counted)
        return false;
    for (const struct attempt *p = a->previous; p != NULL; p = p->previous)
        if (p->failure == TRANSFER_SLOW)
            return false;
    return has_another(a, now);
}

/* Tokens of its content so far: an event is one at least, and one for each four bytes. */
static void count(struct attempt *a)
{
    uint64_t more = a->spoken - a->slow.seen;
    a->slow.seen = a->spoken;
    if (more > 0)
        a->slow.tokens += more > TOKEN_BYTES ? (double)more / TOKEN_BYTES : 1;
}

/* So many tokens when it is judged, or before. */
static double enough(const struct attempt *a)
{
    return (double)a->req->model->slow_tokens * (double)SLOW_JUDGE_NS / 1e9;
}

/* The 3 s are over: the answer goes out, or another target is asked. A stream without any token may be thinking: it goes out, too. */
static void on_time(struct loop_timer *timer)
{
    struct attempt *a = (struct attempt *)(void *)((char *)timer - offsetof(struct attempt, late));
    struct request *req = a->req;
    if (a->slow.state != SLOW_HOLDS || a->transfer == NULL || attempt_is_over(a) || req->gone)
        return;
    a->slow.state = SLOW_OVER;
    if (!a->saw_end_mark && a->slow.tokens > 0 && a->slow.tokens < enough(a) && has_another(a, clock_ns())) {
        req->first_token_ns = -1; /* the client has seen none */
        attempt_leave(a, TRANSFER_SLOW);
    } else if (!policy_holds(req)) {
        wait_end(req, a->wait);
    }
}

bool slow_holds(struct attempt *a)
{
    int64_t now = clock_ns();
    if (a->slow.state == SLOW_UNASKED) {
        a->slow.state = is_wanted(a, now) ? SLOW_HOLDS : SLOW_OVER;
        if (a->slow.state == SLOW_HOLDS) {
            a->late.on_time = on_time;
            loop_timer_set(&a->req->worker->loop, &a->late, a->spoke_ns + SLOW_JUDGE_NS);
        }
    }
    if (a->slow.state == SLOW_OVER)
        return false;
    count(a);
    bool quick = a->slow.tokens >= SLOW_TOKENS && now - a->spoke_ns <= SLOW_QUICK_NS;
    if (!quick && a->slow.tokens < enough(a))
        return true;
    a->slow.state = SLOW_OVER;
    loop_timer_clear(&a->req->worker->loop, &a->late);
    return false;
}
