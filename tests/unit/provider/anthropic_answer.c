/* anthropic_answer.c - an answer of Anthropic's put together without the provider. */
#include "anthropic_answer.h"

#include <string.h>

#include "anthropic_case.h"
#include "check.h"

static struct answer_block *block_at(struct answer *e, int64_t index)
{
    cr_assert(index >= 0 && index < ANSWER_BLOCKS);
    while (e->count <= (size_t)index) {
        struct answer_block *p = &e->blocks[e->count++];
        buf_init(&p->text, 1 << 20);
        buf_init(&p->thinking, 1 << 20);
        buf_init(&p->signature, 1 << 20);
        buf_init(&p->input, 1 << 20);
    }
    return &e->blocks[index];
}

static bool is_page(const struct json *citation)
{
    return text_starts(json_str(json_member(citation, "url")), TEXT("http"));
}

static void begin(struct answer *e, int64_t index, const struct json *block)
{
    struct answer_block *p = block_at(e, index);
    const struct json *citations = json_member(block, "citations");
    p->start = block;
    buf_text(&p->text, json_str(json_member(block, "text")));
    buf_text(&p->thinking, json_str(json_member(block, "thinking")));
    buf_text(&p->signature, json_str(json_member(block, "signature")));
    for (size_t i = 0; i < json_count(citations); i++)
        p->pages += is_page(json_at(citations, i));
}

static void go_on(struct answer *e, const struct json *event)
{
    struct answer_block *p = block_at(e, json_int(json_member(event, "index"), -1));
    const struct json *delta = json_member(event, "delta");
    buf_text(&p->text, json_str(json_member(delta, "text")));
    buf_text(&p->thinking, json_str(json_member(delta, "thinking")));
    buf_text(&p->signature, json_str(json_member(delta, "signature")));
    buf_text(&p->input, json_str(json_member(delta, "partial_json")));
    p->pages += is_page(json_member(delta, "citation"));
}

/* Its usage. */
static const struct json *begin_message(struct answer *e, const struct json *message)
{
    const struct json *content = json_member(message, "content");
    for (size_t i = 0; i < json_count(content); i++)
        begin(e, (int64_t)i, json_at(content, i));
    e->reason = json_str(json_member(message, "stop_reason"));
    return json_member(message, "usage");
}

static void add_event(struct answer *e, const struct json *event)
{
    struct text type = json_str(json_member(event, "type"));
    const struct json *usage = json_member(event, "usage");

    if (text_is(type, "message_start"))
        usage = begin_message(e, json_member(event, "message"));
    else if (text_is(type, "content_block_start"))
        begin(e, json_int(json_member(event, "index"), -1), json_member(event, "content_block"));
    else if (text_is(type, "content_block_delta"))
        go_on(e, event);
    else if (text_is(type, "message_delta"))
        e->reason = json_str(json_member(json_member(event, "delta"), "stop_reason"));
    else if (text_is(type, "error"))
        e->error = true;
    if (json_type(usage) == JSON_T_OBJECT) {
        e->first_usage = e->first_usage == NULL ? usage : e->first_usage;
        e->last_usage = usage;
    }
}

bool answer_is_stream(struct text body)
{
    return text_starts(body, TEXT("event:")) || text_starts(body, TEXT("data:"));
}

void answer_read(struct answer *e, struct text body)
{
    memset(e, 0, sizeof *e);
    arena_init(&e->arena, NULL, 0, 256 << 20);
    if (!answer_is_stream(body)) {
        e->last_usage = begin_message(e, case_parse(&e->arena, body));
        return;
    }
    while (body.ptr != NULL) {
        struct text line = text_cut(&body, '\n');
        if (text_starts(line, TEXT("data:")))
            add_event(e, case_parse(&e->arena, (struct text){ line.ptr + 5, line.len - 5 }));
    }
}

void answer_forget(struct answer *e)
{
    for (size_t i = 0; i < e->count; i++) {
        buf_free(&e->blocks[i].text);
        buf_free(&e->blocks[i].thinking);
        buf_free(&e->blocks[i].signature);
        buf_free(&e->blocks[i].input);
    }
    arena_fini(&e->arena);
}

bool answer_is(const struct answer_block *block, const char *type)
{
    return text_is(json_str(json_member(block->start, "type")), type);
}
