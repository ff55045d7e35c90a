/* messages.c - writes the messages of a canonical request as a service takes them: roles, parts, the reasoning of
 * earlier turns, tool calls. */
#include <stdio.h>
#include <string.h>

#include "openai.h"

static void key(struct writing *w, const char *name)
{
    w->h->write->key(w->w, openai_lit(name));
}

static void write_calls(struct writing *w, const gw_json *calls)
{
    w->h->write->array(w->w);
    for (size_t i = 0; i < w->h->json->count(calls); i++) {
        const gw_json *call = w->h->json->at(calls, i);
        bool has_members = w->h->json->type(call) == GW_JSON_OBJECT;
        w->h->write->object(w->w);
        for (size_t k = 0; has_members && k < w->h->json->count(call); k++) {
            gw_str name = w->h->json->key_at(call, k);
            const gw_json *value = w->h->json->at(call, k);
            if (openai_is_unclean(w, name) || openai_is(name, "index"))
                continue;
            w->h->write->key(w->w, name);
            if (openai_is(name, "id"))
                w->h->write->str(w->w, openai_tool_id(w, w->h->json->str(value)));
            else if (openai_is(name, "function") || openai_is(name, "custom"))
                openai_copy_clean(w, value, openai_write_name);
            else
                w->h->write->copy(w->w, value);
        }
        w->h->write->close(w->w);
    }
    w->h->write->close(w->w);
}

static gw_str part_type(const struct writing *w, const gw_json *part)
{
    return w->h->json->str(w->h->json->get(part, GW_LIT("type")));
}

/* The text of a part, or of a refusal where the service knows only texts. False: it is something else. */
static bool part_words(const struct writing *w, const gw_json *part, gw_str *words)
{
    bool refusal = openai_is(part_type(w, part), "refusal");
    if (!openai_is(part_type(w, part), "text") &&
        !(refusal && openai_row_for(w, "part.refusal")->how == GW_FIELD_TRANSLATED))
        return false;
    *words = w->h->json->str(w->h->json->get(part, refusal ? GW_LIT("refusal") : GW_LIT("text")));
    return true;
}

static void write_text(struct writing *w, gw_str text)
{
    w->h->write->object(w->w);
    key(w, "type");
    w->h->write->str(w->w, GW_LIT("text"));
    key(w, "text");
    w->h->write->str(w->w, text);
    w->h->write->close(w->w);
}

/* Tells of the cache markers of a part that is written in another way. */
static void tell_marks(struct writing *w, const gw_json *part)
{
    for (size_t i = 0; i < w->h->json->count(part); i++)
        openai_is_unclean(w, w->h->json->key_at(part, i));
}

/* Mistral: a document by its address, which may be a data URL. */
static void write_document(struct writing *w, const gw_json *file)
{
    gw_str name = w->h->json->str(w->h->json->get(file, GW_LIT("filename")));
    w->h->write->object(w->w);
    key(w, "type");
    w->h->write->str(w->w, GW_LIT("document_url"));
    key(w, "document_url");
    w->h->write->str(w->w, w->h->json->str(w->h->json->get(file, GW_LIT("file_data"))));
    if (name.len > 0) {
        key(w, "document_name");
        w->h->write->str(w->w, name);
    }
    w->h->write->close(w->w);
}

static bool is_elsewhere(const struct writing *w, const gw_json *part)
{
    gw_str url = w->h->json->str(w->h->json->get(w->h->json->get(part, GW_LIT("image_url")), GW_LIT("url")));
    return openai_is(part_type(w, part), "image_url") && url.len > 0 && !openai_starts(url, "data:");
}

static bool is_address(gw_str s)
{
    return openai_starts(s, "https://") || openai_starts(s, "http://");
}

static void write_file(struct writing *w, const gw_json *part)
{
    const gw_json *file = w->h->json->get(part, GW_LIT("file"));
    const gw_capability *row = openai_row_for(w, "part.file"), *by_id = openai_row_for(w, "part.file.file_id");
    const gw_capability *by_url = openai_row_for(w, "part.file.url");

    if (by_url->how == GW_FIELD_REFUSED && is_address(w->h->json->str(w->h->json->get(file, GW_LIT("file_data")))))
        openai_refuse(w, by_url);
    if (by_id->how == GW_FIELD_REFUSED && w->h->json->str(w->h->json->get(file, GW_LIT("file_id"))).len > 0)
        openai_refuse(w, by_id);
    if (row->how == GW_FIELD_REFUSED)
        openai_refuse(w, row);
    if (row->how != GW_FIELD_TRANSLATED) {
        openai_copy_clean(w, part, NULL);
        return;
    }
    tell_marks(w, part);
    write_document(w, file);
}

