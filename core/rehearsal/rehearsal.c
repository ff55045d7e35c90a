/* rehearsal.c - a file of tests: its Lua state, its cases, and how they ended. The file is the operator's: nothing bounds it but that it has no way to
 * files, programs or the network. */
#include "rehearsal/rehearsal.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "base/file.h"
#include "rehearsal/world.h"

enum { FILE_MOST = 1 << 20 };

extern const unsigned char rehearsal_prelude[]; /* test.lua */
extern const size_t rehearsal_prelude_len;

struct rehearsal {
    const struct config *config;
    const char *path;
    bool verbose;
    struct text source;
    struct buf *out;
    struct rehearsal_sum *sum;
    unsigned cases;
    struct world world;
};

static const char rehearsal_key;

static struct rehearsal *rehearsal_of(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &rehearsal_key);
    struct rehearsal *r = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return r;
}

static void fail_case(struct rehearsal *r, const char *name, const char *why)
{
    r->sum->failed++;
    buf_printf(r->out, "FAILED  %s%s%s: %s\n", r->path, name[0] != '\0' ? ": " : "", name, why);
}

/* report(name, good, why) */
static int report(lua_State *L)
{
    struct rehearsal *r = rehearsal_of(L);
    r->cases++;
    if (!lua_toboolean(L, 2)) {
        fail_case(r, lua_tostring(L, 1), lua_tostring(L, 3));
        return 0;
    }
    r->sum->passed++;
    if (r->verbose)
        buf_printf(r->out, "ok      %s: %s\n", r->path, lua_tostring(L, 1));
    return 0;
}

static void open_libraries(lua_State *L)
{
    static const luaL_Reg libraries[] = {
        { LUA_GNAME, luaopen_base },       { LUA_STRLIBNAME, luaopen_string }, { LUA_TABLIBNAME, luaopen_table },
        { LUA_MATHLIBNAME, luaopen_math }, { LUA_UTF8LIBNAME, luaopen_utf8 },
    };
    static const char *const closed[] = { "dofile", "loadfile", "load", "collectgarbage" };
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
        lua_pop(L, 1);
    }
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        lua_pushnil(L);
        lua_setglobal(L, closed[i]);
    }
}

/* require "gw.test", for files that are written so. */
static int require_test(lua_State *L)
{
    if (strcmp(luaL_checkstring(L, 1), "gw.test") != 0)
        return luaL_error(L, "require: a test has \"gw.test\" alone");
    lua_getglobal(L, "test");
    return 1;
}

/* Protected: all that the file does. */
static int run_file(lua_State *L)
{
    struct rehearsal *r = lua_touserdata(L, 1);
    open_libraries(L);
    if (luaL_loadbufferx(L, (const char *)rehearsal_prelude, rehearsal_prelude_len, "=test", "t") != LUA_OK)
        return lua_error(L);
    world_push(&r->world);
    lua_pushcfunction(L, report);
    lua_call(L, 2, 1);
    lua_setglobal(L, "test");
    lua_pushcfunction(L, require_test);
    lua_setglobal(L, "require");
    const char *chunk = lua_pushfstring(L, "=%s", r->path);
    if (luaL_loadbufferx(L, r->source.ptr, r->source.len, chunk, "t") != LUA_OK)
        return lua_error(L);
    lua_call(L, 0, 0);
    return 0;
}

static void run_state(struct rehearsal *r, lua_State *L)
{
    const char *slash = strrchr(r->path, '/');
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 20);
    const char *folder = slash != NULL ? arena_printf(&arena, "%.*s/", (int)(slash - r->path), r->path) : "";
    lua_pushlightuserdata(L, r);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &rehearsal_key);
    world_open(&r->world, r->config, folder, L);
    lua_pushcfunction(L, run_file);
    lua_pushlightuserdata(L, r);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK)
        fail_case(r, "", lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "error() was called without a text");
    else if (r->cases == 0)
        fail_case(r, "", "it has no case: test.case(\"name\", function() ... end)");
    world_close(&r->world);
    arena_fini(&arena);
}

void rehearsal_run(const struct config *config, const char *path, bool verbose, struct buf *out,
                   struct rehearsal_sum *sum)
{
    struct rehearsal r = { .config = config, .path = path, .verbose = verbose, .out = out, .sum = sum };
    struct buf source;
    buf_init(&source, FILE_MOST);
    if (file_read(path, &source) < 0) {
        fail_case(&r, "", strerror(errno));
        buf_free(&source);
        return;
    }
    r.source = buf_view(&source);
    lua_State *L = luaL_newstate();
    if (L == NULL)
        fail_case(&r, "", "there is no memory for it");
    else
        run_state(&r, L);
    if (L != NULL)
        lua_close(L);
    buf_free(&source);
}
