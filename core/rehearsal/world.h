/* world.h - the gateway as a test of a policy has it: no server, no network, an empty store at each case, a clock that stands still.
 * Only rehearsal/ includes this. One thread. */
#ifndef REHEARSAL_WORLD_H
#define REHEARSAL_WORLD_H

#include <lua.h>

#include "base/arena.h"
#include "config/config.h"
#include "script/script.h"

enum { WORLD_LLMS = 16, WORLD_PLACES = 16, WORLD_TEAMS = 64 };

/* One policy, or all of gateway.lua: a configuration with these policies alone. In world.arena. */
struct stage {
    struct stage *next;
    struct config config; /* a copy of the operator's; never unref'd */
    struct config_policy policy;
    struct script_worker *worker; /* of the case; NULL: not open yet */
    bool own;                     /* not the block of gateway.lua: what the test declares is what it may ask */
};

/* A request of a case. */
struct played {
    struct played *next;
    struct world *world;
    struct stage *stage;
    struct arena arena;
    struct ask ask;
    struct script_request req;
    struct script_targets targets;
    struct script_response *response; /* that on_response saw last; NULL: none */
    struct script_ask *asks;          /* what its hook waits for */
    struct script_trace *shown;       /* the last trace that was reported; NULL: none */
    struct script_note *events, **last_event;
    bool finished;
};

struct balance {
    struct balance *next;
    enum script_whose whose;
    enum config_period per;
    struct text name;
    struct script_spend sum;
};

struct world {
    const struct config *base;
    const char *folder; /* of the test's file, with / at its end, or "" */
    lua_State *L;       /* of the test */
    int answers;        /* reference of the function that stands for places and models */
    struct arena arena, of_case;
    struct stage *stages;
    struct played *played;
    struct script_shared *shared;
    struct balance *balances;
    int64_t now_ms;
    struct text llms[WORLD_LLMS], teams[WORLD_TEAMS];
    const char *places[WORLD_PLACES];
    size_t llm_count, place_count, team_count;
};

void world_open(struct world *w, const struct config *base, const char *folder, lua_State *L);
void world_close(struct world *w);
/* The functions of the test's prelude, as a table on the stack. */
void world_push(struct world *w);
/* The next case begins: what the one before has left goes. */
void world_begin(struct world *w);
struct world *world_of(lua_State *L);

/* stage.c: Lua functions. load(file?, args?) -> stage; raises what is wrong with the policy. */
int stage_load(lua_State *L);
/* With the worker open. Raises. */
void stage_open(lua_State *L, struct stage *s);
void stage_close(struct stage *s);
/* Teams, models and places that the case has declared are there now. */
void stage_declare(struct world *w, struct stage *s);

/* play.c: play(stage, request or played, hook, more?) -> result, played */
int play(lua_State *L);
void play_end(struct played *p);
/* answer.c: shows the answer in the table at `index` to on_response. */
enum script_verdict answer_show(lua_State *L, int index, struct played *p);
/* It was dropped: the request is what is asked now. */
void answer_retry(struct played *p);
/* The member "usage" of the table at `index`. */
const struct usage *answer_usage(lua_State *L, int index, struct played *p);
/* show.c: what a hook has decided and done, as a table on the stack. */
void show(lua_State *L, struct played *p, enum script_verdict verdict);
/* Lua: the JSON of a text, a number or a boolean. */
int write_json(lua_State *L);

/* The member of the table at `index`, kept in `arena`; absent where it is nil. */
struct text world_text(lua_State *L, int index, const char *name, struct arena *arena);
/* `t`, or where it is absent the literal. */
struct text world_or(struct text t, const char *literal);
int64_t world_int(lua_State *L, int index, const char *name, int64_t otherwise);
int64_t world_nano(lua_State *L, int index, const char *name, int64_t otherwise);

#endif
