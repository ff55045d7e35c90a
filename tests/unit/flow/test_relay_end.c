/* test_relay_end.c - how a stream that passes as it comes is ended for the client. */
#include <string.h>

#include "check.h"
#include "fake_transfer.h"
#include "fixture.h"
#include "flow/way.h"

/* What gave its finish reason is complete: the client gets the end that the upstream left out. */
Test(relay_end, ends_what_was_finished_as_its_dialect_does)
{
    static const char sent[] =
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m1\",\"type\":\"message\",\"role\":"
        "\"assistant\",\"model\":\"r\",\"content\":[],\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n"
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
        "\"text\",\"text\":\"\"}}\n\n"
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
        "\"text_delta\",\"text\":\"Hel\"}}\n\n"
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":"
        "{\"output_tokens\":2}}\n\n";
    static const char *const anthropic[] = { "anthropic" };
    struct fixture f;
    fixture_open_upstream(&f, anthropic, 1);
    f.face = &face_messages;
    struct request *req = fixture_begin(
        &f, "{\"model\":\"m\",\"max_tokens\":9,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}");
    fake_answer(200, "text/event-stream", text_of(sent), 1000);
    cr_assert(text_starts(buf_view(&f.body), text_of(sent)), "%.*s", TEXT_ARG(buf_view(&f.body)));
    cr_assert(text_find(buf_view(&f.body), TEXT("event: message_stop\ndata: ")) >= 0);
    request_end(req);
    fixture_close(&f);
}
