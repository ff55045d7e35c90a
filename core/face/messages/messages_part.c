/* messages_part.c - content blocks of an Anthropic message as parts of a canonical one. */
#include "face/messages/messages_inside.h"

static bool is_there(const struct json *v)
{
    return json_type(v) != JSON_T_ABSENT && json_type(v) != JSON_T_NULL;
}

static bool source_is(const struct json *block, const char *type)
{
    return text_is(json_str(json_member(json_member(block, "source"), "type")), type);
}

/* Citations of ours point to what another upstream found: nobody wants them back. */
static bool has_citations(const struct json *block)
{
    const struct json *citations = json_member(block, "citations");
    for (size_t i = 0; i < json_count(citations); i++)
        if (!messages_is_marked(json_str(json_member(json_at(citations, i), "encrypted_index"))))
            return true;
    return false;
}

static bool any_lossy(const struct json *blocks)
{
    for (size_t i = 0; i < json_count(blocks); i++)
        if (messages_is_lossy(json_at(blocks, i)))
            return true;
    return false;
}

bool messages_is_lossy(const struct json *block)
{
    const struct json *caller;
    switch (messages_kind(block)) {
    case KIND_TEXT:
        return json_type(json_member(block, "citations")) == JSON_T_ARRAY && has_citations(block);
    case KIND_IMAGE:
        return !source_is(block, "base64") && !source_is(block, "url");
    case KIND_DOCUMENT:
        return source_is(block, "content") || source_is(block, "file") || is_there(json_member(block, "citations")) ||
               is_there(json_member(block, "context"));
    case KIND_TOOL_USE:
        caller = json_member(block, "caller");
        return is_there(caller) && !text_is(json_str(json_member(caller, "type")), "direct");
    case KIND_TOOL_RESULT:
        return any_lossy(json_member(block, "content"));
    case KIND_THINKING:
    case KIND_REDACTED:
    case KIND_SYSTEM:
    case KIND_FALLBACK:
        return false;
    default:
        return true;
    }
}

static bool any_part(const struct json *blocks)
{
    for (size_t i = 0; i < json_count(blocks); i++)
        if (messages_is_part(json_at(blocks, i)))
            return true;
    return false;
}

static bool is_document_part(const struct json *block)
{
    const struct json *source = json_member(block, "source"), *content = json_member(source, "content");
    if (!source_is(block, "text") && !source_is(block, "content"))
        return true;
    return json_str(json_member(block, "title")).len > 0 || json_str(json_member(block, "context")).len > 0 ||
           json_str(json_member(source, "data")).len > 0 || json_str(content).len > 0 || any_part(content);
}

bool messages_is_part(const struct json *block)
{
    switch (messages_kind(block)) {
    case KIND_TEXT:
        return json_str(json_member(block, "text")).len > 0;
    case KIND_IMAGE:
    case KIND_SEARCH_RESULT:
        return true;
    case KIND_DOCUMENT:
        return is_document_part(block);
    case KIND_TOOL_REFERENCE:
        return json_str(json_member(block, "tool_name")).len > 0;
    case KIND_COMPACTION:
        return json_str(json_member(block, "content")).len > 0;
    default:
        return false;
    }
}

static void put_cache_control(struct messages_request *r, const struct json *cache_control)
{
    if (json_type(cache_control) != JSON_T_OBJECT)
        return;
    json_name(&r->w, "cache_control");
    json_put_json(&r->w, cache_control);
}

void messages_write_text_part(struct messages_request *r, struct text text, const struct json *cache_control)
{
    if (text.len == 0)
        return;
    json_object(&r->w);
    json_name(&r->w, "type");
    json_put_str(&r->w, TEXT("text"));
    json_name(&r->w, "text");
    json_put_str(&r->w, text);
    put_cache_control(r, cache_control);
    json_close(&r->w);
}

bool messages_is_plain(const struct json *block)
{
    return messages_kind(block) == KIND_TEXT && json_type(json_member(block, "cache_control")) != JSON_T_OBJECT;
}

/* A data URL as one string. The megabytes go into the output as they are, not through another copy. */
static void put_data_url(struct messages_request *r, struct text media_type, struct text data)
{
    json_put_trusted(&r->w, TEXT("\"data:"));
    if (r->w.error != 0)
        return;
    json_escape(r->w.out, media_type);
    buf_str(r->w.out, ";base64,");
    json_escape(r->w.out, data);
    buf_str(r->w.out, "\"");
}

static void begin_part(struct messages_request *r, struct text type)
{
    json_object(&r->w);
    json_name(&r->w, "type");
    json_put_str(&r->w, type);
    json_key(&r->w, type);
    json_object(&r->w);
}

static void end_part(struct messages_request *r, const struct json *block)
{
    json_close(&r->w);
    put_cache_control(r, json_member(block, "cache_control"));
    json_close(&r->w);
}

