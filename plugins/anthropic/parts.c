/* parts.c - writes the content of a message as blocks: text, images, documents, each with its cache marker.
 * Content that Anthropic cannot take is refused: to leave it out would change what is asked. */
#include "anthropic.h"

bool anthropic_write_text(struct request_writer *b, const char *role, gw_str text, const gw_json *mark)
{
    if (anthropic_is_blank(text)) { /* Anthropic refuses it, and sends such blocks itself */
        anthropic_lose_marker(b, mark);
        return false;
    }
    anthropic_begin_block(b, role);
    put_word(b, "type", "text");
    put_str(b, "text", text);
    anthropic_write_marker(b, mark);
    put_close(b);
    return true;
}

/* ASCII small letters, in memory of the call. */
static gw_str lower(struct request_writer *b, gw_str s)
{
    gw_str copy = anthropic_keep(b->h, b->call, s);
    char *bytes = (char *)(uintptr_t)copy.ptr; /* our own */

    for (size_t i = 0; i < copy.len; i++)
        if (bytes[i] >= 'A' && bytes[i] <= 'Z')
            bytes[i] = (char)(bytes[i] + ('a' - 'A'));
    return copy;
}

/* "data:image/PNG;base64,AAAA": the type in small letters without its parameters, and what comes after the comma. */
static bool split_data_url(struct request_writer *b, gw_str url, gw_str *type, gw_str *data)
{
    static const char mark[] = ";base64,";
    size_t end = 5;

    if (url.len < 5 || !anthropic_same((gw_str){ url.ptr, 5 }, "data:"))
        return false;
    *type = (gw_str){ url.ptr + 5, 0 };
    while (end < url.len && url.ptr[end] != ',' && end < 200)
        end++;
    if (end >= url.len || url.ptr[end] != ',' || end + 1 < 5 + sizeof mark - 1 ||
        !anthropic_same((gw_str){ url.ptr + end + 1 - (sizeof mark - 1), sizeof mark - 1 }, mark))
        return false;
    while (type->len < end - 5 && type->ptr[type->len] != ';')
        type->len++;
    *type = lower(b, *type);
    *data = (gw_str){ url.ptr + end + 1, url.len - end - 1 };
    return true;
}

static bool is_address(gw_str s)
{
    return anthropic_same((gw_str){ s.ptr, s.len < 8 ? s.len : 8 }, "https://") ||
           anthropic_same((gw_str){ s.ptr, s.len < 7 ? s.len : 7 }, "http://");
}

/* Does the path of the address end so? */
static bool is_named(gw_str address, const char *end)
{
    size_t len = 0, most = strlen(end);

    while (len < address.len && address.ptr[len] != '?' && address.ptr[len] != '#')
        len++;
    return len > most && anthropic_same((gw_str){ address.ptr + len - most, most }, end);
}

static bool is_text_type(gw_str type)
{
    static const char *const types[] = { "application/json", "application/xml", "application/yaml",
                                         "application/x-yaml", "application/javascript" };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (anthropic_is(type, types[i]))
            return true;
    return anthropic_starts(type, "text/");
}

/* "image" or "document", up to the members of its source. */
static void begin_media(struct request_writer *b, const char *role, const char *type, const char *source)
{
    anthropic_begin_block(b, role);
    put_word(b, "type", type);
    put_object(b, "source");
    put_word(b, "type", source);
}

static void end_media(struct request_writer *b, gw_str title, const gw_json *mark)
{
    put_close(b);
    if (title.len > 0)
        put_str(b, "title", title);
    anthropic_write_marker(b, mark);
    put_close(b);
}

