/* state.c - a Lua state with bounds. */
#include "script/state.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "script/api.h"

enum {
    HOOK_EVERY = 100, /* instructions: few, as each of them may copy or compare megabytes */
    BIG_EVERY = 4,    /* once there is a text of BIG bytes */
    BIG = 1 << 20,
    STEPS_PER_MS = 200 * 1000, /* twice what this takes */
    LOOK_EVERY = 2000,
    LARGE = 16 << 10, /* bytes of an allocation that counts for steps */
    BYTES_PER_STEP = 64,
    TEXT_MOST = 4 << 20,
    SCRATCH_MOST = 16 << 20,
    LOAD_NS = 200 * CLOCK_MS,
    HOOK_MASK = LUA_MASKCOUNT | LUA_MASKRET,
};

static const char *const hook_names[] = { "on_request", "on_route", "on_response", "on_finish", NULL };

struct script_state *state_of(lua_State *L)
{
    struct script_state *s;
    memcpy(&s, lua_getextraspace(L), sizeof s);
    return s;
}

static void *allocate(void *arg, void *old, size_t old_len, size_t len)
{
    struct script_state *s = arg;
    if (old == NULL)
        old_len = 0; /* Lua states the kind of object there */
    if (len == 0) {
        s->memory -= old_len;
        free(old);
        return NULL;
    }
    if (len > old_len && s->memory - old_len + len > s->policy->memory_bytes)
        return NULL;
    void *memory = realloc(old, len);
    if (memory == NULL)
        return NULL;
    s->memory = s->memory - old_len + len;
    if (len >= BIG)
        s->big = true;
    if (len >= LARGE)
        s->left -= (int64_t)(len / BYTES_PER_STEP);
    return memory;
}

static const char *too_long(struct script_state *s)
{
    bool lowered = s->run != NULL && s->cpu_ns < s->policy->cpu_ns;
    snprintf(s->why, sizeof s->why, "it ran for too long (cpu_ms = %d%s)", (int)(s->policy->cpu_ns / CLOCK_MS),
             lowered ? ", an eighth of it, as a hook of this request had used it up" : "");
    return s->stopped = s->why;
}

/* Is the run within its bounds? Then NULL. */
static const char *over(struct script_state *s)
{
    if (s->stopped != NULL)
        return s->stopped;
    if (s->left < 0)
        return too_long(s);
    if (s->left > s->look)
        return NULL;
    s->look = s->left - LOOK_EVERY;
    int64_t now = clock_cpu_ns();
    if (s->cpu_end_ns == 0)
        s->cpu_end_ns = now + s->cpu_ns;
    if (now <= s->cpu_end_ns)
        return NULL;
    return too_long(s);
}

/* Each HOOK_EVERY instructions, and where a function returns: the last one is the hook itself. */
static void on_count(lua_State *L, lua_Debug *ar)
{
    struct script_state *s = state_of(L);
    if (ar->event == LUA_HOOKRET) {
        bool known = lua_getinfo(L, s->policy->modules == NULL ? "l" : "Sl", ar) != 0 && ar->currentline > 0;
        if (known && (s->policy->modules == NULL || strcmp(ar->short_src, s->policy->file) == 0))
            s->return_line = ar->currentline;
        return;
    }
    s->left -= s->big ? BIG_EVERY : HOOK_EVERY;
    if (s->big && lua_gethookcount(L) > BIG_EVERY)
        lua_sethook(L, on_count, HOOK_MASK, BIG_EVERY);
    const char *why = over(s);
    if (why == NULL)
        return;
    lua_sethook(L, on_count, HOOK_MASK, 1); /* no pcall runs on */
    lua_getinfo(L, "Sl", ar);
    if (ar->currentline > 0)
        lua_pushfstring(L, "%s:%d: %s", ar->short_src, ar->currentline, why);
    else
        lua_pushstring(L, why);
    lua_error(L);
}

const char *state_charge(struct script_state *s, int64_t steps)
{
    s->left -= steps;
    return s->left > s->look && s->stopped == NULL ? NULL : over(s);
}

void state_spend(lua_State *L, int64_t steps)
{
    const char *why = state_charge(state_of(L), steps);
    if (why == NULL)
        return;
    lua_sethook(L, on_count, HOOK_MASK, 1);
    luaL_error(L, "%s", why);
}

