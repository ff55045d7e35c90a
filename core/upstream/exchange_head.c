/* exchange_head.c - request line and headers, in one go into lent memory. */
#include "upstream/exchange_head.h"

#include <string.h>

#include "base/field.h"

struct writer {
    char *at, *end;
    bool full;
};

static void put(struct writer *w, struct text t)
{
    if (t.len > (size_t)(w->end - w->at)) {
        w->full = true;
        return;
    }
    memcpy(w->at, t.ptr, t.len);
    w->at += t.len;
}

static void put_number(struct writer *w, size_t number)
{
    char digits[24];
    size_t at = sizeof digits;

    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    put(w, (struct text){ digits + at, sizeof digits - at });
}

/* Headers of one hop or of the framing, sorted by length. */
static bool is_ours(struct text name)
{
    static const struct text ours[] = {
        { "TE", 2 },
        { "Host", 4 },
        { "Expect", 6 },
        { "Trailer", 7 },
        { "Upgrade", 7 },
        { "Connection", 10 },
        { "Keep-Alive", 10 },
        { "Content-Length", 14 },
        { "Proxy-Connection", 16 },
        { "Transfer-Encoding", 17 },
    };

    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (text_eq_nocase(ours[i], name))
            return true;
    return false;
}

static bool has_length(const struct transfer_request *request)
{
    return request->body_count > 0 || text_is(request->method, "POST") || text_is(request->method, "PUT") ||
           text_is(request->method, "PATCH");
}

static void put_line(struct writer *w, struct text name, struct text value)
{
    put(w, name);
    put(w, TEXT(": "));
    put(w, value);
    put(w, TEXT("\r\n"));
}

ssize_t exchange_head_write(char *out, const struct transfer_request *request, const struct address *address,
                            const char **why)
{
    struct writer w = { .at = out, .end = out + HEAD_MAX };
    bool has_encoding = false, has_agent = false;

    if (!field_is_name(request->method)) {
        *why = "malformed method";
        return -1;
    }
    put(&w, request->method);
    put(&w, TEXT(" "));
    if (address->path.len == 0 || address->path.ptr[0] != '/')
        put(&w, TEXT("/"));
    put(&w, address->path);
    put(&w, TEXT(" HTTP/1.1\r\n"));
    put_line(&w, TEXT("Host"), address->host);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct transfer_header *header = &request->headers[i];

        if (is_ours(header->name))
            continue;
        if (!field_is_name(header->name) || !field_is_value(header->value)) {
            *why = "malformed header";
            return -1;
        }
        has_encoding = has_encoding || text_eq_nocase(header->name, TEXT("Accept-Encoding"));
        has_agent = has_agent || text_eq_nocase(header->name, TEXT("User-Agent"));
        put_line(&w, header->name, header->value);
    }
    if (!has_encoding)
        put_line(&w, TEXT("Accept-Encoding"), TEXT("identity"));
    if (!has_agent)
        put_line(&w, TEXT("User-Agent"), TEXT("llm-gateway/" GW_VERSION));
    if (has_length(request)) {
        size_t length = 0;

        for (size_t i = 0; i < request->body_count; i++)
            length += request->body[i].len;
        put(&w, TEXT("Content-Length: "));
        put_number(&w, length);
        put(&w, TEXT("\r\n"));
    }
    put(&w, TEXT("\r\n"));
    if (w.full) {
        *why = "the request's head is too long";
        return -1;
    }
    return w.at - out;
}
