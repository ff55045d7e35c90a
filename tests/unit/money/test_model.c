/* test_model.c - every order in which two requests with two attempts each can be held, wait, be answered, fail, be given up by their
 * client and be cut by a crash, on the ledger's own code. After each step:
 *   - what is spent, held and in doubt is at most the ceiling, and no less than the upstream can charge at most;
 *   - who is refused did not fit beside what is spent and in doubt (no phantom refusal);
 *   - nobody waits while nothing is in flight.
 * Three drivers that do it wrongly must be noticed. */
#include "folder.h"
#include "money/ledger_inside.h"
#include "money/ledger_queue.h"

enum { LIMIT = 10, HARD = 6, SOFT = 3, LITTLE = 1, COUNTED = 2, CHOICES_MOST = 24, DAY_MS = 86400000 };

enum mistake { NONE, FALLBACK_UNDER_THE_SAME_HOLD, CANCELLED_IS_FREE, NOBODY_IS_WOKEN };

/* A path through all choices; the next one is found by counting up the last digit. */
struct path {
    int taken[CHOICES_MOST], most[CHOICES_MOST], length, at;
};

static int choose(struct path *p, int options)
{
    if (p->at == p->length) {
        p->taken[p->length] = 0;
        p->most[p->length++] = options;
    }
    BUG_IF(p->most[p->at] != options || p->length >= CHOICES_MOST);
    return p->taken[p->at++];
}

static bool next_path(struct path *p)
{
    p->at = 0;
    while (p->length > 0 && ++p->taken[p->length - 1] == p->most[p->length - 1])
        p->length--;
    return p->length > 0;
}

enum state { IDLE, HELD, WAITING, OVER };

struct request {
    enum state state;
    int attempt;
    struct record hold;
    struct ledger_hold *handle;
    struct ledger_wait wait;
    bool woken;
};

struct world {
    struct ledger *ledger;
    int64_t day_ms;
    enum mistake mistake;
    struct path *path;
    struct request requests[2];
    int64_t billed; /* by the upstream, at most */
    unsigned violations;
    const char *violation;
};

static void violate(struct world *w, const char *what)
{
    if (w->violations++ == 0)
        w->violation = what;
}

static void on_over(struct ledger_wait *wait)
{
    ((struct request *)(void *)((char *)wait - offsetof(struct request, wait)))->woken = true;
}

static struct account_period *balance(const struct world *w)
{
    return account_at(accounts_named(&w->ledger->accounts, TEXT("team"), TEXT("t"), TEXT("day"), TEXT_NONE), w->day_ms);
}

static void refused(struct world *w, struct request *r, enum account_answer answer)
{
    const struct account_period *p = balance(w);
    bool in_flight = p->open > 0 || p->waiting > 0;
    if (answer == ACCOUNT_WAIT ? !in_flight : p->spent + p->doubt + HARD <= LIMIT)
        violate(w, "a refusal of what fits");
    r->state = OVER;
}

static void step_hold(struct world *w, struct request *r)
{
    struct ledger_refusal refusal;
    struct fail fail;
    r->attempt++;
    r->hold = (struct record){ .request = TEXT("r"),
                               .attempt = (uint64_t)r->attempt,
                               .team = TEXT("t"),
                               .provider = TEXT("p"),
                               .hard = HARD,
                               .soft = SOFT,
                               .admitted_ms = w->day_ms };
    r->handle = ledger_hold(w->ledger, &r->hold, false, &refusal, &fail);
    if (r->handle != NULL) {
        r->state = HELD;
    } else if (refusal.answer == ACCOUNT_WAIT) {
        r->woken = false;
        r->state = WAITING;
        r->wait = (struct ledger_wait){ .on_over = on_over };
        ledger_wait(w->ledger, &r->wait, &r->hold);
    } else {
        refused(w, r, refusal.answer);
    }
}

static void end(struct world *w, struct request *r, struct record *record)
{
    struct ledger_wait *queue = w->ledger->queue;
    if (w->mistake == NOBODY_IS_WOKEN)
        w->ledger->queue = NULL;
    ledger_end(w->ledger, r->handle, record);
    if (w->mistake == NOBODY_IS_WOKEN)
        w->ledger->queue = queue;
    r->handle = NULL;
    r->state = OVER;
}

