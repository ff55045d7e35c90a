/* embeddings.c - OpenAI embeddings: relayed; floats become base64 and back where the upstream did not do what the
 * client asked (the OpenAI SDKs ask for base64 unless set otherwise). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "face/common.h"

static int decode(struct arena *arena, struct text body, struct ask *ask, struct fail *fail)
{
    if (common_decode(arena, body, ask, fail) < 0)
        return -1;
    const struct scan_member *m = scan_get(&ask->scan, "input");
    if (m == NULL || (m->type != '"' && m->type != '['))
        return error_param(fail, E_PARAMETER, TEXT("input"), "input must be a string or an array");
    m = scan_get(&ask->scan, "encoding_format");
    struct text format = TEXT("float");
    if (m != NULL && !scan_is_null(m) &&
        (!scan_string(arena, m, &format) || !(text_is(format, "float") || text_is(format, "base64"))))
        return error_param(fail, E_PARAMETER, TEXT("encoding_format"),
                           "encoding_format must be \"float\" or \"base64\"");
    ask->base64 = text_is(format, "base64");
    ask->stream = false;
    return 0;
}

/* Little-endian IEEE floats, as the SDKs read them. */
static bool floats_to_base64(const struct json *vector, struct buf *out)
{
    size_t n = json_count(vector), room;
    unsigned char *bytes = malloc(n * 4 + 1);
    char *to = bytes != NULL && buf_str(out, "\"") == 0 ? buf_room(out, BASE64_ROOM(n * 4) + 1, &room) : NULL;
    bool fine = true;
    for (size_t i = 0; to != NULL && i < n; i++) {
        float f = (float)json_real(json_at(vector, i), (double)NAN);
        uint32_t u;
        fine = fine && isfinite(f);
        memcpy(&u, &f, 4);
        for (unsigned k = 0; k < 4; k++)
            bytes[4 * i + k] = (unsigned char)(u >> (8 * k));
    }
    if (to != NULL)
        buf_added(out, base64_write(to, (struct text){ (const char *)bytes, n * 4 }, false));
    out->failed = out->failed || to == NULL;
    buf_str(out, "\"");
    free(bytes);
    return fine && to != NULL;
}

static bool write_floats(struct text bytes, struct buf *out)
{
    buf_str(out, "[");
    for (size_t i = 0; i + 4 <= bytes.len; i += 4) {
        uint32_t u = 0;
        float f;
        for (unsigned k = 0; k < 4; k++)
            u |= (uint32_t)(unsigned char)bytes.ptr[i + k] << (8 * k);
        memcpy(&f, &u, 4);
        if (!isfinite(f))
            return false;
        buf_printf(out, "%s%.9g", i == 0 ? "" : ",", (double)f);
    }
    buf_str(out, "]");
    return bytes.len % 4 == 0;
}

static bool base64_to_floats(struct text code, struct buf *out)
{
    size_t len;
    char *bytes = malloc(BASE64_BYTES(code.len));
    out->failed = out->failed || bytes == NULL;
    bool fine =
        bytes != NULL && base64_read(code, false, bytes, &len) && write_floats((struct text){ bytes, len }, out);
    free(bytes);
    return fine;
}

/* One element of `data`, its vector in the other form. */
static bool convert_row(const struct json *row, bool to_base64, struct buf *out)
{
    bool fine = true;
    buf_str(out, "{");
    for (size_t i = 0; i < json_count(row) && fine; i++) {
        struct text key = json_key_at(row, i);
        const struct json *value = json_at(row, i);
        buf_str(out, i > 0 ? ",\"" : "\"");
        json_escape(out, key);
        buf_str(out, "\":");
        if (!text_is(key, "embedding"))
            fine = buf_text(out, json_text(value)) == 0;
        else if (to_base64)
            fine = json_type(value) == JSON_T_ARRAY && floats_to_base64(value, out);
        else
            fine = json_type(value) == JSON_T_STR && base64_to_floats(json_str(value), out);
    }
    return buf_str(out, "}") == 0 && fine;
}

static bool fix_encoding(struct arena *arena, const struct ask *ask, struct text body, struct buf *out)
{
    const struct json *v = json_parse_quick(arena, body);
    const struct json *data = json_member(v, "data"), *first = json_member(json_at(data, 0), "embedding");
    enum json_type other = ask->base64 ? JSON_T_ARRAY : JSON_T_STR;
    bool fine = true;
    if (json_type(first) != other)
        return false;
    buf_str(out, "{");
    for (size_t i = 0; i < json_count(v) && fine; i++) {
        buf_str(out, i > 0 ? ",\"" : "\"");
        json_escape(out, json_key_at(v, i));
        buf_str(out, "\":");
        if (!text_is(json_key_at(v, i), "data")) {
            buf_text(out, json_text(json_at(v, i)));
            continue;
        }
        buf_str(out, "[");
        for (size_t k = 0; k < json_count(data) && fine; k++) {
            buf_str(out, k > 0 ? "," : "");
            fine = convert_row(json_at(data, k), ask->base64, out);
        }
        buf_str(out, "]");
    }
    return buf_str(out, "}") == 0 && fine;
}

const struct face face_embeddings = {
    .name = "embeddings",
    .operation = GW_OP_EMBEDDINGS,
    .dialect = &dialect_embeddings,
    .canonical_dialect = GW_DIALECT_EMBEDDINGS,
    .decode = decode,
    .talk = talk_prompt,
    .canonical = ask_json,
    .fix_encoding = fix_encoding,
    .stream_event = common_no_stream_event,
    .stream_end = common_no_stream_end,
    .fold_event = common_body_event,
    .fold_end = common_body_end,
};
