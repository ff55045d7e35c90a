/* A hook that waits is a coroutine: it goes on where it was, within the bounds that it began with, or is called off. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "check.h"
#include "fixture.h"

static const char chat[] = "{\"model\":\"fast\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}";
#define HOOK(body) "local policy = {}\nfunction policy.on_request(req)\n" body "\nend\nreturn policy\n"
enum { MANY = 1000 };

/* One request of several on the same policy. */
struct one {
    struct script_request req;
    struct arena arena;
    struct script_ask *ask;
    bool turn; /* its turn has come */
};

static void start(void *owner, struct script_ask *ask)
{
    ((struct one *)owner)->ask = ask;
}

static void wake(void *owner)
{
    ((struct one *)owner)->turn = true;
}

static const struct script_host host = { .start = start, .wake = wake };

static enum script_verdict begin(struct fixture *f, struct one *o)
{
    memset(o, 0, sizeof *o);
    arena_init(&o->arena, NULL, 0, 64u << 20);
    o->req = f->req;
    o->req.arena = &o->arena;
    o->req.host = &host;
    o->req.owner = o;
    return script_on_request(f->worker, &o->req);
}

static void end(struct fixture *f, struct one *o)
{
    script_cancel(f->worker, &o->req);
    script_on_finish(f->worker, &o->req, &(struct script_done){ .outcome = "ok" });
    arena_fini(&o->arena);
}

static const char *error_of(const struct one *o)
{
    const struct script_trace *t = o->req.traces;
    return t != NULL && text_is(text_of(t->decision), "error") ? t->reason.ptr : "";
}

static void open(struct fixture *f, const char *source)
{
    fixture_open(f, source, NULL);
    cr_assert_str_eq(f->wrong, "");
    fixture_ask(f, &face_chat, chat);
}

Test(wait, a_hook_goes_on_where_it_was)
{
    struct fixture f;
    struct one a, b;
    open(&f,
         HOOK("local n = req.id  req.vars.n = n  gw.test_wait(5)  local ok = pcall(function() gw.test_wait(5) end)\n"
              "if ok and req.vars.n == n then return gw.route('smart', n) end"));
    f.req.id = TEXT("a");
    cr_assert_eq(begin(&f, &a), SCRIPT_WAIT);
    f.req.id = TEXT("b");
    cr_assert_eq(begin(&f, &b), SCRIPT_WAIT);
    cr_assert(a.req.waits && b.req.waits);
    cr_assert_eq(script_resume(f.worker, &b.req), SCRIPT_WAIT);
    cr_assert_eq(script_resume(f.worker, &a.req), SCRIPT_WAIT);
    cr_assert_eq(script_resume(f.worker, &a.req), SCRIPT_PASS);
    cr_assert_eq(script_resume(f.worker, &b.req), SCRIPT_PASS);
    cr_assert_not(a.req.waits || b.req.waits);
    cr_assert(text_is(a.req.model, "smart") && text_is(a.req.traces->reason, "a"));
    cr_assert(text_is(b.req.model, "smart") && text_is(b.req.traces->reason, "b"));
    cr_assert_gt(a.req.traces->wait_ns, 0);
    end(&f, &a);
    end(&f, &b);
    fixture_close(&f);
}

/* What is wrong after a wait, and what the error must contain. */
static const struct {
    const char *source, *error;
} slips[] = {
    { HOOK("gw.test_wait(1) local x = nil .. 'x'"), "p.lua:3: attempt to concatenate" },
    { HOOK("gw.test_wait(1)\nwhile true do end"), "p.lua:4: it ran for too long" },
    { HOOK("pcall(function() gw.test_wait(1) while true do end end)"), "too long" },
    { HOOK("gw.test_wait(1) local s = 'x' while true do s = s .. s end"), "p.lua:3: it" },
    { HOOK("while true do for i = 1, 1e5 do local x = i end gw.test_wait(1) end"),
      "too long" }, /* in all, not each time */
    { HOOK("gw.test_wait(1) return 12"), "no decision" },
    { HOOK("('x'):gsub('x', function() gw.test_wait(1) end)"),
      "p.lua:3: gw.test_wait waits: it cannot be called inside the function given to gsub" },
    { HOOK("table.sort({ 2, 1 }, function() gw.test_wait(1) end)"), "inside the function given to sort" },
    { HOOK("tostring(setmetatable({}, { __tostring = function() gw.test_wait(1) return '' end }))"),
      "waits: it cannot" },
};

Test(wait, bounds_and_lines_hold_after_a_wait)
{
    log_set_level(0);
    for (size_t i = 0; i < sizeof slips / sizeof *slips; i++) {
        struct fixture f;
        struct one o;
        open(&f, slips[i].source);
        enum script_verdict verdict = begin(&f, &o);
        int64_t from = clock_cpu_ns();
        while (verdict == SCRIPT_WAIT)
            verdict = script_resume(f.worker, &o.req);
        cr_assert_lt(clock_cpu_ns() - from, 300 * CLOCK_MS, "%s", slips[i].source);
        cr_assert_eq(verdict, SCRIPT_FAILED, "%s", slips[i].source);
        cr_assert(strstr(error_of(&o), slips[i].error) != NULL, "%s: %s", slips[i].source, error_of(&o));
        end(&f, &o);
        fixture_close(&f);
    }
    log_set_level(LOG_INFO);
}

