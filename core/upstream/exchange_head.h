/* exchange_head.h - the head of the request we send. */
#ifndef UPSTREAM_EXCHANGE_HEAD_H
#define UPSTREAM_EXCHANGE_HEAD_H

#include <stddef.h>
#include <sys/types.h>

#include "upstream/address.h"
#include "upstream/transfer.h"

#define HEAD_MAX ((size_t)64 << 10) /* bytes, the last empty line included */

/* Writes the request line and headers into `out`, HEAD_MAX bytes, the same bytes whenever it is asked the
 * same. Their length, or -1 with *why, static: a malformed name or value, or too long. Given headers that
 * frame the message or name the connection (Host, Content-Length, Transfer-Encoding, Connection and the
 * like) are left out: those are ours. */
ssize_t exchange_head_write(char *out, const struct transfer_request *request, const struct address *address,
                            const char **why);

#endif
