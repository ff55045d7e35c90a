/* endpoint.h - where to listen: "127.0.0.1:8080", "[::1]:8080", ":8080". Any thread. */
#ifndef BOOT_ENDPOINT_H
#define BOOT_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/text.h"

/* Reads ADDRESS:PORT; *address is in `arena`, without brackets. 0, or -1 with `fail` (operator). */
int endpoint_parse(struct text t, struct arena *arena, struct text *address, uint16_t *port, struct fail *fail);
bool endpoint_is_loopback(struct text address);
/* Would a connection to `url` (http or https) reach who listens on `address` and `port` of this machine? True only where
 * that is certain: the URL has a numeric host, or "localhost". */
bool endpoint_leads_here(struct text url, struct text address, uint16_t port);
/* "127.0.0.1:8080" or "[::1]:8080", appended. With `reachable`, an address that means "every one" becomes the
 * loopback's: what a person on this machine can connect to. */
void endpoint_write(struct text address, uint16_t port, bool reachable, struct buf *out);

#endif
