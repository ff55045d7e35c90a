/* restore_stream.c - events of a stream: a string comes in pieces, and what may become a key is held back until the next piece of the same
 * string, or until an event that ends it: then it goes out before that, as an event of its own. */
#include <string.h>

#include "base/json.h"
#include "face/restore_inside.h"

enum { PIECES_MOST = 512 }; /* of a stream: what is in more passes as it is */

/* Where a string that comes in pieces stands, and the event that brings one. */
struct restore_form {
    enum { OF_CHOICE, OF_BLOCK, OF_OUTPUT } of;
    bool is_arguments, is_input;
    const char *type;       /* of the event, where it has one */
    const char *open, *end; /* around the string */
};

static const struct restore_form
    content = { OF_CHOICE, false, false, NULL, "\"delta\":{\"content\":", "}" },
    refusal = { OF_CHOICE, false, false, NULL, "\"delta\":{\"refusal\":", "}" },
    text = { OF_CHOICE, false, false, NULL, "\"text\":", ",\"logprobs\":null" },
    arguments = { OF_CHOICE, true, false, NULL, ",\"function\":{\"arguments\":", "}}]}" },
    input = { OF_CHOICE, false, true, NULL, ",\"custom\":{\"input\":", "}}]}" },
    function = { OF_CHOICE, true, false, NULL, "\"delta\":{\"function_call\":{\"arguments\":", "}}" },
    block_text = { OF_BLOCK, false, false, "text_delta", "\"text\":", "" },
    block_json = { OF_BLOCK, true, false, "input_json_delta", "\"partial_json\":", "" };
/* Of responses; what comes behind ".delta" in the event that ends the string. */
static const struct restore_form outputs[] = {
    { OF_OUTPUT, false, false, "response.output_text", NULL, ",\"logprobs\":[]" },
    { OF_OUTPUT, false, false, "response.refusal", NULL, "" },
    { OF_OUTPUT, true, false, "response.function_call_arguments", NULL, "" },
    { OF_OUTPUT, false, true, "response.custom_tool_call_input", NULL, "" },
};

static struct restore_piece *piece_of(struct restore *r, const struct restore_form *form, int64_t at, int64_t inner)
{
    const struct replace *of = form->is_arguments ? r->arguments : form->is_input ? r->values : r->text;
    struct restore_piece *p = r->pieces;
    while (p != NULL && (p->form != form || p->at != at || p->inner != inner))
        p = p->next;
    if (p != NULL || of == NULL || r->count == PIECES_MOST)
        return p;
    r->count++;
    p = arena_new(r->arena, struct restore_piece);
    p->form = form;
    p->at = at;
    p->inner = inner;
    p->next = r->pieces;
    replace_begin(&p->run, of, r->arena);
    return r->pieces = p;
}

/* One piece more, in its event. `ends`: the string ends with this event. */
static void take(struct restore_pass *pass, const struct json *string, const struct restore_form *form, int64_t at,
                 int64_t inner, bool ends)
{
    struct restore *r = pass->r;
    if (json_type(string) != JSON_T_STR)
        return;
    struct restore_piece *p = piece_of(r, form, at, inner);
    if (p == NULL)
        return;
    struct text raw = json_text(string);
    buf_truncate(&r->out, 0);
    replace_feed(&p->run, (struct text){ raw.ptr + 1, raw.len - 2 }, &r->out);
    if (ends)
        replace_end(&p->run, &r->out);
    restore_put_inside(pass, string, &r->out);
}

