/* messages_reply.c - what an assistant wrote, as a canonical message: text, tool calls, reasoning. */
#include "face/messages/messages_inside.h"

/* A block of reasoning. */
struct reasoning_block {
    struct text text, signature;
    struct text redacted; /* absent when it is not */
    bool foreign;         /* Anthropic did not sign it */
    struct messages_marker marker;
};

/* What the content holds. */
struct content {
    size_t texts, calls, reasoning_count;
    const struct json *only; /* the last that is text */
    struct reasoning_block *reasoning_blocks;
    bool lossy; /* x_origin is needed: blocks without an equal, or in an order that chat cannot express */
};

static struct reasoning_block read_reasoning_block(struct messages_request *r, const struct json *block)
{
    struct reasoning_block t = { .text = json_str(json_member(block, "thinking")),
                                 .signature = json_str(json_member(block, "signature")) };
    if (messages_kind(block) == KIND_REDACTED)
        t.redacted = json_str(json_member(block, "data"));
    else
        t.foreign = messages_marker_read(r->arena, t.signature, &t.marker);
    return t;
}

static struct content look(struct messages_request *r, const struct json *content)
{
    struct content c = { .reasoning_blocks = NULL };
    for (size_t i = 0; i < json_count(content); i++) {
        const struct json *block = json_at(content, i);
        enum messages_kind kind = messages_kind(block);
        c.lossy = c.lossy || messages_is_lossy(block);
        if (kind == KIND_TOOL_USE) {
            c.calls++;
        } else if (kind == KIND_THINKING || kind == KIND_REDACTED) {
            if (c.reasoning_blocks == NULL)
                c.reasoning_blocks = arena_array(r->arena, struct reasoning_block, json_count(content) - i);
            struct reasoning_block t = read_reasoning_block(r, block);
            c.lossy = c.lossy || (!t.foreign && c.texts + c.calls > 0);
            c.reasoning_blocks[c.reasoning_count++] = t;
        } else if (messages_is_part(block)) {
            c.lossy = c.lossy || c.calls > 0;
            c.texts++;
            c.only = block;
        }
    }
    return c;
}

static void write_content(struct messages_request *r, const struct json *content, const struct content *c)
{
    json_name(&r->w, "content");
    if (c->texts == 0 && c->calls > 0) {
        json_put_null(&r->w);
    } else if (c->texts == 0 || (c->texts == 1 && messages_is_plain(c->only))) {
        json_put_str(&r->w, c->texts == 0 ? TEXT("") : json_str(json_member(c->only, "text")));
    } else {
        json_array(&r->w);
        for (size_t i = 0; i < json_count(content); i++)
            messages_write_part(r, json_at(content, i));
        json_close(&r->w);
    }
}

static void write_calls(struct messages_request *r, const struct json *content)
{
    json_name(&r->w, "tool_calls");
    json_array(&r->w);
    for (size_t i = 0; i < json_count(content); i++) {
        const struct json *block = json_at(content, i), *input = json_member(block, "input");
        if (messages_kind(block) != KIND_TOOL_USE)
            continue;
        json_object(&r->w);
        json_name(&r->w, "id");
        json_put_str(&r->w, messages_id_back(r->arena, json_str(json_member(block, "id"))));
        json_name(&r->w, "type");
        json_put_str(&r->w, TEXT("function"));
        json_name(&r->w, "function");
        json_object(&r->w);
        json_name(&r->w, "name");
        json_put_str(&r->w, json_str(json_member(block, "name")));
        json_name(&r->w, "arguments");
        json_put_str(&r->w, json_type(input) == JSON_T_OBJECT ? json_text(input) : TEXT("{}"));
        json_close(&r->w);
        json_close(&r->w);
    }
    json_close(&r->w);
}

/* The text of all thinking, one after another. */
static void write_reasoning(struct messages_request *r, const struct content *c)
{
    struct buf text;
    buf_init(&text, r->ask->body.len + 1);
    for (size_t i = 0; i < c->reasoning_count; i++)
        buf_text(&text, c->reasoning_blocks[i].text);
    if (text.len > 0) {
        json_name(&r->w, "reasoning_content");
        json_put_str(&r->w, buf_view(&text));
    }
    r->arena->full = r->arena->full || text.failed;
    buf_free(&text);
}

static void put_member(struct messages_request *r, const char *name, struct text value)
{
    if (value.ptr == NULL)
        return;
    json_key(&r->w, text_of(name));
    json_put_str(&r->w, value);
}

/* The member of an entry that holds its text; NULL when it has none. */
static const char *text_member(const struct json *entry)
{
    struct text type = json_str(json_member(entry, "type"));
    return text_is(type, "reasoning.text") ? "text" : text_is(type, "reasoning.summary") ? "summary" : NULL;
}

