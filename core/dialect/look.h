/* look.h - members found in what passes, without reading all of it, and a digest made of them. Any thread. */
#ifndef DIALECT_LOOK_H
#define DIALECT_LOOK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/scan.h"

/* The first byte of the value of a member called `quoted` ("\"usage\"", with its quotes) at some depth; 0 when there is
 * none or it is null. */
char look_value_of(struct text data, struct text quoted);
/* ,"name":VALUE appended when the member is there. */
void look_keep(const struct scan *scan, const char *name, struct buf *out);
/* For extract(): of the whole answer `body` the members of `kept`, NULL-terminated, as the object of a digest, *out; all of
 * them are in *scan. DIALECT_TAP_USAGE: "usage" is an object; DIALECT_TAP_ERROR: "error" is there. DIALECT_TAP_BAD: the body
 * is no object, and *out is absent. */
unsigned look_extract(struct arena *arena, struct text body, const char *const *kept, struct scan *scan,
                      struct text *out);
/* The JSON text of a finished buf in the arena; the buf is freed. Where an append to it failed, the arena is full: the
 * request must fail. */
struct text look_take(struct arena *arena, struct buf *out);

#endif
