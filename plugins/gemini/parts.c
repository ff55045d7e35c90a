/* parts.c - the content of a message as Gemini's parts: text, inlineData, fileData. */
#include "gemini.h"

void parts_report(const struct gemini_out *o, const gw_json *object, const char *known)
{
    char field[80] = "messages.";
    for (size_t i = 0; i < o->h->json->count(object); i++) {
        gw_str name = o->h->json->key_at(object, i);
        const gw_json *value = o->h->json->at(object, i);
        size_t stem = strlen("messages."), len = name.len < sizeof field - stem ? name.len : sizeof field - stem;
        uint32_t type = o->h->json->type(value);
        int stands = 0;
        for (const char *at = known; *at != '\0' && !stands; at += strspn(at, " ")) {
            stands = name.len == strcspn(at, " ") && memcmp(at, name.ptr, name.len) == 0;
            at += strcspn(at, " ");
        }
        if (stands || type == GW_JSON_NULL || (type == GW_JSON_ARRAY && o->h->json->count(value) == 0))
            continue;
        memcpy(field + stem, name.ptr, len);
        capability_drop(o, (gw_str){ field, stem + len });
    }
}

static void write_text(const struct gemini_out *o, gw_str text, gw_str signature)
{
    o->h->write->object(o->w);
    gemini_str(o, "text", text);
    if (signature.len > 0)
        gemini_str(o, "thoughtSignature", signature);
    o->h->write->close(o->w);
}

static void write_inline(const struct gemini_out *o, gw_str type, gw_str data)
{
    o->h->write->object(o->w);
    gemini_key(o, "inlineData");
    o->h->write->object(o->w);
    gemini_str(o, "mimeType", type);
    gemini_str(o, "data", data);
    o->h->write->close(o->w);
    o->h->write->close(o->w);
}

/* The media type that an address ends in; absent when it shows none. */
static gw_str type_of(gw_str url)
{
    static const char *const types[][2] = {
        { ".jpg", "image/jpeg" }, { ".jpeg", "image/jpeg" }, { ".png", "image/png" },       { ".webp", "image/webp" },
        { ".gif", "image/gif" },  { ".heic", "image/heic" }, { ".pdf", "application/pdf" }, { ".mp4", "video/mp4" },
        { ".mp3", "audio/mp3" },  { ".wav", "audio/wav" },
    };
    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] == '?' || url.ptr[i] == '#')
            url.len = i;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t len = strlen(types[i][0]);
        if (url.len > len && gemini_begins_nocase((gw_str){ url.ptr + url.len - len, len }, types[i][0]))
            return (gw_str){ types[i][1], strlen(types[i][1]) };
    }
    return (gw_str){ NULL, 0 };
}

/* What the first bytes of base64 show of an image or a document: they decide, as clients call a JPEG "image/png". */
static gw_str type_in(gw_str data)
{
    static const char *const begins[][2] = {
        { "iVBORw0KGgo", "image/png" }, { "/9j/", "image/jpeg" },        { "R0lGOD", "image/gif" },
        { "UklGR", "image/webp" },      { "JVBERi", "application/pdf" },
    };
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (gemini_begins(data, begins[i][0]))
            return (gw_str){ begins[i][1], strlen(begins[i][1]) };
    return (gw_str){ NULL, 0 };
}

/* A media type in small letters, memory of the call; RIFF is sound and video too, so only an image is called otherwise. */
static gw_str type_for(const struct gemini_out *o, gw_str told, gw_str data)
{
    gw_str seen = type_in(data);
    int is_open =
        told.len == 0 || gemini_begins_nocase(told, "image/") || gemini_begins_nocase(told, "application/octet-stream");
    char *out = o->h->alloc(o->call, told.len + 1, 1);
    if ((seen.len > 0 && is_open) || out == NULL)
        return seen;
    for (size_t i = 0; i < told.len; i++)
        out[i] = told.ptr[i] >= 'A' && told.ptr[i] <= 'Z' ? (char)(told.ptr[i] + 32) : told.ptr[i];
    return (gw_str){ out, told.len };
}

