/* head_check.c - the checks of a head, one header at a time. */
#include "http/head_check.h"

#include <string.h>

#include "base/field.h"
#include "http/inside.h"

enum once {
    HOST = 1,
    LENGTH = 2,
    ENCODING = 4,
    EXPECT = 8,
    AUTHORIZATION = 16,
    TYPE = 32,
    API_KEY = 64,
    AZURE_KEY = 128
};

static const struct {
    struct text name;
    enum once once;
} once[] = {
    { { "api-key", 7 }, AZURE_KEY },
    { { "authorization", 13 }, AUTHORIZATION },
    { { "content-length", 14 }, LENGTH },
    { { "content-type", 12 }, TYPE },
    { { "expect", 6 }, EXPECT },
    { { "host", 4 }, HOST },
    { { "transfer-encoding", 17 }, ENCODING },
    { { "x-api-key", 9 }, API_KEY },
};

static void refuse(struct head_check *h, enum error_case which, const char *why)
{
    if (h->refuse != E_NONE)
        return;
    h->refuse = which;
    h->why = why;
}

static void bad(struct head_check *h, const char *why)
{
    refuse(h, E_FRAMING, why);
}

void head_check_begin(struct head_check *h, bool http10, unsigned most)
{
    *h = (struct head_check){ .http10 = http10, .length = -1, .most = most };
}

/* ---- headers ---- */

