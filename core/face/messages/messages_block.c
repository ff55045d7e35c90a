/* messages_block.c - events of an answer as an ordered list of Anthropic content blocks. Streams send the list from its
 * front while it grows (messages_stream.c), whole answers at the end (messages_whole.c). */
#include <string.h>

#include "canon/view.h"
#include "dialect/look.h"
#include "face/common.h"
#include "face/messages/messages_inside.h"

#define TEXT_MAX (64u << 20) /* of one block */

static void free_texts(void *arg)
{
    struct messages_answer *s = arg;
    for (struct messages_block *b = s->first; b != NULL; b = b->next) {
        buf_free(&b->held);
        buf_free(&b->extra);
    }
    buf_free(&s->refusal);
}

struct messages_answer *messages_answer_new(struct arena *arena)
{
    struct messages_answer *s = arena_new(arena, struct messages_answer);
    s->arena = arena;
    numbered_init(&s->calls, arena);
    buf_init(&s->refusal, TEXT_MAX);
    arena_defer(arena, free_texts, s);
    return s;
}

struct messages_answer *messages_answer_of(struct face_answer *answer)
{
    if (answer->state == NULL)
        answer->state = messages_answer_new(answer->arena);
    return answer->state;
}

bool messages_is_blank(const struct messages_block *block)
{
    return block->kind == BLOCK_TEXT && !block->open && !block->has_words && block->extra.len == 0;
}

static bool has_words(struct text piece)
{
    for (size_t i = 0; i < piece.len; i++)
        if (memchr(" \t\r\n", piece.ptr[i], 4) == NULL)
            return true;
    return false;
}

static struct messages_block *add(struct messages_answer *s, enum messages_block_kind kind, uint32_t item)
{
    struct messages_block *b = arena_new(s->arena, struct messages_block);
    b->kind = kind;
    b->item = item;
    buf_init(&b->held, TEXT_MAX);
    buf_init(&b->extra, TEXT_MAX);
    if (s->last != NULL)
        s->last->next = b;
    else
        s->first = b;
    s->last = b;
    if (kind == BLOCK_TEXT)
        s->last_text = b;
    if (s->at == NULL)
        s->at = b;
    return b;
}

static bool is_last(const struct messages_answer *s, enum messages_block_kind kind, uint32_t item)
{
    return s->last != NULL && s->last->kind == kind && s->last->item == item && !s->last->closed;
}

static struct messages_block *last_or_new(struct messages_answer *s, enum messages_block_kind kind, uint32_t item)
{
    return is_last(s, kind, item) ? s->last : add(s, kind, item);
}

static void keep(struct messages_answer *s, struct buf *buf, struct text bytes)
{
    if (buf_append_tight(buf, bytes.ptr, bytes.len) < 0) /* a block may be one of very many */
        s->arena->full = true;
}

static void add_value(struct messages_answer *s, struct buf *values, struct text json)
{
    if (values->len > 0)
        keep(s, values, TEXT(","));
    keep(s, values, json);
}

static void take_text(struct messages_answer *s, enum messages_block_kind kind, uint32_t item, struct text piece)
{
    if (piece.len == 0)
        return;
    struct messages_block *b = last_or_new(s, kind, item);
    b->has_words = b->has_words || has_words(piece);
    keep(s, &b->held, piece);
    s->bytes += piece.len;
}

/* A block in Anthropic's own dialect, written as it is. False when it is none. */
static bool take_raw(struct messages_answer *s, uint32_t item, struct text data)
{
    const struct json *v = data.len > 0 ? json_parse_quick(s->arena, data) : NULL;
    if (json_str(json_member(v, "type")).len == 0)
        return false;
    add(s, BLOCK_RAW, item)->raw = arena_text(s->arena, data);
    return true;
}

/* A block of reasoning that Anthropic hides. */
static void take_redacted(struct messages_answer *s, const gw_event *event, struct text data)
{
    struct json_writer w;
    struct buf out;
    if (take_raw(s, event->item, data))
        return;
    buf_init(&out, TEXT_MAX);
    json_writer_init(&w, &out);
    json_object(&w);
    json_name(&w, "type");
    json_put_str(&w, TEXT("redacted_thinking"));
    json_name(&w, "data");
    json_put_str(&w, view_text(event->text));
    json_close(&w);
    add(s, BLOCK_RAW, event->item)->raw = look_take(s->arena, &out);
}

