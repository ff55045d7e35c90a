/* buf.c - bytes that grow at the end and shrink at the front. Capacity starts small and doubles; an
 * empty buffer holds no memory, so ten thousand idle streams cost nothing. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/fault.h"
#include "base/large.h"

#ifdef GW_TINY
enum { CAP_FIRST = 16 };
#else
enum { CAP_FIRST = 256 };
#endif
enum {
    SMALL = 4096,
    COPIED = 1 << 20, /* a tenth of a millisecond */
};

static int make_room(struct buf *b, size_t more);

static void release(char *ptr, size_t cap)
{
    if (cap >= LARGE_LEAST)
        large_free(ptr, cap);
    else
        free(ptr);
}

/* Gives the memory back; that an append failed stays true. */
static void drop(struct buf *b)
{
    release(b->ptr, b->cap);
    *b = (struct buf){ .max = b->max, .failed = b->failed };
}

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){ .max = max };
}

void buf_free(struct buf *b)
{
    release(b->ptr, b->cap);
    buf_init(b, b->max);
}

void buf_free_any(void *b)
{
    buf_free(b);
}

char *buf_extend_more(struct buf *b, size_t len, bool fault)
{
    bool fits = b->max - b->len >= len && !fault;
    if (!fits || (b->cap - b->start - b->len < len && make_room(b, len) < 0)) {
        b->failed = true;
        return NULL;
    }
    b->len += len;
    return b->ptr + b->start + b->len - len;
}

int buf_append_tight(struct buf *b, const void *bytes, size_t len)
{
    enum { STEP = 32 };

    if (b->cap == 0 && len > 0 && len + STEP <= CAP_FIRST && b->max >= CAP_FIRST) {
        size_t cap = (len + STEP - 1) & ~(size_t)(STEP - 1);
        b->ptr = malloc(cap);
        b->cap = b->ptr != NULL ? cap : 0;
    }
    return buf_append(b, bytes, len);
}

int buf_printf(struct buf *b, const char *format, ...)
{
    char guess[256];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(guess, sizeof guess, format, args);
    va_end(args);
    BUG_IF(len < 0);
    if ((size_t)len < sizeof guess)
        return buf_append(b, guess, (size_t)len);

    /* vsnprintf() also writes a NUL: room for one byte more than is kept. */
    char *whole = malloc((size_t)len + 1);
    if (whole == NULL) {
        b->failed = true;
        return -1;
    }
    va_start(args, format);
    vsnprintf(whole, (size_t)len + 1, format, args);
    va_end(args);
    int result = buf_append(b, whole, (size_t)len);
    free(whole);
    return result;
}

char *buf_room(struct buf *b, size_t want, size_t *room)
{
    size_t left = b->max - b->len;

    *room = 0;
    if (want > left)
        want = left;
    if (left == 0 || (b->cap - b->start - b->len < want && make_room(b, want) < 0))
        return NULL;
    size_t have = b->cap - b->start - b->len;
    if (have == 0)
        return NULL;
    *room = have < left ? have : left;
    return b->ptr + b->start + b->len;
}

void buf_added(struct buf *b, size_t len)
{
    BUG_IF(len > b->cap - b->start - b->len || len > b->max - b->len);
    b->len += len;
    if (b->len == 0)
        drop(b);
}

/* Growing to `cap`, a large size: does the kernel move its pages rather than we its bytes into a piece that is kept? */
static bool is_moved(const struct buf *b, size_t cap)
{
    return b->cap >= LARGE_LEAST && b->len > COPIED && cap / 4 < b->cap;
}

/* Room for `more` bytes at the end; `max` has been looked at. Moves what is held to the front when the
 * dead bytes there are over half of the memory, or when it cannot grow any more. */
static int make_room(struct buf *b, size_t more)
{
    size_t need = b->len + more;

    if (need <= b->cap && (b->start > b->cap / 2 || b->cap >= b->max)) {
        memmove(b->ptr, b->ptr + b->start, b->len);
        b->start = 0;
        return 0;
    }

    size_t cap = b->cap == 0 ? CAP_FIRST : b->cap;
    while (cap < need)
        cap = cap > b->max / 2 ? b->max : cap * 2;
    if (cap == b->cap)
        cap = cap > b->max / 2 ? b->max : cap * 2;
    if (cap > b->max)
        cap = b->max;

    char *ptr;
    if (b->start == 0 && (cap < LARGE_LEAST || is_moved(b, cap))) {
        ptr = realloc(b->ptr, cap);
    } else {
        ptr = cap >= LARGE_LEAST ? large_alloc(cap, &cap) : malloc(cap);
        if (ptr != NULL && b->ptr != NULL) {
            memcpy(ptr, b->ptr + b->start, b->len);
            release(b->ptr, b->cap);
        }
    }
    if (ptr == NULL) {
        if (cap > SMALL)
            return -1;
        perror("llm-gateway: buffer");
        abort();
    }
    b->ptr = ptr;
    b->start = 0;
    b->cap = cap;
    return 0;
}

void buf_consume(struct buf *b, size_t len)
{
    BUG_IF(len > b->len);
    b->start += len;
    b->len -= len;
    if (b->len == 0)
        drop(b);
}

void buf_truncate(struct buf *b, size_t len)
{
    BUG_IF(len > b->len);
    b->len = len;
    if (len == 0)
        drop(b);
}

struct text buf_view(const struct buf *b)
{
    if (b->len == 0)
        return TEXT("");
    return (struct text){ b->ptr + b->start, b->len };
}

char *buf_take(struct buf *b, size_t *len)
{
    char *ptr = b->ptr;

    *len = b->len;
    if (b->start > 0)
        memmove(ptr, ptr + b->start, b->len);
    buf_init(b, b->max);
    return ptr;
}
