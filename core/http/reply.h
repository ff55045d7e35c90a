/* reply.h - answers: the struct door that a request speaks through, and the front's own short ones. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "base/uuid.h"
#include "canon/error.h"
#include "flow/door.h"
#include "http/inside.h"

/* `client` is a struct client. */
extern const struct door reply_door;

/* Hands the answer that was made to MHD; only inside its access handler. */
enum MHD_Result reply_queue(struct client *c);
/* A whole answer of the front's own with the ids that every answer carries; `type` may be NULL. `body` is given
 * with its free function (NULL: static). `allow` may be NULL. */
void reply_own(struct client *c, int status, const char *type, const char *allow, struct text body,
               void (*free_body)(void *free_arg), void *free_arg);
/* An error of the front's own, before a request exists: the connection ends with it. */
void reply_refuse(struct client *c, enum error_case which, const char *why);
/* The same as bytes on a plain socket that MHD does not answer on. */
void reply_refusal_raw(int fd, enum error_case which, const char *why);

#endif
