/* entry.h - an answer as it is kept: the bytes of its upstream, and what is known of them. Pure functions, any thread. */
#ifndef CACHE_ENTRY_H
#define CACHE_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "cache/key.h"

/* The most bytes of an answer that is kept. */
#define CACHE_ANSWER_MOST ((size_t)1 << 20)

struct cache_entry {
    bool events;              /* a stream, as text/event-stream; else one JSON text */
    int64_t stored_ms;        /* unix milliseconds */
    int64_t ends_ms;          /* when it is no longer given */
    struct text content_type; /* lent, as all texts */
    struct text bytes;
};

/* Appends the entry, under its key. 0, or -1 where `out` has no room. */
int entry_write(const struct cache_entry *entry, const char key[CACHE_KEY_LEN + 1], struct buf *out);
/* Reads an entry; its texts point into `value`. False: the bytes are no entry, or one of another key. */
bool entry_read(struct text value, const char key[CACHE_KEY_LEN + 1], struct cache_entry *entry);
/* What an answer is named, as it stands in its bytes: the id with its quotes, when it was made. Absent: it does not name that. */
struct entry_names {
    struct text id, created;
};

/* The names in an answer, or in the events that it begins with. Lent from `scratch` and the entry. */
struct entry_names entry_names_of(struct arena *scratch, const struct cache_entry *entry);
/* Appends some of its bytes, whole events, with other names: what entry_renew() does with all of them. */
bool entry_rename(struct arena *scratch, const struct entry_names *names, struct text bytes, struct text request_id,
                  int64_t unix_s, struct buf *out);
/* Appends the bytes with a new id of the answer, made from `request_id`, and as created at `unix_s`: what else is named in it stays as it
 * was. False where `out` has no room. */
bool entry_renew(struct arena *scratch, const struct cache_entry *entry, struct text request_id, int64_t unix_s,
                 struct buf *out);

#endif
