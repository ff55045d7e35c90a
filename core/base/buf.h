/* buf.h - bytes that grow at the end and shrink at the front, with a maximum. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/fault.h"
#include "base/text.h"

struct buf {
    char *ptr;    /* NULL while nothing is held */
    size_t start; /* bytes consumed at the front */
    size_t len;   /* bytes held after `start` */
    size_t cap;
    size_t max;  /* len never passes it */
    bool failed; /* an append was refused since buf_init() or buf_free(): what is held is not all of it */
};

/* Takes no memory until the first byte. */
void buf_init(struct buf *b, size_t max);
/* Frees the memory; the buffer is empty and usable again. */
void buf_free(struct buf *b);
/* The same, for arena_defer(). */
void buf_free_any(void *b);
/* 0, or -1 when `max` would be passed or memory for a large buffer (over 4 KB) cannot be had; nothing is
 * appended then. A failed malloc of less aborts. */
static inline int buf_append(struct buf *b, const void *bytes, size_t len);
static inline int buf_text(struct buf *b, struct text t);
/* As buf_append(), but the first memory is hardly more than `len`: for those of which there are very many, with little in
 * each. */
int buf_append_tight(struct buf *b, const void *bytes, size_t len);
static inline int buf_str(struct buf *b, const char *s);
/* The same for `len` bytes, at least one, which the caller writes at once to the place that is returned; NULL: as -1 above. */
static inline char *buf_extend(struct buf *b, size_t len);
int buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Room for at least `want` more bytes at the end (less when max is near; NULL when none): fill
 * it, then buf_added(), with 0 too. *room gets the size. Lent until the next change. */
char *buf_room(struct buf *b, size_t want, size_t *room);
void buf_added(struct buf *b, size_t len);
/* Forget `len` bytes at the front; memory is freed when nothing is left. */
void buf_consume(struct buf *b, size_t len);
/* Forget all but the first `len` bytes. */
void buf_truncate(struct buf *b, size_t len);
/* What is held, lent until the next change. */
struct text buf_view(const struct buf *b);
/* The memory, given: free() it, or large_free_any() where it may be large; NULL when nothing is held. *len gets the length; the buffer is empty after. */
char *buf_take(struct buf *b, size_t *len);

/* buf_extend() where the memory must grow first, or it may not; `fault`: it is to fail. */
char *buf_extend_more(struct buf *b, size_t len, bool fault);

static inline char *buf_extend(struct buf *b, size_t len)
{
    bool fault = fault_now();
    if (__builtin_expect(fault || b->cap - b->start - b->len < len || b->max - b->len < len, 0))
        return buf_extend_more(b, len, fault);
    char *at = b->ptr + b->start + b->len;
    b->len += len;
    return at;
}

static inline int buf_append(struct buf *b, const void *bytes, size_t len)
{
    char *at = len > 0 ? buf_extend(b, len) : NULL;
    if (at == NULL)
        return len > 0 ? -1 : 0;
    memcpy(at, bytes, len);
    return 0;
}

static inline int buf_text(struct buf *b, struct text t)
{
    return buf_append(b, t.ptr, t.len);
}

static inline int buf_str(struct buf *b, const char *s)
{
    return buf_append(b, s, strlen(s));
}

#endif