static void take_signature(struct messages_answer *s, const gw_event *event)
{
    struct text format = view_text(event->id), data = view_text(event->data);
    const struct json *entry = data.len > 0 ? json_parse_quick(s->arena, data) : NULL;
    if (text_is(format, MESSAGES_REDACTED)) {
        take_redacted(s, event, data);
        return;
    }
    if (text_is(format, MESSAGES_FORMAT) && text_is(json_str(json_member(entry, "type")), "reasoning.encrypted")) {
        take_redacted(s, event, TEXT_NONE);
        return;
    }
    struct messages_block *b = last_or_new(s, BLOCK_THINKING, event->item);
    if (format.len > 0)
        b->format = arena_text(s->arena, format);
    if (json_type(entry) == JSON_T_OBJECT && !text_is(format, MESSAGES_FORMAT))
        add_value(s, &b->extra, data); /* the signature is in it */
    else
        b->signature = arena_text(s->arena, view_text(event->text));
}

static struct messages_block *call_of(struct messages_answer *s, uint32_t item)
{
    struct messages_block *b = numbered_get(&s->calls, 0, item);
    if (b != NULL)
        return b;
    b = add(s, BLOCK_CALL, item);
    b->number = (struct numbered){ 0, item };
    numbered_put(&s->calls, &b->number, b);
    s->call_count++;
    return b;
}

/* The id and the name may come in any order, and late; but each as a whole. */
static void take_call(struct messages_answer *s, const gw_event *event)
{
    struct messages_block *b = call_of(s, event->item);
    if (b->id.len == 0 && event->id.len > 0)
        b->id = messages_id_out(s->arena, arena_text(s->arena, view_text(event->id)));
    if (b->name.len == 0 && event->text.len > 0)
        b->name = arena_text(s->arena, view_text(event->text));
}

/* Has the JSON value come to its end? Only containers show it themselves. */
static void follow(struct messages_args *a, struct text piece)
{
    for (size_t i = 0; i < piece.len && !a->done; i++) {
        char c = piece.ptr[i];
        if (a->escaped)
            a->escaped = false;
        else if (a->in_string && c == '\\')
            a->escaped = true;
        else if (c == '"')
            a->in_string = !a->in_string;
        else if (!a->in_string && (c == '{' || c == '['))
            a->depth++;
        else if (!a->in_string && (c == '}' || c == ']') && a->depth > 0)
            a->done = --a->depth == 0;
    }
}

static void take_args(struct messages_answer *s, const gw_event *event)
{
    struct messages_block *b = call_of(s, event->item);
    struct text piece = view_text(event->text);
    if (event->type == GW_EVENT_CUSTOM_ARGS)
        b->custom = true;
    if (piece.len == 0 || b->closed || (b->args.done && !b->custom)) /* some servers repeat all of it at the end */
        return;
    if (!b->custom)
        follow(&b->args, piece);
    keep(s, &b->held, piece);
    s->bytes += piece.len;
}

/* Anthropic's own citations as they are; those of a chat as the nearest that Anthropic has. */
static struct text citation_of(struct messages_answer *s, struct text data)
{
    static const char *const own[] = { "char_location", "page_location", "content_block_location",
                                       "web_search_result_location", "search_result_location" };
    const struct json *v = json_parse_quick(s->arena, data), *origin = json_member(v, "x_origin");
    const struct json *url = json_member(v, "url_citation");
    struct text type = json_str(json_member(v, "type"));
    struct json_writer w;
    struct buf out;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (text_is(type, own[i]))
            return arena_text(s->arena, data);
    if (text_is(json_str(json_member(origin, "dialect")), "messages"))
        return json_text(json_member(origin, "content"));
    if (json_type(url) != JSON_T_OBJECT)
        return TEXT_NONE;
    buf_init(&out, TEXT_MAX);
    json_writer_init(&w, &out);
    json_object(&w);
    json_name(&w, "type");
    json_put_str(&w, TEXT("web_search_result_location"));
    json_name(&w, "url");
    json_put_str(&w, json_str(json_member(url, "url")));
    json_name(&w, "title");
    json_put_str(&w, json_str(json_member(url, "title")));
    json_name(&w, "cited_text");
    json_put_str(&w, json_str(json_member(url, "content")));
    json_name(&w, "encrypted_index"); /* marked as not Anthropic's: it is cut out when it comes back */
    json_put_str(&w, TEXT(MESSAGES_MARK));
    json_close(&w);
    return look_take(s->arena, &out);
}

