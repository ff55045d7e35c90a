/* parting.h - closes a connection whose client may still be sending, so that it sees the answer.
 *
 * A close() with unread bytes makes TCP send a reset, which can destroy an answer that was sent
 * just before. So the sending side is shut, and what comes is read and dropped until the client
 * closes, for at most two seconds and 8 MB. */
#ifndef HTTP_PARTING_H
#define HTTP_PARTING_H

#include <stddef.h>

#include "http/inside.h"

/* `fd` is taken. Past 64 of them it is closed at once. */
void parting_begin(struct front *f, int fd);
/* Closes all. */
void parting_end(struct front *f);

#endif