void state_check(lua_State *L, int status)
{
    struct script_state *s = state_of(L);
    if (status == LUA_ERRMEM && s->stopped == NULL) {
        snprintf(s->why, sizeof s->why, "it needs more than memory_mb = %zu", s->policy->memory_bytes >> 20);
        s->stopped = s->why;
        s->broken = true;
    }
    if (s->stopped != NULL)
        luaL_error(L, "%s", s->stopped);
}

void state_budget(struct script_state *s, int64_t cpu_ns)
{
    s->cpu_ns = cpu_ns;
    s->left = cpu_ns / CLOCK_MS * STEPS_PER_MS;
    s->look = s->left - LOOK_EVERY;
    s->cpu_end_ns = 0;
    s->stopped = NULL;
    s->big = false;
    s->return_line = 0;
}

void state_pause(struct script_state *s, struct script_bounds *left)
{
    left->left = s->left;
    left->big = s->big;
    left->cpu_left_ns = s->cpu_end_ns != 0 ? s->cpu_end_ns - clock_cpu_ns() : -1;
}

void state_go_on(struct script_state *s, const struct script_bounds *left)
{
    state_budget(s, s->policy->cpu_ns);
    s->left = left->left;
    s->look = s->left - LOOK_EVERY;
    s->big = left->big;
    if (left->cpu_left_ns >= 0)
        s->cpu_end_ns = clock_cpu_ns() + left->cpu_left_ns;
}

bool state_is_full(struct script_state *s)
{
    size_t half = s->policy->memory_bytes / 2;
    if (s->broken || s->suspended == 0 || s->memory <= half)
        return false;
    if (s->memory > s->collected + half / 8) { /* much of it may be garbage */
        lua_gc(s->L, LUA_GCCOLLECT);
        s->collected = s->memory;
    }
    return s->memory > half;
}

bool state_place(lua_State *L, const char **file, int *line)
{
    static _Thread_local lua_Debug ar;
    for (int level = 0; lua_getstack(L, level, &ar); level++)
        if (lua_getinfo(L, "Sl", &ar) && ar.currentline > 0) {
            *file = ar.short_src;
            *line = ar.currentline;
            return true;
        }
    return false;
}

bool state_is_placed(const struct script_state *s, const char *text)
{
    bool is = strncmp(text, s->policy->file, strlen(s->policy->file)) == 0;
    for (const struct config_module *m = s->policy->modules; m != NULL && !is; m = m->next)
        is = strncmp(text, m->file, strlen(m->file)) == 0;
    return is;
}

void state_explain(lua_State *L, int status, struct fail *fail)
{
    struct script_state *s = state_of(L);
    const char *file = s->policy->file;
    int line = 0;
    if (status == LUA_YIELD) {
        fail_set(fail, FAIL_OPERATOR, "%s: it waits while it is loaded", file);
    } else if (status == LUA_ERRMEM) {
        s->broken = true;
        if (state_place(L, &file, &line))
            fail_set(fail, FAIL_OPERATOR, "%s:%d: it needs more than memory_mb = %zu", file, line,
                     s->policy->memory_bytes >> 20);
        else
            fail_set(fail, FAIL_OPERATOR, "%s: it needs more than memory_mb = %zu", file,
                     s->policy->memory_bytes >> 20);
    } else if (lua_type(L, -1) == LUA_TSTRING) {
        const char *text = lua_tostring(L, -1);
        if (!state_is_placed(s, text) && state_place(L, &file, &line))
            fail_set(fail, FAIL_OPERATOR, "%s:%d: %s", file, line, text);
        else
            fail_set(fail, FAIL_OPERATOR, "%s", text);
    } else {
        state_place(L, &file, &line);
        fail_set(fail, FAIL_OPERATOR, "%s:%d: error() was called with %s, not with a text", file, line,
                 lua_typename(L, lua_type(L, -1)));
    }
}

