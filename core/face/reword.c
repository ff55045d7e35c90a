/* reword.c - finds the texts of an answer as places in its bytes, and writes others there. */
#include "face/reword.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "face/edit.h"

enum place_kind {
    PLACE_PIECE, /* a piece of the text: all of them together are it */
    PLACE_COPY,  /* all of the text once more */
    PLACE_GONE,  /* goes with the text: `with` stands there then */
};

/* Where a text stands. */
struct reword_place {
    size_t text; /* whose */
    enum place_kind kind;
    struct text old; /* JSON, in a part */
    struct text value;
    const char *with;
};

struct reading {
    struct reword *r;
    int64_t *keys; /* of the texts */
    size_t text_room, place_room;
};

static size_t text_at(struct reading *g, int64_t key)
{
    struct reword *r = g->r;
    for (size_t i = r->count; i > 0; i--)
        if (g->keys[i - 1] == key)
            return i - 1;
    if (r->count == g->text_room) {
        size_t room = g->text_room == 0 ? 16 : 2 * g->text_room;
        struct reword_text *texts = arena_array(r->arena, struct reword_text, room);
        int64_t *keys = arena_array(r->arena, int64_t, room);
        if (r->count > 0) {
            memcpy(texts, r->texts, r->count * sizeof *texts);
            memcpy(keys, g->keys, r->count * sizeof *keys);
        }
        r->texts = texts;
        g->keys = keys;
        g->text_room = room;
    }
    r->texts[r->count] = (struct reword_text){ TEXT_NONE, TEXT_NONE };
    g->keys[r->count] = key;
    return r->count++;
}

static void add(struct reading *g, int64_t key, enum place_kind kind, const struct json *v, const char *with)
{
    struct reword *r = g->r;
    bool is_text = json_type(v) == JSON_T_STR;
    if (kind == PLACE_GONE ? json_type(v) != JSON_T_OBJECT && json_type(v) != JSON_T_ARRAY
                           : !is_text || json_str(v).len == 0)
        return;
    size_t text = text_at(g, key);
    if (r->place_count == g->place_room) {
        size_t room = g->place_room == 0 ? 64 : 2 * g->place_room;
        struct reword_place *more = arena_array(r->arena, struct reword_place, room);
        if (r->place_count > 0)
            memcpy(more, r->places, r->place_count * sizeof *more);
        r->places = more;
        g->place_room = room;
    }
    r->places[r->place_count++] =
        (struct reword_place){ text, kind, json_text(v), is_text ? json_str(v) : TEXT_NONE, with };
}

/* Each text has a number of its own: the choice, block or item, the part of it, and whether it is a refusal. */
static int64_t key_of(int64_t item, int64_t part, bool refusal)
{
    return (item * 4096 + part) * 2 + refusal;
}

static void read_choice(struct reading *g, const struct json *choice)
{
    int64_t index = json_int(json_member(choice, "index"), 0);
    const struct json *message = json_member(choice, "message");
    if (message == NULL)
        message = json_member(choice, "delta");
    add(g, key_of(index, 0, false), PLACE_PIECE, json_member(choice, "text"), NULL);
    add(g, key_of(index, 0, false), PLACE_PIECE, json_member(message, "content"), NULL);
    add(g, key_of(index, 0, true), PLACE_PIECE, json_member(message, "refusal"), NULL);
    add(g, key_of(index, 0, false), PLACE_GONE, json_member(choice, "logprobs"), "null");
}

/* Of responses: a part of an item, and an item. `kind`: of its texts. */
static void read_part(struct reading *g, const struct json *part, int64_t item, int64_t at, enum place_kind kind)
{
    add(g, key_of(item, at, false), kind, json_member(part, "text"), NULL);
    add(g, key_of(item, at, true), kind, json_member(part, "refusal"), NULL);
    add(g, key_of(item, at, false), PLACE_GONE, json_member(part, "logprobs"), "[]");
}

static void read_item(struct reading *g, const struct json *item, int64_t index, enum place_kind kind)
{
    const struct json *content = json_member(item, "content");
    if (!text_is(json_str(json_member(item, "type")), "message"))
        return;
    for (size_t i = 0; json_type(content) == JSON_T_ARRAY && i < json_count(content); i++)
        read_part(g, json_at(content, i), index, (int64_t)i, kind);
}

static void read_output(struct reading *g, const struct json *response, enum place_kind kind)
{
    const struct json *output = json_member(response, "output");
    for (size_t i = 0; json_type(output) == JSON_T_ARRAY && i < json_count(output); i++)
        read_item(g, json_at(output, i), (int64_t)i, kind);
}

