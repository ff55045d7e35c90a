/* load_words.c - the words of gateway.lua as functions: listen { ... }, provider "name" { ... }. */
#include <lauxlib.h>
#include <lua.h>

#include "boot/load_lua.h"
#include "config/config.h"

/* A word: `begin` makes room for one declaration, or refuses a second one after a complaint (NULL). */
struct word_kind {
    const char *word;
    bool named; /* word "name" { ... } */
    void *(*begin)(struct load_lua *l, struct text name, int line);
    bool *(*complete)(void *declaration); /* of named ones */
};

static void *begin_listen(struct load_lua *l, struct text name, int line);
static void *begin_plugins(struct load_lua *l, struct text name, int line);
static void *begin_provider(struct load_lua *l, struct text name, int line);
static void *begin_model(struct load_lua *l, struct text name, int line);
static void *begin_team(struct load_lua *l, struct text name, int line);
static void *begin_project(struct load_lua *l, struct text name, int line);
static void *begin_tag(struct load_lua *l, struct text name, int line);
static void *begin_key(struct load_lua *l, struct text name, int line);
static void *begin_policy(struct load_lua *l, struct text name, int line);
static void *begin_budget(struct load_lua *l, struct text name, int line);
static void *begin_ledger(struct load_lua *l, struct text name, int line);
static void *begin_limits(struct load_lua *l, struct text name, int line);
static void *begin_store(struct load_lua *l, struct text name, int line);
static void *begin_cache(struct load_lua *l, struct text name, int line);
static void *begin_capture(struct load_lua *l, struct text name, int line);
static void *begin_counters(struct load_lua *l, struct text name, int line);
static void *begin_cors(struct load_lua *l, struct text name, int line);
static void *begin_metrics(struct load_lua *l, struct text name, int line);
static void *begin_admin(struct load_lua *l, struct text name, int line);
static bool *complete_provider(void *declaration);
static bool *complete_model(void *declaration);
static bool *complete_team(void *declaration);
static bool *complete_label(void *declaration);
static bool *complete_policy(void *declaration);
static int say_word(lua_State *L);
static int say_settings(lua_State *L);

static const struct word_kind kinds[] = {
    { "admin", false, begin_admin, NULL },
    { "budget", false, begin_budget, NULL },
    { "cache", false, begin_cache, NULL },
    { "capture", false, begin_capture, NULL },
    { "cors", false, begin_cors, NULL },
    { "counters", false, begin_counters, NULL },
    { "key", false, begin_key, NULL },
    { "ledger", false, begin_ledger, NULL },
    { "limits", false, begin_limits, NULL },
    { "listen", false, begin_listen, NULL },
    { "metrics", false, begin_metrics, NULL },
    { "model", true, begin_model, complete_model },
    { "plugins", false, begin_plugins, NULL },
    { "policy", true, begin_policy, complete_policy },
    { "project", true, begin_project, complete_label },
    { "provider", true, begin_provider, complete_provider },
    { "tag", true, begin_tag, complete_label },
    { "store", false, begin_store, NULL },
    { "team", true, begin_team, complete_team },
};

void load_open_words(lua_State *L)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        lua_pushinteger(L, (lua_Integer)i);
        lua_pushcclosure(L, say_word, 1);
        lua_setfield(L, -2, kinds[i].word);
    }
}

/* After a complaint about `provider`, the braces that follow are still to be swallowed. */
static int swallow(lua_State *L)
{
    (void)L;
    return 0;
}

static int say_single(lua_State *L, const struct word_kind *kind, int line)
{
    struct load_place place = { line, kind->word };
    if (lua_type(L, 1) != LUA_TTABLE) {
        load_complain(L, &place, "it takes settings in braces, not %s: %s { ... }", load_type(L, 1), kind->word);
        lua_pushcfunction(L, swallow);
        return 1;
    }
    void *declaration = kind->begin(load_of(L), TEXT_NONE, line);
    if (declaration != NULL && kind->begin == begin_budget)
        load_read_budgets(L, 1, &place, NULL, declaration);
    else if (declaration != NULL)
        load_read_settings(L, 1, &place, kind->word, declaration);
    return 0;
}

