/* messages.c - the messages of a chat as Converse's system and messages, in which user and assistant alternate: neighbours of one
 * role are one message, and results of tools are the user's. */
#include "bedrock.h"

static const gw_json *get(const struct bedrock_out *o, const gw_json *object, const char *name)
{
    return gw_get(o->h, object, name);
}

static gw_str text_of(const struct bedrock_out *o, const gw_json *object, const char *name)
{
    return gw_get_str(o->h, object, name);
}

static void begin(const struct bedrock_out *o, const char *name)
{
    if (name != NULL)
        gw_put_key(o->h, o->w, name);
    o->h->write->object(o->w);
}

static void end(const struct bedrock_out *o, int levels)
{
    while (levels-- > 0)
        o->h->write->close(o->w);
}

/* Converse refuses a text that is blank. */
static void write_text(const struct bedrock_out *o, gw_str text)
{
    size_t i = 0;
    while (i < text.len && strchr(" \t\r\n", text.ptr[i]) != NULL && text.ptr[i] != '\0')
        i++;
    if (i == text.len)
        return;
    begin(o, NULL);
    gw_put_str(o->h, o->w, "text", text);
    end(o, 1);
}

/* data:TYPE/FORMAT;base64,BYTES as its format and bytes. */
static int split_data(gw_str url, gw_str *format, gw_str *bytes)
{
    const char *slash, *semicolon, *end = url.ptr + url.len;
    if (!gw_begins(url, "data:") || (slash = memchr(url.ptr, '/', url.len)) == NULL ||
        (semicolon = memchr(slash, ';', (size_t)(end - slash))) == NULL ||
        !gw_begins((gw_str){ semicolon, (size_t)(end - semicolon) }, ";base64,"))
        return 0;
    *format = (gw_str){ slash + 1, (size_t)(semicolon - slash) - 1 };
    *bytes = (gw_str){ semicolon + 8, (size_t)(end - semicolon) - 8 };
    if (gw_is(*format, "jpg"))
        *format = GW_LIT("jpeg");
    else if (gw_is(*format, "plain"))
        *format = GW_LIT("txt");
    return format->len > 0 && bytes->len > 0;
}

static void write_source(const struct bedrock_out *o, const char *kind, gw_str name, gw_str format, gw_str bytes)
{
    begin(o, NULL);
    begin(o, kind);
    gw_put_str(o->h, o->w, "format", format);
    if (name.ptr != NULL)
        gw_put_str(o->h, o->w, "name", name);
    begin(o, "source");
    gw_put_str(o->h, o->w, "bytes", bytes);
    end(o, 3);
}

static gw_status write_part(const struct bedrock_out *o, const gw_json *part)
{
    gw_str type = text_of(o, part, "type"), format, bytes;
    const gw_json *image = get(o, part, "image_url"), *file = get(o, part, "file");

    if (gw_is(type, "text") || gw_is(type, "refusal")) {
        write_text(o, text_of(o, part, gw_is(type, "text") ? "text" : "refusal"));
    } else if (gw_is(type, "image_url")) {
        gw_str url = o->h->json->type(image) == GW_JSON_STR ? o->h->json->str(image) : text_of(o, image, "url");
        if (!split_data(url, &format, &bytes))
            return capability_refuse(o, "messages.image_url");
        write_source(o, "image", (gw_str){ NULL, 0 }, format, bytes);
        capability_rest(o, image, "messages.", "url");
    } else if (gw_is(type, "file")) {
        if (!split_data(text_of(o, file, "file_data"), &format, &bytes))
            return capability_refuse(o, "messages.file");
        write_source(o, "document", GW_LIT("document"), format,
                     bytes); /* Amazon warns that a name can inject a prompt */
        capability_rest(o, file, "messages.", "file_data");
    } else {
        return capability_refuse(o, "messages.type");
    }
    if (o->h->json->type(get(o, part, "cache_control")) == GW_JSON_OBJECT) {
        begin(o, NULL);
        begin(o, "cachePoint");
        gw_put_str(o->h, o->w, "type", GW_LIT("default"));
        if (gw_is(text_of(o, get(o, part, "cache_control"), "ttl"), "1h"))
            gw_put_str(o->h, o->w, "ttl", GW_LIT("1h"));
        end(o, 2);
    }
    capability_rest(o, part, "messages.", "type text refusal image_url file cache_control");
    return GW_OK;
}

static gw_status write_content(const struct bedrock_out *o, const gw_json *content)
{
    gw_status status = GW_OK;
    if (o->h->json->type(content) != GW_JSON_ARRAY)
        write_text(o, o->h->json->str(content));
    for (size_t i = 0; o->h->json->type(content) == GW_JSON_ARRAY && i < o->h->json->count(content) && status == GW_OK;
         i++)
        status = write_part(o, o->h->json->at(content, i));
    return status;
}