/* "data:TYPE;PARAMETERS;base64,DATA"; the words have no case. */
static gw_status write_data_url(const struct gemini_out *o, gw_str url, size_t comma)
{
    gw_str head = { url.ptr + 5, comma - 5 }, data = { url.ptr + comma + 1, url.len - comma - 1 };
    size_t end = 0;
    while (end < head.len && head.ptr[end] != ';')
        end++;
    gw_str type = type_for(o, (gw_str){ head.ptr, end }, data);
    if (head.len < 7 || type.len == 0 || !gemini_begins_nocase((gw_str){ head.ptr + head.len - 7, 7 }, ";base64"))
        return capability_refuse(o, "messages.image_url");
    write_inline(o, type, data);
    return GW_OK;
}

/* A data URL inline, any other address for Google to fetch. */
static gw_status write_url(const struct gemini_out *o, gw_str url)
{
    const char *comma = url.len > 0 ? memchr(url.ptr, ',', url.len) : NULL;
    gw_str type = type_of(url);
    if (gemini_begins_nocase(url, "data:") && comma != NULL)
        return write_data_url(o, url, (size_t)(comma - url.ptr));
    if (!gemini_begins_nocase(url, "https://") && !gemini_begins_nocase(url, "http://") && !gemini_begins(url, "gs://"))
        return capability_refuse(o, "messages.image_url");
    o->h->write->object(o->w);
    gemini_key(o, "fileData");
    o->h->write->object(o->w);
    gemini_str(o, "fileUri", url);
    if (type.len > 0)
        gemini_str(o, "mimeType", type);
    o->h->write->close(o->w);
    o->h->write->close(o->w);
    return GW_OK;
}

/* By its id, its address or its data; the type of bare base64 is found by its first bytes or its name. */
static gw_status write_file(const struct gemini_out *o, const gw_json *file)
{
    gw_str id = gemini_text(o->h, file, "file_id"), data = gemini_text(o->h, file, "file_data");
    gw_str name = gemini_text(o->h, file, "filename"), type = type_in(data);
    /* how the gateway calls a document that has no name is no loss */
    parts_report(o, file, gemini_is(name, "document.pdf") ? "file_data file_id filename" : "file_data file_id");
    if (type.len == 0)
        type = type_of(name);
    if (id.len > 0 || type.len == 0 || data.len == 0 || memchr(data.ptr, ':', data.len < 9 ? data.len : 9) != NULL)
        return write_url(o, id.len > 0 ? id : data);
    write_inline(o, type, data);
    return GW_OK;
}

static gw_status write_audio(const struct gemini_out *o, const gw_json *audio)
{
    gw_str format = gemini_text(o->h, audio, "format"), data = gemini_text(o->h, audio, "data");
    char *type = o->h->alloc(o->call, format.len + 6, 1);
    if (type == NULL)
        return GW_E_NOMEM;
    if (format.len == 0 || data.len == 0)
        return capability_refuse(o, "messages.input_audio");
    memcpy(type, "audio/", 6);
    memcpy(type + 6, format.ptr, format.len);
    write_inline(o, (gw_str){ type, format.len + 6 }, data);
    return GW_OK;
}

static gw_status write_part(const struct gemini_out *o, const gw_json *part)
{
    const gw_json *image = gemini_get(o->h, part, "image_url"), *file = gemini_get(o->h, part, "file");
    gw_str type = gemini_text(o->h, part, "type");
    parts_report(o, part, "type image_url video_url input_audio file");
    if (gemini_is(type, "image_url")) {
        parts_report(o, image, "url");
        return write_url(o, gemini_text(o->h, image, "url"));
    }
    if (gemini_is(type, "video_url"))
        return write_url(o, gemini_text(o->h, gemini_get(o->h, part, "video_url"), "url"));
    if (gemini_is(type, "input_audio"))
        return write_audio(o, gemini_get(o->h, part, "input_audio"));
    if (!gemini_is(type, "file"))
        return capability_refuse(o, "messages.type");
    return write_file(o, file);
}

static gw_str words_of(const gw_host *h, const gw_json *part)
{
    gw_str type = gemini_text(h, part, "type");
    return gemini_text(h, part, gemini_is(type, "refusal") ? "refusal" : "text");
}

