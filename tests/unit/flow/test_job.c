/* test_job.c - large work on job threads: the same answers as without, and whatever happens to a request meanwhile. */
#include <semaphore.h>

#include "base/clock.h"
#include "check.h"
#include "fake_transfer.h"
#include "fixture.h"
#include "flow/way.h"

#define WORDS "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define STREAM "{\"model\":\"m\",\"max_tokens\":9,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define MESSAGE                                                                                                                      \
    "{\"id\":\"m1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"up\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]," \
    "\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":2}}"
#define JSON "application/json"

static const char *const anthropic[] = { "anthropic", "anthropic" };

/* Runs the loop until `sign` is true. */
static void until(struct fixture *f, bool (*sign)(struct fixture *f))
{
    for (int64_t end = clock_ns() + 10 * CLOCK_S; !sign(f) && clock_ns() < end;)
        fixture_settle(f);
    cr_assert(sign(f));
}

static bool is_sent(struct fixture *f)
{
    (void)f;
    return fake_runs();
}

static bool has_end(struct fixture *f)
{
    return f->answered || f->ended;
}

static bool is_empty(struct fixture *f)
{
    return f->worker.requests == 0;
}

static bool is_answered(struct fixture *f)
{
    return f->answered;
}

static void open_jobs(struct fixture *f, size_t targets)
{
    fixture_open_upstream(f, anthropic, targets);
    cr_assert_eq(job_start(&f->gateway, 1), 0);
    f->gateway.job_bytes = 1;
}

static void close_jobs(struct fixture *f, struct request *req)
{
    if (req != NULL)
        request_end(req);
    until(f, is_empty);
    job_stop(&f->gateway);
    fixture_close(f);
}

static bool said(const struct fixture *f, const char *needle)
{
    return text_find(buf_view(&f->body), text_of(needle)) >= 0;
}

Test(job, answers_as_without_jobs)
{
    static const char *const bodies[] = { WORDS, STREAM };
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        open_jobs(&f, 1);
        struct request *req = fixture_begin(&f, bodies[i]);
        cr_assert(job_is_out(req));
        until(&f, is_sent);
        fake_answer(200, JSON, TEXT(MESSAGE), 10);
        until(&f, has_end);
        cr_assert_eq(f.status, 200);
        cr_assert(said(&f, i == 0 ? "\"content\":\"Hi\"" : "\"delta\":{\"content\":\"Hi\"}"));
        cr_assert(said(&f, i == 0 ? "\"prompt_tokens\":3" : "[DONE]"));
        close_jobs(&f, req);
    }
}

Test(job, tells_the_client_what_it_must_change)
{
    static const struct {
        const char *body, *code;
    } rows[] = {
        { "{\"model\":\"m\",\"messages\":[}", "invalid_json" }, /* the face's decode() */
        { "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"logprobs\":true}",
          "logprobs" }, /* build() */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f;
        open_jobs(&f, 1);
        struct request *req = fixture_begin(&f, rows[i].body);
        until(&f, is_answered);
        cr_assert_eq(f.status, 400, "%.*s", TEXT_ARG(buf_view(&f.body)));
        cr_assert(said(&f, rows[i].code), "%.*s", TEXT_ARG(buf_view(&f.body)));
        close_jobs(&f, req);
    }
}

Test(job, goes_to_another_target_after_a_failure)
{
    struct fixture f;
    open_jobs(&f, 2);
    struct request *req = fixture_begin(&f, WORDS);
    until(&f, is_sent);
    fake_answer(503, JSON, TEXT("{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"no\"}}"),
                100);
    until(&f, is_sent);
    fake_answer(200, JSON, TEXT(MESSAGE), 100);
    until(&f, has_end);
    cr_assert_eq(f.status, 200);
    cr_assert_eq(req->attempts_made, 2u);
    close_jobs(&f, req);
}

/* --- work of the test's own: it stands still until the test lets it go --- */

static sem_t has_begun, may_go;
static enum next outcome;
static unsigned passed;

static enum next stand(struct request *req, struct arena *scratch, struct fail *fail)
{
    sem_post(&has_begun);
    sem_wait(&may_go);
    arena_alloc(scratch, 100000);
    arena_alloc(&req->arena, 100000);
    if (outcome == FAIL)
        error_set(fail, E_INTERNAL, "the work's own");
    return outcome;
}

