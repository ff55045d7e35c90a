/* restore.c - whole answers: each string that a model has written is found by where it stands. */
#include "face/restore_inside.h"

enum { OUT_MOST = 64 << 20, DEPTH_MOST = 64 };

struct restore *restore_new(struct arena *arena, const struct restore_text *texts, size_t count)
{
    struct replace_pair *all = arena_array(arena, struct replace_pair, count + 1),
                        *arguments = arena_array(arena, struct replace_pair, count + 1);
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        all[i] = (struct replace_pair){ texts[i].key, texts[i].with };
        if (texts[i].in_arguments)
            arguments[n++] = all[i];
    }
    struct restore *r = arena_new(arena, struct restore);
    r->arena = arena;
    r->text = replace_new(arena, all, count);
    r->arguments = replace_new_escaped(arena, arguments, n);
    r->values = n == count ? r->text : replace_new(arena, arguments, n);
    const struct replace *const of[] = { r->text, r->arguments, r->values };
    for (size_t i = 0; i < 3; i++)
        if (of[i] != NULL)
            replace_begin(&r->runs[i], of[i], arena);
    buf_init(&r->out, OUT_MOST);
    arena_defer(arena, buf_free_any, &r->out);
    return r->text != NULL && !arena->full ? r : NULL;
}

bool restore_has_failed(const struct restore *r)
{
    return r->failed || r->arena->full;
}

void restore_put_inside(struct restore_pass *p, const struct json *string, struct buf *text)
{
    struct text old = json_text(string);
    struct text made = text->len > 0 ? buf_view(text) : TEXT("");
    p->r->failed = p->r->failed || text->failed;
    if (!text_eq((struct text){ old.ptr + 1, old.len - 2 }, made))
        edit_put(&p->edit, (struct text){ old.ptr + 1, old.len - 2 }, arena_text(p->scratch, made));
}

/* What stands between these quotes, with the texts that belong into it. */
static void put_raw(struct restore_pass *p, struct text old, const struct replace *of)
{
    struct replace_run *run = p->r->runs;
    struct buf *out = &p->r->out;
    struct text inside = { old.ptr + 1, old.len - 2 };
    buf_truncate(out, 0);
    while (run->of != of)
        run++;
    replace_feed(run, inside, out);
    replace_end(run, out);
    p->r->failed = p->r->failed || out->failed;
    if (!text_eq(inside, out->len > 0 ? buf_view(out) : TEXT("")))
        edit_put(&p->edit, inside, arena_text(p->scratch, out->len > 0 ? buf_view(out) : TEXT("")));
}

void restore_put(struct restore_pass *p, const struct json *string, const struct replace *of)
{
    if (of != NULL && json_type(string) == JSON_T_STR)
        put_raw(p, json_text(string), of);
}

static void put_deep(struct restore_pass *p, const struct json *value, int depth)
{
    restore_put(p, value, p->r->values);
    for (size_t i = 0; depth < DEPTH_MOST && i < json_count(value); i++) {
        const struct json *member = json_at(value, i);
        if (json_type(value) == JSON_T_OBJECT)
            put_raw(p, edit_key_of(p->edit.body, member), p->r->values);
        put_deep(p, member, depth + 1);
    }
}

void restore_put_all(struct restore_pass *p, const struct json *value)
{
    if (p->r->values != NULL)
        put_deep(p, value, 0);
}

/* A text, or a list of parts with texts. */
static void put_content(struct restore_pass *p, const struct json *content)
{
    restore_put(p, content, p->r->text);
    for (size_t i = 0; json_type(content) == JSON_T_ARRAY && i < json_count(content); i++) {
        const struct json *part = json_at(content, i), *type = json_member(part, "type");
        if (!text_ends(json_str(type), TEXT("text")) && !text_is(json_str(type), "refusal"))
            continue;
        restore_put(p, json_member(part, "text"), p->r->text);
        restore_put(p, json_member(part, "refusal"), p->r->text);
    }
}

void restore_put_message(struct restore_pass *p, const struct json *message)
{
    const struct json *calls = json_member(message, "tool_calls");
    put_content(p, json_member(message, "content"));
    restore_put(p, json_member(message, "refusal"), p->r->text);
    restore_put(p, json_member(json_member(message, "function_call"), "arguments"), p->r->arguments);
    for (size_t i = 0; i < json_count(calls); i++) {
        const struct json *call = json_at(calls, i);
        restore_put(p, json_member(json_member(call, "function"), "arguments"), p->r->arguments);
        restore_put(p, json_member(json_member(call, "custom"), "input"), p->r->values);
    }
}

void restore_put_block(struct restore_pass *p, const struct json *block)
{
    struct text type = json_str(json_member(block, "type"));
    if (text_is(type, "text"))
        restore_put(p, json_member(block, "text"), p->r->text);
    else if (text_ends(type, TEXT("tool_use")))
        restore_put_all(p, json_member(block, "input"));
}

void restore_put_item(struct restore_pass *p, const struct json *item)
{
    struct text type = json_str(json_member(item, "type"));
    if (text_is(type, "message"))
        put_content(p, json_member(item, "content"));
    if (!text_ends(type, TEXT("_call")))
        return;
    restore_put(p, json_member(item, "arguments"), p->r->arguments);
    restore_put(p, json_member(item, "input"), p->r->values);
}

struct text restore_whole(struct restore *r, struct arena *scratch, struct text body)
{
    struct restore_pass p = { .r = r, .scratch = scratch };
    const struct json *v = json_parse_quick(scratch, body);
    edit_begin(&p.edit, scratch, body);
    const struct json *choices = json_member(v, "choices"), *content = json_member(v, "content"),
                      *output = json_member(v, "output");
    for (size_t i = 0; i < json_count(choices); i++) {
        const struct json *choice = json_at(choices, i);
        restore_put(&p, json_member(choice, "text"), r->text);
        restore_put_message(&p, json_member(choice, "message"));
    }
    for (size_t i = 0; i < json_count(content); i++)
        restore_put_block(&p, json_at(content, i));
    for (size_t i = 0; i < json_count(output); i++)
        restore_put_item(&p, json_at(output, i));
    restore_put(&p, json_member(v, "output_text"), r->text);
    r->failed = r->failed || scratch->full;
    return edit_end(&p.edit);
}
