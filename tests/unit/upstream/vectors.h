/* vectors.h - what the tests of this room share: files, JSON cases, base64. */
#ifndef UNIT_UPSTREAM_VECTORS_H
#define UNIT_UPSTREAM_VECTORS_H

#include "base/arena.h"
#include "base/json.h"
#include "base/text.h"

/* The JSON file of that name below $GW_SHARED (the test is skipped without it), parsed into `arena`. */
const struct json *vectors_load(struct arena *arena, const char *name);
/* Our JSON refuses \u0000, which some vectors contain: it is read as U+E000. This turns it into NUL, arena. */
struct text vectors_nul(struct arena *arena, struct text t);
/* The bytes of a base64 member, arena. */
struct text vectors_bytes(struct arena *arena, const struct json *object, const char *key);

#endif
