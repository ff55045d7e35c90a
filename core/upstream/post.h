/* post.h - one POST of JSON to somebody who is no provider: a webhook. It waits: never on a worker. */
#ifndef UPSTREAM_POST_H
#define UPSTREAM_POST_H

#include "base/text.h"

/* Within five seconds, without redirects. `ca_file` NULL: the system's. 0 for an answer of 2xx; -1 with *why (static): what failed, without
 * the URL. */
int post_json(const char *url, const char *ca_file, struct text body, const char **why);

#endif
