/* test_invariant.c - each promise of flow/invariant.c can be broken, and is then noticed: a request whose state is good is
 * spoiled in one way in a child process, which must abort with that promise. */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "fake_transfer.h"
#include "fixture.h"
#include "flow/way.h"

#define STREAM "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"

/* How one is spoiled. */
enum spoil {
    NOTHING,
    NOT_RUNNING,
    FINISHED,
    WAITS,
    GONE_UNFAILED,
    GONE_CLIENT,
    RELAYS_WHOLE,
    PAUSED_EARLY,
    PENDING_EARLY,
    TARGETS,
    UNCOUNTED,
    SLOT_SETTLED,
    SLOT_OVER,
    OVER_RUNS,
    ENDED_OPEN,
    SPEAKS_SILENT,
    FAILED_NAMELESS,
    FRAMES_WHOLE,
    FOREIGN_SCRATCH,
    KEPT_RELAYS,
    OLD_RUNS,
    OLD_TRANSFER,
    OLD_REQUEST,
    OLD_FRAMES,
    OLD_TIMER,
    OLD_GOOD,
    OLD_DROPPED,
    OLD_UNSETTLED,
    OLD_NAMELESS,
    OLD_WHOLE,
    OLD_OUT,
    TURN,
};

static void spoil_attempt(struct request *req, enum spoil how)
{
    static struct arena arena;
    struct attempt *a = req->attempt;
    if (how == OVER_RUNS)
        a->wire = WIRE_OVER;
    else if (how == ENDED_OPEN)
        a->state = ATTEMPT_ENDED;
    else if (how == SPEAKS_SILENT)
        a->state = ATTEMPT_SPEAKING;
    else if (how == FAILED_NAMELESS)
        a->state = ATTEMPT_FAILED;
    else if (how == FRAMES_WHOLE)
        a->framing.held.ptr = (char *)a;
    else if (how == FOREIGN_SCRATCH)
        a->call.scratch = &arena;
    else if (how == TURN)
        attempt_turn(a, ATTEMPT_OPENING);
}

static void spoil_old(struct request *req, enum spoil how)
{
    struct attempt *old = req->attempt->previous;
    if (how == OLD_RUNS)
        old->wire = WIRE_RUNS;
    else if (how == OLD_TRANSFER)
        old->transfer = req->attempt->transfer;
    else if (how == OLD_REQUEST)
        old->http.call = &old->call;
    else if (how == OLD_FRAMES)
        old->framing.held.ptr = (char *)old;
    else if (how == OLD_TIMER)
        old->timer.slot = 1;
    else if (how == OLD_GOOD)
        old->state = ATTEMPT_ENDED;
    else if (how == OLD_DROPPED)
        old->state = ATTEMPT_ENDED, old->outcome = OUTCOME_DROPPED, old->ending = ATTEMPT_OPEN;
    else if (how == OLD_UNSETTLED)
        old->ending = ATTEMPT_OPEN;
    else if (how == OLD_NAMELESS)
        old->outcome = OUTCOME_NONE;
    else if (how == OLD_WHOLE)
        old->whole.ptr = (char *)old;
    else if (how == OLD_OUT)
        old->out.ptr = (char *)old;
}

static void spoil(struct request *req, enum spoil how)
{
    static const struct wait_kind other = { .name = "other" };
    static struct slots slots;
    if (how == NOT_RUNNING)
        req->running = false;
    else if (how == FINISHED)
        req->finished = true;
    else if (how == WAITS)
        req->wait.kind = &other;
    else if (how == GONE_UNFAILED)
        req->gone = true, req->client = NULL;
    else if (how == GONE_CLIENT)
        req->gone = true, req->failed_row = "x";
    else if (how == RELAYS_WHOLE)
        req->reply = REPLY_RELAYING, req->attempt->streams = false;
    else if (how == PAUSED_EARLY)
        req->paused = true;
    else if (how == PENDING_EARLY)
        req->pending.len = 1;
    else if (how == KEPT_RELAYS)
        req->reply = REPLY_RELAYING, req->kept = (struct retry_kept *)(void *)req;
    else if (how == TARGETS)
        req->target_next = req->target_count + 1;
    else if (how == UNCOUNTED)
        req->attempts_made = 0;
    else if (how == SLOT_SETTLED)
        req->slot.of = &slots, req->in_flight = 0;
    else if (how == SLOT_OVER)
        req->slot.of = &slots, req->attempt->wire = WIRE_OVER, req->attempt->transfer = NULL;
    else if (how >= OLD_RUNS && how <= OLD_OUT)
        spoil_old(req, how);
    else
        spoil_attempt(req, how);
}