static int is_words(const gw_host *h, const gw_json *part)
{
    gw_str type = gemini_text(h, part, "type");
    return gemini_is(type, "text") || gemini_is(type, "refusal");
}

/* Reasoning of an earlier answer as other services have it in a content. */
static int is_thought(const gw_host *h, const gw_json *part)
{
    gw_str type = gemini_text(h, part, "type");
    return gemini_is(type, "thinking") || gemini_is(type, "redacted_thinking") || gemini_is(type, "reasoning");
}

static size_t write_thought(const struct gemini_out *o, gw_str text)
{
    if (text.len == 0)
        return 0;
    o->h->write->object(o->w);
    gemini_str(o, "text", text);
    gemini_key(o, "thought");
    o->h->write->boolean(o->w, 1);
    o->h->write->close(o->w);
    return 1;
}

size_t parts_write_thoughts(struct gemini_out *o, const gw_json *content)
{
    size_t written = 0;
    for (size_t i = 0; i < o->h->json->count(content); i++) {
        const gw_json *part = o->h->json->at(content, i), *thinking = gemini_get(o->h, part, "thinking");
        if (!is_thought(o->h, part))
            continue;
        if (gemini_get(o->h, part, "signature") != NULL || gemini_get(o->h, part, "data") != NULL)
            capability_drop(o, GW_LIT("messages.reasoning_details"));
        written += write_thought(o, o->h->json->str(thinking)) + write_thought(o, gemini_text(o->h, part, "text"));
        for (size_t k = 0; k < o->h->json->count(thinking); k++) /* Mistral's */
            written += write_thought(o, gemini_text(o->h, o->h->json->at(thinking, k), "text"));
    }
    return written;
}

size_t parts_write(struct gemini_out *o, const gw_json *content, gw_str signature, gw_status *status)
{
    size_t count = o->h->json->count(content), written = 0, last = count;
    gw_str text = o->h->json->str(content);
    if (text.len > 0)
        write_text(o, text, signature);
    if (o->h->json->type(content) != GW_JSON_ARRAY)
        return text.len > 0;
    for (size_t i = 0; i < count; i++)
        if (is_words(o->h, o->h->json->at(content, i)) && words_of(o->h, o->h->json->at(content, i)).len > 0)
            last = i;
    for (size_t i = 0; i < count && *status == GW_OK; i++) {
        const gw_json *part = o->h->json->at(content, i);
        if (is_words(o->h, part)) {
            parts_report(o, part, "type text refusal");
            if (words_of(o->h, part).len == 0) /* a part without a text is refused */
                continue;
            write_text(o, words_of(o->h, part), i == last ? signature : (gw_str){ NULL, 0 });
        } else if (o->in_reply && is_thought(o->h, part)) {
            continue; /* it was written before */
        } else {
            *status = write_part(o, part);
        }
        written++;
    }
    if (last == count && signature.len > 0) {
        write_text(o, GW_LIT(""), signature);
        written++;
    }
    return written;
}

size_t parts_write_media(struct gemini_out *o, const gw_json *content, gw_status *status)
{
    size_t written = 0;
    for (size_t i = 0; i < o->h->json->count(content) && *status == GW_OK; i++) {
        if (is_words(o->h, o->h->json->at(content, i)))
            continue;
        *status = write_part(o, o->h->json->at(content, i));
        written++;
    }
    return written;
}

gw_str parts_text(const struct gemini_out *o, const gw_json *content)
{
    size_t len = 0;
    char *text, *at;
    if (o->h->json->type(content) != GW_JSON_ARRAY)
        return o->h->json->str(content);
    for (size_t i = 0; i < o->h->json->count(content); i++)
        len += words_of(o->h, o->h->json->at(content, i)).len;
    if ((text = at = o->h->alloc(o->call, len + 1, 1)) == NULL)
        return (gw_str){ NULL, 0 };
    for (size_t i = 0; i < o->h->json->count(content); i++) {
        gw_str words = words_of(o->h, o->h->json->at(content, i));
        if (words.len > 0)
            memcpy(at, words.ptr, words.len);
        at += words.len;
    }
    return (gw_str){ text, len };
}