/* Writes an event with the text that the piece holds back. */
static void let_go(struct restore *r, struct restore_piece *p, struct buf *out)
{
    const struct restore_form *f = p->form;
    if (p->run.held == 0)
        return;
    if (f->of == OF_OUTPUT) {
        buf_printf(out, "event: %s.delta\ndata: {\"type\":\"%s.delta\",\"output_index\":%lld,", f->type, f->type,
                   (long long)p->at);
        if (p->inner >= 0)
            buf_printf(out, "\"content_index\":%lld,", (long long)p->inner);
        if (p->item.len > 0)
            buf_printf(out, "\"item_id\":%.*s,", TEXT_ARG(p->item));
        if (r->sequence >= 0)
            buf_printf(out, "\"sequence_number\":%lld,", (long long)(r->sequence + r->added++));
        buf_str(out, "\"delta\":\"");
    } else if (f->of == OF_BLOCK) {
        buf_printf(out,
                   "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":%lld,"
                   "\"delta\":{\"type\":\"%s\",%s\"",
                   (long long)p->at, f->type, f->open);
    } else {
        buf_printf(out, "data: {%.*s\"choices\":[{\"index\":%lld,", TEXT_ARG(r->head), (long long)p->at);
        if (p->inner >= 0)
            buf_printf(out, "\"delta\":{\"tool_calls\":[{\"index\":%lld", (long long)p->inner);
        buf_printf(out, "%s\"", f->open);
    }
    replace_end(&p->run, out);
    buf_printf(out, "\"%s%s", f->end,
               f->of == OF_OUTPUT  ? "}\n\n"
               : f->of == OF_BLOCK ? "}}\n\n"
                                   : ",\"finish_reason\":null}]}\n\n");
}

/* Writes the held text of one choice, block or output item, in the order in which the strings began; `at` -1: of all. */
static void let_go_all(struct restore *r, int of, int64_t at, struct buf *out)
{
    struct restore_piece *turned = NULL, *next;
    for (struct restore_piece *p = r->pieces; p != NULL; p = next) {
        next = p->next;
        p->next = turned;
        turned = p;
    }
    r->pieces = NULL;
    for (struct restore_piece *p = turned; p != NULL; p = next) {
        next = p->next;
        if (at < 0 || ((int)p->form->of == of && p->at == at))
            let_go(r, p, out);
        p->next = r->pieces;
        r->pieces = p;
    }
}

void restore_end(struct restore *r, struct buf *out)
{
    let_go_all(r, 0, -1, out);
}

static bool holds(const struct restore *r)
{
    for (const struct restore_piece *p = r->pieces; p != NULL; p = p->next)
        if (p->run.held > 0)
            return true;
    return false;
}

/* The members that all chunks of this stream have: id, model ... Needed where one of our own is sent. */
static void keep_head(struct restore *r, const struct json *v)
{
    struct buf head;
    if (r->head.ptr != NULL || !holds(r))
        return;
    buf_init(&head, 64 << 10);
    for (size_t i = 0; i < json_count(v); i++) {
        const struct json *member = json_at(v, i);
        struct text key = json_key_at(v, i);
        if (json_type(member) == JSON_T_OBJECT || json_type(member) == JSON_T_ARRAY || text_is(key, "obfuscation"))
            continue;
        buf_str(&head, "\"");
        json_escape(&head, key);
        buf_printf(&head, "\":%.*s,", TEXT_ARG(json_text(member)));
    }
    r->failed = r->failed || head.failed;
    r->head = arena_text(r->arena, head.len > 0 ? buf_view(&head) : TEXT(""));
    buf_free(&head);
}

/* A finish reason ends the choice: the text that its strings hold back goes out before this event. */
static void end_choice(struct restore_pass *pass, int64_t at)
{
    let_go_all(pass->r, OF_CHOICE, at, pass->before);
}

static void take_choice(struct restore_pass *p, const struct json *choice)
{
    int64_t at = json_int(json_member(choice, "index"), 0);
    const struct json *delta = json_member(choice, "delta"), *finish = json_member(choice, "finish_reason"),
                      *calls = json_member(delta, "tool_calls");
    bool ends = finish != NULL && json_type(finish) != JSON_T_NULL;
    take(p, json_member(choice, "text"), &text, at, -1, ends);
    take(p, json_member(delta, "content"), &content, at, -1, ends);
    take(p, json_member(delta, "refusal"), &refusal, at, -1, ends);
    take(p, json_member(json_member(delta, "function_call"), "arguments"), &function, at, -1, ends);
    for (size_t i = 0; i < json_count(calls); i++) {
        const struct json *call = json_at(calls, i);
        int64_t index = json_int(json_member(call, "index"), (int64_t)i);
        take(p, json_member(json_member(call, "function"), "arguments"), &arguments, at, index, ends);
        take(p, json_member(json_member(call, "custom"), "input"), &input, at, index, ends);
    }
    if (ends)
        end_choice(p, at);
}

