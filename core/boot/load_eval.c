/* load_eval.c - runs gateway.lua once, in a state of its own with a bound on time and memory. */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "boot/load_lua.h"

/* One second of CPU is a thousand times what a large configuration needs. */
enum { MEMORY_MAX = 64 << 20, HOOK_EVERY = 1000, JSON_MAX = 1 << 20 };
#define CPU_MAX_NS CLOCK_S
/* The keys that commands made: 100,000 of them take 4 s of CPU. */
enum { KEYS_MEMORY_MAX = 512 << 20 };
#define KEYS_CPU_MAX_NS (30 * CLOCK_S)

/* Lua cuts a long file name, so it does not get ours: messages begin with CHUNK and we put the name there. */
#define CHUNK "?"

static void *allocate(void *arg, void *old, size_t old_len, size_t len);
static int run(lua_State *L);
static void stop_endless(lua_State *L, lua_Debug *ar);
static void report(lua_State *L, int status, struct complaints *complaints);
static struct text without_first_line_marks(struct text source);

struct load_lua *load_of(lua_State *L)
{
    struct load_lua *l;
    memcpy(&l, lua_getextraspace(L), sizeof l);
    return l;
}

/* What run() needs: everything that may fail inside Lua happens in there, protected. */
struct job {
    struct text source;
};

int load_evaluate(struct text source, int lines_before, struct declared *declared, struct complaints *complaints)
{
    bool second = lines_before > 0;
    struct load_lua l = { .declared = declared,
                          .complaints = complaints,
                          .lines_before = lines_before,
                          .memory_most = second ? KEYS_MEMORY_MAX : MEMORY_MAX };
    struct load_lua *self = &l;
    struct job job = { without_first_line_marks(source) };

    buf_init(&l.json, JSON_MAX);
    l.cpu_end_ns = clock_cpu_ns() + (second ? KEYS_CPU_MAX_NS : CPU_MAX_NS);
    lua_State *L = lua_newstate(allocate, &l);
    if (L == NULL) {
        complain(complaints, lines_before, "there is not enough memory to read it");
        return -1;
    }
    memcpy(lua_getextraspace(L), &self, sizeof self);
    lua_sethook(L, stop_endless, LUA_MASKCOUNT, HOOK_EVERY);
    lua_pushcfunction(L, run); /* neither of these two takes memory */
    lua_pushlightuserdata(L, &job);
    int status = lua_pcall(L, 1, 0, 0);
    if (status != LUA_OK)
        report(L, status, complaints);
    lua_close(L);
    buf_free(&l.json);
    return status == LUA_OK ? 0 : -1;
}

static int run(lua_State *L)
{
    const struct job *job = lua_touserdata(L, 1);
    int status = luaL_loadbufferx(L, job->source.ptr, job->source.len, "=" CHUNK, "t");
    if (status != LUA_OK)
        return lua_error(L);
    load_open_globals(L);
    lua_setupvalue(L, -2, 1);
    lua_call(L, 0, 0);
    return 0;
}

static void *allocate(void *arg, void *old, size_t old_len, size_t len)
{
    struct load_lua *l = arg;
    if (old == NULL)
        old_len = 0; /* Lua states the kind of object there */
    if (len == 0) {
        l->memory -= old_len;
        free(old);
        return NULL;
    }
    if (len > old_len && l->memory - old_len + len > l->memory_most)
        return NULL;
    void *memory = realloc(old, len);
    if (memory != NULL)
        l->memory = l->memory - old_len + len;
    return memory;
}

/* There is no pcall in gateway.lua, so one error is the end. Patterns that take for ever are C code, which
 * no hook sees: the file is its operator's own. */
static void stop_endless(lua_State *L, lua_Debug *ar)
{
    if (clock_cpu_ns() <= load_of(L)->cpu_end_ns)
        return;
    lua_getinfo(L, "l", ar); /* luaL_error() would name the caller of what runs */
    lua_pushfstring(L, CHUNK ":%d: it ran for more than a second: an endless loop?", ar->currentline);
    lua_error(L);
}