Test(wait, what_waits_in_all_is_bounded)
{
    struct fixture f;
    struct one o;
    open(&f, HOOK("local late = gw.test_wait(1e5) if late then return gw.deny(403, 'late', 'x') end"));
    f.config->policies[0].wait_ns = 20 * CLOCK_MS;
    int64_t now = clock_ns();
    cr_assert_eq(begin(&f, &o), SCRIPT_WAIT);
    cr_assert_leq(o.ask->until_ns, clock_ns() + 20 * CLOCK_MS);
    cr_assert_geq(o.ask->until_ns, now);
    o.ask->late = true;
    cr_assert_eq(script_resume(f.worker, &o.req), SCRIPT_DENY);
    end(&f, &o);
    fixture_close(&f);
}

Test(wait, the_policies_after_it_run_then)
{
    struct fixture f;
    struct one o;
    open(&f, HOOK("gw.test_wait(1) gw.note(req.model) return gw.route('long')"));
    struct config_policy twice[2] = { f.config->policies[0], f.config->policies[0] };
    script_unref(f.worker);
    f.config->policies = twice;
    f.config->policy_count = 2;
    f.worker = script_open(f.config, f.shared, &f.fail);
    cr_assert_eq(begin(&f, &o), SCRIPT_WAIT);
    cr_assert_eq(script_resume(f.worker, &o.req), SCRIPT_WAIT);
    cr_assert_eq(script_resume(f.worker, &o.req), SCRIPT_PASS);
    cr_assert(text_is(o.req.traces->next->notes->text, "long"), "it sees the route of the one before");
    cr_assert_str_eq(o.req.traces->next->decision, "overruled");
    end(&f, &o);
    fixture_close(&f);
}

Test(wait, a_hook_that_is_called_off_leaves_nothing)
{
    struct fixture f;
    struct one o;
    open(&f, HOOK("req.vars.x = ('x'):rep(1e6) gw.test_wait(1) error('never')"));
    for (int i = 0; i < 100; i++) { /* 100 MB in 16 */
        cr_assert_eq(begin(&f, &o), SCRIPT_WAIT);
        end(&f, &o);
    }
    fixture_close(&f);
}

/* Each holds 85 KB: 96 of them are half of the memory. The others wait for their turn. */
Test(wait, a_thousand_that_hold_a_text_each)
{
    static struct one all[MANY];
    struct fixture f;
    unsigned over = 0, most = 0, gone = 0;
    open(&f, HOOK("local text = ('x'):rep(85000) .. req.id gw.test_wait(1) return gw.route('smart', text:sub(-4))"));
    for (size_t i = 0; i < MANY; i++)
        cr_assert_eq(begin(&f, &all[i]), SCRIPT_WAIT);
    for (size_t turn = 0; over + gone < MANY && turn < MANY; turn++) {
        unsigned held = 0;
        for (size_t i = 0; i < MANY; i++)
            held += all[i].req.waits && all[i].ask->kind == SCRIPT_ASK_TIME;
        cr_assert_gt(held, 0u, "%u are over, %u gone, and nobody has a turn", over, gone);
        most = held > most ? held : most;
        for (size_t i = 0; i < MANY; i++) {
            struct one *o = &all[i];
            if (!o->req.waits || (o->ask->kind == SCRIPT_ASK_TURN && !o->turn))
                continue;
            o->turn = false;
            if (i % 7 == 0) { /* its client leaves, whatever it waits for */
                script_cancel(f.worker, &o->req);
                gone++;
                continue;
            }
            enum script_verdict verdict = script_resume(f.worker, &o->req);
            over += verdict == SCRIPT_PASS;
            cr_assert_neq(verdict, SCRIPT_FAILED, "%s", error_of(o));
        }
    }
    cr_assert_eq(over + gone, MANY);
    cr_assert(most >= 50 && most <= 110, "%u at a time", most);
    for (size_t i = 0; i < MANY; i++)
        end(&f, &all[i]);
    fixture_close(&f);
}

/* A memory error ends the request that made it, not those that wait: they end in the state in which they began. */
Test(wait, a_state_without_memory_is_drained)
{
    struct fixture f;
    struct one waits, hungry, next;
    log_set_level(0);
    open(&f, HOOK("req.vars.n = 1 if req.id == 'hungry' then local s = 'x' while true do s = s .. s end end\n"
                  "gw.test_wait(1) return gw.route('smart')"));
    cr_assert_eq(begin(&f, &waits), SCRIPT_WAIT);
    f.req.id = TEXT("hungry");
    cr_assert_eq(begin(&f, &hungry), SCRIPT_FAILED);
    f.req.id = TEXT("r2");
    cr_assert_eq(begin(&f, &next), SCRIPT_WAIT, "%s", error_of(&next));
    cr_assert_eq(script_resume(f.worker, &waits.req), SCRIPT_PASS, "%s", error_of(&waits));
    cr_assert(text_is(waits.req.model, "smart"));
    end(&f, &waits);
    end(&f, &hungry);
    cr_assert_eq(script_resume(f.worker, &next.req), SCRIPT_PASS);
    end(&f, &next);
    fixture_close(&f);
    log_set_level(LOG_INFO);
}
