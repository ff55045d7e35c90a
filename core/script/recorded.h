/* recorded.h - what a policy may see of a request that the ledger has: its facts, and nothing of its text. */
#ifndef SCRIPT_RECORDED_H
#define SCRIPT_RECORDED_H

#include "script/api.h"

/* Raises, and notes on the request that it cannot be judged; `what` is static or the arena's. */
_Noreturn void recorded_lacks(lua_State *L, struct script_request *req, const char *what);
/* Raise where the request is a recorded one and that was not written down. */
void recorded_check_field(lua_State *L, struct script_request *req, const char *name);
void recorded_check_method(lua_State *L, struct script_request *req, const char *name);
/* The time by which counters and the cache go: now, or when it was admitted. */
int64_t recorded_now_ms(const struct script_request *req);

#endif