/* The upstream answered, or did not, or the client left. */
static void step_end(struct world *w, struct request *r)
{
    struct record settled = { .ending = ENDING_SETTLED, .cost = LITTLE },
                  doubt = { .ending = ENDING_DOUBT, .doubt = HARD, .soft_doubt = SOFT };
    switch (choose(w->path, 5)) {
    case 0:
        w->billed += LITTLE;
        end(w, r, &settled);
        break;
    case 1:
        w->billed += HARD;
        settled.cost = HARD;
        end(w, r, &settled);
        break;
    case 2: /* surely free */
        end(w, r, &(struct record){ .ending = ENDING_VOID });
        r->state = r->attempt < 2 ? IDLE : OVER;
        break;
    case 3: /* reset after it was sent */
        w->billed += HARD;
        if (w->mistake == FALLBACK_UNDER_THE_SAME_HOLD && r->attempt < 2) {
            r->attempt++;
            break;
        }
        end(w, r, &doubt);
        r->state = r->attempt < 2 ? IDLE : OVER;
        break;
    case 4: /* the client left */
        w->billed += HARD;
        doubt.cost = COUNTED;
        doubt.doubt = w->mistake == CANCELLED_IS_FREE ? 0 : HARD - COUNTED;
        doubt.soft_doubt = 0;
        end(w, r, &doubt);
        break;
    default:
        break;
    }
}

/* It waits too long, or its client leaves. */
static void step_leave(struct world *w, struct request *r)
{
    cr_assert(ledger_call_off(w->ledger, &r->wait));
    if (choose(w->path, 2) == 0)
        refused(w, r, ACCOUNT_WAIT);
    r->state = OVER;
}

static void take_in(struct world *w, struct request *r)
{
    if (r->state != WAITING || !r->woken)
        return;
    r->handle = r->wait.hold;
    if (r->handle != NULL)
        r->state = HELD;
    else
        refused(w, r, r->wait.refusal.answer);
}

static void look(struct world *w)
{
    const struct account_period *p = balance(w);
    for (int i = 0; i < 2; i++)
        take_in(w, &w->requests[i]);
    if (p->spent + p->doubt + p->held > LIMIT)
        violate(w, "the ceiling is passed");
    if (w->billed > p->spent + p->doubt + p->held)
        violate(w, "the upstream may charge more than the account knows");
    if (p->open == 0 && p->waiting > 0)
        violate(w, "somebody waits for nothing");
}

/* One step of one of those that can go on. False: both are over. */
static bool step(struct world *w)
{
    struct request *able[2];
    int count = 0;
    for (int i = 0; i < 2; i++)
        if (w->requests[i].state != OVER)
            able[count++] = &w->requests[i];
    if (count == 0)
        return false;
    struct request *r = able[count > 1 ? choose(w->path, 2) : 0];
    if (r->state == IDLE)
        step_hold(w, r);
    else if (r->state == HELD)
        step_end(w, r);
    else
        step_leave(w, r);
    look(w);
    return true;
}

static struct ledger *start_ledger(const struct folder *f)
{
    static const struct config_budget day = {
        .period = PERIOD_DAY, .mode = BUDGET_STRICT, .limit = LIMIT, .ceiling = LIMIT
    };
    static const struct accounts_rule rule = { ACCOUNT_TEAM, TEXT("t"), &day };
    struct ledger_settings settings = {
        .folder = f->path, .sync_ns = INT64_C(60000000000), .rules = &rule, .rule_count = 1
    };
    struct ledger_start start;
    struct fail fail;
    struct ledger *l = ledger_open(&settings, &start, &fail);
    cr_assert_not_null(l, "%s", fail.text);
    return l;
}

