/* content.c - writes the content of a message of a canonical request as a service takes it: texts, parts, files. */
#include <string.h>

#include "openai.h"

static gw_str part_type(const struct body_writer *w, const gw_json *part)
{
    return w->h->json->str(w->h->json->get(part, GW_LIT("type")));
}

/* Reasoning as another service has it in a content (Mistral's own is a list of parts), where it is not taken back. */
static bool is_foreign_thought(const struct body_writer *w, const gw_json *part)
{
    gw_str type = part_type(w, part);
    bool is_thought =
        openai_is(type, "redacted_thinking") || openai_is(type, "reasoning") ||
        (openai_is(type, "thinking") && w->h->json->type(w->h->json->get(part, GW_LIT("thinking"))) != GW_JSON_ARRAY);
    return is_thought && openai_row_for(w, "part.reasoning")->how == GW_FIELD_DROPPED;
}

/* The text of a part, or of a refusal where the service knows only texts. False: it is something else. */
static bool part_words(const struct body_writer *w, const gw_json *part, gw_str *words)
{
    if (is_foreign_thought(w, part)) {
        *words = GW_LIT("");
        return true;
    }
    bool refusal = openai_is(part_type(w, part), "refusal");
    if (!openai_is(part_type(w, part), "text") &&
        !(refusal && openai_row_for(w, "part.refusal")->how == GW_FIELD_TRANSLATED))
        return false;
    *words = w->h->json->str(w->h->json->get(part, refusal ? GW_LIT("refusal") : GW_LIT("text")));
    return true;
}

static void write_text(struct body_writer *w, gw_str text)
{
    w->h->write->object(w->w);
    openai_key(w, "type");
    w->h->write->str(w->w, GW_LIT("text"));
    openai_key(w, "text");
    w->h->write->str(w->w, text);
    w->h->write->close(w->w);
}

/* Tells of the cache markers of a part that is written in another way, or of the part that is not written. */
static void tell_marks(struct body_writer *w, const gw_json *part)
{
    if (is_foreign_thought(w, part))
        openai_drop(w, openai_row_for(w, "part.reasoning"));
    for (size_t i = 0; i < w->h->json->count(part); i++)
        openai_is_unclean(w, w->h->json->key_at(part, i));
}

/* Mistral: a document by its address, which may be a data URL. */
static void write_document(struct body_writer *w, const gw_json *file)
{
    gw_str name = w->h->json->str(w->h->json->get(file, GW_LIT("filename")));
    w->h->write->object(w->w);
    openai_key(w, "type");
    w->h->write->str(w->w, GW_LIT("document_url"));
    openai_key(w, "document_url");
    w->h->write->str(w->w, w->h->json->str(w->h->json->get(file, GW_LIT("file_data"))));
    if (name.len > 0) {
        openai_key(w, "document_name");
        w->h->write->str(w->w, name);
    }
    w->h->write->close(w->w);
}

static bool is_elsewhere(const struct body_writer *w, const gw_json *part)
{
    gw_str url = w->h->json->str(w->h->json->get(w->h->json->get(part, GW_LIT("image_url")), GW_LIT("url")));
    return openai_is(part_type(w, part), "image_url") && url.len > 0 && !openai_starts(url, "data:");
}

static bool is_address(gw_str s)
{
    return openai_starts(s, "https://") || openai_starts(s, "http://");
}

static void write_file(struct body_writer *w, const gw_json *part)
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

