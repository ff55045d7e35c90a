/* test_slow.c - a stream that writes too slowly is left for another target before the client has seen any of it. */
#include "check.h"
#include "fake_transfer.h"
#include "fixture.h"
#include "flow/way.h"

#define STREAM "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define WORD "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n"

/* A stream of `words` tokens that is held; 30 are enough. */
static struct request *begin(struct fixture *f, unsigned words)
{
    static const char *const openai[] = { "openai", "openai" };
    fixture_open_upstream(f, openai, 2);
    f->config->models->slow_tokens = 10;
    struct request *req = fixture_begin(f, STREAM);
    fake_head(200, "text/event-stream");
    for (unsigned i = 0; i < words; i++)
        fake_body(TEXT(WORD));
    fixture_settle(f);
    cr_assert_not(f->begun);
    cr_assert_eq(req->attempt->slow.state, SLOW_HOLDS);
    return req;
}

static void over(struct fixture *f, struct request *req)
{
    request_end(req);
    fixture_close(f);
}

Test(slow, leaves_a_stream_that_has_said_too_little)
{
    struct fixture f;
    struct request *req = begin(&f, 2);
    unsigned begun = fake_begun();
    req->attempt->late.on_time(&req->attempt->late);
    fixture_settle(&f);
    cr_assert_eq(fake_begun(), begun + 1, "the other target is asked");
    cr_assert_not(f.begun);
    cr_assert_eq(req->first_token_ns, -1);
    request_client_gone(req);
    fixture_settle(&f);
    over(&f, req);
}

/* What is read for the books alone is no matter of speed. */
Test(slow, asks_nobody_else_for_a_client_that_has_left)
{
    struct fixture f;
    struct request *req = begin(&f, 2);
    unsigned begun = fake_begun();
    req->gone = true;
    req->attempt->late.on_time(&req->attempt->late);
    fixture_settle(&f);
    cr_assert_eq(fake_begun(), begun);
    cr_assert_eq(req->attempt->slow.state, SLOW_HOLDS);
    req->gone = false;
    request_client_gone(req);
    fixture_settle(&f);
    over(&f, req);
}
