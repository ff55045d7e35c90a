/* test_anthropic_usage.c - what each number of a usage object of Anthropic's becomes, as a table: each row is what the
 * upstream sent, one object after another, and the buckets of the last USAGE. -1: not known. */
#include <stdio.h>
#include <string.h>

#include "anthropic_case.h"
#include "check.h"

struct row {
    const char *about;
    const char *start; /* usage of message_start; NULL: a whole answer */
    const char *end;   /* usage of message_delta, or of the whole answer; NULL: none */
    unsigned usages;
    int64_t input, read, write_5m, write_1h, output, reasoning, server;
};

#define NEAR_MOST "4611686018427387903" /* INT64_MAX / 2 */

static const struct row rows[] = {
    /* about, start, end, usages, input, read, 5m, 1h, output, reasoning, server */
    { "nothing but tokens", NULL, "{\"input_tokens\":7,\"output_tokens\":3}", 1, 7, -1, -1, -1, 3, -1, -1 },
    { "zeros are numbers", NULL, "{\"input_tokens\":0,\"output_tokens\":0}", 1, 0, -1, -1, -1, 0, -1, -1 },
    { "input alone", NULL, "{\"input_tokens\":7}", 1, 7, -1, -1, -1, -1, -1, -1 },
    { "output alone", NULL, "{\"output_tokens\":3}", 1, -1, -1, -1, -1, 3, -1, -1 },
    { "neither", NULL, "{\"cache_read_input_tokens\":3}", 0, -1, -1, -1, -1, -1, -1, -1 },
    { "null and less than nothing are not known", NULL,
      "{\"input_tokens\":-1,\"output_tokens\":3,\"cache_read_input_tokens\":null,\"cache_creation_input_tokens\":-5}",
      1, -1, -1, -1, -1, 3, -1, -1 },
    { "read and written, of unknown life", NULL,
      "{\"input_tokens\":7,\"output_tokens\":3,\"cache_read_input_tokens\":11,\"cache_creation_input_tokens\":13}", 1,
      7, 11, 13, -1, 3, -1, -1 },
    { "written, of both lives", NULL,
      "{\"input_tokens\":7,\"output_tokens\":3,\"cache_creation_input_tokens\":13,\"cache_creation\":{"
      "\"ephemeral_5m_input_tokens\":8,\"ephemeral_1h_input_tokens\":5}}",
      1, 7, -1, 8, 5, 3, -1, -1 },
    { "the sum decides: more of an hour than there is", NULL,
      "{\"input_tokens\":7,\"output_tokens\":3,\"cache_creation_input_tokens\":4,\"cache_creation\":{"
      "\"ephemeral_1h_input_tokens\":5}}",
      1, 7, -1, 0, 4, 3, -1, -1 },
    { "the sum decides: less of five minutes than there is", NULL,
      "{\"input_tokens\":7,\"output_tokens\":3,\"cache_creation_input_tokens\":20,\"cache_creation\":{"
      "\"ephemeral_5m_input_tokens\":1,\"ephemeral_1h_input_tokens\":5}}",
      1, 7, -1, 15, 5, 3, -1, -1 },
    { "an hour of nothing", NULL,
      "{\"input_tokens\":7,\"output_tokens\":3,\"cache_creation_input_tokens\":4,\"cache_creation\":{"
      "\"ephemeral_1h_input_tokens\":0}}",
      1, 7, -1, 4, 0, 3, -1, -1 },
    { "lives without a sum", NULL,
      "{\"input_tokens\":7,\"output_tokens\":3,\"cache_creation\":{\"ephemeral_5m_input_tokens\":8,"
      "\"ephemeral_1h_input_tokens\":5}}",
      1, 7, -1, 8, 5, 3, -1, -1 },
    { "thinking is taken out of the output", NULL,
      "{\"input_tokens\":7,\"output_tokens\":30,\"output_tokens_details\":{\"thinking_tokens\":10}}", 1, 7, -1, -1, -1,
      20, 10, -1 },
    { "no thinking", NULL,
      "{\"input_tokens\":7,\"output_tokens\":30,\"output_tokens_details\":{\"thinking_tokens\":0}}", 1, 7, -1, -1, -1,
      30, 0, -1 },
    { "thinking alone", NULL,
      "{\"input_tokens\":7,\"output_tokens\":10,\"output_tokens_details\":{\"thinking_tokens\":10}}", 1, 7, -1, -1, -1,
      0, 10, -1 },
    { "more thinking than output", NULL,
      "{\"input_tokens\":7,\"output_tokens\":10,\"output_tokens_details\":{\"thinking_tokens\":11}}", 1, 7, -1, -1, -1,
      0, 10, -1 },
    { "nothing written, some thought", NULL,
      "{\"input_tokens\":7,\"output_tokens\":0,\"output_tokens_details\":{\"thinking_tokens\":11}}", 1, 7, -1, -1, -1,
      0, 0, -1 },
    { "thought without an output", NULL, "{\"input_tokens\":7,\"output_tokens_details\":{\"thinking_tokens\":11}}", 1,
      7, -1, -1, -1, -1, -1, -1 },
    { "searches cost something, fetches and what is not known do not", NULL,
      "{\"input_tokens\":7,\"output_tokens\":3,\"server_tool_use\":{\"web_search_requests\":2,\"web_fetch_requests\":3,\"x\":-4,\"y\":null}}",
      1, 7, -1, -1, -1, 3, -1, 2 },
    { "a fetch alone", NULL,
      "{\"input_tokens\":7,\"output_tokens\":3,\"server_tool_use\":{\"web_search_requests\":0,\"web_fetch_requests\":1}}",
      1, 7, -1, -1, -1, 3, -1, 0 },
    { "a count of searches that is none", NULL,
      "{\"input_tokens\":7,\"output_tokens\":3,\"server_tool_use\":{\"web_search_requests\":-4}}", 1, 7, -1, -1, -1, 3,
      -1, -1 },
    { "more searches than there can be", NULL,
      "{\"input_tokens\":7,\"output_tokens\":3,\"server_tool_use\":{\"web_search_requests\":2147483648}}", 1, 7, -1, -1,
      -1, 3, -1, 2147483647 },
    { "one search", NULL, "{\"input_tokens\":7,\"output_tokens\":3,\"server_tool_use\":{\"web_search_requests\":1}}", 1,
      7, -1, -1, -1, 3, -1, 1 },
    { "no server tool", NULL, "{\"input_tokens\":7,\"output_tokens\":3,\"server_tool_use\":{}}", 1, 7, -1, -1, -1, 3,
      -1, -1 },
    { "server tools not known", NULL, "{\"input_tokens\":7,\"output_tokens\":3,\"server_tool_use\":null}", 1, 7, -1, -1,
      -1, 3, -1, -1 },
    { "a compaction is charged beside the rest", NULL,
      "{\"input_tokens\":682,\"output_tokens\":10,\"cache_read_input_tokens\":1,\"cache_creation_input_tokens\":2,"
      "\"iterations\":["
      "{\"type\":\"compaction\",\"input_tokens\":100,\"output_tokens\":20,\"cache_read_input_tokens\":30,"
      "\"cache_creation_input_tokens\":45,\"cache_creation\":{\"ephemeral_1h_input_tokens\":5},\"output_tokens_"
      "details\":{"
      "\"thinking_tokens\":6}},{\"type\":\"message\",\"input_tokens\":682,\"output_tokens\":10},{\"type\":\"adviser\","
      "\"input_tokens\":999,\"output_tokens\":999}]}",
      1, 782, 31, 42, 5, 24, 6, -1 },
    { "compactions add to what is not known, and what is nothing adds nothing", NULL,
      "{\"output_tokens\":10,\"iterations\":[{\"type\":\"compaction\",\"input_tokens\":100,\"output_tokens\":0},{"
      "\"type\":"
      "\"compaction\",\"input_tokens\":1}]}",
      1, 101, -1, -1, -1, 10, -1, -1 },
    { "numbers beyond all sense are not added", NULL,
      "{\"input_tokens\":5,\"output_tokens\":10,\"iterations\":[{\"type\":\"compaction\",\"input_tokens\":" NEAR_MOST
      ",\"output_tokens\":2305843009213693951}]}",
      1, 5, -1, -1, -1, 10, -1, -1 },
    { "the most that is added", NULL,
      "{\"input_tokens\":5,\"output_tokens\":10,\"iterations\":[{\"type\":\"compaction\",\"output_tokens\":"
      "2305843009213693950}]}",
      1, 5, -1, -1, -1, 2305843009213693960, -1, -1 },
    { "to a number beyond all sense nothing is added: the sum would be none", NULL,
      "{\"input_tokens\":" NEAR_MOST
      ",\"output_tokens\":10,\"iterations\":[{\"type\":\"compaction\",\"input_tokens\":9}]}",
      1, 9, -1, -1, -1, 10, -1, -1 },
    { "the output of a start is a guess",
      "{\"input_tokens\":7,\"output_tokens\":1,\"output_tokens_details\":{\"thinking_tokens\":1}}", NULL, 1, 7, -1, -1,
      -1, -1, -1, -1 },
    { "the end goes on with the start", "{\"input_tokens\":7,\"output_tokens\":1,\"cache_read_input_tokens\":11}",
      "{\"output_tokens\":30}", 2, 7, 11, -1, -1, 30, -1, -1 },
    { "what the end tells replaces what the start told",
      "{\"input_tokens\":7,\"output_tokens\":1,\"cache_read_input_tokens\":11,\"cache_creation_input_tokens\":13,"
      "\"cache_creation\":"
      "{\"ephemeral_1h_input_tokens\":13},\"server_tool_use\":{\"web_search_requests\":1}}",
      "{\"input_tokens\":8,\"output_tokens\":30,\"cache_read_input_tokens\":0,\"cache_creation_input_tokens\":13,"
      "\"server_tool_use\":{\"web_search_requests\":2}}",
      2, 8, 0, 0, 13, 30, -1, 2 },
    { "what the end does not know stands", "{\"input_tokens\":7,\"cache_creation\":{\"ephemeral_5m_input_tokens\":2}}",
      "{\"input_tokens\":null,\"output_tokens\":30,\"cache_creation\":{\"ephemeral_5m_input_tokens\":-1}}", 2, 7, -1, 2,
      -1, 30, -1, -1 },
    { "a start that tells nothing", "{\"service_tier\":\"standard\"}", "{\"output_tokens\":30}", 1, -1, -1, -1, -1, 30,
      -1, -1 }
};