/* Lua's messages name the word they stumbled over; a string there may be a secret. */
static struct text without_near_string(struct text message)
{
    static const struct text near = { " near '", 7 };
    ptrdiff_t at = text_find(message, TEXT(" (constant '")); /* "attempt to perform arithmetic on ..." */
    if (at >= 0)
        message.len = (size_t)at;
    at = text_find(message, near);
    if (at < 0 || (size_t)at + near.len >= message.len)
        return message;
    const char *token = message.ptr + at + near.len;
    bool is_word = token[0] == '<' || (message.len - (size_t)at - near.len) <= 24;
    if (token[0] == '"' || token[0] == '\'' || token[0] == '[' || !is_word)
        message.len = (size_t)at;
    return message;
}

/* Only the message's own bytes are looked at: converting another kind of value could fail unprotected. */
static void report(lua_State *L, int status, struct complaints *complaints)
{
    int line = load_of(L)->lines_before;
    if (status == LUA_ERRMEM) {
        complain(complaints, line, "it needs more than %zu MB of memory", load_of(L)->memory_most >> 20);
        return;
    }
    if (lua_type(L, -1) != LUA_TSTRING) {
        complain(complaints, line, "it called error() with something that is not a string");
        return;
    }
    struct text message = load_text(L, -1);
    if (text_starts(message, TEXT(CHUNK ":"))) {
        struct text rest = { message.ptr + sizeof CHUNK, message.len - sizeof CHUNK };
        int64_t number;
        if (text_parse_u63(text_cut(&rest, ':'), &number) == 0 && number < COMPLAIN_SECOND) {
            line += (int)number;
            message = text_trim(rest);
        }
    }
    message = without_near_string(message);
    complain(complaints, line, "%.*s", TEXT_ARG(message));
}

static struct text without_first_line_marks(struct text source)
{
    if (text_starts(source, TEXT("\xef\xbb\xbf"))) {
        source.ptr += 3;
        source.len -= 3;
    }
    if (text_starts(source, TEXT("#")))
        while (source.len > 0 && source.ptr[0] != '\n') {
            source.ptr++;
            source.len--;
        }
    return source;
}

int load_line(lua_State *L)
{
    lua_Debug ar;
    for (int level = 1; lua_getstack(L, level, &ar); level++)
        if (lua_getinfo(L, "l", &ar) && ar.currentline > 0)
            return load_of(L)->lines_before + ar.currentline;
    return load_of(L)->lines_before;
}

void load_complain(lua_State *L, const struct load_place *place, const char *format, ...)
{
    struct load_lua *l = load_of(L);
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(&l->complaints->arena, format, args);
    va_end(args);
    complain(l->complaints, place->line, "%s: %s", place->where, text);
}

struct text load_text(lua_State *L, int index)
{
    struct text t = TEXT_NONE;
    if (lua_type(L, index) == LUA_TSTRING)
        t.ptr = lua_tolstring(L, index, &t.len);
    return t;
}

const char *load_name(lua_State *L, struct text name)
{
    enum { LONGEST = 24, KEPT = 4 };
    struct text shown = name;
    bool whole = name.len <= LONGEST && text_is_utf8(name);
    for (size_t i = 0; i < name.len && whole; i++)
        whole = (unsigned char)name.ptr[i] >= ' ' && name.ptr[i] != 127;
    if (!whole) {
        shown.len = 0;
        while (shown.len < name.len && shown.len < KEPT && name.ptr[shown.len] > ' ' && name.ptr[shown.len] < 127)
            shown.len++;
    }
    return arena_printf(load_of(L)->declared->arena, "%.*s%s", TEXT_ARG(shown), whole ? "" : "...");
}

const char *load_type(lua_State *L, int index)
{
    struct declare_secret secret;
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        return "nothing";
    case LUA_TBOOLEAN:
        return lua_toboolean(L, index) ? "true" : "false";
    case LUA_TNUMBER:
        return "a number";
    case LUA_TSTRING:
        return "a string";
    case LUA_TTABLE:
        return "something in braces";
    case LUA_TFUNCTION:
        return "a function";
    default:
        return load_get_secret(L, index, &secret) ? "a secret" : "an unknown word";
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **load_keys(lua_State *L, int index, size_t *count)
{
    size_t room = 0;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1))
        room++;
    const char **keys = arena_array(load_of(L)->declared->arena, const char *, room + 1);
    *count = 0;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING)
            keys[(*count)++] = lua_tostring(L, -2);
    qsort(keys, *count, sizeof *keys, compare_names);
    return keys;
}