static void write_part(struct writing *w, const gw_json *part)
{
    const gw_capability *image = openai_row_for(w, "part.image_url");
    gw_str words;

    if (openai_is(part_type(w, part), "file")) {
        write_file(w, part);
        return;
    }
    if (image->how == GW_FIELD_REFUSED && is_elsewhere(w, part))
        openai_refuse(w, image);
    if (openai_is(part_type(w, part), "refusal") && part_words(w, part, &words)) {
        tell_marks(w, part);
        write_text(w, words);
        return;
    }
    openai_copy_clean(w, part, NULL);
}

/* Only text, and nothing that a string could not say? Then `length` is that of the joined text. */
static bool is_text_only(struct writing *w, const gw_json *parts, size_t *length)
{
    *length = 0;
    for (size_t i = 0; i < w->h->json->count(parts); i++) {
        gw_str words;
        if (!part_words(w, w->h->json->at(parts, i), &words))
            return false;
        *length += words.len + 2;
    }
    return *length > 0;
}

static gw_str join_parts(struct writing *w, const gw_json *parts, size_t length)
{
    char *out = w->h->alloc(w->call, length, 1), *at = out;
    if (out == NULL) {
        w->status = GW_E_NOMEM;
        return GW_LIT("");
    }
    for (size_t i = 0; i < w->h->json->count(parts); i++) {
        const gw_json *part = w->h->json->at(parts, i);
        gw_str text = {NULL, 0};
        tell_marks(w, part);
        if (!part_words(w, part, &text) || text.len == 0)
            continue;
        if (at > out) {
            *at++ = '\n';
            *at++ = '\n';
        }
        memcpy(at, text.ptr, text.len);
        at += text.len;
    }
    return (gw_str){out, (size_t)(at - out)};
}

/* `text` with a mark before it, and a refusal behind it. */
static gw_str around(struct writing *w, gw_str mark, gw_str text, gw_str refusal)
{
    if (mark.len > 0)
        text = openai_join(w->h, w->call, mark, text);
    if (refusal.len > 0 && text.len > 0)
        text = openai_join(w->h, w->call, text, GW_LIT("\n\n"));
    return refusal.len > 0 ? openai_join(w->h, w->call, text, refusal) : text;
}

/* `mark` goes before the text: that a tool failed; `refusal` behind it: where a service knows it as text only. */
static void write_content(struct writing *w, const gw_json *content, gw_str mark, gw_str refusal)
{
    gw_str text = w->h->json->str(content);
    size_t length;

    if (w->h->json->type(content) != GW_JSON_ARRAY) {
        if (text.ptr == NULL || openai_starts(text, "Error"))
            mark = GW_LIT("");
        if (mark.len > 0 || refusal.len > 0)
            w->h->write->str(w->w, around(w, mark, text, refusal));
        else
            w->h->write->copy(w->w, content);
        return;
    }
    if (openai_row_for(w, "part.text_list")->how == GW_FIELD_TRANSLATED && is_text_only(w, content, &length)) {
        w->h->write->str(w->w, around(w, mark, join_parts(w, content, length), refusal));
        return;
    }
    w->h->write->array(w->w);
    if (mark.len > 0)
        write_text(w, mark);
    for (size_t i = 0; i < w->h->json->count(content); i++)
        write_part(w, w->h->json->at(content, i));
    if (refusal.len > 0)
        write_text(w, refusal);
    w->h->write->close(w->w);
}

/* Reasoning of earlier turns: blocks where the service takes them, else their text, else nothing. */
static void write_reasoning(struct writing *w, const gw_json *message)
{
    const gw_json *details = w->h->json->get(message, GW_LIT("reasoning_details"));
    const gw_json *text = w->h->json->get(message, GW_LIT("reasoning_content"));
    const gw_capability *for_details = openai_row_for(w, "messages.reasoning_details");
    const gw_capability *for_text = openai_row_for(w, "messages.reasoning_content");
    bool has_details = w->h->json->count(details) > 0, has_text = w->h->json->str(text).len > 0;

    if (has_details && for_details->how == GW_FIELD_CARRIED) {
        key(w, "reasoning_details");
        w->h->write->copy(w->w, details);
    } else if (has_text && for_text->how != GW_FIELD_DROPPED) {
        key(w, for_text->how == GW_FIELD_TRANSLATED ? for_text->as : "reasoning_content");
        w->h->write->copy(w->w, text);
    } else if (has_text || has_details) {
        openai_drop(w, has_text ? for_text : for_details);
    }
}

