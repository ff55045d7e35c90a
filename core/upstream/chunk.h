/* chunk.h - is the framing of a chunked body what RFC 9112 §7.1 states? */
#ifndef UPSTREAM_CHUNK_H
#define UPSTREAM_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#define CHUNK_MAX_LINE 4096           /* one size line with its extensions */
#define CHUNK_MAX_TRAILERS (16 << 10) /* all trailers together */

struct chunk {
    uint8_t state;
    bool more;     /* the size read is not zero */
    uint16_t line; /* bytes of the size line so far */
    uint16_t trailers;
};

void chunk_init(struct chunk *c);
/* Bytes of the framing: all that is not data. False when they are malformed. */
bool chunk_framing(struct chunk *c, const char *from, const char *to);
/* Data follows here; `last` when the chunk ends with it. False when none is due. */
bool chunk_data(struct chunk *c, bool last);
/* True after the empty line that ends the body. */
bool chunk_ended(const struct chunk *c);

#endif