static enum next start_row(struct request *req)
{
    return job_run(req, 1, stand);
}

static enum next result_row(struct request *req)
{
    passed++;
    if (job_result(req) == FAIL)
        return FAIL;
    buf_str(&req->body_out, "{}");
    return answer_own(req);
}

static const struct step rows[] = {
    { "start", start_row },
    { "result", result_row },
    { "settle", settle_run },
    { "finish", answer_finish },
};
static const struct way test_way = { rows, sizeof rows / sizeof *rows };

static struct request *enter(struct fixture *f)
{
    struct request *req = fixture_head(f, 5);
    req->way = &test_way;
    req->row = 0;
    wait_end(req, req->body_wait);
    cr_assert(job_is_out(req));
    return req;
}

static void open_stand(struct fixture *f, enum next result)
{
    sem_init(&has_begun, 0, 0);
    sem_init(&may_go, 0, 0);
    outcome = result;
    passed = 0;
    open_jobs(f, 1);
}

Test(job, that_runs_is_waited_for_when_the_client_leaves)
{
    struct fixture f;
    open_stand(&f, FAIL);
    struct request *req = enter(&f);
    sem_wait(&has_begun);
    request_client_gone(req);
    cr_assert_not(req->finished);
    request_drained(req);
    request_body_late(req);
    request_end(req); /* nobody but the job has it now */
    fixture_settle(&f);
    cr_assert_eq(f.worker.requests, 1u);
    cr_assert_eq(req->fail.status, 499);
    sem_post(&may_go);
    until(&f, is_empty);
    cr_assert_eq(passed, 0u, "what came of it is of no use any more");
    close_jobs(&f, NULL);
}

Test(job, that_queues_is_taken_back_when_the_client_leaves)
{
    struct fixture f;
    open_stand(&f, NEXT);
    struct request *first = enter(&f), *second = enter(&f);
    sem_wait(&has_begun);
    sem_wait(&has_begun); /* both threads are busy */
    struct request *third = enter(&f), *fourth = enter(&f);
    f.answered = true; /* the door is for one answer: no more shall come to it */
    request_client_gone(third);
    cr_assert(third->finished);
    request_client_gone(fourth);
    cr_assert(fourth->finished);
    request_client_gone(first);
    request_client_gone(second);
    cr_assert_not(first->finished || second->finished);
    for (struct request **r = (struct request *[]){ first, second, third, fourth, NULL }; *r != NULL; r++)
        request_end(*r);
    sem_post(&may_go);
    sem_post(&may_go);
    until(&f, is_empty);
    cr_assert_eq(sem_trywait(&has_begun), -1, "the work of the others never began");
    close_jobs(&f, NULL);
}

Test(job, keeps_the_loop_from_what_it_works_on)
{
    struct fixture f;
    open_stand(&f, NEXT);
    f.config->limits.ping_ns = CLOCK_MS;
    struct request *req = enter(&f);
    answer_ping_start(req);
    sem_wait(&has_begun);
    request_body(req, TEXT("more"));
    request_body_end(req);
    req->paused = true;
    request_drained(req);
    for (int64_t end = clock_ns() + 30 * CLOCK_MS; clock_ns() < end;)
        fixture_settle(&f);
    cr_assert_not(f.begun, "a keep-alive comment would begin the answer");
    cr_assert(job_is_out(req));
    sem_post(&may_go);
    until(&f, is_answered);
    cr_assert_eq(f.status, 200);
    cr_assert_eq(passed, 1u);
    close_jobs(&f, req);
}

Test(job, fails_in_words_of_its_own)
{
    struct fixture f;
    open_stand(&f, FAIL);
    struct request *req = enter(&f);
    sem_post(&may_go);
    until(&f, is_answered);
    cr_assert_eq(f.status, 500);
    cr_assert_str_eq(req->failed_row, "result");
    close_jobs(&f, req);
}

Test(job, counts_for_the_memory_of_its_request)
{
    struct fixture f;
    open_stand(&f, NEXT);
    struct request *req = enter(&f);
    sem_wait(&has_begun);
    req->arena.max = 1000; /* while it stands still */
    sem_post(&may_go);
    until(&f, is_answered);
    cr_assert_eq(f.status, 503);
    cr_assert(said(&f, "limits.memory_mb"));
    close_jobs(&f, req);
}
