/* test_request.c - what of a request's head the way is given. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "fixture.h"
#include "flow/way.h"

#define BODY "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"

static const char *const one_word[] = { "text:hello", "finish", "usage", "end", NULL };
static const char *const *const scripts[] = { one_word };

static struct request_head head_of(const struct door_header *headers, size_t count)
{
    return (struct request_head){ .method = TEXT("POST"),
                                  .target = TEXT("/v1/chat/completions"),
                                  .face = &face_chat,
                                  .operation = GW_OP_CHAT,
                                  .headers = headers,
                                  .header_count = count,
                                  .content_length = -1,
                                  .peer = TEXT("test") };
}

Test(request, keeps_the_headers_that_matter)
{
    static const struct door_header headers[] = {
        { "Authorization", "Bearer one" },
        { "X-Api-Key", "two" },
        { "Api-Key", "three" },
        { "X-Request-Id", "own" },
        { "X-Gw-Timeout", "2.5" },
        { "X-Gw-Hop", "other" },
        { "X-Gw-Session", "sess" },
        { "Content-Type", "application/json" },
        { "Content-Encoding", "identity" },
        { "X-Unknown", "x" },
        { "x-gw-hop", "second" },
    };
    struct request_head head = head_of(headers, sizeof headers / sizeof *headers);
    struct fixture f;
    fixture_open(&f, scripts, 1);
    struct request *req = fixture_head_of(&f, &head);
    cr_assert(text_is(req->credentials[0], "one"));
    cr_assert(text_is(req->credentials[1], "two"));
    cr_assert(text_is(req->credentials[2], "three"));
    cr_assert(text_is(req->client_id, "own"));
    cr_assert_eq(req->client_timeout_ns, 2500 * CLOCK_MS);
    cr_assert(text_is(req->hops, "other, second"));
    cr_assert(text_is(req->whose.session, "sess"));
    cr_assert_eq(req->refuse, E_NONE);
    fixture_finish(&f, req, BODY);
    cr_assert_eq(f.status, 200);
    cr_assert(text_is(req->ask.content_type, "application/json"));
    request_end(req);
    fixture_close(&f);
}

/* Azure's clients name the model in the path. */
Test(request, takes_the_model_from_the_path)
{
    struct request_head head = head_of(NULL, 0);
    struct fixture f;
    head.deployment = TEXT("m");
    fixture_open(&f, scripts, 1);
    struct request *req = fixture_head_of(&f, &head);
    fixture_finish(&f, req, "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}");
    cr_assert_eq(f.status, 200, "%.*s", TEXT_ARG(buf_view(&f.body)));
    cr_assert(text_is(req->ask.model, "m"));
    request_end(req);
    fixture_close(&f);
}

/* The memory of one that has ended is the next one's; of more than WORKER_SPARE it is given back. */
Test(request, leaves_its_memory_to_the_next)
{
    enum { MANY = WORKER_SPARE + 3 };
    struct request *all[MANY];
    struct fixture f;
    fixture_open(&f, scripts, 1);
    for (size_t i = 0; i < MANY; i++)
        all[i] = fixture_head(&f, 10);
    for (size_t i = 0; i < MANY; i++) {
        request_client_gone(all[i]);
        fixture_settle(&f);
        request_end(all[i]);
        fixture_settle(&f);
        cr_assert_eq(f.worker.spares, i < WORKER_SPARE ? i + 1 : WORKER_SPARE, "%zu: %u", i, (unsigned)f.worker.spares);
    }
    struct request *next = fixture_head(&f, 10);
    cr_assert_eq(next, all[WORKER_SPARE - 1], "what was left last");
    cr_assert_eq(f.worker.spares, WORKER_SPARE - 1u);
    request_client_gone(next);
    request_end(next);
    fixture_close(&f);
}

/* The time of a stream's parts is the gateway's own; that of a whole answer is already. */
Test(request, counts_the_time_of_what_is_passed_on)
{
    for (int streams = 0; streams < 2; streams++) {
        static const char *const slow[] = { "text:a", "wait:5", "text:b", "wait:5", "text:c",
                                            "finish", "usage",  "end",    NULL };
        struct fixture f;
        fixture_open(&f, (const char *const *const[]){ slow }, 1);
        struct request *req = fixture_send(
            &f,
            streams ? "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}" : BODY);
        cr_assert(f.answered || f.ended);
        cr_assert_eq(req->relay_ns > 0, streams == 1, "%lld", (long long)req->relay_ns);
        request_end(req);
        fixture_close(&f);
    }
}

