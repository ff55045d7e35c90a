/* state.h - the Lua state of one policy on one worker, with its bounds: memory by its own allocator, steps and CPU time by a hook that
 * also the functions written in C count for. Only script/ includes this. */
#ifndef SCRIPT_STATE_H
#define SCRIPT_STATE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "config/config.h"
#include "script/script.h"
#include "script/store.h"

#define STATE_EVENTS 32u

struct script_shared {
    struct store *numbers, *texts; /* of gw.counter, of gw.cache */
};

/* What a hook may change of a request: as it was before, for a hook that fails or only observes. */
struct script_before {
    struct ask *ask;
    const struct talk *talk;
    struct script_unit *units;
    size_t unit_count;
    struct script_response response;
    struct script_put *sends, *replies;
    struct script_restore *restores;
    size_t restore_count;
    bool edited;
};

/* What a run has left of its bounds, while it waits. */
struct script_bounds {
    int64_t left, cpu_left_ns; /* cpu_left_ns -1: the clock was not asked */
    bool big;
};

/* One hook of one request: run.c. Arena; one after the other. */
struct script_run {
    struct script_request *req;
    enum script_hook hook;
    size_t index;               /* of its policy */
    struct script_trace *trace; /* arena */
    struct script_targets *targets;
    const struct script_done *done;
    enum script_verdict verdict;
    const char *wrong; /* with what it returned; static */
    struct script_state *state;
    lua_State *co; /* its coroutine, and the reference of it */
    int ref;
    struct script_request **at; /* of the userdata; NULL: the hook has ended */
    struct script_ask *ask;     /* what it waits for, or has waited for last */
    struct script_bounds bounds;
    int64_t wait_from_ns, wait_left_ns, llm_left_ns;
    bool queued; /* it has not begun: it waits for its turn */
    struct script_run *next;
    struct script_response *response;
    struct script_before before;
};

struct script_state {
    lua_State *L;
    const struct config *config;
    struct config_policy *policy;
    struct script_shared *shared;
    size_t memory;       /* bytes that the state holds */
    int64_t left, look;  /* steps that the run may still make; at how many the clock is asked next */
    int64_t cpu_end_ns;  /* 0: the clock was not asked yet */
    int64_t cpu_ns;      /* what the run may take */
    const char *stopped; /* why the run must end, static or `why`; no pcall keeps it */
    char why[160];
    int return_line;                      /* of the file: where the last function of it returned; 0: none did */
    bool big;                             /* the run has made a very long text: the clock is looked at more often */
    bool broken;                          /* it has no memory left: closed before its next hook */
    unsigned kept;                        /* tables of requests that are not over, req.vars; hooks that wait */
    unsigned suspended;                   /* hooks that have begun, and wait */
    bool woken;                           /* the first of the queue was */
    struct script_run *first, *last;      /* hooks that wait for their turn */
    size_t collected;                     /* bytes that were left after all garbage was collected last */
    struct script_state *next;            /* of those that end */
    bool took_args;                       /* gw.args was called */
    const struct module_loading *loading; /* the module that is being loaded; NULL: none */
    char *events[STATE_EVENTS];           /* names that gw.count was given */
    size_t event_count;
    struct script_run *run;  /* whose turn it is; NULL: the file is being loaded */
    int hooks[SCRIPT_HOOKS]; /* references of the functions; LUA_NOREF: it has none */
    struct buf text;         /* being written; kept from call to call, so that an error leaves nothing behind */
    struct arena scratch;    /* of JSON that is read; the same */
    int idle;                /* reference of a coroutine that is free; LUA_NOREF: none */
};

/* Loads the policy. `config` and `shared` are kept. NULL with `fail`: "scripts/x.lua:3: ...". Given. */
struct script_state *state_new(const struct config *config, struct config_policy *policy, struct script_shared *shared,
                               struct fail *fail);
void state_free(struct script_state *s);
struct script_state *state_of(lua_State *L);
/* Bounds for what runs next. */
void state_budget(struct script_state *s, int64_t cpu_ns);
/* The run waits: what it has left, for state_go_on(). */
void state_pause(struct script_state *s, struct script_bounds *left);
void state_go_on(struct script_state *s, const struct script_bounds *left);
/* Do hooks that wait hold more than half of the memory? */
bool state_is_full(struct script_state *s);
/* `steps` more of about an instruction each. NULL, or why the run must end now: kept in the state, as state_spend() raises it. */
const char *state_charge(struct script_state *s, int64_t steps);
/* `steps` more of about an instruction each, by a function written in C: raises when the run has used up its bounds. */
void state_spend(lua_State *L, int64_t steps);
/* Of an error's text: does it begin with a file of the policy's? */
bool state_is_placed(const struct script_state *s, const char *text);
/* Where it stands: the innermost function of a file. False: in none. *file is valid until the next call. */
bool state_place(lua_State *L, const char **file, int *line);
/* Raises again what no pcall may keep. For pcall. */
void state_check(lua_State *L, int status);
/* The error on top of `L`, which has ended with `status`: "scripts/x.lua:3: ...". Allocates nothing in the state. */
void state_explain(lua_State *L, int status, struct fail *fail);
/* A coroutine for a hook, with an empty stack, until state_release() with the same *ref. NULL: no memory. */
lua_State *state_coroutine(struct script_state *s, int *ref);
/* `usable`: it ended without an error, and another hook may have it. */
void state_release(struct script_state *s, lua_State *co, int ref, bool usable);

/* sandbox.c: leaves the table of globals on the stack. */
void sandbox_open(lua_State *L);
/* meter.c: the functions of string and table, counted. Each fills the table on top of the stack. */
void meter_open_string(lua_State *L);
void meter_open_table(lua_State *L);
void meter_open_utf8(lua_State *L);
/* pattern.c: find, match, gmatch, gsub into the table on top of the stack. */
void pattern_open(lua_State *L);

#endif
