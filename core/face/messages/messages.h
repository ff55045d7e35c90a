/* messages.h - the Anthropic messages face.
 *
 * A turn of an Anthropic client becomes one or more canonical messages. What chat has no member for is kept in
 * extensions that a provider either understands or leaves out:
 *   cache_control       on parts of a message and on tools, as Anthropic writes it
 *   is_error            on a tool message whose result is an error
 *   reasoning_content   on an assistant message: the text of its thinking
 *   reasoning_details   beside it: entries with what must come back unchanged
 *   x_origin            {"dialect":"messages","content":[...]}: the blocks that the message stands for, word for word,
 *                       when some of them have no equal; and "container", where Anthropic ran code
 *   top_k               as Anthropic writes it */
#ifndef FACE_MESSAGES_H
#define FACE_MESSAGES_H

#include "face/face.h"

/* How many input tokens the body of a messages or count_tokens request may have: rather too many than too few, never 0.
 * For upstreams that cannot count. Base64 data is not counted by its bytes. */
int64_t messages_estimate(const struct ask *ask);

#endif