static const struct {
    enum spoil how;
    const char *promise; /* as the abort names it */
} rows[] = {
    { NOT_RUNNING, "!req->running" },
    { FINISHED, "req->finished" },
    { WAITS, "req->wait.kind != NULL" },
    { GONE_UNFAILED, "req->failed_row == NULL" },
    { GONE_CLIENT, "req->client != NULL" },
    { RELAYS_WHOLE, "REPLY_RELAYING && !req->attempt->streams" },
    { PAUSED_EARLY, "req->paused" },
    { PENDING_EARLY, "req->pending.len > 0" },
    { TARGETS, "req->target_next > req->target_count" },
    { UNCOUNTED, "req->attempts_made > 0" },
    { SLOT_SETTLED, "req->slot.of != NULL && req->in_flight == 0" },
    { SLOT_OVER, "!req->slot.granted" },
    { OVER_RUNS, "attempt_is_over(a) && a->transfer != NULL" },
    { ENDED_OPEN, "a->state == ATTEMPT_ENDED && !attempt_is_over(a)" },
    { SPEAKS_SILENT, "!attempt_has_spoken(a)" },
    { FAILED_NAMELESS, "a->outcome == OUTCOME_NONE" },
    { FRAMES_WHOLE, "a->form != FORM_FRAMES" },
    { FOREIGN_SCRATCH, "scratch" },
    { OLD_RUNS, "!attempt_is_over(a)" },
    { OLD_TRANSFER, "a->transfer != NULL" },
    { OLD_REQUEST, "a->http.call != NULL" },
    { OLD_FRAMES, "a->framing.held.ptr != NULL" },
    { OLD_TIMER, "a->timer.slot != 0" },
    { OLD_GOOD, "!attempt_has_failed(a)" },
    { OLD_DROPPED, "a->ending == ATTEMPT_OPEN" },
    { KEPT_RELAYS, "req->kept != NULL" },
    { OLD_UNSETTLED, "a->ending == ATTEMPT_OPEN" },
    { OLD_NAMELESS, "a->outcome == OUTCOME_NONE" },
    { OLD_WHOLE, "a->whole.ptr != NULL" },
    { OLD_OUT, "a->out.ptr != NULL" },
    { TURN, "!turns[a->state][state]" },
};

/* Its state as it is before a row: the way runs, and waits for nothing. */
static void child(struct request *req, enum spoil how, int fd)
{
    struct rlimit no_core = { 0, 0 };
    signal(SIGABRT, SIG_DFL);
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(fd, STDERR_FILENO);
    req->running = true;
    req->wait.kind = NULL;
    spoil(req, how);
    invariant_check(req);
    _exit(0);
}

/* What it wrote as it ended; empty: nothing was noticed. */
static void notice(struct request *req, enum spoil how, char text[1024])
{
    int ends[2], status;
    cr_assert_eq(pipe(ends), 0);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0)
        child(req, how, ends[1]);
    close(ends[1]);
    ssize_t len = read(ends[0], text, 1023);
    close(ends[0]);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    text[len > 0 ? len : 0] = '\0';
    cr_assert_eq(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, how != NOTHING, "%d: %s", (int)how, text);
}

/* A request that waits for its second target, after the first one failed. */
static struct request *begin(struct fixture *f)
{
    static const char *const openai[] = { "openai", "openai" };
    fixture_open_upstream(f, openai, 2);
    struct request *req = fixture_begin(f, STREAM);
    fake_answer(503, "application/json", TEXT("{\"error\":{\"message\":\"busy\"}}"), 100);
    cr_assert(fake_runs());
    cr_assert_eq(req->attempts_made, 2u);
    return req;
}

static void end(struct fixture *f, struct request *req)
{
    request_client_gone(req);
    request_end(req);
    fixture_close(f);
}

Test(invariant, holds_for_a_request_that_is_well)
{
    struct fixture f;
    char text[1024];
    struct request *req = begin(&f);
    notice(req, NOTHING, text);
    cr_assert_str_eq(text, "");
    end(&f, req);
}

Test(invariant, is_noticed_when_it_is_broken)
{
    struct fixture f;
    char text[1024];
    struct request *req = begin(&f);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        notice(req, rows[i].how, text);
        cr_assert_not_null(strstr(text, rows[i].promise), "%s: %s", rows[i].promise, text);
    }
    end(&f, req);
}

/* From each state to each other one: what the table does not name stops the process. */
Test(invariant, states_change_in_one_direction)
{
    static const char *const may[4] = { "123", "23", "3", "3" };
    struct fixture f;
    struct request *req = begin(&f);
    struct attempt *a = req->attempt;
    for (int from = 0; from < 4; from++)
        for (int to = 0; to < 4; to++) {
            int status;
            pid_t pid = fork();
            if (pid == 0) {
                signal(SIGABRT, SIG_DFL);
                close(STDERR_FILENO);
                a->state = (enum attempt_state)from;
                attempt_turn(a, (enum attempt_state)to);
                _exit(a->state == (enum attempt_state)to ? 0 : 1);
            }
            cr_assert_eq(waitpid(pid, &status, 0), pid);
            bool allowed = strchr(may[from], '0' + to) != NULL;
            cr_assert_eq(WIFEXITED(status) && WEXITSTATUS(status) == 0, allowed, "from %d to %d", from, to);
        }
    end(&f, req);
}
