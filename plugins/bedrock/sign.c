/* sign.c - AWS Signature Version 4: who may sign has the secret, which itself is never sent. */
#include "bedrock.h"

static void to_hex(const uint8_t digest[32], char out[64])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < 32; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
}

gw_str sign_escape(const gw_host *h, gw_call *call, gw_str s, int keeps_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = h->alloc(call, 3 * s.len + 1, 1), *at = out;
    if (out == NULL)
        return (gw_str){ NULL, 0 };
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        int plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (plain || (c != 0 && strchr("-._~", c) != NULL) || (c == '/' && keeps_slash)) {
            *at++ = (char)c;
            continue;
        }
        *at++ = '%';
        *at++ = digits[c >> 4];
        *at++ = digits[c & 15];
    }
    return (gw_str){ out, (size_t)(at - out) };
}

/* Several texts in one; absent without memory. */
static gw_str concat(const gw_host *h, gw_call *call, const gw_str *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    char *out = h->alloc(call, len + 1, 1), *at = out;
    if (out == NULL)
        return (gw_str){ NULL, 0 };
    for (size_t i = 0; i < count; i++) {
        memcpy(at, parts[i].len > 0 ? parts[i].ptr : "", parts[i].len);
        at += parts[i].len;
    }
    return (gw_str){ out, len };
}
#define CONCAT(h, call, ...)                                                                                           \
    concat(h, call, (const gw_str[]){ __VA_ARGS__ }, sizeof((const gw_str[]){ __VA_ARGS__ }) / sizeof(gw_str))

gw_str sign_authorization(const gw_host *h, gw_call *call, const struct bedrock_signing *s)
{
    const gw_str none = { NULL, 0 }, line = GW_LIT("\n"), slash = GW_LIT("/"), day = { s->date.ptr, 8 };
    uint8_t digest[32], key[32];
    char hex[64];
    const gw_str in_hex = { hex, sizeof hex }, as_key = { (const char *)key, sizeof key };

    h->sha256(s->body, digest);
    to_hex(digest, hex);
    gw_str request = CONCAT(h, call, s->method, line, sign_escape(h, call, s->path, 1), line, s->query, line,
                            s->headers, line, s->names, line, in_hex);
    gw_str scope = CONCAT(h, call, day, slash, s->region, slash, s->service, GW_LIT("/aws4_request"));
    h->sha256(request, digest);
    to_hex(digest, hex);
    gw_str text = CONCAT(h, call, GW_LIT("AWS4-HMAC-SHA256\n"), s->date, line, scope, line, in_hex);
    gw_str first = gw_join(h, call, GW_LIT("AWS4"), s->secret);
    if (request.ptr == NULL || scope.ptr == NULL || text.ptr == NULL || first.ptr == NULL)
        return none;
    const gw_str steps[] = { day, s->region, s->service, GW_LIT("aws4_request"), text };
    h->hmac_sha256(first, steps[0], key);
    for (size_t i = 1; i < sizeof steps / sizeof *steps; i++) {
        h->hmac_sha256(as_key, steps[i], digest);
        memcpy(key, digest, sizeof key);
    }
    to_hex(key, hex);
    return CONCAT(h, call, GW_LIT("AWS4-HMAC-SHA256 Credential="), s->key_id, slash, scope, GW_LIT(", SignedHeaders="),
                  s->names, GW_LIT(", Signature="), in_hex);
}
