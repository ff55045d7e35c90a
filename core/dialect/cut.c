/* cut.c - the end of a stream that reached its limit of output tokens, in each dialect. */
#include "dialect/cut.h"

#include "base/json.h"
#include "base/scan.h"

static void cut_openai(const struct dialect_cut *cut, const char *object, const char *piece, struct buf *out)
{
    buf_printf(out, "data: {\"id\":\"chatcmpl-%.*s\",\"object\":\"%s\",\"created\":%lld,\"model\":\"",
               TEXT_ARG(cut->request_id), object, (long long)cut->created);
    json_escape(out, cut->model);
    buf_printf(out, "\",\"choices\":[{\"index\":0,%s,\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n", piece);
}

void cut_chat(const struct dialect_cut *cut, struct buf *out)
{
    cut_openai(cut, "chat.completion.chunk", "\"delta\":{}", out);
}

void cut_completions(const struct dialect_cut *cut, struct buf *out)
{
    cut_openai(cut, "text_completion", "\"text\":\"\"", out);
}

/* The block that the last event belongs to is the one that is open. */
void cut_messages(const struct dialect_cut *cut, struct buf *out)
{
    struct text index = scan_peek(cut->last, "index");
    if (index.len > 0)
        buf_printf(out, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":%.*s}\n\n",
                   TEXT_ARG(index));
    buf_str(
        out,
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":0}}\n\n"
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

void cut_responses(const struct dialect_cut *cut, struct buf *out)
{
    buf_printf(
        out,
        "event: response.incomplete\ndata: {\"type\":\"response.incomplete\",\"response\":{\"id\":\"resp_%.*s\",\"object\":\"response\",\"created_at\":%lld,"
        "\"status\":\"incomplete\",\"error\":null,\"incomplete_details\":{\"reason\":\"max_output_tokens\"},\"output\":[],\"model\":\"",
        TEXT_ARG(cut->request_id), (long long)cut->created);
    json_escape(out, cut->model);
    buf_str(out, "\"}}\n\n");
}