static struct replay r;

static void put(struct buf *body, const char *type, const char *before, const char *usage, const char *after)
{
    buf_printf(body, "event: %s\ndata: {\"type\":\"%s\"%s%s%s%s}\n\n", type, type, before,
               usage != NULL ? ",\"usage\":" : "", usage != NULL ? usage : "", after);
}

static void answer(const struct row *row)
{
    struct buf body;

    buf_init(&body, 1 << 20);
    if (row->start == NULL) {
        buf_printf(&body, "{\"type\":\"message\",\"content\":[],\"stop_reason\":\"end_turn\",\"usage\":%s}", row->end);
        replay_body(&r, 200, GW_FRAMING_WHOLE, buf_view(&body), body.len);
    } else {
        put(&body, "message_start", ",\"message\":{\"id\":\"m\",\"content\":[]", row->start, "}");
        put(&body, "message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\"}", row->end, "");
        put(&body, "message_stop", "", NULL, "");
        replay_body(&r, 200, GW_FRAMING_SSE, buf_view(&body), body.len);
    }
    buf_free(&body);
}

Test(anthropic_usage, each_number_has_its_bucket)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
        answer(row);
        cr_assert_eq(r.status, GW_OK, "%s", row->about);
        cr_assert_eq(r.usages, row->usages, "%s: %u", row->about, r.usages);
        if (row->usages > 0) {
            const gw_tokens *t = &r.tokens;
            struct text sent = text_of(row->end != NULL ? row->end : row->start);
            cr_assert_eq(t->size, sizeof *t);
            cr_assert_eq(t->input, row->input, "%s: input %jd", row->about, (intmax_t)t->input);
            cr_assert_eq(t->cache_read, row->read, "%s: read %jd", row->about, (intmax_t)t->cache_read);
            cr_assert_eq(t->cache_write_5m, row->write_5m, "%s: 5m %jd", row->about, (intmax_t)t->cache_write_5m);
            cr_assert_eq(t->cache_write_1h, row->write_1h, "%s: 1h %jd", row->about, (intmax_t)t->cache_write_1h);
            cr_assert_eq(t->output, row->output, "%s: output %jd", row->about, (intmax_t)t->output);
            cr_assert_eq(t->reasoning, row->reasoning, "%s: reasoning %jd", row->about, (intmax_t)t->reasoning);
            cr_assert_eq(t->server_tool_calls, row->server, "%s: server %jd", row->about,
                         (intmax_t)t->server_tool_calls);
            cr_assert(t->audio_in == -1 && t->audio_out == -1 && t->image_in == -1 && t->image_out == -1, "%s",
                      row->about);
            cr_assert_eq(t->total, -1, "%s", row->about);
            cr_assert(text_eq(buf_view(&r.raw), sent), "%s: raw is %.*s", row->about, TEXT_ARG(buf_view(&r.raw)));
        }
        replay_end(&r);
    }
}
