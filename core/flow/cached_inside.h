/* cached_inside.h - what the files of cached.h share. The worker's thread. */
#ifndef FLOW_CACHED_INSIDE_H
#define FLOW_CACHED_INSIDE_H

#include "flow/cached.h"
#include "flow/wait.h"

struct config_provider;
struct route_target;

/* cached_key.c: do the client's bytes go to this provider as they came? */
bool cached_is_relayed(const struct request *req, const struct config_provider *p);
/* The reason why nothing is looked for or kept; NULL: there is none. Static. */
const char *cached_bars_of(struct request *req, const struct route_target *t);
/* The key of an answer of this target. False: there is no memory for it. */
bool cached_key_of(struct request *req, const struct route_target *t, char key[CACHE_KEY_LEN + 1]);

/* cached.c: c->entry is one that this request wants from `t`: makes it ready. */
bool cached_take(struct request *req, const struct route_target *t, struct cached *c);
/* Does the request want to know what is kept? */
bool cached_may_read(const struct request *req);

/* cached_ask.c: asks a cache that answers later. False: it cannot be asked. */
bool cached_ask_start(struct attempt *a, struct cached *c);
/* The target whose answer came; NULL: there is none. */
const struct route_target *cached_ask_found(const struct cached *c);

#endif