static void write_part(struct body_writer *w, const gw_json *part)
{
    const gw_capability *image = openai_row_for(w, "part.image_url");
    gw_str words;

    if (is_foreign_thought(w, part)) {
        tell_marks(w, part);
        return;
    }
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

/* Only text, and nothing that a string could not carry? Then `length` is that of the joined text. */
static bool is_text_only(struct body_writer *w, const gw_json *parts, size_t *length)
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

static gw_str join_parts(struct body_writer *w, const gw_json *parts, size_t length)
{
    char *out = w->h->alloc(w->call, length, 1), *at = out;
    if (out == NULL) {
        w->status = GW_E_NOMEM;
        return GW_LIT("");
    }
    for (size_t i = 0; i < w->h->json->count(parts); i++) {
        const gw_json *part = w->h->json->at(parts, i);
        gw_str text = { NULL, 0 };
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
    return (gw_str){ out, (size_t)(at - out) };
}

/* `text` with a mark before it, and a refusal behind it. */
static gw_str around(struct body_writer *w, gw_str mark, gw_str text, gw_str refusal)
{
    if (mark.len > 0)
        text = openai_join(w->h, w->call, mark, text);
    if (refusal.len > 0 && text.len > 0)
        text = openai_join(w->h, w->call, text, GW_LIT("\n\n"));
    return refusal.len > 0 ? openai_join(w->h, w->call, text, refusal) : text;
}

void openai_write_content(struct body_writer *w, const gw_json *content, gw_str mark, gw_str refusal)
{
    size_t length;

    if (w->h->json->type(content) != GW_JSON_ARRAY) {
        bool alone = mark.len == 0 && refusal.len == 0; /* then it stays as it is spelled, and nobody reads it */
        gw_str text = alone ? GW_LIT("") : w->h->json->str(content);
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

/* A piece of a message that several turns make: a text, or the part of a list. */
static void write_piece(struct body_writer *w, const gw_json *content)
{
    if (w->h->json->type(content) != GW_JSON_ARRAY) {
        gw_str text = w->h->json->str(content);
        if (text.len > 0)
            write_text(w, text);
        return;
    }
    for (size_t i = 0; i < w->h->json->count(content); i++)
        write_part(w, w->h->json->at(content, i));
}

static const char reminder_begin[] = "<system-reminder>\n", reminder_end[] = "\n</system-reminder>";

/* The text of a content that is nothing else; false: it has other parts, or marks that its service keeps. */
static bool content_text(struct body_writer *w, const gw_json *content, gw_str *text)
{
    size_t length;

    *text = GW_LIT("");
    if (w->h->json->type(content) != GW_JSON_ARRAY) {
        *text = w->h->json->str(content);
        return true;
    }
    if (w->h->json->count(content) == 0)
        return true;
    bool joined = openai_row_for(w, "part.text_list")->how == GW_FIELD_TRANSLATED;
    bool single = w->h->json->count(content) == 1 && openai_row_for(w, "cache_control")->how != GW_FIELD_CARRIED;
    if ((!joined && !single) || !is_text_only(w, content, &length))
        return false;
    *text = join_parts(w, content, length);
    return true;
}

gw_str openai_join_texts(struct body_writer *w, const gw_str *texts, size_t count)
{
    size_t room = 1;
    for (size_t i = 0; i < count; i++)
        room += texts[i].len + 2;
    char *out = w->h->alloc(w->call, room, 1), *at = out;
    if (out == NULL) {
        w->status = GW_E_NOMEM;
        return GW_LIT("");
    }
    for (size_t i = 0; i < count; i++) {
        if (texts[i].len == 0)
            continue;
        if (at > out) {
            *at++ = '\n';
            *at++ = '\n';
        }
        memcpy(at, texts[i].ptr, texts[i].len);
        at += texts[i].len;
    }
    return (gw_str){ out, (size_t)(at - out) };
}

/* The content of a turn as one text, with what marks it; false: it is more than that. */
static bool turn_text(struct body_writer *w, const struct turn *turn, gw_str *text)
{
    if (!content_text(w, w->h->json->get(turn->message, GW_LIT("content")), text))
        return false;
    if (turn->reminder && text->len > 0 && !openai_starts(*text, "<system-reminder>"))
        *text = openai_join(w->h, w->call, openai_join(w->h, w->call, openai_lit(reminder_begin), *text),
                            openai_lit(reminder_end));
    return true;
}

static void write_parts(struct body_writer *w, const struct turn *turns, size_t count, gw_str mark)
{
    w->h->write->array(w->w);
    if (mark.len > 0)
        write_text(w, mark);
    for (size_t i = 0; i < count; i++) {
        if (turns[i].reminder)
            write_text(w, openai_lit(reminder_begin));
        write_piece(w, w->h->json->get(turns[i].message, GW_LIT("content")));
        if (turns[i].reminder)
            write_text(w, openai_lit(reminder_end));
    }
    w->h->write->close(w->w);
}

void openai_write_joined(struct body_writer *w, const struct turn *turns, size_t count, gw_str mark)
{
    gw_str *texts = w->h->alloc(w->call, count * sizeof *texts, _Alignof(gw_str));
    bool any = false;

    if (texts == NULL) {
        w->status = GW_E_NOMEM;
        w->h->write->null(w->w);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!turn_text(w, &turns[i], &texts[i])) {
            write_parts(w, turns, count, mark);
            return;
        }
        any = any || texts[i].len > 0;
    }
    if (mark.len > 0 && !openai_starts(texts[0], "Error"))
        texts[0] = around(w, mark, texts[0], GW_LIT(""));
    if (any || mark.len > 0 || turns->role != TURN_ASSISTANT)
        w->h->write->str(w->w, openai_join_texts(w, texts, count));
    else
        w->h->write->null(w->w);
}