/* An event of messages. */
static void take_block(struct restore_pass *p, const struct json *v, struct text type)
{
    int64_t at = json_int(json_member(v, "index"), 0);
    const struct json *delta = json_member(v, "delta"), *block = json_member(v, "content_block");
    if (text_is(type, "content_block_delta")) {
        take(p, json_member(delta, "text"), &block_text, at, -1, false);
        take(p, json_member(delta, "partial_json"), &block_json, at, -1, false);
    } else if (text_is(type, "content_block_start")) {
        let_go_all(p->r, OF_BLOCK, at, p->before);
        if (text_is(json_str(json_member(block, "type")), "text"))
            take(p, json_member(block, "text"), &block_text, at, -1, false);
        else
            restore_put_block(p, block);
    } else if (text_is(type, "content_block_stop")) {
        let_go_all(p->r, OF_BLOCK, at, p->before);
    } else if (!text_is(type, "ping") && !text_is(type, "message_start")) {
        restore_end(p->r, p->before); /* message_delta, message_stop, error */
    }
}

/* An event of responses: a piece, or one that has a whole string, item or answer. */
static void take_output(struct restore_pass *p, const struct json *v, struct text type)
{
    int64_t at = json_int(json_member(v, "output_index"), 0), inner = json_int(json_member(v, "content_index"), -1);
    const struct json *number = json_member(v, "sequence_number"), *response = json_member(v, "response"),
                      *part = json_member(v, "part"), *items = json_member(response, "output");
    p->r->sequence = json_int(number, -1);
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        const struct restore_form *form = &outputs[i];
        if (!text_starts(type, text_of(form->type)))
            continue;
        struct text rest = { type.ptr + strlen(form->type), type.len - strlen(form->type) };
        struct restore_piece *piece = text_is(rest, ".delta") ? piece_of(p->r, form, at, inner) : NULL;
        if (piece != NULL && piece->item.ptr == NULL)
            piece->item = arena_text(p->r->arena, json_text(json_member(v, "item_id")));
        if (piece != NULL)
            take(p, json_member(v, "delta"), form, at, inner, false);
        else if (text_is(rest, ".done"))
            let_go_all(p->r, OF_OUTPUT, at, p->before);
        restore_put(p, json_member(v, "text"), p->r->text);
        restore_put(p, json_member(v, "refusal"), p->r->text);
        restore_put(p, json_member(v, "arguments"), p->r->arguments);
        restore_put(p, json_member(v, "input"), p->r->values);
    }
    if (text_is(type, "response.output_item.done"))
        let_go_all(p->r, OF_OUTPUT, at, p->before);
    else if (text_starts(type, TEXT("response.content_part.done")) || response != NULL || text_is(type, "error"))
        restore_end(p->r, p->before);
    if (text_is(json_str(json_member(part, "type")), "output_text"))
        restore_put(p, json_member(part, "text"), p->r->text);
    restore_put_item(p, json_member(v, "item"));
    for (size_t i = 0; i < json_count(items); i++)
        restore_put_item(p, json_at(items, i));
    if (p->r->added > 0 && p->r->sequence >= 0)
        edit_put(&p->edit, json_text(number),
                 text_of(arena_printf(p->scratch, "%lld", (long long)(p->r->sequence + p->r->added))));
}

struct text restore_event(struct restore *r, struct arena *scratch, struct text data, struct buf *before)
{
    struct restore_pass p = { .r = r, .scratch = scratch, .before = before };
    const struct json *v = text_starts(text_trim(data), TEXT("{")) ? json_parse_quick(scratch, data) : NULL;
    struct text type = json_str(json_member(v, "type"));
    const struct json *choices = json_member(v, "choices");
    if (json_type(v) != JSON_T_OBJECT) { /* an end mark, or something that is no answer */
        restore_end(r, before);
        return data;
    }
    edit_begin(&p.edit, scratch, data);
    for (size_t i = 0; i < json_count(choices); i++)
        take_choice(&p, json_at(choices, i));
    if (choices != NULL)
        keep_head(r, v);
    else if (text_starts(type, TEXT("response.")) || json_member(v, "sequence_number") != NULL)
        take_output(&p, v, type);
    else if (type.len > 0)
        take_block(&p, v, type);
    if (choices == NULL && json_member(v, "error") != NULL)
        restore_end(r, before);
    r->failed = r->failed || scratch->full || before->failed;
    return edit_end(&p.edit);
}
