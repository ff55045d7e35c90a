/* lua_text.h - values in the syntax of gateway.lua, for `check -T`. */
#ifndef BOOT_LUA_TEXT_H
#define BOOT_LUA_TEXT_H

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"

/* "…" with what needs escaping escaped, appended. */
void lua_text_string(struct buf *out, struct text value);
/* A number of seconds from nanoseconds, without a trailing zero. */
void lua_text_seconds(struct buf *out, int64_t ns);
/* A JSON value as Lua. */
void lua_text_json(struct buf *out, const struct json *value);

#endif
