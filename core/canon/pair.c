/* pair.c - joins surrogate pairs that are split over two events. */
#include "canon/pair.h"

#include <stdbool.h>
#include <string.h>

enum half { NEITHER, FIRST_HALF, SECOND_HALF };

/* What is read, and how far. */
struct walk {
    struct pair *pair;
    struct buf *out;
    const char *at, *end, *copied; /* up to there all is in `out` */
    size_t place;                  /* of the strings that come, without their member's name */
    struct text name;              /* of the member whose value comes, as written */
};

/* What the escape at `p` is a half of. */
static enum half half_at(const char *p, const char *end)
{
    if (end - p < PAIR_ESCAPE || p[0] != '\\' || p[1] != 'u' || (p[2] != 'd' && p[2] != 'D'))
        return NEITHER;
    char c = p[3];
    if (c == '8' || c == '9' || c == 'a' || c == 'b' || c == 'A' || c == 'B')
        return FIRST_HALF;
    return (c >= 'c' && c <= 'f') || (c >= 'C' && c <= 'F') ? SECOND_HALF : NEITHER;
}

static bool has_half(struct text json)
{
    const char *p = json.ptr, *end = json.ptr + json.len;
    while ((p = memchr(p, '\\', (size_t)(end - p))) != NULL && end - p >= PAIR_ESCAPE) {
        if (half_at(p, end) != NEITHER)
            return true;
        p += 2;
    }
    return false;
}

static size_t mix(size_t hash, struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        hash = (hash ^ (unsigned char)t.ptr[i]) * 1099511628211u;
    return hash;
}

static void copy_to(struct walk *w, const char *to)
{
    buf_append(w->out, w->copied, (size_t)(to - w->copied));
    w->copied = to;
}

/* Puts the half that waits for this string before what it begins with. */
static void let_go(struct walk *w, size_t place)
{
    struct pair *pair = w->pair;
    size_t i = 0;
    while (i < pair->count && pair->held[i].place != place)
        i++;
    if (i == pair->count)
        return;
    copy_to(w, w->at);
    if (half_at(w->at, w->end) == SECOND_HALF)
        buf_append(w->out, pair->held[i].half, PAIR_ESCAPE);
    else
        buf_str(w->out, "\\ufffd");
    pair->held[i] = pair->held[--pair->count];
}

/* Takes away the first half at w->at, which ends its string. */
static void hold(struct walk *w, size_t place)
{
    struct pair *pair = w->pair;
    if (pair->count == PAIR_HELD)
        return;
    copy_to(w, w->at);
    w->copied += PAIR_ESCAPE;
    pair->held[pair->count].place = place;
    memcpy(pair->held[pair->count++].half, w->at, PAIR_ESCAPE);
}

/* The quote that closes the string of which `p` is inside; `end` when there is none. */
static const char *close_of(const char *p, const char *end)
{
    while (p < end && *p != '"')
        p += *p == '\\' && end - p > 1 ? 2 : 1;
    return p;
}

static bool is_before_colon(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p < end && *p == ':';
}

/* A value: the string from w->at to the quote at `close`. */
static void walk_value(struct walk *w, const char *close)
{
    size_t place = mix(w->place, w->name);
    if (w->at < close)
        let_go(w, place);
    while (w->at < close) {
        enum half half = half_at(w->at, close);
        if (half == FIRST_HALF && w->at + PAIR_ESCAPE == close)
            hold(w, place);
        if (half == FIRST_HALF && half_at(w->at + PAIR_ESCAPE, close) == SECOND_HALF)
            w->at += PAIR_ESCAPE;
        w->at += half != NEITHER ? PAIR_ESCAPE : *w->at == '\\' ? 2 : 1;
    }
}

struct text pair_join(struct pair *pair, struct text json, struct buf *out)
{
    struct walk w = { .pair = pair, .out = out, .at = json.ptr, .end = json.ptr + json.len, .copied = json.ptr };
    if (json.len == 0 || (pair->count == 0 && !has_half(json)))
        return json;
    while (w.at < w.end) {
        char c = *w.at++;
        if (c >= '0' && c <= '9' && text_is(w.name, "index"))
            w.place = mix(w.place + 1, (struct text){ w.at - 1, 1 });
        if (c != '"')
            continue;
        const char *close = close_of(w.at, w.end);
        if (close == w.end)
            break; /* not JSON: the parser reports it */
        if (is_before_colon(close + 1, w.end))
            w.name = (struct text){ w.at, (size_t)(close - w.at) };
        else
            walk_value(&w, close);
        w.at = close + 1;
    }
    if (w.copied == json.ptr)
        return json;
    copy_to(&w, w.end);
    return buf_view(out);
}