Test(request, keeps_a_silent_stream_alive)
{
    static const char *const slow[] = { "wait:200", "text:late", "finish", "usage", "end", NULL };
    for (int pings = 0; pings < 2; pings++) {
        struct fixture f;
        fixture_open(&f, (const char *const *const[]){ slow }, 1);
        f.config->limits.ping_ns = pings ? 20 * CLOCK_MS : 0;
        struct request *req =
            fixture_send(&f, "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}");
        cr_assert(f.ended);
        struct text body = buf_view(&f.body), ping = face_chat.dialect->ping;
        cr_assert_eq(text_starts(body, ping), pings == 1, "%.*s", TEXT_ARG(body));
        cr_assert(text_find(body, TEXT("late")) > 0);
        request_end(req);
        fixture_close(&f);
    }
}

/* What fails before its first word has no time of one. */
Test(request, has_a_first_token_only_where_one_came)
{
    static const char *const refuses[] = { "error:500", "end", NULL };
    for (int speaks = 0; speaks < 2; speaks++) {
        struct fixture f;
        fixture_open(&f, (const char *const *const[]){ speaks ? one_word : refuses }, 1);
        struct request *req =
            fixture_send(&f, "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}");
        cr_assert_eq(req->first_token_ns >= 0, speaks == 1, "%lld", (long long)req->first_token_ns);
        cr_assert(speaks == 1 || req->first_token_ns == -1);
        request_end(req);
        fixture_close(&f);
    }
}

/* What is relayed has all that it had, but for what its face left out as it read it. */
Test(request, lists_what_a_translation_leaves_out)
{
    static struct ask_dropped dropped = { .member = { "seed", 4 } };
    struct request *req = calloc(1, sizeof *req);
    struct attempt a = { .req = req };
    cr_assert_not_null(req);
    req->ask.dropped = &dropped;
    for (int mode = MODE_RELAY; mode <= MODE_LOCAL; mode++) {
        a.mode = (enum attempt_mode)mode;
        req->face = &face_chat;
        cr_assert_eq(attempt_left_out(&a), &dropped, "%d", mode);
        req->face = &face_messages;
        cr_assert_eq(attempt_left_out(&a), mode != MODE_RELAY ? &dropped : NULL, "%d", mode);
    }
    free(req);
}

/* The log has whether another target answered than the first. */
Test(request, notes_that_another_target_answered)
{
    static const char *const fails[] = { "fail", NULL };
    static const struct {
        const char *const *first;
        const char *body, *line;
    } rows[] = { { one_word, BODY, "\"fallback\":false" },
                 { fails, BODY, "\"fallback\":true" },
                 { one_word, "{\"model\":\"unknown\"}", "\"fallback\":false" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f;
        fixture_open(&f, (const char *const *const[]){ rows[i].first, one_word }, 2);
        struct request *req = fixture_send(&f, rows[i].body);
        const char *line = fixture_line(&f);
        cr_assert_not_null(strstr(line, rows[i].line), "%zu: %s", i, line);
        request_end(req);
        fixture_close(&f);
    }
}

/* Of a body whose length is not known the room doubles, and only where more is wanted than there is. */
Test(request, takes_room_for_a_body_as_it_is_needed)
{
    struct fixture f;
    static const char *const openai[] = { "openai" };
    static const size_t rows[][2] = { { 100, 64 << 10 },
                                      { 200, 64 << 10 },
                                      { 64 << 10, 64 << 10 },
                                      { (64 << 10) + 1, 128 << 10 },
                                      { 128 << 10, 128 << 10 } };
    fixture_open_upstream(&f, openai, 1);
    f.config->limits.body_bytes = 20 << 20;
    struct request *req = fixture_head(&f, 1);
    req->content_length = -1;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert(body_hold(req, rows[i][0]));
        cr_assert_eq(req->body_held, rows[i][1], "%zu: %zu", i, req->body_held);
        cr_assert_eq(atomic_load(&f.gateway.bodies_held), rows[i][1]);
    }
    body_drop(req);
    cr_assert_eq(atomic_load(&f.gateway.bodies_held), 0u);
    request_client_gone(req);
    fixture_settle(&f);
    request_end(req);
    fixture_close(&f);
}