/* uri-host [":" port]: a name, an IPv4 address, or [an IPv6 address]; never a list, a user or a path. */
static bool is_host(struct text t)
{
    size_t i = 0, name;

    if (t.len > 0 && t.ptr[0] == '[') {
        for (i = 1; i < t.len && t.ptr[i] != ']'; i++)
            if (text_hex(t.ptr[i]) < 0 && t.ptr[i] != ':' && t.ptr[i] != '.')
                return false;
        if (i == t.len || i < 3)
            return false;
        i++;
    } else {
        for (; i < t.len && t.ptr[i] != ':'; i++) {
            unsigned char c = (unsigned char)t.ptr[i];

            if (c != '.' && c != '-' && c != '_' && c != '~' && !(c >= '0' && c <= '9') &&
                !((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
                return false;
        }
    }
    name = i;
    if (i < t.len && t.ptr[i] == ':')
        for (i++; i < t.len; i++)
            if (t.ptr[i] < '0' || t.ptr[i] > '9')
                return false;
    return name > 0 && i == t.len && t.len - name <= 6;
}

static void take_length(struct head_check *h, struct text value)
{
    if (text_parse_u63(value, &h->length) < 0 || (value.len > 1 && value.ptr[0] == '0'))
        bad(h, "Content-Length is not a plain decimal number");
}

/* The headers that decide about framing or about who is asking: no two of them, no variants. */
static void take_known(struct head_check *h, enum once which, struct text value)
{
    if ((h->seen & which) != 0)
        bad(h, "a header that may come once came twice");
    h->seen |= which;
    switch (which) {
    case HOST:
        h->host = value;
        if (!is_host(value))
            bad(h, "the Host header is not a host name with an optional port");
        break;
    case LENGTH:
        take_length(h, value);
        break;
    case ENCODING:
        h->chunked = true;
        if (!text_eq_nocase(value, TEXT("chunked"))) /* names of codings have no case (RFC 9112, 7) */
            bad(h, "the only Transfer-Encoding understood is chunked");
        break;
    case EXPECT:
        h->expects_continue = text_eq_nocase(value, TEXT("100-continue"));
        break;
    case AUTHORIZATION:
    case TYPE:
    case API_KEY:
    case AZURE_KEY:
        break;
    }
}

void head_check_header(struct head_check *h, struct text name, struct text value)
{
    if (++h->count > h->most) {
        refuse(h, E_HEAD_TOO_LARGE, "the request has too many headers");
        return;
    }
    if (!field_is_name(name))
        bad(h, "a header name has a byte that is not allowed there");
    if (!field_is_value(value))
        bad(h, "a header value has a control character");
    for (size_t i = 0; i < sizeof once / sizeof once[0]; i++)
        if (text_eq_nocase(once[i].name, name)) {
            take_known(h, once[i].once, value);
            return;
        }
    if (text_eq_nocase(name, TEXT("connection")) && !text_eq_nocase(value, TEXT("keep-alive")))
        h->closes = true;
    /* Some servers read an underscore as a dash. */
    if (text_eq_nocase(name, TEXT("content_length")) || text_eq_nocase(name, TEXT("transfer_encoding")))
        bad(h, "a header name imitates one that frames the request");
}

/* ---- the request line ---- */

/* Cuts the first segment off, at a slash or an encoded one. */
static struct text cut_segment(struct text *rest)
{
    struct text segment = { rest->ptr, 0 };
    size_t mark = 0;

    while (segment.len < rest->len && mark == 0) {
        struct text here = { rest->ptr + segment.len, rest->len - segment.len };

        mark = *here.ptr == '/' ? 1 : text_starts_nocase(here, TEXT("%2F")) ? 3 : 0;
        segment.len += mark == 0;
    }
    *rest = (struct text){ rest->ptr + segment.len + mark, rest->len - segment.len - mark };
    return segment;
}

/* "." and "..", also before the parameters that some servers cut off ("..;x"). */
static bool is_dots(struct text segment)
{
    struct text name = text_cut(&segment, ';');

    return text_is(name, ".") || text_is(name, "..");
}

static void check_path(struct head_check *h)
{
    struct text rest = h->path;

    h->encoded_slash = h->path.len;
    for (size_t i = 0; i < h->path.len; i++) {
        char c = h->path.ptr[i];
        int high, low;

        if (c == '\\')
            bad(h, "the request target has a backslash");
        if (c != '%')
            continue;
        if (i + 2 >= h->path.len || (high = text_hex(h->path.ptr[i + 1])) < 0 ||
            (low = text_hex(h->path.ptr[i + 2])) < 0) {
            bad(h, "the request target has a percent sign without two hex digits");
            return;
        }
        if (high < 2 || (high == 7 && low == 15))
            bad(h, "the request target has an encoded control character");
        if (high * 16 + low == '/' && h->encoded_slash == h->path.len)
            h->encoded_slash = i;
        if (high * 16 + low == '.' || high * 16 + low == '\\') /* nobody needs them, only who reads them twice */
            bad(h, "the request target has an encoded dot or backslash");
    }
    while (rest.len > 0)
        if (is_dots(cut_segment(&rest)))
            bad(h, "the request target has a dot segment");
}

/* http://host[:port]/path: allowed when the authority is what Host states. */
static void cut_authority(struct head_check *h)
{
    struct text rest = h->path;
    size_t skip = text_starts_nocase(rest, TEXT("http://")) ? 7 : text_starts_nocase(rest, TEXT("https://")) ? 8 : 0;
    size_t len = 0;

    if (skip == 0) {
        bad(h, "the request target is neither a path nor an http URL");
        return;
    }
    rest.ptr += skip;
    rest.len -= skip;
    while (len < rest.len && rest.ptr[len] != '/')
        len++;
    if (!text_eq_nocase((struct text){ rest.ptr, len }, h->host))
        bad(h, "the request target names another host than the Host header");
    h->path = len < rest.len ? (struct text){ rest.ptr + len, rest.len - len } : TEXT("/");
}

static void take_target(struct head_check *h, struct text target)
{
    if (target.len > TARGET_MAX)
        refuse(h, E_HEAD_TOO_LARGE, "the request target is too long");
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];

        if (c <= 0x20 || c >= 0x7f)
            bad(h, "the request target has a byte that must be percent-encoded");
        else if (c == '#')
            bad(h, "the request target has a fragment");
    }
    h->path = text_cut(&target, '?');
    h->query = target;
    if (text_is(h->path, "*")) {
        if (!text_is(h->method, "OPTIONS"))
            bad(h, "the request target * is for OPTIONS only");
        return;
    }
    if (h->path.len == 0 || h->path.ptr[0] != '/')
        cut_authority(h);
    if (h->refuse == E_NONE)
        check_path(h);
}

bool head_check_has_body(const struct head_check *h)
{
    return h->chunked || h->length > 0;
}

void head_check_end(struct head_check *h, struct text method, struct text target, size_t bytes, size_t most_bytes)
{
    h->method = method;
    if (bytes > most_bytes)
        refuse(h, E_HEAD_TOO_LARGE, "the head of the request is too large");
    if (!field_is_name(method))
        bad(h, "the request method has a byte that is not allowed there");
    if ((h->seen & HOST) == 0 && !h->http10)
        bad(h, "the Host header is missing");
    if (h->chunked && h->length >= 0)
        bad(h, "the request has both Content-Length and Transfer-Encoding");
    if (h->chunked && h->http10)
        bad(h, "HTTP/1.0 has no Transfer-Encoding");
    /* Legal, but servers and proxies disagree on whether the body is read. */
    if (head_check_has_body(h) && (text_is(method, "GET") || text_is(method, "HEAD") || text_is(method, "OPTIONS")))
        bad(h, "a request with this method has no body");
    take_target(h, target);
}
