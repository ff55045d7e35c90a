/* messages_estimate.c - how many input tokens a body may have, for upstreams that cannot count. Clients shorten their
 * conversation by this number, so it may be too high but not too low, and never 0: that would switch the shortening
 * off. The numbers fit what Anthropic counted in recorded requests. */
#include <string.h>

#include "face/messages/messages.h"

enum {
    TOOLS_TOKENS = 550,  /* what Anthropic adds to the prompt when there are tools: 346 to 530 by model */
    MEDIA_TOKENS = 1600, /* of one image; the least of a document */
    PDF_TOKENS = 3000,   /* of one page of a PDF */
    PDF_PAGE = 60000,    /* base64 bytes that one page takes at least, mostly */
    PDF_PAGES = 100,     /* that Anthropic reads at most */
};

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

/* What one pass over a body counts. */
struct counted {
    size_t high;                 /* bytes over 0x7f: a character of two to four of them is often a token of its own */
    size_t data;                 /* bytes of base64 data */
    int64_t tokens;              /* that the PDFs among it may have */
    int64_t media;               /* images and documents */
    size_t type_from, data_from; /* where the next member of that name may begin: not with the last quote of another */
};

static const uint64_t ones = UINT64_C(0x0101010101010101);

/* What begins with the value behind a name that ends at `at`. */
static struct text value_behind(struct text body, size_t at)
{
    while (at < body.len && memchr(" \n\t\r:", body.ptr[at], 5) != NULL)
        at++;
    return (struct text){ body.ptr + at, body.len - at };
}

/* Is the name of a member that matters at `at`, at any depth? There are six bytes at least. */
static void take_name(struct text body, size_t at, struct counted *c)
{
    bool is_type = memcmp(body.ptr + at, "\"type\"", 6) == 0, is_data = memcmp(body.ptr + at, "\"data\"", 6) == 0;
    if (is_type && at >= c->type_from) {
        struct text value = value_behind(body, at + 6);
        c->type_from = at + 6;
        c->media += text_starts(value, TEXT("\"image\"")) || text_starts(value, TEXT("\"document\""));
    } else if (is_data && at >= c->data_from) {
        struct text value = value_behind(body, at + 6);
        c->data_from = at + 6;
        size_t len = text_starts(value, TEXT("\"")) ? base64_len(value.ptr + 1, value.ptr + value.len) : 0;
        if (text_starts((struct text){ value.ptr + 1, len }, TEXT("JVBER")))
            c->tokens += pdf_tokens(len);
        c->data += len;
    }
}

/* The high bit of each byte that is a quote; bits above the first one may be wrong. */
static uint64_t quotes(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    word ^= ones * '"';
    return (word - ones) & ~word & ones * 0x80;
}

static struct counted count(struct text body)
{
    struct counted c = { .high = 0 };
    size_t at = 0;
    for (; body.len - at >= 16; at += 8) { /* a name of four letters has quotes five bytes apart */
        uint64_t word, names = quotes(body.ptr + at) & quotes(body.ptr + at + 5);
        memcpy(&word, body.ptr + at, sizeof word);
        c.high += (word >> 7 & ones) * ones >> 56;
        for (size_t i = 0; names != 0 && i < 8; i++)
            take_name(body, at + i, &c);
    }
    for (; at < body.len; at++) {
        c.high += (unsigned char)body.ptr[at] >> 7;
        if (body.len - at >= 6)
            take_name(body, at, &c);
    }
    return c;
}

int64_t messages_estimate(const struct ask *ask)
{
    const struct scan_member *tools = scan_get(&ask->scan, "tools");
    if (ask->body.len == 0)
        return 1;
    struct counted c = count(ask->body);
    size_t low = ask->body.len - c.high;
    low = low > c.data ? low - c.data : 0;
    int64_t tokens = 1 + c.tokens + (int64_t)(low * 10 / 33) + (int64_t)(c.high / 2) + MEDIA_TOKENS * c.media;
    if (tools != NULL && tools->type == '[' && tools->value.len > 2)
        tokens += TOOLS_TOKENS;
    return tokens;
}