/* The entry as the upstream sent it; where that was a piece of a stream, with the whole text of the block. */
static void write_entry(struct messages_request *r, const struct json *entry, struct text thinking, bool only)
{
    const char *member = text_member(entry);
    bool told = member != NULL && json_str(json_get(entry, text_of(member))).len > 0;
    if (member == NULL || thinking.len == 0 || (told && !only)) {
        json_put_json(&r->w, entry);
        return;
    }
    if (text_eq(json_str(json_get(entry, text_of(member))), thinking)) {
        json_put_json(&r->w, entry);
        return;
    }
    json_object(&r->w);
    for (size_t i = 0; i < json_count(entry); i++) {
        json_key(&r->w, json_key_at(entry, i));
        if (text_is(json_key_at(entry, i), member))
            json_put_str(&r->w, thinking);
        else
            json_put_json(&r->w, json_at(entry, i));
    }
    if (json_get(entry, text_of(member)) == NULL)
        put_member(r, member, thinking);
    json_close(&r->w);
}

/* The text of a block whose entries hold only its encrypted form. OpenAI and xAI show summaries. */
static void write_text_before(struct messages_request *r, const struct json *entry, struct text format,
                              struct text thinking)
{
    bool summary = text_starts(format, TEXT("openai-")) || text_starts(format, TEXT("xai-"));
    json_object(&r->w);
    put_member(r, "type", summary ? TEXT("reasoning.summary") : TEXT("reasoning.text"));
    put_member(r, summary ? "summary" : "text", thinking);
    put_member(r, "id", json_str(json_member(entry, "id")));
    put_member(r, "format", format);
    json_name(&r->w, "index");
    json_put_int(&r->w, json_int(json_member(entry, "index"), 0));
    json_close(&r->w);
}

/* What another upstream than Anthropic reasoned: back in the form in which it came. */
static void write_foreign(struct messages_request *r, const struct reasoning_block *t, size_t index)
{
    const struct json *entries = t->marker.entries, *first = entries;
    bool is_array = json_type(entries) == JSON_T_ARRAY, has_text = false;
    size_t count = is_array ? json_count(entries) : 1;
    for (size_t i = 0; i < count; i++)
        has_text = has_text || text_member(is_array ? json_at(entries, i) : entries) != NULL;
    if (is_array)
        first = json_at(entries, 0);
    if (entries != NULL && !has_text && t->text.len > 0)
        write_text_before(r, first, t->marker.format, t->text);
    for (size_t i = 0; entries != NULL && i < count; i++)
        write_entry(r, is_array ? json_at(entries, i) : entries, t->text, count == 1);
    if (entries != NULL)
        return;
    json_object(&r->w);
    put_member(r, "type", TEXT("reasoning.text"));
    put_member(r, "text", t->text.ptr != NULL ? t->text : TEXT(""));
    put_member(r, "signature", t->marker.signature);
    put_member(r, "format", t->marker.format);
    json_name(&r->w, "index");
    json_put_int(&r->w, (int64_t)index);
    json_close(&r->w);
}

static void write_own(struct messages_request *r, const struct reasoning_block *t, size_t index)
{
    bool redacted = t->redacted.ptr != NULL;
    json_object(&r->w);
    put_member(r, "type", redacted ? TEXT("reasoning.encrypted") : TEXT("reasoning.text"));
    put_member(r, redacted ? "data" : "text", redacted ? t->redacted : t->text.ptr != NULL ? t->text : TEXT(""));
    if (!redacted)
        put_member(r, "signature", t->signature);
    put_member(r, "format", TEXT(MESSAGES_FORMAT));
    json_name(&r->w, "index");
    json_put_int(&r->w, (int64_t)index);
    json_close(&r->w);
}

/* Is there more to bring back than the text? */
static bool has_detail(const struct reasoning_block *t)
{
    if (t->foreign)
        return t->marker.entries != NULL || t->marker.format.ptr != NULL || t->marker.signature.ptr != NULL;
    return t->redacted.ptr != NULL || t->signature.len > 0;
}

static void write_details(struct messages_request *r, const struct content *c)
{
    bool any = false;
    for (size_t i = 0; i < c->reasoning_count; i++)
        any = any || has_detail(&c->reasoning_blocks[i]);
    if (!any)
        return;
    json_name(&r->w, "reasoning_details");
    json_array(&r->w);
    for (size_t i = 0; i < c->reasoning_count; i++) {
        const struct reasoning_block *t = &c->reasoning_blocks[i];
        if (has_detail(t) && t->foreign)
            write_foreign(r, t, i);
        else if (has_detail(t))
            write_own(r, t, i);
    }
    json_close(&r->w);
}

void messages_write_reply(struct messages_request *r, const struct json *content)
{
    struct content c = look(r, content);
    json_object(&r->w);
    json_name(&r->w, "role");
    json_put_str(&r->w, TEXT("assistant"));
    write_content(r, content, &c);
    write_reasoning(r, &c);
    write_details(r, &c);
    if (c.calls > 0)
        write_calls(r, content);
    if (c.lossy)
        messages_write_origin(r, content, 0, json_count(content), NULL);
    json_close(&r->w);
}