/* All paths, each on a day of its own. The violations. */
static unsigned run_all(enum mistake mistake, unsigned *paths, const char **what)
{
    struct folder f;
    struct path path = { .length = 0 };
    unsigned violations = 0;
    folder_make(&f);
    struct ledger *l = start_ledger(&f);
    *paths = 0;
    do {
        struct world w = { .ledger = l, .day_ms = (int64_t)++ * paths * DAY_MS, .mistake = mistake, .path = &path };
        while (step(&w))
            ;
        const struct account_period *p = balance(&w);
        if (p->held != 0 || p->open != 0 || p->waiting != 0)
            violate(&w, "something is held when all is over");
        violations += w.violations;
        if (w.violation != NULL)
            *what = w.violation;
        if (mistake != NONE && violations > 0) { /* noticed; what it left waiting is cleared away */
            for (int i = 0; i < 2; i++)
                if (w.requests[i].state == WAITING)
                    ledger_call_off(l, &w.requests[i].wait);
            break;
        }
    } while (next_path(&path));
    ledger_close(l);
    folder_remove(&f);
    return violations;
}

Test(model, all_orders_of_two_requests_keep_the_ceiling)
{
    unsigned paths;
    const char *what = "";
    unsigned violations = run_all(NONE, &paths, &what);
    cr_assert_eq(violations, 0, "%u of %u paths: %s", violations, paths, what);
    cr_assert_geq(paths, 500, "only %u paths", paths);
}

Test(model, notices_what_is_wrong)
{
    unsigned paths;
    const char *what = "";
    cr_assert_gt(run_all(FALLBACK_UNDER_THE_SAME_HOLD, &paths, &what), 0);
    cr_assert_str_eq(what, "the upstream may charge more than the account knows");
    cr_assert_gt(run_all(CANCELLED_IS_FREE, &paths, &what), 0);
    cr_assert_str_eq(what, "the upstream may charge more than the account knows");
    cr_assert_gt(run_all(NOBODY_IS_WOKEN, &paths, &what), 0);
    cr_assert_str_eq(what, "somebody waits for nothing");
}

/* Each path is cut after each of its steps, on a day of its own; then the process ends and another one starts. */
Test(model, a_crash_anywhere_keeps_the_ceiling)
{
    enum { DAYS_MOST = 100000 };
    struct folder f;
    struct path path = { .length = 0 };
    int64_t *billed = calloc(DAYS_MOST, sizeof *billed);
    struct ledger_hold **open = calloc(DAYS_MOST * 2, sizeof(struct ledger_hold *));
    unsigned days = 0, count = 0;
    folder_make(&f);
    struct ledger *l = start_ledger(&f);
    int cut = 0;
    bool whole, all_whole = true; /* no path was as long as the cut: there is nothing longer */
    do {
        cr_assert_lt(++days, DAYS_MOST);
        struct world w = { .ledger = l, .day_ms = (int64_t)days * DAY_MS, .path = &path };
        whole = false;
        for (int i = 0; !whole && i < cut; i++)
            whole = !step(&w);
        all_whole = all_whole && whole;
        for (int i = 0; i < 2; i++) {
            struct request *r = &w.requests[i];
            if (r->state == WAITING)
                cr_assert(ledger_call_off(l, &r->wait));
            if (r->state == HELD) {
                open[count++] = r->handle;
                w.billed += HARD; /* it was sent, and nobody reads the answer */
            }
        }
        billed[days] = w.billed;
        cr_assert_eq(w.violations, 0, "%s", w.violation);
        if (!next_path(&path)) { /* all paths of this length: the next length */
            path = (struct path){ .length = 0 };
            cut = all_whole && cut > 0 ? -1 : cut + 1;
            all_whole = true;
        }
    } while (cut >= 0);
    ledger_close(l);
    l = start_ledger(&f);
    for (unsigned day = 1; day <= days; day++) {
        const struct account_period *p = account_at(
            accounts_named(&l->accounts, TEXT("team"), TEXT("t"), TEXT("day"), TEXT_NONE), (int64_t)day * DAY_MS);
        cr_assert(p->held == 0 && p->open == 0 && p->waiting == 0);
        cr_assert_leq(p->spent + p->doubt, LIMIT, "day %u", day);
        cr_assert_leq(billed[day], p->spent + p->doubt, "day %u", day);
    }
    cr_assert_gt(count, 150, "%u days, %u holds were open", days, count);
    ledger_close(l);
    folder_remove(&f);
    free(billed);
    free(open);
}
