/* lingering_close.h - closes a connection whose client may still be sending, so that it sees the answer.
 *
 * A close() with unread bytes makes TCP send a reset, which can destroy an answer that was sent
 * just before. So the sending side is shut, and what comes is read and dropped until the client
 * closes, for at most two seconds and 8 MB. */
#ifndef HTTP_LINGERING_CLOSE_H
#define HTTP_LINGERING_CLOSE_H

#include <stddef.h>

#include "http/inside.h"

/* `fd` is taken. Past 64 of them it is closed at once. */
void lingering_close_begin(struct front *f, int fd);
/* Closes all. */
void lingering_close_end(struct front *f);

#endif