static void write_document(struct request_writer *b, const char *role, gw_str type, gw_str data, gw_str title,
                           const gw_json *mark)
{
    if (anthropic_is(type, "application/pdf")) {
        begin_media(b, role, "document", "base64");
        put_str(b, "media_type", type);
        put_str(b, "data", data);
        end_media(b, title, mark);
        return;
    }
    gw_str text = is_text_type(type) ? anthropic_unbase64(b->h, b->call, data) : (gw_str){ NULL, 0 };
    if (!is_text_type(type)) {
        anthropic_refuse(b, "%s, not %.*s", anthropic_why(REFUSAL_FILE), (int)type.len, type.ptr);
    } else if (text.ptr == NULL) {
        anthropic_refuse(b, "file_data is not base64");
    } else if (!anthropic_is_text(text)) {
        anthropic_refuse(b, "file_data is no text in UTF-8: convert the file, and send it again");
    } else if (anthropic_is_blank(text)) {
        anthropic_lose_marker(b, mark);
    } else {
        begin_media(b, role, "document", "text");
        put_word(b, "media_type", "text/plain");
        put_str(b, "data", text);
        end_media(b, title, mark);
    }
}

static void write_image(struct request_writer *b, const char *role, const gw_json *part, const gw_json *mark)
{
    const gw_json *image = get(b->h, part, "image_url");
    gw_str url = is_type(b->h, image, GW_JSON_STR) ? b->h->json->str(image) : get_str(b->h, image, "url");
    gw_str detail = get_str(b->h, image, "detail"), type, data, untitled = { NULL, 0 };

    if (detail.len > 0 && !anthropic_is(detail, "auto"))
        anthropic_drop(b, LOSS_DETAIL);
    if (split_data_url(b, url, &type, &data)) {
        const char *known = anthropic_media_type(type, data);
        if (known == NULL) {
            anthropic_refuse(b, "%s, not %.*s", anthropic_why(REFUSAL_IMAGE), (int)type.len, type.ptr);
        } else if (!strcmp(known, "application/pdf")) {
            write_document(b, role, words(known), data, untitled, mark);
        } else {
            begin_media(b, role, "image", "base64");
            put_word(b, "media_type", known);
            put_str(b, "data", data);
            end_media(b, untitled, mark);
        }
    } else if (is_address(url)) {
        begin_media(b, role, is_named(url, ".pdf") ? "document" : "image", "url");
        put_str(b, "url", url);
        end_media(b, untitled, mark);
    } else {
        anthropic_refuse(b, "image_url.url is neither an address nor data of base64");
    }
}

static void write_file(struct request_writer *b, const char *role, const gw_json *part, const gw_json *mark)
{
    const gw_json *file = get(b->h, part, "file");
    gw_str data = get_str(b->h, file, "file_data"), id = get_str(b->h, file, "file_id");
    gw_str title = get_str(b->h, file, "filename"), type, bytes;

    if (split_data_url(b, data, &type, &bytes)) {
        write_document(b, role, type, bytes, title, mark);
    } else if (is_address(data)) {
        begin_media(b, role, "document", "url");
        put_str(b, "url", data);
        end_media(b, title, mark);
    } else if (data.len > 0 && memchr(data.ptr, ':', data.len < 9 ? data.len : 9) == NULL && title.len > 4 &&
               anthropic_has((gw_str){ title.ptr + title.len - 4, 4 }, ".pdf")) {
        write_document(b, role, GW_LIT("application/pdf"), data, title, mark);
    } else if (is_address(id)) {
        begin_media(b, role, "document", "url");
        put_str(b, "url", id);
        end_media(b, title, mark);
    } else if (anthropic_starts(id, "file_")) { /* one that was uploaded to Anthropic */
        begin_media(b, role, "document", "file");
        put_str(b, "file_id", id);
        end_media(b, title, mark);
    } else if (id.len > 0) {
        anthropic_refuse(b, "%s", anthropic_why(REFUSAL_UPLOAD));
    } else {
        anthropic_refuse(b, "file.file_data is not data of base64 with its type");
    }
}

