/* messages_estimate.c - how many input tokens a body may have, for upstreams that cannot count. Clients shorten their
 * conversation by this number, so it may be too high but not too low, and never 0: that would switch the shortening
 * off. The numbers fit what Anthropic counted in recorded requests. */
#include <string.h>

#include "face/messages.h"

enum {
    TOOLS_TOKENS = 550, /* what Anthropic adds to the prompt when there are tools: 346 to 530 by model */
    MEDIA_TOKENS = 1600, /* of one image; the least of a document */
    PDF_TOKENS = 3000,  /* of one page of a PDF */
    PDF_PAGE = 60000,   /* base64 bytes that one page takes at least, mostly */
    PDF_PAGES = 100,    /* that Anthropic reads at most */
};

/* Members called `quoted` whose value begins with `value`, at any depth. */
static int64_t count_members(struct text body, struct text quoted, struct text value)
{
    const char *end = body.ptr + body.len, *p = body.ptr;
    int64_t n = 0;
    while ((p = memmem(p, (size_t)(end - p), quoted.ptr, quoted.len)) != NULL) {
        p += quoted.len;
        while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r' || *p == ':'))
            p++;
        n += text_starts((struct text){ p, (size_t)(end - p) }, value);
    }
    return n;
}

/* The bytes of a base64 string inside of "data", whose first byte is at `p`; 0 when it is none. */
static size_t base64_len(const char *p, const char *end)
{
    const char *quote = memchr(p, '"', (size_t)(end - p));
    if (quote == NULL || quote - p < 64 || memchr(p, ' ', (size_t)(quote - p)) != NULL)
        return 0;
    for (const char *q = p; q < p + 64; q++)
        if (!((*q >= 'a' && *q <= 'z') || (*q >= 'A' && *q <= 'Z') || (*q >= '0' && *q <= '9') || *q == '+' ||
              *q == '/'))
            return 0;
    return (size_t)(quote - p);
}

static int64_t pdf_tokens(size_t base64)
{
    int64_t pages = (int64_t)base64 / PDF_PAGE + 1;
    return (pages < PDF_PAGES ? pages : PDF_PAGES) * PDF_TOKENS;
}

/* Base64 data in the body: its bytes, and in *tokens what the PDFs among it may have. */
static size_t data_bytes(struct text body, int64_t *tokens)
{
    const char *end = body.ptr + body.len, *p = body.ptr;
    size_t bytes = 0;
    while ((p = memmem(p, (size_t)(end - p), "\"data\"", 6)) != NULL) {
        p += 6;
        while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r' || *p == ':'))
            p++;
        if (p == end || *p != '"')
            continue;
        size_t len = base64_len(++p, end);
        if (text_starts((struct text){ p, len }, TEXT("JVBER")))
            *tokens += pdf_tokens(len);
        bytes += len;
        p += len;
    }
    return bytes;
}

/* Bytes over 0x7f: a character of two to four of them is often a token of its own. */
static size_t high_bytes(struct text body)
{
    size_t n = 0;
    for (size_t i = 0; i < body.len; i++)
        n += (unsigned char)body.ptr[i] >> 7;
    return n;
}

int64_t messages_estimate(const struct ask *ask)
{
    const struct scan_member *tools = scan_get(&ask->scan, "tools");
    int64_t tokens = 1;
    if (ask->body.len == 0)
        return tokens;
    size_t high = high_bytes(ask->body), data = data_bytes(ask->body, &tokens), low = ask->body.len - high;
    low = low > data ? low - data : 0;
    tokens += (int64_t)(low * 10 / 33) + (int64_t)(high / 2);
    tokens += MEDIA_TOKENS * count_members(ask->body, TEXT("\"type\""), TEXT("\"image\""));
    tokens += MEDIA_TOKENS * count_members(ask->body, TEXT("\"type\""), TEXT("\"document\""));
    if (tools != NULL && tools->type == '[' && tools->value.len > 2)
        tokens += TOOLS_TOKENS;
    return tokens;
}