/* The hooks of the table at the top of the stack. */
static void keep_hooks(lua_State *L, struct script_state *s)
{
    if (lua_type(L, -1) != LUA_TTABLE)
        luaL_error(L, "%s: it must end with `return policy`, a table of hooks, and returns %s", s->policy->file,
                   luaL_typename(L, -1));
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        int which = 0;
        while (hook_names[which] != NULL && strcmp(hook_names[which], name) != 0)
            which++;
        if (hook_names[which] == NULL)
            api_unknown(L, s->policy->file, "hook", text_of(name), hook_names);
        if (lua_type(L, -1) != LUA_TFUNCTION)
            luaL_error(L, "%s: %s must be a function, not %s", s->policy->file, name, luaL_typename(L, -1));
        lua_pushvalue(L, -1);
        s->hooks[which] = luaL_ref(L, LUA_REGISTRYINDEX);
        if ((s->policy->hooks & 1u << which) == 0) /* it is set before any other thread looks */
            s->policy->hooks |= 1u << which;
    }
    if (s->policy->hooks == 0)
        luaL_error(L, "%s: it has no hook: on_request, on_route, on_response or on_finish", s->policy->file);
    for (size_t i = 0; i < s->policy->llm_count; i++)
        api_check_model(L, s->policy->file, s->policy->llms[i]);
    if (!s->took_args && s->policy->args.len > 2)
        luaL_error(L, "%s: it has no arguments, gw.args{...} declares them", s->policy->file);
}

static int load(lua_State *L)
{
    struct script_state *s = state_of(L);
    const char *chunk = lua_pushfstring(L, "=%s", s->policy->file);
    if (luaL_loadbufferx(L, s->policy->source.ptr, s->policy->source.len, chunk, "t") != LUA_OK)
        return lua_error(L);
    sandbox_open(L);
    module_open(L);
    names_check(L, s->policy->file, s->policy->source);
    lua_setupvalue(L, -2, 1);
    lua_call(L, 0, 1);
    keep_hooks(L, s);
    return 0;
}

struct script_state *state_new(const struct config *config, struct config_policy *policy, struct script_shared *shared,
                               struct fail *fail)
{
    struct script_state *s = calloc(1, sizeof *s);
    BUG_IF(s == NULL);
    s->config = config;
    s->policy = policy;
    s->shared = shared;
    s->idle = LUA_NOREF;
    buf_init(&s->text, TEXT_MOST);
    arena_init(&s->scratch, NULL, 0, SCRATCH_MOST);
    for (size_t i = 0; i < SCRIPT_HOOKS; i++)
        s->hooks[i] = LUA_NOREF;
    s->L = lua_newstate(allocate, s);
    if (s->L == NULL) {
        arena_fini(&s->scratch);
        free(s);
        fail_set(fail, FAIL_OPERATOR, "%s: it needs more than memory_mb = %zu", policy->file,
                 policy->memory_bytes >> 20);
        return NULL;
    }
    memcpy(lua_getextraspace(s->L), &s, sizeof s);
    state_budget(s, LOAD_NS);
    int status = LUA_ERRMEM, results, ref = LUA_NOREF;
    lua_State *co = state_coroutine(s, &ref); /* its stack is there after an error: it has the line */
    if (co != NULL) {
        lua_pushcfunction(co, load);
        status = lua_resume(co, s->L, 0, &results);
    }
    if (status != LUA_OK) {
        state_explain(co != NULL ? co : s->L, status, fail);
        state_free(s);
        return NULL;
    }
    state_release(s, co, ref, true);
    return s;
}

void state_free(struct script_state *s)
{
    lua_close(s->L);
    for (size_t i = 0; i < s->event_count; i++)
        free(s->events[i]);
    buf_free(&s->text);
    arena_fini(&s->scratch);
    BUG_IF(s->memory != 0);
    free(s);
}

lua_State *state_coroutine(struct script_state *s, int *ref)
{
    lua_State *co;
    *ref = s->idle;
    if (*ref == LUA_NOREF) {
        lua_pushcfunction(s->L, api_new_thread);
        if (lua_pcall(s->L, 0, 1, 0) != LUA_OK) {
            lua_settop(s->L, 0);
            return NULL;
        }
        *ref = (int)lua_tointeger(s->L, -1);
        lua_settop(s->L, 0);
    }
    s->idle = LUA_NOREF;
    lua_rawgeti(s->L, LUA_REGISTRYINDEX, *ref);
    co = lua_tothread(s->L, -1);
    lua_pop(s->L, 1); /* the reference keeps it */
    lua_sethook(co, on_count, HOOK_MASK, HOOK_EVERY);
    return co;
}

void state_release(struct script_state *s, lua_State *co, int ref, bool usable)
{
    if (usable && s->idle == LUA_NOREF) {
        lua_settop(co, 0);
        s->idle = ref;
        return;
    }
    luaL_unref(s->L, LUA_REGISTRYINDEX, ref); /* it is the collector's */
}