/* A citation belongs to the text of the same item, which it may come before. Where that text was ended already, there
 * is no place for it. */
static void take_citation(struct messages_answer *s, const gw_event *event)
{
    struct text citation = citation_of(s, view_text(event->data));
    struct messages_block *b = s->last_text;
    if (citation.len == 0)
        return;
    if (b == NULL || b->item != event->item)
        b = add(s, BLOCK_TEXT, event->item);
    if (!b->closed)
        add_value(s, &b->extra, citation);
}

void messages_take(struct messages_answer *s, const gw_event *event)
{
    if (event->index != 0) /* an Anthropic answer has one choice */
        return;
    switch (event->type) {
    case GW_EVENT_REFUSAL:
        s->refused = true;
        keep(s, &s->refusal, view_text(event->text));
        take_text(s, BLOCK_TEXT, event->item, view_text(event->text));
        break;
    case GW_EVENT_TEXT:
        take_text(s, BLOCK_TEXT, event->item, view_text(event->text));
        break;
    case GW_EVENT_REASONING:
        take_text(s, BLOCK_THINKING, event->item, view_text(event->text));
        if (event->id.len > 0 && is_last(s, BLOCK_THINKING, event->item) && s->last->format.len == 0)
            s->last->format = arena_text(s->arena, view_text(event->id));
        if (event->data.len > 0 && is_last(s, BLOCK_THINKING, event->item) && s->last->entry.ptr == NULL &&
            json_check_quick(view_text(event->data)) == 0)
            s->last->entry = arena_text(s->arena, view_text(event->data));
        break;
    case GW_EVENT_SIGNATURE:
        take_signature(s, event);
        break;
    case GW_EVENT_TOOL_CALL:
        take_call(s, event);
        break;
    case GW_EVENT_TOOL_ARGS:
    case GW_EVENT_CUSTOM_ARGS:
        take_args(s, event);
        break;
    case GW_EVENT_CITATION:
        take_citation(s, event);
        break;
    case GW_EVENT_MEDIA:
        if (!s->has_media)
            take_text(s, BLOCK_TEXT, event->item,
                      TEXT("[The model made an image or audio, which this API cannot show.]"));
        s->has_media = true;
        break;
    case GW_EVENT_ORIGIN:
        if (text_is(view_text(event->id), "messages") && event->code.len == 0)
            take_raw(s, event->item, view_text(event->data));
        break;
    case GW_EVENT_FINISH:
        s->finish = arena_text(s->arena, view_text(event->text));
        s->native = arena_text(s->arena, view_text(event->code));
        s->finish_more = TEXT_NONE;
        if (event->data.len > 0 && json_check_quick(view_text(event->data)) == 0)
            s->finish_more = text_trim(arena_text(s->arena, view_text(event->data)));
        s->finished = true;
        break;
    default:
        break;
    }
}

/* The entries that ended the block, and before them the one that its text began with, unless one of them is of that type:
 * some upstreams send the text and its signature in two. */
static struct text entries_of(struct messages_answer *s, const struct messages_block *block)
{
    struct text ends = buf_view(&block->extra);
    struct text type = json_str(json_member(json_parse_quick(s->arena, block->entry), "type"));
    const struct json *list = json_parse_quick(s->arena, text_of(arena_printf(s->arena, "[%.*s]", TEXT_ARG(ends))));
    if (block->entry.len == 0)
        return ends;
    for (size_t i = 0; i < json_count(list); i++)
        if (text_eq(json_str(json_member(json_at(list, i), "type")), type))
            return ends;
    return text_of(
        arena_printf(s->arena, "%.*s%s%.*s", TEXT_ARG(block->entry), ends.len > 0 ? "," : "", TEXT_ARG(ends)));
}

struct text messages_signature(struct messages_answer *s, const struct messages_block *block)
{
    if (text_is(block->format, MESSAGES_FORMAT) && block->signature.len > 0)
        return block->signature;
    return messages_marker_write(s->arena, block->format, block->signature, entries_of(s, block));
}
