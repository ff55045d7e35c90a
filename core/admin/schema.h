/* schema.h - checks a body by its route's schema: the few words of JSON Schema that the table uses. */
#ifndef ADMIN_SCHEMA_H
#define ADMIN_SCHEMA_H

#include "base/fail.h"
#include "base/json.h"

/* 0, or -1 with `fail` (status 400): which member is wrong, and what it takes. `partial`: null is allowed for each member, and takes its
 * setting away. */
int schema_check(const struct json *schema, const struct json *body, bool partial, struct arena *arena,
                 struct fail *fail);

#endif
