/* header.c - headers that a policy sets: of the request to the provider, of the answer to the client. */
#include <lauxlib.h>
#include <string.h>

#include "base/field.h"
#include "script/api.h"

enum { NAME_MOST = 128, VALUE_MOST = 4096, HEADERS_MOST = 32 };

/* Beside credentials and what frames a message: what is the gateway's own, or its transport's. A * at the end: all that begin so. */
static const char *const closed[] = { "proxy-*",
                                      "set-cookie*",
                                      "x-amz-*",
                                      "trailer*",
                                      "content-*",
                                      "accept-encoding",
                                      "x-gw-*",
                                      "request-id",
                                      "x-request-id",
                                      "retry-after",
                                      "x-should-retry",
                                      "cache-control",
                                      "date",
                                      "x-ratelimit-*",
                                      "anthropic-ratelimit-*",
                                      "allow",
                                      "http2-settings",
                                      "cf-aig-authorization",
                                      "openai-organization",
                                      "x-goog-user-project",
                                      NULL };

static bool is_closed(struct text name)
{
    for (size_t i = 0; closed[i] != NULL; i++)
        if (text_matches(name, text_of(closed[i])))
            return true;
    return field_is_credential(name) || field_is_framing(name);
}

struct text header_value(lua_State *L, struct text t)
{
    struct text out = api_keep(L, (struct text){ t.ptr, t.len < VALUE_MOST ? t.len : VALUE_MOST });
    char *to = (char *)(uintptr_t)out.ptr;
    size_t len = 0;
    for (size_t i = 0; i < out.len; i++) {
        unsigned char c = (unsigned char)out.ptr[i];
        if (c >= 0x80 && c < 0xc0) /* the rest of a character */
            continue;
        to[len++] = (char)(c >= 0x80 ? '?' : c < ' ' || c == 0x7f ? ' ' : c);
    }
    to[len] = '\0';
    return text_trim((struct text){ to, len });
}

static void put(lua_State *L, struct script_put **list, const char *word, const char *edit)
{
    struct script_request *req = api_run(L)->req;
    struct text name = api_check_text(L, 2, word, "a header's name");
    struct text value = lua_isnil(L, 3) ? TEXT_NONE : api_check_text(L, 3, word, "a value");
    struct script_put *p = arena_new(req->arena, struct script_put);
    size_t count = 0;
    if (!field_is_name(name) || name.len > NAME_MOST)
        luaL_error(L, "%s: this is no header's name", word);
    p->name = api_keep(L, name);
    for (char *c = (char *)(uintptr_t)p->name.ptr; *c != '\0'; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + ('a' - 'A') : *c);
    if (is_closed(p->name))
        luaL_error(L,
                   "%s: the header %s is not a policy's to set; secrets stand in the provider's block of gateway.lua",
                   word, p->name.ptr);
    for (const struct script_put *q = *list; q != NULL; q = q->next)
        count++;
    if (count >= HEADERS_MOST)
        luaL_error(L, "%s: a request takes at most %d headers", word, HEADERS_MOST);
    p->value = value.ptr != NULL ? header_value(L, value) : TEXT_NONE;
    p->next = *list;
    *list = p;
    if (edit != NULL)
        edit_note(L, edit);
}

static int send_header(lua_State *L)
{
    struct script_request *req = request_check(L, "send_header");
    if (state_of(L)->policy->team != NULL)
        return luaL_error(L, "req:send_header: not in a team's own policy");
    if (lua_gettop(L) < 3)
        return luaL_error(L, "req:send_header: a value is needed, or nil");
    put(L, &req->sends, "req:send_header", "send_header");
    return 0;
}

static int reply_header(lua_State *L)
{
    struct script_request *req = request_check(L, "reply_header");
    struct script_put *sent = req->replies;
    api_check_text(L, 3, "req:reply_header", "a value");
    /* What is wrong with it raises also where it comes too late. */
    put(L, req->head_sent ? &sent : &req->replies, "req:reply_header", req->head_sent ? NULL : "reply_header");
    lua_pushboolean(L, !req->head_sent);
    return 1;
}

const struct api_row header_rows[] = {
    { "send_header", send_header, SCRIPT_ON_REQUEST | SCRIPT_ON_ROUTE, false, "name, value?", "",
      "A header for the provider; nil: the client's is not passed on. In on_route: for this attempt" },
    { "reply_header", reply_header, SCRIPT_ON_REQUEST | SCRIPT_ON_ROUTE | SCRIPT_ON_RESPONSE, false, "name, value",
      "boolean", "A header of the answer; false: a stream's head is on its way already, with a keep-alive" },
    { .name = NULL },
};