/* Is it a member of a message that the service does not take? It has been told, then. */
static bool is_lost(struct writing *w, gw_str name, const gw_json *value)
{
    char field[40];
    int len = snprintf(field, sizeof field, "messages.%.*s", name.len < 40 ? (int)name.len : 40, name.ptr);
    const gw_capability *row = len < (int)sizeof field ? openai_row_for(w, field) : NULL;

    if (row == NULL || row->how != GW_FIELD_DROPPED)
        return false;
    if (!openai_is_default(w, name, value))
        openai_drop(w, row);
    return true;
}

/* What was refused, where it is written as text; empty elsewhere. */
static gw_str refusal_of(const struct writing *w, const gw_json *message)
{
    if (openai_row_for(w, "messages.refusal")->how != GW_FIELD_TRANSLATED)
        return GW_LIT("");
    return w->h->json->str(w->h->json->get(message, GW_LIT("refusal")));
}

static void write_message_member(struct writing *w, const gw_json *message, gw_str name, const gw_json *value)
{
    bool failed = w->h->json->boolean(w->h->json->get(message, GW_LIT("is_error")), 0);
    const gw_capability *error = openai_row_for(w, "messages.is_error");
    const gw_capability *developer = openai_row_for(w, "role.developer");
    gw_str refusal = refusal_of(w, message);

    if (openai_is_unclean(w, name) || openai_is(name, "is_error") || openai_is(name, "reasoning_content") ||
        openai_is(name, "reasoning_details") || is_lost(w, name, value))
        return;
    if (openai_is(name, "refusal") && openai_row_for(w, "messages.refusal")->how == GW_FIELD_TRANSLATED) {
        if (refusal.len > 0 && w->h->json->type(w->h->json->get(message, GW_LIT("content"))) == GW_JSON_ABSENT) {
            key(w, "content");
            w->h->write->str(w->w, refusal);
        }
        return;
    }
    w->h->write->key(w->w, name);
    if (openai_is(name, "content"))
        write_content(w, value, failed && error->as != NULL ? openai_lit(error->as) : GW_LIT(""), refusal);
    else if (openai_is(name, "tool_calls") && w->h->json->type(value) == GW_JSON_ARRAY)
        write_calls(w, value);
    else if (openai_is(name, "tool_call_id"))
        w->h->write->str(w->w, openai_tool_id(w, w->h->json->str(value)));
    else if (openai_is(name, "role") && developer->how == GW_FIELD_TRANSLATED &&
             openai_is(w->h->json->str(value), "developer"))
        w->h->write->str(w->w, openai_lit(developer->as));
    else
        w->h->write->copy(w->w, value);
}

/* Said at the end, an assistant's message is the beginning of the answer. */
static bool is_prefill(const struct writing *w, const gw_json *message, bool last)
{
    return last && openai_is(w->h->json->str(w->h->json->get(message, GW_LIT("role"))), "assistant") &&
           openai_row_for(w, "messages.prefill")->how == GW_FIELD_TRANSLATED;
}

void openai_write_messages(struct writing *w, const gw_json *messages)
{
    size_t count = w->h->json->count(messages);

    key(w, "messages");
    w->h->write->array(w->w);
    for (size_t i = 0; i < count; i++) {
        const gw_json *message = w->h->json->at(messages, i);
        bool has_members = w->h->json->type(message) == GW_JSON_OBJECT;
        w->h->write->object(w->w);
        for (size_t k = 0; has_members && k < w->h->json->count(message); k++)
            write_message_member(w, message, w->h->json->key_at(message, k), w->h->json->at(message, k));
        write_reasoning(w, message);
        if (is_prefill(w, message, i + 1 == count)) {
            key(w, "prefix");
            w->h->write->boolean(w->w, 1);
        }
        w->h->write->close(w->w);
    }
    w->h->write->close(w->w);
}