static int say_word(lua_State *L)
{
    const struct word_kind *kind = &kinds[lua_tointeger(L, lua_upvalueindex(1))];
    struct load_lua *l = load_of(L);
    int line = load_line(L);
    struct load_place place = { line, kind->word };
    struct text name = TEXT_NONE;

    if (!kind->named || (kind->begin == begin_policy && lua_type(L, 1) == LUA_TTABLE))
        return say_single(L, kind, line);
    if (lua_type(L, 1) != LUA_TSTRING)
        load_complain(L, &place, "its name comes before the braces: %s \"name\" { ... }", kind->word);
    if (lua_type(L, 1) != LUA_TSTRING || !load_read_string(L, 1, &place, "its name", &name)) {
        lua_pushcfunction(L, swallow);
        return 1;
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushlightuserdata(L, kind->begin(l, name, line));
    lua_pushinteger(L, line);
    lua_pushstring(L, arena_printf(l->declared->arena, "%s \"%.*s\"", kind->word, TEXT_ARG(name)));
    lua_pushcclosure(L, say_settings, 4);
    return 1;
}

static int say_settings(lua_State *L)
{
    const struct word_kind *kind = &kinds[lua_tointeger(L, lua_upvalueindex(1))];
    void *declaration = lua_touserdata(L, lua_upvalueindex(2));
    struct load_place place = { (int)lua_tointeger(L, lua_upvalueindex(3)), lua_tostring(L, lua_upvalueindex(4)) };
    bool *complete = kind->complete(declaration);

    if (*complete)
        load_complain(L, &place, "it was already given its settings");
    else if (lua_type(L, 1) != LUA_TTABLE)
        load_complain(L, &place, "it takes settings in braces, not %s", load_type(L, 1));
    else
        load_read_settings(L, 1, &place, kind->word, declaration);
    *complete = true;
    return 0;
}

/* For words that are given once: the line becomes theirs, or the second one is refused. */
static bool once(struct load_lua *l, const char *word, int *said, int line)
{
    if (*said > 0) {
        complain(l->complaints, line, "%s: it was already said in line %d", word, *said);
        return false;
    }
    *said = line > 0 ? line : 1;
    return true;
}

static void *begin_listen(struct load_lua *l, struct text name, int line)
{
    (void)name;
    return once(l, "listen", &l->declared->listen.line, line) ? &l->declared->listen : NULL;
}

static void *begin_plugins(struct load_lua *l, struct text name, int line)
{
    (void)name;
    return once(l, "plugins", &l->declared->plugins.line, line) ? &l->declared->plugins : NULL;
}

static void *begin_budget(struct load_lua *l, struct text name, int line)
{
    struct declare_all_budget *all = &l->declared->budget;
    (void)name;
    return once(l, "budget", &all->line, line) ? &all->budgets : NULL;
}

static void *begin_ledger(struct load_lua *l, struct text name, int line)
{
    (void)name;
    l->declared->ledger.sync_ns = CONFIG_LEDGER_SYNC_NS;
    l->declared->ledger.wait_ns = CONFIG_LEDGER_WAIT_NS;
    l->declared->ledger.wait_stream_ns = CONFIG_LEDGER_WAIT_STREAM_NS;
    l->declared->ledger.doubt_ttl_ns = CONFIG_LEDGER_DOUBT_TTL_NS;
    l->declared->ledger.keep_days = CONFIG_LEDGER_KEEP_DAYS;
    return once(l, "ledger", &l->declared->ledger.line, line) ? &l->declared->ledger : NULL;
}

static void *begin_store(struct load_lua *l, struct text name, int line)
{
    (void)name;
    return once(l, "store", &l->declared->store.line, line) ? &l->declared->store : NULL;
}

static void *begin_cache(struct load_lua *l, struct text name, int line)
{
    (void)name;
    l->declared->cache.mb = CONFIG_CACHE_MB;
    l->declared->cache.ttl_s = CONFIG_CACHE_TTL_S;
    return once(l, "cache", &l->declared->cache.line, line) ? &l->declared->cache : NULL;
}

static void *begin_capture(struct load_lua *l, struct text name, int line)
{
    (void)name;
    struct declare_capture *capture = &l->declared->capture;
    if (!once(l, "capture", &capture->line, line))
        return NULL;
    capture->share = CONFIG_CAPTURE_SHARE;
    capture->days = CONFIG_CAPTURE_DAYS;
    capture->mb = CONFIG_CAPTURE_MB;
    return capture;
}

static void *begin_counters(struct load_lua *l, struct text name, int line)
{
    (void)name;
    l->declared->counters.gateways = CONFIG_GATEWAYS;
    return once(l, "counters", &l->declared->counters.line, line) ? &l->declared->counters : NULL;
}

static void *begin_limits(struct load_lua *l, struct text name, int line)
{
    (void)name;
    return once(l, "limits", &l->declared->limits.line, line) ? &l->declared->limits.values : NULL;
}

static void *begin_cors(struct load_lua *l, struct text name, int line)
{
    (void)name;
    return once(l, "cors", &l->declared->cors.line, line) ? &l->declared->cors : NULL;
}

static void *begin_metrics(struct load_lua *l, struct text name, int line)
{
    (void)name;
    return once(l, "metrics", &l->declared->metrics.line, line) ? &l->declared->metrics : NULL;
}

static void *begin_admin(struct load_lua *l, struct text name, int line)
{
    (void)name;
    return once(l, "admin", &l->declared->admin.line, line) ? &l->declared->admin : NULL;
}

/* The others form lists, in the order of the file. */
#define APPEND(declared, type, last, ...)                                                                              \
    __extension__({                                                                                                    \
        struct type *it_ = arena_new((declared)->arena, struct type);                                                  \
        *it_ = (struct type){ __VA_ARGS__ };                                                                           \
        *(declared)->last = it_;                                                                                       \
        (declared)->last = &it_->next;                                                                                 \
        it_;                                                                                                           \
    })

static void *begin_provider(struct load_lua *l, struct text name, int line)
{
    return APPEND(l->declared, declare_provider, last_provider, .line = line, .name = name);
}

static void *begin_model(struct load_lua *l, struct text name, int line)
{
    return APPEND(l->declared, declare_model, last_model, .line = line, .name = name,
                  .retry.attempts = CONFIG_DEFAULT_ATTEMPTS, .shadow = { .sample = 0.01, .usd = -1 },
                  .lossy = TEXT("drop"), .cache = true);
}

static void *begin_team(struct load_lua *l, struct text name, int line)
{
    return APPEND(l->declared, declare_team, last_team, .line = line, .name = name, .cache = true);
}

static void *begin_project(struct load_lua *l, struct text name, int line)
{
    return APPEND(l->declared, declare_label, last_project, .line = line, .name = name);
}

static void *begin_tag(struct load_lua *l, struct text name, int line)
{
    return APPEND(l->declared, declare_label, last_tag, .line = line, .name = name);
}

static void *begin_key(struct load_lua *l, struct text name, int line)
{
    (void)name;
    return APPEND(l->declared, declare_key, last_key, .line = line, .enabled = true);
}

static void *begin_policy(struct load_lua *l, struct text name, int line)
{
    return APPEND(l->declared, declare_policy, last_policy, .line = line, .file = name, .complete = name.ptr == NULL,
                  .cpu_ns = CONFIG_POLICY_CPU_NS, .wait_ns = CONFIG_POLICY_WAIT_NS,
                  .llm_wait_ns = CONFIG_POLICY_LLM_WAIT_NS, .memory_bytes = CONFIG_POLICY_MEMORY,
                  .retries = CONFIG_POLICY_RETRIES);
}

static bool *complete_provider(void *declaration)
{
    return &((struct declare_provider *)declaration)->complete;
}

static bool *complete_model(void *declaration)
{
    return &((struct declare_model *)declaration)->complete;
}

static bool *complete_team(void *declaration)
{
    return &((struct declare_team *)declaration)->complete;
}

static bool *complete_label(void *declaration)
{
    return &((struct declare_label *)declaration)->complete;
}

static bool *complete_policy(void *declaration)
{
    return &((struct declare_policy *)declaration)->complete;
}
