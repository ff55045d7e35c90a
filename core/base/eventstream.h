/* eventstream.h - messages of application/vnd.amazon.eventstream. Pure.
 *
 * A message is a prelude (its length and that of its headers, 4 bytes each, big endian, and the CRC-32 of both), the headers,
 * the payload, and the CRC-32 of all before it
 * (docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html, smithy.io: amazon-eventstream, 2026-11). */
#ifndef BASE_EVENTSTREAM_H
#define BASE_EVENTSTREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

enum { EVENTSTREAM_PRELUDE = 12, EVENTSTREAM_LEAST = 16 };

/* The length of the message that begins at `bytes`, prelude and CRCs included; 0 while the prelude is not complete. -1
 * when its CRC is wrong or its lengths do not fit each other. */
ptrdiff_t eventstream_length(struct text bytes);
/* The parts of a whole message, lent. False when its CRC is wrong or its headers do not end where they must. */
bool eventstream_parts(struct text message, struct text *headers, struct text *payload);
/* The value of a header that holds a string or bytes, lent; absent when there is none of that name and type. */
struct text eventstream_header(struct text headers, struct text name);

#endif
