/* skip_strict.c - is a text one right JSON value? A check without a tree, in one pass over the text. */
#include "base/skip.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/keys.h"
#include "base/unescape.h"

static const char stray[] = "this is not what JSON allows here";

/* A number has to be this long before it can be larger than a double holds without an exponent. */
enum { DIGITS_SAFE = 300 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t c_locale; /* for strtod_l(): a library may call setlocale() behind our back */

static void make_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* One check. Where `keys` is NULL only the grammar and UTF-8 are looked at. */
struct walk {
    struct skip skip;
    struct keys *keys;
    struct skip_spans *spans;      /* NULL: nobody asks */
    size_t opened[SKIP_MAX_DEPTH]; /* places of the open brackets in `spans` */
    struct text t;
    bool is_utf8;     /* known already */
    uint64_t objects; /* bit per open bracket: 1 for an object */
    unsigned depth;
};

static size_t bad(struct walk *w, const char *problem, size_t at)
{
    w->skip.problem = problem;
    w->skip.at = at;
    return SKIP_BAD;
}

/* Looks at the escapes of the string from `at` to the quote at `end`: no \u0000, no half of a surrogate pair. */
static size_t check_escapes(struct walk *w, size_t at, size_t end)
{
    while (at < end) {
        const char *escape = memchr(w->t.ptr + at, '\\', end - at);
        if (escape == NULL)
            break;
        at = (size_t)(escape - w->t.ptr);
        if (escape[1] != 'u') {
            at += 2;
            continue;
        }
        const char *problem = unescape_problem(escape, (size_t)(w->t.ptr + end - escape));
        if (problem != NULL)
            return bad(w, problem, at);
        at += 6;
        if (unescape_is_high(escape)) /* its other half is there, or there were a problem */
            at += 6;
    }
    return end;
}

/* The offset of the closing quote of the string whose opening quote is at `at`, or SKIP_BAD. */
static size_t string_end(struct walk *w, size_t at)
{
    w->skip.escaped = w->skip.odd = false;
    size_t end = skip_string(w->t, at + 1, &w->skip);

    return end != SKIP_BAD && w->keys != NULL && w->skip.odd ? check_escapes(w, at + 1, end) : end;
}

static bool is_infinite(struct text number)
{
    char *copy = malloc(number.len + 1);
    double value;

    if (copy == NULL)
        return true;
    memcpy(copy, number.ptr, number.len);
    copy[number.len] = '\0';
    pthread_once(&once, make_locale);
    value = strtod_l(copy, NULL, c_locale);
    free(copy);
    return isinf(value);
}

static size_t number_end(struct walk *w, size_t at)
{
    size_t end = skip_number(w->t, at, &w->skip);
    struct text number = { w->t.ptr + at, end - at };

    if (end == SKIP_BAD || w->keys == NULL)
        return end;
    bool may_overflow = number.len > DIGITS_SAFE;
    for (size_t i = 0; i < number.len && !may_overflow; i++)
        may_overflow = (number.ptr[i] | 0x20) == 'e';
    return may_overflow && is_infinite(number) ? bad(w, "a number is too large", at) : end;
}

/* Notes a value that begins at `at`. */
static void add_span(struct walk *w, size_t at, size_t end)
{
    struct skip_spans *s = w->spans;

    if (s->count == s->cap) {
        size_t cap = s->cap > 0 ? 2 * s->cap : 64;
        struct skip_span *larger = realloc(s->items, cap * sizeof *larger);
        if (larger == NULL) { /* then they are passed over again, which is slower, but right */
            w->spans = NULL;
            s->count = 0;
            return;
        }
        s->items = larger;
        s->cap = cap;
    }
    s->items[s->count++] = (struct skip_span){ at, end };
}

/* A bracket opens. Those that turn out to be small are taken off the list when they close, with what is in them. */
static void open_span(struct walk *w, size_t at)
{
    if (w->spans == NULL)
        return;
    w->opened[w->depth] = w->spans->count;
    add_span(w, at, 0);
}

/* The offset after a string, number or word at `at`, or SKIP_BAD. */
static size_t scalar_end(struct walk *w, size_t at)
{
    size_t end;

    switch (w->t.ptr[at]) {
    case '"':
        end = string_end(w, at);
        if (end == SKIP_BAD)
            return end;
        if (w->spans != NULL && end + 1 - at >= SKIP_LARGE_STRING)
            add_span(w, at, end + 1);
        return end + 1;
    case 't':
    case 'f':
    case 'n':
        return skip_word(w->t, at, &w->skip);
    case '-':
    case '0' ... '9':
        return number_end(w, at);
    default:
        return bad(w, stray, at);
    }
}

/* The offset of the value after the key at `at`, or SKIP_BAD. */
static size_t key_end(struct walk *w, size_t at)
{
    if (at >= w->t.len || w->t.ptr[at] != '"')
        return bad(w, at >= w->t.len ? skip_open_bracket : stray, at);
    size_t end = string_end(w, at);
    if (end == SKIP_BAD)
        return SKIP_BAD;
    if (w->keys != NULL && !keys_add(w->keys, (struct text){ w->t.ptr + at + 1, end - at - 1 }, w->skip.escaped))
        return bad(w, "it has too many values", at);
    at = skip_space(w->t, end + 1);
    if (at >= w->t.len || w->t.ptr[at] != ':')
        return bad(w, at >= w->t.len ? skip_open_bracket : stray, at);
    return skip_space(w->t, at + 1);
}

static void close_span(struct walk *w, size_t end)
{
    struct skip_spans *s = w->spans;

    if (s == NULL)
        return;
    struct skip_span *span = &s->items[w->opened[w->depth]];
    span->to = end;
    if (end - span->from < SKIP_LARGE)
        s->count = w->opened[w->depth];
}

static size_t open_bracket(struct walk *w, size_t at)
{
    if (w->depth == SKIP_MAX_DEPTH)
        return bad(w, skip_deep, at);
    bool is_object = w->t.ptr[at] == '{';
    if (is_object && w->keys != NULL)
        keys_open(w->keys);
    w->objects = w->objects << 1 | is_object;
    open_span(w, at);
    w->depth++;
    return skip_space(w->t, at + 1);
}

/* The offset after the bracket at `at`, which closes the innermost one. */
static size_t close_bracket(struct walk *w, size_t at)
{
    const char *twice = (w->objects & 1) && w->keys != NULL ? keys_close(w->keys) : NULL;

    if (w->keys != NULL && w->keys->full)
        return bad(w, "it has too many values", at);
    if (twice != NULL)
        return bad(w, "an object has a member twice", (size_t)(twice - w->t.ptr));
    w->objects >>= 1;
    w->depth--;
    close_span(w, at + 1);
    return at + 1;
}

/* The end: nothing but white space may follow, and all must be UTF-8. */
static size_t check_end(struct walk *w, size_t at)
{
    size_t valid;

    if (at < w->t.len)
        return bad(w, "something stands after its end", at);
    if (w->is_utf8 || !w->skip.high || text_is_utf8(w->t))
        return at;
    valid = text_utf8_valid_len(w->t);
    return bad(w, "a string is not UTF-8", valid);
}

/* What may follow a value, or an opening bracket (`first`): the offset of the next value, w->t.len at the end with
 * nothing open, or SKIP_BAD. */
static size_t next_value(struct walk *w, size_t at, bool first)
{
    for (;; first = false) {
        at = first ? at : skip_space(w->t, at);
        if (w->depth == 0)
            return check_end(w, at);
        if (at >= w->t.len)
            return bad(w, skip_open_bracket, at);
        char c = w->t.ptr[at];
        if (c == (w->objects & 1 ? '}' : ']')) {
            at = close_bracket(w, at);
            if (at == SKIP_BAD)
                return at;
            continue;
        }
        if (!first && c != ',')
            return bad(w, c == ']' || c == '}' ? skip_mismatch : stray, at);
        if (!first)
            at = skip_space(w->t, at + 1);
        return w->objects & 1 ? key_end(w, at) : at;
    }
}

static bool walk(struct walk *w)
{
    size_t at = skip_space(w->t, 0);

    for (bool ended = false; !ended;) {
        if (at >= w->t.len) {
            bad(w, w->depth > 0 ? skip_open_bracket : "it is empty", at);
            return false;
        }
        char c = w->t.ptr[at];
        bool opens = c == '{' || c == '[';
        at = opens ? open_bracket(w, at) : scalar_end(w, at);
        if (at == SKIP_BAD || (at = next_value(w, at, opens)) == SKIP_BAD)
            return false;
        ended = w->depth == 0;
    }
    return true;
}

bool skip_strict(struct text t)
{
    return skip_strict_spans(t, false, NULL);
}

bool skip_strict_spans(struct text t, bool is_utf8, struct skip_spans *spans)
{
    struct walk w = { .t = t, .is_utf8 = is_utf8, .spans = spans };

    return walk(&w);
}

bool skip_strict_all(struct text t, bool is_utf8, struct skip *s, struct skip_spans *spans)
{
    struct keys keys;
    struct walk w = { .t = t, .is_utf8 = is_utf8, .keys = &keys, .spans = spans };

    keys_begin(&keys);
    bool right = walk(&w);
    keys_end(&keys);
    *s = w.skip;
    return right;
}
