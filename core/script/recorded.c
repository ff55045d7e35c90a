/* recorded.c - requests of the ledger, which a new policy is tried on: what was not written down raises, and is noted on the request. A
 * policy that catches the error is not judged either. */
#include "script/recorded.h"

#include <lauxlib.h>
#include <string.h>

#include "base/clock.h"

static bool is_one_of(const char *const *names, const char *name)
{
    while (*names != NULL && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

_Noreturn void recorded_lacks(lua_State *L, struct script_request *req, const char *what)
{
    if (req->missing == NULL)
        req->missing = what;
    luaL_error(L, "%s was not recorded", what);
    __builtin_unreachable();
}

void recorded_check_field(lua_State *L, struct script_request *req, const char *name)
{
    static const char *const known[] = { "attempt", "asked_model", "client", "day",  "id",   "key",  "kind", "model",
                                         "project", "session",     "tags",   "team", "user", "vars", NULL };
    bool late = strcmp(name, "last_error") == 0 && req->attempt > 1 && req->last_error == NULL;
    if (!req->recorded || (req->captured && !late) || is_one_of(known, name) ||
        (strcmp(name, "last_error") == 0 && req->attempt == 1) ||
        (strcmp(name, "conversation") == 0 && req->session.ptr != NULL) ||
        (strcmp(name, "estimated_input_tokens") == 0 && req->recorded_tokens > 0))
        return;
    recorded_lacks(L, req, arena_printf(req->arena, "req.%s", name));
}

void recorded_check_method(lua_State *L, struct script_request *req, const char *name)
{
    static const char *const known[] = { "reply_header", "send_header", "skip", "tag", NULL };
    if (req->recorded && !req->captured && !is_one_of(known, name))
        recorded_lacks(L, req, arena_printf(req->arena, "req:%s", name));
}

int64_t recorded_now_ms(const struct script_request *req)
{
    return req->recorded ? req->admitted_ms : clock_unix_ms();
}