/* Thinking among the parts is history.c's. `is_end` when the request ends here. False when nothing was written. */
static bool write_part(struct request_writer *b, const char *role, const gw_json *part, const gw_json *mark,
                       bool is_end)
{
    gw_str type = get_str(b->h, part, "type"), text = get_str(b->h, part, "text");

    if (is_type(b->h, part, GW_JSON_STR))
        return anthropic_write_text(b, role, b->h->json->str(part), mark);
    if (anthropic_is(type, "text") || anthropic_is(type, "refusal")) {
        if (anthropic_is(type, "refusal"))
            text = get_str(b->h, part, "refusal");
        while (is_end && text.len > 0 && anthropic_is_blank((gw_str){ text.ptr + text.len - 1, 1 }))
            text.len--;
        return anthropic_write_text(b, role, text, mark);
    }
    bool is_reasoning = anthropic_is(type, "reasoning") && role != NULL && !strcmp(role, "assistant");
    if (anthropic_is(type, "thinking") || anthropic_is(type, "redacted_thinking") || is_reasoning) {
        if (get_str(b->h, part, "signature").len == 0 && get_str(b->h, part, "data").len == 0) /* such as Mistral's */
            anthropic_drop(b, b->model->thinks != THINKS_NOT ? LOSS_UNSIGNED : LOSS_THOUGHT);
        anthropic_lose_marker(b, mark);
        return false;
    }
    if (role != NULL && !strcmp(role, "assistant"))
        anthropic_refuse(b, "%s, not %.*s", anthropic_why(REFUSAL_ASSISTANT_PART), (int)type.len, type.ptr);
    else if (anthropic_is(type, "image_url"))
        write_image(b, role, part, mark);
    else if (anthropic_is(type, "file"))
        write_file(b, role, part, mark);
    else if (anthropic_is(type, "input_audio"))
        anthropic_refuse(b, "input_audio: %s", anthropic_why(REFUSAL_AUDIO));
    else
        anthropic_refuse(b, "%s, no content part of type \"%.*s\"", anthropic_why(REFUSAL_PART),
                         (int)(type.len < 60 ? type.len : 60), type.len > 0 ? type.ptr : "");
    return b->status == GW_OK;
}

size_t anthropic_write_content(struct request_writer *b, const char *role, const gw_json *content, const gw_json *mark,
                               bool is_last)
{
    size_t written = 0, count = length(b->h, content);

    if (is_type(b->h, content, GW_JSON_STR)) {
        gw_str text = b->h->json->str(content);
        while (is_last && text.len > 0 && anthropic_is_blank((gw_str){ text.ptr + text.len - 1, 1 }))
            text.len--;
        return anthropic_write_text(b, role, text, mark);
    }
    if (count == 0)
        anthropic_lose_marker(b, mark);
    for (size_t i = 0; i < count; i++) {
        const gw_json *part = b->h->json->at(content, i);
        bool marked = anthropic_has_marker(b, part);
        written += write_part(b, role, part, marked ? part : i + 1 == count ? mark : NULL, is_last && i + 1 == count);
    }
    return written;
}

/* A result is text, or text and images where a client knows that Anthropic takes them. */
void anthropic_write_result(struct request_writer *b, const gw_json *content)
{
    size_t count = length(b->h, content);

    if (is_type(b->h, content, GW_JSON_STR)) {
        if (!anthropic_is_blank(b->h->json->str(content)))
            put_str(b, "content", b->h->json->str(content));
        return;
    }
    bool any = false;
    for (size_t i = 0; i < count; i++) { /* blank texts alone are nothing */
        const gw_json *part = b->h->json->at(content, i);
        gw_str text = is_type(b->h, part, GW_JSON_STR) ? b->h->json->str(part) : get_str(b->h, part, "text");
        bool is_text = is_type(b->h, part, GW_JSON_STR) || anthropic_is(get_str(b->h, part, "type"), "text");
        any = any || !is_text || !anthropic_is_blank(text);
        if (is_text && anthropic_is_blank(text) && !any && i + 1 == count)
            anthropic_lose_marker(b, part);
    }
    if (!any)
        return;
    put_array(b, "content");
    for (size_t i = 0; i < count; i++)
        write_part(b, NULL, b->h->json->at(content, i), b->h->json->at(content, i), false);
    put_close(b);
}
