/* upstream_head.c - what the head of an upstream's answer reports that matters later. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "flow/way.h"

enum { RETRY_MOST = 366 * 24 * 3600 }; /* seconds */

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7; the two old forms are not sent any more) as seconds since 1970, -1
 * when it is none. */
static int64_t date_of(struct text value)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char text[40], month[4];
    struct tm t = { .tm_isdst = 0 };

    if (value.len >= sizeof text)
        return -1;
    snprintf(text, sizeof text, "%.*s", TEXT_ARG(value));
    if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT", &t.tm_mday, month, &t.tm_year, &t.tm_hour,
               &t.tm_min, &t.tm_sec) != 6)
        return -1;
    ptrdiff_t at = text_find((struct text){ months, sizeof months - 1 }, text_of(month));
    if (at < 0 || at % 3 != 0)
        return -1;
    t.tm_mon = (int)at / 3;
    t.tm_year -= 1900;
    return timegm(&t);
}

/* Seconds to wait; -1: not given. A date is compared with `now`, which is the upstream's own clock where it sends one. */
static int retry_after(struct text value, int64_t now, bool milliseconds)
{
    struct text whole = value, rest;
    int64_t n, date = milliseconds ? -1 : date_of(value);

    if (date >= 0) {
        n = date - (now >= 0 ? now : clock_unix_ms() / 1000);
        return n < 0 ? 0 : n > RETRY_MOST ? RETRY_MOST : (int)n;
    }
    rest = text_cut(&whole, '.');
    if (text_parse_u63(text_trim(rest), &n) < 0)
        return -1;
    if (milliseconds)
        n = n / 1000 + (n % 1000 != 0);
    return n > RETRY_MOST ? RETRY_MOST : (int)n;
}

/* For the plugin, which may ask for any. */
static void keep_all(struct attempt *a, const struct transfer_header *headers, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += headers[i].name.len + headers[i].value.len;
    char *at = arena_array(&a->req->arena, char, len + 1);
    a->head = arena_array(&a->req->arena, struct transfer_header, count + 1);
    a->head_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct text from[] = { headers[i].name, text_trim(headers[i].value) };
        struct text *to[] = { &a->head[i].name, &a->head[i].value };
        for (size_t k = 0; k < 2; k++) {
            memcpy(at, from[k].len > 0 ? from[k].ptr : "", from[k].len);
            *to[k] = (struct text){ at, from[k].len };
            at += from[k].len;
        }
    }
}

/* 0 where it is none that can be: the transfer looks at it itself. */
static size_t length_of(struct text value)
{
    size_t length = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9' || length > SIZE_MAX / 100)
            return 0;
        length = length * 10 + (size_t)(value.ptr[i] - '0');
    }
    return length;
}

bool upstream_head_keep(struct attempt *a, const struct transfer_header *headers, size_t count)
{
    struct arena *arena = &a->req->arena;
    keep_all(a, headers, count);
    struct text after = TEXT_NONE, after_ms = TEXT_NONE, date = TEXT_NONE;
    bool plain = true;

    for (size_t i = 0; i < count; i++) {
        struct text name = headers[i].name, value = text_trim(headers[i].value);
        if (text_eq_nocase(name, TEXT("content-type")))
            a->content_type = arena_text(arena, mask_text(a, value));
        else if (text_eq_nocase(name, TEXT("x-request-id")) || text_eq_nocase(name, TEXT("request-id")))
            a->request_id = arena_text(arena, mask_text(a, value));
        else if (text_eq_nocase(name, TEXT("retry-after-ms")))
            after_ms = value;
        else if (text_eq_nocase(name, TEXT("retry-after")))
            after = value;
        else if (text_eq_nocase(name, TEXT("x-should-retry")))
            a->should_retry = text_eq_nocase(value, TEXT("false")) ? 0 : -1;
        else if (text_eq_nocase(name, TEXT("date")))
            date = value;
        else if (text_eq_nocase(name, TEXT("content-length")))
            a->announced = length_of(value);
        else if (text_eq_nocase(name, TEXT("content-encoding")) && !text_eq_nocase(value, TEXT("identity")))
            plain = false;
    }
    a->retry_after_s = after_ms.len > 0 ? retry_after(after_ms, -1, true) : -1;
    if (a->retry_after_s < 0 && after.len > 0)
        a->retry_after_s = retry_after(after, date_of(date), false);
    return plain;
}