/* What was thought goes back as it came, where it is signed or encrypted. */
static void write_thoughts(const struct bedrock_out *o, const gw_json *details)
{
    for (size_t i = 0; i < o->h->json->count(details); i++) {
        const gw_json *entry = o->h->json->at(details, i);
        gw_str signature = text_of(o, entry, "signature"), data = text_of(o, entry, "data");
        if (!gw_is(text_of(o, entry, "format"), BEDROCK_FORMAT) || (signature.len == 0 && data.len == 0)) {
            capability_drop(o, "messages.reasoning_details");
            continue;
        }
        begin(o, NULL);
        begin(o, "reasoningContent");
        if (data.len > 0) {
            gw_put_str(o->h, o->w, "redactedContent", data);
            end(o, 2);
            continue;
        }
        begin(o, "reasoningText");
        gw_put_str(o->h, o->w, "text", text_of(o, entry, "text"));
        gw_put_str(o->h, o->w, "signature", signature);
        end(o, 3);
    }
}

static gw_status write_call(const struct bedrock_out *o, const gw_json *call)
{
    const gw_json *function = get(o, call, "function"), *args = NULL;
    if (text_of(o, function, "name").len == 0)
        return capability_refuse(o, "messages.tool_calls");
    begin(o, NULL);
    begin(o, "toolUse");
    gw_put_str(o->h, o->w, "toolUseId", text_of(o, call, "id"));
    gw_put_str(o->h, o->w, "name", text_of(o, function, "name"));
    gw_put_key(o->h, o->w, "input");
    if (o->h->json->parse(o->call, text_of(o, function, "arguments"), &args) == GW_OK &&
        o->h->json->type(args) == GW_JSON_OBJECT)
        o->h->write->copy(o->w, args);
    else
        o->h->write->raw(o->w, GW_LIT("{}"));
    end(o, 2);
    capability_rest(o, call, "messages.", "id type function index");
    return GW_OK;
}

static gw_status write_result(const struct bedrock_out *o, const gw_json *message)
{
    begin(o, NULL);
    begin(o, "toolResult");
    gw_put_str(o->h, o->w, "toolUseId", text_of(o, message, "tool_call_id"));
    gw_put_key(o->h, o->w, "content");
    o->h->write->array(o->w);
    gw_status status = write_content(o, get(o, message, "content"));
    end(o, 1);
    if (o->h->json->boolean(get(o, message, "is_error"), 0))
        gw_put_str(o->h, o->w, "status", GW_LIT("error"));
    end(o, 2);
    capability_rest(o, message, "messages.", "role content tool_call_id is_error name");
    return status;
}

static gw_status write_message(const struct bedrock_out *o, const gw_json *message)
{
    const gw_json *calls = get(o, message, "tool_calls");
    if (gw_is(text_of(o, message, "role"), "tool"))
        return write_result(o, message);
    write_thoughts(o, get(o, message, "reasoning_details"));
    gw_status status = write_content(o, get(o, message, "content"));
    write_text(o, text_of(o, message, "refusal"));
    for (size_t i = 0; i < o->h->json->count(calls) && status == GW_OK; i++)
        status = write_call(o, o->h->json->at(calls, i));
    capability_rest(o, message, "messages.", "role content tool_calls refusal reasoning_details reasoning_content");
    return status;
}

/* "user", "assistant", "system"; NULL: another. */
static const char *role_of(const struct bedrock_out *o, const gw_json *message)
{
    gw_str role = text_of(o, message, "role");
    return gw_is_one_of(role, "user tool")          ? "user"
           : gw_is(role, "assistant")               ? "assistant"
           : gw_is_one_of(role, "system developer") ? "system"
                                                    : NULL;
}

static gw_status write_role(const struct bedrock_out *o, const gw_json *messages, int system)
{
    const char *open = NULL;
    gw_status status = GW_OK;
    for (size_t i = 0; i < o->h->json->count(messages) && status == GW_OK; i++) {
        const gw_json *message = o->h->json->at(messages, i);
        const char *role = role_of(o, message);
        if (role == NULL)
            return capability_refuse(o, "messages.role");
        if ((strcmp(role, "system") == 0) != system)
            continue;
        if (!system && (open == NULL || strcmp(open, role) != 0)) {
            if (open != NULL)
                end(o, 2);
            begin(o, NULL);
            gw_put_str(o->h, o->w, "role", gw_of(open = role));
            gw_put_key(o->h, o->w, "content");
            o->h->write->array(o->w);
        }
        status = write_message(o, message);
    }
    if (open != NULL)
        end(o, 2);
    return status;
}

gw_status messages_write(const struct bedrock_out *o)
{
    const gw_json *messages = get(o, o->req->body, "messages");
    gw_status status;
    if (o->h->json->type(messages) != GW_JSON_ARRAY || o->h->json->count(messages) == 0)
        return capability_refuse(o, "messages");
    gw_put_key(o->h, o->w, "system");
    o->h->write->array(o->w);
    if ((status = write_role(o, messages, 1)) != GW_OK)
        return status;
    end(o, 1);
    gw_put_key(o->h, o->w, "messages");
    o->h->write->array(o->w);
    status = write_role(o, messages, 0);
    end(o, 1);
    return status;
}