static void read_response_event(struct reading *g, const struct json *v, struct text type)
{
    int64_t item = json_int(json_member(v, "output_index"), 0), part = json_int(json_member(v, "content_index"), 0);
    if (text_is(type, "response.output_text.delta") || text_is(type, "response.refusal.delta")) {
        add(g, key_of(item, part, text_is(type, "response.refusal.delta")), PLACE_PIECE, json_member(v, "delta"), NULL);
        add(g, key_of(item, part, false), PLACE_GONE, json_member(v, "logprobs"), "[]");
    } else if (text_is(type, "response.output_text.done") || text_is(type, "response.refusal.done")) {
        read_part(g, v, item, part, PLACE_COPY);
    } else if (text_is(type, "response.content_part.done")) {
        if (text_is(json_str(json_member(json_member(v, "part"), "type")), "reasoning_text"))
            return;
        read_part(g, json_member(v, "part"), item, part, PLACE_COPY);
    } else if (text_is(type, "response.output_item.done")) {
        read_item(g, json_member(v, "item"), item, PLACE_COPY);
    } else {
        read_output(g, json_member(v, "response"), PLACE_COPY);
    }
}

static void read_event(struct reading *g, const struct json *v)
{
    struct text type = json_str(json_member(v, "type"));
    const struct json *choices = json_member(v, "choices"), *block = json_member(v, "content_block");
    int64_t index = json_int(json_member(v, "index"), 0);
    for (size_t i = 0; json_type(choices) == JSON_T_ARRAY && i < json_count(choices); i++)
        read_choice(g, json_at(choices, i));
    if (text_is(type, "content_block_start") && text_is(json_str(json_member(block, "type")), "text"))
        add(g, key_of(index, 0, false), PLACE_PIECE, json_member(block, "text"), NULL);
    else if (text_is(type, "content_block_delta"))
        add(g, key_of(index, 0, false), PLACE_PIECE, json_member(json_member(v, "delta"), "text"), NULL);
    else if (text_starts(type, TEXT("response.")))
        read_response_event(g, v, type);
}

static void read_whole(struct reading *g, const struct json *v)
{
    const struct json *choices = json_member(v, "choices"), *content = json_member(v, "content");
    for (size_t i = 0; json_type(choices) == JSON_T_ARRAY && i < json_count(choices); i++)
        read_choice(g, json_at(choices, i));
    for (size_t i = 0; json_type(content) == JSON_T_ARRAY && i < json_count(content); i++)
        if (text_is(json_str(json_member(json_at(content, i), "type")), "text"))
            add(g, key_of((int64_t)i, 0, false), PLACE_PIECE, json_member(json_at(content, i), "text"), NULL);
    read_output(g, v, PLACE_PIECE);
}

/* Each line of data, as our faces and all services write an event. */
static void read_stream(struct reading *g, struct text rest)
{
    while (rest.len > 0) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        struct text line = { rest.ptr, end != NULL ? (size_t)(end - rest.ptr) : rest.len };
        rest = end != NULL ? (struct text){ end + 1, rest.len - line.len - 1 } : TEXT("");
        if (!text_starts(line, TEXT("data:")))
            continue;
        line = text_trim((struct text){ line.ptr + 5, line.len - 5 });
        if (text_starts(line, TEXT("{")))
            read_event(g, json_parse_quick(g->r->arena, line));
    }
}

/* The pieces of a text, or where there are none a copy. */
static void join(struct reword *r, size_t text)
{
    struct buf all;
    buf_init(&all, 64u << 20);
    for (enum place_kind kind = PLACE_PIECE; kind <= PLACE_COPY && all.len == 0; kind++)
        for (size_t i = 0; i < r->place_count && (kind == PLACE_PIECE || all.len == 0); i++)
            if (r->places[i].text == text && r->places[i].kind == kind)
                buf_text(&all, r->places[i].value);
    r->texts[text].text = arena_text(r->arena, buf_view(&all));
    if (all.failed)
        r->arena->full = true;
    buf_free(&all);
}

void reword_read(struct arena *arena, const struct text parts[REWORD_PARTS], bool streamed, struct reword *out)
{
    struct reading g = { .r = out };
    *out = (struct reword){ .arena = arena };
    for (size_t i = 0; i < REWORD_PARTS; i++) {
        out->parts[i] = parts[i];
        if (streamed)
            read_stream(&g, parts[i]);
        else if (parts[i].len > 0)
            read_whole(&g, json_parse_quick(arena, parts[i]));
    }
    for (size_t i = 0; i < out->count && !arena->full; i++)
        join(out, i);
}

static bool is_inside(struct text place, struct text part)
{
    return part.len > 0 && place.ptr >= part.ptr && place.ptr < part.ptr + part.len;
}

struct text reword_write(const struct reword *r, size_t part)
{
    struct edit e;
    bool *begun = arena_array(r->arena, bool, r->count + 1);
    edit_begin(&e, r->arena, r->parts[part]);
    for (size_t i = 0; i < r->place_count; i++) {
        const struct reword_place *p = &r->places[i];
        struct text with = r->texts[p->text].with;
        if (with.ptr == NULL)
            continue;
        bool is_first = p->kind == PLACE_PIECE && !begun[p->text];
        begun[p->text] = begun[p->text] || is_first;
        if (!is_inside(p->old, r->parts[part]))
            continue;
        if (p->kind == PLACE_GONE)
            edit_put(&e, p->old, text_of(p->with));
        else
            edit_put(&e, p->old, is_first || p->kind == PLACE_COPY ? edit_string(r->arena, with) : TEXT("\"\""));
    }
    return edit_end(&e);
}