/* A file kept at Anthropic: no other upstream has it, and the one that is asked reports that. */
static void write_file_id(struct messages_request *r, const struct json *block)
{
    begin_part(r, TEXT("file"));
    json_name(&r->w, "file_id");
    json_put_str(&r->w, json_str(json_member(json_member(block, "source"), "file_id")));
    end_part(r, block);
}

static void write_image(struct messages_request *r, const struct json *block)
{
    const struct json *source = json_member(block, "source");
    if (source_is(block, "file")) {
        write_file_id(r, block);
        return;
    }
    begin_part(r, TEXT("image_url"));
    json_name(&r->w, "url");
    if (source_is(block, "url"))
        json_put_str(&r->w, json_str(json_member(source, "url")));
    else
        put_data_url(r, json_str(json_member(source, "media_type")), json_str(json_member(source, "data")));
    end_part(r, block);
}

/* What a document is called, for models that see only its text. */
static void write_heading(struct messages_request *r, const struct json *block)
{
    struct text title = json_str(json_member(block, "title")), context = json_str(json_member(block, "context"));
    const char *between = title.len > 0 && context.len > 0 ? "\n" : "";
    if (title.len + context.len > 0)
        messages_write_text_part(
            r, text_of(arena_printf(r->arena, "%.*s%s%.*s", TEXT_ARG(title), between, TEXT_ARG(context))), NULL);
}

static void write_nested(struct messages_request *r, const struct json *content)
{
    messages_write_text_part(r, json_str(content), NULL);
    for (size_t i = 0; i < json_count(content); i++)
        messages_write_part(r, json_at(content, i));
}

static void write_document(struct messages_request *r, const struct json *block)
{
    const struct json *source = json_member(block, "source");
    if (source_is(block, "file")) {
        write_file_id(r, block);
        return;
    }
    if (source_is(block, "text") || source_is(block, "content")) {
        write_heading(r, block);
        if (source_is(block, "text"))
            messages_write_text_part(r, json_str(json_member(source, "data")), json_member(block, "cache_control"));
        else
            write_nested(r, json_member(source, "content"));
        return;
    }
    struct text title = json_str(json_member(block, "title"));
    begin_part(r, TEXT("file"));
    json_name(&r->w, "filename");
    json_put_str(&r->w, title.len > 0 ? title : TEXT("document.pdf"));
    json_name(&r->w, "file_data");
    if (source_is(block, "url"))
        json_put_str(&r->w, json_str(json_member(source, "url")));
    else
        put_data_url(r, json_str(json_member(source, "media_type")), json_str(json_member(source, "data")));
    end_part(r, block);
}

static void write_search_result(struct messages_request *r, const struct json *block)
{
    struct text title = json_str(json_member(block, "title")), source = json_str(json_member(block, "source"));
    const struct json *content = json_member(block, "content");
    messages_write_text_part(r, text_of(arena_printf(r->arena, "%.*s\n%.*s", TEXT_ARG(title), TEXT_ARG(source))), NULL);
    for (size_t i = 0; i < json_count(content); i++)
        messages_write_part(r, json_at(content, i));
}

void messages_write_part(struct messages_request *r, const struct json *block)
{
    switch (messages_kind(block)) {
    case KIND_TEXT:
        messages_write_text_part(r, json_str(json_member(block, "text")), json_member(block, "cache_control"));
        break;
    case KIND_IMAGE:
        write_image(r, block);
        break;
    case KIND_DOCUMENT:
        write_document(r, block);
        break;
    case KIND_SEARCH_RESULT:
        write_search_result(r, block);
        break;
    case KIND_TOOL_REFERENCE:
        messages_write_text_part(r, json_str(json_member(block, "tool_name")), NULL);
        break;
    case KIND_COMPACTION:
        messages_write_text_part(r, json_str(json_member(block, "content")), json_member(block, "cache_control"));
        break;
    default:
        break;
    }
}

/* A block without the members that only the gateway can read. */
static void put_own(struct messages_request *r, const struct json *block)
{
    if (messages_kind(block) != KIND_TEXT || json_count(json_member(block, "citations")) == 0 || has_citations(block)) {
        json_put_json(&r->w, block);
        return;
    }
    json_object(&r->w);
    for (size_t i = 0; i < json_count(block); i++) {
        if (text_is(json_key_at(block, i), "citations"))
            continue;
        json_key(&r->w, json_key_at(block, i));
        json_put_json(&r->w, json_at(block, i));
    }
    json_close(&r->w);
}

void messages_write_origin(struct messages_request *r, const struct json *content, size_t from, size_t to,
                           bool (*keep)(const struct json *block))
{
    json_name(&r->w, "x_origin");
    json_object(&r->w);
    json_name(&r->w, "dialect");
    json_put_str(&r->w, TEXT("messages"));
    json_name(&r->w, "content");
    json_array(&r->w);
    for (size_t i = from; i < to; i++) {
        const struct json *block = json_at(content, i);
        if ((keep == NULL || keep(block)) && !messages_is_marked(json_str(json_member(block, "signature"))))
            put_own(r, block);
    }
    json_close(&r->w);
    json_close(&r->w);
}
