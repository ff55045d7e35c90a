/* conversation.h - to which conversation a request belongs: turns of one are best sent to the place that has the others in its cache.
 * Only flow/ includes this. The worker's thread. */
#ifndef FLOW_CONVERSATION_H
#define FLOW_CONVERSATION_H

#include <stdint.h>

struct arena;
struct ask;
struct request;
struct talk;

/* The digest (SHA-256) of what all its turns have in common: the session that the client names, else its prompt_cache_key, else key,
 * system text and first message. NULL: it has none of these. Read once, while the body is there; arena. */
const uint8_t *conversation_of(struct request *req);
/* What is said in it, read through `ask`: the request's, or a copy. All of it is in the arena or lent. NULL: there are no words in it.
 * Any thread that has the request. */
const struct talk *conversation_talk(const struct request *req, struct arena *arena, struct ask *ask);

#endif
